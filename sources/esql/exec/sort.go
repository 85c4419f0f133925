package exec

import (
	"cmp"
	"slices"

	"interdict/sources/esql/funcs"
	"interdict/sources/esql/plan"
	"interdict/sources/frame"
)

// sort orders the rows of a batch; equal ones stay in their order. Of several
// values the least counts, or the greatest when descending.
func (r *run) sort(ev *evaluator, b *batch, s *plan.Sort) *batch {
	ranks := make([][]int32, len(s.Keys))
	for i, k := range s.Keys {
		ranks[i] = rank(full(ev.prepare(k.Expr).eval(b), b.n), b.n, k)
	}
	rows := allRows(b.n)
	slices.SortStableFunc(rows, func(x, y uint32) int {
		for _, rank := range ranks {
			if c := cmp.Compare(rank[x], rank[y]); c != 0 {
				return c
			}
		}
		return 0
	})
	all := make([]bool, len(b.cols))
	for i := range all {
		all[i] = true
	}
	return b.take(rows, all)
}

// rank numbers the rows in the order of a key.
func rank(c *frame.Column, n int, k plan.SortKey) []int32 {
	out := make([]int32, n)
	in := funcs.NewInterner(c.Type)
	numbers := make([]uint32, n)
	for row := range n {
		lo, hi := c.Range(row)
		for ; lo < hi; lo++ {
			code := in.Code(c, lo)
			if best := numbers[row]; best == 0 || in.Less(code, best) != k.Descending && code != best {
				numbers[row] = code
			}
		}
	}
	order := make([]uint32, in.Len())
	for i := range order {
		order[i] = uint32(i + 1)
	}
	slices.SortFunc(order, func(a, b uint32) int {
		switch {
		case a == b:
			return 0
		case in.Less(a, b) != k.Descending:
			return -1
		}
		return 1
	})
	place := make([]int32, in.Len()+1)
	for i, code := range order {
		place[code] = int32(i + 1)
	}
	if !k.NullsFirst {
		place[0] = int32(len(order) + 1)
	}
	for row := range out {
		out[row] = place[numbers[row]]
	}
	return out
}
