package funcs

import (
	"strings"

	"interdict/sources/frame"
)

// extremes and sums are min, max, sum and avg.
func sums() []AggDef {
	field := func(t Types) []Param {
		return []Param{{Name: "field", Types: t, Expect: "aggregate_metric_double or numeric except unsigned_long or counter types"}}
	}
	ordered := Any &^ ULong
	return []AggDef{
		{Name: "min", Params: field(ordered | ULong), Result: SameAs(0), New: newExtreme(-1)},
		{Name: "max", Params: field(ordered | ULong), Result: SameAs(0), New: newExtreme(1)},
		{Name: "sum", Params: field(Int | Long | Double), Result: func(t []frame.Type) frame.Type {
			if t[0] == frame.Double || t[0] == frame.Null {
				return frame.Double
			}
			return frame.Long
		}, New: func(c *Call) (Aggregator, error) { return &sum{call: c}, nil }},
		{Name: "avg", Params: field(Int | Long | Double), Result: Fixed(frame.Double),
			New: func(c *Call) (Aggregator, error) { return &sum{call: c, mean: true}, nil }},
	}
}

// extreme keeps each group's least or greatest value.
type extreme struct {
	t    frame.Type
	sign int
	has  []bool
	strs []string
	text int // bytes of strs
	ints []int64
	fls  []float64
}

func newExtreme(sign int) func(*Call) (Aggregator, error) {
	return func(c *Call) (Aggregator, error) { return &extreme{t: c.Args[0].Type, sign: sign}, nil }
}

func (a *extreme) grow(size int) {
	a.has = grown(a.has, size)
	switch {
	case a.t.Coded():
		a.strs = grown(a.strs, size)
	case a.t == frame.Double:
		a.fls = grown(a.fls, size)
	default:
		a.ints = grown(a.ints, size)
	}
}

func (a *extreme) Add(groups []uint32, size int, in []Vec, n int) {
	a.grow(size)
	c := in[0]
	each(groups, c, n, func(g uint32, k int) {
		switch {
		case c.Codes != nil:
			a.str(g, c.Dict.Value(c.Codes[k]))
		case c.Floats != nil:
			a.float(g, c.Floats[k])
		default:
			a.int(g, c.Ints[k])
		}
	})
}

func (a *extreme) str(g uint32, s string) {
	if a.has[g] {
		c := strings.Compare(s, a.strs[g])
		if a.t == frame.Version {
			c = CompareVersions(s, a.strs[g])
		}
		if c*a.sign <= 0 {
			return
		}
	}
	a.text += len(s) - len(a.strs[g])
	a.has[g], a.strs[g] = true, strings.Clone(s) // it would keep the text of a whole segment
}

func (a *extreme) float(g uint32, v float64) {
	switch {
	case !a.has[g]:
		a.has[g], a.fls[g] = true, v
	case a.sign < 0:
		a.fls[g] = min(a.fls[g], v)
	default:
		a.fls[g] = max(a.fls[g], v)
	}
}

func (a *extreme) int(g uint32, v int64) {
	better := a.sign < 0 && v < a.intOr(g) || a.sign > 0 && v > a.intOr(g)
	if a.t == frame.UnsignedLong {
		better = a.sign < 0 && uint64(v) < uint64(a.ints[g]) || a.sign > 0 && uint64(v) > uint64(a.ints[g])
	}
	if !a.has[g] || better {
		a.has[g], a.ints[g] = true, v
	}
}

func (a *extreme) intOr(g uint32) int64 { return a.ints[g] }

func (a *extreme) Merge(other Aggregator, groups []uint32, size int) {
	b := other.(*extreme)
	a.grow(size)
	for g, has := range b.has {
		switch {
		case !has:
		case a.t.Coded():
			a.str(groups[g], b.strs[g])
		case a.t == frame.Double:
			a.float(groups[g], b.fls[g])
		default:
			a.int(groups[g], b.ints[g])
		}
	}
}

func (a *extreme) Result(n int) *frame.Column {
	a.grow(n)
	out := NewOut(a.t, n)
	for g := range n {
		switch {
		case !a.has[g]:
		case a.t.Coded():
			out.AddStr(g, a.strs[g])
		case a.t == frame.Double:
			out.AddFloat(g, a.fls[g])
		default:
			out.AddInt(g, a.ints[g])
		}
	}
	return out.Column()
}

func (a *extreme) Bytes() int {
	return len(a.has) + a.text + 16*cap(a.strs) + 8*cap(a.ints) + 8*cap(a.fls)
}

// sum adds, and divides for the mean. Doubles are added with compensation, as
// Elasticsearch does; whole numbers that overflow give null and a warning.
type sum struct {
	call *Call
	mean bool
	n    []int64
	ints []int64
	over []bool
	fls  []float64
	rest []float64 // what rounding lost
}

func (a *sum) grow(size int) {
	a.n, a.ints, a.over = grown(a.n, size), grown(a.ints, size), grown(a.over, size)
	a.fls, a.rest = grown(a.fls, size), grown(a.rest, size)
}

func (a *sum) Add(groups []uint32, size int, in []Vec, n int) {
	a.grow(size)
	c := in[0]
	each(groups, c, n, func(g uint32, k int) {
		a.n[g]++
		if c.Floats != nil {
			a.float(g, c.Floats[k])
		} else {
			a.int(g, c.Ints[k])
		}
	})
}

func (a *sum) float(g uint32, v float64) {
	y := v + a.rest[g]
	t := a.fls[g] + y
	a.rest[g] = y - (t - a.fls[g])
	a.fls[g] = t
}

func (a *sum) int(g uint32, v int64) {
	if a.mean {
		a.float(g, float64(v))
	}
	w := add(a.ints[g], v, frame.Long)
	a.over[g] = a.over[g] || w.problem != ""
	a.ints[g] = w.v
}

func (a *sum) Merge(other Aggregator, groups []uint32, size int) {
	b := other.(*sum)
	a.grow(size)
	for g, n := range b.n {
		to := groups[g]
		a.n[to] += n
		a.float(to, b.fls[g])
		a.float(to, b.rest[g])
		w := add(a.ints[to], b.ints[g], frame.Long)
		a.over[to] = a.over[to] || b.over[g] || w.problem != ""
		a.ints[to] = w.v
	}
}

func (a *sum) Result(n int) *frame.Column {
	a.grow(n)
	out := NewOut(a.call.Result, n)
	for g := range n {
		switch {
		case a.n[g] == 0:
		case a.mean:
			v := a.fls[g] / float64(a.n[g])
			if !a.over[g] && a.ints[g] != 0 {
				v = float64(a.ints[g]) / float64(a.n[g])
			}
			out.AddFloat(g, v)
		case a.call.Result == frame.Double:
			out.AddFloat(g, a.fls[g])
		case a.over[g]:
			a.call.Warn(g, "java.lang.ArithmeticException: long overflow")
		default:
			out.AddInt(g, a.ints[g])
		}
	}
	return out.Column()
}

func (a *sum) Bytes() int { return 33 * cap(a.n) }
