package funcs

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"interdict/sources/frame"
)

// conversions are to_string and its siblings; `::type` means the same.
func conversions() []Def {
	list := []struct {
		name string
		from Types
		to   frame.Type
	}{
		{"to_string", Any, frame.Keyword},
		{"to_boolean", String | Bool | Numeric, frame.Boolean},
		{"to_integer", String | Bool | Numeric | DateMS, frame.Integer},
		{"to_long", String | Bool | Numeric | Dates, frame.Long},
		{"to_unsigned_long", String | Bool | Numeric | DateMS, frame.UnsignedLong},
		{"to_double", String | Bool | Numeric | DateMS, frame.Double},
		{"to_datetime", String | Numeric | Dates, frame.Date},
		{"to_date_nanos", String | Long | ULong | Double | Dates, frame.DateNanos},
		{"to_ip", String | IP, frame.IP},
		{"to_version", String | Version, frame.Version},
	}
	var defs []Def
	for _, l := range list {
		defs = append(defs, Def{
			Name: l.name, Params: []Param{{Name: "field", Types: l.from, Expect: convertible(l.from, l.to)}}, Result: Fixed(l.to), Multi: true,
			Vector: func(_ *Call, in []Vec, n int) *frame.Column {
				if in[0].Type == l.to && !in[0].Same {
					return in[0].Column
				}
				return nil
			},
			Row: func(r *Row) {
				for k := range r.Len(0) {
					convertAt(r, k, l.to)
				}
			},
		})
	}
	return defs
}

// convertible lists types as conversions do: in the order of their names.
func convertible(t Types, to frame.Type) string {
	if t == Any {
		return ""
	}
	names := strings.Split(strings.ReplaceAll(t.String(), ", ", " or "), " or ")
	for _, counter := range counters[to] {
		names = append(names, "counter_"+counter)
	}
	slices.Sort(names)
	return strings.Join(names, " or ")
}

// counters are types of time series that conversions name too.
var counters = map[frame.Type][]string{frame.Integer: {"integer"}, frame.Long: {"integer", "long"}, frame.Double: {"double", "integer", "long"}}

// CastName is the conversion that `::type` stands for.
func CastName(t string) (string, bool) {
	switch t {
	case "string", "keyword", "text":
		return "to_string", true
	case "bool", "boolean":
		return "to_boolean", true
	case "int", "integer":
		return "to_integer", true
	case "long":
		return "to_long", true
	case "ul", "ulong", "unsigned_long":
		return "to_unsigned_long", true
	case "double":
		return "to_double", true
	case "date", "datetime":
		return "to_datetime", true
	case "date_nanos":
		return "to_date_nanos", true
	case "ip":
		return "to_ip", true
	case "version":
		return "to_version", true
	}
	return "", false
}

func convertAt(r *Row, k int, to frame.Type) {
	v := r.in[0].ValueAt(r.lo[0] + k)
	from := r.Type(0)
	if from == frame.Date || from == frame.DateNanos || from == frame.Boolean && to != frame.Keyword {
		if to != frame.Keyword {
			v = r.IntAt(0, k)
		}
	}
	out, err := Convert(v, from, to)
	if err != nil {
		r.Fail("%s", err)
		return
	}
	switch x := out.(type) {
	case string:
		r.SetStr(x)
	case int64:
		r.SetInt(x)
	case float64:
		r.SetFloat(x)
	}
}

// Convert changes one value's type; it is stored as frame does. from must be
// one of the types that the conversion takes.
func Convert(v any, from, to frame.Type) (any, error) {
	switch to {
	case frame.Keyword:
		return text(v), nil
	case frame.Boolean:
		return toBoolean(v), nil
	case frame.Double:
		return toDouble(v, to)
	case frame.Integer, frame.Long, frame.UnsignedLong:
		return toWhole(v, from, to)
	case frame.Date, frame.DateNanos:
		return toDate(v, from, to)
	case frame.IP:
		return toIP(v)
	}
	return v, nil
}

func text(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case float64:
		return FormatDouble(x)
	}
	return fmt.Sprint(v)
}

