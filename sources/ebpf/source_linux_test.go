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
)

// kernelSource loads the sensor, or skips with the reason.
func kernelSource(t *testing.T, c Config) *Source {
	t.Helper()
	s, err := New(c)
	var u *Unsupported
	if errors.As(err, &u) {
		if strings.Contains(","+os.Getenv("INTERDICT_REQUIRE")+",", ",ebpf,") {
			t.Fatal(err)
		}
		t.Skip(err)
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
func record(t *testing.T, s *Source) *recorder {
	t.Helper()
	r := &recorder{more: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, r) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	r.wait(t, "processes that were there", func(row rowOf) bool {
		return row("event.action") == "already_running" && row("process.pid") == itoa(os.Getpid())
	})
	return r
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

func (r *recorder) wait(t *testing.T, what string, match func(rowOf) bool) rowOf {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		if rows := r.rows(match); len(rows) > 0 {
			return rows[0]
		}
		select {
		case <-r.more:
		case <-deadline:
			t.Fatalf("no row came that tells of %s", what)
		}
	}
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

func itoa(n int) string { return decimal64(uint64(n)) }
