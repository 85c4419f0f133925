package ui

import (
	"context"
	"errors"
	"strings"

	"interdict/playbooks"
)

// plainRunCommands are those about playbooks. RUN is written as runs prints it.
func plainRunCommands() []plainCommand {
	return []plainCommand{
		{"playbooks", "", "the playbooks that there are", false, (*plain).books},
		{"run", "N PLAYBOOK", "run a playbook for alert N: every step's plan first", true, (*plain).begin},
		{"runs", "[CASE]", "the runs of a case, or all that have not ended", false, (*plain).runs},
		{"continue", "RUN", "go on with a run: at the right step, asking where it waits", true, (*plain).goOn},
		{"done", "RUN STEP WHAT", "say of a step that a person did it, and how", true, func(p *plain, ctx context.Context, args string) { p.answerStep(ctx, args, playbooks.StepDone) }},
		{"skip", "RUN STEP WHY", "leave a step out that waits for a person", true, func(p *plain, ctx context.Context, args string) { p.answerStep(ctx, args, playbooks.StepSkipped) }},
		{"undo", "RUN STEP", "take back what a step changed: plan first", true, (*plain).undoStep},
		{"stop", "RUN WHY", "end a run; what it changed stands until it is taken back", true, (*plain).stopRun},
	}
}

// runner is what carries runs out; nil, which was said then, when nothing does.
func (p *plain) runner() *playbooks.Runner {
	if p.config.Runner == nil || p.config.Cases == nil {
		p.say("No playbook can be run: nothing can be kept in this run.")
		return nil
	}
	return p.config.Runner
}

func (p *plain) books(context.Context, string) {
	for _, b := range p.config.Books {
		p.say("%s, %s: %s. %s", b.ID, plural(b.Steps(), "step"), b.Name, b.About)
	}
	p.say("%s.", plural(len(p.config.Books), "playbook"))
}

func (p *plain) begin(ctx context.Context, args string) {
	number, name, _ := strings.Cut(args, " ")
	f, r := p.find(number), p.runner()
	if f == nil || r == nil {
		return
	}
	book, err := playbooks.FindPlaybook(p.config.Books, strings.TrimSpace(name))
	if err != nil {
		p.say("%v", err)
		return
	}
	h, ok := p.reachable(playbook, f.Host)
	if !ok {
		p.say("%s", p.said)
		return
	}
	planning, cancel := context.WithTimeout(ctx, dryLimit)
	k, plan, err := p.config.dry(planning, f, p.assessed(planning, f), h, book)
	cancel()
	if err != nil {
		p.problem(err)
		return
	}
	p.sayPlan(plan)
	if !p.confirm(ctx, wanted("run", f.Host.Name, f.Host.Environment == "production")) {
		p.say("Cancelled: nothing was changed.")
		return
	}
	run, err := r.Start(ctx, p.config.Books, book.ID, k.ID, f.ID, false)
	if err != nil {
		p.problem(err)
		return
	}
	p.carryOn(ctx, r, run.ID)
}

func (p *plain) runs(ctx context.Context, args string) {
	p.onCases(ctx, func(ctx context.Context, c *playbooks.Cases) error {
		all, err := c.Runs(ctx, args)
		for i := range all {
			p.sayRun(&all[i])
		}
		if err == nil && len(all) == 0 {
			p.say("There is none.")
		}
		return err
	})
}

func (p *plain) sayRun(r *playbooks.Run) {
	p.say("RUN %s: %s in %s, by %s: %s.", r.ID, r.Book, r.Case, r.By, r.Status())
	for i, s := range r.Steps {
		p.say("  %d %s, %s: %s", i+1, s.ID, s.State, playbooks.Redact(s.Text))
	}
}

func (p *plain) goOn(ctx context.Context, args string) {
	if r := p.runner(); r != nil {
		p.carryOn(ctx, r, args)
	}
}

