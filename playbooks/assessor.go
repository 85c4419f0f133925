package playbooks

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"interdict/detect"
	"interdict/respond"
	"interdict/respond/reach"
	"interdict/sources"
)

// Assessor answers the guide. It is safe for concurrent use; its fields are
// set before the first use.
type Assessor struct {
	History  sources.History          // nil: nothing is known of the past
	Source   func(detect.Host) string // which of several histories knows a host best; "" or nil: all are asked
	Look     respond.Looker           // nil: no machine can be looked at
	Boot     string                   // boot id of the machine that Look looks at; "": every finding is of it
	Now      func() time.Time
	Watching time.Time      // since when events are recorded; zero: History alone knows
	Zone     *time.Location // of the machine that Look looks at; nil: time.Local
	Deadline time.Duration  // of each query and look-up; 0: 2 s

	Elastic bool // History is a cluster, in which Elastic Security may have raised alerts

	Sheet *Sheet // nil: the embedded guide
	// Sheets are guides that rules brought, by rule id.
	Sheets map[string]*Sheet
	// Alerts gives the findings of a host, for "its other alerts"; nil: not known.
	Alerts func(detect.Host) []*detect.Finding
	// Note gives a rule's own note in Markdown; nil or "": none.
	Note func(ruleID string) string
	// Windows gives what was announced for a time, of any host, as far as it
	// could be read; nil: nothing can be announced.
	Windows func(ctx context.Context, at time.Time) ([]Window, error)
	// Secrets looks for what was within reach on the host of a finding, which it
	// proves to be the one; nil: no host can be looked at.
	Secrets func(ctx context.Context, h detect.Host, of reach.Of) ([]reach.Secret, error)
	// Names gives the names of an address, as the resolver has them; nil: none is
	// looked up. It is asked for addresses inside only.
	Names func(ctx context.Context, addr string) ([]string, error)
	// Entry gives what the inventory says of a host; nil: there is none.
	Entry Entry
	// Cases gives what people said about an alert; nil: nothing.
	Cases *Cases

	memory   memory
	baseline baselines
}

// Assess answers all questions about f. It returns by the deadline of ctx or
// soon after its own, whichever is first; what is not answered by then is OPEN.
// What was asked is remembered for some seconds, so that a finding that goes on
// sending costs queries now and then only, while its own figures are always as given.
func (a *Assessor) Assess(ctx context.Context, f *detect.Finding) *Guide { return a.assess(ctx, f, 0) }

// Soon is Assess for a screen: it gives what is known after a moment and says in
// Guide.Asking how much is not answered yet; whoever asks again is given more.
// Asking goes on until ctx ends, which must outlive the call.
func (a *Assessor) Soon(ctx context.Context, f *detect.Finding) *Guide { return a.assess(ctx, f, soon) }

// soon is how long a screen waits for a guide before it shows what is known.
const soon = 700 * time.Millisecond

func (a *Assessor) assess(ctx context.Context, f *detect.Finding, patience time.Duration) *Guide {
	now := time.Now
	if a.Now != nil {
		now = a.Now
	}
	s := newSubject(f, now().UTC().Truncate(time.Millisecond))
	g := &Guide{AlertID: f.ID, Made: s.now}
	sheet, own, err := a.sheet(f.RuleID)
	if err != nil {
		g.Verdict = Verdict{Word: Unclear, Sending: s.sending(), Open: []string{"the guide could not be read: " + err.Error()}}
		return g
	}
	e := a.memory.recall(ctx, s, patience, func() *gathering { return a.gather(ctx, sheet, s) })
	replies := e.answer(sheet, g)
	if a.Note != nil && !own {
		g.Checklist = checklist(a.Note(f.RuleID), f.Host.Environment)
	}
	g.Verdict = s.verdict(append(replies, a.override(ctx, f, g, replies)...))
	if g.Asking = e.asking; g.Asking > 0 && g.Verdict.Word == Routine {
		g.Verdict.Word = Unclear // what is not known yet may speak against it
	}
	g.Credentials = e.credentials()
	g.Blind = s.blind(e)
	g.Stop, g.Root = s.stop()
	g.Environment = sheet.Environments[f.Host.Environment]
	g.Environment.Facts = e.facts(g.Environment.Name)
	return g
}

