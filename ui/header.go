package ui

import (
	"fmt"
	"strings"
	"time"

	"interdict/respond"
	"interdict/ui/text"
)

// header is what stands above every pane: what is looked at and how well, what
// is held on hosts, and the time.
func (m *Model) header() []string {
	l := m.layout
	var out []string
	if l.wide {
		out = []string{m.sourceLine(), m.countLine()}
	} else {
		out = []string{m.shortLine()}
	}
	return append(out, m.notices(l.width, l.notices)...)
}

// notices are what somebody must know who trusts this screen: why it does not
// show this machine, and what is wrong with sources and history.
func (m *Model) notices(w, limit int) (out []string) {
	all := m.troubles()
	if m.config.Banner != "" {
		all = append([]string{m.config.Banner}, all...)
	}
	for _, s := range all {
		for _, t := range text.Wrap(s, w-2, limit-len(out)) {
			out = append(out, m.strip(w).add(warning, " "+t).String())
		}
	}
	return out
}

// troubles says of every source, and of what keeps events, what is wrong with it.
func (m *Model) troubles() (out []string) {
	for _, src := range m.config.Sources {
		if notes := src.Stats().Notes; len(notes) > 0 {
			out = append(out, src.Name()+": "+strings.Join(notes, "; "))
		}
	}
	if len(m.config.Sources) == 0 {
		out = append(out, "nothing is watched: there is no source")
	}
	if s := m.blindRules(); s != "" {
		out = append(out, s)
	}
	if s := m.panes[inExcepted].(*exceptedPane).endingWord(m.now()); s != "" {
		out = append(out, s)
	}
	if m.config.Kept != nil {
		if notes := m.config.Kept().Notes; len(notes) > 0 {
			out = append(out, "history: "+strings.Join(notes, "; "))
		}
	}
	if m.config.Sharing != nil {
		if notes := m.config.Sharing(); len(notes) > 0 {
			out = append(out, "cases: "+strings.Join(notes, "; "))
		}
	}
	if m.config.Notices != nil {
		out = append(out, m.config.Notices()...)
	}
	return out
}

func (m *Model) sourceLine() string {
	s := m.strip(m.layout.width).add(title, " interdict  ")
	if m.config.ReadOnly {
		s.add(warning, "READ-ONLY  ")
	}
	tail := m.standingWord() + "   " + m.clock()
	s.width -= text.Width(tail) + 2
	for i, src := range m.sourceWords() {
		if i > 0 {
			s.add(muted, " · ")
		}
		s.add(src.role, src.text)
	}
	s.add(muted, " · ").add(m.lossRole(), m.lossWord())
	s.width = m.layout.width
	return s.to(s.width-text.Width(tail)-1).add(m.standingRole(), m.standingWord()).add(normal, "   "+m.clock()).String()
}

func (m *Model) countLine() string {
	s := m.strip(m.layout.width).add(title, " "+strings.ToUpper(string(m.shown))+"  ")
	s.add(m.countRole(), m.countWord())
	if m.shown == inAlerts {
		s.right(muted, m.alerts.orderWord(m)+"   / filter   ? help ")
	}
	return s.String()
}

// shortLine says first what is still going on and what is held; the rest as
// far as there is room.
func (m *Model) shortLine() string {
	narrow := m.layout.width < 80
	s := m.strip(m.layout.width)
	if !narrow {
		s.add(title, " interdict")
	}
	if m.config.ReadOnly {
		s.add(warning, " READ-ONLY")
	}
	tail := m.standingWord() + "  " + m.lossWord() + "  " + m.clock()
	s.width -= text.Width(tail) + 3
	s.add(normal, " ").add(m.countRole(), m.countWord())
	s.width = m.layout.width
	s.to(s.width-text.Width(tail)-1).add(m.standingRole(), m.standingWord()).add(normal, "  ")
	return s.add(m.lossRole(), m.lossWord()).add(normal, "  "+m.clock()).String()
}

