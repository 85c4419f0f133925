package funcs

import (
	"math"

	"interdict/sources/frame"
)

// mvNumbers compute one number from the values of a row.
func mvNumbers() []Def {
	number := []Param{{Name: "number", Types: Numeric}}
	same := func(name string, f func(*Row)) Def {
		return Def{Name: name, Params: number, Result: SameAs(0), Multi: true, Row: f}
	}
	return []Def{
		same("mv_sum", mvSumRow),
		{Name: "mv_avg", Params: number, Result: Fixed(frame.Double), Multi: true,
			Row: func(r *Row) { setFinite(r, floatSum(r, 0)/float64(r.Len(0))) }},
		same("mv_median", func(r *Row) {
			places := sorted(r, 1)
			setMedian(r, func(i int) int64 { return r.IntAt(0, places[i]) }, func(i int) float64 { return r.FloatAt(0, places[i]) })
		}),
		same("mv_median_absolute_deviation", deviationRow),
		{Name: "mv_percentile", Params: []Param{{Name: "number", Types: Int | Long | Double}, {Name: "percentile", Types: Int | Long | Double}}, Result: SameAs(0),
			Multi: true, Row: percentileRow},
		{Name: "mv_pseries_weighted_sum", Params: []Param{{Name: "number", Types: Double}, {Name: "p", Types: Double, Const: true}}, Result: func(t []frame.Type) frame.Type { return min(t[0], t[1], frame.Double) },
			Multi: true, Row: func(r *Row) { setFinite(r, floatSum(r, r.Float(1))) }},
	}
}

// setFinite gives a double, or says that there is no such number.
func setFinite(r *Row, v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		r.Fail("java.lang.ArithmeticException: not a finite double number: %s", javaFloat(v))
		return
	}
	r.SetFloat(v)
}

func javaFloat(v float64) string {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "Infinity"
	case math.IsInf(v, -1):
		return "-Infinity"
	}
	return FormatDouble(v)
}

func mvSumRow(r *Row) {
	t := r.Type(0)
	if t == frame.Double {
		setFinite(r, floatSum(r, 0))
		return
	}
	sum := whole{}
	for k := 0; k < r.Len(0) && sum.problem == ""; k++ {
		sum = add(sum.v, r.IntAt(0, k), t)
	}
	store(r, t, sum)
}

// floatSum adds the first argument's values, value k divided by k to the power
// of p, and corrects for what the additions lose (Kahan's way).
func floatSum(r *Row, p float64) float64 {
	if r.Len(0) == 1 { // which may be -0
		return r.FloatAt(0, 0)
	}
	var sum, lost float64
	for k := range r.Len(0) {
		v := r.FloatAt(0, k)
		if p != 0 {
			v /= math.Pow(float64(k+1), p)
		}
		corrected := v - lost
		next := sum + corrected
		lost = (next - sum) - corrected
		sum = next
	}
	return sum
}

// setMedian gives the middle of values that are in order, in the type of the result.
func setMedian(r *Row, ints func(int) int64, floats func(int) float64) {
	n := r.Len(0)
	hi, lo := n/2, (n-1)/2
	switch r.Type(0) {
	case frame.Double:
		r.SetFloat(floats(lo)/2 + floats(hi)/2)
	case frame.UnsignedLong:
		a, b := uint64(ints(lo)), uint64(ints(hi))
		r.SetInt(int64(a&b + (a^b)>>1))
	default: // rounded down, without overflow
		a, b := ints(lo), ints(hi)
		r.SetInt(a&b + (a^b)>>1)
	}
}

// deviationRow gives the median of the distances from the median.
func deviationRow(r *Row) {
	t := r.Type(0)
	places := sorted(r, 1)
	out := Row{in: r.in, lo: r.lo, n: r.n, out: NewOut(t, 1)}
	setMedian(&out, func(i int) int64 { return r.IntAt(0, places[i]) }, func(i int) float64 { return r.FloatAt(0, places[i]) })
	median := out.out.Column()
	far := &frame.Column{Type: t, Offsets: []uint32{0, uint32(len(places))}}
	if t != frame.Double {
		far.Type = frame.UnsignedLong // no distance is too large for it
	}
	for k := range places {
		if t == frame.Double {
			far.Floats = append(far.Floats, math.Abs(r.FloatAt(0, k)-median.Floats[0]))
			continue
		}
		v, m := r.IntAt(0, k), median.Ints[0]
		if t == frame.UnsignedLong && uint64(v) < uint64(m) || t != frame.UnsignedLong && v < m {
			v, m = m, v
		}
		far.Ints = append(far.Ints, v-m)
	}
	distances := Row{in: []Vec{{Column: far}}, lo: []int{0}, n: []int{len(places)}, out: r.out, row: r.row}
	order := sorted(&distances, 1)
	setMedian(&distances, func(i int) int64 { return far.Ints[order[i]] }, func(i int) float64 { return far.Floats[order[i]] })
}

// percentileRow takes the line between the two values around the place asked for.
func percentileRow(r *Row) {
	if !onlyOne(r, 1) {
		return
	}
	p := r.Float(1)
	if !(p >= 0 && p <= 100) {
		r.Fail("java.lang.IllegalArgumentException: Percentile parameter must be a number between 0 and 100, found [%s]", javaFloat(p))
		return
	}
	places := sorted(r, 1)
	at := p / 100 * float64(len(places)-1)
	lo := int(at)
	hi := min(lo+1, len(places)-1)
	part := at - float64(lo)
	if r.Type(0) == frame.Double {
		a, b := r.FloatAt(0, places[lo]), r.FloatAt(0, places[hi])
		r.SetFloat(a*(1-part) + b*part)
		return
	}
	a, b := r.IntAt(0, places[lo]), r.IntAt(0, places[hi])
	r.SetInt(a + int64(part*(float64(b)-float64(a))))
}
