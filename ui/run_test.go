//go:build linux

package ui

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"

	"interdict/detect"
)

// onTerminal runs the console on a real pseudo terminal with an emulator behind it.
type onTerminal struct {
	t      testing.TB
	master *os.File
	slave  *os.File
	stop   context.CancelFunc
	ended  chan error

	mu     sync.Mutex
	vt     *vt.Emulator
	wrote  int
	news   chan struct{} // capacity 1: something was written
	config Config
	engine *fakeEngine
}

func startOnTerminal(t testing.TB, w, h int) *onTerminal {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo terminal here: %v", err)
	}
	master = interruptible(t, master)
	if err := pty.Setsize(slave, &pty.Winsize{Rows: uint16(h), Cols: uint16(w)}); err != nil {
		t.Fatal(err)
	}
	e := &fakeEngine{changed: make(chan struct{}, 1), closed: map[string]string{}, taken: map[string]string{}}
	e.snap = detect.Snapshot{Judged: 1, Since: noon, Findings: []*detect.Finding{theft(), backup()}}
	ctx, stop := context.WithCancel(context.Background())
	o := &onTerminal{t: t, master: master, slave: slave, stop: stop, ended: make(chan error, 1), vt: vt.NewEmulator(w, h), news: make(chan struct{}, 1), engine: e}
	o.config = Config{Engine: e, Feed: NewFeed(), Theme: "dark", Now: func() time.Time { return noon }, Assess: fakeAssessor(guideOf)}
	go o.read()
	done := make(chan struct{})
	go func() {
		defer close(done)
		o.ended <- Run(ctx, o.config, slave, slave)
	}()
	t.Cleanup(func() {
		stop()
		<-done
		master.Close()
		slave.Close()
	})
	return o
}

// interruptible gives the file anew, so that closing it ends a read of it.
func interruptible(t testing.TB, f *os.File) *os.File {
	t.Helper()
	fd, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := syscall.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fd), "pty")
}

func (o *onTerminal) read() {
	b := make([]byte, 1<<16)
	for {
		n, err := o.master.Read(b)
		o.mu.Lock()
		o.vt.Write(b[:n])
		o.wrote += n
		o.mu.Unlock()
		select {
		case o.news <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (o *onTerminal) screen() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.vt.String()
}

// until waits for the terminal to show something.
func (o *onTerminal) until(what string) {
	o.t.Helper()
	o.wait("to come: "+what, func(s string) bool { return strings.Contains(s, what) })
}

func (o *onTerminal) wait(what string, done func(screen string) bool) {
	o.t.Helper()
	limit := time.After(10 * time.Second)
	for !done(o.screen()) {
		select {
		case <-o.news:
		case <-limit:
			o.t.Fatalf("waited in vain for %s\n%s", what, o.screen())
		}
	}
}

func (o *onTerminal) end() error {
	o.t.Helper()
	select {
	case err := <-o.ended:
		return err
	case <-time.After(10 * time.Second):
		o.t.Fatal("the console does not end")
		return nil
	}
}

func TestTheConsoleRunsOnATerminalAndGivesItBack(t *testing.T) {
	o := startOnTerminal(t, 120, 32)
	o.until("LIKELY THEFT, STILL SENDING")
	io.WriteString(o.master, "\r")
	o.until("1 Command line")
	io.WriteString(o.master, "\x1b[B") // arrow down, in one piece
	io.WriteString(o.master, "1")
	o.until("CONTENT")
	o.engine.put(another(5), theft(), backup())
	o.engine.changed <- struct{}{}
	o.until("new-5")
	io.WriteString(o.master, "q")
	if err := o.end(); err != nil {
		t.Error(err)
	}
	o.wait("the alternate screen to go", func(s string) bool { return !strings.Contains(s, "interdict") })
}

func TestAResizeOnATerminalIsPaintedWhole(t *testing.T) {
	o := startOnTerminal(t, 120, 32)
	o.until("CONTENT")
	o.mu.Lock()
	o.vt.Resize(80, 24)
	o.mu.Unlock()
	if err := pty.Setsize(o.slave, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	self, _ := os.FindProcess(os.Getpid())
	self.Signal(syscall.SIGWINCH) // the terminal is not this process's own
	o.until("interdict 1 SENDING")
}

func TestATerminalThatDisappearsEndsTheConsole(t *testing.T) {
	o := startOnTerminal(t, 80, 24)
	o.until("SENDING")
	o.master.Close()
	if err := o.end(); err != nil {
		t.Error(err)
	}
}

func TestTheConsoleEndsWithItsContext(t *testing.T) {
	o := startOnTerminal(t, 80, 24)
	o.until("SENDING")
	o.stop()
	if err := o.end(); err != nil {
		t.Error(err)
	}
}

func TestAnIdleConsoleWritesNothing(t *testing.T) {
	o := startOnTerminal(t, 80, 24)
	o.until("LIKELY THEFT")
	settle := func() int {
		o.mu.Lock()
		defer o.mu.Unlock()
		return o.wrote
	}
	before := settle()
	for range 50 { // the engine says that something changed, and what is shown did not
		select {
		case o.engine.changed <- struct{}{}:
		case <-time.After(5 * time.Second):
			t.Fatal("nobody takes the engine's signal")
		}
	}
	if after := settle(); after != before {
		t.Errorf("wrote %d bytes", after-before)
	}
}

func TestWithoutATerminalRunPointsToPlain(t *testing.T) {
	err := Run(t.Context(), Config{}, strings.NewReader(""), io.Discard)
	if err == nil || !strings.Contains(err.Error(), "--plain") {
		t.Errorf("%v", err)
	}
}

// From a key to the last byte of what it changes, with a million rows in the
// feed and 10,000 events a second coming in.
func BenchmarkKeyToPaint(b *testing.B) {
	o := startOnTerminal(b, 120, 32)
	for i, batches := 0, feedBatches("scp", 1000); i < 500_000; i++ {
		o.config.Feed.put(batches[i%1000].Events)
	}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	go func() {
		batches := feedBatches("curl", 50)
		for t := time.NewTicker(10 * time.Millisecond); ctx.Err() == nil; <-t.C {
			for _, batch := range batches {
				o.config.Feed.Put(ctx, batch)
			}
		}
	}()
	o.until("SENDING")
	io.WriteString(o.master, "2")
	o.until("following")
	io.WriteString(o.master, "k")
	o.until("held")
	var all []time.Duration
	keys := []string{"?", "2"}
	marks := []string{"everywhere", "FAR END"}
	for i := 0; b.Loop(); i++ {
		began := time.Now()
		io.WriteString(o.master, keys[i%2])
		o.until(marks[i%2])
		all = append(all, time.Since(began))
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
}
