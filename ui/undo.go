package ui

import (
	"context"
	"errors"
	"fmt"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/detect"
	"interdict/respond"
	"interdict/respond/isolate"
	"interdict/respond/process"
)

// undoing is an action that takes back what an operation left on a host: as
// what happens is known already, its plan is made from that operation.
type undoing struct {
	respond.Action
	changes changes
	of      respond.Standing
	result  respond.Result
}

var errNothingToUndo = errors.New("the journal does not say what was done: nothing can be taken back from here")

func (m *Model) openUndo(s respond.Standing) tea.Cmd {
	h, ok := m.reachable(resume, detect.Host{ID: s.HostID, BootID: s.BootID, Name: s.Host})
	if !ok {
		return nil
	}
	w := endWords[s.Kind]
	d := m.newDialog(w.verb, w.button, s.Host, environmentOf(m, s))
	d.host = h
	m.overlay = d
	c := m.changes
	return d.make(m, planLimit, func(ctx context.Context) (respond.Action, respond.Plan, error) {
		u, p, err := planUndo(ctx, c, s, h)
		return u, p, err
	})
}

// planUndo finds what a standing change did and says what taking it back means.
func planUndo(ctx context.Context, c changes, s respond.Standing, h respond.Host) (*undoing, respond.Plan, error) {
	op, err := c.Operation(ctx, s.Op)
	if err != nil {
		return nil, respond.Plan{}, err
	}
	a, known := ActionOf(op.Kind)
	if op.Result == nil || !known {
		return nil, respond.Plan{}, errNothingToUndo
	}
	u := &undoing{Action: a, changes: c, of: s, result: *op.Result}
	p, err := u.Plan(ctx, h)
	return u, p, err
}

// Plan says what the operation did, which is what will be taken back.
func (u *undoing) Plan(ctx context.Context, h respond.Host) (respond.Plan, error) {
	if u.Kind() != process.KindFreeze {
		return u.planNetwork(ctx, h)
	}
	now, err := h.Identity(ctx)
	if err != nil {
		return respond.Plan{}, fmt.Errorf("%s does not answer: %w", h.Name(), err)
	}
	lines := append([]respond.Line{
		{Label: "Held", Text: u.of.Text},
		{Label: "Since", Text: u.of.Since.UTC().Format("2006-01-02 15:04:05Z") + " by " + u.of.Actor.String()},
		{Label: "Did", Text: u.result.Summary},
	}, u.result.Lines...)
	if now.BootID != u.of.BootID {
		lines = append([]respond.Line{{Label: "Restarted", Text: h.Name() + " was started again since: what was frozen has ended with that, and this only writes it down"}}, lines...)
	}
	return respond.Plan{
		Version: respond.Version, Kind: u.Kind(), Host: h.Name(), Identity: now, Made: time.Now().UTC(),
		Title: "let run again what is frozen on " + h.Name(), Lines: lines, Undo: "freeze it again",
		Warnings: []string{"what was frozen goes on at once, a transfer included"},
	}, nil
}

// planNetwork asks the host what of ours stands there, beside what the journal knows.
func (u *undoing) planNetwork(ctx context.Context, h respond.Host) (respond.Plan, error) {
	now, err := isolate.Look(ctx, h)
	if err != nil {
		return respond.Plan{}, fmt.Errorf("%s does not answer: %w", h.Name(), err)
	}
	w := endWords[u.of.Kind]
	p := respond.Plan{
		Version: respond.Version, Kind: u.Kind(), Host: h.Name(), Identity: now.Identity, Made: time.Now().UTC(),
		Title: w.button + " on " + h.Name() + ": " + u.of.Text, NoUndo: "do it again instead",
		Warnings: []string{"what waits for the network goes on at once, a transfer included"},
		Lines: []respond.Line{
			{Label: "Since", Text: u.of.Since.UTC().Format("2006-01-02 15:04:05Z") + " by " + u.of.Actor.String()},
			{Label: "Did", Text: u.result.Summary},
		},
	}
	for _, s := range now.Standing(h.Name()) {
		p.Lines = append(p.Lines, respond.Line{Label: "On it now", Text: s.Kind + ": " + s.Text})
	}
	if len(now.Standing(h.Name())) == 0 {
		p.Lines = append(p.Lines, respond.Line{Label: "On it now", Text: "nothing of ours: this only writes it down"})
	}
	return p, nil
}

func (u *undoing) undo(ctx context.Context, h respond.Host) (respond.Result, respond.Verdict, error) {
	r, err := u.changes.Undo(ctx, u.Action, h, u.of.Op, u.result)
	if err != nil {
		return r, respond.Verdict{}, err
	}
	check := u.Action
	switch u.Kind() { // undone, it is to be as after a change the other way
	case process.KindFreeze:
		check, _ = process.ActionOf(process.KindResume)
	case isolate.KindIsolate:
		check, _ = isolate.ActionOf(isolate.KindRelease)
	case isolate.KindBlock:
		check, _ = isolate.ActionOf(isolate.KindUnblock)
	}
	v, err := check.Verify(ctx, h, r)
	if err != nil {
		v = respond.Verdict{State: respond.Unknown, Summary: "could not be looked at afterwards: " + err.Error()}
	}
	return r, v, nil
}

// environmentOf looks for the environment of a host among what is known of it.
func environmentOf(m *Model, s respond.Standing) string {
	for _, f := range m.snap.Findings {
		if f.Host.ID == s.HostID {
			return f.Host.Environment
		}
	}
	return ""
}
