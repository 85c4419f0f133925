package exec

import (
	"sync"

	"interdict/sources/frame"
)

// memory counts what the workers of a phase hold.
type memory struct {
	mu    sync.Mutex
	most  int
	held  int
	dicts map[*frame.Dict]bool
}

// hold adds to what is held, and tells whether that is too much.
func (m *memory) hold(bytes int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.held += bytes; m.held > m.most {
		return ErrMemory
	}
	return nil
}

// ending lets what is held be copied, by which a phase ends: as much again may be held then.
func (m *memory) ending() { m.most *= 2 }

// batch adds a batch, with those dictionaries that are not held yet.
func (m *memory) batch(b *batch) error {
	m.mu.Lock()
	if m.dicts == nil {
		m.dicts = map[*frame.Dict]bool{}
	}
	n := b.weight(m.dicts)
	m.mu.Unlock()
	return m.hold(n)
}

// collected keeps the first most rows of a phase. Parts end in any order.
type collected struct {
	memory
	most  int
	parts [][]*batch
	rows  []int // by part
	ended []bool
	front int // parts before it have ended
	ahead int // rows in these
}

func (r *run) collect(parts []part, steps span, most int) (*batch, error) {
	all := &collected{memory: memory{most: r.o.Bytes}, most: most, parts: make([][]*batch, len(parts)), rows: make([]int, len(parts)), ended: make([]bool, len(parts))}
	if most > 0 {
		if err := r.drive(parts, steps, func(*evaluator) (sink, error) { return all, nil }); err != nil {
			return nil, err
		}
	}
	var kept []*batch
	rows := 0
	for _, p := range all.parts {
		for _, b := range p {
			if rows+b.n > most {
				b = b.first(most - rows)
			}
			if b.n > 0 {
				kept = append(kept, b)
			}
			rows += b.n
		}
	}
	all.ending()
	b, err := r.joined(kept, &all.memory)
	if err != nil {
		return nil, err
	}
	if steps.to < len(r.plan.Steps) {
		r.costs[steps.to+1].out.Add(int64(b.n))
	}
	return b, nil
}

func (c *collected) add(part int, b *batch) (bool, error) {
	b = b.compact()
	c.parts[part] = append(c.parts[part], b)
	c.rows[part] += b.n
	return c.rows[part] < c.most, c.batch(b)
}

func (c *collected) end(part int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended[part] = true
	for c.front < len(c.ended) && c.ended[c.front] {
		c.ahead += c.rows[c.front]
		c.front++
	}
	return c.ahead < c.most
}

// joined makes one batch of many, which may be none. These lose their columns.
func (r *run) joined(kept []*batch, mem *memory) (*batch, error) {
	if len(kept) == 0 {
		return &batch{cols: make([]*frame.Column, r.plan.Slots)}, nil
	}
	return r.join(kept, r.types(kept), mem)
}

// types are those of the slots as the batches have them.
func (r *run) types(of []*batch) []frame.Type {
	types := make([]frame.Type, r.plan.Slots)
	for _, b := range of {
		for s, c := range b.cols {
			if c != nil && types[s] == frame.Null {
				types[s] = c.Type
			}
		}
	}
	return types
}

func (b *batch) first(n int) *batch {
	return b.take(allRows(max(n, 0)), nil)
}

// expandable bounds the rows that a step may make of a batch.
func (r *run) expandable(rows int, cols []*frame.Column) error {
	each := 8
	for _, c := range cols {
		if c != nil {
			each += 8
		}
	}
	if rows > r.o.Bytes/each {
		return ErrMemory
	}
	return nil
}

// without drops the columns that no later step reads.
func (b *batch) without(need []bool) *batch {
	for s, c := range b.cols {
		if c != nil && !need[s] {
			b.cols[s] = nil
		}
	}
	return b
}
