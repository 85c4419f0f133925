package ui

import (
	"context"
	"errors"
	"fmt"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/respond"
)

// overrideWords are what a person types to have a change made that cannot be journaled.
const overrideWords = "without journal"

// outcome is a change under way, and then how it went.
type outcome struct {
	d       *dialog
	began   time.Time
	stop    context.CancelFunc
	done    bool
	result  respond.Result
	verdict respond.Verdict
	err     error
	top     int
	field   line // the override, where one can be typed
}

func (o *outcome) run(m *Model, f func(context.Context) (respond.Result, respond.Verdict, error)) tea.Cmd {
	ctx, stop := context.WithTimeout(m.ctx, applyLimit)
	o.stop = stop
	return func() tea.Msg {
		defer stop()
		r, v, err := f(ctx)
		return finished{o, r, v, err}
	}
}

type finished struct {
	o       *outcome
	result  respond.Result
	verdict respond.Verdict
	err     error
}

// take keeps the outcome also when nobody looks at it any more: then the last
// line says it.
func (f finished) take(m *Model) tea.Cmd {
	o := f.o
	o.done, o.result, o.verdict, o.err = true, f.result, f.verdict, f.err
	if m.overlay != overlay(o.d) {
		m.say(o.headline())
	}
	if a, ok := o.d.action.(*approving); ok {
		p := m.panes[inRun].(*runPane)
		if p.id == a.run {
			p.moved = false
			return tea.Batch(m.readStanding(), p.goOn(m))
		}
	}
	return tea.Batch(m.readStanding(), o.keep(m))
}

// keep puts the alert for which a host was changed into a case.
func (o *outcome) keep(m *Model) tea.Cmd {
	f, ok := m.config.Engine.Finding(o.d.finding)
	if o.result.Kind == "" || o.d.finding == "" || m.config.Cases == nil || !ok {
		return nil
	}
	return m.keepCase(f, func(string) tea.Msg { return nil })
}

func (o *outcome) headline() string {
	switch {
	case o.err != nil && o.result.Kind == "":
		return o.d.verb + " on " + o.d.hostName + ": nothing was changed"
	case o.err != nil || o.result.Partial:
		return o.d.verb + " on " + o.d.hostName + ": done in part"
	case !o.verdict.OK():
		return o.d.verb + " on " + o.d.hostName + ": done, verification says " + string(o.verdict.State)
	}
	return o.d.verb + " on " + o.d.hostName + ": done and verified"
}

// wantsOverride tells whether only the journal's disk is in the way.
func (o *outcome) wantsOverride() bool {
	return o.done && o.result.Kind == "" && errors.Is(o.err, respond.ErrNoSpace)
}

func (o *outcome) mode() mode {
	if o.wantsOverride() {
		return inLine
	}
	return inOutcome
}

func (o *outcome) key(m *Model, k tea.KeyMsg) tea.Cmd {
	if o.wantsOverride() {
		return o.override(m, k)
	}
	a, _ := m.keys.find(inOutcome, k.String())
	switch a {
	case up:
		o.top--
	case down:
		o.top++
	case open:
		if o.done {
			m.overlay = nil
			m.say(o.headline())
		} else if k.String() != "enter" {
			o.stop()
			m.say("asked to stop: what was changed until then is journaled and shown")
		}
	}
	return nil
}

// override goes on without a journal if exactly that was typed.
func (o *outcome) override(m *Model, k tea.KeyMsg) tea.Cmd {
	if o.field.edit(k) {
		return nil
	}
	a, _ := m.keys.find(inLine, k.String())
	switch a {
	case back:
		m.overlay = nil
		m.say("nothing was changed")
	case open:
		typed := o.field.text()
		if typed != overrideWords {
			m.warn(fmt.Sprintf("to go on, type exactly: %s", overrideWords))
			return nil
		}
		d := o.d
		d.out = &outcome{d: d, began: m.now()}
		return d.out.run(m, func(ctx context.Context) (respond.Result, respond.Verdict, error) {
			return m.changes.RunUnjournaled(ctx, typed, d.action, d.host, d.plan)
		})
	}
	return nil
}

func (o *outcome) lines(m *Model, w, h int) []string {
	b := newBox(m, w, o.d.title())
	if o.d.finding != "" {
		b.lines = b.wrapped(o.d.liveLine(m))
	}
	body := o.body(m, b)
	var foot []string
	if o.wantsOverride() {
		foot = []string{b.line(warning, "Override", o.field.shown(b.inner()-labelWidth-2, true))}
	}
	room := max(h-2-len(b.lines)-len(foot), 1)
	o.top = max(min(o.top, len(body)-room), 0)
	b.lines = append(append(b.lines, body[o.top:min(o.top+room, len(body))]...), foot...)
	return b.close()
}

func (o *outcome) body(m *Model, b *box) []string {
	if !o.done {
		out := b.wrapped(title, "Under way", fmt.Sprintf("since %s; esc asks to stop", span(m.now().Sub(o.began))))
		if o.d.far != nil {
			out = append(out, b.wrapped(normal, "Evidence", o.d.far())...)
		}
		return out
	}
	out := o.proof(b)
	if o.err != nil {
		out = append(out, b.problem(o.err)...)
	}
	if o.wantsOverride() {
		out = append(out, b.wrapped(warning, "", "The disk that holds the journal is full, its reserve too. Make room and press the key again; or, if this cannot wait, type \""+overrideWords+"\" and enter: the change is then made, and journaled with these words as soon as there is room.")...)
	}
	if o.result.Kind == "" {
		return out
	}
	out = append(out, b.wrapped(title, "Done", o.result.Summary)...)
	for _, l := range o.result.Lines {
		out = append(out, b.wrapped(normal, l.Label, l.Text)...)
	}
	for _, held := range o.result.Holds {
		out = append(out, b.wrapped(warning, "Standing", held.Text)...)
	}
	if len(o.result.Holds) > 0 {
		out = append(out, b.wrapped(normal, "Next", "R takes it back; until then it is listed under STANDING, also when you quit")...)
	}
	return out
}

// proof says first what was found when it was looked at from outside.
func (o *outcome) proof(b *box) []string {
	if o.result.Kind == "" {
		return nil
	}
	r := critical
	if o.verdict.OK() && o.err == nil {
		r = good
	}
	word := map[respond.State]string{respond.Holds: "VERIFIED", respond.Partly: "HOLDS IN PART", respond.Not: "DOES NOT HOLD"}[o.verdict.State]
	if word == "" {
		word = "NOT VERIFIED"
	}
	out := b.wrapped(r, "Verdict", word+": "+o.verdict.Summary)
	for _, l := range o.verdict.Lines {
		out = append(out, b.wrapped(normal, l.Label, l.Text)...)
	}
	return out
}
