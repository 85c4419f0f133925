package ui

import tea "github.com/charmbracelet/bubbletea"

// scrolled is what panes of lines without a cursor have in common.
type scrolled struct{ top int } // the first line that is shown

func (s *scrolled) enter(*Model) tea.Cmd { s.top = 0; return nil }

func (s *scrolled) act(m *Model, a action) tea.Cmd {
	switch a {
	case up:
		s.top--
	case down:
		s.top++
	case pageUp:
		s.top -= m.layout.body() - 1
	case pageDown:
		s.top += m.layout.body() - 1
	case first:
		s.top = 0
	case last:
		s.top = 1 << 20
	}
	return nil
}

// window gives which of n lines are shown in a height of h.
func (s *scrolled) window(n, h int) (from, to int) {
	s.top = max(min(s.top, n-h), 0)
	return s.top, min(s.top+h, n)
}
