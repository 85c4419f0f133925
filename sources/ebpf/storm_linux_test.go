//go:build amd64 || arm64

package ebpf

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"interdict/testdata/bench"
	"interdict/testdata/part"
)

// storm starts n processes in some loops, each with its number as argument.
func storm(t testing.TB, program, mark string, n, loops int) {
	t.Helper()
	var wait sync.WaitGroup
	for loop := range loops {
		wait.Go(func() {
			for i := loop; i < n; i += loops {
				pid, err := syscall.ForkExec(program, []string{mark, strconv.Itoa(i)}, &syscall.ProcAttr{})
				if err != nil {
					t.Error(err)
					return
				}
				syscall.Wait4(pid, nil, 0, nil)
			}
		})
	}
	wait.Wait()
}

// counted gives how often each number of a storm was told.
func (r *recorder) counted(mark string, n int) (each []int, others int) {
	each = make([]int, n)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.frames {
		args, actions := f.Column("process.args"), f.Column("event.action")
		for i := range f.Rows {
			if actions.Text(i) != "exec" {
				continue
			}
			a := args.Texts(i)
			if len(a) != 2 || a[0] != mark {
				continue
			}
			if k, err := strconv.Atoi(a[1]); err == nil && k < n {
				each[k]++
			} else {
				others++
			}
		}
	}
	return each, others
}

func TestAStormOfExecutionsComesWhole(t *testing.T) {
	const n = 5000
	s := kernelSource(t, Config{})
	r := record(t, s)
	program, mark := bench.Noop(t), marker(t)
	storm(t, program, mark, n, 2)
	syscallExec(t, program, mark+"-last")
	r.wait(t, "the last execution", func(row rowOf) bool { return row("process.command_line") == mark+"-last" })
	each, others := r.counted(mark, n)
	for i, times := range each {
		if times != 1 {
			t.Fatalf("execution %d was told %d times", i, times)
		}
	}
	if others != 0 || s.Stats().Lost.Total() != 0 {
		t.Errorf("%d wrong arguments, lost %+v", others, s.Stats().Lost)
	}
}

func syscallExec(t testing.TB, program, arg0 string) {
	t.Helper()
	syscallIn(t, program, arg0, nil)
}

func syscallIn(t testing.TB, program, arg0 string, attr *syscall.SysProcAttr) {
	t.Helper()
	pid, err := syscall.ForkExec(program, []string{arg0}, &syscall.ProcAttr{Sys: attr})
	if err != nil {
		t.Fatal(err)
	}
	syscall.Wait4(pid, nil, 0, nil)
}

// cgroup2 is where version 2 cgroups of this machine are.
func cgroup2(t testing.TB) string {
	t.Helper()
	for _, dir := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err == nil {
			if _, err := os.Stat(filepath.Join(dir, "cgroup.controllers")); err == nil {
				return dir
			}
		}
	}
	part.Missing(t, "ebpf", "no version 2 cgroups here")
	return ""
}

// scope makes a cgroup that is gone after the test.
func scope(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(cgroup2(t), "interdict-test-")
	if err != nil {
		part.Missing(t, "ebpf", "cannot make a cgroup: ", err)
	}
	t.Cleanup(func() { os.Remove(dir) })
	return dir
}

// into is a process attribute that starts a process inside of a cgroup.
func into(t testing.TB, cgroup string) *syscall.SysProcAttr {
	t.Helper()
	dir, err := os.Open(cgroup)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	return &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())}
}

func TestAScopeSeesItsOwnAndNothingElse(t *testing.T) {
	cgroup := scope(t)
	r := record(t, kernelSource(t, Config{Scope: cgroup}))
	program, mark := bench.Noop(t), marker(t)
	syscallExec(t, program, mark+"-outside")
	pid, err := syscall.ForkExec(program, []string{mark + "-inside"}, &syscall.ProcAttr{Sys: into(t, cgroup)})
	if err != nil {
		t.Fatal(err)
	}
	syscall.Wait4(pid, nil, 0, nil)
	row := r.execOfPID(t, pid)
	r.endOf(t, row)
	for _, other := range r.rows(func(row rowOf) bool { return row("process.pid") != itoa(pid) }) {
		t.Errorf("%s of %s %s is told as well", other("event.action"), other("process.pid"), other("process.command_line"))
	}
	if got, want := row("interdict.cgroup.path"), strings.TrimPrefix(cgroup, cgroup2(t)); got != want {
		t.Errorf("cgroup %q, want %q", got, want)
	}
}

// Forced beyond what the ring holds, what came and what is counted as lost are
// together what happened, to the last record.
func TestWhatIsLostIsCountedExactly(t *testing.T) {
	const n = 1500
	cgroup := scope(t)
	s := kernelSource(t, Config{Scope: cgroup, RingBytes: 64 << 10})
	program, mark, attr := bench.Noop(t), marker(t), &syscall.ProcAttr{Sys: into(t, cgroup)}
	for i := range n { // nobody reads
		pid, err := syscall.ForkExec(program, []string{mark, strconv.Itoa(i)}, attr)
		if err != nil {
			t.Fatal(err)
		}
		syscall.Wait4(pid, nil, 0, nil)
	}
	r := &recorder{more: make(chan struct{}, 1)}
	r.run(t, s)
	for r.received() == 0 { // then the loss is accounted for
		<-r.more
	}
	pid, err := syscall.ForkExec(program, []string{mark + "-last"}, attr)
	if err != nil {
		t.Fatal(err)
	}
	syscall.Wait4(pid, nil, 0, nil)
	r.endOf(t, r.execOfPID(t, pid))
	told := len(r.rows(func(row rowOf) bool {
		a := row("event.action")
		return a == "fork" || a == "exec" || a == "end"
	}))
	r.mu.Lock()
	defer r.mu.Unlock()
	if want := 3 * (n + 1); told+int(r.lost.Processes) != want || r.lost.Processes == 0 {
		t.Errorf("%d came and %d were lost, together not %d", told, r.lost.Processes, want)
	}
}

func (r *recorder) received() (rows int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.frames {
		rows += f.Rows
	}
	return rows
}

// A process whose beginning was lost is known again after the loss, and one
// whose end was lost does not stay.
func TestALossHeals(t *testing.T) {
	cgroup := scope(t)
	s := kernelSource(t, Config{Scope: cgroup, RingBytes: 16 << 10})
	attr := into(t, cgroup)
	goes := player("wait")
	goes.SysProcAttr = attr
	end, err := goes.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := goes.Start(); err != nil {
		t.Fatal(err)
	}
	r := &recorder{more: make(chan struct{}, 1)}
	r.run(t, s)
	there := r.wait(t, "the first process", action("exec", "process.pid", itoa(goes.Process.Pid)))
	r.mu.Lock() // the sink takes nothing, so the ring fills
	program := bench.Noop(t)
	for full := false; !full; {
		pid, err := syscall.ForkExec(program, []string{"noop"}, &syscall.ProcAttr{Sys: attr})
		if err != nil {
			t.Fatal(err)
		}
		syscall.Wait4(pid, nil, 0, nil)
		now, err := s.programs.counters()
		if err != nil {
			t.Fatal(err)
		}
		full = now.LostRing[classProcess] > 20
	}
	comes := player("wait")
	comes.SysProcAttr = attr
	begin, err := comes.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := comes.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { begin.Close(); comes.Wait() }()
	end.Close()
	goes.Wait()
	r.mu.Unlock()
	r.wait(t, "the process whose beginning was lost", action("already_running", "process.pid", itoa(comes.Process.Pid)))
	r.endOf(t, there)
}
