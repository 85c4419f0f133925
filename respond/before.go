package respond

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// FirstLimit bounds each change that is made before another one: that one is
// never kept waiting for longer.
const FirstLimit = 5 * time.Second

// Preceded is an action before which others are carried out, as the tree of an
// alert is frozen, and its memory read, before the host is cut off. Each is an
// operation of its own in the journal, with its own undo. One that cannot be
// planned or does not end well does not keep the action from being carried out.
type Preceded struct {
	Action
	First []Action
}

// Plan makes all plans at once. Those that come first are part of what is approved.
func (p *Preceded) Plan(ctx context.Context, h Host) (Plan, error) {
	plans, errs := make([]Plan, len(p.First)), make([]error, len(p.First))
	var work sync.WaitGroup
	for i, a := range p.First {
		work.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, FirstLimit)
			defer cancel()
			plans[i], errs[i] = a.Plan(ctx, h)
		})
	}
	plan, err := p.Action.Plan(ctx, h)
	work.Wait()
	if err != nil {
		return plan, err
	}
	var lines []Line
	for i, first := range plans {
		if errs[i] != nil {
			plan.Warnings = append(plan.Warnings, fmt.Sprintf("no %s comes first: %v", Verb(p.First[i].Kind()), errs[i]))
			continue
		}
		plan.First = append(plan.First, first)
		lines = append(lines, Line{Label: "First", Text: first.Title + ", in " + FirstLimit.String() + " at most"})
		plan.Warnings = append(plan.Warnings, first.Warnings...)
	}
	plan.Lines = append(lines, plan.Lines...)
	return plan, nil
}

// Order is that of the action alone: what comes first names processes, which may
// be others later.
func (p *Preceded) Order() ([]byte, error) {
	o, ok := p.Action.(Ordered)
	if !ok {
		return nil, errors.New("it cannot be asked for again")
	}
	return o.Order()
}

// first carries out what the plan puts before the action.
func (o *operator) first(ctx context.Context, p Plan) (lines []Line) {
	add := func(text string) { lines = append(lines, Line{Label: "first", Text: text}) }
	actions, _ := o.action.(*Preceded)
	for _, plan := range p.First {
		var a Action
		for i := 0; actions != nil && i < len(actions.First); i++ {
			if actions.First[i].Kind() == plan.Kind {
				a = actions.First[i]
			}
		}
		if a == nil {
			add(plan.Title + ": not done: nothing here knows how")
			continue
		}
		limited, cancel := context.WithTimeout(ctx, FirstLimit)
		r, v, err := newOperator(o.journal, o.actor, a, o.host, o.override).run(limited, plan)
		cancel()
		switch {
		case err != nil && r.Kind == "":
			add(plan.Title + ": not done: " + err.Error())
		case err != nil:
			add(r.Summary + ", in part: " + err.Error())
		default:
			add(r.Summary + ": " + string(v.State))
		}
	}
	return lines
}
