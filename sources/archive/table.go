package archive

import (
	"context"
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/esql"
	"interdict/sources/frame"
)

// catalog is the archive at one moment.
type catalog struct {
	segments [ecs.Datasets][]*segment // by dataset, oldest first
	gaps     []gap
	bad      *bad
}

// catalog takes a snapshot. The caller holds the mutex.
func (a *Archive) catalog() *catalog {
	c := &catalog{gaps: append([]gap(nil), a.gaps...), bad: &bad{}}
	if a.gone > 0 {
		c.gaps = append(c.gaps, gap{span{min: math.MinInt64, max: a.gone}, "events up to " + time.UnixMilli(a.gone).UTC().Format(time.RFC3339) + " were deleted to stay inside the bounds of age and size"})
	}
	for i := range a.sets {
		d, set := &a.sets[i], ecs.Dataset(i)
		for _, s := range d.sealed {
			c.segments[i] = append(c.segments[i], a.fileSegment(s, c.bad))
		}
		c.segments[i] = append(c.segments[i], d.kept...)
		c.segments[i] = append(c.segments[i], d.parcel.parts...)
		c.segments[i] = append(c.segments[i], d.memory(set)...)
	}
	return c
}

// memory is what is not sealed, at this moment.
func (d *dataset) memory(set ecs.Dataset) []*segment {
	var out []*segment
	for _, p := range d.packed {
		out = append(out, &segment{set: set, rows: p.rows, times: p.times, read: func(_ context.Context, columns []string, _ []ecs.Condition) (*frame.Frame, error) {
			return p.read(columns), nil
		}})
	}
	if d.open.rows > 0 {
		f := d.open.frame()
		d.open.shared = true
		out = append(out, &segment{set: set, rows: f.Rows, times: d.open.times, read: func(_ context.Context, columns []string, _ []ecs.Condition) (*frame.Frame, error) {
			return only(f, columns), nil
		}})
	}
	return out
}

// bad collects files that turned out to be damaged while a query ran.
type bad struct {
	mu      sync.Mutex
	reasons []string
}

// fileSegment reads a sealed file. A damaged one is set aside, and the rows that
// are missing are told by the answer's quality instead of failing it.
func (a *Archive) fileSegment(s *sealed, b *bad) *segment {
	path := filepath.Join(a.config.Dir, s.name())
	return &segment{set: s.set, rows: s.rows, times: s.times, sieves: true, read: func(ctx context.Context, columns []string, where []ecs.Condition) (*frame.Frame, error) {
		f, err := readParquet(ctx, path, s.rows, columns, where)
		if err == nil || ctx.Err() != nil {
			return f, ctx.Err()
		}
		kept := a.discard(s, path)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.reasons = append(b.reasons, fmt.Sprintf("%d events are missing: %s could not be read (%v) and is kept as %s", s.rows, s.name(), err, kept))
		return &frame.Frame{Rows: s.rows}, nil
	}}
}

// discard sets a damaged file aside, if the directory may be changed, and tells its name.
func (a *Archive) discard(s *sealed, path string) (kept string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	kept = s.name()
	if a.disk != nil && os.Rename(path, path+corrupt) == nil { // one that cannot be moved is met again by the next run
		kept += corrupt
	}
	d := &a.sets[s.set]
	if n := len(d.sealed); n > 0 {
		d.sealed = slices.DeleteFunc(d.sealed, func(t *sealed) bool { return t == s })
		if len(d.sealed) < n {
			a.gaps = append(a.gaps, gap{s.times, fmt.Sprintf("%d events are missing: %s was damaged and is kept as %s", s.rows, s.name(), kept)})
			a.notes = append(a.notes, s.name()+" was damaged and is kept as "+kept)
		}
	}
	return kept
}

// damaged says what the query met.
func (c *catalog) damaged() []string {
	c.bad.mu.Lock()
	defer c.bad.mu.Unlock()
	return c.bad.reasons
}

// only gives the named columns of f.
func only(f *frame.Frame, columns []string) *frame.Frame {
	out := &frame.Frame{Rows: f.Rows}
	for _, name := range columns {
		if c := f.Column(name); c != nil && out.Column(name) == nil {
			out.Names, out.Columns = append(out.Names, name), append(out.Columns, c)
		}
	}
	return out
}

// Table finds the datasets that the patterns name.
func (c *catalog) Table(patterns string) (esql.Table, bool) {
	t := &table{}
	found := false
	for set := range c.segments {
		if esql.MatchIndex(patterns, ecs.Dataset(set).Index()) {
			found = true
			t.segments = append(t.segments, c.segments[set]...)
		}
	}
	return t, found
}

// missing says what is known to be missing in a time range.
func (c *catalog) missing(w sources.Window) []string {
	from, to := int64(math.MinInt64), int64(math.MaxInt64)
	if !w.From.IsZero() {
		from = w.From.UnixMilli()
	}
	if !w.To.IsZero() {
		to = w.To.UnixMilli()
	}
	var reasons []string
	for _, g := range c.gaps {
		if g.overlaps(from, to) {
			reasons = append(reasons, g.reason)
		}
	}
	return reasons
}

// table is some segments.
type table struct{ segments []*segment }

// Fields are those of the catalogue, and what Elasticsearch adds to a document.
func (t *table) Fields() []frame.Field {
	return append(ecs.Fields(), frame.Field{Name: indexField, Type: frame.Keyword}, frame.Field{Name: idField, Type: frame.Keyword}, frame.Field{Name: versionField, Type: frame.Long})
}

// Segments leaves out what the time range cannot touch.
func (t *table) Segments(field string, from, to int64) []esql.Segment {
	var out []esql.Segment
	for _, s := range t.segments {
		if field != ecs.Timestamp.Name() || s.times.overlaps(from, to) {
			out = append(out, s)
		}
	}
	return out
}

