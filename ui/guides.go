package ui

import (
	"context"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/detect"
	"interdict/playbooks"
)

const (
	assessLimit = 15 * time.Second // for all questions together; each has a shorter one of its own
	assessAgain = 5 * time.Second  // a finding that changes is assessed again, this often at most
	guidesKept  = 500
)

// guides are the answered guides. One is being answered at any time: that of
// the alert the person looks at, so that running through a list asks nothing in vain.
type guides struct {
	known  map[string]answered
	asking string // alert id; "" when nothing is asked
}

type answered struct {
	guide *playbooks.Guide
	at    time.Time
	state stamp // of the finding when it was asked about
}

// stamp tells whether a finding is still what was assessed.
type stamp struct {
	count int
	last  time.Time
	live  bool
	above int // ancestors of the tool that still run
}

func stampOf(f *detect.Finding) stamp {
	s := stamp{count: f.Count, last: f.Last, live: f.Live()}
	if f.Transfer == nil {
		return s
	}
	for i := range f.Transfer.Ancestors {
		if f.Transfer.Ancestors[i].Alive() {
			s.above++
		}
	}
	return s
}

// of gives the newest guide of a finding, also of one that another of its alerts
// led when it was asked about; nil when there is none yet.
func (g *guides) of(f *detect.Finding) *playbooks.Guide {
	if f == nil {
		return nil
	}
	for _, a := range f.Alerts() {
		if known := g.known[a.ID].guide; known != nil {
			return known
		}
	}
	return nil
}

// stale tells whether f should be asked about now.
func (g *guides) stale(f *detect.Finding, now time.Time) bool {
	a, ok := g.known[f.ID]
	return !ok || a.guide.Asking > 0 || a.state != stampOf(f) && now.Sub(a.at) >= assessAgain
}

func (g *guides) forget(id string) { delete(g.known, id) }

// looked is the finding that the person looks at.
func (m *Model) looked() *detect.Finding {
	if p, ok := m.panes[inGuide].(*guidePane); ok && m.shown == inGuide {
		return p.finding(m)
	}
	return m.alerts.selected()
}

// assess asks about what is looked at, unless that is known or something is being asked.
func (m *Model) assess() tea.Cmd {
	f, assessor := m.looked(), m.config.Assess
	if f == nil || assessor == nil || m.guides.asking != "" || !m.guides.stale(f, m.now()) {
		return nil
	}
	m.guides.asking = f.ID
	state := stampOf(f)
	if early, ok := assessor.(Early); ok {
		ctx := m.ctx
		return func() tea.Msg { return assessed{id: f.ID, state: state, guide: early.Soon(ctx, f)} }
	}
	return m.ask(assessLimit, func(ctx context.Context) tea.Msg {
		return assessed{id: f.ID, state: state, guide: assessor.Assess(ctx, f)}
	})
}

type assessed struct {
	id    string
	state stamp
	guide *playbooks.Guide
}

func (a assessed) take(m *Model) tea.Cmd {
	g := m.guides
	g.asking = ""
	if len(g.known) >= guidesKept {
		clear(g.known)
	}
	g.known[a.id] = answered{a.guide, m.now(), a.state}
	return m.assess()
}
