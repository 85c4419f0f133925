package plan

import (
	"fmt"

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
}

func (c *checker) stats(x *parse.Stats) {
	s := &statsChecker{checker: c, step: &Stats{Inline: x.Inline}, after: &Eval{}}
	for _, k := range x.By {
		s.key(k)
	}
	var outs scope
	for i, a := range x.Aggregates {
		s.shadows(x.Aggregates[:i], a)
		col := s.aggregate(a)
		col.Name = a.Name
		outs = outs.put(col)
	}
	for _, k := range s.keys {
		if _, ok := outs.find(k.Name); ok {
			c.shadowed(k.Name, x)
		}
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

// shadows warns of an earlier aggregate of the same name.
func (s *statsChecker) shadows(before []parse.Aggregate, a parse.Aggregate) {
	for _, b := range before {
		if b.Name == a.Name {
			s.plan.Warnings = append(s.plan.Warnings, shadow(b.Field, a.Field))
		}
	}
}

func shadow(hidden, by parse.Field) string {
	return fmt.Sprintf("Line %d:%d: Field '%s' shadowed by field at line %d:%d", hidden.Line, hidden.Column, hidden.Name, by.Line, by.Column)
}

func (c *checker) shadowed(name string, x *parse.Stats) {
	for _, a := range x.Aggregates {
		for _, k := range x.By {
			if a.Name == name && k.Name == name {
				c.plan.Warnings = append(c.plan.Warnings, shadow(a.Field, k))
			}
		}
	}
}

// key checks one expression of BY.
func (s *statsChecker) key(f parse.Field) {
	var e Expr
	if call, ok := f.Expr.(*parse.Call); ok && call.Name == "bucket" {
		e = s.bucket(call)
	} else {
		e = s.expr(f.Expr)
	}
	if e.Type() >= funcs.DatePeriod {
		s.problem(f.Pos, "cannot group by [%s] of type [%s]", f.Expr.Text(), funcs.TypeName(e.Type()))
		e = Null()
	}
	col := s.slot(f.Name, e.Type())
	s.step.Keys = append(s.step.Keys, Assign{col.Slot, e})
	s.keys = s.keys.put(col)
}

// aggregate checks one output and gives its column.
func (s *statsChecker) aggregate(a parse.Aggregate) Column {
	var where Expr
	if a.Where != nil {
		where = s.expr(a.Where)
		if t := where.Type(); t != frame.Boolean && t != frame.Null {
			s.problem(a.Where.At(), "Condition expression needs to be boolean, found [%s]", funcs.TypeName(t))
		}
	}
	if call, ok := a.Expr.(*parse.Call); ok && funcs.LookupAgg(call.Name) != nil {
		return s.hidden(call, where)
	}
	if !hasAggregate(a.Expr) {
		s.problem(a.Expr.At(), "expected an aggregate function but found [%s]", a.Expr.Text())
		return Column{}
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

func hasAggregate(e parse.Expr) bool {
	found := false
	parse.Walk(e, func(e parse.Expr) {
		if call, ok := e.(*parse.Call); ok && funcs.LookupAgg(call.Name) != nil {
			found = true
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
	s.scope = inner
	return s.expr(replaced)
}

// hidden adds an aggregate to the step.
func (s *statsChecker) hidden(x *parse.Call, where Expr) Column {
	d := funcs.LookupAgg(x.Name)
	args := x.Args
	if x.Star && x.Name != "count" {
		s.parseProblem(x.Pos, "error building [%s]: does not take [*]", x.Name)
		return s.slot("", frame.Null)
	}
	if what := funcs.CheckArity(d.Params, d.Variadic, len(args)); what != "" {
		s.parseProblem(x.Pos, "error building [%s]: %s", x.Name, what)
		return s.slot("", frame.Null)
	}
	call := &Call{Agg: d, Source: x.Text(), Pos: x.Pos, Options: x.Map}
	for _, a := range args {
		if hasAggregate(a) {
			s.problem(a.At(), "nested aggregations [%s] not allowed inside other aggregations [%s]", a.Text(), x.Text())
			return s.slot("", frame.Null)
		}
		call.Args = append(call.Args, s.expr(a))
	}
	if len(args) > 0 {
		call.T = s.signature(d.Params, d.Result, d.Check, call, args)
	} else {
		call.T = d.Result(nil)
	}
	if _, err := d.New(call.Prepared(s.now)); err != nil {
		s.problem(x.Pos, "%s", err)
	}
	col := s.slot("", call.T)
	s.step.Aggs = append(s.step.Aggs, Agg{col.Slot, call, where})
	return col
}

// bucket makes BUCKET of BY: a step for dates or numbers, or as many as a range needs.
func (c *checker) bucket(x *parse.Call) Expr {
	if what := funcs.BucketArity(len(x.Args)); what != "" {
		c.parseProblem(x.Pos, "error building [bucket]: %s", what)
		return Null()
	}
	return c.call("bucket", x, x.Args...)
}
