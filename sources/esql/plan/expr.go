package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"interdict/sources/esql/funcs"
	"interdict/sources/esql/parse"
	"interdict/sources/frame"
)

// expr checks an expression. What is wrong is noted, and null stands for it,
// which every parameter takes: one problem does not cause others.
func (c *checker) expr(e parse.Expr) Expr {
	switch x := e.(type) {
	case *parse.Literal:
		return c.literal(x)
	case *parse.Column:
		if col, ok := c.column(x.Pos, x.Name); ok {
			return &Ref{col}
		}
		return Null()
	case *parse.Unary:
		switch x.Op {
		case "+":
			return c.expr(x.Operand)
		case "-":
			return c.call("neg", x, x.Operand)
		}
		return c.call(x.Op, x, x.Operand)
	case *parse.Binary:
		if x.Op == ":" {
			return c.call("match", x, x.Left, x.Right)
		}
		return c.call(x.Op, x, x.Left, x.Right)
	case *parse.IsNull:
		if x.Not {
			return c.call("is not null", x, x.Operand)
		}
		return c.call("is null", x, x.Operand)
	case *parse.In:
		return c.not(x.Not, x, c.call("in", x, append([]parse.Expr{x.Operand}, x.List...)...))
	case *parse.Like:
		return c.like(x)
	case *parse.Cast:
		return c.cast(x)
	case *parse.Call:
		return c.function(x)
	}
	c.problem(e.At(), "[%s] is not supported here", e.Text())
	return Null()
}

func (c *checker) not(not bool, e parse.Expr, inner Expr) Expr {
	if !not {
		return inner
	}
	return c.build("not", e, []Expr{inner}, []parse.Expr{e})
}

func (c *checker) like(x *parse.Like) Expr {
	name := "like"
	if x.Regex {
		name = "rlike"
	}
	if matchesAll(x) { // it is IS NOT NULL then, also of several values
		return c.expr(&parse.IsNull{Node: x.Node, Operand: x.Operand, Not: !x.Not})
	}
	operand := c.expr(x.Operand)
	if t := operand.Type(); t != frame.Keyword && t != frame.Null {
		c.problem(x.Pos, "argument of [%s] must be [string], found value [%s] type [%s]", x.Text(), x.Operand.Text(), funcs.TypeName(t))
		return Null()
	}
	args := []Expr{operand}
	for _, p := range x.Patterns {
		args = append(args, c.expr(p))
	}
	return c.not(x.Not, x, c.build(name, x, args, append([]parse.Expr{x.Operand}, x.Patterns...)))
}

// matchesAll tells whether a pattern alone matches any text.
func matchesAll(x *parse.Like) bool {
	if len(x.Patterns) != 1 {
		return false
	}
	l, ok := x.Patterns[0].(*parse.Literal)
	if !ok {
		return false
	}
	s, _ := l.Value.(string)
	if x.Regex {
		return s == ".*" || s == "@" || s == "(.*)"
	}
	return s != "" && strings.Trim(s, "*") == ""
}

func (c *checker) cast(x *parse.Cast) Expr {
	name, ok := funcs.CastName(x.Type)
	if ok {
		return c.call(name, x, x.Operand)
	}
	inner := c.expr(x.Operand)
	if isWrong(inner) {
		return inner
	}
	switch x.Type {
	case "date_period", "time_duration":
		if k, isConst := inner.(*Const); isConst && k.T == frame.Keyword {
			v, err := funcs.ParseInterval(k.Value.Text(0))
			if err == nil && (v.Duration != 0) == (x.Type == "time_duration") {
				t := funcs.DatePeriod
				if v.Duration != 0 {
					t = funcs.TimeDuration
				}
				return interval(v, t)
			}
		}
		c.problem(x.Pos, "Cannot convert [%s] to [%s]", x.Operand.Text(), x.Type)
		return Null()
	}
	c.parseProblem(x.TypeAt, "Unknown data type named [%s]", x.Type)
	return Null()
}

// call checks the arguments, then the call.
func (c *checker) call(name string, e parse.Expr, args ...parse.Expr) Expr {
	typed := make([]Expr, len(args))
	for i, a := range args {
		typed[i] = c.expr(a)
	}
	return c.build(name, e, typed, args)
}

