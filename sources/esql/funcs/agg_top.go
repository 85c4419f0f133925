package funcs

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"interdict/sources/frame"
)

// tops are the aggregates that keep values as they are: top, first, last,
// sample, and whether there is any.
func tops() []AggDef {
	sortable := Any &^ (ULong | Version)
	return []AggDef{
		{Name: "top", Params: []Param{{Name: "field", Types: sortable, Expect: "boolean, date, ip, string or numeric except unsigned_long or counter types"},
			{Name: "limit", Types: Int, Const: true, Expect: "integer"}, {Name: "order", Types: String, Const: true, Optional: true, Expect: "string"}, {Name: "outputField", Types: sortable, Optional: true}},
			Result: func(t []frame.Type) frame.Type {
				if len(t) > 3 {
					return t[3]
				}
				return t[0]
			}, New: newTop},
		{Name: "first", Params: []Param{{Name: "field", Types: Any}, {Name: "sortField", Types: Dates | Whole}}, Result: SameAs(0), New: newEnd(-1)},
		{Name: "last", Params: []Param{{Name: "field", Types: Any}, {Name: "sortField", Types: Dates | Whole}}, Result: SameAs(0), New: newEnd(1)},
		{Name: "sample", Params: []Param{{Name: "field", Types: Any}, {Name: "limit", Types: Int, Const: true, Expect: "integer"}}, Result: SameAs(0), New: newSample},
		{Name: "present", Params: []Param{{Name: "field", Types: Any}}, Result: Fixed(frame.Boolean), New: func(*Call) (Aggregator, error) { return &presence{there: true}, nil }},
		{Name: "absent", Params: []Param{{Name: "field", Types: Any}}, Result: Fixed(frame.Boolean), New: func(*Call) (Aggregator, error) { return &presence{}, nil }},
	}
}

// datum is one value of a column.
type datum struct {
	s string
	i int64
	f float64
}

func datumAt(v Vec, k int) datum {
	switch {
	case v.Codes != nil:
		return datum{s: v.Dict.Value(v.Codes[k])}
	case v.Floats != nil:
		return datum{f: v.Floats[k]}
	}
	return datum{i: v.Ints[k]}
}

func (a datum) compare(b datum) int {
	return cmp.Or(strings.Compare(a.s, b.s), cmp.Compare(a.i, b.i), cmp.Compare(a.f, b.f))
}

func (o *Out) addDatum(row int, t frame.Type, v datum) {
	switch {
	case t.Coded():
		o.AddStr(row, v.s)
	case t == frame.Double:
		o.AddFloat(row, v.f)
	default:
		o.AddInt(row, v.i)
	}
}

// own copies a text, which would keep that of a whole segment.
func (a datum) own() datum {
	a.s = strings.Clone(a.s)
	return a
}

// ranked is a value with what decides its place.
type ranked struct{ by, value datum }

// ranking keeps the first of each group's values in an order.
type ranking struct {
	call *Call
	most int
	sign int  // 1: the greatest first
	own  bool // a value is its own rank
	all  [][]ranked
	text int // bytes of these
}

// maxTop bounds what one group of TOP or SAMPLE keeps.
const maxTop = 10_000

func newTop(c *Call) (Aggregator, error) {
	n, _ := c.ConstInt(1)
	if n <= 0 {
		return nil, fmt.Errorf("Limit must be greater than 0 in [%s], found [%d]", c.Source, n)
	}
	order := "asc"
	if s, ok := c.ConstStr(2); ok {
		order = s
	}
	a := &ranking{call: c, most: int(min(n, maxTop)), sign: -1, own: len(c.Args) < 4}
	switch strings.ToLower(order) {
	case "asc":
	case "desc":
		a.sign = 1
	default:
		return nil, fmt.Errorf("Invalid order value in [%s], expected [ASC, DESC] but got [%s]", c.Source, order)
	}
	return a, nil
}

// newEnd is the value of the row that comes first or last by another field.
func newEnd(sign int) func(*Call) (Aggregator, error) {
	return func(c *Call) (Aggregator, error) { return &ranking{call: c, most: 1, sign: sign}, nil }
}

// columns are the value's and that of its rank.
func (a *ranking) columns(in []Vec) (value, by Vec) {
	switch len(in) {
	case 4:
		return in[3], in[0]
	case 2:
		if a.own {
			return in[0], in[0]
		}
		return in[0], in[1]
	}
	return in[0], in[0]
}

