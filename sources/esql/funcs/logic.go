package funcs

import (
	"interdict/sources/frame"
)

// logic are AND, OR and NOT of three values, and IS NULL.
func logic() []Def {
	bools := []Param{{Name: "left", Types: Bool}, {Name: "right", Types: Bool}}
	return []Def{
		{Name: "and", Params: bools, Result: Fixed(frame.Boolean), Vector: func(_ *Call, in []Vec, n int) *frame.Column { return both(in, n, 0) }},
		{Name: "or", Params: bools, Result: Fixed(frame.Boolean), Vector: func(_ *Call, in []Vec, n int) *frame.Column { return both(in, n, 1) }},
		{Name: "not", Params: bools[:1], Result: Fixed(frame.Boolean), Row: func(r *Row) { r.SetBool(!r.Bool(0)) }},
		{Name: "is null", Params: []Param{{Name: "field", Types: Any | Temporal}}, Result: Fixed(frame.Boolean), Multi: true, Nulls: true,
			Row: func(r *Row) { r.SetBool(r.Null(0)) }},
		{Name: "is not null", Params: []Param{{Name: "field", Types: Any | Temporal}}, Result: Fixed(frame.Boolean), Multi: true, Nulls: true,
			Row: func(r *Row) { r.SetBool(!r.Null(0)) }},
	}
}

// both computes AND (decides 0) or OR (decides 1): a side that decides does so
// whatever the other one is; else null if one is null. Of several values nothing follows.
func both(in []Vec, n int, decides int64) *frame.Column {
	out := &frame.Column{Type: frame.Boolean, Ints: make([]int64, n)}
	for i := range n {
		a, aOK, aMulti := single(in[0], i)
		b, bOK, bMulti := single(in[1], i)
		switch {
		case aMulti || bMulti:
			out.Nulls = out.Nulls.Set(i)
		case aOK && a == decides, bOK && b == decides:
			out.Ints[i] = decides
		case aOK && bOK:
			out.Ints[i] = 1 - decides
		default:
			out.Nulls = out.Nulls.Set(i)
		}
	}
	return out
}

// single is the value of a row, ok if it has one alone.
func single(v Vec, i int) (value int64, ok, multi bool) {
	if v.Same {
		i = 0
	}
	lo, hi := v.Range(i)
	if hi-lo != 1 {
		return 0, false, hi > lo
	}
	return v.Ints[lo], true, false
}