// intervalCasts are the functions that are casts to a type that no column has.
var intervalCasts = map[string]string{"to_dateperiod": "date_period", "to_timeduration": "time_duration"}

func (c *checker) function(x *parse.Call) Expr {
	if x.Name == "kql" || x.Name == "qstr" {
		return c.queryString(x)
	}
	if x.Name == "trange" {
		return c.timeRange(x)
	}
	if x.Name == "bucket" {
		if c.grouping {
			return c.bucket(x)
		}
		c.late(x.Pos, "cannot use grouping function [%s] outside of a STATS command", x.Text())
		return Null()
	}
	if to, ok := intervalCasts[x.Name]; ok && len(x.Args) == 1 {
		return c.cast(&parse.Cast{Node: x.Node, Operand: x.Args[0], Type: to, TypeAt: x.Pos})
	}
	d := funcs.Lookup(x.Name)
	if d == nil || !funcs.Callable(x.Name) {
		for _, a := range x.Args {
			if isWrong(c.expr(a)) { // which is told alone
				return Null()
			}
		}
		if funcs.LookupAgg(x.Name) != nil {
			if call := c.aggregated(x); call != nil {
				c.late(x.Pos, "aggregate function [%s] not allowed outside STATS command", x.Text())
				return call
			}
			return Null()
		}
		if why := funcs.Refused(x.Name); why != "" {
			c.problem(x.Pos, "function [%s] is not supported by this engine: %s", x.Name, why)
			return Null()
		}
		if !c.unknown[x.Text()] {
			name, _, _ := strings.Cut(x.Text(), "(")
			c.problem(x.Pos, "Unknown function [%s]%s", strings.TrimSpace(name), didYouMean(x.Name, funcs.Names()))
			c.unknown[x.Text()] = true
		}
		return Null()
	}
	if x.Star {
		c.parseProblem(x.Pos, "error building [%s]: does not take [*]", x.Name)
		return Null()
	}
	if what := funcs.CheckArity(d.Params, d.Variadic, len(x.Args)); what != "" {
		c.parseProblem(x.Pos, "error building [%s]: %s", x.Name, what)
		return Null()
	}
	typed := make([]Expr, len(x.Args))
	for i, a := range x.Args {
		typed[i] = c.expr(a)
	}
	return c.buildWith(options(x.Map), d.Name, x, typed, x.Args)
}

// options gives the values of a call's {…} as funcs has them.
func options(of map[string]any) map[string]any {
	for name, v := range of {
		if i, ok := v.(parse.Interval); ok {
			of = maps.Clone(of)
			of[name], _, _ = funcs.NewInterval(i.Amount, i.Unit)
		}
	}
	return of
}

// build makes a checked call of a function that exists; constant calls are computed.
func (c *checker) build(name string, e parse.Expr, args []Expr, texts []parse.Expr) Expr {
	return c.buildWith(nil, name, e, args, texts)
}

func (c *checker) buildWith(options map[string]any, name string, e parse.Expr, args []Expr, texts []parse.Expr) Expr {
	if slices.ContainsFunc(args, isWrong) {
		return Null()
	}
	d := funcs.Lookup(name)
	call := &Call{Def: d, Args: args, Source: e.Text(), Pos: e.At(), Options: options}
	before := len(c.problems)
	if call.T = c.signature(d.Params, d.Result, d.Check, call, texts); len(c.problems) > before {
		return Null()
	}
	if name == "case" {
		call.Written = texts
	}
	if d.Unsteady || name == "case" || name == "coalesce" {
		return call
	}
	for _, a := range args {
		if _, ok := a.(*Const); !ok {
			c.tryNew(call, texts)
			return call
		}
	}
	return c.fold(call)
}

// tryNew finds what New has against constant arguments.
func (c *checker) tryNew(call *Call, texts []parse.Expr) {
	if call.Def.New == nil {
		return
	}
	if _, err := call.Def.New(call.Prepared(c.now)); err != nil {
		if call.Def.Name == "like" || call.Def.Name == "rlike" { // Elasticsearch reads patterns with the text
			c.parseProblem(call.Pos, "%s", err)
			return
		}
		at := call.Pos
		if call.Def.Name == "mv_sort" && texts != nil {
			at = texts[1].At()
		}
		c.problem(at, "%s", err)
	}
}

