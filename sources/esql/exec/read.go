package exec

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"interdict/sources/esql/funcs"
	"interdict/sources/esql/plan"
	"interdict/sources/frame"
)

// source gives the parts of FROM, ROW or SHOW.
func (r *run) source() ([]part, error) {
	if r.plan.Rows != nil {
		r.costs[0].note = "ROW"
		b := &batch{n: 1, cols: make([]*frame.Column, r.plan.Slots)}
		ev := &evaluator{run: r, slots: r.plan.Slots}
		for _, f := range r.plan.Rows.Fields {
			b.cols[f.Slot] = full(ev.prepare(f.Expr).eval(b), 1)
			if ev.full {
				return nil, ErrMemory
			}
		}
		r.costs[0].out.Add(1)
		return pieces(b), nil
	}
	reader := &reader{run: r, source: r.used(), names: r.columns(), where: conditions(r)}
	from, to := r.narrowed()
	segments := r.o.Table.Segments(r.o.Window.Field, from, to)
	r.costs[0].note = reader.describe(len(segments))
	if from > math.MinInt64 || to < math.MaxInt64 {
		r.costs[0].note += ", picked by " + r.o.Window.Field
	}
	var out []part
	for _, s := range segments {
		shares := 1
		if _, sieve := s.(Sieve); !sieve && len(segments) < 2*r.o.Workers { // what a Sieve gives is not known before
			shares = max(1, min(2*r.o.Workers, s.Rows()/partRows))
		}
		seg := &segment{Segment: s, reader: reader}
		seg.left.Store(int64(shares))
		for k := range shares {
			out = append(out, seg.share(k, shares))
		}
	}
	return out, nil
}

// reader says what is read of segments.
type reader struct {
	run    *run
	source []plan.Column // those that are read later
	names  []string      // of these, and of what window and filter want
	where  []Condition
}

func (rd *reader) describe(segments int) string {
	r := rd.run
	text := fmt.Sprintf("FROM %s: %d of %d columns, segments: %d", r.plan.From, len(rd.names), len(r.plan.Source), segments)
	if len(rd.where) > 0 {
		fields := make([]string, len(rd.where))
		for i, c := range rd.where {
			fields[i] = c.Field
		}
		text += ", rows picked by " + strings.Join(fields, ", ")
	}
	return text
}

// segment is one whose rows are read once, by whoever comes first, and let go by
// whoever is last.
type segment struct {
	Segment
	reader *reader
	once   sync.Once
	frame  *frame.Frame
	err    error
	left   atomic.Int64 // shares that were not looked at yet
}

// share is part k of n of the segment's rows.
func (s *segment) share(k, n int) part {
	return func(ctx context.Context, yield func(*batch) (bool, error)) error {
		s.once.Do(func() { s.frame, s.err = s.reader.read(ctx, s.Segment) })
		if s.err != nil {
			return s.err
		}
		f := s.frame
		defer func() {
			if s.left.Add(-1) == 0 {
				s.frame = nil
			}
		}()
		rows := f.Rows
		from, to := k*rows/n&^63, (k+1)*rows/n&^63
		if k == n-1 {
			to = rows
		}
		return s.reader.chunks(f, from, to, yield)
	}
}

// read gives the columns of a segment, of those rows at least that can matter.
func (rd *reader) read(ctx context.Context, s Segment) (*frame.Frame, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	began := time.Now()
	f, err := rd.passing(ctx, s)
	if err != nil {
		return nil, err
	}
	rows := f.Rows
	if _, sieve := s.(Sieve); !sieve {
		rows = s.Rows()
	}
	rd.run.scanned.Add(int64(rows))
	rd.run.costs[0].add(rows, 0, began)
	return f, nil
}