// clock shows seconds while something is going on; else they would be the only
// thing that moves on the screen.
func (m *Model) clock() string {
	if m.moving() {
		return m.now().Format("15:04:05Z")
	}
	return m.now().Format("15:04Z")
}

func (m *Model) moving() bool {
	if m.overlay != nil {
		return true
	}
	for _, f := range m.snap.Findings {
		if f.Live() || m.now().Sub(f.At()) < time.Minute {
			return true
		}
	}
	return false
}

func (m *Model) countWord() string {
	live, running, ended := m.tally()
	noun := "SENDING"
	if m.layout.wide {
		noun = "sending now"
	}
	parts := []string{fmt.Sprintf("%d %s", live, noun)}
	if running > 0 {
		parts = append(parts, count(running)+" running")
	}
	parts = append(parts, count(ended)+" ended")
	if n := m.snap.Closed; n > 0 && m.layout.width >= 80 {
		parts = append(parts, "closed "+count(n))
	}
	if n := len(m.snap.Routine); n > 0 {
		parts = append(parts, "routine "+count(n))
	}
	if n := len(m.snap.Hidden); n > 0 {
		parts = append(parts, "hidden "+count(n))
	}
	if n := m.snap.Dropped; n > 0 {
		parts = append(parts, count(n)+" made room")
	}
	return strings.Join(parts, " · ")
}

func (m *Model) countRole() role {
	if live, _, _ := m.tally(); live > 0 {
		return critical
	}
	return normal
}

func (m *Model) tally() (sending, running, ended int) {
	for _, f := range m.snap.Findings {
		switch {
		case m.sends(f):
			sending++
		case f.Live() || f.Transfer == nil && f.Process.Alive():
			running++
		default:
			ended++
		}
	}
	return sending, running, ended
}

type worded struct {
	text string
	role role
}

// sourceWords says of every source that it works; what is wrong with one stands in [Model.troubles].
func (m *Model) sourceWords() []worded {
	var out []worded
	for _, src := range m.config.Sources {
		st := src.Stats()
		name := src.Name()
		if st.About != "" {
			name += " (" + st.About + ")"
		}
		w := worded{name + " ok", normal}
		if len(st.Notes) > 0 {
			w = worded{name, warning}
		}
		if st.Lag > 2*time.Second {
			w.text += ", lag " + span(st.Lag)
		}
		out = append(out, w)
	}
	if out == nil {
		out = []worded{{"no source", warning}}
	}
	return out
}

func (m *Model) lossWord() string {
	n := m.snap.Lost.Total()
	for _, src := range m.config.Sources {
		n = max(n, src.Stats().Lost.Total())
	}
	return "lost " + count(n)
}

func (m *Model) lossRole() role {
	if m.lossWord() == "lost 0" {
		return normal
	}
	return critical
}

// standingWord says what this product still holds on hosts.
func (m *Model) standingWord() string {
	switch {
	case m.changes == nil:
		return "STANDING no journal"
	case m.blindOn != "" && len(m.standing) > 0:
		return "STANDING " + holds(m.standing, m.now()) + " · unknown"
	case m.blindOn != "":
		return "STANDING unknown"
	}
	return "STANDING " + holds(m.standing, m.now())
}

func (m *Model) standingRole() role {
	if len(m.standing) > 0 || m.blindOn != "" {
		return warning
	}
	return normal
}

// holds counts by kind: "isolated 1 (41m) · frozen 1".
func holds(all []respond.Standing, now time.Time) string {
	if len(all) == 0 {
		return "none"
	}
	var kinds []string
	n, oldest := map[string]int{}, map[string]time.Time{}
	for _, s := range all {
		if n[s.Kind]++; n[s.Kind] == 1 {
			kinds = append(kinds, s.Kind)
			oldest[s.Kind] = s.Since
		}
	}
	for i, k := range kinds {
		kinds[i] = fmt.Sprintf("%s %d (%s)", k, n[k], span(now.Sub(oldest[k])))
	}
	return strings.Join(kinds, " · ")
}