// FormatDouble prints as Java does: 1.0, 1.0E10.
func FormatDouble(f float64) string {
	a := math.Abs(f)
	if a != 0 && (a < 1e-3 || a >= 1e7) {
		s := strconv.FormatFloat(f, 'E', -1, 64)
		mantissa, exp, _ := strings.Cut(s, "E")
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		n, _ := strconv.Atoi(exp)
		return mantissa + "E" + strconv.Itoa(n)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.ContainsAny(s, ".IN") {
		s += ".0"
	}
	return s
}

func toBoolean(v any) int64 {
	yes := false
	switch x := v.(type) {
	case string:
		yes = strings.EqualFold(x, "true")
	case int64:
		yes = x != 0
	case uint64:
		yes = x != 0
	case float64:
		yes = x != 0
	}
	if yes {
		return 1
	}
	return 0
}

func toDouble(v any, to frame.Type) (any, error) {
	switch x := v.(type) {
	case string:
		f, err := strconv.ParseFloat(strings.TrimSpace(x), 64) // spaces around it are as none, to Java too
		switch {
		case math.IsInf(f, 0):
			return nil, fmt.Errorf("org.elasticsearch.xpack.esql.core.InvalidArgumentException: Number [%s] is too large", x)
		case math.IsNaN(f):
			return nil, fmt.Errorf("org.elasticsearch.xpack.esql.core.InvalidArgumentException: [%s] cannot be parsed as a number (NaN)", x)
		case err != nil:
			return nil, cannotParse(x)
		}
		return f, nil
	case int64:
		return float64(x), nil
	case uint64:
		return float64(x), nil
	}
	return v, nil
}

func cannotParse(s string) error {
	return fmt.Errorf("org.elasticsearch.xpack.esql.core.InvalidArgumentException: Cannot parse number [%s]", s)
}

// toWhole rounds half up, as Java's Math.round.
func toWhole(v any, from, to frame.Type) (any, error) {
	n := new(big.Int)
	switch x := v.(type) {
	case string:
		if _, ok := n.SetString(x, 10); !ok || to == frame.Long && !n.IsInt64() {
			f, err := strconv.ParseFloat(strings.TrimSpace(x), 64)
			if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
				return nil, cannotParse(x)
			}
			if exact, _, err := big.ParseFloat(strings.TrimSpace(x), 10, 128, big.ToZero); err == nil && to == frame.UnsignedLong && f >= 0 && f < 1<<65 {
				exact.Int(n)
				break
			}
			n, err := toWhole(f, frame.Double, to)
			if err != nil && to != frame.UnsignedLong {
				return nil, cannotParse(x)
			}
			return n, err
		}
	case int64:
		n.SetInt64(x)
	case uint64:
		n.SetUint64(x)
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, outOfRange(FormatDouble(x), to)
		}
		if to == frame.UnsignedLong {
			if x < 0 {
				return nil, outOfRange(FormatDouble(x), to)
			}
			if _, ok := n.SetString(strconv.FormatFloat(math.Trunc(x), 'f', -1, 64), 10); !ok || !n.IsUint64() { // in its shortest form, as Java's
				return nil, outOfRange(FormatDouble(x), to)
			}
			return int64(n.Uint64()), nil
		} else {
			x = math.Floor(x + 0.5)
		}
		if to == frame.Long && x == 1<<63 { // the largest long as a double
			return int64(math.MaxInt64), nil
		}
		new(big.Float).SetFloat64(x).Int(n)
	}
	ok := n.IsInt64()
	switch to {
	case frame.Integer:
		ok = ok && n.Int64() == int64(int32(n.Int64()))
	case frame.UnsignedLong:
		ok = n.IsUint64()
	}
	if !ok {
		if s, isText := v.(string); isText && to != frame.UnsignedLong {
			return nil, cannotParse(s)
		}
		return nil, outOfRange(text(v), to)
	}
	if to == frame.UnsignedLong {
		return int64(n.Uint64()), nil
	}
	return n.Int64(), nil
}

func outOfRange(v string, to frame.Type) error {
	return fmt.Errorf("org.elasticsearch.xpack.esql.core.InvalidArgumentException: [%s] out of [%s] range", v, TypeName(to))
}

var errEmptyDate = errors.New("java.lang.IllegalArgumentException: cannot parse empty datetime")

func toDate(v any, from, to frame.Type) (any, error) {
	switch x := v.(type) {
	case string:
		if x == "" {
			return nil, errEmptyDate
		}
		t, ok := ParseDate(x)
		if !ok {
			return nil, fmt.Errorf("java.lang.IllegalArgumentException: failed to parse date field [%s] with format [strict_date_optional_time]", x)
		}
		n, ok := FromTime(t, to)
		if !ok {
			return nil, outOfRange(x, to)
		}
		return n, nil
	case int64:
		switch {
		case from == frame.Date && to == frame.DateNanos:
			if x < 0 {
				return nil, fmt.Errorf("java.lang.IllegalArgumentException: milliSeconds [%d] are before the epoch in 1970 and cannot be converted to nanoseconds", x)
			}
			n, ok := FromTime(ToTime(x, from), to)
			if !ok {
				return nil, fmt.Errorf("java.lang.IllegalArgumentException: milliSeconds [%d] are after 2262-04-11T23:47:16.854775807 and cannot be converted to nanoseconds", x)
			}
			return n, nil
		case to == frame.DateNanos && x < 0:
			return nil, errBeforeEpoch
		case from == frame.DateNanos && to == frame.Date:
			return floorDiv64(x, 1_000_000), nil
		}
		return x, nil
	}
	if f, ok := v.(float64); ok && f < 0 && to == frame.DateNanos {
		return nil, errBeforeEpoch
	}
	return toWhole(v, from, frame.Long)
}

var errBeforeEpoch = errors.New("java.lang.IllegalArgumentException: Nanosecond dates before 1970-01-01T00:00:00.000Z are not supported.")

func floorDiv64(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

func toIP(v any) (any, error) {
	s, _ := v.(string)
	a, err := netip.ParseAddr(s)
	if err != nil {
		return nil, fmt.Errorf("java.lang.IllegalArgumentException: '%s' is not an IP string literal.", s)
	}
	return frame.AddrKey(a), nil
}
