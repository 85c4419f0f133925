package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"interdict/ui/cli"
)

// room is a cgroup below our own.
type room struct {
	path string
	dir  *os.File
}

func makeRoom() (cli.Room, error) {
	parent, err := ownCgroup()
	if err != nil {
		return nil, err
	}
	path, err := os.MkdirTemp(parent, "interdict-ci-")
	if err != nil {
		return nil, fmt.Errorf("no cgroup can be made for the command: %w", err)
	}
	dir, err := os.Open(path)
	if err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	return &room{path, dir}, nil
}

// ownCgroup is where we are in the version 2 hierarchy, as it is mounted here.
func ownCgroup() (string, error) {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(b)) {
		own, ok := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !ok {
			continue
		}
		for _, mount := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
			if _, err := os.Stat(filepath.Join(mount, "cgroup.controllers")); err != nil {
				continue
			}
			if path := filepath.Join(mount, own); exists(path) {
				return path, nil
			}
			return mount, nil // a namespace shows us another root than the mount has
		}
	}
	return "", errors.New("there is no version 2 cgroup hierarchy here, by which a command is told from the rest")
}

func exists(path string) bool {
	_, err := os.Stat(filepath.Join(path, "cgroup.procs"))
	return err == nil
}

func (r *room) Path() string { return r.path }

// Run passes input, output and signals on.
func (r *room) Run(ctx context.Context, args []string, started func(int)) (int, error) {
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(r.dir.Fd())}
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	if err := c.Start(); err != nil {
		return 0, fmt.Errorf("%s: %w", args[0], err)
	}
	started(c.Process.Pid)
	err := c.Wait()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		if w, ok := ended.Sys().(syscall.WaitStatus); ok && w.Signaled() {
			return 128 + int(w.Signal()), nil
		}
		return ended.ExitCode(), nil
	}
	return 0, err
}

func (r *room) Left() (pids []int) {
	b, err := os.ReadFile(filepath.Join(r.path, "cgroup.procs"))
	if err != nil {
		return nil
	}
	for _, word := range strings.Fields(string(b)) {
		if pid, err := strconv.Atoi(word); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Close leaves a cgroup that is still in use.
func (r *room) Close() error {
	err := r.dir.Close()
	if len(r.Left()) > 0 {
		return err
	}
	return errors.Join(err, os.Remove(r.path))
}