func (a *ranking) Add(groups []uint32, size int, in []Vec, n int) {
	a.all = grown(a.all, size)
	value, by := a.columns(in)
	if value.Type == frame.Null || by.Type == frame.Null {
		return
	}
	if a.own {
		each(groups, value, n, func(g uint32, k int) {
			v := datumAt(value, k)
			a.put(g, ranked{v, v})
		})
		return
	}
	for i, g := range groups[:n] {
		lo, hi := rangeOf(value, i)
		from, to := rangeOf(by, i)
		if hi-lo == 1 && to-from == 1 {
			a.put(g, ranked{datumAt(by, from), datumAt(value, lo)})
		}
	}
}

func (a *ranking) put(g uint32, r ranked) {
	list := a.all[g]
	at, _ := slices.BinarySearchFunc(list, r, func(x, y ranked) int {
		if c := -a.sign * x.by.compare(y.by); c != 0 {
			return c
		}
		return -1 // behind its equals
	})
	if at >= a.most {
		return
	}
	if last := len(list) - 1; last == a.most-1 {
		a.text -= len(list[last].by.s) + len(list[last].value.s)
		list = list[:last]
	}
	a.text += len(r.by.s) + len(r.value.s)
	a.all[g] = slices.Insert(list, at, ranked{r.by.own(), r.value.own()})
}

func (a *ranking) Merge(other Aggregator, groups []uint32, size int) {
	a.all = grown(a.all, size)
	for g, list := range other.(*ranking).all {
		for _, r := range list {
			a.put(groups[g], r)
		}
	}
}

func (a *ranking) Result(n int) *frame.Column {
	a.all = grown(a.all, n)
	out := NewOut(a.call.Result, n)
	for g, list := range a.all[:n] {
		for _, r := range list {
			out.addDatum(g, a.call.Result, r.value)
		}
	}
	return out.Column()
}

func (a *ranking) Bytes() int {
	n := a.text
	for _, list := range a.all {
		n += 64*cap(list) + 24
	}
	return n
}

// sample keeps values by chance (reservoir sampling).
type sample struct {
	t    frame.Type
	most int
	seen []int
	all  [][]datum
	text int // bytes of these
}

func newSample(c *Call) (Aggregator, error) {
	n, _ := c.ConstInt(1)
	if n <= 0 {
		return nil, fmt.Errorf("Limit must be greater than 0 in [%s], found [%d]", c.Source, n)
	}
	return &sample{t: c.Result, most: int(min(n, maxTop))}, nil
}

func (a *sample) grow(size int) { a.seen, a.all = grown(a.seen, size), grown(a.all, size) }

func (a *sample) Add(groups []uint32, size int, in []Vec, n int) {
	a.grow(size)
	if in[0].Type == frame.Null {
		return
	}
	each(groups, in[0], n, func(g uint32, k int) { a.put(g, datumAt(in[0], k)) })
}

func (a *sample) put(g uint32, v datum) {
	a.seen[g]++
	if len(a.all[g]) < a.most {
		a.all[g] = append(a.all[g], v.own())
		a.text += len(v.s)
	} else if at := rand.IntN(a.seen[g]); at < a.most {
		a.text += len(v.s) - len(a.all[g][at].s)
		a.all[g][at] = v.own()
	}
}

func (a *sample) Merge(other Aggregator, groups []uint32, size int) {
	a.grow(size)
	b := other.(*sample)
	for g, list := range b.all {
		for _, v := range list {
			a.put(groups[g], v)
		}
		a.seen[groups[g]] += b.seen[g] - len(list)
	}
}

func (a *sample) Result(n int) *frame.Column {
	a.grow(n)
	out := NewOut(a.t, n)
	for g, list := range a.all[:n] {
		for _, v := range list {
			out.addDatum(g, a.t, v)
		}
	}
	return out.Column()
}

func (a *sample) Bytes() int {
	n := a.text
	for _, list := range a.all {
		n += 32*cap(list) + 32
	}
	return n
}

// presence tells whether a group has any value, or none.
type presence struct {
	there bool
	has   []bool
}

func (a *presence) Add(groups []uint32, size int, in []Vec, n int) {
	a.has = grown(a.has, size)
	if in[0].Type != frame.Null {
		each(groups, in[0], n, func(g uint32, _ int) { a.has[g] = true })
	}
}

func (a *presence) Merge(other Aggregator, groups []uint32, size int) {
	a.has = grown(a.has, size)
	for g, has := range other.(*presence).has {
		a.has[groups[g]] = a.has[groups[g]] || has
	}
}

func (a *presence) Result(n int) *frame.Column {
	a.has = grown(a.has, n)
	out := NewOut(frame.Boolean, n)
	for g, has := range a.has[:n] {
		v := int64(0)
		if has == a.there {
			v = 1
		}
		out.AddInt(g, v)
	}
	return out.Column()
}

func (a *presence) Bytes() int { return cap(a.has) }
