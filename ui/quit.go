package ui

import (
	tea "github.com/charmbracelet/bubbletea"
)

// askQuit quits, unless something would stay frozen: that is said first.
func (m *Model) askQuit() tea.Cmd {
	if len(m.standing) == 0 && m.blindOn == "" {
		return tea.Quit
	}
	m.overlay = &quitQuestion{}
	return nil
}

// quitQuestion says what stays on hosts; the same key again quits.
type quitQuestion struct{}

func (*quitQuestion) mode() mode { return inQuit }

func (*quitQuestion) key(m *Model, k tea.KeyMsg) tea.Cmd {
	a, _ := m.keys.find(inQuit, k.String())
	switch a {
	case back:
		m.overlay = nil
	case standing:
		m.overlay = nil
		return m.show(inStanding)
	case quit:
		return tea.Quit
	}
	return nil
}

func (*quitQuestion) lines(m *Model, w, h int) []string {
	b := newBox(m, w, "QUIT")
	if m.blindOn != "" {
		b.lines = append(b.lines, b.wrapped(critical, "Unknown", "what is still held on hosts cannot be read from the journal: "+m.blindOn)...)
	}
	for _, s := range m.standing {
		b.lines = append(b.lines, b.wrapped(warning, s.Kind, s.Host+": "+s.Text+", since "+span(m.now().Sub(s.Since))+", by "+s.Actor.String())...)
	}
	b.lines = append(b.lines, b.wrapped(title, "", "It stays like that when you leave. `interdict standing` lists it and says what ends it.")...)
	return b.close()
}
