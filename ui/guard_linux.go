package ui

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"

	"interdict/ui/text"
)

// guarding, in the environment, makes this program the guard of a terminal; its
// value is how the terminal was set.
const guarding = "INTERDICT_GUARDS_TERMINAL"

// allWell is what the guard reads last when there is nothing to do for it.
const allWell = "\x00"

// GuardTerminal starts a process that gives the terminal back when this one dies
// without doing it: killed, or by a fault in any goroutine, of which it then
// says what it was. release ends it.
func GuardTerminal() (release func(), err error) {
	set, err := unix.IoctlGetTermios(int(os.Stdin.Fd()), unix.TCGETS)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := binary.Write(&b, binary.NativeEndian, set); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	read, write, err := os.Pipe() // the end of this process ends it
	if err != nil {
		return nil, err
	}
	defer read.Close()
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), guarding+"="+hex.EncodeToString(b.Bytes()))
	cmd.Stdin, cmd.Stdout, cmd.ExtraFiles = os.Stdin, os.Stdout, []*os.File{read}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // what is sent to the terminal's group is not for it
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	err = debug.SetCrashOutput(write, debug.CrashOptions{})
	return func() {
		_ = debug.SetCrashOutput(nil, debug.CrashOptions{})
		_, _ = io.WriteString(write, allWell) // a guard that was killed does not read it
		write.Close()
		_ = cmd.Wait()
	}, err
}

// Guarding is the guard's main. It tells whether this process is one.
func Guarding() bool {
	value := os.Getenv(guarding)
	if value == "" {
		return false
	}
	last, _ := io.ReadAll(os.NewFile(3, "guarded"))
	if string(last) == allWell {
		return true
	}
	var set unix.Termios
	if b, err := hex.DecodeString(value); err == nil && binary.Read(bytes.NewReader(b), binary.NativeEndian, &set) == nil {
		_ = unix.IoctlSetTermios(int(os.Stdin.Fd()), unix.TCSETS, &set) // the terminal may be gone as well
	}
	fmt.Print(GiveTerminal)
	if len(last) > 0 {
		fmt.Println(text.CleanLines(string(last)))
	}
	fmt.Println("interdict died. What it froze stays frozen: `interdict standing` lists it.")
	return true
}
