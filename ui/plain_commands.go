package ui

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/respond"
	"interdict/sources"
)

// plainCommand is one command of the lines.
type plainCommand struct {
	name, args, help string
	danger           bool
	do               func(p *plain, ctx context.Context, args string)
}

func plainCommands() []plainCommand {
	onAlert := func(do func(p *plain, ctx context.Context, f *detect.Finding)) func(*plain, context.Context, string) {
		return func(p *plain, ctx context.Context, args string) {
			if f := p.find(args); f != nil {
				do(p, ctx, f)
			}
		}
	}
	return []plainCommand{
		{"list", "", "all alerts", false, (*plain).list},
		{"show", "N", "what is known of alert N; N alone does the same", false, onAlert((*plain).show)},
		{"guide", "N", "the investigation guide of alert N, answered, with its queries", false, onAlert((*plain).guide)},
		{"answer", "N QUESTION ok|bad|open|guide WHY", "answer a question of alert N's guide yourself; guide takes that back", false, (*plain).answer},
		{"note", "N TEXT", "note something about alert N", false, (*plain).note},
		{"ack", "N", "take alert N: other consoles see by whom", false, onAlert((*plain).ack)},
		{"close", "N REASON", "close alert N: " + strings.Join(reasonNames(), ", "), false, (*plain).closeOne},
		{"query", "ES|QL", "ask the history", false, (*plain).ask},
		{"standing", "", "what is still held on hosts", false, (*plain).standing},
		{"journal", "", "the last changes", false, (*plain).journal},
		{"collect", "N", "take evidence of alert N's process tree, sealed; changes nothing on the host: plan first", false, onAlert(func(p *plain, ctx context.Context, f *detect.Finding) { p.change(ctx, collect, f) })},
		{"block", "N", "block where alert N's data goes, for a day: plan first", true, onAlert(func(p *plain, ctx context.Context, f *detect.Finding) { p.change(ctx, blockIt, f) })},
		{"isolate", "N", "cut the host of alert N off the network: plan first", true, onAlert(func(p *plain, ctx context.Context, f *detect.Finding) { p.change(ctx, cutOff, f) })},
		{"freeze", "N", "freeze the process tree of alert N: plan first", true, onAlert(func(p *plain, ctx context.Context, f *detect.Finding) { p.change(ctx, freeze, f) })},
		{"kill", "N", "kill the process tree of alert N: plan first", true, onAlert(func(p *plain, ctx context.Context, f *detect.Finding) { p.change(ctx, kill, f) })},
		{"resume", "N", "take back what standing lists as N: plan first", true, (*plain).resume},
		{"quit", "", "leave; says what is still held", false, nil},
	}
}

// do carries a line out; false means to leave.
func (p *plain) do(ctx context.Context, line string) bool {
	name, args, _ := strings.Cut(strings.TrimSpace(line), " ")
	if name == "" {
		return true
	}
	if _, err := strconv.Atoi(name); err == nil {
		name, args = "show", line
	}
	for _, c := range plainCommands() {
		switch {
		case c.name != name:
		case c.do == nil:
			return false
		case c.danger && p.config.ReadOnly:
			p.say("Read-only: %s is not there.", c.name)
			return true
		default:
			c.do(p, ctx, strings.TrimSpace(args))
			return true
		}
	}
	if name != "help" {
		p.say("There is no command %q.", name)
	}
	for _, c := range plainCommands() {
		if !c.danger || !p.config.ReadOnly {
			p.say("%s: %s", strings.TrimSpace(c.name+" "+c.args), c.help)
		}
	}
	return true
}

func (p *plain) list(context.Context, string) {
	p.pull()
	p.tell()
	if len(p.snap.Findings) == 0 {
		p.say("No alerts. %s judged, %s.", plural(int(p.snap.Judged), "execution"), p.lossWord())
	}
	for _, f := range p.snap.Findings {
		p.say("%s", p.line(f))
	}
	if len(p.snap.Routine) > 0 {
		classes, bytes := p.routineWord()
		p.say("Routine, inside its limits: %d: %s, %s out.", len(p.snap.Routine), classes, bytes)
	}
}