// carryOn goes on with a run until it has ended, or waits for something that
// was not answered here.
func (p *plain) carryOn(ctx context.Context, r *playbooks.Runner, id string) {
	for {
		p.say("Under way.")
		_ = p.out.Flush()
		limited, cancel := context.WithTimeout(ctx, runLimit)
		run, err := r.Continue(limited, id)
		cancel()
		if err != nil {
			p.problem(err)
			return
		}
		asks := run.Asks()
		if run.IsOver() || len(asks) == 0 {
			p.sayRun(&run)
			return
		}
		if !p.askStep(ctx, r, &run, asks[0]) {
			p.say("It waits at %s. continue %s asks again; done and skip answer it.", asks[0].ID, id)
			return
		}
	}
}

// askStep shows what a step waits for, and has its plan approved; false: it goes on waiting.
func (p *plain) askStep(ctx context.Context, r *playbooks.Runner, run *playbooks.Run, step playbooks.StepRun) bool {
	p.sayRun(run)
	if !step.Plans() {
		lines, err := r.Question(ctx, run.ID, step.ID)
		for _, l := range lines {
			p.say("  %s", playbooks.Redact(l))
		}
		if err != nil {
			p.problem(err)
		}
		return false
	}
	planning, cancel := context.WithTimeout(ctx, planLimit)
	plan, err := r.Plan(planning, run.ID, step.ID)
	cancel()
	if err != nil {
		p.problem(err)
		return false
	}
	host, environment := p.hostOfRun(ctx, run)
	p.sayPlan(plan)
	if !p.confirm(ctx, wanted(step.Do, host, p.config.typed(environment, stepKinds[step.Do]))) {
		return false
	}
	carried, cancel := context.WithTimeout(ctx, applyLimit)
	defer cancel()
	after, err := r.Approve(carried, run.ID, step.ID, plan)
	if err != nil {
		p.problem(err)
		return false
	}
	one := after.Step(step.ID)
	p.say("%s %s: %s", one.ID, one.State, one.Text)
	return one.State != playbooks.StepAsks
}

// hostOfRun is where a run acts, as its case keeps it.
func (p *plain) hostOfRun(ctx context.Context, run *playbooks.Run) (name, environment string) {
	k, err := p.config.Cases.Case(ctx, run.Case)
	if x := k.Exhibit(run.Alert); err == nil && x != nil {
		return x.Finding.Host.Name, x.Finding.Host.Environment
	}
	return "", "production" // what is not known asks for the most
}

// runStep reads RUN STEP WORDS.
func (p *plain) runStep(args string) (run, step, words string, ok bool) {
	all := strings.SplitN(args, " ", 3)
	if len(all) < 2 {
		p.say("It takes a run and a step, as runs prints them.")
		return "", "", "", false
	}
	return all[0], all[1], strings.Join(all[2:], " "), true
}

func (p *plain) answerStep(ctx context.Context, args string, state playbooks.StepState) {
	r := p.runner()
	run, step, words, ok := p.runStep(args)
	if r == nil || !ok {
		return
	}
	if _, err := r.Answer(ctx, run, step, state, words); err != nil {
		p.problem(err)
		return
	}
	p.carryOn(ctx, r, run)
}

func (p *plain) stopRun(ctx context.Context, args string) {
	r := p.runner()
	id, why, _ := strings.Cut(args, " ")
	if r == nil {
		return
	}
	run, err := r.Stop(ctx, id, why)
	if err != nil {
		p.problem(err)
		return
	}
	p.sayRun(&run)
}

// undoStep takes back what a step holds on its host, by the plan of that.
func (p *plain) undoStep(ctx context.Context, args string) {
	id, step, _, ok := p.runStep(args)
	if !ok || p.config.Cases == nil {
		return
	}
	run, err := p.config.Cases.Run(ctx, id)
	if err == nil && run.Step(step) == nil {
		err = errors.New("the run has no step " + step)
	}
	if err != nil {
		p.problem(err)
		return
	}
	p.refreshStanding(ctx)
	s, held := heldBy(p.Model.standing, run.Step(step).Op)
	if !held {
		p.say("Nothing of %s stands on a host.", step)
		return
	}
	p.takeBack(ctx, s)
}
