package exec

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"interdict/sources/esql/plan"
	"interdict/sources/frame"
)

// part gives some of the rows of a phase, in their order, until yield wants no more.
type part func(ctx context.Context, yield func(*batch) (more bool, err error)) error

// partRows is how many rows of a batch are worth a worker's turn.
const partRows = 1 << 16

// pieces cuts a batch into parts.
func pieces(b *batch) []part {
	if b.n == 0 {
		return nil
	}
	var out []part
	for lo := 0; lo < b.n; lo += partRows {
		from, to := lo, min(lo+partRows, b.n)
		out = append(out, func(_ context.Context, yield func(*batch) (bool, error)) error {
			for at := from; at < to; at += chunkRows {
				more, err := yield(b.slice(at, min(at+chunkRows, to)))
				if err != nil || !more {
					return err
				}
			}
			return nil
		})
	}
	return out
}

func (b *batch) slice(lo, hi int) *batch {
	if lo == 0 && hi == b.n {
		return b
	}
	out := &batch{n: hi - lo, cols: make([]*frame.Column, len(b.cols))}
	for s, c := range b.cols {
		if c != nil {
			out.cols[s] = slice(c, lo, hi)
		}
	}
	return out
}

// sink takes what one worker gets of a phase's rows.
type sink interface {
	// add takes a batch of a part. It returns false when it wants no more of the part.
	add(part int, b *batch) (more bool, err error)
	// end says that a part has no more. It returns false when no later part is needed.
	end(part int) (more bool)
}

// drive streams parts through steps into sinks, one a worker. Workers take the
// parts in order.
func (r *run) drive(parts []part, steps span, newSink func(*evaluator) (sink, error)) error {
	ctx, stop := context.WithCancel(r.ctx)
	defer stop()
	workers := min(r.o.Workers, len(parts))
	var next atomic.Int64
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		work := func() {
			if errs[w] = r.work(ctx, parts, &next, steps, newSink); errs[w] != nil {
				stop()
			}
		}
		if w == workers-1 { // this goroutine is one of them
			work()
			break
		}
		wg.Go(work)
	}
	wg.Wait()
	if err := r.ctx.Err(); err != nil {
		return err
	}
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
	}
	return nil
}

func (r *run) work(ctx context.Context, parts []part, next *atomic.Int64, steps span, newSink func(*evaluator) (sink, error)) error {
	ev := &evaluator{run: r, slots: r.plan.Slots}
	ready := make([]func(*batch) (*batch, error), 0, steps.to-steps.from)
	for i := steps.from; i < steps.to; i++ {
		step, err := r.ready(ev, i)
		if err != nil {
			return err
		}
		ready = append(ready, step)
	}
	out, err := newSink(ev)
	if err != nil {
		return err
	}
	for {
		i := int(next.Add(1)) - 1
		if i >= len(parts) {
			return nil
		}
		err := parts[i](ctx, func(b *batch) (bool, error) {
			if err := ctx.Err(); err != nil {
				return false, err
			}
			ev.expanded = 0
			return r.through(ev, ready, steps.from, b, func(b *batch) (bool, error) { return r.into(out, i, steps.to, b) })
		})
		if err != nil {
			return err
		}
		if !out.end(i) {
			next.Store(int64(len(parts)))
		}
	}
}

// through takes a batch through steps, the first of which is step number first, and
// into what follows. MV_EXPAND makes so many rows of some batches that these go in pieces.
func (r *run) through(ev *evaluator, ready []func(*batch) (*batch, error), first int, b *batch, into func(*batch) (bool, error)) (more bool, err error) {
	for i, step := range ready {
		if x, ok := r.plan.Steps[first+i].(*plan.Expand); ok {
			if portions := b.portions(x); len(portions) > 1 {
				for _, rows := range portions {
					if more, err = r.through(ev, ready[i:], first+i, b.take(rows, nil), into); err != nil || !more {
						return more, err
					}
				}
				return true, nil
			}
			if ev.expanded += b.n; r.ctx.Err() != nil {
				return false, r.ctx.Err()
			} else if err := r.expandable(ev.expanded, b.cols); err != nil { // one row may make any number of rows, MV_EXPAND by MV_EXPAND
				return false, err
			}
		}
		ev.made = 0
		began, in := time.Now(), b.n
		if b, err = step(b); err != nil {
			return false, err
		}
		r.costs[first+i+1].add(in, b.n, began)
		if ev.full || ev.made > r.o.Bytes {
			return false, ErrMemory
		}
		if b.n == 0 {
			return true, nil
		}
	}
	return into(b)
}

func (r *run) into(out sink, part, step int, b *batch) (bool, error) {
	began := time.Now()
	more, err := out.add(part, b)
	if step < len(r.plan.Steps) {
		r.costs[step+1].add(b.n, 0, began)
	}
	return more, err
}

// ready makes a step that works row by row ready for one evaluator.
func (r *run) ready(ev *evaluator, i int) (func(*batch) (*batch, error), error) {
	switch x := r.plan.Steps[i].(type) {
	case *plan.Where:
		return r.where(ev, x, r.need[i]), nil
	case *plan.Eval:
		return r.eval(ev, x, r.need[i]), nil
	case *plan.Expand:
		return func(b *batch) (*batch, error) { return r.expand(b, x, r.need[i]) }, nil
	case *plan.Extract:
		return r.extract(ev, x), nil
	case *plan.Join:
		return r.joinRows(ev, x, r.need[i])
	}
	return nil, errCannot(r.plan.Steps[i])
}
