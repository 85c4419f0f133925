package local

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"interdict/respond"
	"interdict/respond/process"
	"interdict/testdata/part"
)

// cloneArgs is struct clone_args as of Linux 5.5.
type cloneArgs struct {
	flags, pidfd, childTID, parentTID, exitSignal, stack, stackSize, tls, setTID, setTIDSize uint64
}

// cloneAs starts a process that has the number pid, or whatever number is free
// for 0, and waits in a session of its own for ever.
func cloneAs(pid int32) (int, error) {
	args := cloneArgs{exitSignal: uint64(unix.SIGCHLD)}
	if pid != 0 {
		args.setTID, args.setTIDSize = uint64(uintptr(unsafe.Pointer(&pid))), 1
	}
	child, _, errno := unix.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args), 0)
	if errno == 0 && child == 0 {
		unix.RawSyscall(unix.SYS_SETSID, 0, 0, 0)
		pauseForEver()
	}
	runtime.KeepAlive(&pid)
	if errno != 0 {
		return 0, errno
	}
	return int(child), nil
}

// reap ends a process of ours, which still has its number until we wait for it.
func reap(t *testing.T, pid int) unix.WaitStatus {
	t.Helper()
	unix.Kill(pid, unix.SIGKILL)
	return collect(t, pid)
}

func collect(t *testing.T, pid int) (status unix.WaitStatus) {
	t.Helper()
	for {
		_, err := unix.Wait4(pid, &status, 0, nil)
		if err == nil {
			return status
		}
		if !errors.Is(err, unix.EINTR) {
			t.Fatal(err)
		}
	}
}

// untouched fails when the process of ours was stopped or killed by anybody.
func untouched(t *testing.T, pid int) {
	t.Helper()
	var status unix.WaitStatus
	got, err := unix.Wait4(pid, &status, unix.WNOHANG|unix.WUNTRACED, nil)
	if got != 0 || err != nil {
		t.Fatalf("the other process %d was signalled: status %#x, %v", pid, status, err)
	}
}

// reuse runs f over and over with a victim that is known by identity, and swap,
// which ends the victim and gives its number to another process. It stops after
// the number of rounds in INTERDICT_PID_REUSE (the full proof: 100000), else
// after a second.
func reuse(t *testing.T, f func(victim respond.ProcessID, swap func() int)) {
	needRoot(t)
	rounds, until := number(t, "INTERDICT_PID_REUSE", 0), time.Now().Add(time.Second)
	done := 0
	var free int32
	mine := map[int]bool{} // alive; none outlives the test, however that ends
	defer func() {
		for pid := range mine {
			reap(t, pid)
		}
	}()
	for ; done < rounds || rounds == 0 && time.Now().Before(until); done++ {
		victim, err := cloneAs(free)
		for ; errors.Is(err, unix.EEXIST); victim, err = cloneAs(0) {
		}
		if err != nil {
			part.Missing(t, "lab", "clone3 with set_tid: "+err.Error())
		}
		free = int32(victim)
		mine[victim] = true
		for sid := 0; sid != victim; sid, _ = unix.Getsid(victim) { // until it has left our session
			runtime.Gosched()
		}
		id := identity(t, victim)
		other := 0
		swap := func() int {
			reap(t, victim)
			delete(mine, victim)
			if id.Inode == 0 { // a kernel that tells apart by ticks only
				waitForTick(t, id)
			}
			if other, err = cloneAs(free); err != nil {
				other = 0 // somebody else got the number
				return 0
			}
			mine[other] = true
			return other
		}
		f(id, swap)
		if other != 0 {
			untouched(t, other)
			reap(t, other)
			delete(mine, other)
		}
	}
	t.Logf("%d rounds", done)
}

func waitForTick(t *testing.T, id respond.ProcessID) {
	t.Helper()
	for {
		now, err := New().Identity(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if int64(now.Uptime)/respond.Tick > id.Ticks() {
			return
		}
		runtime.Gosched()
	}
}

func TestAProcessThatGotTheNumberIsNeverSignalled(t *testing.T) {
	h := New()
	reuse(t, func(victim respond.ProcessID, swap func() int) {
		if swap() == 0 {
			return
		}
		out, err := h.Signal(t.Context(), process.Kill, victim)
		if err != nil || !out[0].Gone || out[0].Sent {
			t.Fatal(out, err)
		}
	})
}

func TestAProcessThatGetsTheNumberDuringTheSignalIsNeverSignalled(t *testing.T) {
	h := New()
	reuse(t, func(victim respond.ProcessID, swap func() int) {
		var wg sync.WaitGroup
		stop := make(chan struct{})
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if _, err := h.Signal(t.Context(), process.Kill, victim); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
		swap()
		if out, err := h.Signal(t.Context(), process.Stop, victim); err != nil || out[0].Sent {
			t.Error(out, err)
		}
		close(stop)
		wg.Wait()
	})
}

func TestAPlanIsStaleOnceItsProcessGaveTheNumberAway(t *testing.T) {
	reuse(t, func(victim respond.ProcessID, swap func() int) {
		freeze := process.NewFreeze(victim, process.Options{Tree: true})
		kill := process.NewKill(victim, process.Options{Tree: true})
		p, err := freeze.Plan(t.Context(), New())
		if err != nil {
			t.Fatal(err)
		}
		if swap() == 0 {
			return
		}
		if r, err := freeze.Apply(t.Context(), New(), p); !errors.Is(err, respond.ErrPlanStale) || r.Kind != "" {
			t.Fatal(r, err)
		}
		if _, err := kill.Plan(t.Context(), New()); !errors.Is(err, respond.ErrPlanStale) {
			t.Fatal(err)
		}
	})
}

func TestAProcessThatGetsTheNumberWhileATreeIsKilledIsNeverSignalled(t *testing.T) {
	reuse(t, func(victim respond.ProcessID, swap func() int) {
		kill := process.NewKill(victim, process.Options{Tree: true})
		p, err := kill.Plan(t.Context(), New())
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := kill.Apply(t.Context(), New(), p); err != nil && !errors.Is(err, respond.ErrPlanStale) {
				t.Error(err)
			}
		})
		swap()
		wg.Wait()
	})
}

// A sensor knows the exact start but no inode; ticks tell the two apart when a
// tick passed between them.
func TestWithoutAnInodeTheStartTimeTellsTheTwoApart(t *testing.T) {
	reuse(t, func(victim respond.ProcessID, swap func() int) {
		victim.Inode = 0
		victim.Start += 1_234 // exact, as from the kernel
		unix.Kill(victim.PID, unix.SIGKILL)
		waitForTick(t, victim)
		if swap() == 0 {
			return
		}
		if out, err := New().Signal(t.Context(), process.Kill, victim); err != nil || !out[0].Gone {
			t.Fatal(out, err)
		}
	})
}

func TestAnEndedProcessThatNobodyCollectedCountsAsEnded(t *testing.T) {
	needRoot(t)
	pid, err := cloneAs(0)
	if err != nil {
		part.Missing(t, "lab", err.Error())
	}
	id := identity(t, pid)
	unix.Kill(pid, unix.SIGKILL)
	left, err := New().Await(t.Context(), id)
	if err != nil || len(left) != 0 {
		t.Error(left, err)
	}
	collect(t, pid)
	if left, err := New().Await(t.Context(), id, id); err != nil || len(left) != 0 {
		t.Error(left, err)
	}
	if left, err := New().Await(deadline(t), identity(t, os.Getpid())); err != nil || len(left) != 1 {
		t.Error(left, err)
	}
}
