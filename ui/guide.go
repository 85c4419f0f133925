package ui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/ui/text"
)

// guidePane is the investigation guide of one alert, already answered.
type guidePane struct {
	alert string
	last  *detect.Finding // as it was seen last: it may be closed meanwhile
	at    int             // the question under the cursor, or what is said below them
	top   int
	whole map[int]bool // questions whose evidence is shown whole
	query bool         // the query behind the question under the cursor
}

func (m *Model) openGuide(f *detect.Finding) tea.Cmd {
	p := m.panes[inGuide].(*guidePane)
	if p.alert != f.ID {
		*p = guidePane{alert: f.ID, whole: map[int]bool{}}
	}
	p.last = f
	return m.show(inGuide)
}

func (p *guidePane) enter(m *Model) tea.Cmd { return m.assess() }

// finding is the alert's as the engine has it now.
func (p *guidePane) finding(m *Model) *detect.Finding {
	if f, ok := m.snap.Finding(p.alert); ok { // the engine may be busy
		p.last = f
	} else if f, ok := m.config.Engine.Finding(p.alert); ok {
		p.last = f
	}
	return p.last
}

func (p *guidePane) act(m *Model, a action) tea.Cmd {
	f := p.finding(m)
	if f == nil {
		return nil
	}
	g := m.guides.of(f)
	all := p.entries(g, f)
	n := len(all)
	if g != nil {
		n += len(m.afterAnswers(f, g))
	}
	switch a {
	case up, pageUp:
		p.move(-1, n)
	case down, pageDown:
		p.move(1, n)
	case first:
		p.move(-n, n)
	case last:
		p.move(n, n)
	case next:
		p.nextOpen(all)
	case open:
		p.whole[p.at] = !p.whole[p.at]
	case query:
		p.query = !p.query
	case edit:
		if p.at < len(all) && all[p.at].Query != "" {
			return m.openQuery(all[p.at].Query, all[p.at].Source)
		}
		m.warn("no query is behind this answer")
	case answerIt:
		switch {
		case p.at < len(questions(g)):
			m.overlay = &answerForm{finding: f, answer: &all[p.at]}
		case p.at < len(all):
			m.say("this was counted: n notes what you know of it")
		default:
			m.say("this is no question: n notes what you know of it")
		}
	case noteIt:
		m.overlay = &answerForm{finding: f}
	case except:
		return m.openExcept(f)
	case again:
		m.guides.forget(f.ID)
		return m.assess()
	default:
		return m.actOn(f, a)
	}
	return nil
}

func (p *guidePane) move(by, n int) { p.at = max(min(p.at+by, n-1), 0) }

// questions are all that can be answered: the guide's and the steps of the rule's note.
func questions(g *playbooks.Guide) []playbooks.Answer {
	if g == nil {
		return nil
	}
	return append(slices.Clone(g.Answers), g.Checklist...)
}

// entries are all lines that the cursor can be on: the questions, then the reasons of the risk.
func (p *guidePane) entries(g *playbooks.Guide, f *detect.Finding) []playbooks.Answer {
	if g == nil {
		return nil
	}
	return append(questions(g), playbooks.Reasons(f)...)
}

func (p *guidePane) nextOpen(all []playbooks.Answer) {
	for i := range all {
		at := (p.at + 1 + i) % len(all)
		if all[at].State == playbooks.OPEN {
			p.at = at
			return
		}
	}
}

func (p *guidePane) lines(m *Model, w, h int) []string {
	f := p.finding(m)
	if f == nil {
		return []string{m.strip(w).add(normal, "  no alert was chosen").String()}
	}
	out := p.top3(m, f, w)
	g := m.guides.of(f)
	if g == nil {
		return append(out, "", m.strip(w).add(normal, "  "+m.unanswered()).String())
	}
	body, starts := p.answers(m, g, f, w)
	room := h - len(out)
	p.scroll(starts, len(body), room)
	return append(out, body[p.top:min(p.top+room, len(body))]...)
}

// unanswered says why there are no answers.
func (m *Model) unanswered() string {
	if m.config.Assess == nil {
		return "the guide cannot be answered: there is no history to ask"
	}
	return "the questions are being answered…"
}

// top3 is which alert it is, the verdict, and what would stop it.
func (p *guidePane) top3(m *Model, f *detect.Finding, w int) []string {
	g := m.guides.of(f)
	head := m.strip(w).add(title, " "+hostWord(f)+" · "+what(f)).add(normal, " · "+f.RuleName).right(muted, prefixOf(m.lookersWord(f))+m.caseWord(f)+"alert "+text.Fit(f.ID, 8)+" ")
	verdict := m.strip(w).add(normal, " ")
	m.verdictWords(verdict, g, f)
	out := []string{head.String(), verdict.String()}
	if g != nil && g.Stop != "" && !m.config.ReadOnly {
		out = append(out, m.strip(w).add(muted, " Stop it  ").add(normal, m.stopWord(f, g)).String())
	}
	if f.Closed {
		out = append(out, m.strip(w).add(warning, " this alert is closed").String())
	}
	return append(out, m.rule(w, ""))
}

// caseWord names the case that a finding is in.
func (m *Model) caseWord(f *detect.Finding) string {
	if id := m.config.Engine.InCase(f.Alert); id != "" {
		return id + " · "
	}
	return ""
}

