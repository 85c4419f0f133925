package local

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"interdict/respond"
	"interdict/respond/process"
)

// cgroupMount is where version 2 is mounted; "" where it is not.
func cgroupMount() string {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		left, right, ok := strings.Cut(lines.Text(), " - ")
		if fields := strings.Fields(left); ok && strings.HasPrefix(right, "cgroup2 ") && len(fields) > 4 {
			return fields[4]
		}
	}
	return ""
}

// cgroupDir refuses what is no cgroup of its own below our root.
func cgroupDir(name string) (string, error) {
	mount := cgroupMount()
	if mount == "" || !path.IsAbs(name) || name == "/" || path.Clean(name) != name || strings.HasPrefix(name, "/..") {
		return "", fmt.Errorf("cgroup %q: %w", name, respond.ErrUnsupported)
	}
	return filepath.Join(mount, name), nil
}

// Cgroup reads who is in it and below, and whether it is frozen.
func (*Host) Cgroup(ctx context.Context, name string) (process.Cgroup, error) {
	dir, err := cgroupDir(name)
	if errors.Is(err, respond.ErrUnsupported) {
		return process.Cgroup{}, nil
	}
	if err != nil {
		return process.Cgroup{}, err
	}
	var c process.Cgroup
	_, err = os.Stat(filepath.Join(dir, "cgroup.freeze"))
	c.Freezable = err == nil
	events, err := os.ReadFile(filepath.Join(dir, "cgroup.events")) // what is so, also by an ancestor's doing
	c.Frozen = err == nil && strings.Contains(string(events), "frozen 1")
	err = filepath.WalkDir(dir, func(sub string, e fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || !e.IsDir() {
			return err
		}
		b, err := os.ReadFile(filepath.Join(sub, "cgroup.procs"))
		if err != nil {
			return err
		}
		for _, f := range strings.Fields(string(b)) {
			if pid, err := strconv.Atoi(f); err == nil {
				c.Processes = append(c.Processes, pid)
			}
		}
		return nil
	})
	if err != nil {
		return process.Cgroup{}, fmt.Errorf("cgroup %s: %w", name, err)
	}
	return c, nil
}

// SetFrozen writes and waits for the kernel's word. A cgroup that is gone needs no thaw.
func (*Host) SetFrozen(ctx context.Context, name string, frozen bool) error {
	dir, err := cgroupDir(name)
	if err != nil {
		return err
	}
	want := "0"
	if frozen {
		want = "1"
	}
	err = os.WriteFile(filepath.Join(dir, "cgroup.freeze"), []byte(want), 0)
	if errors.Is(err, fs.ErrNotExist) && !frozen {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cgroup %s: %w", name, err)
	}
	return awaitFrozen(ctx, filepath.Join(dir, "cgroup.events"), "frozen "+want)
}

// awaitFrozen polls cgroup.events, which the kernel marks when it changes.
func awaitFrozen(ctx context.Context, events, want string) error {
	f, err := os.Open(events)
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, 256)
	for {
		n, err := f.ReadAt(b, 0)
		if n == 0 && err != nil {
			return err
		}
		if strings.Contains(string(b[:n]), want) {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("waiting for %q: %w", want, err)
		}
		unix.Poll([]unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLPRI}}, int(slice/time.Millisecond)) // read again in any case
	}
}
