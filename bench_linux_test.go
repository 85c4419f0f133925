package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"interdict/testdata/bench"
	labs "interdict/testdata/lab"
)

// built is the program as people get it, which a test binary is not.
func built(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "interdict")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	kernelWorks(t, path)
	return path
}

// enclosed is a cgroup of a benchmark, with how to start a process in it.
func enclosed(t *testing.T) (path string, into *syscall.SysProcAttr) {
	t.Helper()
	path, err := labs.MakeGroup("interdict-bench-")
	need(t, "ebpf", err)
	t.Cleanup(func() { os.Remove(path) })
	dir, err := os.Open(path)
	need(t, "ebpf", err)
	t.Cleanup(func() { dir.Close() })
	return path, &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func TestMeasureTheFirstScreen(t *testing.T) {
	bench.Wanted(t)
	program := built(t)
	group, into := enclosed(t)
	storm := bench.NewStorm(t).Command(bench.Executions{Mark: "first", Count: 1 << 30, Rate: 200})
	storm.SysProcAttr = into
	if err := storm.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { stop(t, storm, group) }()
	var floor, first, live []float64
	for range 15 {
		began := time.Now()
		if err := exec.Command(program, "--version").Run(); err != nil {
			t.Fatal(err)
		}
		floor = append(floor, milliseconds(time.Since(began)))
		began = time.Now()
		console := startTerminal(t, 120, 40, program, "--state", t.TempDir(), "--scope", group)
		console.wait("the first screen", `interdict`, `STANDING`)
		first = append(first, milliseconds(time.Since(began)))
		console.wait("events of the kernel", `[1-9][0-9 ]* executions? judged`)
		live = append(live, milliseconds(time.Since(began)))
		console.press("q")
		<-console.ended
	}
	tell := func(name string, all []float64, most float64) {
		bench.Tell(t, bench.Figure{Name: name, Value: bench.Median(all), Unit: "ms", Peer: "the same program saying its version", PeerValue: bench.Median(floor), Most: most})
	}
	tell("first screen", first, 12)
	tell("live kernel events on the screen", live, 60)
}

// stop ends what a benchmark started in its cgroup.
func stop(t *testing.T, cmd *exec.Cmd, group string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(group, "cgroup.kill"), []byte("1"), 0); err != nil {
		t.Error(err)
	}
	cmd.Wait()
	for range 100 {
		if b, err := os.ReadFile(filepath.Join(group, "cgroup.procs")); err != nil || len(b) == 0 {
			return
		}
		waitBriefly()
	}
}

func TestMeasureAnIdleConsole(t *testing.T) {
	bench.Wanted(t)
	group, _ := enclosed(t)
	console := startTerminal(t, 120, 40, built(t), "--state", t.TempDir(), "--scope", group)
	console.wait("the first screen with the sensor at work", `ebpf ok`, `STANDING`)
	<-time.After(10 * time.Second)
	wrote, used := console.wrote(), cpu(t, console.pid)
	anonymous, locked := status(t, console.pid, "RssAnon"), 32.0
	<-time.After(10 * time.Second)
	used = cpu(t, console.pid) - used
	bench.Tell(t, bench.Figure{Name: "anonymous memory, idle", Value: anonymous / 1024, Unit: "MiB", Peer: "stated", PeerValue: 60, Most: 1})
	bench.Tell(t, bench.Figure{Name: "ring in kernel memory", Value: locked, Unit: "MiB"})
	bench.Tell(t, bench.Figure{Name: "written to the terminal, idle for 10 s", Value: float64(console.wrote() - wrote), Unit: "bytes"})
	bench.Tell(t, bench.Figure{Name: "CPU, idle for 10 s", Value: used.Seconds(), Unit: "s", Peer: "one CPU", PeerValue: 10, Most: 0.01})
}

func (x *terminal) wrote() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.raw.Len()
}

// status is a figure of /proc/PID/status, in KiB.
func status(t *testing.T, pid int, field string) float64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(field + `:\s+(\d+) kB`).FindSubmatch(b)
	if m == nil {
		t.Fatalf("no %s in %s", field, b)
	}
	n, _ := strconv.ParseFloat(string(m[1]), 64)
	return n
}

// cpu is the CPU time that a process has used.
func cpu(t *testing.T, pid int) (used time.Duration) {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(tasks) == 0 {
		t.Fatal("no scheduler statistics: ", err)
	}
	for _, task := range tasks {
		b, err := os.ReadFile(task)
		if err != nil {
			continue // the thread has ended
		}
		ns, _, _ := bytes.Cut(b, []byte(" "))
		n, _ := strconv.ParseInt(string(ns), 10, 64)
		used += time.Duration(n)
	}
	return used
}

