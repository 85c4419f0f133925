//go:build amd64 || arm64

package ebpf

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// play is a process of a test.
func play(part string) {
	switch part {
	case "fork":
		if pid, _, _ := syscall.RawSyscall(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0); pid == 0 {
			syscall.RawSyscall(unix.SYS_EXIT_GROUP, 3, 0, 0)
		}
		unix.Wait4(-1, nil, 0, nil)
	case "threads":
		var held [16]chan struct{}
		for i := range held {
			held[i] = make(chan struct{})
			go func() {
				close(held[i])
				unix.Nanosleep(&unix.Timespec{Sec: 60}, nil) // holds its thread until the group ends
			}()
			<-held[i]
		}
		os.Exit(5)
	case "wait":
		io.Copy(io.Discard, os.Stdin)
	case "memfd":
		runInMemory(os.Args[1], os.Args[2:])
	case "sendfile", "splice":
		must(send(part, os.Args[1], os.Args[2]))
	case "turns":
		must(takeTurns(os.Args[1:]))
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// runInMemory runs a program from memory that has no name in any directory.
func runInMemory(path string, args []string) {
	program, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	fd, err := unix.MemfdCreate("hidden", unix.MFD_CLOEXEC)
	if err != nil {
		panic(err)
	}
	unix.Write(fd, program)
	argv, _ := syscall.SlicePtrFromStrings(args)
	envv, _ := syscall.SlicePtrFromStrings(os.Environ())
	empty := []byte{0}
	unix.RawSyscall6(unix.SYS_EXECVEAT, uintptr(fd), uintptr(unsafe.Pointer(&empty[0])),
		uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&envv[0])), unix.AT_EMPTY_PATH, 0)
	os.Exit(1)
}

func TestAnExecutionIsToldWithArgumentsParentAndExit(t *testing.T) {
	r := record(t, kernelSource(t, Config{}))
	cmd := exec.Command("/bin/sh", "-c", "exit 7", "marker-exec-argv", "two words", "")
	cmd.Run()
	row := r.wait(t, "the execution", func(row rowOf) bool {
		return row("event.action") == "exec" && strings.Contains(row("process.args"), "marker-exec-argv")
	})
	for field, want := range map[string]string{
		"process.args":       "/bin/sh\x00-c\x00exit 7\x00marker-exec-argv\x00two words\x00",
		"process.args_count": "6", "event.type": "start", "process.parent.pid": itoa(os.Getpid()), "process.pid": itoa(cmd.Process.Pid),
		"interdict.filename": "/bin/sh", "host.os.type": "linux", "user.id": itoa(os.Getuid()),
	} {
		if got := row(field); got != want {
			t.Errorf("%s is %q, want %q", field, got, want)
		}
	}
	end := r.wait(t, "the exit", func(e rowOf) bool {
		return e("event.action") == "end" && e("process.entity_id") == row("process.entity_id")
	})
	if end("process.exit_code") != "7" {
		t.Errorf("exit code %q, want 7", end("process.exit_code"))
	}
}

func TestAForkWithoutExecIsAProcessOfItsOwn(t *testing.T) {
	r := record(t, kernelSource(t, Config{}))
	cmd := player("fork", marker(t))
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	parent := r.execOfPID(t, cmd.Process.Pid)
	child := r.wait(t, "the fork", action("fork", "process.parent.entity_id", parent("process.entity_id")))
	if got := child("process.executable"); got != parent("process.executable") {
		t.Errorf("the child runs %q, its parent %q", got, parent("process.executable"))
	}
	if code := r.endOf(t, child)("process.exit_code"); code != "3" {
		t.Errorf("exit code %q, want 3", code)
	}
}

func TestAProcessOfManyThreadsEndsOnce(t *testing.T) {
	r := record(t, kernelSource(t, Config{}))
	cmd := player("threads", marker(t))
	cmd.Run()
	row := r.execOfPID(t, cmd.Process.Pid)
	if code := r.endOf(t, row)("process.exit_code"); code != "5" {
		t.Errorf("exit code %q, want 5", code)
	}
	later := exec.Command("/bin/true")
	later.Run()
	r.endOf(t, r.execOfPID(t, later.Process.Pid))
	if n := len(r.rows(action("end", "process.entity_id", row("process.entity_id")))); n != 1 {
		t.Errorf("it ended %d times", n)
	}
}

func TestASignalIsTheExitCode(t *testing.T) {
	r := record(t, kernelSource(t, Config{}))
	cmd := exec.Command("/bin/sh", "-c", "kill -KILL $$", marker(t))
	cmd.Run()
	if code := r.endOf(t, r.execOfPID(t, cmd.Process.Pid))("process.exit_code"); code != "137" {
		t.Errorf("exit code %q, want 137", code)
	}
}

