package ui

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/detect"
	"interdict/respond"
	"interdict/ui/text"
)

const (
	armAfter   = 400 * time.Millisecond // without a key, before enter on the button counts
	planLimit  = 20 * time.Second
	applyLimit = 15 * time.Minute // each action ends by itself before: an isolation's proof after two minutes, evidence after ten
)

// dialog is the plan of one change: shown whole before it is approved, then how
// it went. Nothing happens before a person moved to the button, left the keys
// alone for a moment and pressed it.
type dialog struct {
	verb, button string // "FREEZE", "Freeze"
	hostName     string
	production   bool
	typed        bool   // the host's name is to be typed
	finding      string // alert id, for the live line; "" for none

	host   respond.Host
	action respond.Action
	plan   respond.Plan
	made   bool  // plan is there
	no     error // why there is none

	focus int
	field line
	top   int
	keys  int // counts keys: arming belongs to one of them
	armed bool

	out *outcome      // how it went; nil before
	far func() string // how far evidence is; nil: none is taken
}

// The places that tab goes to; the field only where the host's name is wanted.
const (
	onCancel = iota
	onField
	onButton
)

func (m *Model) newDialog(verb, button, host, environment string) *dialog {
	return &dialog{verb: verb, button: button, hostName: host, production: environment == "production", typed: environment == "production"}
}

// openPlan opens the dialog and has the plan made.
func (m *Model) openPlan(f *detect.Finding, a action, h respond.Host) tea.Cmd {
	w := changeWords[a]
	d := m.newDialog(w.verb, w.button, f.Host.Name, f.Host.Environment)
	d.host, d.finding = h, f.ID
	m.overlay = d
	on := aim(a, f, m.guides.of(f))
	act, c, config := m.action(m.config, a, f, on), m.changes, m.config
	d.typed = m.config.typed(f.Host.Environment, act.Kind())
	taken := &taking{}
	d.far = taken.String
	return d.make(m, planLimit, func(ctx context.Context) (respond.Action, respond.Plan, error) {
		if a == collect || a == cutOff {
			act = m.action(config.asKnown(ctx, f, taken.told), a, f, on)
		}
		var p respond.Plan
		err := m.config.second(h.Name(), f.Host.Environment, act.Kind())
		if err == nil {
			p, err = planOn(ctx, act, h, f.Host, on)
		}
		if errors.Is(err, respond.ErrRefused) {
			err = errors.Join(err, c.Refused(ctx, act, h, err)) // a refusal that cannot be journaled is still one
		}
		return act, p, err
	})
}

func (d *dialog) make(m *Model, limit time.Duration, plan func(context.Context) (respond.Action, respond.Plan, error)) tea.Cmd {
	return tea.Batch(d.arm(m), m.ask(limit, func(ctx context.Context) tea.Msg {
		a, p, err := plan(ctx)
		return planned{d, a, p, err}
	}))
}

type planned struct {
	d      *dialog
	action respond.Action
	plan   respond.Plan
	err    error
}

func (p planned) take(m *Model) tea.Cmd {
	d := p.d
	if m.overlay != overlay(d) {
		return nil // it was cancelled meanwhile
	}
	d.action, d.plan, d.no, d.made = p.action, p.plan, p.err, p.err == nil
	d.keys++
	return d.arm(m) // a key that was meant for something else must not meet a new plan
}

// arm begins the moment without a key.
func (d *dialog) arm(m *Model) tea.Cmd {
	d.armed = false
	return m.waits.after(armAfter, arming{d, d.keys})
}

type arming struct {
	d    *dialog
	keys int
}

func (a arming) take(*Model) tea.Cmd {
	if a.keys == a.d.keys {
		a.d.armed = true
	}
	return nil
}

func (d *dialog) mode() mode {
	if d.out != nil {
		return d.out.mode()
	}
	return inDialog
}

func (d *dialog) key(m *Model, k tea.KeyMsg) tea.Cmd {
	if d.out != nil {
		return d.out.key(m, k)
	}
	armed := d.armed
	d.keys++
	rearm := d.arm(m)
	if d.focus == onField && d.field.edit(k) {
		return rearm
	}
	if k.Paste {
		return rearm
	}
	a, _ := m.keys.find(inDialog, k.String())
	if k.String() == "shift+tab" || k.String() == "left" {
		d.step(-1)
		return rearm
	}
	switch a {
	case back:
		return d.cancel(m)
	case next:
		d.step(1)
	case up, down, pageUp, pageDown:
		d.scroll(a)
	case open:
		if cmd, done := d.press(m, armed); done {
			return cmd
		}
	}
	return rearm
}

