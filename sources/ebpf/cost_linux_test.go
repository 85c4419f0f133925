//go:build amd64 || arm64

package ebpf

import (
	"bytes"
	"cmp"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"interdict/testdata/bench"
)

// cost is what watching one storm took, in µs for one execution.
type cost struct {
	kernel float64 // of the programs in the kernel, where they are ours
	user   float64 // of the watching process
	whole  float64 // of storm and watching process together
	missed float64 // executions that were not told
}

// watcher watches one storm.
type watcher func(t *testing.T, storm *bench.Storm, what bench.Executions) cost

const costExecs, costRounds = 20_000, 5

// What watching costs: ours beside a program that only counts, and beside other
// tools where they are installed, in turns so that all meet the same machine.
func TestMeasureWhatAnExecutionCosts(t *testing.T) {
	bench.Wanted(t)
	kernelSource(t, Config{}).Close()
	stats, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
	if err != nil {
		t.Skip(err)
	}
	defer stats.Close()
	storm := bench.NewStorm(t)
	names := []string{"counting probe", "interdict", "execsnoop", "bpftrace"}
	watchers := map[string]watcher{"counting probe": countingProbe, "interdict": interdict}
	if path, err := exec.LookPath("execsnoop"); err == nil {
		watchers["execsnoop"] = peer("/noop ", path)
	}
	if path, err := exec.LookPath("bpftrace"); err == nil {
		watchers["bpftrace"] = peer("", path, "-e", "tracepoint:syscalls:sys_enter_execve { join(args->argv) }")
	}
	all := map[string][]cost{}
	for round := range costRounds {
		for _, name := range names {
			if w := watchers[name]; w != nil {
				all[name] = append(all[name], w(t, storm, bench.Executions{Mark: marker(t) + itoa(round), Count: costExecs, Loops: 2}))
			}
		}
	}
	median := func(name string, of func(cost) float64) float64 {
		var values []float64
		for _, c := range all[name] {
			values = append(values, of(c))
		}
		return bench.Median(values)
	}
	kernel, user := func(c cost) float64 { return c.kernel }, func(c cost) float64 { return c.user }
	whole, missed := func(c cost) float64 { return c.whole }, func(c cost) float64 { return c.missed }
	floor := median("counting probe", whole)
	tell := func(what, name, unit string, value float64, peer string, against, most float64) {
		bench.Tell(t, bench.Figure{Name: what + ": " + name, Value: value, Unit: unit, Peer: peer, PeerValue: against, Most: most})
	}
	tell("kernel side", "interdict", "µs/exec", median("interdict", kernel), "counting probe", median("counting probe", kernel), 40)
	tell("kernel side", "interdict", "µs/exec", median("interdict", kernel), "the execution itself", floor, 0.1)
	for _, name := range names[1:] {
		if all[name] == nil {
			continue
		}
		most := 0.0
		if name == "interdict" {
			most = 1.8
		}
		tell("storm and watcher", name, "µs/exec", median(name, whole), "storm and counting probe", floor, most)
		tell("missed", name, "executions", median(name, missed), "all", costExecs, 0)
		if name == "interdict" && all["execsnoop"] != nil {
			tell("user side", name, "µs/exec", median(name, user), "execsnoop", median("execsnoop", user), 4)
		} else {
			tell("user side", name, "µs/exec", median(name, user), "", 0, 0)
		}
	}
}

func (c cost) of(n int, kernel, user, storm time.Duration) cost {
	each := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / float64(n) }
	c.kernel, c.user, c.whole = each(kernel), each(user), each(user+storm)
	return c
}

// rage runs a storm and gives the CPU time that it took.
func rage(t *testing.T, storm *bench.Storm, what bench.Executions, attr *syscall.SysProcAttr) time.Duration {
	t.Helper()
	cmd := storm.Command(what)
	cmd.SysProcAttr = attr
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return bench.CPU(cmd)
}

