package exec

import (
	"interdict/sources/esql/funcs"
	"interdict/sources/esql/plan"
	"interdict/sources/frame"
)

// evaluator computes expressions for one worker. Calls keep state (compiled
// patterns, results per dictionary entry), so it is not shared.
type evaluator struct {
	run      *run
	lifted   *lift    // whose entries are being computed; nil: rows
	rows     []uint32 // entry or row of each row at hand; nil: as they are
	slots    int
	made     int  // bytes made of the batch at hand
	full     bool // they were too many
	expanded int  // rows that the batch at hand has become on its way through MV_EXPAND
	lazy     bool // AND and OR do not compute what no longer decides, nor its warnings

	liftings map[*plan.Call]lifting
}

// expr is an expression ready to be computed.
type expr interface {
	eval(b *batch) funcs.Vec
	typ() frame.Type
}

// prepare makes an expression ready. At the top of what reads one text column
// it puts a lift.
func (ev *evaluator) prepare(e plan.Expr) expr {
	call, ok := e.(*plan.Call)
	if !ok {
		return ev.node(e)
	}
	if slot, t, ok := ev.liftable(call); ok {
		return &lift{ev: ev, inner: ev.node(e), slot: slot, t: t}
	}
	return ev.node(e)
}

// lifting says which column an expression reads, if it reads one only.
type lifting struct {
	slot   int // -1: none
	t      frame.Type
	steady bool // the slot alone decides, and it is coded
}

// liftable tells whether a call reads one column only, which is coded.
func (ev *evaluator) liftable(call *plan.Call) (slot int, t frame.Type, ok bool) {
	l := ev.lifting(call)
	return l.slot, l.t, l.steady && l.slot >= 0
}

func (ev *evaluator) lifting(e plan.Expr) lifting {
	switch x := e.(type) {
	case *plan.Ref:
		return lifting{x.Slot, x.Type(), x.Type().Coded()}
	case *plan.Call:
		if known, ok := ev.liftings[x]; ok {
			return known
		}
		l := lifting{slot: -1, steady: !x.Def.Unsteady}
		for _, a := range x.Args {
			m := ev.lifting(a)
			if m.slot >= 0 {
				l.steady = l.steady && (l.slot < 0 || l.slot == m.slot)
				l.slot, l.t = m.slot, m.t
			}
			l.steady = l.steady && m.steady
		}
		if ev.liftings == nil {
			ev.liftings = map[*plan.Call]lifting{}
		}
		ev.liftings[x] = l
		return l
	}
	return lifting{slot: -1, steady: true}
}

func (ev *evaluator) node(e plan.Expr) expr {
	switch x := e.(type) {
	case *plan.Ref:
		return &ref{slot: x.Slot, t: x.Type(), null: funcs.Vec{Column: funcs.Nulls(x.Type(), 1), Same: true}}
	case *plan.Const:
		return &constant{funcs.Vec{Column: x.Value, Same: true}}
	}
	x := e.(*plan.Call)
	sub := ev.prepare
	if _, _, ok := ev.liftable(x); ok {
		sub = ev.node // the lift is above
	}
	c := &call{ev: ev, plan: x, args: make([]expr, len(x.Args))}
	for i, a := range x.Args {
		c.args[i] = sub(a)
	}
	c.fc = x.Prepared(ev.run.plan.Now)
	c.fc.Warn = func(row int, message string) { ev.warn(x, row, message) }
	switch x.Def.Name {
	case "case":
		return &branch{call: c}
	case "coalesce":
		return &coalesce{call: c}
	case "and", "or":
		if ev.lazy {
			return newDecided(c)
		}
	}
	c.row = x.Def.Row
	if x.Def.New != nil {
		row, err := x.Def.New(c.fc)
		if err != nil { // the check has made one like it
			row = func(r *funcs.Row) { r.Fail("%s", err) }
		}
		c.row = row
	}
	c.in = make([]funcs.Vec, len(c.args))
	return c
}

type ref struct {
	slot int
	t    frame.Type
	null funcs.Vec
}

func (r *ref) typ() frame.Type { return r.t }

func (r *ref) eval(b *batch) funcs.Vec {
	if c := b.cols[r.slot]; c != nil {
		return funcs.Vec{Column: c}
	}
	return r.null
}

type constant struct{ v funcs.Vec }

func (c *constant) typ() frame.Type       { return c.v.Type }
func (c *constant) eval(*batch) funcs.Vec { return c.v }

type call struct {
	ev   *evaluator
	plan *plan.Call
	fc   *funcs.Call
	args []expr
	in   []funcs.Vec
	row  func(*funcs.Row)
}

func (c *call) typ() frame.Type { return c.plan.T }

func (c *call) eval(b *batch) funcs.Vec {
	for i, a := range c.args {
		c.in[i] = a.eval(b)
	}
	c.fc.Room = max(1, c.ev.run.o.Bytes-c.ev.made)
	out := funcs.Eval(c.plan.Def, c.fc, c.row, c.in, b.n)
	c.ev.made += c.fc.Made
	c.ev.full = c.ev.full || c.fc.Made > c.fc.Room
	return funcs.Vec{Column: out}
}

