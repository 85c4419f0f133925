package ui

import (
	"strings"

	"interdict/ui/text"
)

// strip builds one line of at most its width, from untrusted text and roles.
type strip struct {
	theme *theme
	b     strings.Builder
	used  int
	width int
}

func (m *Model) strip(width int) *strip { return &strip{theme: m.theme, width: width} }

// add appends text as far as there is room.
func (s *strip) add(r role, t string) *strip {
	t = text.Fit(t, s.width-s.used)
	s.used += text.Width(t)
	s.b.WriteString(s.theme.in(r, t))
	return s
}

// to goes to a column, if that is not behind already.
func (s *strip) to(column int) *strip {
	if n := min(column, s.width) - s.used; n > 0 {
		s.b.WriteString(strings.Repeat(" ", n))
		s.used += n
	}
	return s
}

// right appends text at the right edge, if there is room for it whole.
func (s *strip) right(r role, t string) *strip {
	n := text.Width(t)
	if s.used+n+1 > s.width {
		return s
	}
	return s.to(s.width-n).add(r, t)
}

// room is how many cells are left.
func (s *strip) room() int { return s.width - s.used }

func (s *strip) String() string { return s.b.String() }

// wrapped gives text in at most limit lines, a little in from the edge.
func (m *Model) wrapped(w int, r role, s string, limit int) (out []string) {
	for _, t := range text.Wrap(s, w-4, limit) {
		out = append(out, m.strip(w).add(r, "  "+t).String())
	}
	return out
}

// blank is n empty lines.
func blank(n int) []string { return make([]string, max(n, 0)) }

// exactly cuts or fills to h lines.
func exactly(lines []string, h int) []string {
	if len(lines) > h {
		return lines[:max(h, 0)]
	}
	return append(lines, blank(h-len(lines))...)
}

// rule is a line across, with a heading in it.
func (m *Model) rule(width int, heading string) string {
	s := m.strip(width)
	if heading == "" {
		return s.add(muted, " "+strings.Repeat("─", max(width-2, 0))).String()
	}
	s.add(muted, " ─ ").add(title, text.Fit(heading, width-8))
	return s.add(muted, " "+strings.Repeat("─", max(s.room()-2, 0))).String()
}
