package funcs

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"interdict/sources/frame"
)

// matches are MATCH and `:`, and what tests of query strings become. They are
// true when one of a field's values passes, and false for null, as a search is.
// Text is not analysed: without an inverted index MATCH is equality, as it is
// for keyword fields in Elasticsearch.
func matches() []Def {
	field := Param{Name: "field", Types: Any}
	query := Param{Name: "query", Types: Any, Const: true}
	return []Def{
		{Name: "match", Params: []Param{field, query}, Result: Fixed(frame.Boolean), Multi: true, Nulls: true, New: func(c *Call) (func(*Row), error) {
			if c.Args[1].Const == nil || c.Args[1].Const.IsNull(0) {
				return nil, fmt.Errorf("second argument of [%s] cannot be null", c.Source)
			}
			return anyValue("phrase", c.Args[1].Const.Text(0), c.Args[0].Type)
		}},
		{Name: "match_phrase", Params: []Param{field, query}, Result: Fixed(frame.Boolean), Multi: true, Nulls: true, New: func(c *Call) (func(*Row), error) {
			return anyValue("phrase", c.Args[1].Const.Text(0), c.Args[0].Type)
		}},
		{Name: "any value", Params: []Param{field, {Name: "op", Types: String, Const: true}, {Name: "value", Types: String, Const: true}}, Result: Fixed(frame.Boolean), Multi: true, Nulls: true,
			New: func(c *Call) (func(*Row), error) {
				op, _ := c.ConstStr(1)
				value, _ := c.ConstStr(2)
				return anyValue(op, value, c.Args[0].Type)
			}},
	}
}

func anyValue(op, value string, t frame.Type) (func(*Row), error) {
	test, err := valueTest(op, value, t)
	if err != nil {
		return nil, err
	}
	return func(r *Row) {
		for k := range r.Len(0) {
			if test(r, k) {
				r.SetBool(true)
				return
			}
		}
		r.SetBool(false)
	}, nil
}

func valueTest(op, value string, t frame.Type) (func(*Row, int) bool, error) {
	switch {
	case t == frame.Null:
		return func(*Row, int) bool { return false }, nil
	case t == frame.Keyword && op == "is":
		like, err := Like(value)
		if err != nil {
			return nil, err
		}
		return func(r *Row, k int) bool { return like(r.StrAt(0, k)) }, nil
	case t == frame.IP && strings.Contains(value, "/") && (op == "is" || op == "phrase"):
		p, err := netip.ParsePrefix(value)
		if err != nil {
			return nil, fmt.Errorf("'%s' is not an IP string literal.", value)
		}
		return func(r *Row, k int) bool {
			a, _ := netip.AddrFromSlice([]byte(r.StrAt(0, k)))
			return p.Contains(a.Unmap())
		}, nil
	}
	order, err := ordering(value, t)
	if err != nil {
		return nil, err
	}
	return func(r *Row, k int) bool {
		o := order(r, k)
		switch op {
		case "<":
			return o < 0
		case "<=":
			return o <= 0
		case ">":
			return o > 0
		case ">=":
			return o >= 0
		}
		return o == 0
	}, nil
}

// ordering compares a row's values with a constant given as text.
func ordering(value string, t frame.Type) (func(*Row, int) int, error) {
	switch t {
	case frame.Keyword, frame.Version, frame.IP:
		v, err := Convert(value, frame.Keyword, t)
		if err != nil {
			return nil, err
		}
		want, _ := v.(string)
		return func(r *Row, k int) int {
			if t == frame.Version {
				return CompareVersions(r.StrAt(0, k), want)
			}
			return strings.Compare(r.StrAt(0, k), want)
		}, nil
	case frame.Date, frame.DateNanos, frame.Boolean:
		v, err := Convert(value, frame.Keyword, t)
		if err != nil {
			return nil, err
		}
		want, _ := v.(int64)
		return func(r *Row, k int) int { return cmp.Compare(r.IntAt(0, k), want) }, nil
	}
	want, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsNaN(want) {
		return nil, fmt.Errorf("For input string: \"%s\"", value)
	}
	return func(r *Row, k int) int { return cmp.Compare(r.FloatAt(0, k), want) }, nil
}
