package exec

import (
	"math"

	"interdict/sources/esql/plan"
	"interdict/sources/frame"
)

// Prefix is what of a plan can be decided for each row of a stream by itself:
// the conditions before the first step that needs other rows, without those
// that depend on the clock, on chance, or on one of several values of a field.
// Not safe for concurrent use.
type Prefix struct {
	run   *run
	ev    *evaluator
	steps []prefixStep
	used  []bool

	source []plan.Column // those of the source that are used
}

// prefixStep is conditions in a row, or a field to compute.
type prefixStep struct {
	filter *filter
	slot   int
	value  expr
}

// NewPrefix takes it out of a plan.
func NewPrefix(p *plan.Plan) *Prefix {
	x := newPrefix(p)
	for _, c := range p.Source {
		if x.used[c.Slot] {
			x.source = append(x.source, c)
		}
	}
	return x
}

func newPrefix(p *plan.Plan) *Prefix {
	x := &Prefix{run: &run{plan: p, o: Options{Bytes: DefaultBytes}}, used: make([]bool, p.Slots)}
	x.ev = &evaluator{run: x.run, slots: p.Slots, lazy: true}
	steady := make([]bool, p.Slots)
	for _, c := range p.Source {
		steady[c.Slot] = true
	}
	for _, s := range p.Steps {
		switch step := s.(type) {
		case *plan.Where:
			for _, c := range plan.Conjuncts(step.Cond) {
				if settled(c, steady) {
					x.where(c)
				}
			}
		case *plan.Eval:
			for _, f := range step.Fields {
				if steady[f.Slot] = settled(f.Expr, steady); steady[f.Slot] {
					x.eval(f)
				}
			}
		case *plan.Expand, *plan.Extract: // what they give is not steady
		default:
			return x
		}
	}
	return x
}

// settled tells whether an expression gives the same for a row whenever it is asked.
func settled(e plan.Expr, steady []bool) bool {
	ok := true
	plan.Walk(e, func(e plan.Expr) {
		switch x := e.(type) {
		case *plan.Ref:
			ok = ok && steady[x.Slot]
		case *plan.Call:
			ok = ok && x.Def != nil && !x.Def.Unsteady
		}
	})
	return ok
}

func (x *Prefix) mark(e plan.Expr) {
	for _, s := range plan.Slots(e) {
		x.used[s] = true
	}
}

func (x *Prefix) where(cond plan.Expr) {
	x.mark(cond)
	if n := len(x.steps); n == 0 || x.steps[n-1].filter == nil {
		x.steps = append(x.steps, prefixStep{filter: &filter{ev: x.ev}})
	}
	x.steps[len(x.steps)-1].filter.add(cond)
}

func (x *Prefix) eval(f plan.Assign) {
	x.mark(f.Expr)
	x.steps = append(x.steps, prefixStep{slot: f.Slot, value: x.ev.prepare(f.Expr)})
}

// batch gives the columns of f that are used.
func (x *Prefix) batch(f *frame.Frame) *batch {
	b := &batch{n: f.Rows, cols: make([]*frame.Column, x.run.plan.Slots)}
	for _, c := range x.source {
		b.cols[c.Slot] = f.Column(c.Name)
	}
	return b
}

// Hopeless tells that no row of f passes, where the dictionaries of its columns
// say so: this is much less than to look at the rows.
func (x *Prefix) Hopeless(f *frame.Frame) bool {
	return len(x.steps) > 0 && x.steps[0].filter != nil && x.steps[0].filter.hopeless(x.batch(f))
}

// Match gives those of the rows of f that pass; rows nil asks for all.
func (x *Prefix) Match(f *frame.Frame, rows []uint32) []uint32 {
	b := x.batch(f)
	if rows == nil {
		rows = allRows(f.Rows)
	} else if len(rows) < f.Rows {
		b = b.take(rows, x.used)
	}
	for i, step := range x.steps {
		if step.filter == nil {
			b.cols[step.slot] = full(step.value.eval(b), b.n)
			continue
		}
		kept := step.filter.rows(b)
		if len(kept) == 0 {
			return nil
		}
		rows = pick(rows, kept)
		if i+1 < len(x.steps) {
			b = b.take(kept, x.used)
		}
	}
	return rows
}

// Columns are the fields of the source that a plan reads.
func Columns(p *plan.Plan) []string {
	return (&run{plan: p, need: needs(p), o: Options{Window: Window{From: math.MinInt64, To: math.MaxInt64}}}).columns()
}