// chunks hands rows from to to of a segment on in pieces that stay in the cache.
func (rd *reader) chunks(f *frame.Frame, from, to int, yield func(*batch) (bool, error)) error {
	r := rd.run
	columns := make([]*frame.Column, len(rd.source))
	for i, c := range rd.source {
		columns[i] = f.Column(c.Name)
	}
	for lo := from; lo < to; lo += chunkRows {
		hi := min(lo+chunkRows, to)
		rows := r.admitted(f, lo, hi)
		b := &batch{n: hi - lo, cols: make([]*frame.Column, r.plan.Slots)}
		for i, c := range rd.source {
			if columns[i] == nil {
				continue
			}
			col := stored(slice(columns[i], lo, hi))
			if rows != nil {
				col = col.Gather(rows)
			}
			b.cols[c.Slot] = col
		}
		if rows != nil {
			b.n = len(rows)
		}
		r.costs[0].out.Add(int64(b.n))
		if b.n == 0 {
			continue
		}
		if more, err := yield(b); err != nil || !more {
			return err
		}
	}
	return nil
}

// used gives the columns of the source that the plan reads.
func (r *run) used() []plan.Column {
	used := make([]bool, r.plan.Slots)
	if len(r.plan.Steps) > 0 {
		copy(used, r.need[0])
		reads(r.plan.Steps[0], used)
	}
	for _, c := range r.plan.Output {
		used[c.Slot] = used[c.Slot] || len(r.plan.Steps) == 0
	}
	var out []plan.Column
	for _, c := range r.plan.Source {
		if used[c.Slot] {
			out = append(out, c)
		}
	}
	return out
}

// columns are the fields that must be read.
func (r *run) columns() []string {
	var names []string
	for _, c := range r.used() {
		names = append(names, c.Name)
	}
	if w := r.o.Window; w.bounds() {
		names = append(names, w.Field)
		if w.Fallback != "" {
			names = append(names, w.Fallback)
		}
	}
	for field := range r.o.Filter {
		names = append(names, field)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// admitted gives the rows of lo to hi that window and filter let pass, counted
// from lo; nil for all.
func (r *run) admitted(f *frame.Frame, lo, hi int) []uint32 {
	w := r.o.Window
	if !w.bounds() && len(r.o.Filter) == 0 {
		return nil
	}
	keep := make([]uint32, 0, hi-lo)
	main, fallback := f.Column(w.Field), (*frame.Column)(nil)
	if w.Fallback != "" {
		fallback = f.Column(w.Fallback)
	}
	filters := r.filters(f)
	for row := lo; row < hi; row++ {
		if (!w.bounds() || w.holds(main, fallback, row)) && filtered(filters, row) {
			keep = append(keep, uint32(row-lo))
		}
	}
	return keep
}

func (w Window) holds(main, fallback *frame.Column, row int) bool {
	for _, c := range []*frame.Column{main, fallback} {
		if c == nil || c.Ints == nil {
			continue
		}
		lo, hi := c.Range(row)
		if lo == hi {
			continue
		}
		for ; lo < hi; lo++ {
			t := c.Ints[lo]
			if c.Type == frame.DateNanos {
				t = funcs.ToTime(t, c.Type).UnixMilli() // of floats the last of a millisecond are in the next
			}
			if t >= w.From && t < w.To {
				return true
			}
		}
		return false
	}
	return false
}

// fieldFilter is one field of Options.Filter.
type fieldFilter struct {
	column *frame.Column
	codes  []bool // for coded columns: by code, whether the value is one of those asked for
	values []string
}

func (r *run) filters(f *frame.Frame) []fieldFilter {
	var out []fieldFilter
	for field, values := range r.o.Filter {
		one := fieldFilter{column: f.Column(field), values: values}
		if c := one.column; c != nil && c.Type == frame.Keyword && c.Dict != nil {
			one.codes = make([]bool, c.Dict.Len())
			for _, v := range values {
				if code, ok := c.Dict.Code(v); ok {
					one.codes[code] = true
				}
			}
		}
		out = append(out, one)
	}
	return out
}

func filtered(filters []fieldFilter, row int) bool {
	for _, f := range filters {
		if f.column == nil || !f.holds(row) {
			return false
		}
	}
	return true
}

func (f *fieldFilter) holds(row int) bool {
	lo, hi := f.column.Range(row)
	for ; lo < hi; lo++ {
		if f.codes != nil && f.codes[f.column.Codes[lo]] || f.codes == nil && slices.Contains(f.values, f.column.TextAt(lo)) {
			return true
		}
	}
	return false
}
