package ui

import (
	"context"
	"errors"
	"strconv"
	"time"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/respond"
)

// change plans, asks and carries out.
func (p *plain) change(ctx context.Context, a action, f *detect.Finding) {
	h, ok := p.reachable(a, f.Host)
	if !ok {
		p.say("%s", p.said)
		return
	}
	var g *playbooks.Guide
	if a == collect || !tool(f).Alive() {
		g = p.assessed(ctx, f)
	}
	on := aim(a, f, g)
	planning, cancel := context.WithTimeout(ctx, planLimit)
	defer cancel()
	c := p.config
	if a == collect || a == cutOff {
		c = c.asKnown(planning, f, p.taking.told)
	}
	act := p.Model.action(c, a, f, on)
	plan, err := respond.Plan{}, p.config.second(h.Name(), f.Host.Environment, act.Kind())
	if err == nil {
		plan, err = planOn(planning, act, h, f.Host, on)
	}
	if err != nil {
		if errors.Is(err, respond.ErrRefused) {
			err = errors.Join(err, p.changes.Refused(planning, act, h, err))
		}
		p.problem(err)
		return
	}
	if p.sends(f) {
		p.say("STILL SENDING: %s", p.left(f))
	}
	p.approve(ctx, string(a), f.Host.Name, p.config.typed(f.Host.Environment, act.Kind()), plan, func(ctx context.Context) (respond.Result, respond.Verdict, error) {
		return p.changes.Run(ctx, act, h, plan)
	}, func(ctx context.Context, words string) (respond.Result, respond.Verdict, error) {
		return p.changes.RunUnjournaled(ctx, words, act, h, plan)
	})
}

func (p *plain) resume(ctx context.Context, args string) {
	p.refreshStanding(ctx)
	n, err := strconv.Atoi(args)
	if err != nil || n < 1 || n > len(p.Model.standing) {
		p.say("resume takes a number that standing lists.")
		return
	}
	p.takeBack(ctx, p.Model.standing[n-1])
}

// takeBack takes back what is held: plan first.
func (p *plain) takeBack(ctx context.Context, s respond.Standing) {
	h, ok := p.reachable(resume, detect.Host{ID: s.HostID, BootID: s.BootID, Name: s.Host})
	if !ok {
		p.say("%s", p.said)
		return
	}
	planning, cancel := context.WithTimeout(ctx, planLimit)
	defer cancel()
	u, plan, err := planUndo(planning, p.changes, s, h)
	if err != nil {
		p.problem(err)
		return
	}
	p.approve(ctx, "resume", s.Host, environmentOf(p.Model, s) == "production", plan, func(ctx context.Context) (respond.Result, respond.Verdict, error) {
		return u.undo(ctx, h)
	}, nil)
}

func (p *plain) problem(err error) {
	var refusal *respond.Refusal
	if errors.As(err, &refusal) {
		p.say("Refused, nothing was changed:")
		for _, r := range refusal.Reasons {
			p.say("  %s: %s", r.Code, r.Text+overrideHint(r))
		}
		return
	}
	p.say("Failed: %v", err)
}

// sayFar is how often it is said how far evidence is: each line is read out.
const sayFar = 5 * time.Second

type carryOut func(context.Context) (respond.Result, respond.Verdict, error)

// approve shows the plan whole and carries it out if the right words are typed
// after it was shown. unjournaled may be nil.
func (p *plain) approve(ctx context.Context, verb, host string, typed bool, plan respond.Plan, run carryOut, unjournaled func(context.Context, string) (respond.Result, respond.Verdict, error)) {
	p.sayPlan(plan)
	if !p.confirm(ctx, wanted(verb, host, typed)) {
		p.say("Cancelled: nothing was changed.")
		return
	}
	r, v, err := p.carry(ctx, run)
	if unjournaled != nil && r.Kind == "" && errors.Is(err, respond.ErrNoSpace) {
		p.say("The disk that holds the journal is full, its reserve too. Nothing was changed.")
		if p.confirm(ctx, overrideWords) {
			r, v, err = p.carry(ctx, func(ctx context.Context) (respond.Result, respond.Verdict, error) {
				return unjournaled(ctx, overrideWords)
			})
		}
	}
	p.outcome(r, v, err)
}

// wanted are the words that approve a change.
func wanted(verb, host string, typed bool) string {
	if typed {
		return verb + " " + host
	}
	return verb
}

func (p *plain) sayPlan(plan respond.Plan) {
	p.say("PLAN: %s", plan.Title)
	for _, l := range plan.Lines {
		p.say("  %s: %s", l.Label, l.Text)
	}
	for _, w := range plan.Warnings {
		p.say("  Beware: %s", w)
	}
	if plan.Undo != "" {
		p.say("  Undone by: %s", plan.Undo)
	} else {
		p.say("  Cannot be undone: %s", plan.NoUndo)
	}
}

func (p *plain) carry(ctx context.Context, run carryOut) (respond.Result, respond.Verdict, error) {
	p.taking.last.Store(nil)
	p.say("Under way.")
	_ = p.out.Flush()
	ctx, cancel := context.WithTimeout(ctx, applyLimit)
	defer cancel()
	ended := make(chan finished, 1)
	go func() {
		r, v, err := run(ctx)
		ended <- finished{result: r, verdict: v, err: err}
	}()
	far := time.NewTicker(sayFar)
	defer far.Stop()
	for {
		select {
		case f := <-ended:
			return f.result, f.verdict, f.err
		case <-far.C:
			if s := p.taking.String(); s != "" {
				p.say("%s", s)
				_ = p.out.Flush()
			}
		}
	}
}

// confirm asks for exactly these words. A line that was on its way before the
// question stood there confirms nothing.
func (p *plain) confirm(ctx context.Context, want string) bool {
	p.say("To do it type: %s (anything else cancels)", want)
	if p.flush() != nil {
		return false
	}
	asked := p.clock()
	select {
	case l, ok := <-p.lines:
		if ok && l.at.Sub(asked) < armAfter {
			p.say("That was typed before the plan could be read.")
			return false
		}
		return ok && l.text == want
	case <-ctx.Done():
		return false
	}
}

func (p *plain) outcome(r respond.Result, v respond.Verdict, err error) {
	if err != nil {
		p.problem(err)
	}
	if r.Kind == "" {
		p.say("Nothing was changed.")
		return
	}
	p.say("Done: %s", r.Summary)
	for _, l := range r.Lines {
		p.say("  %s: %s", l.Label, l.Text)
	}
	p.say("Verified: %s. %s", v.State, v.Summary)
	for _, l := range v.Lines {
		p.say("  %s: %s", l.Label, l.Text)
	}
	for _, h := range r.Holds {
		p.say("Standing: %s", h.Text)
	}
}
