package ui

import (
	"cmp"
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/detect"
)

// Reason is why an alert is closed.
type Reason struct{ Key, Word, Text string }

// Reasons are all there are. Benign is not a false positive: the rule was right
// and the transfer was allowed.
var Reasons = []Reason{
	{"b", "benign", "the transfer happened and is allowed"},
	{"m", "maintenance", "announced work: change, migration, backup"},
	{"x", "exercise", "a test or an exercise"},
	{"f", "false-positive", "there was no such transfer: the rule is wrong"},
	{"t", "true-positive", "it was theft, and it was dealt with"},
	{"d", "duplicate", "another alert says the same"},
}

// said is the reason as it is kept.
func (r Reason) said() string { return strings.ReplaceAll(r.Word, "-", " ") }

func reasonNames() []string {
	out := make([]string, len(Reasons))
	for i, r := range Reasons {
		out[i] = r.Word
	}
	return out
}

// reasonMenu closes one alert with one key.
type reasonMenu struct{ finding *detect.Finding }

func (r *reasonMenu) mode() mode { return inReason }

func (r *reasonMenu) key(m *Model, k tea.KeyMsg) tea.Cmd {
	if a, _ := m.keys.find(inReason, k.String()); a == back {
		m.overlay = nil
		m.say("it stays open")
		return nil
	}
	for _, reason := range Reasons {
		if k.String() == reason.Key {
			m.overlay = nil
			return m.closeAlert(r.finding, reason)
		}
	}
	return nil
}

// closeAlert closes outside of the loop: the engine may be at work.
func (m *Model) closeAlert(f *detect.Finding, r Reason) tea.Cmd {
	e := m.config.Engine
	return func() tea.Msg {
		return spoken{fmt.Sprintf("closed as %s: %s", r.said(), what(f)), closeAll(e, f, r), true}
	}
}

// closeAll closes the alerts of all rules about the one thing that is on the screen.
func closeAll(e Engine, f *detect.Finding, r Reason) error {
	var errs []error
	for _, a := range f.Alerts() {
		errs = append(errs, e.Close(a, r.said()))
	}
	return cmp.Or(errs...)
}

// ackAlert takes the alert for whoever sits here, where other consoles see it.
func (m *Model) ackAlert(f *detect.Finding) tea.Cmd {
	e := m.config.Engine
	return func() tea.Msg { return spoken{"yours: " + what(f) + "; other consoles see it", ackAll(e, f), false} }
}

func ackAll(e Engine, f *detect.Finding) error {
	var errs []error
	for _, a := range f.Alerts() {
		errs = append(errs, e.Ack(a))
	}
	return cmp.Or(errs...)
}

// spoken is that something was said about an alert; it pulls without waiting
// for the engine's signal.
type spoken struct {
	done string
	err  error
	over bool // there is no alert any more
}

func (s spoken) take(m *Model) tea.Cmd {
	switch {
	case s.err == nil:
		m.say(s.done)
	case s.over:
		m.warn(s.done + ", but: " + s.err.Error())
	default:
		m.warn("not yours: " + s.err.Error())
	}
	m.pull()
	if !s.over {
		return nil
	}
	if m.shown == inGuide {
		return m.back()
	}
	return m.assess()
}

func (r *reasonMenu) lines(m *Model, w, h int) []string {
	b := newBox(m, w, "CLOSE  "+what(r.finding)+" on "+r.finding.Host.Name)
	if m.sends(r.finding) {
		b.add(critical, "Now", "STILL SENDING: closing the alert does not stop it")
	}
	for _, reason := range Reasons {
		b.add(normal, "  "+reason.Key, fmt.Sprintf("%-15s %s", reason.Word, reason.Text))
	}
	return b.close()
}