// From the execution of a transfer tool to its alert on the screen, while the
// machine executes 5,000 other programs a second.
func TestMeasureFromExecutionToAlert(t *testing.T) {
	bench.Wanted(t)
	const rate, probes = 5000, 200
	program := built(t)
	group, into := enclosed(t)
	storm := bench.NewStorm(t).Command(bench.Executions{Mark: "background", Count: 1 << 30, Loops: 2, Rate: rate})
	storm.SysProcAttr = into
	tool := filepath.Join(t.TempDir(), "scp")
	if err := os.Rename(bench.Noop(t), tool); err != nil {
		t.Fatal(err)
	}
	console := startTerminal(t, 120, 40, program, "--state", t.TempDir(), "--scope", group)
	console.wait("the first screen with the sensor at work", `ebpf ok`, `STANDING`)
	echo := startTerminal(t, 120, 40, "cat")
	if err := storm.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { stop(t, storm, group) }()
	other := bench.Noop(t)
	run := func(program string, args ...string) {
		pid, err := syscall.ForkExec(program, args, &syscall.ProcAttr{Sys: into})
		if err != nil {
			t.Fatal(err)
		}
		syscall.Wait4(pid, nil, 0, nil)
	}
	var alert, floor []float64
	for i := range probes {
		<-time.After(time.Duration(40+i%7*10) * time.Millisecond)
		began := time.Now()
		run(tool, "scp", fmt.Sprintf("file-%d", i), "host:")
		console.waitFor("alert "+strconv.Itoa(i), func(screen string) bool { return alerts(screen) > i })
		alert = append(alert, milliseconds(time.Since(began)))

		began = time.Now()
		run(other, "noop")
		word := fmt.Sprintf("word-%d-", i)
		echo.press(word)
		echo.waitFor(word, func(screen string) bool { return strings.Contains(screen, word) })
		echo.press("\r")
		floor = append(floor, milliseconds(time.Since(began)))
	}
	screen := console.screen.String()
	for q, most := range map[float64]float64{0.5: 20, 0.99: 100} {
		bench.Tell(t, bench.Figure{Name: fmt.Sprintf("execution to alert on the screen at %d other executions a second, p%.0f", rate, 100*q),
			Value: bench.Quantile(alert, q), Unit: "ms", Peer: "execution to word on the screen", PeerValue: bench.Quantile(floor, q), Most: most})
	}
	if !strings.Contains(screen, "lost 0") {
		t.Errorf("something was lost:\n%s", screen)
	}
}

var tallied = regexp.MustCompile(`(\d[\d ]*) (sending|running|ended)`)

// alerts is how many a console shows that it has.
func alerts(screen string) (n int) {
	for _, m := range tallied.FindAllStringSubmatch(strings.Join(strings.SplitN(screen, "\n", 3)[:2], "\n"), -1) {
		k, _ := strconv.Atoi(strings.ReplaceAll(m[1], " ", ""))
		n += k
	}
	return n
}

// whenWritten says when a text comes to stand in the newest log of an archive.
func whenWritten(t *testing.T, dir, text string) <-chan time.Time {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("no log in %s: %v", dir, err)
	}
	log, err := os.Open(logs[len(logs)-1])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Seek(0, io.SeekEnd); err != nil {
		t.Fatal(err)
	}
	out := make(chan time.Time, 1)
	go func() {
		defer log.Close()
		var more []byte
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Microsecond) {
			b, _ := io.ReadAll(log)
			if more = append(more, b...); bytes.Contains(more, []byte(text)) {
				break
			}
		}
		out <- time.Now()
	}()
	return out
}

