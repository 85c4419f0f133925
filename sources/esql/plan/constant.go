package plan

import (
	"math"
	"strings"

	"interdict/sources/esql/funcs"
	"interdict/sources/esql/parse"
	"interdict/sources/frame"
)

func (c *checker) literal(l *parse.Literal) Expr {
	if v, ok := l.Value.(parse.Interval); ok {
		iv, t, fits := funcs.NewInterval(v.Amount, v.Unit)
		if !fits {
			c.problem(l.Pos, "Number [%d] outside of [%s] range", v.Amount, funcs.TypeName(t))
		}
		k := interval(iv, t)
		k.source = l.Text()
		return k
	}
	values, isList := l.Value.([]any)
	if !isList {
		values = []any{l.Value}
	}
	t, ok := literalType(values)
	if !ok {
		c.parseProblem(l.Pos, "Cannot mix types in array [%s]", l.Text())
		return Null()
	}
	out := funcs.NewOut(t, 1)
	for _, v := range values {
		addLiteral(out, v, t)
	}
	return &Const{Value: out.Column(), T: t}
}

// literalType is the type that all values fit.
func literalType(values []any) (frame.Type, bool) {
	t := frame.Null
	for _, v := range values {
		u := frame.Null
		switch n := v.(type) {
		case string:
			u = frame.Keyword
		case bool:
			u = frame.Boolean
		case float64:
			u = frame.Double
		case uint64:
			u = frame.UnsignedLong
		case int64:
			u = frame.Long
			if n >= math.MinInt32 && n <= math.MaxInt32 {
				u = frame.Integer
			}
		}
		if t != frame.Null && u != t && !(funcs.IsNumeric(t) && funcs.IsNumeric(u)) {
			return t, false
		}
		if t == frame.Null {
			t = u
		} else if funcs.IsNumeric(t) {
			t = funcs.Widest(t, u)
		}
	}
	return t, true
}

func addLiteral(out *funcs.Out, v any, t frame.Type) {
	switch x := v.(type) {
	case string:
		out.AddStr(0, x)
	case bool:
		if x {
			out.AddInt(0, 1)
		} else {
			out.AddInt(0, 0)
		}
	case float64:
		out.AddFloat(0, x)
	case uint64:
		if t == frame.Double {
			out.AddFloat(0, float64(x))
		} else {
			out.AddInt(0, int64(x))
		}
	case int64:
		if t == frame.Double {
			out.AddFloat(0, float64(x))
		} else {
			out.AddInt(0, x)
		}
	}
}

// interval is a constant amount of time. Its column stands for "not null" only.
func interval(v funcs.Interval, t frame.Type) *Const {
	return &Const{Value: &frame.Column{Type: frame.Long, Ints: []int64{0}}, T: t, Interval: v}
}

// castConstants turns constant text into what stands beside it, or what the parameter takes.
func (c *checker) castConstants(params []funcs.Param, call *Call, texts []parse.Expr) {
	for i, a := range call.Args {
		k, ok := a.(*Const)
		if !ok || k.T != frame.Keyword {
			continue
		}
		want := frame.Null
		if call.Def != nil && call.Def.Name == "round_to" {
			want = frame.Date
		} else if p := funcs.ParamFor(params, i); !p.Types.Has(frame.Keyword) {
			switch { // no text becomes a number in SUM, and beside + it is a date or nothing
			case call.Def == nil:
			case funcs.Callable(call.Def.Name):
				want = only(p.Types)
			case call.Def.Name == "+" || call.Def.Name == "-":
				want = dated(call.Args)
			}
		} else if binary(call.Def) {
			want = beside(call.Args, i)
		}
		if want == frame.Null || want == frame.Keyword {
			continue
		}
		call.Args[i] = c.convert(k, want, texts[i])
	}
}

// binary tells whether text beside another type is converted to it.
func binary(d *funcs.Def) bool {
	if d == nil {
		return false
	}
	switch d.Name {
	case "==", "!=", "<", "<=", ">", ">=", "in":
		return true
	}
	return false
}

func beside(args []Expr, i int) frame.Type {
	for j, b := range args {
		if j != i && castable(b.Type()) {
			return b.Type()
		}
	}
	return frame.Null
}

// dated gives date if an argument is one, or an amount of time.
func dated(args []Expr) frame.Type {
	for _, a := range args {
		if t := a.Type(); t >= funcs.DatePeriod || funcs.IsDate(t) {
			return frame.Date
		}
	}
	return frame.Null
}

func castable(t frame.Type) bool {
	return t == frame.Date || t == frame.DateNanos || t == frame.IP || t == frame.Version || t == frame.Boolean
}

// only is the type of a set that text can become.
func only(s funcs.Types) frame.Type {
	for _, t := range []frame.Type{frame.Date, frame.DateNanos, frame.IP, frame.Version, frame.Boolean, frame.Double, frame.Long, frame.Integer} {
		if s.Has(t) {
			return t
		}
	}
	return frame.Null
}

func (c *checker) convert(k *Const, to frame.Type, e parse.Expr) Expr {
	out := funcs.NewOut(to, 1)
	lo, hi := k.Value.Range(0)
	for ; lo < hi; lo++ {
		v, err := funcs.Convert(k.Value.TextAt(lo), frame.Keyword, to)
		if err != nil {
			_, reason, _ := strings.Cut(err.Error(), ": ")
			c.problem(e.At(), "Cannot convert string [%s] to [%s], error [%s]", k.Value.TextAt(lo), strings.ToUpper(funcs.TypeName(to)), reason)
			return Null()
		}
		add(out, v)
	}
	return &Const{Value: out.Column(), T: to}
}

func add(out *funcs.Out, v any) {
	switch x := v.(type) {
	case string:
		out.AddStr(0, x)
	case int64:
		out.AddInt(0, x)
	case float64:
		out.AddFloat(0, x)
	}
}

// fold computes a call of constants.
func (c *checker) fold(call *Call) Expr {
	fc := call.Prepared(c.now)
	fc.Room = maxConstant
	fc.Warn = func(_ int, m string) { c.warn(call, m) }
	if call.T >= funcs.DatePeriod {
		return c.foldInterval(call)
	}
	row := call.Def.Row
	if call.Def.New != nil {
		var err error
		if row, err = call.Def.New(fc); err != nil {
			c.problem(call.Pos, "%s", err)
			return Null()
		}
	}
	in := make([]funcs.Vec, len(call.Args))
	for i, a := range call.Args {
		in[i] = funcs.Vec{Column: a.(*Const).Value, Same: true}
	}
	v := funcs.Eval(call.Def, fc, row, in, 1)
	if fc.Made > maxConstant {
		c.problem(call.Pos, "[%s] makes more than [%d] bytes", call.Source, maxConstant)
		return Null()
	}
	return &Const{Value: v, T: call.T}
}

// maxConstant bounds what a call of constants may make.
const maxConstant = 8 << 20

func (c *checker) foldInterval(call *Call) Expr {
	v := call.Args[0].(*Const).Interval
	switch {
	case call.Def.Name == "neg":
		v = v.Negated()
	case call.Def.Name == "+":
		v = v.Plus(call.Args[1].(*Const).Interval)
	case call.Def.Name == "-":
		v = v.Plus(call.Args[1].(*Const).Interval.Negated())
	}
	return interval(v, call.T)
}
