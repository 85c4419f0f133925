package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"interdict/respond"
	"interdict/respond/process"
	"interdict/testdata/part"
)

func planned(t *testing.T, a respond.Action) respond.Plan {
	t.Helper()
	p, err := a.Plan(t.Context(), New())
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(p) // as it comes back from the journal
	if err != nil {
		t.Fatal(err)
	}
	if p, err = respond.DecodePlan(b); err != nil {
		t.Fatal(err)
	}
	return p
}

// carryOut plans, applies and verifies, the latter two by a zero action.
func carryOut(t *testing.T, a respond.Action) (respond.Plan, respond.Result, respond.Verdict) {
	t.Helper()
	p := planned(t, a)
	zero, ok := process.ActionOf(a.Kind())
	if !ok {
		t.Fatal(a.Kind())
	}
	r, err := zero.Apply(t.Context(), New(), p)
	if err != nil {
		t.Fatal(err)
	}
	v, err := zero.Verify(t.Context(), New(), r)
	if err != nil {
		t.Fatal(err)
	}
	return p, r, v
}

func text(p respond.Plan) string {
	var b strings.Builder
	fmt.Fprintln(&b, p.Title)
	for _, l := range p.Lines {
		fmt.Fprintf(&b, "%s: %s\n", l.Label, l.Text)
	}
	for _, w := range p.Warnings {
		fmt.Fprintln(&b, "warning:", w)
	}
	return b.String()
}

const twoSleepers = "sleep 1001 &\nsh -c 'sleep 1002; :' &\nwait\n"

func TestATreeIsFrozenFromItsScriptAndUndoneExactly(t *testing.T) {
	c := script(t, twoSleepers)
	target, other := sleeper(t, c.Process.Pid, "1002"), sleeper(t, c.Process.Pid, "1001")
	root := identity(t, c.Process.Pid)

	p, r, v := carryOut(t, process.NewFreeze(target.ID, process.Options{Tree: true}))
	if !v.OK() || r.Partial || len(r.Holds) != 4 {
		t.Fatalf("%+v\n%+v\n%s", v, r, text(p))
	}
	for _, want := range []string{"Freeze 4 processes on local: .x.sh", "runs a script from /dev/shm", "sleep 1002", "Goes on: local.test", "what you work with"} {
		if !strings.Contains(text(p), want) {
			t.Errorf("the plan lacks %q:\n%s", want, text(p))
		}
	}
	for _, id := range []respond.ProcessID{root, target.ID, other.ID} {
		if s := state(t, id); s != 'T' {
			t.Errorf("%s is in state %c", id, s)
		}
	}
	freeze, _ := process.ActionOf(process.KindFreeze)
	undone, err := freeze.Undo(t.Context(), New(), r)
	if err != nil || len(undone.Releases) != 4 {
		t.Fatalf("%+v, %v", undone, err)
	}
	until(t, "all run", func(*process.Table) bool {
		return state(t, root) != 'T' && state(t, target.ID) != 'T' && state(t, other.ID) != 'T'
	})
	if v, err := freeze.Verify(t.Context(), New(), r); err != nil || v.State != respond.Not {
		t.Errorf("after the undo the freeze is said to be %+v, %v", v, err)
	}
}

func TestAProcessThatStoodBeforeStaysSoAfterUndo(t *testing.T) {
	c := script(t, twoSleepers)
	target, other := sleeper(t, c.Process.Pid, "1002"), sleeper(t, c.Process.Pid, "1001")
	unix.Kill(other.ID.PID, unix.SIGSTOP)
	until(t, "it stands", func(*process.Table) bool { return state(t, other.ID) == 'T' })
	_, r, v := carryOut(t, process.NewFreeze(target.ID, process.Options{Tree: true}))
	if !v.OK() || len(r.Holds) != 3 {
		t.Fatalf("%+v %+v", v, r.Lines)
	}
	freeze, _ := process.ActionOf(process.KindFreeze)
	if _, err := freeze.Undo(t.Context(), New(), r); err != nil {
		t.Fatal(err)
	}
	until(t, "the others run", func(*process.Table) bool { return state(t, target.ID) != 'T' })
	if state(t, other.ID) != 'T' {
		t.Error("it was resumed though it was not we who stopped it")
	}
}

