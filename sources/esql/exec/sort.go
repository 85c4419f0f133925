package exec

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"

	"interdict/sources/esql/plan"
)

// sorter keeps, for one worker, the rows that may be among the first most.
type sorter struct {
	r      *run
	ev     *evaluator
	step   *plan.Sort
	keys   []expr
	most   int
	memory *memory

	kept []*batch
	seen [][]int64 // by batch and row: where it came from, part<<32 | row
	rows int       // of kept
	part int
	from int64 // rows of the part so far

	scratch []uint32 // rows within the bound
	bounded bool     // rows whose first key is beyond bound are not among the first
	bound   rank
}

// wanted is how many rows of a sort are asked for: those of a LIMIT that
// follows, with nothing between that needs the others.
func (r *run) wanted(sortStep int) int {
	for _, s := range r.plan.Steps[sortStep+1:] {
		switch x := s.(type) {
		case *plan.Eval, *plan.Extract:
			continue
		case *plan.Limit:
			return x.N
		}
		return math.MaxInt
	}
	return r.o.Limit
}

// sorted orders the rows of a phase; equal ones stay in their order. Of several
// values the least counts, or the greatest when descending.
func (r *run) sorted(parts []part, steps span, s *plan.Sort) (*batch, error) {
	most := r.wanted(steps.to)
	mem := &memory{most: r.o.Bytes}
	var mu sync.Mutex
	var all []*sorter
	err := r.drive(parts, steps, func(ev *evaluator) (sink, error) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, newSorter(ev, s, most, mem))
		return all[len(all)-1], nil
	})
	if err != nil {
		return nil, err
	}
	began := time.Now()
	last := newSorter(&evaluator{run: r, slots: r.plan.Slots}, s, most, mem)
	for _, one := range all {
		last.kept, last.seen = append(last.kept, one.kept...), append(last.seen, one.seen...)
	}
	b, _ := last.best()
	r.costs[steps.to+1].add(0, b.n, began)
	return b, nil
}

func newSorter(ev *evaluator, s *plan.Sort, most int, mem *memory) *sorter {
	o := &sorter{r: ev.run, ev: ev, step: s, most: most, memory: mem}
	for _, k := range s.Keys {
		o.keys = append(o.keys, ev.prepare(k.Expr))
	}
	return o
}

// best gives the first rows of all that are kept, in order, and where they came from.
func (o *sorter) best() (*batch, []int64) {
	b, seen := o.r.joined(o.kept), slices.Concat(o.seen...)
	by := append(o.ranks(b), ranks{values: seen})
	rows := firstRows(by, b.n, o.most)
	return b.take(rows, nil), pick(seen, rows)
}

func (o *sorter) add(part int, b *batch) (bool, error) {
	if part != o.part {
		o.part, o.from = part, 0
	}
	first := int64(part)<<32 + o.from
	o.from += int64(b.n)
	var seen []int64 // nil: all rows, from the first on
	keep := func(rows []uint32) {
		if len(rows) < b.n {
			b, seen = b.take(rows, nil), places(first, rows, seen)
		}
	}
	if o.bounded {
		keep(o.within(b))
	}
	if o.most < b.n {
		keep(o.promising(b))
	}
	if o.ev.full {
		return false, ErrMemory
	}
	if b.n == 0 {
		return true, nil
	}
	if seen == nil {
		seen = places(first, allRows(b.n), nil)
	}
	if err := o.memory.batch(b); err != nil {
		return false, err
	}
	o.kept, o.seen, o.rows = append(o.kept, b), append(o.seen, seen), o.rows+b.n
	if o.most < math.MaxInt/8 && o.rows > 4*o.most+8*chunkRows {
		return true, o.prune()
	}
	return true, nil
}

// places gives where rows came from: their places in of, nil for as they are.
func places(first int64, rows []uint32, of []int64) []int64 {
	if of != nil {
		return pick(of, rows)
	}
	out := make([]int64, len(rows))
	for i, row := range rows {
		out[i] = first + int64(row)
	}
	return out
}

func (o *sorter) end(int) bool { return true }

// prune leaves of what is kept only the first rows.
func (o *sorter) prune() error {
	before := 0
	for _, b := range o.kept {
		before += b.bytes()
	}
	b, seen := o.best()
	o.kept, o.seen, o.rows = []*batch{b}, [][]int64{seen}, b.n
	return o.memory.hold(b.bytes() - before)
}

// within gives the rows whose first key is not beyond the bound.
func (o *sorter) within(b *batch) []uint32 {
	c, k := full(o.keys[0].eval(b), b.n), o.step.Keys[0]
	rows := o.scratch[:0]
	defer func() { o.scratch = rows }()
	if wholeInts(c, b.n) && o.bound.null == 0 {
		least, most := int64(math.MinInt64), o.bound.value
		if k.Descending {
			least, most = ^o.bound.value, math.MaxInt64
		}
		for row, v := range c.Ints[:b.n] {
			if v >= least && v <= most {
				rows = append(rows, uint32(row))
			}
		}
		return rows
	}
	by := rankRows(c, b.n, k)
	for row := range uint32(b.n) {
		if by.at(row).compare(o.bound) <= 0 {
			rows = append(rows, row)
		}
	}
	return rows
}

// promising gives those rows of a batch that may be among the first.
func (o *sorter) promising(b *batch) []uint32 {
	by := o.ranks(b)
	rows := firstRows(by, b.n, o.most)
	// Numbers and dates have the same ranks in all batches.
	if len(rows) == o.most && o.most > 0 && !o.keys[0].typ().Coded() {
		if worst := by[0].at(rows[len(rows)-1]); !o.bounded || worst.compare(o.bound) < 0 {
			o.bound, o.bounded = worst, true
		}
	}
	return rows
}

func (o *sorter) ranks(b *batch) []ranks {
	by := make([]ranks, len(o.keys))
	for i, k := range o.keys {
		by[i] = rankRows(full(k.eval(b), b.n), b.n, o.step.Keys[i])
	}
	return by
}

// firstRows gives the first most rows in their order.
func firstRows(by []ranks, n, most int) []uint32 {
	rows := allRows(n)
	if most <= 0 {
		return rows[:0]
	}
	compare := func(x, y uint32) int {
		for i := range by {
			if c := by[i].compare(x, y); c != 0 {
				return c
			}
		}
		return cmp.Compare(x, y)
	}
	if most < n/4 {
		rows = least(rows, most, compare)
	}
	slices.SortFunc(rows, compare)
	return rows[:min(most, len(rows))]
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
