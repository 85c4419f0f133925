package playbooks

import (
	"context"
	"sync"
	"time"
)

// baselineKept is how long the answer to what was seen in all serves: whether
// 13 or 14 days were watched does not hang on an hour.
const baselineKept = time.Hour

// baseline is the last answer to how much was seen, and since when. It is about
// everything, which takes longest to ask.
type baseline struct {
	mu     sync.Mutex
	answer asked
	text   string
	before time.Time
}

// baselines are those of several histories, by source.
type baselines struct {
	mu sync.Mutex
	of map[string]*baseline
}

func (b *baselines) get(source string) *baseline {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.of == nil {
		b.of = map[string]*baseline{}
	}
	if b.of[source] == nil {
		b.of[source] = &baseline{}
	}
	return b.of[source]
}

// base asks how much was seen before s, unless that is known of a time near it.
// One asks at any time; the others wait for the answer.
func (a *Assessor) base(ctx context.Context, source, text string, values map[string]any, s *subject) asked {
	b := a.baseline.get(source)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.text == text && b.answer.known() && !b.answer.quality.Partial && b.long() && s.before.Sub(b.before).Abs() < baselineKept {
		return b.answer
	}
	b.answer, b.text, b.before = a.ask(ctx, source, text, values, s.now), text, s.before
	return b.answer
}

// long tells whether the answer is about much more than it may be late by.
func (b *baseline) long() bool {
	first := begins(b.answer)
	return !first.IsZero() && b.before.Sub(first) > 24*baselineKept
}

// Warm asks what every guide needs, so that the first one does not wait for it.
func (a *Assessor) Warm(ctx context.Context) {
	now := time.Now
	if a.Now != nil {
		now = a.Now
	}
	sheet, _, err := a.sheet("")
	if err != nil {
		return
	}
	at := now().UTC().Truncate(time.Millisecond)
	a.base(ctx, "", sheet.Baseline, map[string]any{"from": at.Add(-baselineSpan), "before": at, "now": at, "lately": at.Add(-time.Hour)}, &subject{before: at, now: at})
}
