package bench

import (
	_ "embed"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"
)

//go:embed testdata/storm.c
var stormSource []byte

// Storm is a program that starts a program over and over, faster than Go could.
type Storm struct{ driver, program string }

// Executions is what a storm does. Each has its number, from 0, as argument.
type Executions struct {
	Mark  string // argument 0
	Count int
	Loops int // processes that share the numbers
	Rate  int // a second, altogether; 0: as many as go
	Bytes int // of one more argument; 0: without
}

// NewStorm builds the driver and what it starts; it skips where there is no C compiler.
func NewStorm(t testing.TB) *Storm {
	t.Helper()
	dir := t.TempDir()
	s := &Storm{driver: filepath.Join(dir, "storm"), program: Noop(t)}
	if err := os.WriteFile(s.driver+".c", stormSource, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip(err)
	}
	if out, err := exec.Command("gcc", "-O2", "-static", "-o", s.driver, s.driver+".c").CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v: %s", err, out)
	}
	return s
}

// Command is the storm, not started yet.
func (s *Storm) Command(e Executions) *exec.Cmd {
	return exec.Command(s.driver, s.program, e.Mark, strconv.Itoa(e.Count), strconv.Itoa(max(e.Loops, 1)), strconv.Itoa(e.Rate), strconv.Itoa(e.Bytes))
}

// CPU is what a command and all below it used; it has ended.
func CPU(c *exec.Cmd) time.Duration { return c.ProcessState.UserTime() + c.ProcessState.SystemTime() }

// Noop writes the smallest program there is: one page that calls exit_group(0).
func Noop(t testing.TB) string {
	t.Helper()
	code := map[string][]byte{
		"amd64": {0x31, 0xff, 0xb8, 0xe7, 0, 0, 0, 0x0f, 0x05},             // xor edi,edi; mov eax,231; syscall
		"arm64": {0, 0, 0x80, 0xd2, 0xc8, 0x0b, 0x80, 0xd2, 1, 0, 0, 0xd4}, // mov x0,0; mov x8,94; svc 0
	}[runtime.GOARCH]
	machine := map[string]uint16{"amd64": 62, "arm64": 183}[runtime.GOARCH]
	const base, headers = 0x400000, 64 + 56
	le := binary.LittleEndian
	b := append([]byte("\x7fELF\x02\x01\x01"), make([]byte, 9)...)
	b = le.AppendUint16(b, 2)
	b = le.AppendUint16(b, machine)
	b = le.AppendUint32(b, 1)
	b = le.AppendUint64(b, base+headers) // entry
	b = le.AppendUint64(b, 64)           // program headers
	b = le.AppendUint64(b, 0)
	b = le.AppendUint32(b, 0)
	for _, v := range []uint16{64, 56, 1, 64, 0, 0} {
		b = le.AppendUint16(b, v)
	}
	b = le.AppendUint32(b, 1) // load
	b = le.AppendUint32(b, 5) // read, execute
	size := uint64(headers + len(code))
	for _, v := range []uint64{0, base, base, size, size, 4096} {
		b = le.AppendUint64(b, v)
	}
	path := filepath.Join(t.TempDir(), "noop")
	if err := os.WriteFile(path, append(b, code...), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
