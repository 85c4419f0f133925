package funcs

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"

	"interdict/sources/frame"
)

// arithmetic are + - * / % and the minus sign.
func arithmetic() []Def {
	numbers := []Param{{Name: "lhs", Types: Numeric}, {Name: "rhs", Types: Numeric}}
	widest := func(t []frame.Type) frame.Type { return Widest(t[0], t[1]) }
	defs := []Def{{
		Name: "neg", Params: []Param{{Name: "field", Types: Numeric&^ULong | Temporal, Expect: "numeric, date_period or time_duration"}}, Result: SameAs(0),
		Row: func(r *Row) {
			if r.Type(0) == frame.Double {
				r.SetFloat(-r.Float(0))
				return
			}
			store(r, r.Type(0), subtract(0, r.Int(0), r.Type(0)))
		},
	}}
	for _, name := range []string{"+", "-", "*", "/", "%"} {
		d := Def{Name: name, Params: numbers, Result: widest, Check: checkArithmetic(name)}
		d.New = func(c *Call) (func(*Row), error) {
			if name == "+" || name == "-" {
				if f := dateArithmetic(c, name == "-"); f != nil {
					return f, nil
				}
			}
			return arithmeticRow(name, c.Result), nil
		}
		if name == "+" || name == "-" {
			d.Params = []Param{{Name: "lhs", Types: Numeric | Dates | Temporal, Expect: addable}, {Name: "rhs", Types: Numeric | Dates | Temporal, Expect: addable}}
			d.Result = sumType
		}
		if name == "+" || name == "-" || name == "*" {
			d.Vector = func(c *Call, in []Vec, n int) *frame.Column { return arithmeticVector(name, c, in, n) }
		}
		defs = append(defs, d)
	}
	return defs
}

// addable is what + and - say that they take.
const addable = "date_nanos, datetime or numeric"

func sumType(t []frame.Type) frame.Type {
	for i := range t {
		if IsDate(t[i]) {
			return t[i]
		}
	}
	if t[0] >= DatePeriod {
		return t[0]
	}
	return Widest(t[0], t[1])
}

func checkArithmetic(name string) func([]frame.Type) string {
	return func(t []frame.Type) string {
		a, b := t[0], t[1]
		aDate, bDate := IsDate(a), IsDate(b)
		aSpan, bSpan := a >= DatePeriod, b >= DatePeriod
		switch {
		case a != b && (a == frame.UnsignedLong || b == frame.UnsignedLong) && a != frame.Null && b != frame.Null:
		case a == frame.Null || b == frame.Null, !aDate && !bDate && !aSpan && !bSpan:
			return ""
		case aDate && bSpan, bDate && aSpan && name == "+", aSpan && bSpan && a == b:
			return ""
		}
		return fmt.Sprintf("[%s] has arguments with incompatible types [%s] and [%s]", name, TypeName(a), TypeName(b))
	}
}

// whole is a result of whole-number arithmetic; problem says why there is none.
type whole struct {
	v       int64
	problem string
}

func store(r *Row, t frame.Type, w whole) {
	if w.problem != "" {
		r.Fail("java.lang.ArithmeticException: %s", w.problem)
		return
	}
	r.SetInt(w.v)
}

func arithmeticRow(op string, t frame.Type) func(*Row) {
	if t == frame.Double {
		return func(r *Row) {
			v := floats(op, r.Float(0), r.Float(1))
			if op != "/" && op != "%" {
				setFinite(r, v)
			} else if v-v == 0 {
				r.SetFloat(v)
			} else {
				r.Fail("java.lang.ArithmeticException: / by zero")
			}
		}
	}
	return func(r *Row) {
		x, y := r.Int(0), r.Int(1)
		if t == frame.UnsignedLong && (r.Type(0) != t && x < 0 || r.Type(1) != t && y < 0) {
			r.Fail("java.lang.ArithmeticException: unsigned_long overflow")
			return
		}
		store(r, t, wholes(op, x, y, t))
	}
}

func floats(op string, x, y float64) float64 {
	switch op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	case "/":
		return x / y
	}
	return math.Mod(x, y)
}

