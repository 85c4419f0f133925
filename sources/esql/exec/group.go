package exec

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"sync"
	"time"

	"interdict/sources/esql/funcs"
	"interdict/sources/esql/plan"
	"interdict/sources/frame"
)

// grouping numbers the groups of a STATS and feeds its aggregates.
type grouping struct {
	ev     *evaluator
	step   *plan.Stats
	keys   []expr
	known  []*funcs.Interner
	firsts []uint32      // by the first key's number: the group, plus one
	chain  []funcs.Table // pairs of group so far and next key's number
	made   [][][2]uint32 // by key and number: the group before it, and the key's number
	aggs   []*aggregate
	size   int

	numbers []uint32 // scratch: a key's numbers of a batch

	part  int      // of the batch at hand
	begun int      // rows of the part so far
	seen  []uint64 // by group: where it was seen first, part<<32 | row
	held  int      // bytes that are counted
}

type aggregate struct {
	agg   funcs.Aggregator
	args  []expr
	where *filter
}

func newGrouping(ev *evaluator, s *plan.Stats) (*grouping, error) {
	g := &grouping{ev: ev, step: s, chain: make([]funcs.Table, len(s.Keys)), made: make([][][2]uint32, len(s.Keys))}
	for _, k := range s.Keys {
		g.keys = append(g.keys, ev.prepare(k.Expr))
		g.known = append(g.known, funcs.NewInterner(k.Expr.Type()))
	}
	for i := range s.Aggs {
		a := &s.Aggs[i]
		fc := a.Call.Prepared(ev.run.plan.Now)
		fc.Warn = func(row int, message string) { ev.warn(a.Call, row, message) }
		agg, err := a.Call.Agg.New(fc)
		if err != nil {
			return nil, err
		}
		one := &aggregate{agg: agg}
		for _, arg := range a.Call.Args {
			one.args = append(one.args, ev.prepare(arg))
		}
		if a.Where != nil {
			one.where = newFilter(ev, a.Where)
		}
		g.aggs = append(g.aggs, one)
	}
	if len(s.Keys) == 0 {
		g.size = 1 // there is one group, also of no rows
	}
	return g, nil
}

// add takes a batch. A row whose keys have several values belongs to several groups.
func (g *grouping) add(b *batch) (rows, groups []uint32) {
	rows, groups = g.assign(b)
	for _, a := range g.aggs {
		a.add(g, b, rows, groups)
	}
	return rows, groups
}

// assign gives the rows, nil for each once, and the group of each.
func (g *grouping) assign(b *batch) (rows, groups []uint32) {
	groups = make([]uint32, b.n)
	defer func() { g.begun += len(groups) }()
	for k, key := range g.keys {
		c := full(key.eval(b), b.n)
		if c.Offsets != nil {
			rows, groups = g.spread(k, c, rows, groups)
			continue
		}
		g.numbers = g.known[k].Column(c, b.n, g.numbers)
		switch {
		case rows != nil:
			for i, row := range rows {
				groups[i] = g.number(k, groups[i], g.numbers[row], i)
			}
		case k == 0:
			g.firstOfAll(groups)
		default:
			for i, code := range g.numbers {
				groups[i] = g.number(k, groups[i], code, i)
			}
		}
	}
	return rows, groups
}

// firstOfAll gives the groups of the first key's numbers.
func (g *grouping) firstOfAll(groups []uint32) {
	for i, code := range g.numbers {
		if int(code) < len(g.firsts) && g.firsts[code] != 0 {
			groups[i] = g.firsts[code] - 1
		} else {
			groups[i] = g.first(code, i)
		}
	}
}

// spread puts a row into a group for each value of a key, once where it has the value twice.
func (g *grouping) spread(k int, c *frame.Column, rows, groups []uint32) (outRows, outGroups []uint32) {
	var codes []uint32
	for i, group := range groups {
		row := i
		if rows != nil {
			row = int(rows[i])
		}
		lo, hi := c.Range(row)
		if lo == hi {
			outRows, outGroups = append(outRows, uint32(row)), append(outGroups, g.number(k, group, 0, i))
		}
		codes = codes[:0]
		for ; lo < hi; lo++ {
			code := g.known[k].Code(c, lo)
			if slices.Contains(codes, code) {
				continue
			}
			codes = append(codes, code)
			outRows, outGroups = append(outRows, uint32(row)), append(outGroups, g.number(k, group, code, i))
		}
	}
	if outRows == nil {
		outRows = []uint32{}
	}
	return outRows, outGroups
}