func (p *plain) show(ctx context.Context, f *detect.Finding) {
	p.say("Alert %s", p.line(f))
	p.say("Rule: %s. %s", f.RuleName, f.Why)
	for _, a := range f.Also {
		p.say("Also: %s. %s", a.RuleName, a.Why)
	}
	if p.config.Assess != nil {
		p.verdict(ctx, f)
	}
	if s := reasonsWord(f); s != "" {
		p.say("Risk: %s", s)
	}
	if s := routineSays(f); s != "" {
		p.say("Routine: %s", s)
	}
	p.say("Command: %s", tool(f).CommandLine)
	p.say("Left: %s", p.left(f))
	if t := f.Transfer; t != nil && len(t.Files) > 0 {
		p.say("Read: %s", readWord(t))
	}
	p.say("Who: %s", whoWord(f))
	p.say("Tree: %s", treeWord(f))
	for _, b := range blindWord(f) {
		p.say("Not seen: %s", b)
	}
}

func (p *plain) verdict(ctx context.Context, f *detect.Finding) {
	ctx, cancel := context.WithTimeout(ctx, assessLimit)
	defer cancel()
	g := p.config.Assess.Assess(ctx, f)
	v := g.Verdict
	p.say("Verdict: %s, %d against, %d for, %d open.", v.Word, len(v.Against), len(v.For), len(v.Open))
	for _, s := range v.Against {
		p.say("Against: %s", s)
	}
	for _, s := range v.For {
		p.say("For: %s", s)
	}
	for _, s := range v.Open {
		p.say("Open: %s", s)
	}
	if g.Stop != "" && !p.config.ReadOnly {
		p.say("Stop it: %s", g.Stop)
	}
}

func (p *plain) guide(ctx context.Context, f *detect.Finding) {
	if p.config.Assess == nil {
		p.say("%s", p.unanswered())
		return
	}
	ctx, cancel := context.WithTimeout(ctx, assessLimit)
	defer cancel()
	g := p.config.Assess.Assess(ctx, f)
	for _, a := range g.Answers {
		p.say("%d %s: %s. %s", a.Number, a.Question, a.State, a.Why)
		for _, e := range a.Evidence {
			p.say("  %s", strings.TrimPrefix(e.Label+": ", ": ")+e.Text)
		}
		p.say("  query: %s", orNone(a.Query))
		for _, q := range a.More {
			p.say("  query: %s", q)
		}
	}
	for i, a := range g.Checklist {
		p.say("%d %s: %s. %s", len(g.Answers)+i+1, a.Question, a.State, a.Why)
	}
	for _, t := range g.Environment.Implications {
		p.say("In %s: %s", g.Environment.Name, t)
	}
	for _, l := range g.Environment.Facts {
		p.say("%s: %s", l.Label, l.Text)
	}
	for _, t := range g.Environment.Actions {
		p.say("Do in %s: %s", g.Environment.Name, t)
	}
	for _, b := range g.Blind {
		p.say("Not seen: %s", b)
	}
	p.say("Verdict: %s.", g.Verdict.Word)
}

func (p *plain) ack(_ context.Context, f *detect.Finding) {
	if err := ackAll(p.config.Engine, f); err != nil {
		p.say("Not yours: %v", err)
		return
	}
	p.say("Yours. Other consoles see it.")
}