func wholes(op string, x, y int64, t frame.Type) whole {
	switch op {
	case "+":
		return add(x, y, t)
	case "-":
		return subtract(x, y, t)
	case "*":
		return multiply(x, y, t)
	}
	switch {
	case y == 0:
		return whole{problem: "/ by zero"}
	case t == frame.UnsignedLong && op == "/":
		return whole{v: int64(uint64(x) / uint64(y))}
	case t == frame.UnsignedLong:
		return whole{v: int64(uint64(x) % uint64(y))}
	case op == "/":
		v := x / y // of the least number by -1 it is itself, as in Java
		if t == frame.Integer {
			v = int64(int32(v))
		}
		return whole{v: v}
	case y == -1:
		return whole{}
	}
	return whole{v: x % y}
}

func fit(v int64, t frame.Type) whole {
	if t == frame.Integer && int64(int32(v)) != v {
		return whole{problem: "integer overflow"}
	}
	return whole{v: v}
}

func add(x, y int64, t frame.Type) whole {
	if t == frame.UnsignedLong {
		s, carry := bits.Add64(uint64(x), uint64(y), 0)
		return overflowIf(carry != 0, int64(s), t)
	}
	s := x + y
	if (x^s)&(y^s) < 0 {
		return whole{problem: "long overflow"}
	}
	return fit(s, t)
}

func subtract(x, y int64, t frame.Type) whole {
	if t == frame.UnsignedLong {
		return overflowIf(uint64(x) < uint64(y), x-y, t)
	}
	d := x - y
	if (x^y)&(x^d) < 0 {
		return whole{problem: "long overflow"}
	}
	return fit(d, t)
}

func multiply(x, y int64, t frame.Type) whole {
	if t == frame.UnsignedLong {
		hi, lo := bits.Mul64(uint64(x), uint64(y))
		return overflowIf(hi != 0, int64(lo), t)
	}
	if x == 0 || y == 0 {
		return whole{}
	}
	p := x * y
	if p/y != x || x == math.MinInt64 && y == -1 || y == math.MinInt64 && x == -1 {
		return whole{problem: "long overflow"}
	}
	return fit(p, t)
}

func overflowIf(over bool, v int64, t frame.Type) whole {
	if over {
		return whole{problem: TypeName(t) + " overflow"}
	}
	return whole{v: v}
}

// arithmeticVector is the fast way for doubles, and for whole numbers that are
// far from overflow, without nulls.
func arithmeticVector(op string, c *Call, in []Vec, n int) *frame.Column {
	if c.Result != frame.Double && c.Result != frame.Long || c.Args[0].Type >= DatePeriod || c.Args[1].Type >= DatePeriod {
		return nil
	}
	for _, v := range in {
		if v.Offsets != nil || v.Nulls != nil || v.Type == frame.UnsignedLong || v.Ints == nil && v.Floats == nil {
			return nil
		}
		if v.Same && v.IsNull(0) {
			return nil
		}
	}
	if c.Result == frame.Double {
		return floatVector(op, in, n)
	}
	return longVector(op, in, n)
}

func floatVector(op string, in []Vec, n int) *frame.Column {
	x, y := asFloats(in[0], n), asFloats(in[1], n)
	out := make([]float64, n)
	bad := false
	for i := range out {
		v := floats(op, x[i], y[i])
		bad = bad || v-v != 0
		out[i] = v
	}
	if bad {
		return nil
	}
	return &frame.Column{Type: frame.Double, Floats: out}
}

func asFloats(v Vec, n int) []float64 {
	if !v.Same && v.Floats != nil {
		return v.Floats[:n]
	}
	out := make([]float64, n)
	for i := range out {
		at := i
		if v.Same {
			at = 0
		}
		if v.Floats != nil {
			out[i] = v.Floats[at]
		} else {
			out[i] = float64(v.Ints[at])
		}
	}
	return out
}

func longVector(op string, in []Vec, n int) *frame.Column {
	out := make([]int64, n)
	at := func(v Vec, i int) int64 {
		if v.Same {
			return v.Ints[0]
		}
		return v.Ints[i]
	}
	for i := range out {
		w := wholes(op, at(in[0], i), at(in[1], i), frame.Long)
		if w.problem != "" {
			return nil
		}
		out[i] = w.v
	}
	return &frame.Column{Type: frame.Long, Ints: out}
}

// bigOf is an unsigned_long or other whole number without loss.
func bigOf(v int64, t frame.Type) *big.Int {
	if t == frame.UnsignedLong {
		return new(big.Int).SetUint64(uint64(v))
	}
	return big.NewInt(v)
}
