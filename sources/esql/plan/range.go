package plan

import (
	"slices"
	"strings"
	"time"

	"interdict/sources/esql/funcs"
	"interdict/sources/esql/parse"
	"interdict/sources/frame"
)

// timeRange makes of TRANGE the two comparisons of @timestamp that it stands
// for: after its start and not after its end, which is now beside a length of time.
func (c *checker) timeRange(x *parse.Call) Expr {
	d := funcs.Lookup("trange")
	if what := funcs.CheckArity(d.Params, false, len(x.Args)); what != "" {
		c.parseProblem(x.Pos, "error building [%s]: %s", x.Name, what)
		return Null()
	}
	col, ok := c.column(x.Pos, "@timestamp")
	args := make([]Expr, len(x.Args))
	for i, a := range x.Args {
		args[i] = c.expr(a)
	}
	if !ok || slices.ContainsFunc(args, isWrong) || !c.bounds(x, args) {
		return Null()
	}
	build := func(name string, args ...Expr) Expr {
		return c.build(name, x, args, []parse.Expr{x, x}[:len(args)])
	}
	if len(args) == 1 {
		now := build("now")
		args = []Expr{build("-", now, args[0]), now}
	}
	for i, a := range args {
		if a.Type() != frame.DateNanos {
			args[i] = build("to_datetime", a)
		}
	}
	if slices.ContainsFunc(args, isWrong) || !c.forwards(x, args) {
		return Null()
	}
	return build("and", build(">", &Ref{col}, args[0]), build("<=", &Ref{col}, args[1]))
}

// bounds checks what TRANGE is given: constants, and two of one type.
func (c *checker) bounds(x *parse.Call, args []Expr) bool {
	say := func(i int, must, text string) bool {
		c.problem(x.Pos, "%sargument of [%s] %s [%s]", funcs.Ordinal(i, len(args)), x.Text(), must, text)
		return false
	}
	types := []funcs.Param{{Types: funcs.Temporal, Expect: "time_duration or date_period"}}
	if len(args) == 2 {
		types[0] = funcs.Param{Types: funcs.String | funcs.Long | funcs.Dates, Expect: "string, long, date or date_nanos"}
		types = append(types, funcs.Param{Types: 1 << args[0].Type(), Expect: strings.ToLower(funcs.TypeName(args[0].Type()))})
	}
	for i, a := range args {
		if a.Type() == frame.Null {
			return say(i, "cannot be null, received", x.Args[i].Text())
		}
		if len(Slots(a)) > 0 {
			return say(i, "must be a constant, received", x.Args[i].Text())
		}
		if what := funcs.CheckType(types[i], a.Type(), x.Text(), x.Args[i].Text(), i, len(args)); what != "" {
			c.problem(x.Pos, "%s", what)
			return false
		}
	}
	if k, ok := args[0].(*Const); ok && (k.Interval.Years < 0 || k.Interval.Months < 0 || k.Interval.Days < 0 || k.Interval.Duration < 0) {
		c.problem(x.Args[0].At(), "start_time_or_offset cannot be negative")
		return false
	}
	return true
}

// forwards checks that two constants stand in order. Of others the rows decide.
func (c *checker) forwards(x *parse.Call, args []Expr) bool {
	var at [2]time.Time
	for i, a := range args {
		k, ok := a.(*Const)
		if !ok {
			return true
		}
		if k.Value.IsNull(0) {
			name := funcs.Lookup("trange").Params[i].Name
			c.problem(x.Pos, "invalid time range for [%s]: TRANGE %s parameter must be a valid datetime string, got: %s", x.Text(), name, x.Args[i].Text())
			return false
		}
		lo, _ := k.Value.Range(0)
		at[i] = funcs.ToTime(k.Value.Ints[lo], k.T)
	}
	if at[0].After(at[1]) {
		c.problem(x.Pos, "TRANGE rangeStart time [%s] must be before rangeEnd time [%s]", at[0].Format(time.RFC3339Nano), at[1].Format(time.RFC3339Nano))
		return false
	}
	return true
}
