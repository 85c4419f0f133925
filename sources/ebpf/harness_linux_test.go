//go:build amd64 || arm64

package ebpf

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"interdict/sources"
	"interdict/sources/frame"
	"interdict/testdata/part"
)

// TestMain also plays the processes that the tests watch.
func TestMain(m *testing.M) {
	if part := os.Getenv("SENSOR_TEST_PART"); part != "" {
		play(part)
		return
	}
	os.Exit(m.Run())
}

// kernelSource loads the sensor, or skips with the reason.
func kernelSource(t testing.TB, c Config) *Source {
	t.Helper()
	s, err := New(c)
	var u *Unsupported
	if errors.As(err, &u) {
		part.Missing(t, "ebpf", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// recorder keeps what a source delivers and wakes whoever waits for a row.
type recorder struct {
	mu     sync.Mutex
	more   chan struct{}
	frames []*frame.Frame
	lost   sources.Loss
}

func (r *recorder) Put(_ context.Context, b sources.Batch) error {
	r.mu.Lock()
	r.frames = append(r.frames, b.Events)
	r.lost = r.lost.Add(b.Lost)
	r.mu.Unlock()
	select {
	case r.more <- struct{}{}:
	default:
	}
	return nil
}

// record runs s until the test ends.
func record(t testing.TB, s *Source) *recorder {
	t.Helper()
	r := &recorder{more: make(chan struct{}, 1)}
	r.run(t, s)
	if s.config.Scope == "" {
		r.wait(t, "processes that were there", action("already_running", "process.pid", itoa(os.Getpid())))
	}
	return r
}

// run runs s until the test ends.
func (r *recorder) run(t testing.TB, s *Source) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, r) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// rowOf gives a field of one row as text.
type rowOf func(field string) string

// rows gives all rows so far that match.
func (r *recorder) rows(match func(rowOf) bool) []rowOf {
	r.mu.Lock()
	frames := r.frames
	r.mu.Unlock()
	var out []rowOf
	for _, f := range frames {
		for i := range f.Rows {
			row := func(field string) string {
				c := f.Column(field)
				if c == nil {
					return ""
				}
				return strings.Join(c.Texts(i), "\x00")
			}
			if match(row) {
				out = append(out, row)
			}
		}
	}
	return out
}

func (r *recorder) wait(t testing.TB, what string, match func(rowOf) bool) rowOf {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		if rows := r.rows(match); len(rows) > 0 {
			return rows[0]
		}
		select {
		case <-r.more:
		case <-deadline:
			t.Fatalf("no row came that tells of %s%s", what, r.network())
		}
	}
}

func itoa(n int) string { return decimal64(uint64(n)) }

// network is what was told of connections, to explain a failure.
func (r *recorder) network() string {
	var b strings.Builder
	for _, row := range r.rows(func(row rowOf) bool { return row("event.category") == "network" }) {
		b.WriteString("\n")
		for _, f := range []string{"event.action", "process.name", "process.pid", "interdict.tool", "network.direction", "source.ip", "source.port", "source.bytes", "destination.port", "destination.bytes"} {
			b.WriteString(" " + row(f))
		}
	}
	return b.String()
}

// player is this program playing a process: see play.
func player(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "SENSOR_TEST_PART="+name)
	return cmd
}

// action matches rows by event.action and one more field.
func action(name, field, value string) func(rowOf) bool {
	return func(row rowOf) bool { return row("event.action") == name && row(field) == value }
}

// execOfPID waits for the execution of a process that the test started.
func (r *recorder) execOfPID(t testing.TB, pid int) rowOf {
	t.Helper()
	return r.wait(t, "the execution of "+itoa(pid), action("exec", "process.pid", itoa(pid)))
}

// endOf waits for the end of the process of a row.
func (r *recorder) endOf(t testing.TB, of rowOf) rowOf {
	t.Helper()
	return r.wait(t, "the end of "+of("process.pid"), action("end", "process.entity_id", of("process.entity_id")))
}

// marker is text that no other process of the machine has in its command line.
func marker(t testing.TB) string {
	return "marker-" + strings.ReplaceAll(t.Name(), "/", "-") + "-" + itoa(os.Getpid()) + "-" + decimal64(bootNow())
}
