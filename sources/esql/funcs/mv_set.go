package funcs

import (
	"math"

	"interdict/sources/frame"
)

// mvSets treat the values of a row as a set. What they keep stays in the order
// in which it was first seen.
func mvSets() []Def {
	two := func(a, b string) []Param { return []Param{{Name: a, Types: Any}, {Name: b, Types: Any}} }
	pair := two("field1", "field2")
	boolean := Fixed(frame.Boolean)
	return []Def{
		{Name: "mv_dedupe", Params: pair[:1], Result: SameAs(0), Multi: true, Row: func(r *Row) { setValues(r, valueSet{}, 0) }},
		{Name: "mv_union", Params: pair, Result: SameAs(0), Multi: true, Nulls: true, Check: sameTypes(0), Row: func(r *Row) { setValues(r, valueSet{}, 0, 1) }},
		{Name: "mv_intersection", Params: pair, Result: SameAs(0), Multi: true, Check: sameTypes(0), Row: intersectionRow},
		{Name: "mv_difference", Params: pair, Result: SameAs(0), Multi: true, Nulls: true, Check: sameTypes(0), Row: func(r *Row) { setValues(r, valuesOf(r, 1), 0) }},
		{Name: "mv_contains", Params: two("superset", "subset"), Result: boolean, Multi: true, Nulls: true, Check: sameTypes(0),
			Row: func(r *Row) { r.SetBool(shared(r) == r.Len(1)) }},
		{Name: "mv_intersects", Params: pair, Result: boolean, Multi: true, Nulls: true, Check: sameTypes(0), Row: func(r *Row) { r.SetBool(shared(r) > 0) }},
	}
}

// valueKey is a value of any type, so that equal ones are ==.
type valueKey struct {
	s string
	n uint64
}

type valueSet map[valueKey]struct{}

// add tells whether the value was not there.
func (s valueSet) add(k valueKey) bool {
	before := len(s)
	s[k] = struct{}{}
	return len(s) > before
}

func (s valueSet) has(k valueKey) bool {
	_, ok := s[k]
	return ok
}

func keyAt(r *Row, a, k int) valueKey {
	switch {
	case r.Type(a).Coded():
		return valueKey{s: r.StrAt(a, k)}
	case r.Type(a) == frame.Double:
		return valueKey{n: math.Float64bits(r.FloatAt(a, k) + 0)} // -0 becomes 0
	}
	return valueKey{n: uint64(r.IntAt(a, k))}
}

func valuesOf(r *Row, a int) valueSet {
	s := make(valueSet, r.Len(a))
	for k := range r.Len(a) {
		s.add(keyAt(r, a, k))
	}
	return s
}

// setValues gives the values of arguments that are not in the set, each once.
func setValues(r *Row, not valueSet, args ...int) {
	for _, a := range args {
		for k := range r.Len(a) {
			if not.add(keyAt(r, a, k)) {
				r.SetFrom(a, k)
			}
		}
	}
}

func intersectionRow(r *Row) {
	other, seen := valuesOf(r, 1), valueSet{}
	for k := range r.Len(0) {
		if key := keyAt(r, 0, k); other.has(key) && seen.add(key) {
			r.SetFrom(0, k)
		}
	}
}

// shared counts the second argument's values that are among the first's.
func shared(r *Row) int {
	if r.Len(1) == 0 {
		return 0
	}
	first, n := valuesOf(r, 0), 0
	for k := range r.Len(1) {
		if first.has(keyAt(r, 1, k)) {
			n++
		}
	}
	return n
}
