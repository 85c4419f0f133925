package ui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/detect"
	"interdict/ui/text"
)

// folded is the one row of all that is routine. Its name is no alert's.
var folded = &detect.Finding{Alert: detect.Alert{ID: "routine"}}

// routineClass is what of the routine is of one class.
type routineClass struct {
	name  string
	n     int
	sent  int64
	proof string // of one of them
	limit string // of one of them
}

// routineClasses counts what is routine by class, the most frequent first.
func (m *Model) routineClasses() (all []routineClass, sent int64) {
	for _, f := range m.snap.Routine {
		i := slices.IndexFunc(all, func(c routineClass) bool { return c.name == f.Routine.Class })
		if i < 0 {
			i = len(all)
			all = append(all, routineClass{name: f.Routine.Class, proof: f.Routine.Proof, limit: strings.Join(f.Routine.Limits, ", ")})
		}
		all[i].n++
		if f.Transfer != nil {
			all[i].sent += f.Transfer.Sent
			sent += f.Transfer.Sent
		}
	}
	slices.SortStableFunc(all, func(a, b routineClass) int { return cmp.Or(b.n-a.n, strings.Compare(a.name, b.name)) })
	return all, sent
}

func (p *alertPane) onFolded() bool {
	id, ok := p.grid.Cursor()
	return ok && id == folded.ID
}

// fold shows what is routine, or what is not.
func (p *alertPane) fold(m *Model) tea.Cmd {
	p.folds, p.known = !p.folds, false
	p.setSnapshot(m)
	if p.folds {
		p.grid.First()
	}
	return m.assess()
}

// routineWord is "ansible 22 · backup 9".
func (m *Model) routineWord() (classes, bytes string) {
	all, sent := m.routineClasses()
	words := make([]string, len(all))
	for i, c := range all {
		words[i] = fmt.Sprintf("%s %s", c.name, count(c.n))
	}
	return strings.Join(words, " · "), size(sent)
}

// foldedLine is the row of all that is routine.
func (m *Model) foldedLine(w int, under bool) string {
	mark, r := "  ", muted
	if under {
		mark, r = "▌ ", title
	}
	classes, bytes := m.routineWord()
	tail := bytes + " "
	if m.layout.wide {
		tail = "each inside its limits · " + bytes + "  enter opens "
	}
	head := fmt.Sprintf("%sroutine   %-5s ", mark, count(len(m.snap.Routine)))
	return m.strip(w).add(r, head+text.Fit(classes, max(w-text.Width(head)-text.Width(tail)-1, 0))).right(r, tail).String()
}

// routineDetail says what is folded, why, and within which limits.
func (m *Model) routineDetail(w, h int) []string {
	if h <= 0 {
		return nil
	}
	all, _ := m.routineClasses()
	out := []string{m.rule(w, "routine: shown in one line, counted, and kept for a day · enter opens")}
	for _, c := range all {
		s := m.strip(w).add(title, "  "+c.name).to(labelWidth+4).add(normal, fmt.Sprintf("%s, %s out", plural(c.n, "transfer"), size(c.sent)))
		out = append(out, s.String())
		for _, t := range []string{"such as: " + c.proof, "held to: " + c.limit} {
			out = append(out, m.strip(w).to(labelWidth+4).add(muted, text.Fit(t, w-labelWidth-5)).String())
		}
	}
	return exactly(out, h)
}
