package playbooks

import (
	"context"
	"fmt"

	"interdict/respond"
)

// DryStep is what a step would do now.
type DryStep struct {
	Step BookStep
	Due  bool
	Why  string // it is not due, or what it would do where that needs no plan
	Plan *respond.Plan
	Err  error // why there is no plan
}

// Dry says of every step of a playbook what it would do now. It only looks.
// Conditions on earlier steps are taken to hold as if all went well.
func (r *Runner) Dry(ctx context.Context, b *Playbook, k Case, alert string) ([]DryStep, error) {
	x := k.Exhibit(alert)
	if x == nil {
		return nil, fmt.Errorf("alert %s is not in %s", alert, k.ID)
	}
	s := &scene{book: b, k: k, x: r.lately(x, alert)}
	facts := FactsOf(s.x, r.Owner)
	var out []DryStep
	for _, stage := range b.Stages {
		for _, def := range stage {
			d := DryStep{Step: def}
			if d.Due, d.Why = def.When.Holds(facts); !d.Due {
				d.Why = "not due: " + d.Why
			}
			facts.yes(def.ID+".done", d.Due)
			facts.yes(def.ID+".verified", true)
			if d.Due && changing(def.Do) {
				plan, err := r.planOf(ctx, s, def)
				if err != nil {
					d.Err = err
				} else {
					d.Plan = &plan
				}
			} else if d.Due {
				d.Why = def.words()
			}
			out = append(out, d)
		}
	}
	return out, nil
}
