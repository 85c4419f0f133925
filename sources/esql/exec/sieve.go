package exec

import (
	"context"
	"slices"
	"strings"
	"sync"

	"interdict/sources/esql/plan"
	"interdict/sources/frame"
)

// conditions gives what the plan's leading WHEREs ask of single keyword fields
// of the source, so that rows can be left out before they are read whole.
func conditions(r *run) []Condition {
	fields := map[int]string{}
	for _, c := range r.plan.Source {
		if c.Type == frame.Keyword {
			fields[c.Slot] = c.Name
		}
	}
	var out []Condition
	for _, s := range r.plan.Steps {
		switch x := s.(type) {
		case *plan.Where:
			for _, e := range plan.Conjuncts(x.Cond) {
				if c, ok := condition(r, e, fields); ok {
					out = append(out, c)
				}
			}
		case *plan.Expand: // passes if one of the values does
			fields[x.To] = fields[x.From]
		case *plan.Eval, *plan.Extract, *plan.Join: // fill further slots only
		default:
			return out
		}
	}
	return out
}

// condition makes one of a conjunct, if what it says of a row follows from what
// it says of single values.
func condition(r *run, e plan.Expr, fields map[int]string) (Condition, bool) {
	call, ok := e.(*plan.Call)
	if !ok {
		return Condition{}, false
	}
	slot, _, ok := (&evaluator{}).liftable(call)
	if !ok || fields[slot] == "" || !ofValues(call) {
		return Condition{}, false
	}
	quiet := &run{plan: r.plan, o: r.o} // its warnings go nowhere
	pool := sync.Pool{New: func() any {
		ev := &evaluator{run: quiet, slots: r.plan.Slots}
		return &taker{expr: ev.node(call), b: &batch{n: 1, cols: make([]*frame.Column, r.plan.Slots)}, slot: slot}
	}}
	takes := func(c *frame.Column) bool {
		t := pool.Get().(*taker)
		defer pool.Put(t)
		return t.takes(c)
	}
	if takes(nil) { // rows without a value pass too
		return Condition{}, false
	}
	answers := &answers{known: map[string]bool{}, ask: func(value string) bool {
		return takes(&frame.Column{Type: frame.Keyword, Codes: []uint32{1}, Dict: frame.NewDict([]string{value})})
	}}
	return Condition{Field: fields[slot], Takes: answers.of}, true
}

// answers remembers what a condition says of values: the dictionaries of segments
// have much the same ones.
type answers struct {
	ask   func(value string) bool
	mu    sync.RWMutex
	known map[string]bool
}

// mostAnswers bounds what is remembered.
const mostAnswers = 1 << 12

func (a *answers) of(value string) bool {
	a.mu.RLock()
	yes, ok := a.known[value]
	a.mu.RUnlock()
	if ok {
		return yes
	}
	yes = a.ask(value)
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.known) < mostAnswers && len(value) < 256 {
		a.known[strings.Clone(value)] = yes
	}
	return yes
}

// taker computes a condition for one value.
type taker struct {
	expr expr
	b    *batch
	slot int
}

func (t *taker) takes(c *frame.Column) bool {
	t.b.cols[t.slot] = c
	v := full(t.expr.eval(t.b), 1)
	lo, hi := v.Range(0)
	return hi-lo == 1 && v.Ints[lo] != 0
}

// ofValues tells whether a row of several values passes only if one of them,
// alone, would: functions of single values give null for such rows, and those
// named here judge value by value.
func ofValues(call *plan.Call) bool {
	ok := true
	plan.Walk(call, func(e plan.Expr) {
		c, isCall := e.(*plan.Call)
		if !isCall {
			return
		}
		name := c.Def.Name
		switch {
		case c.Def.Nulls && !slices.Contains([]string{"and", "or", "not", "in"}, name),
			c.Def.Multi && !slices.Contains([]string{"any value", "match", "to_lower", "to_upper", "to_string"}, name):
			ok = false
		}
	})
	return ok
}

// passing reads a segment. What cannot pass the conditions is left out by the
// segment itself, or found by reading the columns of the conditions first.
func (rd *reader) passing(ctx context.Context, s Segment) (*frame.Frame, error) {
	if len(rd.where) == 0 {
		return s.Read(ctx, rd.names)
	}
	if sieve, ok := s.(Sieve); ok {
		return sieve.ReadWhere(ctx, rd.names, rd.where)
	}
	var first []string
	for _, c := range rd.where {
		if !slices.Contains(first, c.Field) {
			first = append(first, c.Field)
		}
	}
	f, err := s.Read(ctx, first)
	if err != nil || len(first) == len(rd.names) {
		return f, err
	}
	for _, c := range rd.where {
		if !some(f, c) {
			return &frame.Frame{}, nil
		}
	}
	rest, err := s.Read(ctx, slices.DeleteFunc(slices.Clone(rd.names), func(n string) bool { return slices.Contains(first, n) }))
	if err != nil {
		return nil, err
	}
	return &frame.Frame{Rows: f.Rows, Names: slices.Concat(f.Names, rest.Names), Columns: slices.Concat(f.Columns, rest.Columns)}, nil
}

// mostAsked bounds the values of a column that are looked at before its segment is read.
const mostAsked = 1 << 10

// some tells whether a value of the column passes.
func some(f *frame.Frame, c Condition) bool {
	col := f.Column(c.Field)
	if col == nil || col.Dict == nil {
		return false
	}
	if col.Dict.Len() > mostAsked {
		return true
	}
	for code := 1; code < col.Dict.Len(); code++ {
		if c.Takes(col.Dict.Value(uint32(code))) {
			return true
		}
	}
	return false
}
