package playbooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"

	"interdict/respond"
)

func failed(format string, args ...any) StepRun {
	return StepRun{State: StepFailed, Text: fmt.Sprintf(format, args...)}
}

func doneWith(format string, args ...any) StepRun {
	return StepRun{State: StepDone, Text: fmt.Sprintf(format, args...)}
}

// carry does what a step is for.
func (r *Runner) carry(ctx context.Context, s *scene, def BookStep, op string, plan *respond.Plan) StepRun {
	switch def.Do {
	case "verify":
		return r.verify(ctx, s, def)
	case "sweep":
		return r.sweep(ctx, s)
	case "watch":
		return r.watch(ctx, s, def)
	case "notify":
		return r.tell(ctx, s, def, nil)
	case "tell-owner":
		return r.tell(ctx, s, def, []string{"owner"})
	}
	if r.Hands == nil || r.Journal == nil {
		return failed("no host can be changed from here")
	}
	a, h, err := r.Hands.Prepare(ctx, def, s.x, s.k.ID)
	if err != nil {
		return failed("%v", err)
	}
	if plan == nil {
		made, err := r.Hands.Plan(ctx, a, h, s.x)
		if err != nil {
			if errors.Is(err, respond.ErrRefused) {
				err = errors.Join(err, respond.RecordRefusal(ctx, r.Journal, r.actor(&s.run), a, h, err))
			}
			return failed("%v", err)
		}
		plan = &made
	}
	result, v, err := respond.RunAs(ctx, r.Journal, op, r.actor(&s.run), a, h, *plan)
	came := outcomeStep(result, v, err)
	if def.Ask && errors.Is(err, respond.ErrPlanStale) {
		came.State, came.Text = StepAsks, "what was approved is not so any more, look again: "+err.Error()
	}
	return came
}

// actor is who a change is journaled for.
func (r *Runner) actor(run *Run) respond.Actor {
	a := r.Actor
	if run.Auto {
		a.Auto = run.Book
	}
	return a
}

// outcomeStep is how a step stands after its change. A change that was made and
// does not hold whole is a failure, whose undoing is still possible.
func outcomeStep(result respond.Result, v respond.Verdict, err error) StepRun {
	came := StepRun{State: StepDone, Text: result.Summary, Verdict: v.State}
	switch {
	case err != nil && result.Kind != "":
		came.State, came.Text = StepFailed, "in part: "+result.Summary+": "+err.Error()
	case err != nil:
		came.State, came.Text = StepFailed, err.Error()
	case v.State == respond.Not:
		came.State, came.Text = StepFailed, result.Summary+", but it does not hold: "+v.Summary
	case v.State != "":
		came.Text += " · " + string(v.State) + ": " + v.Summary
	}
	return came
}

// recover finds out from the journal how far a step came before its program ended.
func (r *Runner) recover(ctx context.Context, s *scene, def BookStep, step StepRun) error {
	again := func(why string) error {
		_, err := r.Cases.changeRun(ctx, s.run.ID, r.by(s), func(n *Run) (string, error) {
			one := n.Step(step.ID)
			if one.State != StepRuns || one.Program != step.Program {
				return "", nil // somebody else took it over
			}
			one.State, one.Text, one.Program = StepWaits, why, ""
			return "went on at " + step.ID + ": " + why, nil
		})
		return err
	}
	if step.Op == "" || r.Journal == nil {
		return again("the program ended while it was under way")
	}
	o, err := r.Journal.Operation(ctx, step.Op)
	switch {
	case errors.Is(err, respond.ErrNoOperation):
		return again("nothing of it is in the journal: no host was touched")
	case err != nil:
		return fmt.Errorf("%s: how far it came cannot be read: %w", step.ID, err)
	}
	switch o.Phase {
	case respond.Planned, respond.Approved:
		return again("it was approved, and no host was touched yet")
	case respond.Applying:
		return r.recoverApplying(ctx, s, def, step, o, again)
	case respond.Undoing:
		return r.closeAndRepeat(ctx, s, o, again)
	case respond.Applied:
		return r.settle(ctx, s, step.ID, r.recoverApplied(ctx, s, o))
	}
	return r.settle(ctx, s, step.ID, journaledStep(o))
}

