package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"

	labs "interdict/testdata/lab"
	"interdict/testdata/part"
)

// need is for a part that is there unless it could not be had.
func need(t *testing.T, name string, err error) {
	t.Helper()
	if err != nil {
		part.Missing(t, name, err)
	}
}

// lab is the two hosts of testdata/lab, in a cgroup of their own.
type lab struct {
	t     *testing.T
	dir   string
	group string
}

func newLab(t *testing.T, megabytes, megabits int) *lab {
	t.Helper()
	if os.Geteuid() != 0 {
		need(t, "lab", fmt.Errorf("wants root"))
	}
	for _, tool := range []string{"ip", "nsenter", "unshare", "sshd", "ssh", "scp", "busybox", "curl", "rsync", "setpriv"} {
		_, err := exec.LookPath(tool)
		need(t, "lab", err)
	}
	l := &lab{t: t, dir: filepath.Join(t.TempDir(), "lab")}
	group, err := labs.MakeGroup("interdict-test-")
	need(t, "lab", err)
	l.group = group
	os.Chmod(filepath.Dir(l.dir), 0o755) // www-data reads its keys there
	os.Chmod(filepath.Dir(filepath.Dir(l.dir)), 0o755)
	t.Setenv("LAB_DIR", l.dir)
	t.Setenv("LAB_CGROUP", l.group)
	t.Setenv("LAB_MB", strconv.Itoa(megabytes))
	t.Setenv("LAB_RATE", strconv.Itoa(megabits))
	t.Cleanup(func() {
		l.run("down")
		if t.Failed() {
			return
		}
		for range 100 { // the kernel lets go of the last process a moment later
			if os.Remove(l.group) == nil {
				return
			}
			waitBriefly()
		}
	})
	l.run("up")
	return l
}

// waitBriefly is the pause of a bounded wait that has nothing to wait on.
func waitBriefly() { <-time.After(20 * time.Millisecond) }

func (l *lab) run(args ...string) string {
	l.t.Helper()
	out, err := exec.Command("testdata/lab/lab", args...).CombinedOutput()
	if err != nil {
		l.t.Fatalf("lab %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// arrived is how many bytes of the archive the far end has.
func (l *lab) arrived() int64 {
	out, err := exec.Command("testdata/lab/lab", "out", "stat", "-c", "%s", "/home/deploy/in/customers.tar.gz").Output()
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return n
}

// terminal runs a program on a real pty behind a terminal emulator.
type terminal struct {
	t      *testing.T
	pid    int
	pty    *os.File
	screen *vt.SafeEmulator
	more   chan struct{}
	ended  chan error
	raw    *bytes.Buffer
	mu     sync.Mutex
}

func startTerminal(t *testing.T, width, height int, name string, args ...string) *terminal {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "COLORTERM=", "NO_COLOR=")
	p, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: uint16(height), Cols: uint16(width)})
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, pid: cmd.Process.Pid, pty: p, screen: vt.NewSafeEmulator(width, height), more: make(chan struct{}, 1), ended: make(chan error, 1), raw: &bytes.Buffer{}}
	go term.read()
	go func() { // answers to what the program asks the terminal
		b := make([]byte, 256)
		for {
			n, err := term.screen.Read(b)
			if err != nil {
				return
			}
			p.Write(b[:n])
		}
	}()
	go func() { term.ended <- cmd.Wait() }()
	t.Cleanup(func() {
		cmd.Process.Kill()
		p.Close()
	})
	return term
}

