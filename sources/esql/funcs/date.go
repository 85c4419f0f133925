package funcs

import (
	"fmt"
	"math"
	"strings"
	"time"

	"interdict/sources/frame"
)

// dates are the functions of time. All of it is UTC.
func dates() []Def {
	return []Def{
		{Name: "now", Unsteady: true, Result: Fixed(frame.Date), New: func(c *Call) (func(*Row), error) {
			return func(r *Row) { r.SetInt(c.Now.UnixMilli()) }, nil
		}},
		{Name: "date_trunc", Params: []Param{{Name: "interval", Types: Temporal | String, Const: true, Expect: "dateperiod or timeduration"}, {Name: "date", Types: Dates, Expect: "date_nanos or datetime"}}, Result: truncated, New: truncRow},
		{Name: "date_diff", Params: []Param{{Name: "unit", Types: String}, {Name: "startTimestamp", Types: Dates}, {Name: "endTimestamp", Types: Dates}},
			Result: Fixed(frame.Integer), New: newDiff},
	}
}

// timeRanges is what stands for comparisons of @timestamp. A plan has these instead.
func timeRanges() []Def {
	return []Def{{Name: "trange", Params: []Param{{Name: "start_time_or_offset"}, {Name: "end_time", Optional: true}}, Result: Fixed(frame.Boolean), Unsteady: true}}
}

// ToTime gives a date column's value as a time.
func ToTime(v int64, t frame.Type) time.Time {
	if t == frame.DateNanos {
		return time.Unix(0, v).UTC()
	}
	return time.UnixMilli(v).UTC()
}

// FromTime is the inverse of ToTime.
func FromTime(at time.Time, t frame.Type) (int64, bool) {
	if t == frame.DateNanos {
		if at.Before(time.Unix(0, 0)) || at.After(time.Unix(0, math.MaxInt64)) {
			return 0, false
		}
		return at.UnixNano(), true
	}
	return at.UnixMilli(), true
}

var dateLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02T15Z07:00", "2006-01-02T15",
	"2006-01-02Z07:00", "2006-01-02", "2006-01", "2006", "2006-01-02T15:04:05.999999999Z0700",
}

