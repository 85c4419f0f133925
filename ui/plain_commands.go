package ui

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"interdict/detect"
	"interdict/playbooks"
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
	return slices.Concat([]plainCommand{
		{"list", "", "all alerts", false, (*plain).list},
		{"routine", "", "what is folded as routine, each with its number", false, (*plain).routine},
		{"show", "N", "what is known of alert N; N alone does the same", false, onAlert((*plain).show)},
		{"guide", "N", "the investigation guide of alert N, answered, with its queries", false, onAlert((*plain).guide)},
		{"answer", "N QUESTION ok|bad|open|guide WHY", "answer a question of alert N's guide yourself; guide takes that back", false, (*plain).answer},
		{"note", "N|CASE TEXT", "note something about alert N or a case", false, (*plain).note},
		{"ack", "N|CASE", "take alert N or a case: other consoles see by whom", false, (*plain).ack},
		{"close", "N|CASE REASON", "close alert N, or a case with its alerts: " + strings.Join(reasonNames(), ", "), false, (*plain).closeOne},
		{"query", "ES|QL", "ask the history", false, (*plain).ask},
		{"standing", "", "what is still held on hosts", false, (*plain).standing},
		{"journal", "", "the last changes", false, (*plain).journal},
		{"collect", "N", "take evidence of alert N's process tree, sealed; changes nothing on the host: plan first", false, onAlert(func(p *plain, ctx context.Context, f *detect.Finding) { p.change(ctx, collect, f) })},
		{"block", "N", "block where alert N's data goes, for a day: plan first", true, onAlert(func(p *plain, ctx context.Context, f *detect.Finding) { p.change(ctx, blockIt, f) })},
		{"isolate", "N", "cut the host of alert N off the network: plan first", true, onAlert(func(p *plain, ctx context.Context, f *detect.Finding) { p.change(ctx, cutOff, f) })},
		{"freeze", "N", "freeze the process tree of alert N: plan first", true, onAlert(func(p *plain, ctx context.Context, f *detect.Finding) { p.change(ctx, freeze, f) })},
		{"kill", "N", "kill the process tree of alert N: plan first", true, onAlert(func(p *plain, ctx context.Context, f *detect.Finding) { p.change(ctx, kill, f) })},
		{"resume", "N", "take back what standing lists as N: plan first", true, (*plain).resume},
	}, plainCaseCommands(), plainRunCommands(), []plainCommand{{"quit", "", "leave; says what is still held", false, nil}})
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

// routine numbers what is folded, so that it can be looked at like an alert.
func (p *plain) routine(context.Context, string) {
	p.pull()
	for _, f := range p.snap.Routine {
		p.enlist(f)
		p.say("%s, %s", p.line(f), f.Routine.Class)
	}
	if len(p.snap.Routine) == 0 {
		p.say("Nothing is folded as routine.")
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
	if s := aimsWord(f); s != "" {
		p.say("Named: %s", s)
	}
	if t := f.Transfer; t != nil && len(t.Files) > 0 {
		p.say("Read: %s", readWord(t))
	}
	if t := f.Transfer; t != nil && t.Direction == detect.In && len(t.Written) > 0 {
		p.say("Wrote: %s", wroteWord(t))
	}
	p.say("Who: %s", whoWord(f))
	p.say("Tree: %s", treeWord(f))
	for _, b := range f.Unseen() {
		p.say("Not seen: %s", b)
	}
}

// assessed is the guide of a finding; nil when none can be answered.
func (p *plain) assessed(ctx context.Context, f *detect.Finding) *playbooks.Guide {
	if p.config.Assess == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, assessLimit)
	defer cancel()
	return p.config.Assess.Assess(ctx, f)
}

func (p *plain) verdict(ctx context.Context, f *detect.Finding) {
	g := p.assessed(ctx, f)
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
	g := p.assessed(ctx, f)
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
	for _, r := range playbooks.Reasons(f) {
		p.say("Risk %s: %s", r.State, r.Why)
		p.say("  query: %s", orNone(r.Query))
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
	for _, b := range append(f.Unseen(), g.Blind...) {
		p.say("Not seen: %s", b)
	}
	p.say("Verdict: %s.", g.Verdict.Word)
}

func (p *plain) ack(ctx context.Context, args string) {
	if isCase(args) {
		p.takeCase(ctx, args)
		return
	}
	f := p.find(args)
	if f == nil {
		return
	}
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
	q := sources.Query{Text: args, Now: p.now()}
	if name, rest, _ := strings.Cut(args, " "); slices.Contains(p.config.Histories, name) {
		q.Source, q.Text = name, rest
	}
	rows, quality, err := p.config.History.Query(ctx, q)
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

func (p *plain) closeOne(ctx context.Context, args string) {
	number, word, ok := strings.Cut(args, " ")
	if !ok {
		p.say("close takes the number of an alert, or a case, and a reason: %s.", strings.Join(reasonNames(), ", "))
		return
	}
	i := slices.IndexFunc(Reasons, func(r Reason) bool { return r.Word == strings.TrimSpace(word) })
	switch {
	case i < 0:
		p.say("There is no reason %q: %s.", word, strings.Join(reasonNames(), ", "))
	case isCase(number):
		p.closeCase(ctx, number, Reasons[i])
	default:
		p.closeAlert(number, Reasons[i])
	}
}

func (p *plain) closeAlert(number string, r Reason) {
	f := p.find(number)
	if f == nil {
		return
	}
	err := closeAll(p.config.Engine, f, r)
	p.say("Closed alert %s as %s.", number, r.Word)
	if err != nil {
		p.say("But: %v", err)
	}
	if p.sends(f) {
		p.say("It is still sending: closing does not stop it.")
	}
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
