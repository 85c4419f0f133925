package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/respond"
	"interdict/respond/process"
	"interdict/sources"
)

// AutomationConfig bounds what is done without a person.
type AutomationConfig struct {
	PerHour   int      `toml:"per_hour"`   // after so many changes in an hour nothing more is done without a person; 5
	FreezeFor duration `toml:"freeze_for"` // then what was frozen goes on, unless somebody took the alert; 30m
}

const (
	automaticPerHour = 5
	automaticFreeze  = 30 * time.Minute
	thawEvery        = 15 * time.Second
)

// automation says what may be done without a person, and stops when it is too much.
type automation struct {
	config   Config
	spent    func(ctx context.Context, since time.Time) (int, error)
	degraded func() string // why what is seen cannot be relied on; "" when it can
	now      func() time.Time
	note     func(string)

	mu      sync.Mutex
	stopped string // why nothing is done any more in this run; "" as long as it is
}

func (c *command) newAutomation(j *respond.Journal) *automation {
	return &automation{config: c.config, spent: j.Automatic, degraded: func() string { return "" }, now: c.Now, note: func(string) {}}
}

func (a *automation) perHour() int { return cmp.Or(a.config.Automation.PerHour, automaticPerHour) }

func (a *automation) freezeFor() time.Duration {
	return cmp.Or(time.Duration(a.config.Automation.FreezeFor), automaticFreeze)
}

// allowed are the changes that both the host's entry and its environment let
// happen without a person, as long as nothing stopped that.
func (a *automation) allowed(environment string, entry []string) (verbs []string) {
	for _, verb := range a.config.Rights[cmp.Or(environment, a.config.Environment)].Alone {
		if slices.Contains(entry, verb) {
			verbs = append(verbs, verb)
		}
	}
	if len(verbs) == 0 || a.breaker() != "" {
		return nil
	}
	return verbs
}

// breaker says why nothing more is done without a person; it stays so until the
// console is started again and the hour is over: who raises alerts on purpose is
// to be looked for, not waited out.
func (a *automation) breaker() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped == "" {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		switch n, err := a.spent(ctx, a.now().Add(-time.Hour)); {
		case err != nil:
			return "the journal cannot be read: " + err.Error()
		case n >= a.perHour():
			a.stopped = fmt.Sprintf("%d changes in an hour, of at most %d", n, a.perHour())
		}
	}
	return a.stopped
}

// may tells whether a finding can be relied on enough to act without a person.
func (a *automation) may(f *detect.Finding, g *playbooks.Guide) bool {
	if why := a.doubt(f, g); why != "" {
		a.note(fmt.Sprintf("automation: nothing is done by itself about %s on %s: %s", f.RuleName, f.Host.Name, why))
		return false
	}
	return true
}

func (a *automation) doubt(f *detect.Finding, g *playbooks.Guide) string {
	if why := a.degraded(); why != "" {
		return why
	}
	if len(f.Degraded) > 0 {
		return f.Degraded[0]
	}
	for _, answer := range g.Answers {
		for _, line := range answer.Evidence {
			if line.Label == "partial" {
				return answer.Question + ": " + line.Text
			}
		}
	}
	return ""
}

// tell says on the screen that things are done by themselves, or not any more.
func (a *automation) tell() {
	switch why := a.breaker(); {
	case why != "":
		a.note("automation STOPPED: " + why + ": nothing more is done without a person")
	default:
		a.note(fmt.Sprintf("automation: %s begins by itself, freezes last %s, at most %d changes an hour", a.config.Playbooks.Automatic, a.freezeFor(), a.perHour()))
	}
}

// on tells whether anything could be done without a person at all.
func (a *automation) on() bool {
	for _, r := range a.config.Rights {
		if len(r.Alone) > 0 && a.config.Playbooks.Automatic != "" {
			return true
		}
	}
	return false
}

// sourcesDegraded says what is wrong with what is watched.
func (s *session) sourcesDegraded() string {
	for _, source := range s.opened.Sources {
		if notes := source.Stats().Notes; len(notes) > 0 {
			return source.Name() + ": " + notes[0]
		}
	}
	if s.lost() != (sources.Loss{}) {
		return "events were lost"
	}
	return ""
}

// keepThawing lets go on what was frozen without a person when its time is over,
// also what an earlier run froze, until ctx ends. What somebody took stays.
func (c *command) keepThawing(ctx context.Context, s *state, memory *said, a *automation) {
	for tick := time.NewTicker(thawEvery); ; {
		if a.on() {
			a.tell()
		}
		held, err := s.journal.Standing(ctx)
		if err == nil {
			c.thaw(ctx, s, overdue(held, a.now(), a.freezeFor()), func(hostID string) bool { return takenOn(memory, hostID) })
		}
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
	}
}

// overdue are the operations of which freezes without a person are over.
func overdue(held []respond.Standing, now time.Time, span time.Duration) (list []respond.Standing) {
	for _, h := range held {
		if h.Kind == "frozen" && h.Actor.ByItself() && now.Sub(h.Since) > span &&
			!slices.ContainsFunc(list, func(o respond.Standing) bool { return o.Op == h.Op }) {
			list = append(list, h)
		}
	}
	return list
}

func takenOn(memory *said, hostID string) bool {
	for _, f := range memory.Snapshot().Findings {
		if f.Host.ID == hostID && memory.Taken(f.Alert) != "" {
			return true
		}
	}
	return false
}

func (c *command) thaw(ctx context.Context, s *state, over []respond.Standing, taken func(hostID string) bool) {
	for _, h := range over {
		op, err := s.journal.Operation(ctx, h.Op)
		action, known := process.ActionOf(op.Kind)
		if err != nil || !known || op.Result == nil || taken(h.HostID) {
			continue
		}
		host, err := c.Host(ctx, h.Host)
		if err == nil {
			_, err = host.Identity(ctx) // one that is down is tried again, and not journaled each time
		}
		if err != nil {
			continue
		}
		actor := h.Actor
		actor.Auto, actor.Program = "the freeze's time is over", respond.CurrentActor().Program
		_, _ = respond.Undo(ctx, s.journal, actor, action, host, h.Op, *op.Result) // the journal says how that went
	}
}
