package main

import (
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"interdict/ui"
)

// Killed, or ended by a fault of its own, the console leaves a terminal that
// can be used, and what the fault was.
func TestTheTerminalComesBackHoweverTheConsoleEnds(t *testing.T) {
	for signal, says := range map[syscall.Signal]string{syscall.SIGKILL: "interdict died", syscall.SIGQUIT: "rflags|pstate"} {
		t.Run(signal.String(), func(t *testing.T) {
			console := startTerminal(t, 120, 200, executable(t), "--demo", "--state", t.TempDir())
			console.wait("the first screen", "STANDING")
			if err := syscall.Kill(console.pid, signal); err != nil {
				t.Fatal(err)
			}
			console.wait("the shell's screen", says, "interdict standing")
			console.mu.Lock()
			defer console.mu.Unlock()
			if !strings.Contains(console.raw.String(), ui.GiveTerminal) {
				t.Error("the terminal was not given back")
			}
			if set, err := unix.IoctlGetTermios(int(console.pty.Fd()), unix.TCGETS); err != nil || set.Lflag&(unix.ICANON|unix.ECHO) != unix.ICANON|unix.ECHO {
				t.Errorf("the terminal is set to %+v: %v", set, err)
			}
		})
	}
}