// A thousand transfers a minute, each an alert of its own, for some minutes; then
// as many at once as can be open. The store is the log that the archive writes:
// when an execution stands in it is seen by reading that file, from outside.
func TestMeasureAThousandAlertsAMinute(t *testing.T) {
	bench.Wanted(t)
	minutes := 3
	if n, err := strconv.Atoi(os.Getenv("INTERDICT_BENCH_MINUTES")); err == nil {
		minutes = n
	}
	program := built(t)
	group, into := enclosed(t)
	tool := filepath.Join(t.TempDir(), "scp")
	if err := os.Rename(bench.Noop(t), tool); err != nil {
		t.Fatal(err)
	}
	state := t.TempDir()
	console := startTerminal(t, 120, 40, program, "--state", state, "--scope", group)
	console.wait("the first screen with the sensor at work", `ebpf ok`, `STANDING`)
	n := 0
	run := func() {
		pid, err := syscall.ForkExec(tool, []string{"scp", fmt.Sprintf("file-%d", n), "host:"}, &syscall.ProcAttr{Sys: into})
		if err != nil {
			t.Fatal(err)
		}
		syscall.Wait4(pid, nil, 0, nil)
		n++
	}
	var latency, stored []float64
	memory := status(t, console.pid, "RssAnon")
	next, began, used := time.Now(), time.Now(), cpu(t, console.pid)
	for i := range 1000 * minutes {
		<-time.After(time.Until(next))
		next = next.Add(time.Minute / 1000)
		if i%10 > 0 {
			run()
			continue
		}
		written := whenWritten(t, filepath.Join(state, "archive"), fmt.Sprintf("file-%d", n))
		at := time.Now()
		run()
		console.waitFor("alert "+strconv.Itoa(n), func(screen string) bool { return alerts(screen) >= n })
		latency = append(latency, milliseconds(time.Since(at)))
		stored = append(stored, milliseconds((<-written).Sub(at)))
	}
	took := time.Since(began)
	used = cpu(t, console.pid) - used
	first, last := latency[:50], latency[len(latency)-50:]
	bench.Tell(t, bench.Figure{Name: "alerts on the screen within a minute", Value: float64(n) / took.Minutes(), Unit: "alerts", Peer: "raised", PeerValue: 1000})
	bench.Tell(t, bench.Figure{Name: "execution to alert on the screen, the last 500, p50", Value: bench.Quantile(last, 0.5), Unit: "ms", Peer: "the first 500", PeerValue: bench.Quantile(first, 0.5), Most: 10})
	bench.Tell(t, bench.Figure{Name: "execution to alert on the screen, the last 500, p99", Value: bench.Quantile(last, 0.99), Unit: "ms", Peer: "the first 500", PeerValue: bench.Quantile(first, 0.99)})
	bench.Tell(t, bench.Figure{Name: "execution to its row in the store, the last 500, p50", Value: bench.Quantile(stored[len(stored)-50:], 0.5), Unit: "ms", Peer: "the first 500", PeerValue: bench.Quantile(stored[:50], 0.5)})
	bench.Tell(t, bench.Figure{Name: "execution to its row in the store, p99", Value: bench.Quantile(stored, 0.99), Unit: "ms", Peer: "to the screen", PeerValue: bench.Quantile(latency, 0.99)})
	bench.Tell(t, bench.Figure{Name: "CPU of the console meanwhile", Value: used.Seconds() / took.Seconds(), Unit: "cores"})
	bench.Tell(t, bench.Figure{Name: "anonymous memory after it", Value: status(t, console.pid, "RssAnon") / 1024, Unit: "MiB", Peer: "before", PeerValue: memory / 1024})
	for n < 10_000 {
		run()
	}
	console.wait("most of them", `[1-9][0-9]? [0-9]{3} ended`)
	pressing(t, console, "right after the burst")
	console.wait("all of them", `10 [0-9]{3} ended`)
	pressing(t, console, "once all are shown")
	bench.Tell(t, bench.Figure{Name: "anonymous memory with as many", Value: status(t, console.pid, "RssAnon") / 1024, Unit: "MiB"})
}

// pressing moves the cursor up and down and measures until something of it is painted.
func pressing(t *testing.T, console *terminal, when string) {
	t.Helper()
	var keys []float64
	used := cpu(t, console.pid)
	for i := range 60 {
		wrote, at := console.wrote(), time.Now()
		console.press([]string{"\x1b[B", "\x1b[A"}[i/30])
		for console.wrote() == wrote {
			time.Sleep(200 * time.Microsecond)
		}
		keys = append(keys, milliseconds(time.Since(at)))
	}
	used = cpu(t, console.pid) - used
	tell := func(what string, value float64) {
		bench.Tell(t, bench.Figure{Name: fmt.Sprintf("key to frame with %d open alerts, %s, %s", alerts(console.screen.String()), when, what), Value: value, Unit: "ms"})
	}
	tell("p50", bench.Quantile(keys, 0.5))
	tell("slowest", bench.Quantile(keys, 1))
	tell("CPU each", milliseconds(used)/float64(len(keys)))
}
