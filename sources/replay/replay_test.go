package replay

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/frame"
	"interdict/sources/sourcetest"
)

func TestAReplayKeepsThePromisesOfASource(t *testing.T) {
	for name, pack := range packings(t) {
		t.Run(name, func(t *testing.T) {
			data := pack(events(3000) + "not json\n" + `{"a":` + "\n")
			sourcetest.Source(t, func(*testing.T) sources.Source {
				return New(Config{Name: "replay:test", Open: opener(data)})
			}, sourcetest.Want{Rows: 3000, Malformed: 2})
		})
	}
}

func TestTheIncidentKeepsThePromisesOfASource(t *testing.T) {
	sourcetest.Source(t, func(*testing.T) sources.Source { return Incident(0, nil) }, sourcetest.Want{Rows: incidentRows(t)})
}

func TestTheFirstBadLineIsQuotedByNumber(t *testing.T) {
	s := New(Config{Open: opener([]byte(events(2) + "\n\nrubbish \x1b[31m\n" + events(1) + "[]\n"))})
	collect(t, s)
	notes := strings.Join(s.Stats().Notes, "\n")
	want := `2 lines of the recording could not be read; the first is line 5: unexpected r at byte 1: "rubbish \x1b[31m"`
	if notes != want {
		t.Errorf("notes:\n%s\nwanted:\n%s", notes, want)
	}
}

func TestATruncatedRecordingIsPlayedToItsEndAndSaid(t *testing.T) {
	for name, pack := range packings(t) {
		if name == "plain" {
			continue
		}
		data := pack(events(2000))
		s := New(Config{Open: opener(data[:len(data)-len(data)/4])})
		rows := collect(t, s)
		st := s.Stats()
		if rows == 0 || rows >= 2000 || st.Lost.Malformed != 1 || !strings.Contains(strings.Join(st.Notes, ""), "ends early") {
			t.Errorf("%s: %d rows, %+v", name, rows, st)
		}
	}
}

func TestAFileOfRubbishIsAnError(t *testing.T) {
	err := New(Config{Name: "replay:x", Open: opener([]byte("a\nb\n"))}).Run(t.Context(), discard())
	if err == nil || err.Error() != `no line is an event; the first is line 1: unexpected a at byte 1: "a"` {
		t.Errorf("error: %v", err)
	}
}

func TestAFileThatCannotBeOpenedIsAnError(t *testing.T) {
	missing := errors.New("missing")
	err := New(Config{Open: func() (io.ReadCloser, error) { return nil, missing }}).Run(t.Context(), discard())
	if !errors.Is(err, missing) {
		t.Errorf("error: %v", err)
	}
}

func TestRecordedSpeedWaitsForEveryEvent(t *testing.T) {
	clock := &clock{now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	for _, speed := range []float64{1, 4} {
		clock.waited = 0
		s := New(Config{Open: opener([]byte(events(5))), Speed: speed, Now: clock.Now, After: clock.After})
		collect(t, s)
		if want := time.Duration(float64(4*time.Second) / speed); clock.waited != want {
			t.Errorf("speed %v: waited %s, wanted %s", speed, clock.waited, want)
		}
	}
}

func TestEventsOfOneMomentTravelTogether(t *testing.T) {
	clock := &clock{now: time.Unix(0, 0)}
	line := `{"@timestamp":"2026-01-01T00:00:00.%03dZ","host":{"id":"h"}}` + "\n"
	text := fmt.Sprintf(line, 0) + fmt.Sprintf(line, 9) + fmt.Sprintf(line, 30)
	var sizes []int
	s := New(Config{Open: opener([]byte(text)), Speed: 1, Now: clock.Now, After: clock.After})
	err := s.Run(t.Context(), sources.SinkFunc(func(_ context.Context, b sources.Batch) error {
		sizes = append(sizes, b.Events.Rows)
		return nil
	}))
	if err != nil || fmt.Sprint(sizes) != "[2 1]" {
		t.Errorf("batches of %v rows, %v", sizes, err)
	}
}

func TestARecordingHappensNow(t *testing.T) {
	now := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	clock := &clock{now: now}
	for speed, want := range map[float64]time.Time{1: now, 0: now.Add(-4 * time.Second), 2: now.Add(-4 * time.Second)} {
		clock.now = now
		s := New(Config{Open: opener([]byte(events(5))), Speed: speed, AsNow: true, Now: clock.Now, After: clock.After})
		f := frames(t, s)[0]
		ms, _ := f.Int(ecs.Timestamp.Name(), 0)
		start, _ := f.Int(ecs.ProcessStart.Name(), 0)
		if !time.UnixMilli(ms).Equal(want) || ms-start != 500 {
			t.Errorf("speed %v: the first event happens at %s, its process started %d ms before", speed, time.UnixMilli(ms).UTC(), ms-start)
		}
	}
}

// clock moves only when somebody waits.
type clock struct {
	now    time.Time
	waited time.Duration
}

func (c *clock) Now() time.Time { return c.now }

func (c *clock) After(d time.Duration) <-chan time.Time {
	c.now = c.now.Add(d)
	c.waited += d
	ch := make(chan time.Time, 1)
	ch <- c.now
	return ch
}

// events are n events of one host, a second apart.
func events(n int) string {
	var b strings.Builder
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		when := at.Add(time.Duration(i) * time.Second)
		fmt.Fprintf(&b, `{"@timestamp":%q,"host":{"id":"h"},"process":{"pid":%d,"name":"p%d","start":%q}}`+"\n",
			when.Format(time.RFC3339Nano), i, i%7, when.Add(-500*time.Millisecond).Format(time.RFC3339Nano))
	}
	return b.String()
}

func packings(t *testing.T) map[string]func(string) []byte {
	return map[string]func(string) []byte{
		"plain": func(s string) []byte { return []byte(s) },
		"gzip": func(s string) []byte {
			var b bytes.Buffer
			w := gzip.NewWriter(&b)
			_, err := io.WriteString(w, s)
			if err = errors.Join(err, w.Close()); err != nil {
				t.Fatal(err)
			}
			return b.Bytes()
		},
		"zstd": func(s string) []byte {
			w, err := zstd.NewWriter(nil)
			if err != nil {
				t.Fatal(err)
			}
			return w.EncodeAll([]byte(s), nil)
		},
	}
}

func opener(data []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
}

func discard() sources.Sink {
	return sources.SinkFunc(func(context.Context, sources.Batch) error { return nil })
}

func frames(t *testing.T, s sources.Source) (all []*frame.Frame) {
	t.Helper()
	err := s.Run(t.Context(), sources.SinkFunc(func(_ context.Context, b sources.Batch) error {
		all = append(all, b.Events)
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func collect(t *testing.T, s sources.Source) (rows int) {
	t.Helper()
	for _, f := range frames(t, s) {
		rows += f.Rows
	}
	return rows
}

func incidentRows(t *testing.T) int {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(incident))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(text, []byte{'\n'})
}
