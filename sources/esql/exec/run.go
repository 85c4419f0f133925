package exec

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync/atomic"

	"interdict/sources/esql/funcs"
	"interdict/sources/esql/plan"
	"interdict/sources/frame"
)

// Options say what acts on the rows before the plan sees them, and its bounds.
type Options struct {
	Table   Table
	Lookup  Lookup
	Window  Window
	Filter  map[string][]string // a row stays if every field has one of its values
	Limit   int                 // rows of the answer at most
	Bytes   int                 // of memory; 0 is DefaultBytes
	Workers int                 // at once; 0 is one a processor
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
	Scanned  int64         // rows looked at
	Steps    func() []Cost // what each step cost, the source first
}

// ErrMemory is what a query that needs too much memory ends with.
var ErrMemory = errors.New("the query needs more memory than it may use; narrow the time range or aggregate earlier")

// run is one run of a plan. Steps are known by their place in the plan.
type run struct {
	ctx      context.Context
	plan     *plan.Plan
	o        Options
	warnings warnings
	scanned  atomic.Int64
	need     [][]bool // by step: the slots that later steps read
	costs    []cost   // by step, the source first
}

// Run runs a plan.
func Run(ctx context.Context, p *plan.Plan, o Options) (Result, error) {
	if o.Bytes == 0 {
		o.Bytes = DefaultBytes
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	r := &run{ctx: ctx, plan: p, o: o, need: needs(p), costs: make([]cost, len(p.Steps)+1)}
	parts, err := r.source()
	if err != nil {
		return Result{}, err
	}
	from := lastNothing(p.Steps) + 1
	if from > 0 { // what comes before it need not be computed
		parts = pieces(&batch{cols: make([]*frame.Column, p.Slots)})
	}
	for {
		n := slices.IndexFunc(p.Steps[from:], breaks)
		if n < 0 {
			b, err := r.collect(parts, span{from, len(p.Steps)}, o.Limit)
			if err != nil {
				return Result{}, err
			}
			return Result{Frame: r.output(b), Warnings: r.warnings.list(), Scanned: r.scanned.Load(), Steps: r.explained}, nil
		}
		at := from + n
		b, err := r.phase(parts, span{from, at}, p.Steps[at])
		if err != nil {
			return Result{}, err
		}
		parts, from = pieces(b), at+1
	}
}

// lastNothing is the place of the last LIMIT 0, -1 if there is none.
func lastNothing(steps []plan.Step) int {
	for i := len(steps) - 1; i >= 0; i-- {
		if l, ok := steps[i].(*plan.Limit); ok && l.N == 0 {
			return i
		}
	}
	return -1
}

// span is steps from to to, to not included.
type span struct{ from, to int }

// breaks tells whether a step needs all rows before it gives one.
func breaks(s plan.Step) bool {
	switch s.(type) {
	case *plan.Stats, *plan.Sort, *plan.Limit:
		return true
	}
	return false
}

// phase streams rows through steps into one that needs them all.
func (r *run) phase(parts []part, steps span, last plan.Step) (*batch, error) {
	switch s := last.(type) {
	case *plan.Limit:
		return r.collect(parts, steps, s.N)
	case *plan.Sort:
		return r.sorted(parts, steps, s)
	case *plan.Stats:
		for _, k := range s.Keys {
			if c, ok := k.Expr.(*plan.Const); ok && !r.fits(funcs.Vec{Column: c.Value, Same: true}, chunkRows) {
				return nil, ErrMemory
			}
		}
		if s.Inline {
			b, err := r.collect(parts, steps, math.MaxInt)
			if err != nil {
				return nil, err
			}
			return r.inline(b, steps.to, s)
		}
		return r.aggregate(parts, steps, s)
	}
	return nil, fmt.Errorf("%s cannot be run", last.Keyword())
}

// fits tells whether a value that is the same in n rows may be written n times.
func (r *run) fits(v funcs.Vec, n int) bool {
	if !v.Same {
		return true
	}
	lo, hi := v.Range(0)
	return 8*(hi-lo) <= r.o.Bytes/max(1, n)
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

// needs gives, for each step, the slots that are read after it.
func needs(p *plan.Plan) [][]bool {
	used := make([]bool, p.Slots)
	for _, c := range p.Output {
		used[c.Slot] = true
	}
	out := make([][]bool, len(p.Steps))
	for i := len(p.Steps) - 1; i >= 0; i-- {
		out[i] = slices.Clone(used)
		reads(p.Steps[i], used)
	}
	return out
}

// reads marks the slots that a step reads. Of EVAL only what is used counts.
func reads(s plan.Step, used []bool) {
	mark := func(e plan.Expr) {
		for _, slot := range plan.Slots(e) {
			used[slot] = true
		}
	}
	switch x := s.(type) {
	case *plan.Where:
		mark(x.Cond)
	case *plan.Eval:
		for _, f := range slices.Backward(x.Fields) {
			if used[f.Slot] {
				mark(f.Expr)
			}
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
