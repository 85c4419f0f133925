package evidence

import (
	"context"
	"encoding/json"
	"fmt"

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
	return respond.Plan{}, fmt.Errorf("evidence of %s: %w", h.Name(), respond.ErrUnsupported)
}

// Apply takes and seals it.
func (a *action) Apply(ctx context.Context, h respond.Host, p respond.Plan) (respond.Result, error) {
	return respond.Result{}, fmt.Errorf("evidence of %s: %w", h.Name(), respond.ErrUnsupported)
}

// Verify reads the sealed bundle again.
func (a *action) Verify(ctx context.Context, h respond.Host, r respond.Result) (respond.Verdict, error) {
	return respond.Verdict{}, fmt.Errorf("evidence of %s: %w", h.Name(), respond.ErrUnsupported)
}

// Undo: what was taken stays taken.
func (*action) Undo(context.Context, respond.Host, respond.Result) (respond.Result, error) {
	return respond.Result{}, fmt.Errorf("evidence: %w", respond.ErrNoUndo)
}