// scroll keeps the question under the cursor on the screen.
func (p *guidePane) scroll(starts []int, total, room int) {
	if len(starts) == 0 {
		p.top = 0
		return
	}
	p.at = min(p.at, len(starts)-1)
	begin, end := starts[p.at], total
	if p.at+1 < len(starts) {
		end = starts[p.at+1]
	}
	if end > p.top+room {
		p.top = end - room
	}
	p.top = max(min(p.top, begin), 0)
}

// answers gives all lines, and where each question begins.
func (p *guidePane) answers(m *Model, g *playbooks.Guide, f *detect.Finding, w int) (out []string, starts []int) {
	asked := len(questions(g))
	for i, a := range p.entries(g, f) {
		if i == asked {
			out = append(out, m.rule(w, fmt.Sprintf("risk %d: the rule's %d, and", f.Adjusted, f.Risk)))
		}
		starts = append(starts, len(out))
		out = append(out, p.answer(m, i, a, w)...)
	}
	for _, b := range m.afterAnswers(f, g) {
		if b.above != "" {
			out = append(out, m.rule(w, b.above))
		}
		i := len(starts)
		starts = append(starts, len(out))
		out = append(out, p.below(m, i, b, w)...)
	}
	return out, starts
}

// below is one thing that is said below the questions.
type below struct {
	above       string // a heading
	label, text string
}

// afterAnswers is what analysts said, what the environment means, what to do
// there, and what cannot be seen at all.
func (m *Model) afterAnswers(f *detect.Finding, g *playbooks.Guide) (out []below) {
	put := func(label, text string) { out = append(out, below{label: label, text: text}) }
	for _, n := range g.Said {
		put("said by "+n.By, n.At.UTC().Format("2006-01-02 15:04")+" "+n.Text)
	}
	advised := len(out)
	for _, t := range g.Environment.Implications {
		put("means", t)
	}
	for _, l := range g.Environment.Facts {
		put(l.Label, l.Text)
	}
	for _, t := range g.Environment.Actions {
		put("do", t)
	}
	unseen := len(out)
	for _, b := range append(f.Unseen(), g.Blind...) {
		put("not seen", b)
	}
	if advised < unseen {
		out[advised].above = "in " + g.Environment.Name + ": what it means, what is known, what to do"
	}
	if unseen < len(out) {
		out[unseen].above = "what could not be seen"
	}
	return out
}

func (p *guidePane) below(m *Model, i int, b below, w int) (out []string) {
	mark, r, limit := "  ", normal, 4
	if i == p.at {
		mark, r = "▌ ", title
	}
	if p.whole[i] {
		limit = 40
	}
	for n, line := range text.Wrap(b.text, w-answerIndent-1, limit) {
		s := m.strip(w)
		if n == 0 {
			s.add(title, mark).add(muted, text.Fit(b.label, answerIndent-3))
		}
		out = append(out, s.to(answerIndent).add(r, line).String())
	}
	return out
}

// Where the questions end and what is said about them begins.
const answerIndent = 25

func (p *guidePane) answer(m *Model, i int, a playbooks.Answer, w int) []string {
	mark, r := "  ", normal
	if i == p.at {
		mark, r = "▌ ", title
	}
	limit := 2
	if p.whole[i] {
		limit = 40
	}
	var out []string
	put := func(r role, t string) {
		for _, line := range text.Wrap(t, w-answerIndent-1, limit) {
			out = append(out, m.strip(w).to(answerIndent).add(r, line).String())
		}
	}
	head := m.strip(w).add(title, mark).add(stateRole(a.State), fmt.Sprintf("%-5s", a.State))
	head.add(r, text.Pad(questionWord(a), answerIndent-8)).to(answerIndent)
	why := text.Wrap(a.Why, w-answerIndent-1, limit)
	if len(why) > 0 {
		head.add(r, why[0])
		why = why[1:]
	}
	out = append(out, head.String())
	for _, line := range why {
		out = append(out, m.strip(w).to(answerIndent).add(r, line).String())
	}
	for n, e := range a.Evidence {
		if n == 2 && !p.whole[i] {
			put(muted, fmt.Sprintf("+ %s (enter)", plural(len(a.Evidence)-n, "more line")))
			break
		}
		put(muted, strings.TrimPrefix(e.Label+": ", ": ")+e.Text)
	}
	if i == p.at && p.query {
		limit = 40
		put(keycap, "query, "+took(a.Took)+":")
		for line := range strings.SplitSeq(strings.Join(append([]string{orNone(a.Query)}, a.More...), "\n\n"), "\n") {
			put(keycap, line)
		}
	}
	return out
}

// questionWord is the number and title of a question; a step of a note has no
// number, and neither has a reason of the risk.
func questionWord(a playbooks.Answer) string {
	if strings.HasPrefix(a.Question, "Risk: ") {
		return strings.TrimPrefix(a.Question, "Risk: ")
	}
	if a.Number == 0 {
		return "☐ " + a.Question
	}
	return fmt.Sprintf("%d %s", a.Number, a.Question)
}

func orNone(query string) string {
	if query == "" {
		return "none: this was read from the machine, not from history"
	}
	return query
}

func stateRole(s playbooks.State) role {
	switch s {
	case playbooks.BAD:
		return critical
	case playbooks.OK:
		return good
	}
	if strings.HasPrefix(string(s), "-") { // a reason that takes risk away
		return good
	}
	return warning
}

func took(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}
