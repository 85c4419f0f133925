package exec

import (
	"cmp"
	"errors"
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
	set    *keySet
	firsts []uint32 // of a single key: by its value's number, the group plus one
	aggs   []*aggregate
	size   int

	hashes []uint64 // scratch: of a batch's rows

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
	g := &grouping{ev: ev, step: s}
	types := make([]frame.Type, len(s.Keys))
	for i, k := range s.Keys {
		g.keys, types[i] = append(g.keys, ev.prepare(k.Expr)), k.Expr.Type()
	}
	g.set = newKeySet(types, ev.run.o.Bytes/2/max(1, ev.run.o.Workers))
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
	if len(g.keys) == 0 {
		return nil, make([]uint32, b.n)
	}
	cols := make([]*frame.Column, len(g.keys))
	multi := false
	for k, key := range g.keys {
		cols[k] = full(key.eval(b), b.n)
		multi = multi || cols[k].Offsets != nil
	}
	n := b.n
	var numbers [][]uint32
	if multi {
		rows, numbers = g.spread(cols, b.n)
		n = len(rows)
	}
	groups = make([]uint32, n)
	if len(cols) == 1 {
		g.single(cols[0], numbers, groups)
	} else {
		g.combined(cols, numbers, groups)
	}
	g.begun += n
	g.set.rows += n
	return rows, groups
}

// single gives the groups of one key's values, which are interned: a list finds them.
func (g *grouping) single(c *frame.Column, numbers [][]uint32, groups []uint32) {
	k := g.set.keys[0]
	if numbers != nil {
		k.cells = numbers[0]
	} else {
		k.cells = k.in.Column(c, len(groups), k.cells)
	}
	for len(g.firsts) <= k.in.Len() {
		g.firsts = append(g.firsts, 0)
	}
	for i, cell := range k.cells {
		if g.firsts[cell] == 0 {
			hash := [1]uint64{}
			k.in.Hash(k.cells[i:i+1], hash[:])
			g.firsts[cell] = g.number(hash[0], i) + 1
		}
		groups[i] = g.firsts[cell] - 1
	}
}

// combined gives the groups of the values of several keys.
func (g *grouping) combined(cols []*frame.Column, numbers [][]uint32, groups []uint32) {
	g.hashes = grow(g.hashes, len(groups))
	clear(g.hashes)
	for k, c := range cols {
		if numbers != nil && numbers[k] != nil {
			g.set.given(k, numbers[k], g.hashes)
		} else {
			g.set.use(k, c, g.hashes)
		}
	}
	g.set.fetch(g.hashes)
	for i, hash := range g.hashes {
		groups[i] = g.number(hash, i)
	}
}

// number gives the group of row i of a batch.
func (g *grouping) number(hash uint64, i int) uint32 {
	n, fresh := g.set.number(hash, i)
	if fresh {
		g.size = g.set.len()
		g.seen = append(roomy(g.seen, g.set.room()), uint64(g.part)<<32|uint64(g.begun+i))
	}
	return n
}

// spread makes a row of each combination of the values that keys have in a row,
// once where it has one twice. It gives the rows that these come from, and the
// numbers of the keys that have several values; the others' columns are gathered.
func (g *grouping) spread(cols []*frame.Column, n int) (rows []uint32, numbers [][]uint32) {
	rows, numbers = allRows(n), make([][]uint32, len(cols))
	for k, c := range cols {
		if c.Offsets == nil {
			continue
		}
		var from []uint32
		from, numbers[k] = g.values(k, c, rows)
		rows = pick(rows, from)
		for before := range k {
			if numbers[before] != nil {
				numbers[before] = pick(numbers[before], from)
			}
		}
	}
	for k, c := range cols {
		if c.Offsets == nil {
			cols[k] = c.Gather(rows)
		}
	}
	return rows, numbers
}

// values numbers the values that a key has in rows; from are the places of these.
func (g *grouping) values(k int, c *frame.Column, rows []uint32) (from, numbers []uint32) {
	numbers = []uint32{}
	for i, row := range rows {
		lo, hi := c.Range(int(row))
		if lo == hi {
			from, numbers = append(from, uint32(i)), append(numbers, 0)
		}
		for first := len(numbers); lo < hi; lo++ {
			if number := g.set.keys[k].in.Code(c, lo); !slices.Contains(numbers[first:], number) {
				from, numbers = append(from, uint32(i)), append(numbers, number)
			}
		}
		if 16*len(from) > g.ev.run.o.Bytes {
			g.ev.full = true
			break
		}
	}
	return from, numbers
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
	n := g.set.size() + 8*cap(g.hashes) + 8*cap(g.seen) + 4*cap(g.firsts)
	for _, a := range g.aggs {
		n += a.agg.Bytes()
	}
	return n
}

// take takes in what another worker has grouped, if its context does not end.
func (g *grouping) take(other *grouping) {
	ctx := g.ev.run.ctx
	groups := make([]uint32, max(1, other.set.len()))
	g.set.take(ctx, other.set, func(theirs int, n uint32, fresh bool) {
		if fresh {
			g.seen = append(roomy(g.seen, g.set.room()), other.seen[theirs])
		}
		groups[theirs], g.seen[n] = n, min(g.seen[n], other.seen[theirs])
	})
	g.size = max(g.size, g.set.len())
	for i, a := range g.aggs {
		if ctx.Err() != nil {
			return
		}
		a.agg.Merge(other.aggs[i].agg, groups, g.size)
	}
}

