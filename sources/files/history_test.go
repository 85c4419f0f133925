package files

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/frame"
	"interdict/sources/sourcetest"
)

func TestFilesKeepThePromisesOfAHistory(t *testing.T) {
	sourcetest.History(t, sourcetest.Holding{
		Open: func(t *testing.T, events *frame.Frame) sources.History {
			text := ndjsonOf(events)
			half := strings.Index(text[len(text)/2:], "\n") + 1 + len(text)/2
			return open(t, write(t, "a.ndjson", text[:half]), write(t, "b.ndjson.gz", string(gzipped(t, text[half:]))))
		},
		Broken: func(t *testing.T, events *frame.Frame) sources.History {
			return open(t, write(t, "a.ndjson", "rubbish\n"+ndjsonOf(events)))
		},
	})
}

func ndjsonOf(f *frame.Frame) string {
	var out []byte
	e := ecs.NewEncoder(f)
	for i := range f.Rows {
		out = append(e.Append(out, i), '\n')
	}
	return string(out)
}

func TestAFieldThatNoSampleHadIsFoundWhenAsked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "late.ndjson")
	text := strings.Repeat(`{"a":1}`+"\n", sampleBytes/8+1000) + `{"late":5}` + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	h := open(t, path)
	if !h.catalog(t.Context(), false).sampled() {
		t.Fatal("the samples cover the file")
	}
	f, _, err := h.Query(t.Context(), sources.Query{Text: `FROM late | WHERE late == 5 | KEEP late`})
	if err != nil || texts(f, "late") != "5" {
		t.Errorf("%v, %v", f, err)
	}
}

// endless gives rows without end, and calls stop when it is read for the third time.
type endless struct {
	reads int
	stop  func()
}

func (e *endless) Read(p []byte) (int, error) {
	if e.reads++; e.reads == 3 {
		e.stop()
	}
	return copy(p, `{"a":1}`+"\n"), nil
}

func TestOpeningThatIsCalledOffEndsAmidAStream(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	h, err := Open(ctx, Config{Paths: []string{"-"}, Stdin: &endless{stop: stop}})
	if h != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", h, err)
	}
}
