package exec

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"interdict/sources/esql/funcs"
	"interdict/sources/esql/plan"
	"interdict/sources/frame"
)

// Options say what acts on the rows before the plan sees them, and its bounds.
type Options struct {
	Table  Table
	Lookup Lookup
	Window Window
	Filter map[string][]string // a row stays if every field has one of its values
	Limit  int                 // rows of the answer at most
	Bytes  int                 // of memory; 0 is DefaultBytes
}

// Window is from ≤ field < to in milliseconds; a row without Field is judged by
// Fallback. math.MinInt64 and math.MaxInt64 do not bound.
type Window struct {
	Field, Fallback string
	From, To        int64
}

func (w Window) bounds() bool { return w.From > math.MinInt64 || w.To < math.MaxInt64 }

// DefaultBytes bounds the memory of a query.
const DefaultBytes = 512 << 20

// Result is an answer.
type Result struct {
	Frame    *frame.Frame
	Warnings []string
	Scanned  int64 // rows looked at
}

// ErrMemory is what a query that needs too much memory ends with.
var ErrMemory = errors.New("the query needs more memory than it may use; narrow the time range or aggregate earlier")

// Run runs a plan.
func Run(ctx context.Context, p *plan.Plan, o Options) (Result, error) {
	if o.Bytes == 0 {
		o.Bytes = DefaultBytes
	}
	r := &run{ctx: ctx, plan: p, o: o}
	ev := &evaluator{run: r, slots: r.plan.Slots}
	source := r.source
	steps := p.Steps
	for {
		n := slices.IndexFunc(steps, breaks)
		if n < 0 {
			b, err := r.collect(ev, source, steps, o.Limit)
			if err != nil {
				return Result{}, err
			}
			return Result{Frame: r.output(b), Warnings: r.warnings.list(), Scanned: r.scanned}, nil
		}
		b, err := r.phase(ev, source, steps[:n], steps[n])
		if err != nil {
			return Result{}, err
		}
		source, steps = once(b), steps[n+1:]
	}
}

type run struct {
	ctx      context.Context
	plan     *plan.Plan
	o        Options
	warnings warnings
	scanned  int64
}

// batches hands batches to yield until it wants no more.
type batches func(yield func(*batch) (more bool, err error)) error

func once(b *batch) batches {
	return func(yield func(*batch) (bool, error)) error {
		_, err := yield(b)
		return err
	}
}

// breaks tells whether a step needs all rows before it gives one.
func breaks(s plan.Step) bool {
	switch s.(type) {
	case *plan.Stats, *plan.Sort, *plan.Limit:
		return true
	}
	return false
}

// phase streams rows through steps into one that needs them all.
func (r *run) phase(ev *evaluator, source batches, steps []plan.Step, last plan.Step) (*batch, error) {
	switch s := last.(type) {
	case *plan.Limit:
		return r.collect(ev, source, steps, s.N)
	case *plan.Sort:
		b, err := r.collect(ev, source, steps, math.MaxInt)
		if err != nil {
			return nil, err
		}
		return r.sort(ev, b, s), nil
	case *plan.Stats:
		if s.Inline {
			b, err := r.collect(ev, source, steps, math.MaxInt)
			if err != nil {
				return nil, err
			}
			return r.inline(ev, b, s)
		}
		return r.aggregate(ev, source, steps, s)
	}
	return nil, fmt.Errorf("%s cannot be run", last.Keyword())
}

// stream gives the batches of source after the steps.
func (r *run) stream(ev *evaluator, source batches, steps []plan.Step, yield func(*batch) (bool, error)) error {
	ready := make([]func(*batch) (*batch, error), len(steps))
	for i, s := range steps {
		var err error
		if ready[i], err = r.ready(ev, s); err != nil {
			return err
		}
	}
	return source(func(b *batch) (bool, error) {
		if err := r.ctx.Err(); err != nil {
			return false, err
		}
		for _, step := range ready {
			var err error
			if b, err = step(b); err != nil {
				return false, err
			}
			if b.n == 0 {
				return true, nil
			}
		}
		return yield(b)
	})
}

// collect keeps the first most rows.
func (r *run) collect(ev *evaluator, source batches, steps []plan.Step, most int) (*batch, error) {
	var kept []*batch
	rows, bytes := 0, 0
	err := r.stream(ev, source, steps, func(b *batch) (bool, error) {
		if rows+b.n > most {
			b = b.first(most - rows)
		}
		rows, bytes = rows+b.n, bytes+b.bytes()
		if bytes > r.o.Bytes {
			return false, ErrMemory
		}
		kept = append(kept, b)
		return rows < most, nil
	})
	if err != nil {
		return nil, err
	}
	if len(kept) == 0 {
		return &batch{cols: make([]*frame.Column, r.plan.Slots)}, nil
	}
	return join(kept, r.types(kept)), nil
}