// number gives the group of a group of the keys before and a key's number, for
// row i of a batch.
func (g *grouping) number(k int, before, code uint32, i int) uint32 {
	if k == 0 {
		return g.first(code, i)
	}
	n, fresh := g.chain[k].At(uint64(before)<<32|uint64(code), uint32(len(g.made[k])))
	if fresh {
		g.make(k, before, code, i)
	}
	return n
}

// first is number for the first key: its numbers are small, so a list finds them.
func (g *grouping) first(code uint32, i int) uint32 {
	for int(code) >= len(g.firsts) {
		g.firsts = append(g.firsts, 0)
	}
	if g.firsts[code] == 0 {
		g.make(0, 0, code, i)
		g.firsts[code] = uint32(len(g.made[0]))
	}
	return g.firsts[code] - 1
}

func (g *grouping) make(k int, before, code uint32, i int) {
	g.made[k] = append(g.made[k], [2]uint32{before, code})
	if k == len(g.keys)-1 {
		g.size = len(g.made[k])
		g.seen = append(g.seen, uint64(g.part)<<32|uint64(g.begun+i))
	}
}

func (a *aggregate) add(g *grouping, b *batch, rows, groups []uint32) {
	if rows != nil {
		b = b.only(rows, a)
	}
	if a.where != nil {
		passed := a.where.rows(b)
		b = b.only(passed, a)
		groups = pick(groups, passed)
	}
	if b.n == 0 {
		return
	}
	in := make([]funcs.Vec, len(a.args))
	for i, arg := range a.args {
		in[i] = arg.eval(b)
	}
	a.agg.Add(groups, g.size, in, b.n)
}

// only gives the rows that an aggregate is to see, with what it reads.
func (b *batch) only(rows []uint32, a *aggregate) *batch {
	need := make([]bool, len(b.cols))
	for _, s := range slotsOfAll(a.args) {
		need[s] = true
	}
	if a.where != nil {
		for _, s := range slotsOfAll(a.where.parts) {
			need[s] = true
		}
	}
	return b.take(rows, need)
}

func (g *grouping) bytes() int {
	n := 0
	for _, a := range g.aggs {
		n += a.agg.Bytes()
	}
	for k := range g.keys {
		n += g.known[k].Bytes() + g.chain[k].Bytes() + 8*cap(g.made[k])
	}
	return n + 8*cap(g.seen) + 4*cap(g.firsts)
}

// take takes in what another worker has grouped.
func (g *grouping) take(other *grouping) {
	g.part, g.begun = 0, 0
	known := g.size
	groups := make([]uint32, 1) // by the other's groups of the keys so far
	codes := make([][]uint32, len(g.keys))
	var wg sync.WaitGroup
	for k := range g.keys {
		wg.Go(func() { codes[k] = g.known[k].Take(other.known[k]) })
	}
	wg.Wait()
	for k := range g.keys {
		next := make([]uint32, len(other.made[k]))
		for i, m := range other.made[k] {
			next[i] = g.number(k, groups[m[0]], codes[k][m[1]], 0)
		}
		groups = next
	}
	if len(g.keys) > 0 {
		for i, n := range groups {
			if int(n) >= known {
				g.seen[n] = other.seen[i]
			} else {
				g.seen[n] = min(g.seen[n], other.seen[i])
			}
		}
	}
	for i, a := range g.aggs {
		a.agg.Merge(other.aggs[i].agg, groups, g.size)
	}
}

