package plan

import (
	"fmt"
	"slices"

	"interdict/sources/esql/funcs"
	"interdict/sources/esql/parse"
	"interdict/sources/frame"
)

// statsChecker checks one STATS: expressions over aggregates become aggregates
// in hidden slots and an EVAL after them.
type statsChecker struct {
	*checker
	step  *Stats
	after *Eval
	keys  scope // what BY names, which expressions over aggregates may use
	named map[string]parse.Pos
}

func (c *checker) stats(x *parse.Stats) {
	s := &statsChecker{checker: c, step: &Stats{Inline: x.Inline}, after: &Eval{}, named: map[string]parse.Pos{}}
	for _, k := range x.By {
		s.key(k)
	}
	var outs scope
	for _, a := range x.Aggregates {
		col := s.aggregate(a)
		s.shadow(a.Field)
		col.Name = a.Name
		outs = outs.put(col)
	}
	for _, k := range x.By {
		s.shadow(k)
	}
	for _, k := range s.keys {
		outs = outs.put(k)
	}
	if x.Inline {
		kept := c.scope
		for _, o := range outs {
			kept = kept.without(o.Name)
		}
		outs = append(kept[:len(kept):len(kept)], outs...)
	}
	c.step(s.step)
	if len(s.after.Fields) > 0 {
		c.step(s.after)
	}
	c.scope = outs
}

// shadow warns of an output whose name one before it has.
func (s *statsChecker) shadow(f parse.Field) {
	if at, ok := s.named[f.Name]; ok {
		s.plan.Warnings = append(s.plan.Warnings, fmt.Sprintf("Line %d:%d: Field '%s' shadowed by field at line %d:%d", at.Line, at.Column, f.Name, f.Line, f.Column))
	}
	s.named[f.Name] = f.Pos
}

// key checks one expression of BY.
func (s *statsChecker) key(f parse.Field) {
	before := len(s.later)
	s.grouping = true
	e := s.expr(f.Expr)
	s.grouping = false
	if agg := aggregateIn(f.Expr); agg != nil {
		s.later = s.later[:before]
		s.late(agg.At(), "cannot use an aggregate [%s] for grouping", agg.Text())
	}
	if e.Type() >= funcs.DatePeriod {
		s.problem(f.Pos, "cannot group by [%s] of type [%s]", f.Expr.Text(), funcs.TypeName(e.Type()))
		e = Null()
	}
	name := f.Name
	if ref, ok := e.(*Ref); ok && !f.Named { // + x is x
		name = ref.Name
	}
	col := s.slot(name, e.Type())
	if same, ok := s.grouped(e); ok { // the same column twice groups once
		col.Slot = same
	} else {
		s.step.Keys = append(s.step.Keys, Assign{col.Slot, e})
	}
	s.keys = s.keys.put(col)
}

// grouped finds the key that a column is grouped by already.
func (s *statsChecker) grouped(e Expr) (slot int, ok bool) {
	ref, ok := e.(*Ref)
	if !ok {
		return 0, false
	}
	for _, k := range s.step.Keys {
		if r, isRef := k.Expr.(*Ref); isRef && r.Slot == ref.Slot {
			return k.Slot, true
		}
	}
	return 0, false
}

// aggregate checks one output and gives its column.
func (s *statsChecker) aggregate(a parse.Aggregate) Column {
	var where Expr
	if a.Where != nil {
		where = s.expr(a.Where)
		if t := where.Type(); t != frame.Boolean && t != frame.Null {
			s.late(a.Where.At(), "Condition expression needs to be boolean, found [%s]", upper(t))
		}
	}
	if call, ok := a.Expr.(*parse.Call); ok && funcs.LookupAgg(call.Name) != nil {
		return s.hidden(call, where)
	}
	if a.Where != nil && aggregateIn(a.Expr) == nil {
		s.parseProblem(a.Where.At(), "WHERE clause allowed only for aggregate functions [%s WHERE %s]", a.Expr.Text(), a.Where.Text())
		return s.slot("", frame.Null)
	}
	// The expression is checked in a scope of the keys and of hidden columns.
	outer := s.scope
	e := s.over(a.Expr, where)
	s.scope = outer
	if t := e.Type(); t >= funcs.DatePeriod {
		e = Null()
	}
	col := s.slot(a.Name, e.Type())
	s.after.Fields = append(s.after.Fields, Assign{col.Slot, e})
	return col
}