// types are those of the slots as the batches have them.
func (r *run) types(of []*batch) []frame.Type {
	types := make([]frame.Type, r.plan.Slots)
	for _, b := range of {
		for s, c := range b.cols {
			if c != nil && types[s] == frame.Null {
				types[s] = c.Type
			}
		}
	}
	return types
}

func (b *batch) first(n int) *batch {
	need := make([]bool, len(b.cols))
	for i := range need {
		need[i] = true
	}
	return b.take(allRows(max(n, 0)), need)
}

// output gives the columns of the answer.
func (r *run) output(b *batch) *frame.Frame {
	f := &frame.Frame{Rows: b.n}
	for _, out := range r.plan.Output {
		c := b.cols[out.Slot]
		if c == nil {
			c = funcs.Nulls(out.Type, b.n)
		}
		f.Names, f.Columns = append(f.Names, out.Name), append(f.Columns, c)
	}
	return f
}

// ready makes a step that works row by row ready for one evaluator.
func (r *run) ready(ev *evaluator, s plan.Step) (func(*batch) (*batch, error), error) {
	switch x := s.(type) {
	case *plan.Where:
		return r.where(ev, x), nil
	case *plan.Eval:
		return r.eval(ev, x), nil
	case *plan.Expand:
		return func(b *batch) (*batch, error) { return b.expand(x.From, x.To), nil }, nil
	case *plan.Extract:
		return r.extract(ev, x), nil
	case *plan.Join:
		return r.joinRows(ev, x)
	}
	return nil, fmt.Errorf("%s cannot be run", s.Keyword())
}

func (r *run) eval(ev *evaluator, x *plan.Eval) func(*batch) (*batch, error) {
	exprs := make([]expr, len(x.Fields))
	for i, f := range x.Fields {
		exprs[i] = ev.prepare(f.Expr)
	}
	return func(b *batch) (*batch, error) {
		out := &batch{n: b.n, cols: slices.Clone(b.cols)}
		for i, f := range x.Fields {
			out.cols[f.Slot] = full(exprs[i].eval(out), b.n)
		}
		return out, nil
	}
}

// where keeps the rows for which all conjuncts are true. A conjunct over one
// text column is decided once per dictionary entry.
func (r *run) where(ev *evaluator, x *plan.Where) func(*batch) (*batch, error) {
	filter := newFilter(ev, x.Cond)
	all := make([]bool, r.plan.Slots)
	for i := range all {
		all[i] = true
	}
	return func(b *batch) (*batch, error) {
		rows := filter.rows(b)
		if rows == nil || len(rows) == b.n {
			return b, nil
		}
		return b.take(rows, all), nil
	}
}

// filter is a condition taken apart at its ANDs.
type filter struct {
	ev      *evaluator
	parts   []expr
	scratch []uint32
}

func newFilter(ev *evaluator, cond plan.Expr) *filter {
	f := &filter{ev: ev}
	for _, c := range plan.Conjuncts(cond) {
		f.parts = append(f.parts, ev.prepare(c))
	}
	return f
}

// rows gives the rows that pass; nil for all of them. The result may be written
// over by the next call.
func (f *filter) rows(b *batch) []uint32 {
	var rows []uint32
	for _, part := range f.parts {
		if rows != nil && len(rows) == 0 {
			return rows
		}
		if l, ok := part.(*lift); ok {
			if c := b.cols[l.slot]; c != nil && c.Codes != nil && c.Offsets == nil {
				f.scratch = l.filter(c, rows, b.n, f.scratch)
				rows = slices.Clone(f.scratch)
				continue
			}
		}
		at := rows
		if at == nil {
			at = allRows(b.n)
		}
		v := f.ev.subset(part, b, at)
		kept := make([]uint32, 0, len(at))
		for k, row := range at {
			if v.Same {
				k = 0
			}
			if lo, hi := v.Range(k); hi-lo == 1 && v.Ints[lo] != 0 {
				kept = append(kept, row)
			}
		}
		rows = kept
	}
	return rows
}

// expand makes a row of each value of a column.
func (b *batch) expand(from, to int) *batch {
	c := b.cols[from]
	out := &batch{n: b.n, cols: slices.Clone(b.cols)}
	if c == nil || c.Offsets == nil {
		out.cols[to] = c
		return out
	}
	var rows []uint32
	single := funcs.NewOut(c.Type, int(c.Offsets[b.n])+b.n)
	for r := range b.n {
		lo, hi := c.Range(r)
		if lo == hi {
			rows = append(rows, uint32(r))
		}
		for ; lo < hi; lo++ {
			put(single, len(rows), c, lo)
			rows = append(rows, uint32(r))
		}
	}
	for s, col := range b.cols {
		if col != nil {
			out.cols[s] = gather(col, rows)
		}
	}
	out.n, out.cols[to] = len(rows), single.Column().Gather(allRows(len(rows)))
	return out
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
