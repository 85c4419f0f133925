package funcs

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"interdict/sources/frame"
)

// multis are the functions of multi-valued columns.
func multis() []Def {
	return slices.Concat(mvPicks(), mvTexts(), mvSets(), mvNumbers(), mvTests())
}

// mvPicks choose and order the values of a row.
func mvPicks() []Def {
	field := []Param{{Name: "field", Types: Any}}
	pick := func(name string, at func(*Row) int) Def {
		return Def{Name: name, Params: field, Result: SameAs(0), Multi: true, Row: func(r *Row) { r.SetFrom(0, at(r)) }}
	}
	return []Def{
		{Name: "mv_count", Params: field, Result: Fixed(frame.Integer), Multi: true, Row: func(r *Row) { r.SetInt(int64(r.Len(0))) }},
		pick("mv_first", func(*Row) int { return 0 }),
		pick("mv_last", func(r *Row) int { return r.Len(0) - 1 }),
		pick("mv_min", func(r *Row) int { return mvBest(r, 0, -1) }),
		pick("mv_max", func(r *Row) int { return mvBest(r, 0, 1) }),
		{Name: "mv_sort", Params: append(field[:1:1], Param{Name: "order", Types: String, Optional: true, Const: true}), Result: Same, Multi: true, New: mvSortRow},
		{Name: "mv_slice", Params: append(field[:1:1], Param{Name: "start", Types: Int}, Param{Name: "end", Types: Int, Optional: true}),
			Result: Same, Multi: true, Row: mvSliceRow},
		{Name: "mv_append", Params: []Param{{Name: "field1", Types: Any}, {Name: "field2", Types: Any}}, Result: SameAs(0), Multi: true, Check: sameTypes(0),
			Row: func(r *Row) {
				r.SetAll(0)
				r.SetAll(1)
			}},
	}
}

// mvTexts join values of text.
func mvTexts() []Def {
	return []Def{
		{Name: "mv_concat", Params: strs("string", "delim"), Result: Fixed(frame.Keyword), Multi: true, Row: mvConcatRow},
		{Name: "mv_zip", Params: append(strs("string1", "string2"), Param{Name: "delim", Types: String, Optional: true}), Result: Fixed(frame.Keyword),
			Multi: true, Nulls: true, Row: mvZipRow},
	}
}

// onlyOne tells whether arguments of a function of several values have one
// value each, and warns if one has more.
func onlyOne(r *Row, args ...int) bool {
	for _, a := range args {
		switch r.Len(a) {
		case 0:
			return false
		case 1:
		default:
			r.Fail(MultiValue)
			return false
		}
	}
	return true
}

// compareValues orders value i of argument a and value j of argument b.
func compareValues(r *Row, a, i, b, j int) int {
	pair := Row{in: []Vec{r.in[a], r.in[b]}, lo: []int{r.lo[a] + i, r.lo[b] + j}, n: []int{1, 1}}
	return compareAt(&pair, r.Type(a), r.Type(b))
}

// orderValues is compareValues with -0 below 0, which are equal and yet in an order, as in Java.
func orderValues(r *Row, a, i, b, j int) int {
	c := compareValues(r, a, i, b, j)
	if c != 0 || r.Type(a) != frame.Double || r.Type(b) != frame.Double {
		return c
	}
	negative := func(a, i int) int {
		if math.Signbit(r.in[a].Floats[r.lo[a]+i]) {
			return 1
		}
		return 0
	}
	return negative(b, j) - negative(a, i)
}

// mvBest is the place of argument a's largest value, or smallest for sign -1.
func mvBest(r *Row, a, sign int) int {
	at := 0
	for k := 1; k < r.Len(a); k++ {
		if sign*orderValues(r, a, k, a, at) > 0 {
			at = k
		}
	}
	return at
}

func mvSortRow(c *Call) (func(*Row), error) {
	sign := 1
	if len(c.Args) > 1 && c.Const(1) != nil {
		order, _ := c.ConstStr(1)
		switch strings.ToUpper(order) {
		case "ASC":
		case "DESC":
			sign = -1
		default:
			return nil, fmt.Errorf("Invalid order value in [%s], expected one of [ASC, DESC] but got [%v]", c.Source, c.Const(1))
		}
	}
	return func(r *Row) {
		for _, k := range sorted(r, sign) {
			r.SetFrom(0, k)
		}
	}, nil
}

// sorted gives the places of the first argument's values in their order.
func sorted(r *Row, sign int) []int {
	places := make([]int, r.Len(0))
	for k := range places {
		places[k] = k
	}
	slices.SortStableFunc(places, func(i, j int) int { return sign * orderValues(r, 0, i, 0, j) })
	return places
}

// mvSliceRow counts from 0, or from the end when negative; end is included.
func mvSliceRow(r *Row) {
	if !onlyOne(r, 1, r.Args()-1) {
		return
	}
	start, end := r.Int(1), r.Int(r.Args()-1)
	switch {
	case start > end:
		r.Fail("org.elasticsearch.xpack.esql.core.InvalidArgumentException: Start offset is greater than end offset")
		return
	case start < 0 && end >= 0:
		r.Fail("org.elasticsearch.xpack.esql.core.InvalidArgumentException: Start and end offset have different signs")
		return
	}
	n := int64(r.Len(0))
	if start < 0 {
		start += n
		end += n
	}
	for k := max(start, 0); k <= min(end, n-1); k++ {
		r.SetFrom(0, int(k))
	}
}

func mvConcatRow(r *Row) {
	if !onlyOne(r, 1) {
		return
	}
	parts, size := make([]string, r.Len(0)), 0
	for k := range parts {
		parts[k] = r.StrAt(0, k)
		size += len(parts[k]) + len(r.Str(1))
	}
	if size > maxString+len(r.Str(1)) {
		r.Fail("org.elasticsearch.xpack.esql.EsqlClientException: concatenating more than [%d] bytes is not supported", maxString)
		return
	}
	r.SetStr(strings.Join(parts, r.Str(1)))
}

// mvZipRow pairs values; where one side has no more, the other stands alone.
func mvZipRow(r *Row) {
	delim := ","
	if r.Args() > 2 {
		if !onlyOne(r, 2) {
			return
		}
		delim = r.Str(2)
	}
	for k := range max(r.Len(0), r.Len(1)) {
		switch {
		case k >= r.Len(1):
			r.SetStr(r.StrAt(0, k))
		case k >= r.Len(0):
			r.SetStr(r.StrAt(1, k))
		default:
			r.SetStr(r.StrAt(0, k) + delim + r.StrAt(1, k))
		}
	}
}