func TestWithoutTreeOnlyTheTargetIsFrozenThenResumed(t *testing.T) {
	c := script(t, twoSleepers)
	target := sleeper(t, c.Process.Pid, "1001")
	_, r, v := carryOut(t, process.NewFreeze(target.ID, process.Options{}))
	if !v.OK() || len(r.Holds) != 1 || state(t, identity(t, c.Process.Pid)) == 'T' {
		t.Fatalf("%+v %+v", v, r.Lines)
	}
	_, resumed, v := carryOut(t, process.NewResume(target.ID, process.Options{}))
	if !v.OK() || len(resumed.Releases) != 1 || resumed.Releases[0] != r.Holds[0].Key {
		t.Fatalf("%+v releases %v, held %v", v, resumed.Releases, r.Holds)
	}
	_, err := process.NewResume(target.ID, process.Options{}).Plan(t.Context(), New())
	var refusal *respond.Refusal
	if !errors.As(err, &refusal) || !refusal.Has("not-stopped") {
		t.Error(err)
	}
}

func TestAFrozenTreeIsKilledAndNoLongerHeld(t *testing.T) {
	c := script(t, "trap '' TERM INT HUP\n"+twoSleepers)
	target := sleeper(t, c.Process.Pid, "1002")
	_, frozen, _ := carryOut(t, process.NewFreeze(target.ID, process.Options{Tree: true}))
	var standing []respond.Standing
	for _, h := range frozen.Holds {
		standing = append(standing, respond.Standing{Held: h, Host: "local"})
	}
	held, over, err := process.StillHeld(t.Context(), New(), standing)
	if err != nil || len(held) != 4 || len(over) != 0 {
		t.Fatal(held, over, err)
	}
	p, r, v := carryOut(t, process.NewKill(target.ID, process.Options{Tree: true}))
	if !v.OK() || r.Partial || p.NoUndo == "" || p.Undo != "" {
		t.Fatalf("%+v %+v", v, r.Lines)
	}
	released := map[string]bool{}
	for _, key := range r.Releases {
		released[key] = true
	}
	for _, h := range frozen.Holds {
		if !released[h.Key] {
			t.Error("still held:", h.Key)
		}
	}
	if held, over, err = process.StillHeld(t.Context(), New(), standing); err != nil || len(held) != 0 || len(over) != 4 {
		t.Error(held, over, err)
	}
	kill, _ := process.ActionOf(process.KindKill)
	if _, err := kill.Undo(t.Context(), New(), r); !errors.Is(err, respond.ErrNoUndo) {
		t.Error(err)
	}
}

// Orphans are cut loose at once: only their session tells whose they are.
func TestATreeThatForksAllTheTimeIsKilledWhole(t *testing.T) {
	c := script(t, "while :; do (sleep 0.2 &); (sleep 1003 &) ; sh -c 'sleep 0.1' & done\n")
	sleeper(t, c.Process.Pid, "1003")
	root := identity(t, c.Process.Pid)
	_, r, v := carryOut(t, process.NewKill(root, process.Options{Tree: true}))
	if !v.OK() || r.Partial {
		t.Fatalf("%+v %+v", v, r.Lines)
	}
	table, err := New().Processes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if left := sessionOf(table, c.Process.Pid); len(left) != 0 {
		t.Errorf("%d live on", len(left))
	}
	t.Log(r.Summary, "in", r.Ended.Sub(r.Started))
}

func TestATreeThatForksAllTheTimeStandsWhole(t *testing.T) {
	c := script(t, "while :; do (sleep 0.2 &); sh -c 'sleep 0.1' & done\n")
	root := identity(t, c.Process.Pid)
	_, r, v := carryOut(t, process.NewFreeze(root, process.Options{Tree: true}))
	if !v.OK() || r.Partial {
		t.Fatalf("%+v %+v", v, r.Lines)
	}
	table, err := New().Processes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for pid := range sessionOf(table, c.Process.Pid) {
		if p := table.Number(pid); p.State != 'T' {
			t.Errorf("%s %d is in state %c", p.Name, pid, p.State)
		}
	}
}

