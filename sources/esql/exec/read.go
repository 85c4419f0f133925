package exec

import (
	"math"
	"slices"

	"interdict/sources/esql/plan"
	"interdict/sources/frame"
)

// source gives the rows of FROM, ROW or SHOW.
func (r *run) source(yield func(*batch) (bool, error)) error {
	if r.plan.Rows != nil {
		b := &batch{n: 1, cols: make([]*frame.Column, r.plan.Slots)}
		ev := &evaluator{run: r, slots: r.plan.Slots}
		for _, f := range r.plan.Rows.Fields {
			b.cols[f.Slot] = full(ev.prepare(f.Expr).eval(b), 1)
		}
		_, err := yield(b)
		return err
	}
	columns := r.columns()
	w := r.o.Window
	for _, s := range r.o.Table.Segments(w.Field, w.From, w.To) {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		f, err := s.Read(r.ctx, columns)
		if err != nil {
			return err
		}
		r.scanned += int64(f.Rows)
		more, err := r.chunks(f, yield)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// chunks hands a segment on in pieces that stay in the cache.
func (r *run) chunks(f *frame.Frame, yield func(*batch) (bool, error)) (bool, error) {
	for lo := 0; lo < f.Rows; lo += chunkRows {
		hi := min(lo+chunkRows, f.Rows)
		b := &batch{n: hi - lo, cols: make([]*frame.Column, r.plan.Slots)}
		part := func(name string) *frame.Column {
			c := f.Column(name)
			if c == nil || c.Type == frame.Null || lo == 0 && hi == f.Rows {
				return c
			}
			return slice(c, lo, hi)
		}
		rows := r.admitted(hi-lo, part)
		for _, c := range r.plan.Source {
			b.cols[c.Slot] = part(c.Name)
			if rows != nil && b.cols[c.Slot] != nil {
				b.cols[c.Slot] = gather(b.cols[c.Slot], rows)
			}
		}
		if rows != nil {
			b.n = len(rows)
		}
		if b.n == 0 {
			continue
		}
		if more, err := yield(b); err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

// columns are the fields that must be read.
func (r *run) columns() []string {
	used := make([]bool, r.plan.Slots)
	mark := func(e plan.Expr) {
		if e != nil {
			for _, s := range plan.Slots(e) {
				used[s] = true
			}
		}
	}
	for _, s := range r.plan.Steps {
		uses(s, mark, used)
	}
	for _, c := range r.plan.Output {
		used[c.Slot] = true
	}
	var names []string
	for _, c := range r.plan.Source {
		if used[c.Slot] {
			names = append(names, c.Name)
		}
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

func uses(s plan.Step, mark func(plan.Expr), used []bool) {
	switch x := s.(type) {
	case *plan.Where:
		mark(x.Cond)
	case *plan.Eval:
		for _, f := range x.Fields {
			mark(f.Expr)
		}
	case *plan.Stats:
		for _, k := range x.Keys {
			mark(k.Expr)
		}
		for _, a := range x.Aggs {
			mark(a.Call)
			mark(a.Where)
		}
	case *plan.Sort:
		for _, k := range x.Keys {
			mark(k.Expr)
		}
	case *plan.Expand:
		used[x.From] = true
	case *plan.Extract:
		mark(x.Input)
	case *plan.Join:
		for _, k := range x.Keys {
			mark(k)
		}
	}
}

// admitted gives the rows that window and filter let pass; nil for all.
func (r *run) admitted(n int, column func(string) *frame.Column) []uint32 {
	w := r.o.Window
	if !w.bounds() && len(r.o.Filter) == 0 {
		return nil
	}
	keep := make([]uint32, 0, n)
	main, fallback := column(w.Field), (*frame.Column)(nil)
	if w.Fallback != "" {
		fallback = column(w.Fallback)
	}
	for row := range n {
		if (!w.bounds() || w.holds(main, fallback, row)) && r.filtered(column, row) {
			keep = append(keep, uint32(row))
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
				t = int64(math.Floor(float64(t) / 1e6))
			}
			if t >= w.From && t < w.To {
				return true
			}
		}
		return false
	}
	return false
}

func (r *run) filtered(column func(string) *frame.Column, row int) bool {
	for field, values := range r.o.Filter {
		c := column(field)
		if c == nil || !slices.ContainsFunc(c.Texts(row), func(s string) bool { return slices.Contains(values, s) }) {
			return false
		}
	}
	return true
}