// order gives the groups as they were seen first.
func (g *grouping) order() []uint32 {
	rows := allRows(g.size)
	byPlace := func(a, b uint32) int { return cmp.Compare(g.seen[a], g.seen[b]) }
	part, row := uint64(0), uint64(0)
	for _, s := range g.seen {
		part, row = max(part, s>>32), max(row, s&math.MaxUint32)
	}
	width := bits.Len64(row) + bits.Len(uint(g.size))
	if bits.Len64(part)+width > 64 {
		slices.SortFunc(rows, byPlace)
		return rows
	}
	// Place and group in one number: these are sorted much faster.
	keys := make([]uint64, g.size)
	for i, s := range g.seen {
		keys[i] = s>>32<<width | s&math.MaxUint32<<bits.Len(uint(g.size)) | uint64(i)
	}
	slices.Sort(keys)
	for i, k := range keys {
		rows[i] = uint32(k & (1<<bits.Len(uint(g.size)) - 1))
	}
	return rows
}

// result gives a batch with a row for each group.
func (g *grouping) result() *batch {
	out := &batch{n: g.size, cols: make([]*frame.Column, g.ev.run.plan.Slots)}
	codes := make([][]uint32, len(g.keys))
	for k := range codes {
		codes[k] = make([]uint32, g.size)
	}
	for group := range g.size {
		at := uint32(group)
		for k := len(g.keys) - 1; k >= 0; k-- {
			made := g.made[k][at]
			codes[k][group] = made[1]
			at = made[0]
		}
	}
	for k, key := range g.step.Keys {
		out.cols[key.Slot] = g.known[k].Values(codes[k], nil)
	}
	for i, a := range g.step.Aggs {
		out.cols[a.Slot] = g.aggs[i].agg.Result(g.size)
	}
	return out
}

// grouped is the grouping of one worker.
type grouped struct {
	*grouping
	memory *memory
}

func (g *grouped) add(part int, b *batch) (bool, error) {
	if part != g.part {
		g.part, g.begun = part, 0
	}
	g.grouping.add(b)
	if g.ev.full {
		return false, ErrMemory
	}
	now := g.bytes()
	err := g.memory.hold(now - g.held)
	g.held = now
	return true, err
}

func (g *grouped) end(int) bool { return true }

// aggregate runs STATS over the parts of a phase: each worker groups what it
// gets, then the groups are merged.
func (r *run) aggregate(parts []part, steps span, s *plan.Stats) (*batch, error) {
	mem := &memory{most: r.o.Bytes}
	var mu sync.Mutex
	var all []*grouping
	err := r.drive(parts, steps, func(ev *evaluator) (sink, error) {
		g, err := newGrouping(ev, s)
		if err == nil {
			mu.Lock()
			all = append(all, g)
			mu.Unlock()
		}
		return &grouped{grouping: g, memory: mem}, err
	})
	if err != nil {
		return nil, err
	}
	if len(all) == 0 { // there were no rows
		g, err := newGrouping(&evaluator{run: r, slots: r.plan.Slots}, s)
		if err != nil {
			return nil, err
		}
		all = append(all, g)
	}
	began := time.Now()
	for _, other := range all[1:] {
		if err := r.ctx.Err(); err != nil {
			return nil, err
		}
		all[0].take(other)
	}
	b := all[0].result()
	if len(all) > 1 && len(s.Keys) > 0 {
		b = b.take(all[0].order(), nil)
	}
	r.costs[steps.to+1].add(0, b.n, began)
	return b, nil
}

// inline runs INLINE STATS: each row gets the aggregates of its group. A row of
// several groups gets those of the first.
func (r *run) inline(b *batch, step int, s *plan.Stats) (*batch, error) {
	ev := &evaluator{run: r, slots: r.plan.Slots}
	g, err := newGrouping(ev, s)
	if err != nil {
		return nil, err
	}
	rows, groups := g.add(b)
	if ev.full || g.bytes() > r.o.Bytes {
		return nil, ErrMemory
	}
	of := groups
	if rows != nil {
		of = make([]uint32, b.n)
		for i := len(rows) - 1; i >= 0; i-- {
			of[rows[i]] = groups[i]
		}
	}
	result := g.result()
	out := &batch{n: b.n, cols: slices.Clone(b.cols)}
	for _, a := range s.Aggs {
		out.cols[a.Slot] = result.cols[a.Slot].Gather(of)
	}
	for _, k := range s.Keys {
		out.cols[k.Slot] = result.cols[k.Slot].Gather(of)
	}
	return out.without(r.need[step]), nil
}