// ParseDate reads Elasticsearch's strict_date_optional_time.
func ParseDate(s string) (time.Time, bool) {
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// NewInterval makes an amount of a unit, whose name is in the singular.
func NewInterval(n int64, unit string) (Interval, frame.Type, bool) {
	lengths := map[string]time.Duration{"millisecond": time.Millisecond, "second": time.Second, "minute": time.Minute, "hour": time.Hour}
	if d, ok := lengths[unit]; ok {
		if n > math.MaxInt64/int64(d) || n < math.MinInt64/int64(d) {
			return Interval{}, TimeDuration, false
		}
		return Interval{Duration: time.Duration(n) * d}, TimeDuration, true
	}
	if n > math.MaxInt32/7 || n < math.MinInt32/7 {
		return Interval{}, DatePeriod, false
	}
	switch i := int(n); unit {
	case "day":
		return Interval{Days: i}, DatePeriod, true
	case "week":
		return Interval{Days: 7 * i}, DatePeriod, true
	case "month":
		return Interval{Months: i}, DatePeriod, true
	case "quarter":
		return Interval{Months: 3 * i}, DatePeriod, true
	case "year":
		return Interval{Years: i}, DatePeriod, true
	}
	return Interval{}, DatePeriod, false
}

// Negated is the interval backwards.
func (v Interval) Negated() Interval { return Interval{-v.Years, -v.Months, -v.Days, -v.Duration} }

// Plus joins two intervals.
func (v Interval) Plus(w Interval) Interval {
	return Interval{v.Years + w.Years, v.Months + w.Months, v.Days + w.Days, v.Duration + w.Duration}
}

// after moves a time by the interval; a day that the month lacks is its last one.
func (v Interval) after(t time.Time) time.Time {
	if v.Years != 0 || v.Months != 0 {
		months := int(t.Month()) - 1 + v.Months + 12*v.Years
		first := time.Date(t.Year(), time.Month(1+months), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
		last := first.AddDate(0, 1, -1).Day()
		t = first.AddDate(0, 0, min(t.Day(), last)-1)
	}
	return t.AddDate(0, 0, v.Days).Add(v.Duration)
}

// dateArithmetic makes date ± interval; nil when the arguments are none.
func dateArithmetic(c *Call, minus bool) func(*Row) {
	at, span := 0, 1
	if c.Args[0].Type >= DatePeriod {
		at, span = 1, 0
	}
	if c.Args[span].Type < DatePeriod || c.Args[at].Type >= DatePeriod {
		return nil
	}
	v := c.Args[span].Interval
	if minus {
		v = v.Negated()
	}
	return func(r *Row) {
		ms, ok := FromTime(v.after(ToTime(r.Int(at), c.Result)), c.Result)
		if !ok {
			r.Fail("java.time.DateTimeException: Date nanos out of range.  Must be between 1970-01-01T00:00:00Z and 2262-04-11T23:47:16.854775807")
			return
		}
		r.SetInt(ms)
	}
}

func truncated(t []frame.Type) frame.Type {
	if t[1] == frame.Null {
		return frame.Date
	}
	return t[1]
}

func truncRow(c *Call) (func(*Row), error) {
	v := c.Args[0].Interval
	if s, ok := c.ConstStr(0); ok {
		var err error
		if v, err = ParseInterval(s); err != nil {
			return nil, fmt.Errorf("first argument of [%s] must be [dateperiod or timeduration], found value [%q] type [keyword]", c.Source, s)
		}
	}
	if c.Args[0].Type == frame.Null {
		return func(*Row) {}, nil
	}
	trunc, err := v.truncator()
	if err != nil {
		return nil, err
	}
	return func(r *Row) {
		if ms, ok := FromTime(trunc(ToTime(r.Int(1), r.Type(1))), r.Type(1)); ok {
			r.SetInt(ms)
		}
	}, nil
}

// ParseInterval reads "1 hour".
func ParseInterval(s string) (Interval, error) {
	var n int64
	var unit string
	if _, err := fmt.Sscanf(s, "%d %s", &n, &unit); err == nil {
		if one, ok := unitOf(unit); ok {
			if v, _, ok := NewInterval(n, one); ok {
				return v, nil
			}
		}
	}
	return Interval{}, fmt.Errorf("Cannot convert string [%s] to DATE_PERIOD or TIME_DURATION", s)
}

var unitNames = map[string]string{"ms": "millisecond", "s": "second", "sec": "second", "m": "minute", "min": "minute", "h": "hour", "d": "day", "w": "week",
	"mo": "month", "q": "quarter", "y": "year", "yr": "year"}

func unitOf(s string) (string, bool) {
	s = strings.ToLower(s)
	if u, ok := unitNames[s]; ok {
		return u, true
	}
	s = strings.TrimSuffix(s, "s")
	for _, u := range unitNames {
		if u == s {
			return u, true
		}
	}
	return "", false
}

// truncator gives what rounds a time down to a multiple of the interval. Days
// count from the epoch, one week from Monday, months from the year 1.
func (v Interval) truncator() (func(time.Time) time.Time, error) {
	months := v.Months + 12*v.Years
	switch {
	case v.Duration > 0 && months == 0 && v.Days == 0:
		return func(t time.Time) time.Time { return floorNanos(t, v.Duration) }, nil
	case months > 0 && v.Days == 0 && v.Duration == 0:
		return func(t time.Time) time.Time {
			m := t.Year()*12 + int(t.Month()) - 1
			if v.Years > 0 { // years count from year 1
				m = floorDiv(m-12, months)*months + 12
			} else {
				m = floorDiv(m, months) * months
			}
			return time.Date(floorDiv(m, 12), time.Month(m-12*floorDiv(m, 12)+1), 1, 0, 0, 0, 0, time.UTC)
		}, nil
	case v.Days > 0 && months == 0 && v.Duration == 0:
		shift := 0
		if v.Days == 7 {
			shift = 3 // the epoch was a Thursday
		}
		return func(t time.Time) time.Time {
			day := floorDiv(int(t.Unix()), 86400)
			day = floorDiv(day+shift, v.Days)*v.Days - shift
			return time.Unix(int64(day)*86400, 0).UTC()
		}, nil
	}
	return nil, fmt.Errorf("Zero or negative time interval is not supported")
}

func floorNanos(t time.Time, d time.Duration) time.Time {
	if d%time.Millisecond == 0 {
		ms, step := t.UnixMilli(), d.Milliseconds()
		return time.UnixMilli(ms - ((ms%step)+step)%step).UTC()
	}
	return t.Truncate(d)
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// newDiff makes DATE_DIFF. A unit that is known before must be one.
func newDiff(c *Call) (func(*Row), error) {
	if s, ok := c.ConstStr(0); ok {
		if _, known := Between(s, time.Time{}, time.Time{}); !known {
			return nil, fmt.Errorf("invalid unit format for [%s]: %s; received [%s]", c.Source, unitNeeded, s)
		}
	}
	return diffRow, nil
}

const unitNeeded = "A value of [YEAR, QUARTER, MONTH, DAYOFYEAR, DAY, WEEK, WEEKDAY, HOUR, MINUTE, SECOND, MILLISECOND, MICROSECOND, NANOSECOND] or their aliases is required"

func diffRow(r *Row) {
	from, to := ToTime(r.Int(1), r.Type(1)), ToTime(r.Int(2), r.Type(2))
	n, ok := Between(r.Str(0), from, to)
	switch {
	case !ok:
		r.Fail("java.lang.IllegalArgumentException: %s; received [%s]", unitNeeded, r.Str(0))
	case int64(int32(n)) != n:
		r.Fail("org.elasticsearch.xpack.esql.core.InvalidArgumentException: [%d] out of [integer] range", n)
	default:
		r.SetInt(n)
	}
}

// secondsBetween counts whole seconds, also where a Duration would not hold them.
func secondsBetween(from, to time.Time) int64 {
	s, ns := to.Unix()-from.Unix(), to.Nanosecond()-from.Nanosecond()
	switch {
	case s > 0 && ns < 0:
		s--
	case s < 0 && ns > 0:
		s++
	}
	return s
}

// parts counts whole parts of a second, of which there are n.
func parts(from, to time.Time, n int64) int64 {
	s := secondsBetween(from, to)
	rest := int64(to.Unix()-from.Unix()-s)*1e9 + int64(to.Nanosecond()-from.Nanosecond())
	return s*n + rest/(1e9/n)
}

// Between counts whole units from one time to another.
func Between(unit string, from, to time.Time) (int64, bool) {
	d := secondsBetween(from, to)
	switch strings.ToLower(unit) {
	case "year", "years", "yyyy", "yy":
		return monthsBetween(from, to) / 12, true
	case "quarter", "quarters", "qq", "q":
		return monthsBetween(from, to) / 3, true
	case "month", "months", "mm", "m":
		return monthsBetween(from, to), true
	case "dayofyear", "dy", "y", "day", "days", "dd", "d", "weekday", "weekdays", "dw":
		return d / 86400, true
	case "week", "weeks", "wk", "ww":
		return d / (7 * 86400), true
	case "hour", "hours", "hh":
		return d / 3600, true
	case "minute", "minutes", "mi", "n":
		return d / 60, true
	case "second", "seconds", "ss", "s":
		return d, true
	case "millisecond", "milliseconds", "ms":
		return parts(from, to, 1e3), true
	case "microsecond", "microseconds", "mcs":
		return parts(from, to, 1e6), true
	case "nanosecond", "nanoseconds", "ns":
		return to.UnixNano() - from.UnixNano(), true
	}
	return 0, false
}

func monthsBetween(from, to time.Time) int64 {
	if to.Before(from) {
		return -monthsBetween(to, from)
	}
	n := (to.Year()-from.Year())*12 + int(to.Month()) - int(from.Month())
	if n > 0 && (Interval{Months: n}).after(from).After(to) {
		n--
	}
	return int64(n)
}