// aggregateIn gives the first aggregate in an expression, nil if there is none.
func aggregateIn(e parse.Expr) (found parse.Expr) {
	parse.Walk(e, func(e parse.Expr) {
		if call, ok := e.(*parse.Call); ok && found == nil && funcs.LookupAgg(call.Name) != nil {
			found = e
		}
	})
	return found
}

// over checks an expression over aggregates: each aggregate in it is replaced
// by a column of its own, named so that no query can name it.
func (s *statsChecker) over(e parse.Expr, where Expr) Expr {
	inner := append(scope(nil), s.keys...)
	replaced := parse.Replace(e, func(e parse.Expr) parse.Expr {
		call, ok := e.(*parse.Call)
		if !ok || funcs.LookupAgg(call.Name) == nil {
			return nil
		}
		col := s.hidden(call, where)
		col.Name = fmt.Sprintf("\x00%d", col.Slot)
		inner = append(inner, col)
		return &parse.Column{Node: call.Node, Name: col.Name}
	})
	s.scope = append(inner, s.ungrouped(replaced, inner)...)
	return s.expr(replaced)
}

// ungrouped gives the columns of an expression over aggregates that are no keys,
// which is wrong, as is an expression without columns.
func (s *statsChecker) ungrouped(e parse.Expr, inner scope) (out scope) {
	some := false
	parse.Walk(e, func(e parse.Expr) {
		name, ok := e.(*parse.Column)
		if !ok {
			return
		}
		some = true
		col, there := s.scope.find(name.Name)
		if _, known := inner.find(name.Name); known || !there {
			return
		}
		s.late(name.Pos, "column [%s] must appear in the STATS BY clause or be used in an aggregate function", name.Name)
		out = out.put(col)
	})
	if !some {
		s.late(e.At(), "expected an aggregate function but found [%s]", e.Text())
	}
	return out
}

// hidden adds an aggregate to the step.
func (s *statsChecker) hidden(x *parse.Call, where Expr) Column {
	for _, a := range x.Args {
		if aggregateIn(a) != nil {
			s.late(a.At(), "nested aggregations [%s] not allowed inside other aggregations [%s]", a.Text(), x.Text())
			return s.slot("", frame.Null)
		}
	}
	call := s.aggregated(x)
	if call == nil {
		return s.slot("", frame.Null)
	}
	col := s.slot("", call.T)
	s.step.Aggs = append(s.step.Aggs, Agg{col.Slot, call, where})
	return col
}

// aggregated checks the call of an aggregate; nil if it is wrong.
func (c *checker) aggregated(x *parse.Call) *Call {
	d := funcs.LookupAgg(x.Name)
	if x.Star && x.Name != "count" {
		c.parseProblem(x.Pos, "error building [%s]: does not take [*]", x.Name)
		return nil
	}
	if what := funcs.CheckArity(d.Params, d.Variadic, len(x.Args)); what != "" {
		c.parseProblem(x.Pos, "error building [%s]: %s", x.Name, what)
		return nil
	}
	call := &Call{Agg: d, Source: x.Text(), Pos: x.Pos, Options: x.Map}
	for _, a := range x.Args {
		call.Args = append(call.Args, c.expr(a))
	}
	if slices.ContainsFunc(call.Args, isWrong) {
		return nil
	}
	before := len(c.problems)
	if len(x.Args) > 0 {
		call.T = c.signature(d.Params, d.Result, d.Check, call, x.Args)
	} else {
		call.T = d.Result(nil)
	}
	if len(c.problems) > before {
		return nil
	}
	if _, err := d.New(call.Prepared(c.now)); err != nil {
		c.problem(x.Pos, "%s", err)
		return nil
	}
	return call
}

// bucket makes BUCKET of BY: a step for dates or numbers, or as many as a range needs.
func (c *checker) bucket(x *parse.Call) Expr {
	if what := funcs.BucketArity(len(x.Args)); what != "" {
		c.parseProblem(x.Pos, "error building [bucket]: %s", what)
		return Null()
	}
	return c.call("bucket", x, x.Args...)
}
