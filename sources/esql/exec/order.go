package exec

import (
	"cmp"
	"context"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// firstRows gives the first most of n rows in their order; of equal ones the
// first stands first.
func firstRows(ctx context.Context, by []ranks, n, most int) ([]uint32, error) {
	rows := allRows(n)
	if most <= 0 {
		return rows[:0], nil
	}
	compare := comparison(by)
	if most < n/4 {
		rows = least(rows, most, compare)
	}
	rows, err := ordered(ctx, rows, compare)
	return rows[:min(most, len(rows))], err
}

func comparison(by []ranks) func(x, y uint32) int {
	return func(x, y uint32) int {
		for i := range by {
			if c := by[i].compare(x, y); c != 0 {
				return c
			}
		}
		return cmp.Compare(x, y)
	}
}

// runRows is how many rows are ordered at once, before a context is looked at.
const runRows = 1 << 14

// ordered orders rows, which it writes over: runs of them, which are then merged
// two by two, on all processors. It ends early, with an error, when ctx does.
func ordered[T any](ctx context.Context, rows []T, compare func(x, y T) int) ([]T, error) {
	if len(rows) <= runRows {
		if ctx.Err() == nil {
			slices.SortFunc(rows, compare)
		}
		return rows, ctx.Err()
	}
	each((len(rows)+runRows-1)/runRows, func(i int) {
		if ctx.Err() == nil {
			slices.SortFunc(rows[i*runRows:min((i+1)*runRows, len(rows))], compare)
		}
	})
	for into, width := make([]T, len(rows)), runRows; width < len(rows); width *= 2 {
		each((len(rows)+2*width-1)/(2*width), func(i int) {
			lo := i * 2 * width
			mid, hi := min(lo+width, len(rows)), min(lo+2*width, len(rows))
			merge(ctx, into[lo:hi], rows[lo:mid], rows[mid:hi], compare)
		})
		rows, into = into, rows
	}
	return rows, ctx.Err()
}

// merge merges two ordered lists into one.
func merge[T any](ctx context.Context, into, a, b []T, compare func(x, y T) int) {
	for i := range into {
		if i%runRows == 0 && ctx.Err() != nil {
			return
		}
		if len(b) == 0 || len(a) > 0 && compare(a[0], b[0]) <= 0 {
			into[i], a = a[0], a[1:]
		} else {
			into[i], b = b[0], b[1:]
		}
	}
}

// each calls do for 0 to n-1, on all processors, and waits.
func each(n int, do func(i int)) {
	var all errgroup.Group
	all.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		all.Go(func() error { do(i); return nil })
	}
	_ = all.Wait() // none gives an error
}

// least gives the first k rows, in any order: a heap whose top is the last of them.
func least(rows []uint32, k int, compare func(a, b uint32) int) []uint32 {
	heap := rows[:k:k]
	down := func(i int) {
		for c := 2*i + 1; c < k; c = 2*i + 1 {
			if c+1 < k && compare(heap[c], heap[c+1]) < 0 {
				c++
			}
			if compare(heap[i], heap[c]) >= 0 {
				return
			}
			heap[i], heap[c] = heap[c], heap[i]
			i = c
		}
	}
	for i := k/2 - 1; i >= 0; i-- {
		down(i)
	}
	for _, row := range rows[k:] {
		if compare(row, heap[0]) < 0 {
			heap[0] = row
			down(0)
		}
	}
	return heap
}
