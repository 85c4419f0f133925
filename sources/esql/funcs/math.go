package funcs

import (
	"math"
	"math/big"
	"slices"

	"interdict/sources/frame"
)

// maths are the functions of numbers.
func maths() []Def { return slices.Concat(constants(), curves(), roundings(), combinations()) }

func constants() []Def {
	var defs []Def
	for name, v := range map[string]float64{"e": math.E, "pi": math.Pi, "tau": 2 * math.Pi} {
		defs = append(defs, Def{Name: name, Result: Fixed(frame.Double), Row: func(r *Row) { r.SetFloat(v) }})
	}
	return defs
}

// curves give a double of one number.
func curves() []Def {
	var defs []Def
	for name, f := range map[string]func(float64) float64{
		"acosh": math.Acosh, "asin": math.Asin, "acos": math.Acos, "asinh": math.Asinh, "atan": math.Atan, "atanh": math.Atanh, "cbrt": math.Cbrt, "cos": math.Cos,
		"cosh": math.Cosh, "exp": math.Exp, "log10": log10, "sin": math.Sin, "sinh": math.Sinh, "sqrt": math.Sqrt, "tan": math.Tan, "tanh": math.Tanh,
		"signum": sign,
	} {
		defs = append(defs, Def{Name: name, Params: numbers("number"), Result: Fixed(frame.Double), Row: func(r *Row) { setCurve(r, name, f(r.Float(0)), r.Float(0)) }})
	}
	for name, f := range map[string]func(float64) float64{
		"to_degrees": func(v float64) float64 { return v / math.Pi * 180 },
		"to_radians": func(v float64) float64 { return v / 180 * math.Pi },
	} {
		defs = append(defs, Def{Name: name, Params: numbers("number"), Result: Fixed(frame.Double), Multi: true, Row: func(r *Row) {
			for k := range r.Len(0) {
				setFinite(r, f(r.FloatAt(0, k)))
			}
		}})
	}
	return append(defs, Def{Name: "log", Params: []Param{{Name: "base", Types: Numeric}, {Name: "number", Types: Numeric, Optional: true}}, Result: Fixed(frame.Double), Row: logRow})
}

func numbers(names ...string) []Param {
	var params []Param
	for _, n := range names {
		params = append(params, Param{Name: n, Types: Numeric})
	}
	return params
}

// setCurve says why a function has no value for a number.
func setCurve(r *Row, name string, v, of float64) {
	switch {
	case name == "log10" && of <= 0:
		r.Fail("java.lang.ArithmeticException: Log of non-positive number")
	case name == "sqrt" && of < 0:
		r.Fail("java.lang.ArithmeticException: Square root of negative")
	case (name == "sinh" || name == "cosh") && math.IsInf(v, 0):
		r.Fail("java.lang.ArithmeticException: %s overflow", name)
	case (name == "asin" || name == "acos" || name == "acosh" || name == "atanh") && (math.IsNaN(v) || math.IsInf(v, 0)):
		r.Fail("java.lang.ArithmeticException: %s input out of range", map[string]string{"asin": "Asin", "acos": "Acos", "acosh": "Acosh", "atanh": "Atanh"}[name])
	default:
		setFinite(r, v)
	}
}

// log10 takes a number apart as Java does, so that its last digit is the same.
func log10(v float64) float64 {
	if !(v > 0) || math.IsInf(v, 0) {
		return math.Log10(v)
	}
	m, e := math.Frexp(v)
	if m, e = 2*m, e-1; e < 0 {
		m, e = m/2, e+1
	}
	const high, low, perNatural = 3.01029995663611771306e-01, 3.69423907715893078616e-13, 4.34294481903251816668e-01 // the first two are log10(2)
	return float64(e)*low + perNatural*math.Log(m) + float64(e)*high
}

func sign(v float64) float64 {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return v
}

// logRow is the natural logarithm of one number, or that to a base of two.
func logRow(r *Row) {
	base, v := math.E, r.Float(0)
	if r.Args() > 1 {
		base, v = v, r.Float(1)
	}
	switch {
	case base <= 0 || v <= 0:
		r.Fail("java.lang.ArithmeticException: Log of non-positive number")
	case base == 1:
		r.Fail("java.lang.ArithmeticException: Log of base 1")
	case base == math.E:
		setFinite(r, math.Log(v))
	default:
		setFinite(r, math.Log(v)/math.Log(base))
	}
}

