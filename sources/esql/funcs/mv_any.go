package funcs

import "interdict/sources/frame"

// mvTests are true when at least one value passes, and never null.
func mvTests() []Def {
	text := []Param{{Name: "field", Types: String}, {Name: "pattern", Types: String, Const: true}}
	bound := []Param{{Name: "field", Types: Any &^ Bool}, {Name: "bound", Types: Any &^ Bool}}
	bounds := []Param{bound[0], {Name: "lower", Types: Any &^ Bool}, {Name: "upper", Types: Any &^ Bool}}
	tests := func(name string, params []Param, f func(*Call) (func(*Row), error)) Def {
		d := Def{Name: name, Params: params, Result: Fixed(frame.Boolean), Multi: true, Nulls: true, New: f}
		if params[0].Types != String {
			d.Check = sameTypes(0)
		}
		return d
	}
	return []Def{
		tests("mv_like", text, anyMatches(Like)),
		tests("mv_rlike", text, anyMatches(RLike)),
		tests("mv_greater", bound, func(c *Call) (func(*Row), error) { return anyBeyond(1, 1, option(c, "include_bound", false)), nil }),
		tests("mv_less", bound, func(c *Call) (func(*Row), error) { return anyBeyond(-1, 1, option(c, "include_bound", false)), nil }),
		tests("mv_in_range", bounds, inRangeRow),
	}
}

// option is a boolean of the call's trailing {…}.
func option(c *Call, name string, otherwise bool) bool {
	if v, ok := c.Options[name].(bool); ok {
		return v
	}
	return otherwise
}

func anyMatches(compile func(string) (func(string) bool, error)) func(*Call) (func(*Row), error) {
	return func(c *Call) (func(*Row), error) {
		pattern, ok := c.ConstStr(1)
		if !ok {
			return func(r *Row) { r.SetBool(false) }, nil
		}
		match, err := compile(pattern)
		if err != nil {
			return nil, err
		}
		return func(r *Row) { anyIs(r, func(k int) bool { return match(r.StrAt(0, k)) }) }, nil
	}
}

func anyIs(r *Row, passes func(k int) bool) {
	for k := range r.Len(0) {
		if passes(k) {
			r.SetBool(true)
			return
		}
	}
	r.SetBool(false)
}

// beyond tells whether value k lies past the bound in argument a, upwards for
// sign 1, or is it when that is included.
func beyond(r *Row, k, a, sign int, included bool) bool {
	if r.Len(a) != 1 {
		return false
	}
	c := sign * compareValues(r, 0, k, a, 0)
	return c > 0 || included && c == 0
}

func anyBeyond(sign, a int, included bool) func(*Row) {
	return func(r *Row) { anyIs(r, func(k int) bool { return beyond(r, k, a, sign, included) }) }
}

func inRangeRow(c *Call) (func(*Row), error) {
	lower, upper := option(c, "include_lower", true), option(c, "include_upper", true)
	return func(r *Row) {
		anyIs(r, func(k int) bool { return beyond(r, k, 1, 1, lower) && beyond(r, k, 2, -1, upper) })
	}, nil
}
