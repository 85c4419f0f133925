package detect

import (
	"fmt"
	"time"
)

// Nothing makes events come before they happened but a clock that is ahead; that
// they come late has many reasons. What is further ahead than absurd is an event that is wrong.
const (
	ahead   = 2_000   // ms
	late    = 600_000 // ms
	recheck = 60_000  // ms until what was told before is forgotten
)

// hostClock is how far the newest events of a host were ahead of our clock when
// they came. Below zero it may be its clock or the way that they took: which of the two cannot be told.
type hostClock struct {
	from        int64 // ms by our clock; 0: nothing was told yet
	now, before int64 // ms, since from and in the time before that
}

// told notes the newest event of a batch that came now.
func (h *hostClock) told(newest, now int64) {
	d := newest - now
	switch {
	case d > absurd:
	case h.from == 0:
		h.from, h.now, h.before = now, d, d
	case now-h.from >= recheck || now < h.from:
		h.from, h.now, h.before = now, d, h.now
	default:
		h.now = max(h.now, d)
	}
}

// skew is how far it is ahead, or how late its events come at best; 0 when it is neither.
func (h *hostClock) skew() time.Duration {
	if d := max(h.now, h.before); d > ahead || d < -late {
		return time.Duration(d) * time.Millisecond
	}
	return 0
}

// skew is that of a transfer's host; 0 when none is known.
func (c *counts) skew(of *tallied) time.Duration {
	if c == nil || !c.has(of) {
		return 0
	}
	return c.hosts[of.host].clock.skew()
}

// timeOn is the time by which a transfer goes on: that of its host, if that is
// ahead. One that is behind may be late data, of which nothing goes on for sure.
func (k *tracker) timeOn(t *transfer, now int64) int64 {
	return now + max(k.counts.skew(&t.tally), 0).Milliseconds()
}

// At is when it was seen last by our clock, as far as is known.
func (f *Finding) At() time.Time { return f.Last.Add(-max(f.Skew, 0)) }

// clockWord says that the host's clock is not ours; "" when it seems to be.
func (f *Finding) clockWord() string {
	switch d := f.Skew.Abs(); {
	case f.Skew >= time.Minute:
		return fmt.Sprintf("the clock of the host is %s ahead of ours: times are as it tells them", span(d))
	case f.Skew < 0:
		return fmt.Sprintf("the events of the host came %s late, or its clock is behind ours: times are as it tells them, and whether it goes on is not sure", span(d))
	}
	return ""
}

// leapt is how far our clock must go at once to have been set, or to have stood still.
const leapt = 5 * time.Minute

// leap takes a jump of our clock, which the steady one did not make, out of what
// is counted by it: in that time nobody was watched, so no host was silent.
func (e *Engine) leap() {
	now, last := e.o.Now(), e.looked
	if e.looked = now; last.IsZero() || e.o.Recording {
		return
	}
	d := now.Round(0).Sub(last.Round(0)) - e.steady(last, now)
	if d.Abs() < leapt {
		return
	}
	e.since = e.since.Add(d)
	for i := range e.counts.hosts {
		h := &e.counts.hosts[i]
		if h.clock = (hostClock{}); h.seen != 0 {
			h.seen += d.Milliseconds()
		}
	}
	e.counts.census.stale = true
	e.ruling++ // no finding stays as it was: how far its host is ahead is to be learned anew
	e.stale = true
	e.version++
}

// steadily is the time between two moments by the machine's steady clock, as far as they have it.
func steadily(from, to time.Time) time.Duration { return to.Sub(from) }
