package ui

import (
	"cmp"
	"strings"

	"interdict/detect"
	"interdict/playbooks"
)

// showPresence tells other consoles what is open on this screen: an alert's
// guide, or a case. That the cursor is on a row says nothing.
func (m *Model) showPresence() {
	if m.config.Presence == nil {
		return
	}
	var ids []string
	switch p := m.panes[m.shown].(type) {
	case *guidePane:
		if f := p.finding(m); f != nil {
			ids = m.idsOf(f)
		}
	case *casePane:
		ids = []string{p.id}
	case *runPane:
		if p.run.Case != "" { // it was read
			ids = []string{p.run.Case}
		}
	}
	m.config.Presence.Show(ids...)
}

// idsOf are the alerts of a finding, and the case that it is in.
func (m *Model) idsOf(f *detect.Finding) []string {
	ids := []string{f.ID}
	if id := m.config.Engine.InCase(f.Alert); id != "" {
		ids = append(ids, id)
	}
	for _, a := range f.Also {
		ids = append(ids, a.ID)
	}
	return ids
}

func (m *Model) lookers(ids ...string) []string {
	if m.config.Presence == nil {
		return nil
	}
	return m.config.Presence.Lookers(ids...)
}

// lookersWord is "bob looks at it"; "" when nobody else does.
func (m *Model) lookersWord(f *detect.Finding) string {
	if m.config.Presence == nil {
		return ""
	}
	switch who := m.lookers(m.idsOf(f)...); len(who) {
	case 0:
		return ""
	case 1:
		return who[0] + " looks at it"
	default:
		return strings.Join(who, ", ") + " look at it"
	}
}

// whoHas is who has a case and, each marked with @, who else looks at it now.
func (m *Model) whoHas(b *playbooks.Brief) string {
	s := cmp.Or(b.Assignee, "nobody")
	for _, name := range m.lookers(b.ID) {
		s += " @" + name
	}
	return s
}

// prefixOf sets a word off from what follows.
func prefixOf(s string) string {
	if s == "" {
		return ""
	}
	return s + " · "
}
