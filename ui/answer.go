package ui

import (
	"context"
	"strconv"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/detect"
	"interdict/playbooks"
)

// answerForm puts a person's answer in place of the guide's, or adds a note to
// what was said about the alert.
type answerForm struct {
	finding *detect.Finding
	answer  *playbooks.Answer // nil: a note alone
	state   int               // in answerStates
	why     line
	no      string // why it was not kept
}

// answerStates are what can be answered; the last gives the question back.
var answerStates = []struct {
	state playbooks.State
	word  string
}{
	{playbooks.OK, "OK: it does not speak against the transfer"},
	{playbooks.BAD, "BAD: it speaks against the transfer"},
	{playbooks.OPEN, "OPEN: it is not known"},
	{"", "what the guide itself found"},
}

func (a *answerForm) mode() mode { return inAnswer }

func (a *answerForm) key(m *Model, k tea.KeyMsg) tea.Cmd {
	what, known := m.keys.find(inAnswer, k.String())
	switch {
	case !known:
		a.why.edit(k)
	case what == back:
		m.overlay = nil
		m.say("nothing was said")
	case what == next && a.answer != nil:
		a.state = (a.state + 1) % len(answerStates)
	case what == open:
		return a.keep(m)
	}
	return nil
}

// keep says it; a finding's guide is then made anew.
func (a *answerForm) keep(m *Model) tea.Cmd {
	why, f, engine := strings.TrimSpace(a.why.text()), a.finding, m.config.Engine
	said := playbooks.State("")
	if a.answer != nil {
		said = answerStates[a.state].state
	}
	if why == "" && (a.answer == nil || said != "") {
		a.no = "say why: whoever reads it later will want to know"
		return nil
	}
	m.overlay = nil
	m.guides.forget(f.ID)
	if a.answer == nil {
		return func() tea.Msg { return remarked{"noted", engine.Note(f.Alert, why)} }
	}
	id := a.answer.ID
	return func() tea.Msg { return remarked{"answered", engine.Answer(f.Alert, id, said, why)} }
}

// remarked is that something was said about an alert that stays open.
type remarked struct {
	done string
	err  error
}

func (n remarked) take(m *Model) tea.Cmd {
	if n.err != nil {
		m.warn("not kept: " + n.err.Error())
	} else {
		m.say(n.done)
	}
	return m.assess()
}

func (a *answerForm) lines(m *Model, w, h int) []string {
	head := "NOTE on " + what(a.finding) + " on " + a.finding.Host.Name
	if a.answer != nil {
		head = "ANSWER  " + a.answer.Question
	}
	b := newBox(m, w, head)
	if a.answer != nil {
		if a.answer.Asks != "" {
			b.add(normal, "Asks", a.answer.Asks)
		}
		b.add(normal, "Now", string(a.answer.State)+": "+a.answer.Why)
		for i, s := range answerStates {
			mark, r := "  ", normal
			if i == a.state {
				mark, r = "▌ ", title
			}
			b.add(r, mark, s.word)
		}
	}
	b.add(normal, "Why", a.why.shown(b.inner()-labelWidth, true))
	if a.no != "" {
		b.add(critical, "", a.no)
	}
	return b.close()
}

// answer puts a person's answer in place of the guide's.
func (p *plain) answer(ctx context.Context, args string) {
	words := strings.SplitN(args, " ", 4)
	if len(words) < 3 {
		p.say("answer takes the number of an alert, that of a question as guide lists it, ok, bad, open or guide, and why.")
		return
	}
	f := p.find(words[0])
	if f == nil || p.config.Assess == nil {
		return
	}
	all := questions(p.assessed(ctx, f))
	n, err := strconv.Atoi(words[1])
	if err != nil || n < 1 || n > len(all) {
		p.say("There is no question %s: guide lists them.", words[1])
		return
	}
	state := playbooks.State(strings.ToUpper(words[2]))
	if words[2] == "guide" {
		state = ""
	}
	why := strings.Join(words[3:], " ")
	if err := p.config.Engine.Answer(f.Alert, all[n-1].ID, state, why); err != nil {
		p.say("Not kept: %v", err)
		return
	}
	p.say("Answered.")
}

func (p *plain) note(ctx context.Context, args string) {
	number, text, _ := strings.Cut(args, " ")
	if isCase(number) {
		p.noteCase(ctx, number, text)
		return
	}
	f := p.find(number)
	if f == nil {
		return
	}
	if err := p.config.Engine.Note(f.Alert, strings.TrimSpace(text)); err != nil {
		p.say("Not kept: %v", err)
		return
	}
	p.say("Noted.")
}
