package funcs

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"interdict/sources/frame"
)

// decays are the functions of how near a value is: 1 at an origin, less away from it.
func decays() []Def {
	return []Def{{Name: "decay", Params: []Param{
		{Name: "value", Types: Numeric | Dates, Expect: "numeric, date or spatial point"},
		{Name: "origin", Types: Numeric | Dates, Expect: "numeric or datetime or date_nanos"},
		{Name: "scale", Types: Numeric | Temporal, Expect: "numeric or time_duration"},
	}, Check: decayTypes, Result: Fixed(frame.Double), New: decay}}
}

// decayTypes asks for numbers to a number, and for a date and a duration to a date.
func decayTypes(args []frame.Type) string {
	want := [...]Types{Numeric, Numeric, Numeric}
	words := [...]string{"", "numeric", "numeric"}
	if IsDate(args[0]) {
		want, words = [...]Types{Dates, Dates, 0}, [...]string{"", "datetime or date_nanos", "time_duration"}
	}
	for i := 1; i < len(args); i++ {
		if !want[i].Has(args[i]) && (args[i] != TimeDuration || want[i] != 0) {
			return fmt.Sprintf("%sargument of [%%s] must be [%s], found value [%%%d] type [%s]", Ordinal(i, len(args)), words[i], i, TypeName(args[i]))
		}
	}
	return ""
}

// curve gives what is left at a distance beyond the offset. At the distance
// scale it is rest.
type curve func(distance, scale, rest float64) float64

var decayCurves = map[string]curve{
	"linear": func(d, scale, rest float64) float64 {
		most := scale / (1 - rest)
		return max(0, (most-d)/most)
	},
	"exp":   func(d, scale, rest float64) float64 { return math.Exp(math.Log(rest) / scale * d) },
	"gauss": func(d, scale, rest float64) float64 { return math.Exp(math.Log(rest) / (scale * scale) * d * d) },
}

func decay(c *Call) (func(*Row), error) {
	o, err := decayOptions(c)
	if err != nil {
		return nil, err
	}
	of := c.Args[0].Type
	if IsDate(of) {
		unit := time.Millisecond
		if of == frame.DateNanos {
			unit = time.Nanosecond
		}
		scale := float64(c.Args[2].Interval.Duration / unit)
		return func(r *Row) { o.set(r, apart(r, unit), scale, float64(o.span/unit)) }, nil
	}
	return func(r *Row) {
		o.set(r, math.Abs(r.Float(0)-asWhole(r.Float(1), of)), asWhole(r.Float(2), of), asWhole(o.offset, of))
	}, nil
}

// asWhole is a number as one of the value's type: beside whole ones its fraction is nothing.
func asWhole(n float64, of frame.Type) float64 {
	if Whole.Has(of) {
		return math.Trunc(n)
	}
	return n
}

// apart is how far the first two dates are from each other.
func apart(r *Row, unit time.Duration) float64 {
	at := func(a int) int64 {
		t := ToTime(r.Int(a), r.Type(a))
		if unit == time.Nanosecond {
			return t.UnixNano()
		}
		return t.UnixMilli()
	}
	a, b := at(0), at(1)
	return float64(uint64(max(a, b)) - uint64(min(a, b)))
}

// decayOption is what DECAY is told beside its arguments.
type decayOption struct {
	left   curve
	rest   float64
	offset float64       // of a number
	span   time.Duration // of a date
}

// set gives what is left at a distance, and null where that is no number.
func (o decayOption) set(r *Row, distance, scale, offset float64) {
	if v := o.left(max(0, distance-offset), scale, o.rest); !math.IsNaN(v) && !math.IsInf(v, 0) {
		r.SetFloat(v)
	}
}

func decayOptions(c *Call) (decayOption, error) {
	o := decayOption{left: decayCurves["linear"], rest: 0.5}
	for _, name := range slices.Sorted(maps.Keys(c.Options)) {
		var ok bool
		switch v := c.Options[name]; name {
		case "decay":
			o.rest, ok = v.(float64)
		case "offset":
			ok = o.begin(v, c.Args[0].Type)
		case "type":
			text, _ := v.(string)
			o.left, ok = decayCurves[strings.ToLower(text)]
		default:
			return o, fmt.Errorf("Invalid option [%s] in [%s], expected one of [decay, offset, type]", name, c.Source)
		}
		if !ok {
			return o, fmt.Errorf("Invalid value of option [%s] in [%s]", name, c.Source)
		}
	}
	return o, nil
}

// begin takes the distance up to which nothing is lost: a duration for dates, else a number.
func (o *decayOption) begin(v any, of frame.Type) (ok bool) {
	if IsDate(of) {
		i, isInterval := v.(Interval)
		o.span = i.Duration
		return isInterval && i == Interval{Duration: i.Duration}
	}
	switch n := v.(type) {
	case int64:
		o.offset = float64(n)
	case uint64:
		o.offset = float64(n)
	case float64:
		o.offset = n
	default:
		return false
	}
	return true
}