func TestWhatWasThereBeforeTheStartIsAParent(t *testing.T) {
	mark := marker(t)
	shell := exec.Command("/bin/sh", "-c", "read line; /bin/true; read line", mark)
	in, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	shell.Dir = t.TempDir()
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { in.Close(); shell.Wait() }()
	r := record(t, kernelSource(t, Config{}))
	io.WriteString(in, "go\n")
	row := r.wait(t, "the child", func(row rowOf) bool {
		return row("event.action") == "exec" && row("process.parent.pid") == itoa(shell.Process.Pid)
	})
	for field, want := range map[string]string{
		"process.parent.executable": realPath(t, "/bin/sh"), "process.parent.working_directory": realPath(t, shell.Dir),
	} {
		if got := row(field); got != want {
			t.Errorf("%s is %q, want %q", field, got, want)
		}
	}
	if got := row("process.parent.command_line"); !strings.Contains(got, mark) {
		t.Errorf("the parent's command line is %q", got)
	}
	there := r.wait(t, "the shell that was there", action("already_running", "process.pid", itoa(shell.Process.Pid)))
	ancestry := strings.Split(row("process.Ext.ancestry"), "\x00")
	if ancestry[0] != there("process.entity_id") || len(ancestry) < 2 || ancestry[1] != there("process.parent.entity_id") {
		t.Errorf("ancestry %q begins neither with the shell %q nor with its parent %q", ancestry, there("process.entity_id"), there("process.parent.entity_id"))
	}
}

func realPath(t *testing.T, path string) string {
	t.Helper()
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		t.Fatal(err)
	}
	return real
}

func TestALongCommandLineComesWhole(t *testing.T) {
	r := record(t, kernelSource(t, Config{}))
	args := []string{"-c", "exit 0", marker(t)}
	for i := range 8192 {
		args = append(args, "argument"+itoa(i))
	}
	cmd := exec.Command("/bin/sh", args...)
	cmd.Run()
	row := r.execOfPID(t, cmd.Process.Pid)
	want := strings.Join(append([]string{"/bin/sh"}, args...), " ")
	if got := row("process.command_line"); len(want) < 64<<10 || got != want {
		t.Errorf("%d bytes came of %d", len(got), len(want))
	}
	if got := row("process.args_count"); got != itoa(len(args)+1) {
		t.Errorf("%s arguments, want %d", got, len(args)+1)
	}
	if row("process.Ext.command_line_truncated") != "" {
		t.Error("it is marked as cut")
	}
}

func TestAHugeCommandLineIsCutWithItsTrueLength(t *testing.T) {
	r := record(t, kernelSource(t, Config{}))
	args := []string{"-c", "exit 0", marker(t)}
	for range 9 {
		args = append(args, strings.Repeat("x", 120<<10))
	}
	cmd := exec.Command("/bin/sh", args...)
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	total := len("/bin/sh") + 1
	for _, a := range args {
		total += len(a) + 1
	}
	row := r.execOfPID(t, cmd.Process.Pid)
	if got := row("interdict.args_bytes"); got != itoa(total) {
		t.Errorf("true length %s, want %d", got, total)
	}
	if row("process.Ext.command_line_truncated") != "true" {
		t.Error("it is not marked as cut")
	}
	if got := len(row("process.command_line")); got != argsBytes {
		t.Errorf("%d bytes came, want %d", got, argsBytes)
	}
}

func TestADeletedExecutableAndAMemfdAreSaid(t *testing.T) {
	r := record(t, kernelSource(t, Config{}))
	gone := filepath.Join(t.TempDir(), "gone")
	copyFile(t, "/bin/sh", gone)
	shell := exec.Command(gone, "-c", "read line; exec /proc/$$/exe -c 'exit 0' "+marker(t))
	in, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	os.Remove(gone)
	in.Close()
	shell.Wait()
	row := r.wait(t, "the deleted executable", func(row rowOf) bool {
		return row("process.pid") == itoa(shell.Process.Pid) && row("interdict.executable.nlink") == "0"
	})
	if got := row("process.executable"); got != realPath(t, filepath.Dir(gone))+"/gone" {
		t.Errorf("executable %q", got)
	}
	cmd := player("memfd", "/bin/sh", "sh", "-c", "exit 0", marker(t))
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	row = r.wait(t, "the program in memory", func(row rowOf) bool {
		return row("process.pid") == itoa(cmd.Process.Pid) && row("interdict.executable.memfd") == "true"
	})
	if got := row("process.executable"); got != "memfd:hidden" {
		t.Errorf("executable %q", got)
	}
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o755); err != nil {
		t.Fatal(err)
	}
}
