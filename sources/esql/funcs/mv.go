package funcs

import (
	"strings"

	"interdict/sources/frame"
)

// multis are the functions of multi-valued columns.
func multis() []Def {
	field := func(t Types) []Param { return []Param{{Name: "field", Types: t}} }
	return []Def{
		{Name: "mv_count", Params: field(Any), Result: Fixed(frame.Integer), Multi: true, Row: func(r *Row) { r.SetInt(int64(r.Len(0))) }},
		{Name: "mv_first", Params: field(Any), Result: SameAs(0), Multi: true, Row: func(r *Row) { r.SetFrom(0, 0) }},
		{Name: "mv_last", Params: field(Any), Result: SameAs(0), Multi: true, Row: func(r *Row) { r.SetFrom(0, r.Len(0)-1) }},
		{Name: "mv_min", Params: field(Any), Result: SameAs(0), Multi: true, Row: func(r *Row) { mvBest(r, -1) }},
		{Name: "mv_max", Params: field(Any), Result: SameAs(0), Multi: true, Row: func(r *Row) { mvBest(r, 1) }},
		{Name: "mv_dedupe", Params: field(Any), Result: SameAs(0), Multi: true, Row: dedupeRow},
		{Name: "mv_concat", Params: []Param{{Name: "string", Types: String}, {Name: "delim", Types: String}}, Result: Fixed(frame.Keyword), Multi: true, Row: mvConcatRow},
		{Name: "mv_slice", Params: []Param{{Name: "field", Types: Any}, {Name: "start", Types: Int}, {Name: "end", Types: Int, Optional: true}}, Result: SameAs(0), Multi: true, Row: mvSliceRow},
	}
}

// compareValues orders values i of argument a and j of argument b.
func compareValues(r *Row, a, i, b, j int) int {
	pair := Row{in: []Vec{r.in[a], r.in[b]}, lo: []int{r.lo[a] + i, r.lo[b] + j}, n: []int{1, 1}}
	return compareAt(&pair, r.Type(a), r.Type(b))
}

func mvBest(r *Row, sign int) {
	at := 0
	for k := 1; k < r.Len(0); k++ {
		if sign*compareValues(r, 0, k, 0, at) > 0 {
			at = k
		}
	}
	r.SetFrom(0, at)
}

func dedupeRow(r *Row) {
	for k := range r.Len(0) {
		seen := false
		for j := 0; j < k && !seen; j++ {
			seen = compareValues(r, 0, k, 0, j) == 0
		}
		if !seen {
			r.SetFrom(0, k)
		}
	}
}

func mvConcatRow(r *Row) {
	if r.Len(1) != 1 {
		r.Fail(MultiValue)
		return
	}
	parts, size := make([]string, r.Len(0)), 0
	for k := range parts {
		parts[k] = r.StrAt(0, k)
		size += len(parts[k]) + len(r.Str(1))
	}
	if size > maxString {
		r.Fail("java.lang.IllegalArgumentException: concatenating more than [%d] bytes is not supported", maxString)
		return
	}
	r.SetStr(strings.Join(parts, r.Str(1)))
}

// mvSliceRow counts from 0, or from the end when negative; end is included.
func mvSliceRow(r *Row) {
	start := r.Int(1)
	end := start
	if r.Args() > 2 {
		end = r.Int(2)
	}
	if start > end && (start >= 0) == (end >= 0) {
		r.Fail("org.elasticsearch.xpack.esql.core.InvalidArgumentException: Start offset is greater than end offset")
		return
	}
	n := int64(r.Len(0))
	if start < 0 {
		start += n
	}
	if end < 0 {
		end += n
	}
	for k := max(start, 0); k <= min(end, n-1); k++ {
		r.SetFrom(0, int(k))
	}
}