// signature checks the arguments' types and gives the result's.
func (c *checker) signature(params []funcs.Param, result func([]frame.Type) frame.Type, check func([]frame.Type) string, call *Call, texts []parse.Expr) frame.Type {
	c.castConstants(params, call, texts)
	if slices.ContainsFunc(call.Args, isWrong) {
		return frame.Null
	}
	c.widen(call, texts)
	types := make([]frame.Type, len(call.Args))
	for i, a := range call.Args {
		types[i] = a.Type()
		p := funcs.ParamFor(params, i)
		total := max(len(call.Args), len(params))
		if call.Def != nil && call.Def.Name == "concat" {
			total = 1
		}
		if what := funcs.CheckType(p, types[i], call.Source, texts[i].Text(), i, total); what != "" {
			c.problem(call.Pos, "%s", what)
			return frame.Null
		} else if _, isConst := a.(*Const); p.Const && !isConst {
			at := call.Pos
			if call.Def != nil && call.Def.Name == "mv_sort" {
				at = texts[i].At()
			}
			c.problem(at, "%sargument of [%s] must be a constant, received [%s]", funcs.Ordinal(i, len(call.Args)), call.Source, texts[i].Text())
			return frame.Null
		}
	}
	if check != nil {
		if what := check(types); what != "" {
			c.problem(call.Pos, "%s", fillIn(what, call.Source, texts))
		}
	}
	return result(types)
}

// widen makes the values of CASE and its like as wide as the first of them, if
// all others can be.
func (c *checker) widen(call *Call, texts []parse.Expr) {
	if call.Def == nil {
		return
	}
	values := make([]int, 0, len(call.Args))
	for i := range call.Args {
		switch call.Def.Name {
		case "case":
			if i%2 == 0 && i != len(call.Args)-1 || len(call.Args)%2 == 0 && i == len(call.Args)-2 {
				continue
			}
		case "coalesce", "greatest", "least":
		default:
			return
		}
		if call.Args[i].Type() != frame.Null {
			values = append(values, i)
		}
	}
	for _, i := range values {
		t, to := call.Args[i].Type(), call.Args[values[0]].Type()
		if t != to && !wider(to, t) {
			return
		}
	}
	for _, i := range values {
		if to := call.Args[values[0]].Type(); call.Args[i].Type() != to {
			call.Args[i] = c.build("to_"+to.String(), texts[i], []Expr{call.Args[i]}, texts[i:i+1])
		}
	}
}

// wider tells whether numbers of a type become those of another one. A negative
// one becomes no unsigned_long, but null and a warning.
func wider(to, t frame.Type) bool {
	switch to {
	case frame.Double:
		return t == frame.Integer || t == frame.Long || t == frame.UnsignedLong
	case frame.UnsignedLong:
		return t == frame.Integer || t == frame.Long
	}
	return to == frame.Long && t == frame.Integer
}

// fillIn puts texts into a message of a Check: %s is the call, %a its first
// argument, %v the last and %n its place, %0 to %9 an argument.
func fillIn(message, call string, texts []parse.Expr) string {
	last := len(texts) - 1
	r := []string{"%s", call, "%a", texts[0].Text(), "%v", texts[last].Text(), "%n", strings.TrimSpace(funcs.Ordinal(last, len(texts)+1))}
	for i := range min(10, len(texts)) {
		r = append(r, fmt.Sprint("%", i), texts[i].Text())
	}
	return strings.NewReplacer(r...).Replace(message)
}

// Warning is the pair of warnings of an evaluation that failed.
func Warning(at parse.Pos, source, message string) [2]string {
	return [2]string{
		fmt.Sprintf("Line %d:%d: evaluation of [%s] failed, treating result as null. Only first 20 failures recorded.", at.Line, at.Column, source),
		fmt.Sprintf("Line %d:%d: %s", at.Line, at.Column, message),
	}
}

func (c *checker) warn(call *Call, message string) {
	w := Warning(call.Pos, call.Source, message)
	c.plan.Warnings = append(c.plan.Warnings, w[0], w[1])
}
