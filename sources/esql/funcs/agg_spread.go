package funcs

import (
	"fmt"
	"math"

	"interdict/sources/frame"
)

// spreads are std_dev, variance and weighted_avg.
func spreads() []AggDef {
	field := []Param{{Name: "number", Types: Int | Long | Double, Expect: "numeric except unsigned_long or counter types"}}
	weighted := func(name string) Param {
		return Param{Name: name, Types: Int | Long | Double, Expect: "numeric except unsigned_long or counter types"}
	}
	return []AggDef{
		{Name: "std_dev", Params: field, Result: Fixed(frame.Double), New: func(*Call) (Aggregator, error) { return &spread{of: math.Sqrt}, nil }},
		{Name: "variance", Params: field, Result: Fixed(frame.Double), New: func(*Call) (Aggregator, error) { return &spread{of: func(v float64) float64 { return v }}, nil }},
		{Name: "weighted_avg", Params: []Param{weighted("number"), weighted("weight")}, Result: Fixed(frame.Double), New: newWeighted},
	}
}

// spread is the population's variance by Welford's method, merged by that of Chan et al.
type spread struct {
	of  func(variance float64) float64
	all []moments
}

type moments struct{ n, mean, m2 float64 }

func (a *spread) Add(groups []uint32, size int, in []Vec, n int) {
	a.all = grown(a.all, size)
	if in[0].Type == frame.Null {
		return
	}
	each(groups, in[0], n, func(g uint32, k int) {
		m, v := &a.all[g], numberAt(in[0], k)
		m.n++
		d := v - m.mean
		m.mean += d / m.n
		m.m2 += d * (v - m.mean)
	})
}

func (a *spread) Merge(other Aggregator, groups []uint32, size int) {
	a.all = grown(a.all, size)
	for g, b := range other.(*spread).all {
		if m := &a.all[groups[g]]; b.n > 0 {
			d, n := b.mean-m.mean, m.n+b.n
			m.m2 += b.m2 + d*d*m.n*b.n/n
			m.mean += d * b.n / n
			m.n = n
		}
	}
}

func (a *spread) Result(n int) *frame.Column {
	a.all = grown(a.all, n)
	out := NewOut(frame.Double, n)
	for g, m := range a.all[:n] {
		if v := a.of(m.m2 / m.n); m.n > 0 && !math.IsInf(v, 0) && !math.IsNaN(v) {
			out.AddFloat(g, v)
		}
	}
	return out.Column()
}

func (a *spread) Bytes() int { return 24 * cap(a.all) }

// newWeighted is sum(number * weight) / sum(weight); with a constant on either
// side the mean of the other, as Elasticsearch rewrites it.
func newWeighted(c *Call) (Aggregator, error) {
	if c.Args[1].Const != nil {
		if v := c.Const(1); v == nil || v == int64(0) || v == float64(0) {
			return nil, fmt.Errorf("SECOND argument of [%s] cannot be null or 0, received [%s]", c.Source, nullOr(v))
		}
	}
	return &weighted{call: c, even: c.Args[0].Const != nil || c.Args[1].Const != nil}, nil
}

func nullOr(v any) string {
	if v == nil {
		return "null"
	}
	return text(v)
}

type weighted struct {
	call *Call
	even bool // a constant: all weigh the same
	all  []weight
}

type weight struct {
	sum, by float64
	any     bool
}

func (a *weighted) Add(groups []uint32, size int, in []Vec, n int) {
	a.all = grown(a.all, size)
	if in[0].Type == frame.Null || in[1].Type == frame.Null {
		return
	}
	for i, g := range groups[:n] {
		lo, hi := rangeOf(in[0], i)
		from, to := rangeOf(in[1], i)
		w := &a.all[g]
		if a.even {
			for ; lo < hi; lo++ {
				w.sum, w.by, w.any = w.sum+numberAt(in[0], lo), w.by+1, true
			}
			continue
		}
		for k := from; k < to; k++ {
			w.by += numberAt(in[1], k)
		}
		switch {
		case hi-lo == 1 && to-from == 1:
			if p, ok := a.product(in, i, lo, from); ok {
				w.sum, w.any = w.sum+p, true
			}
		case hi-lo > 1 && to > from, to-from > 1 && hi > lo:
			a.call.Warn(i, "java.lang.IllegalArgumentException: single-value function encountered multi-value")
		}
	}
}

// product is that of two numbers. There may be none, which is warned of.
func (a *weighted) product(in []Vec, row, x, y int) (float64, bool) {
	if in[0].Ints == nil || in[1].Ints == nil {
		p := numberAt(in[0], x) * numberAt(in[1], y)
		if math.IsInf(p, 0) || math.IsNaN(p) {
			a.call.Warn(row, "java.lang.ArithmeticException: not a finite double number: "+javaFloat(p))
			return 0, false
		}
		return p, true
	}
	w := multiply(in[0].Ints[x], in[1].Ints[y], Widest(in[0].Type, in[1].Type))
	if w.problem != "" {
		a.call.Warn(row, "java.lang.ArithmeticException: "+w.problem)
		return 0, false
	}
	return float64(w.v), true
}

func (a *weighted) Merge(other Aggregator, groups []uint32, size int) {
	a.all = grown(a.all, size)
	for g, b := range other.(*weighted).all {
		w := &a.all[groups[g]]
		w.sum, w.by, w.any = w.sum+b.sum, w.by+b.by, w.any || b.any
	}
}

func (a *weighted) Result(n int) *frame.Column {
	a.all = grown(a.all, n)
	out := NewOut(frame.Double, n)
	for g, w := range a.all[:n] {
		switch {
		case !w.any:
		case w.by == 0:
			a.call.Warn(g, "java.lang.ArithmeticException: / by zero")
		default:
			out.AddFloat(g, w.sum/w.by)
		}
	}
	return out.Column()
}

func (a *weighted) Bytes() int { return 32 * cap(a.all) }
