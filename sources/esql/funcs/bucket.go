package funcs

import (
	"fmt"
	"math"
	"strings"
	"time"

	"interdict/sources/frame"
)

// buckets is BUCKET, which STATS … BY alone may use.
func buckets() []Def {
	bound := Param{Name: "from", Types: Numeric | Dates | String, Optional: true, Const: true}
	return []Def{{
		Name:   "bucket",
		Params: []Param{{Name: "field", Types: Numeric | Dates, Expect: "datetime or numeric"}, {Name: "buckets", Types: Numeric | Temporal, Const: true}, bound, bound},
		Result: func(t []frame.Type) frame.Type {
			if IsDate(t[0]) {
				return t[0]
			}
			return frame.Double
		},
		New: bucketRow,
	}}
}

// BucketArity says what is wrong with a number of arguments of BUCKET.
func BucketArity(n int) string {
	if n == 2 || n == 4 {
		return ""
	}
	return "expects two or four arguments"
}

func bucketRow(c *Call) (func(*Row), error) {
	if IsDate(c.Args[0].Type) {
		return dateBucketRow(c)
	}
	if c.Args[1].Type >= DatePeriod {
		return nil, fmt.Errorf("second argument of [%s] must be [numeric], found value [%s] type [%s]", c.Source, c.Args[1].Source, TypeName(c.Args[1].Type))
	}
	step := number(c.Const(1))
	if len(c.Args) == 4 {
		step = roundStep((number(c.Const(3)) - number(c.Const(2))) / step)
	}
	if !(step > 0) || math.IsInf(step, 0) {
		return nil, fmt.Errorf("second argument of [%s] must be a positive number", c.Source)
	}
	return func(r *Row) { r.SetFloat(math.Floor(r.Float(0)/step) * step) }, nil
}

func number(v any) float64 {
	switch x := v.(type) {
	case int64:
		return float64(x)
	case uint64:
		return float64(x)
	case float64:
		return x
	}
	return math.NaN()
}

// roundStep is the next power of ten that gives no more buckets than asked for,
// or half of it where that does too.
func roundStep(step float64) float64 {
	ten := math.Pow(10, math.Ceil(log10(step)))
	if step < ten/2 {
		return ten / 2
	}
	return ten
}

func dateBucketRow(c *Call) (func(*Row), error) {
	v := c.Args[1].Interval
	if len(c.Args) == 2 && c.Args[1].Type < DatePeriod {
		return nil, fmt.Errorf("function expects exactly four arguments when the first one is of type [%s] and the second of type [%s]",
			strings.ToUpper(TypeName(c.Args[0].Type)), strings.ToUpper(TypeName(c.Args[1].Type)))
	}
	if len(c.Args) == 4 {
		n, ok := c.ConstInt(1)
		from, okFrom := constDate(c, 2)
		to, okTo := constDate(c, 3)
		if !ok || !okFrom || !okTo || n < 1 || to.Before(from) {
			return nil, fmt.Errorf("[%s] needs a number of buckets and two dates", c.Source)
		}
		v = bucketInterval(int(n), from, to)
	}
	trunc, err := v.truncator()
	if err != nil {
		return nil, err
	}
	return func(r *Row) {
		if ms, ok := FromTime(trunc(ToTime(r.Int(0), r.Type(0))), r.Type(0)); ok {
			r.SetInt(ms)
		}
	}, nil
}

func constDate(c *Call, i int) (time.Time, bool) {
	if s, ok := c.ConstStr(i); ok && c.Args[i].Type == frame.Keyword {
		return ParseDate(s)
	}
	n, ok := c.ConstInt(i)
	return ToTime(n, c.Args[i].Type), ok
}

// bucketInterval is the smallest round interval that cuts a range into at most n buckets.
func bucketInterval(n int, from, to time.Time) Interval {
	day := 24 * time.Hour
	for _, v := range []struct {
		about time.Duration
		v     Interval
	}{
		{100 * time.Millisecond, Interval{Duration: 100 * time.Millisecond}}, {time.Second, Interval{Duration: time.Second}}, {5 * time.Second, Interval{Duration: 5 * time.Second}},
		{10 * time.Second, Interval{Duration: 10 * time.Second}}, {30 * time.Second, Interval{Duration: 30 * time.Second}}, {time.Minute, Interval{Duration: time.Minute}},
		{5 * time.Minute, Interval{Duration: 5 * time.Minute}}, {10 * time.Minute, Interval{Duration: 10 * time.Minute}}, {30 * time.Minute, Interval{Duration: 30 * time.Minute}},
		{time.Hour, Interval{Duration: time.Hour}}, {3 * time.Hour, Interval{Duration: 3 * time.Hour}}, {12 * time.Hour, Interval{Duration: 12 * time.Hour}},
		{day, Interval{Days: 1}}, {7 * day, Interval{Days: 7}}, {30 * day, Interval{Months: 1}}, {91 * day, Interval{Months: 3}},
	} {
		if to.Sub(from)/v.about <= time.Duration(n) && fitsIn(v.v, n, from, to) {
			return v.v
		}
	}
	return Interval{Years: 1}
}

// fitsIn tells whether the multiples of an interval in a range are at most n.
func fitsIn(v Interval, n int, from, to time.Time) bool {
	trunc, err := v.truncator()
	if err != nil {
		return false
	}
	at := trunc(from)
	if ms := (v.Duration + time.Duration(v.Days)*24*time.Hour).Milliseconds(); ms > 0 {
		return (to.UnixMilli()-at.UnixMilli()+ms-1)/ms <= int64(n)
	}
	for range n {
		if at = v.after(at); !at.Before(to) {
			return true
		}
	}
	return false
}
