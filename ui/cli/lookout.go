package cli

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"interdict/detect"
	"interdict/playbooks"
)

const watchEvery = 2 * time.Second

// lookout looks at every finding for what is to happen by itself: that
// something was seen again after a containment is said, and the automatic
// playbook begins. Neither keeps it from looking on: messages and runs go beside it.
type lookout struct {
	*command
	said   *said
	runner *playbooks.Runner
	books  []*playbooks.Playbook
	notice func(string)         // above every pane, until the alert is taken or closed
	look   chan *detect.Finding // for decide; full: offered again at the next look
	raised *detect.Finding      // that the notice is about; nil: there is none
	beside sync.WaitGroup
}

// lookOut does that until ctx ends.
func (c *command) lookOut(ctx context.Context, s *said, r *playbooks.Runner, books []*playbooks.Playbook, notice func(string)) {
	l := &lookout{command: c, said: s, runner: r, books: books, notice: notice, look: make(chan *detect.Finding, 16)}
	l.beside.Go(func() { l.decide(ctx) })
	l.keepLooking(ctx)
	l.beside.Wait()
}

func (l *lookout) keepLooking(ctx context.Context) {
	t := time.NewTicker(watchEvery)
	defer t.Stop()
	looked := map[string]*detect.Finding{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		watches, err := l.said.cases.Watches(ctx)
		if err != nil {
			continue // it is tried again; that the database cannot be read is said elsewhere
		}
		snap, open := l.said.Snapshot(), map[string]*detect.Finding{}
		for _, f := range snap.Findings {
			if looked[f.ID] == f || l.seenAgain(ctx, watches, f) && l.offer(f) {
				open[f.ID] = f
			}
		}
		for _, f := range slices.Concat(snap.Hidden, snap.Routine) { // neither an exception nor habit hides what is watched for
			if looked[f.ID] == f || l.seenAgain(ctx, watches, f) {
				open[f.ID] = f
			}
		}
		looked = open // what was closed is not held on to
		if f := l.raised; f != nil {
			if _, there := snap.Finding(f.ID); !there || l.said.Taken(f.Alert) != "" {
				l.notice("")
				l.raised = nil
			}
		}
	}
}

// seenAgain raises what is watched for; false when that has to be tried again.
func (l *lookout) seenAgain(ctx context.Context, watches []playbooks.Watch, f *detect.Finding) bool {
	for _, w := range watches {
		why := w.Hits(f)
		if why == "" || !f.Last.After(w.Since) {
			continue
		}
		switch again, err := l.said.cases.SeenAgain(ctx, w, f, why); {
		case err != nil:
			return false
		case again:
			l.raise(w, f, why)
			l.beside.Go(func() { l.tellAgain(ctx, w, f, why) })
		case l.said.Taken(f.Alert) == "" && l.said.cases.SeenThere(ctx, w, f): // another console has told
			l.raise(w, f, why)
		}
	}
	return true
}

// raise says it above every pane.
func (l *lookout) raise(w playbooks.Watch, f *detect.Finding, why string) {
	l.raised = f
	l.notice(fmt.Sprintf("%s: SEEN AGAIN on %s: %s: %s", w.Case, f.Host.Name, why, f.RuleName))
}

func (l *lookout) tellAgain(ctx context.Context, w playbooks.Watch, f *detect.Finding, why string) {
	if l.runner.Notify == nil {
		return // the case says that it was seen
	}
	words := fmt.Sprintf("%s: SEEN AGAIN on %s: %s (%s)", w.Case, f.Host.Name, why, f.RuleName)
	reached, err := l.runner.Notify.Send(ctx, nil, w.Case+": seen again", words)
	if err != nil {
		reached = "not all were told: " + err.Error()
	}
	_ = l.said.cases.Record(context.WithoutCancel(ctx), w.Case, playbooks.NoPerson, "told", playbooks.Redact(reached)) // the case says already that it was seen
}

// offer has decide look at a finding; false when it has too much to do now.
func (l *lookout) offer(f *detect.Finding) bool {
	if l.config.Playbooks.Automatic == "" || !f.Live() {
		return true
	}
	select {
	case l.look <- f:
		return true
	default:
		return false
	}
}

// decide begins runs, one decision after the other, so that a case gets one of
// them; what an earlier program began by itself and did not end goes on first.
func (l *lookout) decide(ctx context.Context) {
	under, _ := l.runner.Cases.Runs(ctx, "") // unread: a person goes on with them
	for _, run := range under {
		if run.Auto && len(run.Asks()) == 0 {
			l.goOn(ctx, run.ID)
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-l.look:
			if id := l.begin(ctx, f); id != "" {
				l.goOn(ctx, id)
			}
		}
	}
}

func (l *lookout) goOn(ctx context.Context, run string) {
	l.beside.Go(func() { _, _ = l.runner.Continue(ctx, run) }) // what came of it is kept in the run and shown there
}

// begin begins the configured playbook for a likely theft that still sends, and gives the run; "" when it does not.
func (l *lookout) begin(ctx context.Context, f *detect.Finding) string {
	r, id := l.runner, l.config.Playbooks.Automatic
	if r.Assess == nil || len(r.Allowed(f.Host)) == 0 {
		return ""
	}
	book, err := playbooks.FindPlaybook(l.books, id)
	if err != nil || !book.Automatic {
		return ""
	}
	g := r.Assess(ctx, f)
	if g == nil || g.Verdict.Word != playbooks.Theft || !g.Verdict.Sending || !l.automation.may(f, g) {
		return ""
	}
	k, err := r.Cases.OpenCase(ctx, f, g, playbooks.NoPerson)
	if err != nil {
		return ""
	}
	begun, err := r.Cases.Runs(ctx, k.ID)
	if err != nil || len(begun) > 0 {
		return "" // once for a case: a person decides about the rest
	}
	run, err := r.Start(ctx, l.books, id, k.ID, f.ID, true)
	if err != nil {
		return ""
	}
	return run.ID
}