// subset computes an expression for some rows only.
func (ev *evaluator) subset(e expr, b *batch, rows []uint32) funcs.Vec {
	if len(rows) == b.n {
		return e.eval(b)
	}
	part := &batch{n: len(rows), cols: make([]*frame.Column, len(b.cols))}
	for _, s := range slotsOf(e) {
		if c := b.cols[s]; c != nil && part.cols[s] == nil {
			part.cols[s] = c.Gather(rows)
		}
	}
	outer := ev.rows
	if outer == nil {
		ev.rows = rows
	} else {
		ev.rows = pick(outer, rows)
	}
	v := e.eval(part)
	ev.rows = outer
	return v
}

func slotsOf(e expr) []int {
	switch x := e.(type) {
	case *ref:
		return []int{x.slot}
	case *lift:
		return []int{x.slot}
	case *call:
		return slotsOfAll(x.args)
	case *branch:
		return slotsOfAll(x.args)
	case *coalesce:
		return slotsOfAll(x.args)
	case *decided:
		return slotsOfAll(x.args)
	}
	return nil
}

func slotsOfAll(list []expr) []int {
	var out []int
	for _, e := range list {
		out = append(out, slotsOf(e)...)
	}
	return out
}

// branch is CASE: each value is computed for its rows only.
type branch struct{ *call }

func (c *branch) eval(b *batch) funcs.Vec {
	todo := allRows(b.n)
	m := newMerger(c.plan.T, b.n)
	i := 0
	for ; i+1 < len(c.args) && len(todo) > 0; i += 2 {
		cond := c.ev.subset(c.args[i], b, todo)
		var yes, no []uint32
		for k, r := range todo {
			if c.holds(i, cond, k, int(r)) {
				yes = append(yes, r)
			} else {
				no = append(no, r)
			}
		}
		if len(yes) > 0 {
			m.add(c.ev.subset(c.args[i+1], b, yes), yes)
		}
		todo = no
	}
	if len(c.args)%2 == 1 && len(todo) > 0 {
		m.add(c.ev.subset(c.args[len(c.args)-1], b, todo), todo)
	}
	return funcs.Vec{Column: m.column(c.ev)}
}

// holds tells whether condition number i is true; several values are not.
func (c *branch) holds(i int, cond funcs.Vec, k, row int) bool {
	if cond.Same {
		k = 0
	}
	lo, hi := cond.Range(k)
	if hi-lo > 1 {
		e := c.plan.Written[i]
		c.ev.warnAs(&plan.Call{Pos: e.At(), Source: e.Text()}, row, "java.lang.IllegalArgumentException: CASE expects a single-valued boolean", "false")
	}
	return hi-lo == 1 && cond.Ints[lo] != 0
}

func allRows(n int) []uint32 {
	rows := make([]uint32, n)
	for i := range rows {
		rows[i] = uint32(i)
	}
	return rows
}

// coalesce computes each argument only for rows in which those before are null.
type coalesce struct{ *call }

func (c *coalesce) eval(b *batch) funcs.Vec {
	todo := allRows(b.n)
	m := newMerger(c.plan.T, b.n)
	for _, a := range c.args {
		if len(todo) == 0 {
			break
		}
		v := c.ev.subset(a, b, todo)
		var null []uint32
		for k, r := range todo {
			at := k
			if v.Same {
				at = 0
			}
			if v.IsNull(at) {
				null = append(null, r)
			}
		}
		m.add(v, todo)
		todo = null
	}
	return funcs.Vec{Column: m.column(c.ev)}
}

// merger puts parts of a column together by row. A part added later wins.
type merger struct {
	t     frame.Type
	parts []funcs.Vec
	from  []int32 // part of each row, -1: null
	at    []uint32
}

func newMerger(t frame.Type, n int) *merger {
	m := &merger{t: t, from: make([]int32, n), at: make([]uint32, n)}
	for i := range m.from {
		m.from[i] = -1
	}
	return m
}

func (m *merger) add(v funcs.Vec, rows []uint32) {
	for k, r := range rows {
		if v.Same {
			k = 0
		}
		m.from[r], m.at[r] = int32(len(m.parts)), uint32(k)
	}
	m.parts = append(m.parts, v)
}

func (m *merger) column(ev *evaluator) *frame.Column {
	out := funcs.NewOut(m.t, len(m.from))
	for r, p := range m.from {
		if p < 0 {
			continue
		}
		c := m.parts[p].Column
		lo, hi := c.Range(int(m.at[r]))
		for ; lo < hi; lo++ {
			switch {
			case c.Codes != nil:
				out.AddStr(r, c.Dict.Value(c.Codes[lo]))
			case c.Floats != nil:
				out.AddFloat(r, c.Floats[lo])
			case m.t == frame.Double:
				out.AddFloat(r, float64(c.Ints[lo]))
			default:
				out.AddInt(r, c.Ints[lo])
			}
		}
	}
	ev.made += out.Bytes()
	return out.Column()
}

// warn notes a warning of a row, or of an entry that is being lifted.
func (ev *evaluator) warn(c *plan.Call, row int, message string) { ev.warnAs(c, row, message, "null") }

func (ev *evaluator) warnAs(c *plan.Call, row int, message, as string) {
	if ev.rows != nil {
		row = int(ev.rows[row])
	}
	if ev.lifted != nil {
		ev.lifted.pend(uint32(row), pending{c, message, as})
		return
	}
	ev.run.warnings.add(c.Pos, c.Source, message, as)
}