func TestWhatMustNotBeTouchedIsRefused(t *testing.T) {
	own := exec.Command("sleep", "1004") // in our own session
	if err := own.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { own.Process.Kill(); own.Wait() })
	ended := exec.Command("true")
	begin(t, ended)
	until(t, "it has ended", func(table *process.Table) bool { return table.Number(ended.Process.Pid).Ended() })
	session, _ := unix.Getsid(0)
	for _, tc := range []struct {
		name, code string
		id         respond.ProcessID
	}{
		{"process 1", process.CodePID1, identity(t, 1)},
		{"a kernel thread", process.CodeKernelThread, identity(t, 2)},
		{"this program", process.CodeConsole, identity(t, os.Getpid())},
		{"its parent", process.CodeAncestor, identity(t, os.Getppid())},
		{"its session", process.CodeOwnSession, identity(t, own.Process.Pid)},
		{"a zombie", process.CodeEnded, identity(t, ended.Process.Pid)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.code == process.CodeOwnSession && session <= 1 {
				t.Skip("this session is nobody's")
			}
			for _, a := range []respond.Action{process.NewFreeze(tc.id, process.Options{Tree: true}), process.NewKill(tc.id, process.Options{})} {
				_, err := a.Plan(t.Context(), New())
				var refusal *respond.Refusal
				if !errors.As(err, &refusal) || !refusal.Has(tc.code) || !errors.Is(err, respond.ErrRefused) {
					t.Errorf("%s: %v, want %s", a.Kind(), err, tc.code)
				}
			}
		})
	}
	for code, change := range map[string]func(*respond.ProcessID){
		process.CodeNotShown: func(p *respond.ProcessID) { p.Start += respond.Tick },
		process.CodeEnded:    func(p *respond.ProcessID) { p.PID = 4_194_305 }, // above any number
	} {
		id := identity(t, own.Process.Pid)
		change(&id)
		_, err := process.NewFreeze(id, process.Options{}).Plan(t.Context(), New())
		var refusal *respond.Refusal
		if !errors.As(err, &refusal) || !refusal.Has(code) || !errors.Is(err, respond.ErrPlanStale) {
			t.Errorf("%v, want %s", err, code)
		}
	}
}

func TestTheConsoleThatIsNamedAndItsAncestorsAreRefused(t *testing.T) {
	c := script(t, twoSleepers)
	console := sleeper(t, c.Process.Pid, "1002")
	_, err := process.NewKill(identity(t, c.Process.Pid), process.Options{Tree: true, Console: console.ID}).Plan(t.Context(), New())
	var refusal *respond.Refusal
	if !errors.As(err, &refusal) || !refusal.Has(process.CodeAncestor) {
		t.Error(err)
	}
}

func TestAPlanOfAProcessThatEndedMeanwhileIsStale(t *testing.T) {
	c := script(t, twoSleepers)
	target := sleeper(t, c.Process.Pid, "1002")
	a := process.NewKill(target.ID, process.Options{})
	p := planned(t, a)
	unix.Kill(target.ID.PID, unix.SIGKILL)
	until(t, "it is gone", func(table *process.Table) bool { return table.Find(target.ID) == nil })
	if r, err := a.Apply(t.Context(), New(), p); !errors.Is(err, respond.ErrPlanStale) || r.Kind != "" {
		t.Error(r, err)
	}
}

func TestAPlanFromAnotherBootIsStale(t *testing.T) {
	c := script(t, twoSleepers)
	a := process.NewFreeze(identity(t, c.Process.Pid), process.Options{})
	p := planned(t, a)
	p.Identity.BootID = "another"
	if _, err := a.Apply(t.Context(), New(), p); !errors.Is(err, respond.ErrPlanStale) {
		t.Error(err)
	}
}

func TestARootThatRunsAnotherProgramByNowIsStale(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "go")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	second := exec.Command(scriptFile(t, "read x < \"$1\"\nexec sleep 1005\n"), fifo)
	begin(t, second)
	a := process.NewFreeze(identity(t, second.Process.Pid), process.Options{Tree: true})
	p := planned(t, a)
	if err := os.WriteFile(fifo, []byte("go\n"), 0); err != nil {
		t.Fatal(err)
	}
	sleeper(t, second.Process.Pid, "1005")
	if _, err := a.Apply(t.Context(), New(), p); !errors.Is(err, respond.ErrPlanStale) || !strings.Contains(err.Error(), "sleep") {
		t.Error(err)
	}
}

