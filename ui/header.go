package ui

import (
	"fmt"
	"strings"
	"time"

	"interdict/detect"
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
	if m.config.Banner != "" {
		out = append(out, m.strip(l.width).add(warning, " RECORDED  "+m.config.Banner).String())
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
	return s.add(m.countRole(), m.countWord()).right(muted, m.alerts.orderWord()+"   / filter   ? help ").String()
}

func (m *Model) shortLine() string {
	s := m.strip(m.layout.width).add(title, " interdict  ")
	if m.config.ReadOnly {
		s.add(warning, "READ-ONLY  ")
	}
	tail := m.lossWord() + "  " + m.clock()
	s.width -= text.Width(tail) + 3
	s.add(m.countRole(), m.countWord()).add(m.standingRole(), "   "+m.standingWord())
	s.width = m.layout.width
	return s.to(s.width-text.Width(tail)-1).add(m.lossRole(), m.lossWord()).add(normal, "  "+m.clock()).String()
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
		if f.Live() || m.now().Sub(f.Last) < time.Minute {
			return true
		}
	}
	return false
}

func (m *Model) countWord() string {
	live, ended := tally(m.snap.Findings)
	noun := "SENDING"
	if m.layout.wide {
		noun = "sending now"
	}
	s := fmt.Sprintf("%d %s · %d ended", live, noun, ended)
	if n := m.snap.Closed; n > 0 {
		s += " · closed " + count(n)
	}
	if n := m.snap.Dropped; n > 0 {
		s += " · " + count(n) + " made room"
	}
	return s
}

func (m *Model) countRole() role {
	if live, _ := tally(m.snap.Findings); live > 0 {
		return critical
	}
	return normal
}

func tally(findings []*detect.Finding) (sending, others int) {
	for _, f := range findings {
		if sendingNow(f) {
			sending++
		} else {
			others++
		}
	}
	return sending, others
}

type worded struct {
	text string
	role role
}

// sourceWords says of every source that it works, or what is wrong with it.
func (m *Model) sourceWords() []worded {
	var out []worded
	for _, src := range m.config.Sources {
		st := src.Stats()
		w := worded{src.Name() + " ok", normal}
		if len(st.Notes) > 0 {
			w = worded{src.Name() + ": " + st.Notes[0], warning}
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
