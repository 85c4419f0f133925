package exec

import (
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"interdict/sources/esql/plan"
	"interdict/sources/frame"
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
	seen [][]int64            // by batch and row: where it came from, part<<32 | row
	rows int                  // of kept
	held int                  // bytes of kept and seen
	dict map[*frame.Dict]bool // of kept: counted
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
	mem.ending()
	last := newSorter(&evaluator{run: r, slots: r.plan.Slots}, s, most, mem)
	for _, one := range all {
		last.kept, last.seen = append(last.kept, one.kept...), append(last.seen, one.seen...)
	}
	b, _, err := last.best()
	if err != nil {
		return nil, err
	}
	r.costs[steps.to+1].add(0, b.n, began)
	return b, nil
}

func newSorter(ev *evaluator, s *plan.Sort, most int, mem *memory) *sorter {
	o := &sorter{r: ev.run, ev: ev, step: s, most: most, memory: mem, dict: map[*frame.Dict]bool{}}
	for _, k := range s.Keys {
		o.keys = append(o.keys, ev.prepare(k.Expr))
	}
	return o
}

// best gives the first rows of all that are kept, in order, and where they came from.
func (o *sorter) best() (*batch, []int64, error) {
	b, err := o.r.joined(o.kept, o.memory)
	if err != nil {
		return nil, nil, err
	}
	made := o.copies(b)
	if err := o.memory.hold(made); err != nil {
		return nil, nil, err
	}
	seen := slices.Concat(o.seen...)
	by, err := o.ranks(b)
	if err != nil {
		return nil, nil, err
	}
	rows, err := firstRows(o.r.ctx, append(by, ranks{values: seen}), b.n, o.most)
	if err != nil {
		return nil, nil, err
	}
	b, err = o.r.taken(b, rows)
	return b, pick(seen, rows), errors.Join(err, o.memory.hold(-made))
}

// copies is what best makes of a batch: places, ranks, an order of its rows and, in
// this, the first of them.
func (o *sorter) copies(b *batch) int {
	most := min(o.most, b.n)
	return b.n*(8+9*len(o.keys)+2*4) + 8*most + b.bytes()/max(b.n, 1)*most
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
		rows, err := o.promising(b)
		if err != nil {
			return false, err
		}
		keep(rows)
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
	b = b.compact()
	o.kept, o.seen, o.rows = append(o.kept, b), append(o.seen, seen), o.rows+b.n
	if err := o.hold(o.held + b.weight(o.dict) + 8*b.n); err != nil {
		return false, err
	}
	if o.most < math.MaxInt/8 && (o.rows > 4*o.most+8*chunkRows || o.rows > 2*o.most && o.held > o.r.o.Bytes/8) {
		return true, o.prune()
	}
	return true, nil
}

// hold says how much is held now.
func (o *sorter) hold(bytes int) error {
	err := o.memory.hold(bytes - o.held)
	o.held = bytes
	return err
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
	b, seen, err := o.best()
	if err != nil {
		return err
	}
	b = b.compact()
	o.kept, o.seen, o.rows = []*batch{b}, [][]int64{seen}, b.n
	clear(o.dict)
	return o.hold(b.weight(o.dict) + 8*b.n)
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
	by := rankRows(o.r.ctx, c, b.n, k)
	for row := range uint32(b.n) {
		if by.at(row).compare(o.bound) <= 0 {
			rows = append(rows, row)
		}
	}
	return rows
}

// promising gives those rows of a batch that may be among the first.
func (o *sorter) promising(b *batch) ([]uint32, error) {
	by, err := o.ranks(b)
	if err != nil {
		return nil, err
	}
	rows, err := firstRows(o.r.ctx, by, b.n, o.most)
	if err != nil {
		return nil, err
	}
	// Numbers and dates have the same ranks in all batches.
	if len(rows) == o.most && o.most > 0 && !o.keys[0].typ().Coded() {
		if worst := by[0].at(rows[len(rows)-1]); !o.bounded || worst.compare(o.bound) < 0 {
			o.bound, o.bounded = worst, true
		}
	}
	return rows, nil
}

func (o *sorter) ranks(b *batch) ([]ranks, error) {
	by := make([]ranks, len(o.keys))
	for i, k := range o.keys {
		by[i] = rankRows(o.r.ctx, full(k.eval(b), b.n), b.n, o.step.Keys[i])
		if err := o.r.ctx.Err(); err != nil {
			return nil, err
		}
	}
	return by, nil
}