func (x *terminal) read() {
	b := make([]byte, 32<<10)
	for {
		n, err := x.pty.Read(b)
		x.screen.Write(b[:n])
		x.mu.Lock()
		x.raw.Write(b[:n])
		x.mu.Unlock()
		select {
		case x.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// wait waits for the screen to hold all of the patterns at once.
func (x *terminal) wait(what string, patterns ...string) (screen string) {
	x.t.Helper()
	x.waitFor(what, func(now string) bool {
		screen = now
		for _, p := range patterns {
			if !regexp.MustCompile(p).MatchString(now) {
				return false
			}
		}
		return true
	})
	return screen
}

// waitFor waits for the screen to be as it should.
func (x *terminal) waitFor(what string, fits func(screen string) bool) {
	x.t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		screen := x.screen.String()
		if fits(screen) {
			return
		}
		select {
		case <-x.more:
		case <-deadline:
			x.t.Fatalf("the screen never showed %s:\n%s", what, screen)
		}
	}
}

func (x *terminal) press(keys string) {
	x.t.Helper()
	if _, err := x.pty.WriteString(keys); err != nil {
		x.t.Fatal(err)
	}
}

const (
	enter  = "\r"
	tab    = "\t"
	escape = "\x1b"
)

// approve goes to the dialog's button and presses it when it is armed.
func (x *terminal) approve(button string) {
	x.t.Helper()
	x.wait("the plan", `Cancel`, button)
	x.press(tab)
	x.wait("the armed button", `(?i)enter.*`+button+`|armed|▸ *`+button+`|\[ `+button+` \]`)
	<-time.After(time.Second) // the dialog arms 400 ms after the last key
	x.press(enter)
}

// kernelWorks skips where the sensor cannot be loaded.
func kernelWorks(t *testing.T, program string) {
	t.Helper()
	out, err := exec.Command(program, "doctor", "--json").Output()
	need(t, "ebpf", err)
	for line := range strings.SplitSeq(strings.TrimSpace(string(out)), "\n") {
		var check struct{ Name, State, Detail string }
		if json.Unmarshal([]byte(line), &check) == nil && check.Name == "sensor" && check.State == "no" {
			need(t, "ebpf", fmt.Errorf("%s", check.Detail))
		}
	}
}

// The main job, whole: somebody copies data out of this machine with scp from a
// script in memory, and the person at the console sees it, understands it and
// stops it.
func TestSomebodyRunsSCPAndThePersonAtTheConsoleStopsIt(t *testing.T) {
	program := executable(t)
	kernelWorks(t, program)
	l := newLab(t, 40, 16)
	state := filepath.Join(t.TempDir(), "state")
	console := startTerminal(t, 120, 40, program, "--state", state, "--scope", l.group)
	console.wait("the first screen with the sensor at work", `ebpf ok`, `STANDING`)

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	attack := exec.CommandContext(ctx, "testdata/lab/lab", "attack")
	if err := attack.Start(); err != nil {
		t.Fatal(err)
	}
	screen := console.wait("the theft", `SENDING`, `scp ◂ \.x\.sh ◂ busybox`, `203\.0\.113\.9`, `LIKELY THEFT`, `customers\.tar\.gz`)
	t.Log(screen)

	console.press(enter)
	screen = console.wait("the answered guide", `Command line`, `Parent`, `Host`, `Time`, `System`, `BAD`)
	t.Log(screen)
	console.press(escape)
	console.wait("the list", `VERDICT`)

	console.press("F")
	console.approve("Freeze")
	screen = console.wait("the freeze", `(?i)frozen`, `(?i)verified|holds|stopped`)
	t.Log(screen)
	console.press(escape)
	console.wait("what stands", `STANDING.*frozen`)

	stopped := settled(t, l)
	console.press("K")
	console.approve("Kill")
	screen = console.wait("the kill", `(?i)killed|ended`)
	t.Log(screen)
	attack.Wait()
	if now := l.arrived(); now != stopped {
		t.Errorf("%d bytes arrived after the freeze had settled at %d", now-stopped, stopped)
	}
	if full := int64(40 << 20); stopped >= full {
		t.Errorf("all %d bytes arrived", stopped)
	}
	console.press(escape)
	console.wait("that nothing stands", `STANDING none`)
	console.press("q")
	out, err := exec.Command(program, "--state", state, "journal", "verify").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "whole: ") {
		t.Errorf("journal verify: %v: %s", err, out)
	}
}

// settled waits until what the far end has stays the same.
func settled(t *testing.T, l *lab) int64 {
	t.Helper()
	last, same := int64(-1), 0
	for range 500 {
		if n := l.arrived(); n == last {
			same++
		} else {
			last, same = n, 0
		}
		if same == 25 {
			return last
		}
		waitBriefly()
	}
	t.Fatal("bytes went on arriving after the freeze")
	return 0
}
