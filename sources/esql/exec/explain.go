package exec

import (
	"sync/atomic"
	"time"

	"interdict/sources/esql/plan"
)

// Cost is what one step took: rows into it and out of it, and the time that
// workers spent in it, added up.
type Cost struct {
	Text    string
	In, Out int64
	Took    time.Duration
}

type cost struct {
	in, out, nanos atomic.Int64
	note           string
}

func (c *cost) add(in, out int, began time.Time) {
	c.in.Add(int64(in))
	c.out.Add(int64(out))
	c.nanos.Add(int64(time.Since(began)))
}

// explained gives the plan's steps, the source first.
func (r *run) explained() []Cost {
	out := make([]Cost, len(r.costs))
	for i := range r.costs {
		c := &r.costs[i]
		text := c.note
		if i > 0 {
			text = plan.Describe(r.plan.Steps[i-1]) + c.note
		}
		out[i] = Cost{text, c.in.Load(), c.out.Load(), time.Duration(c.nanos.Load())}
	}
	return out
}