// interdict stays inside of the storm's cgroup: what others execute meanwhile,
// with longer command lines, is not what is measured.
func interdict(t *testing.T, storm *bench.Storm, what bench.Executions) cost {
	t.Helper()
	cgroup := scope(t)
	attr := into(t, cgroup)
	s := kernelSource(t, Config{Scope: cgroup})
	defer s.Close()
	p := newPipeline(t, what)
	defer p.run(t, s)()
	syscallIn(t, bench.Noop(t), "first", attr)
	<-p.ready
	runtime.GC()
	kernel, user := kernelTime(t, s.programs.collection.Programs), ownCPU()
	p.mu.Lock()
	before := p.execs
	p.mu.Unlock()
	took := rage(t, storm, what, attr)
	p.finish(t, bench.Noop(t), attr)
	user = ownCPU() - user
	kernel = kernelTime(t, s.programs.collection.Programs) - kernel
	p.mu.Lock()
	n := p.execs - before
	p.mu.Unlock()
	c := cost{missed: float64(p.missed())}.of(n, kernel, user, took)
	c.whole = float64((user + took).Nanoseconds()) / 1000 / float64(what.Count)
	return c
}

// kernelTime is what the programs have run so far.
func kernelTime(t *testing.T, programs map[string]*ebpf.Program) (d time.Duration) {
	t.Helper()
	for _, p := range programs {
		stats, err := p.Stats()
		if err != nil {
			t.Fatal(err)
		}
		d += stats.Runtime
	}
	return d
}

// ownCPU is what this process has used so far.
func ownCPU() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// countingProbe is the floor: a program that adds one at every fork, exec and exit.
func countingProbe(t *testing.T, storm *bench.Storm, what bench.Executions) cost {
	t.Helper()
	counts, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 8, MaxEntries: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer counts.Close()
	programs := map[string]*ebpf.Program{}
	for _, at := range []string{"sched_process_fork", "sched_process_exec", "sched_process_exit"} {
		p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.RawTracepoint, License: "Dual BSD/GPL", Instructions: asm.Instructions{
			asm.StoreImm(asm.RFP, -4, 0, asm.Word),
			asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4),
			asm.LoadMapPtr(asm.R1, counts.FD()),
			asm.FnMapLookupElem.Call(),
			asm.JEq.Imm(asm.R0, 0, "out"),
			asm.Mov.Imm(asm.R1, 1), asm.StoreXAdd(asm.R0, asm.R1, asm.DWord),
			asm.Mov.Imm(asm.R0, 0).WithSymbol("out"), asm.Return(),
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		l, err := link.AttachRawTracepoint(link.RawTracepointOptions{Name: at, Program: p})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		programs[at] = p
	}
	took := rage(t, storm, what, nil)
	c := cost{}.of(what.Count, kernelTime(t, programs), 0, took)
	stats, err := programs["sched_process_exec"].Stats()
	if err != nil {
		t.Fatal(err)
	}
	c.kernel *= float64(what.Count) / float64(max(stats.RunCount, 1)) // those of others were counted as well
	return c
}

// withTracing runs a command where the kernel's trace file system is, which is
// not mounted everywhere.
const withTracing = `mount -t tracefs none /sys/kernel/tracing; mount -t debugfs none /sys/kernel/debug; exec "$@"`

// peer is another tool, which prints a line for every execution of the storm,
// with the words in it; "" stands for the storm's mark.
func peer(words, name string, args ...string) watcher {
	return func(t *testing.T, storm *bench.Storm, what bench.Executions) cost {
		t.Helper()
		cmd := exec.Command(need(t, "unshare"), append([]string{"-m", "sh", "-c", withTracing, "sh", name}, args...)...)
		var lines bytes.Buffer
		cmd.Stdout = &lines
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		before := settled(t, cmd.Process.Pid)
		took := rage(t, storm, what, nil)
		user := settled(t, cmd.Process.Pid) - before
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
		c := cost{missed: float64(what.Count - strings.Count(lines.String(), cmp.Or(words, what.Mark)))}
		return c.of(what.Count, 0, user, took)
	}
}

// settled waits until a process has had nothing to do for a while, and gives the
// CPU time that it used until then.
func settled(t *testing.T, pid int) time.Duration {
	t.Helper()
	last, still := int64(-1), 0
	for range 600 {
		<-time.After(50 * time.Millisecond)
		b, err := os.ReadFile(procPath(uint32(pid), "stat"))
		if err != nil {
			t.Fatal(err)
		}
		fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		user, _ := strconv.ParseInt(fields[11], 10, 64)
		system, _ := strconv.ParseInt(fields[12], 10, 64)
		if now := user + system; now != last {
			last, still = now, 0
		} else {
			still++
		}
		if still == 20 {
			return time.Duration(last) * tick
		}
	}
	t.Fatal("another tool never came to rest")
	return 0
}