func TestAProcessWhoseFirstThreadHasEndedIsFrozenAndKilled(t *testing.T) {
	c := role(t, "leaderless")
	id := identity(t, c.Process.Pid)
	until(t, "the first thread has ended", func(*process.Table) bool {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/stat", id.PID, id.PID))
		return err == nil && strings.Contains(string(b), ") Z ")
	})
	if s := state(t, id); s == 'Z' {
		t.Fatal("it is taken for dead")
	}
	if _, r, v := carryOut(t, process.NewFreeze(id, process.Options{})); !v.OK() || r.Partial {
		t.Fatalf("%+v %+v", v, r.Lines)
	}
	if _, r, v := carryOut(t, process.NewKill(id, process.Options{})); !v.OK() || r.Partial {
		t.Fatalf("%+v %+v", v, r.Lines)
	}
}

func TestAProcessThatWaitsInTheKernelIsReportedAsSuch(t *testing.T) {
	c := role(t, "vfork")
	id := identity(t, c.Process.Pid)
	until(t, "state D", func(*process.Table) bool { return state(t, id) == 'D' })
	p, r, v := carryOut(t, process.NewFreeze(id, process.Options{}))
	if !strings.Contains(text(p), "waits in the kernel (state D)") {
		t.Error(text(p))
	}
	if !r.Partial || v.OK() || !strings.Contains(fmt.Sprint(r.Lines), "waits in the kernel") {
		t.Errorf("%+v %+v", r.Lines, v)
	}
	tree := process.NewFreeze(id, process.Options{Tree: true}) // with the child it waits for standing, it stands
	if _, r, v := carryOut(t, tree); !v.OK() || r.Partial {
		t.Errorf("%+v %+v", r.Lines, v)
	}
	if _, r, v := carryOut(t, process.NewKill(id, process.Options{Tree: true})); !v.OK() { // this wait a kill ends
		t.Errorf("%+v %+v", r.Lines, v)
	}
}

// cgroup makes one of version 2 for the test.
func cgroup(t *testing.T) (path string, dir *os.File) {
	t.Helper()
	needRoot(t)
	mount := cgroupMount()
	if mount == "" {
		part.Missing(t, "lab", "no cgroup version 2")
	}
	full, err := os.MkdirTemp(mount, "interdict-test-")
	if err != nil {
		part.Missing(t, "lab", err.Error())
	}
	t.Cleanup(func() {
		until(t, "the cgroup to empty", func(*process.Table) bool { return os.Remove(full) == nil }) // a process leaves it a moment after its end
	})
	f, err := os.Open(full)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return strings.TrimPrefix(full, mount), f
}

func TestATreeThatHasItsCgroupToItselfIsFrozenByIt(t *testing.T) {
	path, dir := cgroup(t)
	c := exec.Command(scriptFile(t, twoSleepers))
	c.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())}
	begin(t, c)
	target := sleeper(t, c.Process.Pid, "1002")
	p, r, v := carryOut(t, process.NewFreeze(target.ID, process.Options{Tree: true}))
	if !v.OK() || r.Partial || !strings.Contains(text(p), "freezer of cgroup "+path) || len(r.Holds) != 5 {
		t.Fatalf("%+v %+v\n%s", v, r, text(p))
	}
	if s := state(t, target.ID); s == 'T' {
		t.Error("stopped by a signal, not by the cgroup")
	}
	var standing []respond.Standing
	for _, h := range r.Holds {
		standing = append(standing, respond.Standing{Held: h, Host: "local"})
	}
	if held, over, err := process.StillHeld(t.Context(), New(), standing); err != nil || len(held) != 5 {
		t.Fatal(held, over, err)
	}
	if _, resumed, v := carryOut(t, process.NewResume(target.ID, process.Options{Tree: true})); !v.OK() || len(resumed.Releases) != 5 {
		t.Fatalf("%+v %+v", v, resumed)
	}
	_, _, _ = carryOut(t, process.NewFreeze(target.ID, process.Options{Tree: true}))
	if _, killed, v := carryOut(t, process.NewKill(target.ID, process.Options{Tree: true})); !v.OK() || len(killed.Releases) < 5 {
		t.Fatalf("%+v %+v", v, killed)
	}
	if c, err := New().Cgroup(t.Context(), path); err != nil || c.Frozen {
		t.Error("the cgroup stays frozen:", c, err)
	}
}