// sheet is the guide of a rule, and whether it is the rule's own.
func (a *Assessor) sheet(rule string) (s *Sheet, own bool, err error) {
	if s := a.Sheets[rule]; s != nil {
		return s, true, nil
	}
	if a.Sheet != nil {
		return a.Sheet, false, nil
	}
	s, err = BuiltinSheet()
	return s, false, err
}

// answer makes the answers in the sheet's order.
func (e *evidence) answer(sheet *Sheet, g *Guide) []reply {
	replies := make([]reply, 0, len(sheet.Questions))
	for _, q := range sheet.Questions {
		r, asked := e.reply(q), e.queries[q.ID]
		if d := asked.doubts(); d != "" {
			r.line("partial", d)
		}
		replies = append(replies, r)
		g.Answers = append(g.Answers, Answer{
			Number: q.Number, ID: q.ID, Question: q.Title, Asks: q.Asks,
			State: r.state, Why: r.why, Evidence: r.lines,
			Query: writeOut(asked.text, asked.params), Text: asked.text, Params: asked.params, Source: asked.source,
			Took: max(asked.took, e.looked.took[q.ID]),
		})
		if q.ID == "left" && e.around.text != "" {
			g.Answers[len(g.Answers)-1].More = []string{writeOut(e.around.text, e.around.params)}
		}
	}
	return replies
}

func (e *evidence) reply(q Question) reply {
	switch q.ID {
	case "command":
		return e.answerCommand()
	case "parent":
		return e.answerParent()
	case "host":
		return e.answerHost()
	case "time":
		return e.answerTime()
	case "system":
		return e.answerSystem()
	case "expected":
		return e.answerExpected()
	case "left":
		return e.answerLeft()
	case "others":
		return e.answerOthers()
	case "credentials":
		return e.answerCredentials()
	}
	return e.answerOther(q)
}

// answerOther shows what the query of a rule's own question found; what it
// means is for a person to say.
func (e *evidence) answerOther(q Question) reply {
	asked := e.queries[q.ID]
	if !asked.known() {
		return openFor(asked.unasked)
	}
	r := openFor(fmt.Sprintf("%s found; for you to judge", plural(int64(asked.count()), "row")))
	for i := range min(asked.count(), 5) {
		text := ""
		for c, name := range asked.rows.Names {
			if v := asked.rows.Columns[c].Text(i); v != "" {
				text += name + "=" + short(v, 200) + " "
			}
		}
		r.line("row", text)
	}
	r.open = append(r.open, q.Title+": "+r.why)
	return r
}

// override puts an analyst's answers in place of ours. What they said of the
// checklist comes back as further replies.
func (a *Assessor) override(ctx context.Context, f *detect.Finding, g *Guide, replies []reply) (more []reply) {
	if a.Cases == nil {
		return nil
	}
	said, elsewhere, err := a.Cases.said(ctx, f)
	if err != nil {
		g.Blind = append(g.Blind, "not all that analysts said could be read: "+err.Error())
	}
	for i := range g.Answers {
		if o, ok := said[g.Answers[i].ID]; ok {
			replies[i] = g.Answers[i].override(o)
		}
		g.Answers[i].Evidence = append(g.Answers[i].Evidence, elsewhere[g.Answers[i].ID]...)
	}
	g.Said, err = a.Cases.notes(ctx, f)
	if err != nil {
		g.Blind = append(g.Blind, "what analysts noted could not be read: "+err.Error())
	}
	for i := range g.Checklist {
		if o, ok := said[g.Checklist[i].ID]; ok {
			more = append(more, g.Checklist[i].override(o))
		}
	}
	return more
}

// override makes it the analyst's answer, and what was found a line of evidence.
func (a *Answer) override(o Override) reply {
	a.Evidence = append([]Line{{"found", string(a.State) + ": " + a.Why}}, a.Evidence...)
	a.State, a.Why, a.Overridden = o.State, fmt.Sprintf("%s (%s, %s)", o.Note, o.By, o.At.Format("2006-01-02 15:04")), true
	r, fact := reply{state: o.State}, a.Question+": "+a.Why
	switch o.State {
	case BAD:
		r.against, r.strong = []string{fact}, true
	case OK:
		r.supports, r.routine = []string{fact}, a.ID == "expected"
	default:
		r.open = []string{fact}
	}
	return r
}

func sortedKeys(m map[string]*asked) []string { return slices.Sorted(maps.Keys(m)) }