// recoverApplying goes on with a change that was cut off, by the plan that was
// approved. An action that cannot is planned anew.
func (r *Runner) recoverApplying(ctx context.Context, s *scene, def BookStep, step StepRun, o respond.Operation, again func(string) error) error {
	if r.Hands == nil || o.Plan == nil {
		return r.closeAndRepeat(ctx, s, o, again)
	}
	a, h, err := r.Hands.Prepare(ctx, def, s.x, s.k.ID)
	f, ok := a.(respond.Finisher)
	if err != nil || !ok {
		return r.closeAndRepeat(ctx, s, o, again)
	}
	limited, cancel := context.WithTimeout(ctx, def.Timeout)
	defer cancel()
	if _, err := h.Identity(limited); err != nil {
		return fmt.Errorf("%s: how far it came cannot be looked at: %w", step.ID, err)
	}
	defer r.hold(s.run.ID, step.ID)()
	if mine, err := r.takeOver(ctx, s, step); err != nil || !mine {
		return err
	}
	came := outcomeStep(respond.Finish(limited, r.Journal, o.Op, r.actor(&s.run), f, h, *o.Plan))
	return r.settle(context.WithoutCancel(ctx), s, step.ID, came)
}

// takeOver has this program carry out a step whose own has ended.
func (r *Runner) takeOver(ctx context.Context, s *scene, step StepRun) (mine bool, err error) {
	_, err = r.Cases.changeRun(ctx, s.run.ID, r.by(s), func(n *Run) (string, error) {
		one := n.Step(step.ID)
		if one.State != StepRuns || one.Program != step.Program {
			return "", nil
		}
		one.Program, mine = r.Actor.Program, true
		return "went on with " + step.ID + ": the program ended while the host was being changed", nil
	})
	return mine, err
}

// closeAndRepeat closes an operation of which nobody knows what it did, and has
// the step planned anew: plans look at the host, and what stands already is found there.
func (r *Runner) closeAndRepeat(ctx context.Context, s *scene, o respond.Operation, again func(string) error) error {
	const why = "the program ended while the host was being changed: what it did is looked for and the rest done by a new operation"
	if err := r.journal(ctx, s, o, respond.Failed, respond.Outcome{Error: why}); err != nil {
		return err
	}
	return again(why)
}

// journal adds what came of an operation that an earlier program began.
func (r *Runner) journal(ctx context.Context, s *scene, o respond.Operation, phase respond.Phase, came respond.Outcome) error {
	body, err := json.Marshal(came)
	if err != nil {
		return err
	}
	last := o.Entries[len(o.Entries)-1]
	_, err = r.Journal.Append(ctx, respond.Entry{Op: o.Op, Actor: r.actor(&s.run), Host: o.Host, HostID: last.HostID, Kind: o.Kind, Phase: phase, Body: body})
	return err
}

// recoverApplied verifies what was done and not looked at.
func (r *Runner) recoverApplied(ctx context.Context, s *scene, o respond.Operation) StepRun {
	if r.Hands == nil || o.Result == nil {
		return StepRun{State: StepDone, Text: "made, not verified", Verdict: respond.Unknown}
	}
	v := r.look(ctx, o)
	return outcomeStep(*o.Result, v, r.journal(ctx, s, o, respond.Verified, respond.Outcome{Verdict: &v}))
}

func journaledStep(o respond.Operation) StepRun {
	var result respond.Result
	if o.Result != nil {
		result = *o.Result
	}
	var v respond.Verdict
	if o.Verdict != nil {
		v = *o.Verdict
	}
	var err error
	if o.Phase == respond.Failed || o.Phase == respond.Refused {
		err = errors.New(outcomeWords(o.Entries[len(o.Entries)-1]))
	}
	return outcomeStep(result, v, err)
}

// look verifies an operation now; what could not be looked at is a loud unknown.
func (r *Runner) look(ctx context.Context, o respond.Operation) respond.Verdict {
	unknown := func(err error) respond.Verdict {
		return respond.Verdict{State: respond.Unknown, Summary: "could not be verified: " + err.Error(), Checked: time.Now().UTC()}
	}
	a, h, err := r.Hands.Find(ctx, o)
	if err != nil {
		return unknown(err)
	}
	v, err := a.Verify(ctx, h, *o.Result)
	if err != nil {
		return unknown(err)
	}
	if v.Checked.IsZero() {
		v.Checked = time.Now().UTC()
	}
	return v
}

