package funcs

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"strings"

	"interdict/sources/frame"
)

// comparisons are == != < <= > >=. Types have been made equal, or both numeric,
// before (see Comparable).
func comparisons() []Def {
	var defs []Def
	for _, op := range []struct {
		name         string
		less, eq, gt bool
	}{{"==", false, true, false}, {"!=", true, false, true}, {"<", true, false, false}, {"<=", true, true, false}, {">", false, false, true}, {">=", false, true, true}} {
		var take [3]bool
		take[0], take[1], take[2] = op.less, op.eq, op.gt
		equality := op.name == "==" || op.name == "!="
		defs = append(defs, Def{
			Name:   op.name,
			Params: []Param{{Name: "lhs", Types: Any}, {Name: "rhs", Types: Any}},
			Result: Fixed(frame.Boolean),
			Check:  func(t []frame.Type) string { return checkComparison(t, equality) },
			New:    func(c *Call) (func(*Row), error) { return compareRow(c, take), nil },
			Vector: func(c *Call, in []Vec, n int) *frame.Column { return compareInts(in, n, take) },
		})
	}
	return defs
}

func checkComparison(t []frame.Type, equality bool) string {
	a, b := t[0], t[1]
	for i := range 2 {
		if !equality && t[i] == frame.Boolean {
			return fmt.Sprintf("%sargument of [%%s] must be [date_nanos, datetime, double, integer, ip, keyword, long, text, unsigned_long or version], found value [%%%d] type [boolean]", Ordinal(i, 2), i)
		}
	}
	if a != b && (a == frame.UnsignedLong || b == frame.UnsignedLong) {
		return fmt.Sprintf("first argument of [%%s] is [%s] and second is [%s]. [unsigned_long] can only be operated on together with another [unsigned_long]", TypeName(a), TypeName(b))
	}
	if !Comparable(a, b) || a != b && (a == frame.Null || b == frame.Null) {
		return fmt.Sprintf("first argument of [%%s] is [%s] so second argument must also be [%s] but was [%s]", family(a), family(a), TypeName(b))
	}
	return ""
}

// Comparable tells whether values of both types have an order or equality.
func Comparable(a, b frame.Type) bool {
	return a == b || a == frame.Null || b == frame.Null || IsNumeric(a) && IsNumeric(b) || Dates.Has(a) && Dates.Has(b)
}

func family(t frame.Type) string {
	if IsNumeric(t) {
		return "numeric"
	}
	return TypeName(t)
}

func compareRow(c *Call, take [3]bool) func(*Row) {
	a, b := c.Args[0].Type, c.Args[1].Type
	return func(r *Row) { r.SetBool(take[1+compareAt(r, a, b)]) }
}

func compareAt(r *Row, a, b frame.Type) int {
	switch {
	case a == frame.Version && b == frame.Version:
		return CompareVersions(r.Str(0), r.Str(1))
	case a.Coded():
		return strings.Compare(r.Str(0), r.Str(1))
	case a == frame.Double || b == frame.Double:
		return cmp.Compare(r.Float(0), r.Float(1))
	case a == frame.UnsignedLong || b == frame.UnsignedLong:
		return compareUnsigned(r.Int(0), a, r.Int(1), b)
	case a == frame.Date && b == frame.DateNanos:
		return compareNanos(r.Int(0), r.Int(1))
	case a == frame.DateNanos && b == frame.Date:
		return -compareNanos(r.Int(1), r.Int(0))
	}
	return cmp.Compare(r.Int(0), r.Int(1))
}

func compareUnsigned(x int64, a frame.Type, y int64, b frame.Type) int {
	switch {
	case a != frame.UnsignedLong && x < 0:
		return -1
	case b != frame.UnsignedLong && y < 0:
		return 1
	}
	return cmp.Compare(uint64(x), uint64(y))
}

// compareNanos compares milliseconds with nanoseconds.
func compareNanos(ms, ns int64) int {
	if ms > math.MaxInt64/1_000_000 {
		return 1
	}
	if ms < math.MinInt64/1_000_000 {
		return -1
	}
	return cmp.Compare(ms*1_000_000, ns)
}

// compareInts is the fast way for whole numbers and dates without nulls.
func compareInts(in []Vec, n int, take [3]bool) *frame.Column {
	a, b := in[0], in[1]
	if a.Ints == nil || b.Ints == nil || a.Type != b.Type && (a.Type > frame.Long || b.Type > frame.Long) || a.Type == frame.UnsignedLong {
		return nil
	}
	if a.Same || a.Offsets != nil || b.Offsets != nil || a.Nulls != nil || b.Nulls != nil {
		return nil
	}
	out := make([]int64, n)
	var val [3]int64
	for i, t := range take {
		if t {
			val[i] = 1
		}
	}
	if b.Same {
		y := b.Ints[0]
		for i, x := range a.Ints[:n] {
			out[i] = val[1+cmp.Compare(x, y)]
		}
	} else {
		for i, x := range a.Ints[:n] {
			out[i] = val[1+cmp.Compare(x, b.Ints[i])]
		}
	}
	return &frame.Column{Type: frame.Boolean, Ints: out}
}

// CompareVersions orders versions as Elasticsearch's index does: numbers by
// size, a pre-release before its release, 2.0 before 2.0.0, and what is no
// version after all of them.
func CompareVersions(a, b string) int {
	if a == b {
		return 0
	}
	return bytes.Compare(versionKey(a), versionKey(b))
}

// versionKey writes a version so that the order of bytes is that of versions:
// 1.2-rc.1+build, whose numbers begin with no 0.
func versionKey(s string) []byte {
	rest, build, built := strings.Cut(s, "+")
	release, pre, early := strings.Cut(rest, "-")
	key, ok := versionParts(append(make([]byte, 0, 2*len(s)+8), 1), release, false)
	if early && ok {
		key, ok = versionParts(append(key, 2), pre, true)
	} else {
		key = append(key, 3)
	}
	if !ok || built && !versionWord(strings.ReplaceAll(build, ".", "-")) {
		return append([]byte{2}, s...)
	}
	return append(key, s[len(rest):]...)
}

// versionParts adds parts, with words those that are no numbers too, to a key. A
// number stands behind a byte below all text and one for its length.
func versionParts(key []byte, parts string, words bool) (longer []byte, ok bool) {
	for i, p := range strings.Split(parts, ".") {
		number := digits(p)
		if number && len(p) > 1 && p[0] == '0' || !number && !(words && versionWord(p)) {
			return key, false
		}
		if i > 0 {
			key = append(key, '.')
		}
		if number {
			key = append(key, 1, byte(0x80+min(len(p), 0x7f)))
		}
		key = append(key, p...)
	}
	return key, true
}

func versionWord(s string) bool {
	return s != "" && strings.Trim(s, "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == ""
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
