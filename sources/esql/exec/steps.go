package exec

import (
	"cmp"
	"fmt"
	"slices"

	"interdict/sources/esql/funcs"
	"interdict/sources/esql/plan"
	"interdict/sources/frame"
)

func errCannot(s plan.Step) error { return fmt.Errorf("%s cannot be run", s.Keyword()) }

// eval computes those fields that are read later.
func (r *run) eval(ev *evaluator, x *plan.Eval, need []bool) func(*batch) (*batch, error) {
	used := slices.Clone(need)
	reads(x, used)
	var exprs []expr
	var slots []int
	for _, f := range x.Fields {
		if need[f.Slot] || used[f.Slot] {
			exprs, slots = append(exprs, ev.prepare(f.Expr)), append(slots, f.Slot)
		}
	}
	return func(b *batch) (*batch, error) {
		out := &batch{n: b.n, cols: slices.Clone(b.cols)}
		for i, e := range exprs {
			v := e.eval(out)
			if !r.fits(v, b.n) {
				return nil, ErrMemory
			}
			out.cols[slots[i]] = full(v, b.n)
		}
		return out.without(need), nil
	}
}

// where keeps the rows for which all conjuncts are true. A conjunct over one
// text column is decided once per dictionary entry.
func (r *run) where(ev *evaluator, x *plan.Where, need []bool) func(*batch) (*batch, error) {
	filter := newFilter(ev, x.Cond)
	return func(b *batch) (*batch, error) {
		rows := filter.rows(b)
		if rows == nil || len(rows) == b.n {
			return b, nil
		}
		return b.take(rows, need), nil
	}
}

// filter is a condition taken apart at its ANDs.
type filter struct {
	ev      *evaluator
	parts   []expr
	first   []*lift // those of the parts that were decided first, in the order of the last batch
	scratch []uint32
}

func newFilter(ev *evaluator, cond plan.Expr) *filter {
	f := &filter{ev: ev}
	f.add(cond)
	return f
}

func (f *filter) add(cond plan.Expr) {
	for _, c := range plan.Conjuncts(cond) {
		f.parts = append(f.parts, f.ev.prepare(c))
	}
}

// rows gives the rows that pass; nil for all of them. The result may be written
// over by the next call.
func (f *filter) rows(b *batch) []uint32 {
	rows, rest := f.decided(b)
	for _, part := range rest {
		if rows != nil && len(rows) == 0 {
			return rows
		}
		if l, ok := part.(*lift); ok {
			if c := l.codes(b); c != nil {
				f.scratch = l.filter(c, rows, b.n, f.scratch)
				rows = f.scratch
				continue
			}
		}
		rows = f.computed(part, b, rows)
	}
	return rows
}

// hopeless tells that no row of a batch passes, where no entry of a dictionary
// passes one of the first conjuncts.
func (f *filter) hopeless(b *batch) bool {
	for _, part := range f.parts {
		l, ok := part.(*lift)
		if !ok {
			return false
		}
		if b.cols[l.slot] == nil {
			if v := l.ofNull(); v.IsNull(0) || v.Ints[0] == 0 {
				return true
			}
			continue
		}
		if !l.settled(l.codes(b)) {
			return false
		}
		if !l.some {
			return true
		}
	}
	return false
}

// decided gives the rows that pass those of the first conjuncts that are known
// for all entries and warn of none: in any order they are the same, so what few
// rows pass is asked first.
func (f *filter) decided(b *batch) (rows []uint32, rest []expr) {
	n := 0
	for n < len(f.parts) {
		l, ok := f.parts[n].(*lift)
		if !ok || !l.settled(l.codes(b)) {
			break
		}
		n++
	}
	if n < 2 {
		return nil, f.parts
	}
	if len(f.first) != n {
		f.first = f.first[:0]
		for _, part := range f.parts[:n] {
			f.first = append(f.first, part.(*lift))
		}
	}
	slices.SortStableFunc(f.first, func(a, b *lift) int { return cmp.Compare(a.share(), b.share()) })
	for _, l := range f.first {
		if !l.some {
			return []uint32{}, nil
		}
		f.scratch = l.filter(l.codes(b), rows, b.n, f.scratch)
		if rows = f.scratch; len(rows) == 0 {
			break
		}
	}
	return rows, f.parts[n:]
}