// verify looks again at what earlier steps changed.
func (r *Runner) verify(ctx context.Context, s *scene, def BookStep) StepRun {
	if r.Hands == nil || r.Journal == nil {
		return failed("no host can be looked at from here")
	}
	var words []string
	worst := respond.Holds
	for _, step := range s.run.Steps {
		if step.Op == "" || step.State != StepDone || len(def.Of) > 0 && !slices.Contains(def.Of, step.ID) || len(def.Of) == 0 && !doings[step.Do].changes {
			continue
		}
		o, err := r.Journal.Operation(ctx, step.Op)
		if err != nil || o.Result == nil {
			return failed("%s: the journal does not say what it did: %v", step.ID, err)
		}
		v := r.look(ctx, o)
		words = append(words, fmt.Sprintf("%s %s: %s", step.ID, v.State, v.Summary))
		if !v.OK() {
			worst = v.State
		}
	}
	text := strings.Join(words, "; ")
	switch {
	case len(words) == 0:
		return failed("nothing was changed that could be verified")
	case worst != respond.Holds:
		return StepRun{State: StepFailed, Text: text, Verdict: worst}
	}
	return StepRun{State: StepDone, Text: text, Verdict: respond.Holds}
}

// sweep asks anew who else is concerned.
func (r *Runner) sweep(ctx context.Context, s *scene) StepRun {
	if r.Assess == nil {
		return failed("there is no history that could be asked who else is concerned")
	}
	g := r.Assess(ctx, s.x.Finding)
	if g == nil {
		return failed("the guide was not answered")
	}
	if err := r.Cases.See(ctx, s.x.Finding, g); err != nil {
		return failed("what was found could not be kept: %v", err)
	}
	for _, a := range g.Answers {
		if a.ID == "others" {
			return doneWith("%s: %s", a.State, a.Why)
		}
	}
	return failed("the guide does not ask who else is concerned")
}

// Message is what the text of a notification can name.
type Message struct {
	Case, Title, Status, Left, Verdict string
	Host, Environment, Owner           string
}

// messageNames are the names of a message, as a text writes them.
func messageNames() (out []string) {
	t := reflect.TypeFor[Message]()
	for i := range t.NumField() {
		out = append(out, "{{."+t.Field(i).Name+"}}")
	}
	return out
}

// tell sends a message and keeps it in the case.
func (r *Runner) tell(ctx context.Context, s *scene, def BookStep, to []string) StepRun {
	if r.Notify == nil {
		return failed("nobody can be told: no channel is configured ([[notify]])")
	}
	b, err := r.Cases.Brief(ctx, r.Journal, s.k)
	if err != nil {
		return failed("%v", err)
	}
	m := Message{Case: s.k.ID, Title: s.k.Title, Status: b.Status(), Left: b.Left(), Verdict: b.Verdict(), Host: s.x.Finding.Host.Name, Environment: s.x.Finding.Host.Environment, Owner: "owner unknown"}
	if m.Environment == "" {
		m.Environment = "environment unknown"
	}
	if r.Owner != nil && r.Owner(s.x.Finding.Host) != "" {
		m.Owner = r.Owner(s.x.Finding.Host)
	}
	text, err := expand(def.Text, m)
	if err != nil {
		return failed("%v", err)
	}
	reached, err := r.Notify.Send(ctx, to, s.k.ID+": "+s.k.Title, text)
	if err != nil {
		return failed("%s", strings.TrimSuffix("not all were told: "+Redact(err.Error())+"; reached: "+reached, "; reached: "))
	}
	if err := r.Cases.Record(ctx, s.k.ID, r.by(s), "told", reached+": "+Redact(text)); err != nil {
		return failed("%s was told, and the case could not be written: %v", reached, err)
	}
	return doneWith("told %s", reached)
}

var loop = regexp.MustCompile(`\{\{-?\s*(?:range|template|define|block)\b`)

// expand fills a message's text. Values are text: nothing in them is expanded again.
func expand(text string, m Message) (string, error) {
	if loop.MatchString(text) {
		return "", errors.New("the text cannot be filled: a message has no loops and no parts")
	}
	t, err := template.New("message").Option("missingkey=error").Parse(text)
	if err != nil {
		return "", fmt.Errorf("the text cannot be filled: %w", err)
	}
	var b strings.Builder
	if err := t.Execute(&b, m); err != nil {
		return "", fmt.Errorf("the text cannot be filled: %w", err)
	}
	return Redact(b.String()), nil
}