// roundings keep the type of the number; whole numbers stay what they are.
func roundings() []Def {
	same := func(name string, f func(float64) float64) Def {
		return Def{Name: name, Params: numbers("number"), Result: SameAs(0), Vector: unchanged(Whole), Row: func(r *Row) {
			if r.Type(0) == frame.Double {
				r.SetFloat(f(r.Float(0)))
				return
			}
			r.SetInt(r.Int(0))
		}}
	}
	return []Def{
		same("ceil", math.Ceil),
		same("floor", math.Floor),
		{Name: "abs", Params: numbers("number"), Result: SameAs(0), Vector: unchanged(ULong), Row: absRow},
		{Name: "round", Params: []Param{{Name: "number", Types: Numeric}, {Name: "decimals", Types: Int | Long, Optional: true, Expect: wholeSigned}}, Result: Same,
			Vector: unchanged(Whole), Row: roundRow},
		{Name: "round_to", Params: []Param{{Name: "field", Types: Any}, {Name: "points", Types: Any, Const: true}},
			Variadic: true, Result: widestOf, Check: checkPoints, Row: roundToRow},
	}
}

const wholeSigned = "whole number except unsigned_long or counter types"

// unchanged gives a column of one of the types as it is, with all values of its
// rows, where nothing else is asked for.
func unchanged(types Types) func(*Call, []Vec, int) *frame.Column {
	return func(_ *Call, in []Vec, _ int) *frame.Column {
		if len(in) == 1 && !in[0].Same && in[0].Type != frame.Null && types.Has(in[0].Type) {
			return in[0].Column
		}
		return nil
	}
}

func absRow(r *Row) {
	switch v := r.Int(0); {
	case r.Type(0) == frame.Double:
		r.SetFloat(math.Abs(r.Float(0)))
	case r.Type(0) == frame.UnsignedLong || v >= 0:
		r.SetInt(v)
	default:
		store(r, r.Type(0), subtract(0, v, r.Type(0)))
	}
}

// roundRow rounds halves away from zero.
func roundRow(r *Row) {
	var decimals int64
	if r.Args() > 1 {
		decimals = r.Int(1)
	}
	switch {
	case r.Type(0) == frame.Double:
		r.SetFloat(roundFloat(r.Float(0), decimals))
	case decimals >= 0:
		r.SetInt(r.Int(0))
	default:
		roundWhole(r, -decimals)
	}
}

func roundFloat(v float64, decimals int64) float64 {
	ten := math.Pow(10, float64(decimals))
	scaled := v * ten
	switch {
	case ten == 0 || v == 0:
		return 0
	case math.IsInf(scaled, 0) || math.Abs(scaled) >= 1<<53: // has no such decimals
		return v
	}
	return math.Round(scaled) / ten
}

// roundWhole rounds to a multiple of a power of ten.
func roundWhole(r *Row, digits int64) {
	t, n := r.Type(0), bigOf(r.Int(0), r.Type(0))
	if digits >= int64(len(new(big.Int).Abs(n).String())) { // no digit is left, whatever its size
		r.SetInt(0)
		return
	}
	unit := bigOf(1, frame.Long)
	for range digits {
		unit.Mul(unit, bigOf(10, frame.Long))
	}
	half := bigOf(int64(n.Sign()), frame.Long)
	half.Mul(half, unit).Quo(half, bigOf(2, frame.Long))
	n.Add(n, half).Quo(n, unit).Mul(n, unit)
	switch {
	case t == frame.UnsignedLong && n.IsUint64():
		r.SetInt(int64(n.Uint64()))
	case t != frame.UnsignedLong && n.IsInt64():
		store(r, t, fit(n.Int64(), t))
	default:
		store(r, t, whole{problem: TypeName(t) + " overflow"})
	}
}

