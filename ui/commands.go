package ui

import (
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
)

// named is a command of the colon line.
type named struct {
	name, help string
	args       []string
	do         func(m *Model, arg string) tea.Cmd
}

// commands are those that there are: the keys by name, and what takes an argument.
func (m *Model) commands() []named {
	out := []named{
		by("alerts", "the alerts", alerts), by("events", "live events", events), by("journal", "every change that was made", journal),
		by("standing", "what is still held on hosts", standing), by("cases", "how the shift stands", cases), by("case", "the case of the alert", caseOf), by("watching", "how sources and rules do, and the lag of each host", watching), by("help", "all keys", help), by("quit", "quit", quit),
		by("guide", "the guide of the alert", open), by("ack", "take the alert", ack), by("except", "hide what is like the alert, within limits", except),
		{"hand-over", "what the next shift must know", nil, func(m *Model, _ string) tea.Cmd { return m.openHandOver() }},
		{"close", "close the alert, with a reason", reasonNames(), closeNamed},
		{"filter", "show only what matches", nil, filterNamed},
		{"sort", "sort the alerts", orderNames(), sortNamed},
		{"query", "ask the history in ES|QL", nil, func(m *Model, arg string) tea.Cmd { return m.openQuery(arg, m.query().source) }},
		{"theme", "other colours", Themes, themeNamed},
	}
	if !m.config.ReadOnly {
		out = append(out, by("block", "block where the data goes: plan first", blockIt), by("freeze", "freeze the tree: plan first", freeze), by("isolate", "cut the host off: plan first", cutOff), by("kill", "kill the tree: plan first", kill), by("playbook", "run a playbook for the alert: every plan first", playbook), by("resume", "resume, unblock or release what is held: plan first", resume))
	}
	return out
}

func by(name, help string, a action) named {
	return named{name, help, nil, func(m *Model, _ string) tea.Cmd { return m.act(a) }}
}

func orderNames() []string {
	out := make([]string, len(orders))
	for i, o := range orders {
		out[i] = o.name
	}
	return out
}

func sortNamed(m *Model, arg string) tea.Cmd {
	for i, o := range orders {
		if arg != "" && strings.HasPrefix(o.name, arg) {
			m.alerts.order = i
			m.alerts.setSnapshot(m)
			return nil
		}
	}
	m.warn("sort takes one of: " + strings.Join(orderNames(), ", "))
	return nil
}

func themeNamed(m *Model, arg string) tea.Cmd {
	t, err := newTheme(arg, m.config.NoColor)
	if err != nil {
		m.warn(err.Error())
		return nil
	}
	m.theme = t
	if m.config.NoColor {
		m.say("NO_COLOR is set: no theme has colours")
	}
	return nil
}

func filterNamed(m *Model, arg string) tea.Cmd {
	if m.shown == inEvents && m.config.Feed != nil {
		return m.events.setFilter(m, arg)
	}
	return m.alerts.setFilter(m, arg)
}

func closeNamed(m *Model, arg string) tea.Cmd {
	f := m.looked()
	if f == nil {
		m.warn("there is no alert to close")
		return nil
	}
	for _, r := range Reasons {
		if arg == r.Word {
			return m.closeAlert(f, r)
		}
	}
	m.overlay = &reasonMenu{finding: f}
	m.say(fmt.Sprintf("close takes one of: %s", strings.Join(reasonNames(), ", ")))
	return nil
}
