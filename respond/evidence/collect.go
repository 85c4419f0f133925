package evidence

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"interdict/respond"
)

// NewCollect takes evidence as the options say. Nothing on the host is changed,
// so nothing is undone: Undo is ErrNoUndo.
func NewCollect(o Options) respond.Action { return &action{options: o} }

// ActionOf returns a zero action that can verify what the journal holds; false
// for a kind of another package.
func ActionOf(kind string) (respond.Action, bool) {
	if kind == KindCollect {
		return &action{}, true
	}
	return nil, false
}

// ResultOf is the body of a result of this kind.
func ResultOf(r respond.Result) (Collected, error) {
	var c Collected
	if r.Kind != KindCollect {
		return c, fmt.Errorf("the result is of %s, not of %s", r.Kind, KindCollect)
	}
	err := json.Unmarshal(r.Body, &c)
	return c, err
}

type action struct{ options Options }

// Kind is evidence.collect.
func (*action) Kind() string { return KindCollect }

// Plan says what will be taken, what that needs and where it goes.
func (a *action) Plan(ctx context.Context, h respond.Host) (respond.Plan, error) {
	return a.plan(ctx, h)
}

// Apply takes and seals it; with a plan that was cut short, what is left of it.
func (a *action) Apply(ctx context.Context, h respond.Host, p respond.Plan) (respond.Result, error) {
	return a.apply(ctx, h, p)
}

// Finish is Apply, which goes on with what was cut short anyway.
func (a *action) Finish(ctx context.Context, h respond.Host, p respond.Plan) (respond.Result, error) {
	return a.apply(ctx, h, p)
}

// Verify reads the sealed bundle again, byte for byte. The host is not asked.
func (a *action) Verify(ctx context.Context, _ respond.Host, r respond.Result) (respond.Verdict, error) {
	done, err := ResultOf(r)
	if err != nil {
		return respond.Verdict{}, err
	}
	c, err := CheckBundle(ctx, done.Bundle, CheckOptions{})
	if err != nil {
		return respond.Verdict{}, err
	}
	v := respond.Verdict{State: respond.Holds, Summary: fmt.Sprintf("the bundle is whole: %d entries, signed by %s", c.Entries, c.Signer), Checked: time.Now().UTC()}
	switch {
	case !c.Whole():
		v.State, v.Summary = respond.Not, "the bundle is not as it was sealed"
		for _, f := range c.Faults {
			v.Lines = append(v.Lines, respond.Line{Label: f.Entry, Text: f.Why})
		}
	case c.SHA256 != done.SHA256 || c.Signer != done.Signer:
		v.State, v.Summary = respond.Not, "another bundle stands in its place"
	}
	return v, nil
}

// Undo: what was taken stays taken.
func (*action) Undo(context.Context, respond.Host, respond.Result) (respond.Result, error) {
	return respond.Result{}, fmt.Errorf("evidence: %w", respond.ErrNoUndo)
}
