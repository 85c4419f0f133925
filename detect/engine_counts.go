package detect

import (
	"context"
	"slices"
	"time"
)

// learnPast takes over what was counted before this run, and has the rest of the
// history counted beside what comes in. e.put is held and e.mu is not.
func (e *Engine) learnPast(ctx context.Context, now time.Time) {
	e.mu.Lock()
	e.counts.today = dayOf(now.UnixMilli())
	e.mu.Unlock()
	if e.o.History == nil {
		return
	}
	from := e.learnKept(ctx, now)
	if begin := now.AddDate(0, 0, -int(e.counts.days)); from.Before(begin) {
		from = begin
	}
	e.mu.Lock()
	e.counts.seeding = true
	e.mu.Unlock()
	e.learning.Go(func() { e.learnEvents(ctx, from, now) })
}

// weighAll brings what the counts say of transfers up to date. The caller holds e.mu.
func (e *Engine) weighAll(now int64) {
	for _, t := range e.track.live {
		if !t.dirty && t.tally.weighed == t.shown {
			continue
		}
		s := e.track.show(t, now)
		e.weighOne(t, s)
		e.stale = true
		e.version++
	}
}

// weighOne looks at a transfer as it is now.
func (e *Engine) weighOne(t *transfer, s *Transfer) {
	if t.tally.weighed == s {
		return
	}
	if t.tally.of != nil {
		e.counts.meet(t, s)
		t.tally.routine = e.counts.routine(t, s)
	}
	t.tally.weighed = s
	if !t.tally.routine.Folds() {
		for _, a := range t.alerts {
			a.pin(t)
		}
	}
}

// pins bounds the transfers that keep one alert from being folded.
const pins = 16

// pin has an alert stay with a transfer that is not routine, whatever runs after
// it in the same form, until it is closed.
func (a *open) pin(t *transfer) {
	if slices.Contains(a.pinned, t) {
		return
	}
	if len(a.pinned) >= pins {
		a.pinned = slices.DeleteFunc(a.pinned, func(o *transfer) bool { return o.tally.routine.Folds() })
	}
	if len(a.pinned) >= pins { // the first stays, and the newest; of the others goes what sent least
		least := 1
		for i := range a.pinned[1:] {
			if outgoing(a.pinned[i+1].shown) < outgoing(a.pinned[least].shown) {
				least = i + 1
			}
		}
		a.pinned = slices.Delete(a.pinned, least, least+1)
	}
	a.pinned = append(a.pinned, t)
	a.changes++
}

// odd is the newest transfer of an alert that is not routine; nil when all are.
func (a *open) odd() *transfer {
	for _, t := range slices.Backward(a.pinned) {
		if !t.tally.routine.Folds() {
			return t
		}
	}
	return nil
}

// settleTransfer is told of a transfer that nothing more is to come of.
func (e *Engine) settleTransfer(t *transfer) {
	e.weighOne(t, t.shown)
	e.counts.learn(t, false)
}

// mark has the transfers behind a hit's rows know the alert. Of many rows the
// newest, which are last.
func (e *Engine) mark(a *open, h *hit) {
	const most = 64
	ids := identitiesOf(h.source)
	for _, row := range h.rows[max(0, len(h.rows)-most):] {
		k, ok := ids.process(row)
		if !ok {
			continue
		}
		p := e.track.all[k]
		if p == nil {
			continue
		}
		if t := p.belongs(); t != nil && !slices.Contains(t.alerts, a) && len(t.alerts) < most {
			t.alerts = append(t.alerts, a)
			if t.tally.weighed != nil && !t.tally.routine.Folds() {
				a.pin(t)
			}
		}
	}
}

// reckon adds to a finding what the counts say.
func (e *Engine) reckon(f *Finding, t *transfer) {
	f.Adjusted, f.sum = f.Risk, f.Risk
	if t == nil || t.tally.of == nil {
		return
	}
	e.weighOne(t, f.Transfer)
	f.Known = e.counts.known(t.tally.host, e.since, e.now().UnixMilli())
	f.Rarities = slices.Concat(t.tally.of, t.tally.far)
	f.Routine = t.tally.routine
	if f.Routine.Folds() && len(f.Degraded) > 0 {
		r := *f.Routine
		r.Breach = "not all of it could be seen: " + f.Degraded[0]
		f.Routine = &r
	}
	f.Reasons = f.weigh(e.counts, &t.tally, f.Known)
	for _, r := range f.Reasons {
		f.sum += r.Risk
	}
	f.Adjusted = min(max(f.sum, 1), 100)
}

// theftReason is what closes an alert that was one.
const theftReason = "true positive"

// allowed tells whether a reason for closing says that the transfer may happen again.
func allowed(reason string) bool { return reason == "benign" || reason == "maintenance" }

// flushDue tells whether what was counted is to be written.
func (e *Engine) flushDue(now time.Time) bool {
	return e.o.Counts != nil && now.Sub(e.flushed).Abs() >= flushEvery
}
