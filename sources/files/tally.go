package files

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"

	"interdict/sources"
	"interdict/sources/ecs"
)

// tally gathers what could not be read while one question was answered. Safe
// for concurrent use.
type tally struct {
	mu      sync.Mutex
	done    map[any]bool // segments that have been counted: they may be read twice
	lines   int64
	first   *badLine
	misfits map[ecs.Misfit]int64
	reasons []string
	notes   []string // warnings
	scanned int64
}

// badLine is a line that could not be read. number counts from offset in the
// file, which is where its segment begins.
type badLine struct {
	file   string
	offset int64
	number int
	text   string
}

func newTally() *tally { return &tally{done: map[any]bool{}, misfits: map[ecs.Misfit]int64{}} }

// once tells whether nobody has counted for the key yet.
func (t *tally) once(key any) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done[key] {
		return false
	}
	t.done[key] = true
	return true
}

// add adds what one segment found.
func (t *tally) add(rows int, lines int64, first *badLine, misfits []ecs.Misfit) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.scanned += int64(rows)
	t.lines += lines
	if first != nil && (t.first == nil || first.before(t.first)) {
		t.first = first
	}
	for _, m := range misfits {
		n := m.Count
		m.Count = 0
		t.misfits[m] += n
	}
}

func (b *badLine) before(o *badLine) bool {
	if b.file != o.file {
		return b.file < o.file
	}
	return b.offset < o.offset
}

func (t *tally) reason(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reasons = append(t.reasons, text)
}

// note is a warning: the answer is whole.
func (t *tally) note(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notes = append(t.notes, text)
}

// into says in q what was found.
func (t *tally) into(q *sources.Quality) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lines > 0 {
		q.Reasons = append(q.Reasons, fmt.Sprintf("%d lines could not be read; the first is %s", t.lines, t.first))
	}
	for _, m := range ecs.SortMisfits(t.misfits) {
		q.Reasons = append(q.Reasons, m.String())
	}
	q.Reasons = append(q.Reasons, t.reasons...)
	q.Warnings = append(q.Warnings, t.notes...)
	q.Partial = q.Partial || len(q.Reasons) > 0
	q.Scanned = max(q.Scanned, t.scanned)
}

func (b *badLine) String() string {
	return fmt.Sprintf("line %d of %s: %s", int64(b.number)+linesBefore(b.file, b.offset), b.file, b.text)
}

// linesBefore counts line ends: only done for the one line that is quoted.
func linesBefore(path string, offset int64) (n int64) {
	if offset == 0 {
		return 0
	}
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	buf := make([]byte, 1<<18)
	for r := io.LimitReader(f, offset); ; {
		k, err := r.Read(buf)
		n += int64(bytes.Count(buf[:k], []byte{'\n'}))
		if err != nil {
			return n
		}
	}
}

// quote is a line as far as it helps to find it.
func quote(err error, line []byte) string {
	if len(line) == 0 {
		return err.Error()
	}
	return fmt.Sprintf("%v: %.80q", err, line[:min(len(line), 80)])
}
