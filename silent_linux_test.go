package main

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/creack/pty"
)

// A serial line answers no question: the screen is there at once all the same.
func TestATerminalThatAnswersNothingHoldsNothingUp(t *testing.T) {
	cmd := exec.Command(executable(t), "--demo", "--state", t.TempDir())
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "CI=")
	line, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	defer line.Close()
	if err := line.SetReadDeadline(time.Now().Add(4 * time.Second)); err != nil {
		t.Skip("this pty knows no deadline: ", err)
	}
	var all []byte
	for b := make([]byte, 4096); !bytes.Contains(all, []byte("STANDING")); {
		n, err := line.Read(b)
		if all = append(all, b[:n]...); err != nil {
			t.Fatalf("%v; until then it wrote %q", err, all)
		}
	}
	if bytes.Contains(all, []byte("\x1b]11;?")) || bytes.Contains(all, []byte("\x1b[6n")) {
		t.Errorf("the terminal is asked something: %.80q", all)
	}
}
