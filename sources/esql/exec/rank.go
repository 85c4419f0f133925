package exec

import (
	"cmp"
	"context"
	"math"
	"strings"

	"interdict/sources/esql/funcs"
	"interdict/sources/esql/plan"
	"interdict/sources/frame"
)

// ranks order the rows of a batch by one key.
type ranks struct {
	values []int64
	nulls  []int8 // nil: none; -1 for rows before all values, 1 for rows after
}

// rank is that of one row.
type rank struct {
	null  int8
	value int64
}

func (r rank) compare(s rank) int {
	return cmp.Or(cmp.Compare(r.null, s.null), cmp.Compare(r.value, s.value))
}

func (r *ranks) at(row uint32) rank {
	out := rank{value: r.values[row]}
	if r.nulls != nil {
		out.null = r.nulls[row]
	}
	return out
}

func (r *ranks) compare(x, y uint32) int {
	if r.nulls != nil && r.nulls[x] != r.nulls[y] {
		return cmp.Compare(r.nulls[x], r.nulls[y])
	}
	return cmp.Compare(r.values[x], r.values[y])
}

// rankRows ranks rows by a key. Numbers and dates are ranked by their values, the
// same for all batches; texts by their place among those of the batch. The ranks of a
// context that has ended are none.
func rankRows(ctx context.Context, c *frame.Column, n int, k plan.SortKey) ranks {
	if wholeInts(c, n) {
		return rankInts(c.Ints[:n], k)
	}
	of := ranker(ctx, c, n)
	out := ranks{values: make([]int64, n)}
	for row := range n {
		if row%runRows == 0 && ctx.Err() != nil {
			break
		}
		lo, hi := c.Range(row)
		if lo == hi {
			if out.nulls == nil {
				out.nulls = make([]int8, n)
			}
			out.nulls[row] = 1
			if k.NullsFirst {
				out.nulls[row] = -1
			}
			continue
		}
		best := of(lo)
		for lo++; lo < hi; lo++ {
			if v := of(lo); v < best != k.Descending {
				best = v
			}
		}
		if k.Descending {
			best = ^best
		}
		out.values[row] = best
	}
	return out
}

// wholeInts tells whether each of n rows has a whole number or date that is its rank.
func wholeInts(c *frame.Column, n int) bool {
	return c.Offsets == nil && c.Nulls == nil && len(c.Ints) >= n && c.Type != frame.UnsignedLong
}

// rankInts is rankRows for a whole number or date in every row.
func rankInts(values []int64, k plan.SortKey) ranks {
	if !k.Descending {
		return ranks{values: values}
	}
	out := make([]int64, len(values))
	for i, v := range values {
		out[i] = ^v
	}
	return ranks{values: out}
}

// ranker ranks the values of a column, by their place.
func ranker(ctx context.Context, c *frame.Column, n int) func(place int) int64 {
	switch {
	case c.Type.Coded():
		entries := rankEntries(ctx, c, n)
		return func(place int) int64 { return entries[c.Codes[place]] }
	case c.Floats != nil:
		return func(place int) int64 { return rankFloat(c.Floats[place]) }
	case c.Type == frame.UnsignedLong:
		return func(place int) int64 { return c.Ints[place] ^ math.MinInt64 }
	}
	return func(place int) int64 { return c.Ints[place] }
}

// rankFloat gives doubles' bits, turned around below 0; -0 is below 0, as in Java.
func rankFloat(f float64) int64 {
	v := int64(math.Float64bits(f))
	if v < 0 {
		v ^= math.MaxInt64
	}
	return v
}

// rankEntries ranks those dictionary entries that rows have.
func rankEntries(ctx context.Context, c *frame.Column, n int) []int64 {
	if c.Dict == nil {
		return nil
	}
	out := make([]int64, c.Dict.Len())
	var codes []uint32
	for row := range n {
		for lo, hi := c.Range(row); lo < hi; lo++ {
			if code := c.Codes[lo]; out[code] == 0 {
				out[code] = 1
				codes = append(codes, code)
			}
		}
	}
	compare := strings.Compare
	if c.Type == frame.Version {
		compare = funcs.CompareVersions
	}
	text := func(code uint32) string { return c.Dict.Value(code) }
	codes, _ = ordered(ctx, codes, func(a, b uint32) int { return compare(text(a), text(b)) })
	for i, code := range codes {
		if i%runRows == 0 && ctx.Err() != nil {
			break
		}
		out[code] = int64(i + 1)
		if i > 0 && compare(text(codes[i-1]), text(code)) == 0 { // one version, written in two ways
			out[code] = out[codes[i-1]]
		}
	}
	return out
}