// order gives the groups as they were seen first.
func (g *grouping) order() ([]uint32, error) {
	rows := allRows(g.size)
	ctx := g.ev.run.ctx
	byPlace := func(a, b uint32) int { return cmp.Compare(g.seen[a], g.seen[b]) }
	part, row := uint64(0), uint64(0)
	for _, s := range g.seen {
		part, row = max(part, s>>32), max(row, s&math.MaxUint32)
	}
	width := bits.Len64(row) + bits.Len(uint(g.size))
	if bits.Len64(part)+width > 64 {
		return ordered(ctx, rows, byPlace)
	}
	// Place and group in one number: these are sorted much faster.
	keys := make([]uint64, g.size)
	for i, s := range g.seen {
		keys[i] = s>>32<<width | s&math.MaxUint32<<bits.Len(uint(g.size)) | uint64(i)
	}
	keys, err := ordered(ctx, keys, cmp.Compare[uint64])
	for i, k := range keys {
		rows[i] = uint32(k & (1<<bits.Len(uint(g.size)) - 1))
	}
	return rows, err
}

// result gives a batch with a row for each group.
func (g *grouping) result() (*batch, error) {
	ctx := g.ev.run.ctx
	out := &batch{n: g.size, cols: make([]*frame.Column, g.ev.run.plan.Slots)}
	for k, key := range g.step.Keys {
		if ctx.Err() != nil {
			break
		}
		out.cols[key.Slot] = g.set.column(k)
	}
	for i, a := range g.step.Aggs {
		if ctx.Err() != nil {
			break
		}
		out.cols[a.Slot] = g.aggs[i].agg.Result(g.size)
	}
	return out, ctx.Err()
}

// grouped is the grouping of one worker.
type grouped struct {
	*grouping
	memory *memory
	parts  int // of the phase
}

func (g *grouped) add(part int, b *batch) (bool, error) {
	if part != g.part {
		g.part, g.begun = part, 0
		g.set.expect = g.expected(part)
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

// expected is how many groups there will be if it goes on as up to this part. It is
// no more than takes, in all workers together, a quarter of the memory that there is.
func (g *grouped) expected(part int) int {
	if !g.set.sparse() {
		return 0
	}
	each := (48 + 4*len(g.keys)) * g.ev.run.o.Workers
	return min(g.set.len()*g.parts/max(1, part), 16*g.set.len(), g.memory.most/4/each)
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
		return &grouped{grouping: g, memory: mem, parts: len(parts)}, err
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
	mem.ending()
	b, err := merged(all, mem)
	if err != nil {
		return nil, err
	}
	r.costs[steps.to+1].add(0, b.n, began)
	return b, nil
}

// merged gives the groups of all workers. They are let go of.
func merged(all []*grouping, mem *memory) (*batch, error) {
	g, r := all[0], all[0].ev.run
	for i, other := range all[1:] {
		copied := other.bytes() // as if none of its groups were known
		if err := mem.hold(copied); err != nil {
			return nil, err
		}
		g.take(other)
		all[i+1] = nil
		grown := g.bytes() - g.held
		g.held += grown
		if err := errors.Join(r.ctx.Err(), mem.hold(grown-copied-other.held)); err != nil {
			return nil, err
		}
	}
	g.set.slots, g.hashes = nil, nil // no more groups are looked for
	if err := mem.hold(g.bytes() - g.held + g.copies(len(all) > 1)); err != nil {
		return nil, err
	}
	b, err := g.result()
	if err != nil || len(all) == 1 || len(g.keys) == 0 {
		return b, err
	}
	rows, err := g.order()
	if err != nil {
		return nil, err
	}
	return r.taken(b, rows)
}

// copies is what a result takes, and what to put it in order takes where that is done.
func (g *grouping) copies(ordered bool) int {
	n := 8 * len(g.keys) * g.size
	for _, a := range g.aggs {
		n += a.agg.Bytes()
	}
	if ordered {
		n += (4 + 2*8) * g.size
	}
	return n
}

// inline runs INLINE STATS: each row gets the aggregates of its group. A row of
// several groups gets those of the first.
func (r *run) inline(b *batch, step int, s *plan.Stats) (*batch, error) {
	ev := &evaluator{run: r, slots: r.plan.Slots}
	g, err := newGrouping(ev, s)
	if err != nil {
		return nil, err
	}
	mem := &memory{most: r.o.Bytes}
	mem.ending()
	if err := mem.hold(b.weight(map[*frame.Dict]bool{}) + b.n*(4+8*(len(s.Aggs)+len(s.Keys)))); err != nil {
		return nil, err
	}
	of, err := g.inline(b, mem)
	if err != nil {
		return nil, err
	}
	result, err := g.result()
	if err != nil {
		return nil, err
	}
	out := &batch{n: b.n, cols: slices.Clone(b.cols)}
	for slot, c := range result.cols {
		if err := r.ctx.Err(); err != nil {
			return nil, err
		}
		if c != nil {
			out.cols[slot] = c.Gather(of)
		}
	}
	return out.without(r.need[step]), nil
}

// inline gives the first group of each row of a batch.
func (g *grouping) inline(b *batch, mem *memory) ([]uint32, error) {
	of := make([]uint32, b.n)
	for at := 0; at < b.n; at += chunkRows {
		rows, groups := g.add(b.slice(at, min(at+chunkRows, b.n)))
		now := g.bytes()
		if g.ev.full || now > g.ev.run.o.Bytes || mem.hold(now-g.held) != nil {
			return nil, ErrMemory
		}
		g.held = now
		if err := g.ev.run.ctx.Err(); err != nil {
			return nil, err
		}
		if rows == nil {
			copy(of[at:], groups)
		}
		for i := len(rows) - 1; i >= 0; i-- {
			of[at+int(rows[i])] = groups[i]
		}
	}
	if err := mem.hold(g.copies(false)); err != nil {
		return nil, err
	}
	return of, nil
}
