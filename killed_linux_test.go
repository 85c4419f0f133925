package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	labs "interdict/testdata/lab"
)

// runIn runs a command to its end in a cgroup.
func runIn(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	d, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(d.Fd())}
	if err := cmd.Start(); err != nil {
		need(t, "ebpf", err)
	}
	cmd.Wait() // nobody listens there: it fails
}

// The console is killed at the worst moment: right after somebody said something.
func TestWhatWasSaidAndSeenOutlivesAKilledConsole(t *testing.T) {
	program, curl := executable(t), "/usr/bin/curl"
	kernelWorks(t, program)
	_, err := os.Stat(curl)
	need(t, "lab", err)
	dir, err := labs.MakeGroup("interdict-test-")
	need(t, "ebpf", err)
	t.Cleanup(func() { os.Remove(dir) })
	state := filepath.Join(t.TempDir(), "state")
	console := startTerminal(t, 120, 40, program, "--state", state, "--scope", dir)
	console.wait("the first screen", "STANDING", "ebpf ok")
	runIn(t, dir, curl, "-s", "-T", "/etc/hostname", "http://127.0.0.1:9/one")
	runIn(t, dir, curl, "-s", "-T", "/etc/hostname", "http://127.0.0.1:9/two")
	console.wait("both alerts", `2 ended`)
	console.press("a")
	console.wait("the acknowledgement", "yours")
	console.press("j")
	console.press("cb")
	console.wait("the closure", "closed as benign")
	if err := syscall.Kill(console.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-console.ended

	again := startTerminal(t, 120, 40, program, "--state", state, "--scope", dir)
	again.wait("what was left", `1 ended`, "taken by")
	out, err := exec.Command(program, "--state", state, "journal", "verify").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "whole: ") {
		t.Errorf("journal verify: %v: %s", err, out)
	}
	out, err = exec.Command(program, "--state", state, "query", "--format", "csv",
		`FROM logs-* | WHERE process.name == "curl" AND event.action == "exec" | STATS n = COUNT(*)`).Output()
	if err != nil || !strings.Contains(string(out), "\n2") {
		t.Errorf("of two executions the history has %q: %v", out, err)
	}
}