func TestACgroupWithAStrangerInItIsNotFrozen(t *testing.T) {
	path, dir := cgroup(t)
	c := exec.Command(scriptFile(t, twoSleepers))
	stranger := exec.Command("sleep", "1006")
	for _, c := range []*exec.Cmd{c, stranger} {
		c.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())}
		begin(t, c)
	}
	target := sleeper(t, c.Process.Pid, "1002")
	p, r, v := carryOut(t, process.NewFreeze(target.ID, process.Options{Tree: true}))
	if !v.OK() || strings.Contains(text(p), "freezer") || len(r.Holds) != 4 || state(t, target.ID) != 'T' {
		t.Fatalf("%+v %+v\n%s", v, r, text(p))
	}
	if cg, err := New().Cgroup(t.Context(), path); err != nil || cg.Frozen || state(t, identity(t, stranger.Process.Pid)) == 'T' {
		t.Error("the stranger was stopped too", err)
	}
}

func TestAKillThatWasBegunIsCarriedThrough(t *testing.T) {
	c := script(t, twoSleepers)
	root := identity(t, c.Process.Pid)
	sleeper(t, c.Process.Pid, "1002")
	a := process.NewKill(root, process.Options{Tree: true})
	p := planned(t, a)
	ctx, cancel := context.WithCancel(t.Context())
	h := &cancelling{Host: New(), cancel: cancel}
	r, err := a.Apply(ctx, h, p)
	v, verifyErr := a.Verify(t.Context(), New(), r)
	if verifyErr != nil || !v.OK() {
		t.Errorf("%+v %v %+v", v, err, r)
	}
}

// cancelling ends the caller's context once something was stopped.
type cancelling struct {
	*Host
	cancel func()
}

func (c *cancelling) Signal(ctx context.Context, sig process.Signal, ids ...respond.ProcessID) ([]process.Outcome, error) {
	out, err := c.Host.Signal(ctx, sig, ids...)
	if sig == process.Stop {
		c.cancel()
	}
	return out, err
}

// The program ended after it had stopped or killed them and before it could say so.
func TestWhatAFreezeOrKillThatWasCutOffDidIsFoundAndCounts(t *testing.T) {
	c := script(t, twoSleepers)
	target, other := sleeper(t, c.Process.Pid, "1002"), sleeper(t, c.Process.Pid, "1001")
	syscall.Kill(other.ID.PID, syscall.SIGSTOP) // somebody else's doing
	until(t, "it stands", func(*process.Table) bool { return state(t, other.ID) == 'T' })
	finish := func(a respond.Action, p respond.Plan) respond.Result {
		t.Helper()
		r, err := a.(respond.Finisher).Finish(t.Context(), New(), p)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := a.Verify(t.Context(), New(), r); err != nil || !v.OK() {
			t.Errorf("%+v %v", v, err)
		}
		return r
	}

	freeze := process.NewFreeze(target.ID, process.Options{Tree: true})
	p := planned(t, freeze)
	if _, err := freeze.Apply(t.Context(), New(), p); err != nil {
		t.Fatal(err)
	}
	r := finish(freeze, p)
	if len(r.Holds) != 3 || r.Partial {
		t.Errorf("%+v", r)
	}
	if _, err := freeze.Undo(t.Context(), New(), r); err != nil {
		t.Fatal(err)
	}
	if s, o := state(t, target.ID), state(t, other.ID); s == 'T' || o != 'T' {
		t.Errorf("taken back, the target is in state %c, what stood before in %c", s, o)
	}

	kill := process.NewKill(target.ID, process.Options{Tree: true})
	p = planned(t, kill)
	syscall.Kill(target.ID.PID, syscall.SIGKILL) // it came so far
	until(t, "it has ended", func(table *process.Table) bool { q := table.Find(target.ID); return q == nil || q.Ended() })
	if r := finish(kill, p); r.Summary != "4 processes killed" || len(r.Holds) != 0 {
		t.Errorf("%+v", r)
	}
	if r := finish(kill, p); r.Summary != "4 processes killed" || len(r.Releases) != 4 {
		t.Errorf("all had ended: %+v", r)
	}
}
