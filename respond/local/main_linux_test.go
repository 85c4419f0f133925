package local

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"interdict/respond"
	"interdict/respond/process"
	"interdict/testdata/part"
)

func init() {
	if os.Getenv("LOCAL_TEST_ROLE") != "" {
		runtime.LockOSThread() // the roles are about the first thread
	}
}

// TestMain lets the test program play processes that no command can be made to be.
func TestMain(m *testing.M) {
	switch os.Getenv("LOCAL_TEST_ROLE") {
	case "":
		os.Exit(m.Run())
	case "leaderless": // the first thread ends, another lives
		ready := make(chan bool)
		go func() { ready <- true; select {} }()
		<-ready
		fmt.Println("ready")
		unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
	case "vfork": // waits in the kernel, in state D, for a child that never ends
		fmt.Println("ready")
		pid, _, _ := unix.RawSyscall(unix.SYS_CLONE, unix.CLONE_VFORK|uintptr(unix.SIGCHLD), 0, 0)
		if pid == 0 {
			pauseForEver()
		}
	}
	select {}
}

//go:nosplit
func pauseForEver() {
	for {
		unix.RawSyscall6(unix.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
	}
}

// role starts this program as one of the above, in a session of its own.
func role(t *testing.T, name string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "LOCAL_TEST_ROLE="+name)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	begin(t, c)
	var word string
	if _, err := fmt.Fscan(out, &word); err != nil {
		t.Fatal(err)
	}
	return c
}

// begin starts c in a session of its own and ends that session with the test.
func begin(t *testing.T, c *exec.Cmd) {
	t.Helper()
	if c.SysProcAttr == nil {
		c.SysProcAttr = &syscall.SysProcAttr{}
	}
	c.SysProcAttr.Setsid = true
	c.Dir = "/"
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		table, err := New().Processes(context.Background())
		if err != nil {
			t.Error(err)
		}
		for pid := range sessionOf(table, c.Process.Pid) {
			unix.Kill(pid, unix.SIGKILL) // it is ours: its session is
		}
		c.Process.Kill()
		c.Wait()
	})
}

// sessionOf are the numbers of the live processes in the session that began with pid.
func sessionOf(table *process.Table, pid int) map[int]bool {
	found := map[int]bool{}
	pids, _ := numbers()
	for _, n := range pids {
		if p := table.Number(n); p != nil && p.Session == pid && !p.Ended() {
			found[n] = true
		}
	}
	return found
}

// script writes an executable shell script into a place that anybody can write, and starts it.
func script(t *testing.T, text string) *exec.Cmd {
	t.Helper()
	c := exec.Command(scriptFile(t, text))
	begin(t, c)
	return c
}

func scriptFile(t *testing.T, text string) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "interdict-test-")
	if err != nil {
		t.Skip("no /dev/shm to write to:", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	file := filepath.Join(dir, ".x.sh")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

// until waits for a condition on the machine's processes.
func until(t *testing.T, what string, f func(*process.Table) bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		table, err := New().Processes(context.Background()) // in clean-up too
		if err != nil {
			t.Fatal(err)
		}
		if f(table) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("never came: ", what)
		}
		runtime.Gosched()
	}
}

// sleeper finds a child of pid's session that runs sleep with this argument.
func sleeper(t *testing.T, pid int, arg string) *process.Process {
	t.Helper()
	var found *process.Process
	until(t, "sleep "+arg, func(table *process.Table) bool {
		for n := range sessionOf(table, pid) {
			if p := table.Number(n); p.Name == "sleep" && strings.Join(p.Args, " ") == "sleep "+arg {
				found = p
				return true
			}
		}
		return false
	})
	return found
}

func identity(t *testing.T, pid int) respond.ProcessID {
	t.Helper()
	boot, err := bootID()
	if err != nil {
		t.Fatal(err)
	}
	p, err := readProcess(pid, boot)
	if err != nil {
		t.Fatal(err)
	}
	return p.ID
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		part.Missing(t, "lab", "needs root")
	}
}

func state(t *testing.T, id respond.ProcessID) byte {
	t.Helper()
	boot, err := bootID()
	if err != nil {
		t.Fatal(err)
	}
	p, err := find(id, boot)
	if isGone(err) {
		return '-'
	}
	if err != nil {
		t.Fatal(err)
	}
	return p.State
}

func number(t *testing.T, env string, otherwise int) int {
	t.Helper()
	if n, err := strconv.Atoi(os.Getenv(env)); err == nil {
		return n
	}
	return otherwise
}

// deadline is a context that ends at once or nearly so.
func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}