func (d *dialog) cancel(m *Model) tea.Cmd {
	m.overlay = nil
	m.say("cancelled: nothing was changed")
	return nil
}

func (d *dialog) step(by int) {
	places := []int{onCancel}
	if d.made && d.typed {
		places = append(places, onField)
	}
	if d.made {
		places = append(places, onButton)
	}
	at := 0
	for i, p := range places {
		if p == d.focus {
			at = i
		}
	}
	d.focus = places[(at+by+len(places))%len(places)]
}

func (d *dialog) scroll(a action) {
	switch a {
	case up:
		d.top--
	case down:
		d.top++
	case pageUp:
		d.top -= 10
	case pageDown:
		d.top += 10
	}
}

// press presses what has the focus. done is false when it was not carried out.
func (d *dialog) press(m *Model, armed bool) (cmd tea.Cmd, done bool) {
	switch {
	case d.focus == onCancel:
		return d.cancel(m), true
	case d.focus == onField:
		d.step(1)
	case !d.made:
	case d.typed && d.field.text() != d.hostName:
		m.warn("type the host's name first, exactly: " + d.hostName)
		d.focus = onField
	case !armed:
		m.say("not yet: leave the keys alone for a moment, then press enter again")
	default:
		return d.apply(m), true
	}
	return nil, false
}

func (d *dialog) apply(m *Model) tea.Cmd {
	if s, ok := d.action.(*starting); ok {
		return s.begin(m)
	}
	d.out = &outcome{d: d, began: m.now()}
	return d.out.run(m, func(ctx context.Context) (respond.Result, respond.Verdict, error) {
		if u, ok := d.action.(*undoing); ok {
			return u.undo(ctx, d.host)
		}
		if a, ok := d.action.(*approving); ok {
			return a.carry(ctx, d.plan)
		}
		return m.changes.Run(ctx, d.action, d.host, d.plan)
	})
}

func (d *dialog) lines(m *Model, w, h int) []string {
	if d.out != nil {
		return d.out.lines(m, w, h)
	}
	b := newBox(m, w, d.title())
	if d.finding != "" {
		b.lines = b.wrapped(d.liveLine(m))
	}
	foot := d.foot(m, b)
	body := d.body(b)
	room := max(h-2-len(b.lines)-len(foot), 1)
	d.top = max(min(d.top, len(body)-room), 0)
	end := min(d.top+room, len(body))
	b.lines = append(b.lines, body[d.top:end]...)
	if more := len(body) - end; more > 0 {
		b.lines[len(b.lines)-1] = b.line(warning, "", fmt.Sprintf("▼ %s below", plural(more+1, "more line")))
	}
	b.lines = append(b.lines, foot...)
	return b.close()
}

func (d *dialog) title() string {
	s := d.verb + " on " + d.hostName
	if d.production {
		s += " · PRODUCTION"
	}
	return s
}

// liveLine stays true while the plan is read.
func (d *dialog) liveLine(m *Model) (r role, label, t string) {
	f, ok := m.config.Engine.Finding(d.finding)
	switch {
	case !ok:
		return warning, "Now", "the alert is not there any more"
	case m.sends(f):
		return critical, "Now", "STILL SENDING: " + m.left(f)
	case m.isFrozen(f):
		return warning, "Now", "FROZEN: " + m.left(f)
	case f.Live():
		return normal, "Now", "nothing moves at the moment: " + leftWord(f)
	}
	return warning, "Now", liveWord(f) + ": " + leftWord(f)
}

// body is the plan in full.
func (d *dialog) body(b *box) []string {
	switch {
	case d.no != nil:
		return b.problem(d.no)
	case !d.made:
		return b.wrapped(normal, "", "the plan is being made: the host is only looked at…")
	}
	out := b.wrapped(title, "Plan", d.plan.Title)
	for _, l := range d.plan.Lines {
		out = append(out, b.wrapped(normal, l.Label, l.Text)...)
	}
	for _, t := range d.plan.Warnings {
		out = append(out, b.wrapped(warning, "Beware", t)...)
	}
	if d.plan.Undo != "" {
		return append(out, b.wrapped(good, "Undone by", d.plan.Undo)...)
	}
	return append(out, b.wrapped(critical, "No undo", d.plan.NoUndo)...)
}

