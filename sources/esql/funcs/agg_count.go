package funcs

import (
	"slices"

	"interdict/sources/frame"
)

// counts are count, count_distinct and values.
func counts() []AggDef {
	return []AggDef{
		{Name: "count", Params: []Param{{Name: "field", Types: Any, Optional: true}}, Result: Fixed(frame.Long),
			New: func(*Call) (Aggregator, error) { return &count{}, nil }},
		{Name: "count_distinct", Params: []Param{{Name: "field", Types: Any &^ ULong}, {Name: "precision", Types: Whole, Optional: true, Const: true, Expect: "integer"}},
			Result: Fixed(frame.Long), New: newDistinct},
		{Name: "values", Params: []Param{{Name: "field", Types: Any}}, Result: SameAs(0),
			New: func(c *Call) (Aggregator, error) { return &values{pairs: newPairs(c.Args[0].Type)}, nil }},
	}
}

type count struct{ n []int64 }

func (a *count) Add(groups []uint32, size int, in []Vec, n int) {
	a.n = grown(a.n, size)
	if len(in) == 0 {
		for _, g := range groups[:n] {
			a.n[g]++
		}
		return
	}
	v := in[0]
	for i, g := range groups[:n] {
		if v.Same {
			i = 0
		}
		lo, hi := v.Range(i)
		a.n[g] += int64(hi - lo)
	}
}

func (a *count) Merge(other Aggregator, groups []uint32, size int) {
	a.n = grown(a.n, size)
	for g, n := range other.(*count).n {
		a.n[groups[g]] += n
	}
}

func (a *count) Result(n int) *frame.Column {
	return &frame.Column{Type: frame.Long, Ints: grown(a.n, n)[:n]}
}

func (a *count) Bytes() int { return 8 * cap(a.n) }

// pairs is a set of (group, value), in the order in which they came.
type pairs struct {
	in   *Interner
	set  Table
	list []uint64 // group<<32 | code
}

func newPairs(t frame.Type) *pairs { return &pairs{in: NewInterner(t)} }

func (p *pairs) add(groups []uint32, v Vec, n int, fresh func(group, code uint32)) {
	if v.Type == frame.Null {
		return
	}
	each(groups, v, n, func(g uint32, k int) { p.put(g, p.in.Code(v.Column, k), fresh) })
}

func (p *pairs) put(group, code uint32, fresh func(group, code uint32)) {
	key := uint64(group)<<32 | uint64(code)
	if _, isNew := p.set.At(key, 0); isNew {
		p.list = append(p.list, key)
		if fresh != nil {
			fresh(group, code)
		}
	}
}

func (p *pairs) merge(q *pairs, groups []uint32, fresh func(group, code uint32)) {
	codes := p.in.Take(q.in)
	for _, key := range q.list {
		p.put(groups[key>>32], codes[uint32(key)], fresh)
	}
}

func (p *pairs) bytes() int { return p.in.Bytes() + p.set.Bytes() + 8*cap(p.list) }

// byGroup gives each group's codes, sorted by value.
func (p *pairs) byGroup(n int) [][]uint32 {
	lists := make([][]uint32, n)
	for _, key := range p.list {
		if g := key >> 32; int(g) < n {
			lists[g] = append(lists[g], uint32(key))
		}
	}
	for _, l := range lists {
		slices.SortFunc(l, func(a, b uint32) int {
			if a == b {
				return 0
			}
			if p.in.Less(a, b) {
				return -1
			}
			return 1
		})
	}
	return lists
}

// values gives all distinct values, sorted: Elasticsearch leaves the order
// open, and a fixed one makes results comparable.
type values struct{ pairs *pairs }

func (a *values) Add(groups []uint32, _ int, in []Vec, n int) { a.pairs.add(groups, in[0], n, nil) }

func (a *values) Merge(other Aggregator, groups []uint32, _ int) {
	a.pairs.merge(other.(*values).pairs, groups, nil)
}

func (a *values) Result(n int) *frame.Column {
	out := NewOut(a.pairs.in.Type, n)
	for g, codes := range a.pairs.byGroup(n) {
		for _, c := range codes {
			a.pairs.in.Put(out, g, c)
		}
	}
	return out.Column()
}

func (a *values) Bytes() int { return a.pairs.bytes() }