// computed is rows for a conjunct that is computed row by row.
func (f *filter) computed(part expr, b *batch, rows []uint32) []uint32 {
	at := rows
	if at == nil {
		at = allRows(b.n)
	}
	v := f.ev.subset(part, b, at)
	kept := make([]uint32, 0, len(at))
	if !v.Same && v.Offsets == nil && v.Nulls == nil && len(v.Ints) == len(at) {
		for k, row := range at {
			if v.Ints[k] != 0 {
				kept = append(kept, row)
			}
		}
		return kept
	}
	for k, row := range at {
		if v.Same {
			k = 0
		}
		if lo, hi := v.Range(k); hi-lo == 1 && v.Ints[lo] != 0 {
			kept = append(kept, row)
		}
	}
	return kept
}

// expand makes a row of each value of a column.
func (r *run) expand(b *batch, x *plan.Expand, need []bool) (*batch, error) {
	c := b.cols[x.From]
	out := &batch{n: b.n, cols: slices.Clone(b.cols)}
	if c == nil || c.Offsets == nil {
		out.cols[x.To] = c
		return out.without(need), nil
	}
	values := int(c.Offsets[b.n] - c.Offsets[0])
	if err := r.expandable(values, b.cols); err != nil {
		return nil, err
	}
	rows := make([]uint32, 0, values)
	places := make([]int64, 0, values) // of the values, -1 for null
	for row := range b.n {
		lo, hi := c.Range(row)
		if lo == hi {
			rows, places = append(rows, uint32(row)), append(places, -1)
		}
		for ; lo < hi; lo++ {
			rows, places = append(rows, uint32(row)), append(places, int64(lo))
		}
	}
	for s, col := range b.cols {
		if col != nil && need[s] {
			out.cols[s] = col.Gather(rows)
		}
	}
	out.n, out.cols[x.To] = len(rows), single(c, places)
	return out.without(need), nil
}

// mostExpanded is how many rows an MV_EXPAND makes at once, unless one row has more values.
const mostExpanded = 1 << 17

// portions gives the rows of a batch, cut so that x makes that many at most of each.
func (b *batch) portions(x *plan.Expand) (out [][]uint32) {
	c := b.cols[x.From]
	if c == nil || c.Offsets == nil || int(c.Offsets[b.n]-c.Offsets[0]) <= mostExpanded {
		return nil
	}
	rows, made := allRows(b.n), 0
	from := 0
	for row := range b.n {
		lo, hi := c.Range(row)
		if made += max(1, hi-lo); made > mostExpanded && row > from {
			out, from, made = append(out, rows[from:row]), row, max(1, hi-lo)
		}
	}
	return append(out, rows[from:])
}

// single gives a column of one value a row, by its place; -1 is null.
func single(c *frame.Column, places []int64) *frame.Column {
	out := &frame.Column{Type: c.Type, Dict: c.Dict}
	for i, k := range places {
		if k < 0 && c.Codes == nil {
			out.Nulls = out.Nulls.Set(i)
		}
		switch {
		case c.Codes != nil:
			out.Codes = append(out.Codes, valueAt(c.Codes, k))
		case c.Floats != nil:
			out.Floats = append(out.Floats, valueAt(c.Floats, k))
		default:
			out.Ints = append(out.Ints, valueAt(c.Ints, k))
		}
	}
	return out
}

func valueAt[T any](values []T, k int64) (v T) {
	if k >= 0 {
		v = values[k]
	}
	return v
}

// put adds value k of a column to a row.
func put(o *funcs.Out, row int, c *frame.Column, k int) {
	switch {
	case c.Codes != nil:
		o.AddStr(row, c.Dict.Value(c.Codes[k]))
	case c.Floats != nil:
		o.AddFloat(row, c.Floats[k])
	default:
		o.AddInt(row, c.Ints[k])
	}
}
