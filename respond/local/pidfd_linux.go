package local

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"interdict/respond"
	"interdict/respond/process"
)

const pidfsMagic = 0x50494446 // PIDFS_MAGIC, Linux 6.9

// pidfdInode is the number that no other process of this boot has; 0 on kernels
// whose pidfds share one inode.
func pidfdInode(fd int) uint64 {
	var fs unix.Statfs_t
	var st unix.Stat_t
	if unix.Fstatfs(fd, &fs) != nil || fs.Type != pidfsMagic || unix.Fstat(fd, &st) != nil {
		return 0
	}
	return st.Ino
}

// errGone: the process has ended or its number is another's.
var errGone = errors.New("is no longer there")

// openSame opens a pidfd of the process that id means. The order makes it safe:
// opened first, compared afterwards. If the pidfd can still be signalled after
// the comparison, its process had the number all the time between, so what was
// compared was that process; if it cannot, the signal goes nowhere.
func openSame(id respond.ProcessID, boot string) (int, error) {
	fd, err := unix.PidfdOpen(id.PID, 0)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) { // EINVAL: the number is a thread's now
		return -1, errGone
	}
	if err != nil {
		return -1, fmt.Errorf("pidfd of process %d: %w", id.PID, err)
	}
	now, err := whoHas(id.PID, boot)
	if err == nil {
		now.Inode = pidfdInode(fd)
		if now.Same(id) {
			return fd, nil
		}
		err = errGone
	}
	unix.Close(fd)
	return -1, err
}

func whoHas(pid int, boot string) (respond.ProcessID, error) {
	d, err := openProc(pid)
	if err != nil {
		return respond.ProcessID{}, goneOr(err)
	}
	defer d.close()
	st, err := d.stat()
	return respond.ProcessID{BootID: boot, PID: pid, Start: st.StartTicks * respond.Tick}, goneOr(err)
}

func goneOr(err error) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		return errGone
	}
	return err
}

// Signal sends through pidfds only.
func (*Host) Signal(ctx context.Context, sig process.Signal, ids ...respond.ProcessID) ([]process.Outcome, error) {
	boot, err := bootID()
	if err != nil {
		return nil, err
	}
	outcomes := make([]process.Outcome, 0, len(ids))
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return outcomes, err
		}
		outcomes = append(outcomes, send(id, boot, sig))
	}
	return outcomes, nil
}

func send(id respond.ProcessID, boot string, sig process.Signal) process.Outcome {
	fd, err := openSame(id, boot)
	if err == nil {
		defer unix.Close(fd)
		if err = unix.PidfdSendSignal(fd, unix.Signal(sig), nil, 0); errors.Is(err, unix.ESRCH) {
			err = errGone
		}
	}
	switch {
	case err == nil:
		return process.Outcome{ID: id, Sent: true}
	case errors.Is(err, errGone):
		return process.Outcome{ID: id, Gone: true}
	default:
		return process.Outcome{ID: id, Err: err.Error()}
	}
}

// slice is how long a wait in the kernel lasts before ctx is looked at again.
const slice = 50 * time.Millisecond

// Await polls pidfds: one becomes readable when the whole process has ended,
// reaped or not.
func (*Host) Await(ctx context.Context, ids ...respond.ProcessID) ([]respond.ProcessID, error) {
	boot, err := bootID()
	if err != nil {
		return nil, err
	}
	left := make(map[int32]respond.ProcessID, len(ids))
	defer func() {
		for fd := range left {
			unix.Close(int(fd))
		}
	}()
	for _, id := range ids {
		fd, err := openSame(id, boot)
		if err == nil {
			left[int32(fd)] = id
		} else if !errors.Is(err, errGone) {
			return nil, err
		}
	}
	for len(left) > 0 && ctx.Err() == nil {
		if err := pollEnded(left); err != nil {
			return nil, err
		}
	}
	var still []respond.ProcessID
	for _, id := range ids {
		for _, l := range left {
			if l == id {
				still = append(still, id)
				break
			}
		}
	}
	return still, nil
}

// pollEnded waits a slice and takes out of left what has ended.
func pollEnded(left map[int32]respond.ProcessID) error {
	polls := make([]unix.PollFd, 0, len(left))
	for fd := range left {
		polls = append(polls, unix.PollFd{Fd: fd, Events: unix.POLLIN})
	}
	if _, err := unix.Poll(polls, int(slice/time.Millisecond)); err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("poll pidfds: %w", err)
	}
	for _, p := range polls {
		if p.Revents != 0 {
			unix.Close(int(p.Fd))
			delete(left, p.Fd)
		}
	}
	return nil
}
