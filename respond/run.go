package respond

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Run carries out an approved plan: journal, apply (which looks again first),
// journal, verify, journal. Screen, command line and playbooks all come here.
//
// The error says why the change was not, or not wholly, made: ErrNoSpace before
// anything was touched (see RunUnjournaled), ErrPlanStale, ErrRefused, or the
// host's own. A bad verdict is no error: look at it. Once the host is touched
// the outcome is journaled even when ctx has ended.
func Run(ctx context.Context, j *Journal, actor Actor, action Action, h Host, p Plan) (Result, Verdict, error) {
	return newOperator(j, actor, action, h, nil).run(ctx, p)
}

// RunAs is Run under a name that the caller wrote down before, see [NewOp]: after
// a crash the journal tells by it how far the change came.
func RunAs(ctx context.Context, j *Journal, op string, actor Actor, action Action, h Host, p Plan) (Result, Verdict, error) {
	o := newOperator(j, actor, action, h, nil)
	o.op = op
	return o.run(ctx, p)
}

// Finish goes on with an operation whose program ended while it was applied, and
// verifies it. The journal has its plan, which stays approved.
func Finish(ctx context.Context, j *Journal, op string, actor Actor, action Finisher, h Host, p Plan) (Result, Verdict, error) {
	o := newOperator(j, actor, action, h, nil)
	o.op, o.identity = op, p.Identity
	if err := o.matches(p); err != nil {
		return Result{}, Verdict{}, err
	}
	result, err := action.Finish(ctx, h, p)
	return o.conclude(ctx, result, err)
}

// RunUnjournaled is Run for a person who typed that the change is to be made
// though the journal has no space.
func RunUnjournaled(ctx context.Context, j *Journal, actor Actor, o Override, action Action, h Host, p Plan) (Result, Verdict, error) {
	return newOperator(j, actor, action, h, &o).run(ctx, p)
}

// Undo takes back a result of an operation, journaled under that operation,
// and verifies nothing: look at the returned result, and at the host.
func Undo(ctx context.Context, j *Journal, actor Actor, action Action, h Host, op string, r Result) (Result, error) {
	if r.Kind != action.Kind() || r.Host != h.Name() {
		return Result{}, Refuse("wrong-result", "the result is of %s on %s, not of %s on %s", r.Kind, r.Host, action.Kind(), h.Name())
	}
	o := newOperator(j, actor, action, h, nil)
	o.op, o.identity = op, r.Identity
	if err := o.write(ctx, Outcome{Result: &Result{Version: Version, Kind: r.Kind, Host: r.Host, Identity: r.Identity, Body: r.Body}}, Undoing); err != nil {
		return Result{}, err
	}
	undone, err := action.Undo(ctx, h, r)
	phase, outcome := outcomeOf(Undone, undone, err)
	return undone, errors.Join(err, o.writeAfter(ctx, phase, outcome))
}

// RecordRefusal journals that a plan was refused before there was one to approve.
func RecordRefusal(ctx context.Context, j *Journal, actor Actor, action Action, h Host, refused error) error {
	o := newOperator(j, actor, action, h, nil)
	o.identity, _ = h.Identity(ctx) // a host that does not answer is named by its name alone
	_, outcome := outcomeOf(Refused, Result{}, refused)
	return o.write(ctx, outcome, Refused)
}

// operator writes the entries of one operation.
type operator struct {
	journal  *Journal
	actor    Actor
	action   Action
	host     Host
	override *Override
	op       string
	identity Identity
}

func newOperator(j *Journal, actor Actor, action Action, h Host, o *Override) *operator {
	return &operator{journal: j, actor: actor, action: action, host: h, override: o, op: NewOp()}
}

func (o *operator) run(ctx context.Context, p Plan) (Result, Verdict, error) {
	if err := o.matches(p); err != nil {
		return Result{}, Verdict{}, err
	}
	o.identity = p.Identity
	phases := []Phase{Approved, Applying} // flushed together when nothing comes between them
	var first []Line
	if len(p.First) > 0 {
		if err := o.write(ctx, p, Approved); err != nil {
			return Result{}, Verdict{}, err
		}
		first, phases = o.first(ctx, p), phases[1:]
	}
	if err := o.write(ctx, p, phases...); err != nil {
		return Result{}, Verdict{}, err
	}
	result, err := o.action.Apply(ctx, o.host, p)
	result.Lines = append(first, result.Lines...)
	return o.conclude(ctx, result, err)
}

// conclude journals what was done and looks at it.
func (o *operator) conclude(ctx context.Context, result Result, err error) (Result, Verdict, error) {
	phase, outcome := outcomeOf(Applied, result, err)
	if journaled := o.writeAfter(ctx, phase, outcome); err != nil || journaled != nil {
		return result, Verdict{State: Unknown, Summary: "not verified", Checked: time.Now().UTC()}, errors.Join(err, journaled)
	}
	verdict := o.verify(ctx, result)
	return result, verdict, o.writeAfter(ctx, Verified, Outcome{Verdict: &verdict})
}

func (o *operator) matches(p Plan) error {
	if err := known("plan", p.Version, p.Kind); err != nil {
		return err
	}
	if p.Kind != o.action.Kind() || p.Host != o.host.Name() {
		return Refuse("wrong-plan", "the plan is for %s on %s, not for %s on %s", p.Kind, p.Host, o.action.Kind(), o.host.Name())
	}
	return nil
}

// verify turns a look that could not be taken into a loud Unknown.
func (o *operator) verify(ctx context.Context, r Result) Verdict {
	v, err := o.action.Verify(ctx, o.host, r)
	if err != nil {
		v = Verdict{State: Unknown, Summary: "could not be verified: " + err.Error()}
	}
	if v.Checked.IsZero() {
		v.Checked = time.Now().UTC()
	}
	return v
}

// outcomeOf chooses the phase for what came of it: done is Applied or Undone.
func outcomeOf(done Phase, r Result, err error) (Phase, Outcome) {
	var outcome Outcome
	if r.Kind != "" {
		outcome.Result = &r
	}
	if err == nil {
		return done, outcome
	}
	outcome.Error = err.Error()
	var refusal *Refusal
	if errors.As(err, &refusal) {
		outcome.Reasons = refusal.Reasons
		return Refused, outcome
	}
	return Failed, outcome
}

// write journals before the host is touched, one entry a phase, flushed together.
func (o *operator) write(ctx context.Context, body any, phases ...Phase) error {
	b, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	var entries []Entry
	for _, phase := range phases {
		entries = append(entries, Entry{Op: o.op, Actor: o.actor, Host: o.host.Name(), HostID: o.identity.HostID, Kind: o.action.Kind(), Phase: phase, Body: b})
	}
	if o.override != nil {
		return o.journal.AppendUnjournaled(ctx, *o.override, entries...)
	}
	_, err = o.journal.Append(ctx, entries...)
	return err
}

// writeAfter journals what was done, also when ctx has ended. Without space the
// entry waits in memory and the error says so: the change itself was made.
func (o *operator) writeAfter(ctx context.Context, phase Phase, outcome Outcome) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	err := o.write(ctx, outcome, phase)
	if !errors.Is(err, ErrNoSpace) {
		return err
	}
	keep := *o
	keep.override = &Override{By: o.actor.User, Typed: "(none: outcome of an approved action)", Reason: "no space"}
	return errors.Join(fmt.Errorf("the outcome waits in memory: %w", err), keep.write(ctx, outcome, phase))
}
