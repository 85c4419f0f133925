package funcs

import (
	"context"
	"slices"

	"interdict/sources/frame"
)

// counts are count, count_distinct and values.
func counts() []AggDef {
	return []AggDef{
		{Name: "count", Params: []Param{{Name: "field", Types: Any, Optional: true}}, Result: Fixed(frame.Long),
			New: func(*Call) (Aggregator, error) { return &count{}, nil }},
		{Name: "count_distinct", Params: []Param{{Name: "field", Types: Any &^ ULong, Expect: "any exact type except unsigned_long, _source, or counter types", Unnumbered: true}, {Name: "precision", Types: Whole, Optional: true, Const: true, Expect: "integer"}},
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
	for i, g := range groups[:n] {
		lo, hi := rangeOf(in[0], i)
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

// pairs is a set of (group, value). Most groups have one value, which needs no set.
type pairs struct {
	in    *Interner
	first []uint32 // by group: the code that came first, 0 for none
	set   Table
	list  []uint64 // group<<32 | code of all others, in the order in which they came
}

func newPairs(t frame.Type) *pairs { return &pairs{in: NewInterner(t)} }

func (p *pairs) add(groups []uint32, v Vec, n int) {
	if v.Type == frame.Null {
		return
	}
	each(groups, v, n, func(g uint32, k int) { p.put(g, p.in.Code(v.Column, k)) })
}

// put adds a pair and tells whether it is new.
func (p *pairs) put(group, code uint32) bool {
	if int(group) >= len(p.first) {
		p.first = grown(p.first, int(group)+1)
	}
	switch p.first[group] {
	case 0:
		p.first[group] = code
		return true
	case code:
		return false
	}
	key := uint64(group)<<32 | uint64(code)
	_, fresh := p.set.At(key, 0)
	if fresh {
		p.list = append(p.list, key)
	}
	return fresh
}

// all gives the pairs; those of a group in the order in which they came.
func (p *pairs) all(yield func(group, code uint32) bool) {
	for g, code := range p.first {
		if code != 0 && !yield(uint32(g), code) {
			return
		}
	}
	for _, key := range p.list {
		if !yield(uint32(key>>32), uint32(key)) {
			return
		}
	}
}

func (p *pairs) len() int { return len(p.first) + len(p.list) }

func (p *pairs) merge(q *pairs, groups []uint32) {
	codes := p.in.Take(context.Background(), q.in)
	for g, code := range q.all {
		p.put(groups[g], codes[code])
	}
}

func (p *pairs) bytes() int { return p.in.Bytes() + p.set.Bytes() + 8*cap(p.list) + 4*cap(p.first) }

// byGroup gives each group's codes, sorted by value.
func (p *pairs) byGroup(n int) [][]uint32 {
	lists := make([][]uint32, n)
	for g, code := range p.all {
		if int(g) < n {
			lists[g] = append(lists[g], code)
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

func (a *values) Add(groups []uint32, _ int, in []Vec, n int) { a.pairs.add(groups, in[0], n) }

func (a *values) Merge(other Aggregator, groups []uint32, _ int) {
	a.pairs.merge(other.(*values).pairs, groups)
}

func (a *values) Result(n int) *frame.Column {
	codes, offsets := make([]uint32, 0, a.pairs.len()), make([]uint32, 1, n+1)
	single := true
	for _, of := range a.pairs.byGroup(n) {
		codes = append(codes, of...)
		offsets = append(offsets, uint32(len(codes)))
		single = single && len(of) == 1
	}
	if single {
		offsets = nil
	}
	return a.pairs.in.Values(codes, offsets)
}

func (a *values) Bytes() int { return a.pairs.bytes() }
