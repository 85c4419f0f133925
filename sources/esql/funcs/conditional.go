package funcs

import (
	"fmt"

	"interdict/sources/frame"
)

// conditionals are case, coalesce, greatest, least. The executor
// computes case and coalesce itself, so that a branch is computed for its rows only.
func conditionals() []Def {
	return []Def{
		{Name: "case", Params: []Param{{Name: "condition", Types: Bool}, {Name: "trueValue", Types: Any}}, Variadic: true, Result: caseType, Multi: true, Nulls: true,
			Check: checkCase, Row: func(*Row) {}},
		{Name: "coalesce", Params: []Param{{Name: "first", Types: Any}}, Variadic: true, Result: SameAs(0), Multi: true, Nulls: true, Check: sameTypes(0),
			Row: func(r *Row) {
				for a := range r.Args() {
					if !r.Null(a) {
						r.SetAll(a)
						return
					}
				}
			}},
		{Name: "greatest", Params: []Param{{Name: "first", Types: Any}}, Variadic: true, Result: SameAs(0), Multi: true, Check: orderable("Greatest"), Row: func(r *Row) { best(r, 1) }},
		{Name: "least", Params: []Param{{Name: "first", Types: Any}}, Variadic: true, Result: SameAs(0), Multi: true, Check: orderable("Least"), Row: func(r *Row) { best(r, -1) }},
	}
}

// best gives the largest of all values of all arguments, or the smallest for sign -1.
func best(r *Row, sign int) {
	at, k := 0, mvBest(r, 0, sign)
	for a := 1; a < r.Args(); a++ {
		if j := mvBest(r, a, sign); sign*orderValues(r, a, j, at, k) > 0 {
			at, k = a, j
		}
	}
	r.SetFrom(at, k)
}

// caseType is the type of the values of CASE.
func caseType(t []frame.Type) frame.Type {
	for i := range t {
		if isCaseValue(i, len(t)) && t[i] != frame.Null {
			return t[i]
		}
	}
	return frame.Null
}

func isCaseValue(i, n int) bool { return i%2 == 1 || i == n-1 && n%2 == 1 }

func checkCase(t []frame.Type) string {
	want := caseType(t)
	for i := range t {
		switch {
		case isCaseValue(i, len(t)):
			if t[i] != want && t[i] != frame.Null {
				return fmt.Sprintf("%sargument of [%%s] must be [%s], found value [%%%d] type [%s]", Ordinal(i, len(t)), TypeName(want), i, TypeName(t[i]))
			}
		case t[i] != frame.Boolean && t[i] != frame.Null:
			return fmt.Sprintf("%sargument of [%%s] must be [boolean], found value [%%%d] type [%s]", Ordinal(i, len(t)), i, TypeName(t[i]))
		}
	}
	return ""
}

// sameTypes asks all arguments from one on to have the same type.
func sameTypes(from int) func([]frame.Type) string {
	return func(t []frame.Type) string {
		want := SameAs(from)(t)
		for i := from; i < len(t); i++ {
			if t[i] != want && t[i] != frame.Null {
				return fmt.Sprintf("%sargument of [%%s] must be [%s], found value [%%%d] type [%s]", Ordinal(i, len(t)), TypeName(want), i, TypeName(t[i]))
			}
		}
		return ""
	}
}

// orderable asks for one type, which has the greatest and the least of several.
func orderable(name string) func([]frame.Type) string {
	same := sameTypes(0)
	return func(t []frame.Type) string {
		if what := same(t); what != "" || SameAs(0)(t) != frame.UnsignedLong {
			return what
		}
		return "Cannot use [unsigned_long] with function [" + name + "]"
	}
}
