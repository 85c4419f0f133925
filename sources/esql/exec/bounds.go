package exec

import (
	"math"

	"interdict/sources/esql/funcs"
	"interdict/sources/esql/plan"
	"interdict/sources/frame"
)

// narrowed is the window, narrowed by what the leading WHEREs ask of its field: what
// lies outside of that need not be looked at. It may be too wide, never too narrow.
func (r *run) narrowed() (from, to int64) {
	w := r.o.Window
	from, to = w.From, w.To
	slot := -1
	for _, c := range r.plan.Source {
		if c.Name == w.Field && (c.Type == frame.Date || c.Type == frame.DateNanos) {
			slot = c.Slot
		}
	}
	if slot < 0 {
		return from, to
	}
	for _, s := range r.plan.Steps {
		switch x := s.(type) {
		case *plan.Where:
			for _, e := range plan.Conjuncts(x.Cond) {
				lo, hi := r.bounds(e, slot)
				from, to = max(from, lo), min(to, hi)
			}
		case *plan.Eval, *plan.Extract, *plan.Join, *plan.Expand: // fill further slots only
		default:
			return from, to
		}
	}
	return from, to
}

// mirrored is what a comparison says of its second argument.
var mirrored = map[string]string{">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "=="}

// bounds gives, in milliseconds, from which on and before which a date is for which
// a condition holds.
func (r *run) bounds(cond plan.Expr, slot int) (from, to int64) {
	from, to = math.MinInt64, math.MaxInt64
	call, ok := cond.(*plan.Call)
	if !ok || call.Def == nil || mirrored[call.Def.Name] == "" {
		return from, to
	}
	operator, field, bound := call.Def.Name, call.Args[0], call.Args[1]
	if _, ok := field.(*plan.Ref); !ok {
		operator, field, bound = mirrored[operator], bound, field
	}
	ref, ok := field.(*plan.Ref)
	if !ok || ref.Slot != slot {
		return from, to
	}
	at, ok := r.moment(bound)
	if !ok {
		return from, to
	}
	if operator != "<" && operator != "<=" {
		from = at
	}
	if operator != ">" && operator != ">=" {
		to = at + 1
	}
	return from, to
}

// moment is the value of an expression that no row changes, as whole milliseconds.
func (r *run) moment(e plan.Expr) (int64, bool) {
	if t := e.Type(); t != frame.Date && t != frame.DateNanos || len(plan.Slots(e)) > 0 {
		return 0, false
	}
	quiet := &run{plan: r.plan, o: r.o} // its warnings go nowhere
	ev := &evaluator{run: quiet, slots: r.plan.Slots}
	v := full(ev.prepare(e).eval(&batch{n: 1, cols: make([]*frame.Column, r.plan.Slots)}), 1)
	lo, hi := v.Range(0)
	if hi-lo != 1 || v.Ints[lo] == math.MaxInt64 {
		return 0, false
	}
	return funcs.ToTime(v.Ints[lo], e.Type()).UnixMilli(), true
}