// ask puts a query to the history; its answer is a line a row.
func (p *plain) ask(ctx context.Context, args string) {
	if p.config.History == nil {
		p.say("There is no history in this run that could be asked.")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, queryLimit)
	defer cancel()
	rows, quality, err := p.config.History.Query(ctx, sources.Query{Text: args, Now: p.now()})
	if err != nil {
		for _, line := range strings.Split(err.Error(), "\n") {
			p.say("%s", line)
		}
		return
	}
	for r := range rows.Rows {
		var cells []string
		for c, name := range rows.Names {
			if cell := cellText(rows, c, r); cell != "" {
				cells = append(cells, name+"="+cell)
			}
		}
		p.say("%s", strings.Join(cells, "  "))
	}
	for _, reason := range quality.Reasons {
		p.say("Partial: %s", reason)
	}
	for _, warning := range quality.Warnings {
		p.say("Warning: %s", warning)
	}
	p.say("%s.", plural(rows.Rows, "row"))
}

func (p *plain) closeOne(_ context.Context, args string) {
	number, reason, ok := strings.Cut(args, " ")
	if !ok {
		p.say("close takes the number of an alert and a reason: %s.", strings.Join(reasonNames(), ", "))
		return
	}
	f := p.find(number)
	if f == nil {
		return
	}
	for _, r := range Reasons {
		if r.Word == strings.TrimSpace(reason) {
			err := closeAll(p.config.Engine, f, r)
			p.say("Closed alert %s as %s.", number, r.Word)
			if err != nil {
				p.say("But: %v", err)
			}
			if p.sends(f) {
				p.say("It is still sending: closing does not stop it.")
			}
			return
		}
	}
	p.say("There is no reason %q: %s.", reason, strings.Join(reasonNames(), ", "))
}

func (p *plain) standing(ctx context.Context, _ string) {
	p.refreshStanding(ctx)
	switch {
	case p.changes == nil:
		p.say("There is no journal in this run, so nothing can be held from here.")
	case p.blindOn != "":
		p.say("What is still held is unknown: %s", p.blindOn)
	case len(p.Model.standing) == 0:
		p.say("Nothing is held.")
	}
	p.sayStanding()
}

// journalTail is how many entries the lines tell of.
const journalTail = 30

func (p *plain) journal(ctx context.Context, _ string) {
	if p.changes == nil {
		p.say("There is no journal in this run.")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	all, err := readEntries(ctx, p.changes, 0)
	if err != nil {
		p.say("The journal cannot be read: %v", err)
	}
	for _, e := range all[max(len(all)-journalTail, 0):] {
		with, _ := entryWords(e)
		p.say("%d %s %s on %s, %s by %s: %s", e.Seq, e.Wall.UTC().Format(time.RFC3339), e.Kind, e.Host, e.Phase, e.Actor, with)
	}
}

// change plans, asks and carries out.
func (p *plain) change(ctx context.Context, a action, f *detect.Finding) {
	h, ok := p.reachable(a, f.Host)
	if !ok {
		p.say("%s", p.said)
		return
	}
	var g *playbooks.Guide
	if (a == collect || !tool(f).Alive()) && p.config.Assess != nil {
		g = p.config.Assess.Assess(ctx, f)
	}
	on := aim(a, f, g)
	act := p.Model.action(p.config, a, f, on)
	planning, cancel := context.WithTimeout(ctx, planLimit)
	defer cancel()
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
	s := p.Model.standing[n-1]
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

type carryOut func(context.Context) (respond.Result, respond.Verdict, error)

// approve shows the plan whole and carries it out if the right words are typed
// after it was shown. unjournaled may be nil.
func (p *plain) approve(ctx context.Context, verb, host string, typed bool, plan respond.Plan, run carryOut, unjournaled func(context.Context, string) (respond.Result, respond.Verdict, error)) {
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
	want := verb
	if typed {
		want = verb + " " + host
	}
	if !p.confirm(ctx, want) {
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

func (p *plain) carry(ctx context.Context, run carryOut) (respond.Result, respond.Verdict, error) {
	p.say("Under way.")
	_ = p.out.Flush()
	ctx, cancel := context.WithTimeout(ctx, applyLimit)
	defer cancel()
	return run(ctx)
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
