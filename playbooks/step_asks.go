package playbooks

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"interdict/respond"
)

// Plan is the plan of a step that waits for a person, as it would be made now.
func (r *Runner) Plan(ctx context.Context, id, step string) (respond.Plan, error) {
	s, err := r.scene(ctx, id)
	if err != nil {
		return respond.Plan{}, err
	}
	def, ok := s.book.Step(step)
	if !ok || !changing(def.Do) {
		return respond.Plan{}, fmt.Errorf("the step %q changes nothing that could be planned", step)
	}
	return r.planOf(ctx, s, def)
}

func (r *Runner) planOf(ctx context.Context, s *scene, def BookStep) (respond.Plan, error) {
	if r.Hands == nil {
		return respond.Plan{}, errors.New("no host can be changed from here")
	}
	a, h, err := r.Hands.Prepare(ctx, def, s.x, s.k.ID)
	if err != nil {
		return respond.Plan{}, err
	}
	return r.Hands.Plan(ctx, a, h, s.x)
}

// Approve carries out a step that asks, by the plan that a person approved.
func (r *Runner) Approve(ctx context.Context, id, step string, plan respond.Plan) (Run, error) {
	s, err := r.scene(ctx, id)
	if err != nil {
		return Run{}, err
	}
	def, ok := s.book.Step(step)
	if one := s.run.Step(step); !ok || one == nil || one.State != StepAsks {
		return s.run, fmt.Errorf("the step %q does not wait for a person", step)
	}
	if err := r.do(ctx, s, def, &plan); err != nil {
		return s.run, err
	}
	return r.Cases.Run(ctx, id)
}

// Answer says of a step that asks that a person did it, or that it is left out. note says what was done, or why not.
func (r *Runner) Answer(ctx context.Context, id, step string, state StepState, note string) (Run, error) {
	if strings.TrimSpace(note) == "" {
		return Run{}, errors.New("say what was done, or why it is left out")
	}
	s, err := r.scene(ctx, id)
	if err != nil {
		return Run{}, err
	}
	def, _ := s.book.Step(step)
	one := s.run.Step(step)
	switch {
	case one == nil || one.State != StepAsks:
		return s.run, fmt.Errorf("the step %q does not wait for a person", step)
	case state == StepDone && changing(def.Do):
		return s.run, fmt.Errorf("the step %q is done by its plan", step)
	}
	if def.Do == "hand-over" && state == StepDone {
		to, words, _ := strings.Cut(strings.TrimSpace(note), " ")
		if err := r.Cases.HandOver(ctx, s.k.ID, to, words, r.Actor.User); err != nil {
			return s.run, err
		}
	}
	if err := r.settle(ctx, s, step, StepRun{State: state, Text: note}); err != nil {
		return s.run, err
	}
	return r.Cases.Run(ctx, id)
}

// words are what a step without a plan does.
func (s BookStep) words() string {
	switch s.Do {
	case "verify":
		return "look again, from outside, at what was changed"
	case "sweep":
		return "ask who else is concerned"
	case "watch":
		return "say at once, for " + span(s.For) + ", when the same far end, program, or user and command is seen on any host"
	case "credentials":
		return "a person replaces the credentials at risk"
	case "hand-over":
		return "a person gives the case to the next shift"
	}
	return s.Text
}

// Question is what a person is asked by a step, in lines; the credentials at risk where it is about them.
func (r *Runner) Question(ctx context.Context, id, step string) ([]string, error) {
	s, err := r.scene(ctx, id)
	if err != nil {
		return nil, err
	}
	def, ok := s.book.Step(step)
	if !ok {
		return nil, fmt.Errorf("there is no step %q", step)
	}
	if def.Do != "credentials" {
		return []string{def.words()}, nil
	}
	if s.x.Guide == nil {
		return []string{"which credentials are at risk is not known: the guide was not answered; replace all that the process and its user could read"}, nil
	}
	c := s.x.Guide.Credentials
	out := []string{fmt.Sprintf("replace in this order, %s:", plural(int64(len(c.All)), "credential"))}
	for i := range c.All {
		line := c.All[i].describe(s.x.At)
		if !c.All[i].Read.IsZero() {
			line += ", READ " + clock(c.All[i].Read)
		}
		out = append(out, fmt.Sprintf("%d. %s", i+1, Redact(line)))
	}
	if c.Unknown != "" {
		out = append(out, "there may be more: "+c.Unknown)
	}
	return out, nil
}