// segment is rows of one dataset.
type segment struct {
	set    ecs.Dataset
	rows   int
	times  span
	sieves bool // read passes over rows that cannot satisfy the conditions
	read   func(ctx context.Context, columns []string, where []ecs.Condition) (*frame.Frame, error)
}

// Rows is exact.
func (s *segment) Rows() int { return s.rows }

const (
	indexField   = "_index"
	idField      = "_id"
	versionField = "_version"
)

// Read gives columns of all rows.
func (s *segment) Read(ctx context.Context, columns []string) (*frame.Frame, error) {
	return s.with(ctx, columns, nil)
}

// with gives columns; _index, _id and _version are made here.
func (s *segment) with(ctx context.Context, columns []string, where []ecs.Condition) (*frame.Frame, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	wanted := slices.Clone(columns)
	if slices.Contains(columns, idField) {
		for _, name := range identity {
			if !slices.Contains(wanted, name) {
				wanted = append(wanted, name)
			}
		}
	}
	f, err := s.read(ctx, wanted, where)
	if err != nil {
		return nil, err
	}
	for _, name := range columns {
		switch name {
		case indexField:
			f = with(f, name, repeat(&frame.Column{Type: frame.Keyword, Codes: []uint32{1}, Dict: frame.NewDict([]string{s.set.Index()})}, f.Rows))
		case idField:
			f = with(f, name, documentIDs(f))
		case versionField:
			f = with(f, name, &frame.Column{Type: frame.Long, Ints: filled[int64](1, f.Rows)})
		}
	}
	return f, nil
}

// ReadWhere gives columns of the rows that may pass: the columns of the
// conditions are read first, the others only when a row is left. Ids are told
// by all rows: those that say the same are told apart by their order.
func (s *segment) ReadWhere(ctx context.Context, columns []string, where []esql.Condition) (*frame.Frame, error) {
	if s.sieves && !slices.Contains(columns, idField) {
		conditions := make([]ecs.Condition, len(where))
		for i, w := range where {
			conditions[i] = ecs.Condition(w)
		}
		return s.with(ctx, columns, conditions)
	}
	var first, rest []string
	for _, w := range where {
		if !slices.Contains(first, w.Field) {
			first = append(first, w.Field)
		}
	}
	for _, name := range columns {
		if !slices.Contains(first, name) {
			rest = append(rest, name)
		}
	}
	f, err := s.Read(ctx, first)
	if err != nil {
		return nil, err
	}
	rows := passing(f, where)
	if len(rows) == 0 {
		return &frame.Frame{}, nil
	}
	more, err := s.Read(ctx, rest)
	if err != nil {
		return nil, err
	}
	whole := &frame.Frame{Rows: f.Rows, Names: slices.Concat(f.Names, more.Names), Columns: slices.Concat(f.Columns, more.Columns)}
	if len(rows) == f.Rows {
		return whole, nil
	}
	return whole.Gather(rows), nil
}

// passing gives the rows of which, for every condition, some value passes.
func passing(f *frame.Frame, where []esql.Condition) []uint32 {
	var rows []uint32
	for i, w := range where {
		c := f.Column(w.Field)
		if c == nil || c.Dict == nil {
			return nil // all of it is null
		}
		takes := make([]bool, c.Dict.Len())
		for code := 1; code < len(takes); code++ {
			takes[code] = w.Takes(c.Dict.Value(uint32(code)))
		}
		some := func(r uint32) bool {
			lo, hi := c.Range(int(r))
			for ; lo < hi; lo++ {
				if takes[c.Codes[lo]] {
					return true
				}
			}
			return false
		}
		if i > 0 {
			rows = slices.DeleteFunc(rows, func(r uint32) bool { return !some(r) })
			continue
		}
		for r := range uint32(f.Rows) {
			if some(r) {
				rows = append(rows, r)
			}
		}
	}
	return rows
}

// with gives a frame with one more column.
func with(f *frame.Frame, name string, c *frame.Column) *frame.Frame {
	return &frame.Frame{Rows: f.Rows, Names: append(append([]string(nil), f.Names...), name), Columns: append(append([]*frame.Column(nil), f.Columns...), c)}
}

// identity is what makes an event one of its own: when, what, which process,
// and for network and file events about what.
var identity = [...]string{ecs.Timestamp.Name(), ecs.EventAction.Name(), ecs.HostBootID.Name(), ecs.ProcessPID.Name(), ecs.StartTicks.Name(),
	ecs.DestinationIP.Name(), ecs.DestinationPort.Name(), ecs.SourceBytes.Name(), ecs.FilePath.Name()}

// documentIDs derives ids from what the rows say, so that they need no memory
// and are the same after a restart.
func documentIDs(f *frame.Frame) *frame.Column {
	parts := make([]*frame.Column, len(identity))
	for i, name := range identity {
		parts[i] = f.Column(name)
	}
	values := make([]string, 0, f.Rows)
	codes := make([]uint32, f.Rows)
	seen := make(map[string]uint32, f.Rows)
	var b strings.Builder
	for r := range f.Rows {
		b.Reset()
		for _, c := range parts {
			if c != nil {
				b.WriteString(c.Text(r))
			}
			b.WriteByte(0)
		}
		id := digest(b.String())
		for seen[id] != 0 { // two rows that say the same
			b.WriteByte(1)
			id = digest(b.String())
		}
		values = append(values, id)
		codes[r] = uint32(len(values))
		seen[id] = codes[r]
	}
	return &frame.Column{Type: frame.Keyword, Codes: codes, Dict: frame.NewDict(values)}
}

// digest is 22 characters that are another text's by accident only.
func digest(s string) string {
	h := fnv.New128a()
	h.Write([]byte(s))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