// roundToRow gives the largest point that is not above the first argument, or
// the smallest point.
func roundToRow(r *Row) {
	least, at := 1, 0
	for i := 1; i < r.Args(); i++ {
		if compareTwo(r, i, least) < 0 {
			least = i
		}
		if compareTwo(r, i, 0) <= 0 && (at == 0 || compareTwo(r, i, at) > 0) {
			at = i
		}
	}
	if at == 0 {
		at = least
	}
	r.SetFrom(at, 0)
}

func compareTwo(r *Row, a, b int) int { return compareValues(r, a, 0, b, 0) }

// widestOf is the type of all arguments, or that in which numbers are computed.
func widestOf(t []frame.Type) frame.Type {
	w := SameAs(0)(t)
	for _, x := range t {
		if IsNumeric(w) && IsNumeric(x) {
			w = Widest(w, x)
		}
	}
	return w
}

// checkPoints asks for numbers or for dates of one type.
func checkPoints(t []frame.Type) string {
	for _, x := range t {
		if !(Int | Long | Double | Dates).Has(x) || checkMixed(t) != "" {
			return "all arguments must be numeric, date, or data_nanos"
		}
	}
	return ""
}

// scaleRow multiplies by a power of two.
func scaleRow(r *Row) {
	if n := r.Int(1); n == int64(int32(n)) {
		setFinite(r, math.Ldexp(r.Float(0), int(n)))
		return
	}
	r.Fail("java.lang.ArithmeticException: integer overflow")
}

// checkMixed asks for one type, or for numbers.
func checkMixed(t []frame.Type) string {
	for _, x := range t {
		if IsNumeric(SameAs(0)(t)) && IsNumeric(x) {
			continue
		}
		if problem := sameTypes(0)(t); problem != "" {
			return problem
		}
	}
	return ""
}

// combinations compute with two numbers or more.
func combinations() []Def {
	double := func(name, a, b string, f func(x, y float64) float64) Def {
		return Def{Name: name, Params: numbers(a, b), Result: Fixed(frame.Double), Row: func(r *Row) { setFinite(r, f(r.Float(0), r.Float(1))) }}
	}
	limit := func(name string, params ...string) Def {
		d := Def{Name: name, Result: widestOf, Check: checkMixed}
		for _, p := range params {
			d.Params = append(d.Params, Param{Name: p, Types: Any &^ DateNS})
		}
		return d
	}
	clamp, lower, upper := limit("clamp", "field", "min", "max"), limit("clamp_min", "field", "min"), limit("clamp_max", "field", "max")
	clamp.Row = func(r *Row) { r.SetFrom(between(r, 1, 2), 0) }
	lower.Row = func(r *Row) { r.SetFrom(between(r, 1, 0), 0) }
	upper.Row = func(r *Row) { r.SetFrom(between(r, 0, 1), 0) }
	return []Def{
		clamp, lower, upper,
		double("atan2", "y_coordinate", "x_coordinate", math.Atan2),
		double("hypot", "number1", "number2", math.Hypot),
		double("pow", "base", "exponent", math.Pow),
		{Name: "scalb", Params: []Param{{Name: "d", Types: Numeric}, {Name: "scaleFactor", Types: Int | Long, Expect: wholeSigned}}, Result: Fixed(frame.Double), Row: scaleRow},
		{Name: "copy_sign", Params: []Param{{Name: "magnitude", Types: Int | Long | Double}, {Name: "sign", Types: Int | Long | Double}}, Result: SameAs(0), Row: copySignRow},
	}
}

// between is the argument among 0, lo and hi that stands when the first is held
// between the others.
func between(r *Row, lo, hi int) int {
	switch {
	case compareTwo(r, 0, lo) < 0:
		return lo
	case compareTwo(r, 0, hi) > 0:
		return hi
	}
	return 0
}

func copySignRow(r *Row) {
	v := math.Copysign(1, r.Float(1))
	switch {
	case r.Type(0) == frame.Double:
		r.SetFloat(math.Copysign(r.Float(0), v))
	case (r.Int(0) < 0) == (v < 0):
		r.SetInt(r.Int(0))
	default:
		store(r, r.Type(0), subtract(0, r.Int(0), r.Type(0)))
	}
}