// foot is the field and the buttons; they never scroll away.
func (d *dialog) foot(m *Model, b *box) []string {
	var out []string
	if d.made && d.typed {
		cursor := d.focus == onField
		out = append(out, b.line(normal, "Host name", "[ "+text.Pad(d.field.shown(40, cursor), min(40, b.inner()-labelWidth-4))+" ]"))
	}
	s := m.strip(b.inner()).add(muted, "tab › ")
	button := func(at int, name string) {
		r := normal
		if d.focus == at {
			r = focus
		}
		s.add(r, "[ "+name+" ]").add(normal, "  ")
	}
	button(onCancel, "Cancel")
	if d.made {
		button(onButton, d.button)
		s.add(muted, d.waitsFor())
	}
	return append(out, b.raw(s.String()))
}

// waitsFor says what is still missing before the button does something.
func (d *dialog) waitsFor() string {
	switch {
	case d.typed && d.field.text() != d.hostName:
		return "wants the host's name: " + d.hostName
	case d.focus != onButton:
		return ""
	case !d.armed:
		return "arming…"
	}
	return "armed: enter does it"
}

// problem says in full why something is not done.
func (b *box) problem(err error) []string {
	var refusal *respond.Refusal
	switch {
	case errors.As(err, &refusal):
		out := b.wrapped(critical, "Refused", "nothing was changed, because:")
		for _, r := range refusal.Reasons {
			out = append(out, b.wrapped(normal, "· "+r.Code, r.Text+overrideHint(r))...)
		}
		return out
	case errors.Is(err, respond.ErrPlanStale):
		out := b.wrapped(critical, "Stale", "nothing was changed: "+err.Error())
		return append(out, b.wrapped(normal, "Next", "close this and look at the alert again")...)
	}
	return b.wrapped(critical, "Failed", strings.TrimSpace(err.Error()))
}

// overrideHint says how to go on all the same. Not with a key: whoever overrides
// a safety check is to type it whole.
func overrideHint(r respond.Reason) string {
	if r.Override == "" {
		return ""
	}
	return fmt.Sprintf(" (on the command line: --override %q)", r.Override)
}

// box is a frame around labelled lines.
type box struct {
	m     *Model
	w     int
	title string
	lines []string
}

func newBox(m *Model, w int, title string) *box { return &box{m: m, w: min(w, 110), title: title} }

// inner is the room inside of the frame.
func (b *box) inner() int { return b.w - 6 }

// raw puts a frame around one line of at most inner cells.
func (b *box) raw(s string) string {
	line := b.m.strip(b.w).add(muted, " │ ")
	line.b.WriteString(s)
	line.used += text.Width(plainOf(s))
	return line.to(b.w-2).add(muted, "│").String()
}

func (b *box) line(r role, label, t string) string {
	return b.raw(b.m.strip(b.inner()).add(muted, label).to(labelWidth).add(r, t).String())
}

func (b *box) add(r role, label, t string) { b.lines = append(b.lines, b.wrapped(r, label, t)...) }

// wrapped gives a label and its text in as many lines as that takes, within reason.
func (b *box) wrapped(r role, label, t string) []string {
	var out []string
	for i, l := range text.Wrap(t, b.inner()-labelWidth, 20) {
		if i > 0 {
			label = ""
		}
		out = append(out, b.line(r, text.Fit(label, labelWidth-1), l))
	}
	return out
}

// each gives texts below one another under one label.
func (b *box) each(label string, all []string) (out []string) {
	for _, t := range all {
		out = append(out, b.wrapped(normal, label, t)...)
		label = ""
	}
	return out
}

func (b *box) close() []string {
	head := text.Fit(b.title, b.w-8)
	top := b.m.strip(b.w).add(muted, " ┌ ").add(title, head).add(muted, " ")
	top.add(muted, strings.Repeat("─", max(top.room()-2, 0))+"┐")
	bottom := b.m.strip(b.w).add(muted, " └"+strings.Repeat("─", max(b.w-4, 0))+"┘")
	return append(append([]string{top.String()}, b.lines...), bottom.String())
}
