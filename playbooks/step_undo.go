package playbooks

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"interdict/respond"
	sealed "interdict/respond/evidence"
)

// Undo takes back what one step changed.
func (r *Runner) Undo(ctx context.Context, id, step string) (Run, error) {
	run, err := r.Cases.Run(ctx, id)
	if err != nil {
		return run, err
	}
	one := run.Step(step)
	if one == nil || one.Op == "" || one.State != StepDone && one.State != StepFailed {
		return run, fmt.Errorf("the step %q changed nothing that could be taken back", step)
	}
	text, err := r.undo(ctx, &run, one.Op)
	if err != nil {
		return run, fmt.Errorf("%s: %w", step, err)
	}
	return r.Cases.changeRun(ctx, id, r.Actor.User, func(n *Run) (string, error) {
		n.Step(step).State, n.Step(step).Text = StepUndone, text
		return step + " taken back: " + text, nil
	})
}

func (r *Runner) undo(ctx context.Context, run *Run, op string) (string, error) {
	if r.Hands == nil || r.Journal == nil {
		return "", errors.New("no host can be changed from here")
	}
	o, err := r.Journal.Operation(ctx, op)
	if err != nil || o.Result == nil {
		return "", errors.Join(errors.New("the journal does not say what it changed"), err)
	}
	if o.Kind == sealed.KindCollect {
		return "", respond.ErrNoUndo
	}
	a, h, err := r.Hands.Find(ctx, o)
	if err != nil {
		return "", err
	}
	undone, err := respond.Undo(ctx, r.Journal, r.actor(run), a, h, op, *o.Result)
	return undone.Summary, err
}

// UndoAll takes back what a run changed, the newest first, and ends it. What
// cannot be taken back stays, and the error says so.
func (r *Runner) UndoAll(ctx context.Context, id string) (Run, error) {
	run, err := r.Cases.Run(ctx, id)
	if err != nil {
		return run, err
	}
	var errs []error
	for _, step := range slices.Backward(run.Steps) {
		if step.Op == "" || !doings[step.Do].changes || step.State != StepDone && step.State != StepFailed {
			continue
		}
		if step.State == StepFailed && !r.changed(ctx, step.Op) {
			continue
		}
		if _, err := r.Undo(ctx, id, step.ID); err != nil {
			errs = append(errs, err)
		}
	}
	how := RunUndone
	if len(errs) > 0 {
		how = RunStopped
	}
	out, err := r.Cases.changeRun(ctx, id, r.Actor.User, func(n *Run) (string, error) {
		n.How = how
		if n.Ended.IsZero() {
			n.Ended = r.Cases.now().UTC()
		}
		return how, nil
	})
	return out, errors.Join(append(errs, err)...)
}

// changed tells whether what failed changed something all the same. Without a
// journal nothing is begun.
func (r *Runner) changed(ctx context.Context, op string) bool {
	if r.Journal == nil {
		return false
	}
	o, err := r.Journal.Operation(ctx, op)
	return err == nil && o.Result != nil
}
