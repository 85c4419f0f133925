package ui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/respond"
	"interdict/ui/grid"
	"interdict/ui/text"
)

const (
	caseLimit   = 20 * time.Second
	casesListed = 200
)

// casesPane is how the shift stands, on one screen: what goes on, what is held,
// the cases, and how long they took.
type casesPane struct {
	grid   *grid.Grid[string]
	rows   caseRows
	err    error
	read   bool
	closed bool // closed ones too
}

type caseRows []playbooks.Brief

func (r caseRows) Len() int        { return len(r) }
func (r caseRows) ID(i int) string { return r[i].ID }
func (r caseRows) Index(id string) (int, bool) {
	i := slices.IndexFunc(r, func(b playbooks.Brief) bool { return b.ID == id })
	return i, i >= 0
}

func newCasesPane() *casesPane {
	p := &casesPane{}
	p.grid = grid.New[string](p.rows, grid.Top)
	return p
}

var errNoCases = errors.New("nothing can be kept in this run, so there are no cases")

func (p *casesPane) enter(m *Model) tea.Cmd {
	cases, j, closed := m.config.Cases, m.config.Journal, p.closed
	if cases == nil {
		p.err, p.read = errNoCases, true
		return nil
	}
	return m.ask(caseLimit, func(ctx context.Context) tea.Msg {
		all, err := cases.Briefs(ctx, j, closed, casesListed)
		return casesRead{all, err}
	})
}

type casesRead struct {
	all []playbooks.Brief
	err error
}

func (r casesRead) take(m *Model) tea.Cmd {
	p := m.panes[inCases].(*casesPane)
	p.rows, p.err, p.read = r.all, r.err, true
	p.grid.SetRows(p.rows)
	return nil
}

func (p *casesPane) act(m *Model, a action) tea.Cmd {
	switch {
	case moves(p.grid, a):
	case a == again:
		return p.enter(m)
	case a == hidden:
		p.closed = !p.closed
		return p.enter(m)
	case a == handOver:
		return m.openHandOver()
	case a == open && len(p.rows) > 0:
		return m.openCase(p.rows[p.grid.Index()].ID)
	}
	return nil
}

var caseColumns = []grid.Column{
	{Title: "  CASE", Width: 10}, {Title: "WHO", Width: 8, Flex: 1}, {Title: "STATE", Width: 22, Flex: 1}, {Title: "WHAT", Width: 18, Flex: 3},
	{Title: "LEFT", Width: 14, Flex: 1, Drop: 1}, {Title: "HOW SURE", Width: 14, Drop: 2}, {Title: "AGE", Width: 4, Right: true},
}

func (p *casesPane) lines(m *Model, w, h int) []string {
	out := p.summary(m, w)
	if p.err != nil {
		out = append(out, m.wrapped(w, critical, "not all cases can be read: "+p.err.Error(), 3)...)
	}
	if len(p.rows) == 0 {
		t := "No open cases. i on an alert opens one, or puts the alert into the one that it belongs to; so does every change that is made for an alert. z shows closed ones."
		if !p.read {
			t = "The cases are being read…"
		}
		return append(append(out, ""), m.wrapped(w, normal, t, 3)...)
	}
	widths := grid.Fit(caseColumns, w-1)
	p.grid.SetHeight(max(h-len(out)-1, 1))
	out = append(out, m.theme.in(muted, text.Fit(grid.Titles(caseColumns, widths), w)))
	lo, hi := p.grid.Visible()
	for i := lo; i < hi; i++ {
		out = append(out, grid.Line(caseColumns, widths, p.cells(m, i)))
	}
	return out
}

// summary is what whoever is on call must know in one look.
func (p *casesPane) summary(m *Model, w int) []string {
	put := func(r role, label, t string) string {
		return m.strip(w).add(muted, "  "+label).to(labelWidth+1).add(r, t).String()
	}
	loose, nobody := 0, 0
	for i := range p.rows {
		if !p.rows[i].IsOpen() {
			continue
		}
		if p.rows[i].Metrics.Contained.IsZero() {
			loose++
		}
		if p.rows[i].Assignee == "" {
			nobody++
		}
	}
	r := normal
	if loose > 0 {
		r = warning
	}
	held := "nothing is held on any host"
	if m.blindOn != "" {
		held = "not known: " + m.blindOn
	} else if len(m.standing) > 0 {
		held = holds(m.standing, m.now()) + "; 4 lists it"
	}
	return []string{
		put(m.countRole(), "Now", m.countWord()),
		put(m.standingRole(), "Held", held),
		put(r, "Cases", fmt.Sprintf("%d not contained · %d that nobody has", loose, nobody)),
		put(normal, "So far", playbooks.FiguresOf(p.rows).String()),
		m.rule(w, map[bool]string{true: "all cases", false: "open cases"}[p.closed]),
	}
}

func (p *casesPane) cells(m *Model, i int) []grid.Cell {
	b := &p.rows[i]
	mark, r := "  ", normal
	if !b.IsOpen() {
		r = muted
	}
	if i == p.grid.Index() {
		mark, r = "▌ ", title
	}
	style, state := m.theme.as(r), m.theme.as(r)
	if b.IsOpen() && b.Metrics.Contained.IsZero() {
		state = m.theme.as(warning)
	}
	return []grid.Cell{
		{Text: mark + b.ID, Style: style}, {Text: m.whoHas(b), Style: style}, {Text: b.Status(), Style: state}, {Text: b.Title, Style: style},
		{Text: b.Left(), Style: style}, {Text: b.Verdict(), Style: style}, {Text: span(m.now().Sub(b.Opened)), Style: style},
	}
}

// caseFor shows the case of an alert, opening one if it is in none.
func (m *Model) caseFor(f *detect.Finding) tea.Cmd {
	return m.keepCase(f, func(id string) tea.Msg { return caseMade{id: id, show: true} })
}

// keepCase puts a finding into its case and then gives the message that done makes of the case's id.
func (m *Model) keepCase(f *detect.Finding, done func(id string) tea.Msg) tea.Cmd {
	cases, by, g := m.config.Cases, m.config.Actor.User, m.guides.of(f)
	if cases == nil {
		m.warn(errNoCases.Error())
		return nil
	}
	return m.ask(caseLimit, func(ctx context.Context) tea.Msg {
		k, err := cases.OpenCase(ctx, f, g, by)
		if err != nil {
			return warned{"no case was opened: " + err.Error()}
		}
		return done(k.ID)
	})
}

type caseMade struct {
	id   string
	show bool
}

func (c caseMade) take(m *Model) tea.Cmd {
	if c.show {
		return m.openCase(c.id)
	}
	m.say("kept in case " + c.id)
	return nil
}

// openHandOver shows what the next shift must know.
func (m *Model) openHandOver() tea.Cmd {
	cases, j, c := m.config.Cases, m.config.Journal, m.changes
	if cases == nil {
		m.warn(errNoCases.Error())
		return nil
	}
	by, now := m.config.Actor.User, m.now()
	return m.ask(caseLimit, func(ctx context.Context) tea.Msg {
		all, err := cases.Briefs(ctx, j, false, casesListed)
		var standing []respond.Standing
		doubt := ""
		if err != nil {
			doubt = err.Error()
		}
		if c != nil {
			if standing, err = c.Standing(ctx); err != nil {
				doubt = err.Error()
			}
		}
		return pageMade{"HAND-OVER", playbooks.HandOverText(all, byOperation(standing), doubt, now, by)}
	})
}

// pageMade is text that is to be read and perhaps written to a file.
type pageMade struct {
	title string
	lines []string
}

func (p pageMade) take(m *Model) tea.Cmd {
	m.overlay = &page{pageMade: p}
	return nil
}

// page shows text in full, to be scrolled and written to a file.
type page struct {
	pageMade
	top int
}

func (*page) mode() mode { return inPage }

func (p *page) key(m *Model, k tea.KeyMsg) tea.Cmd {
	switch a, _ := m.keys.find(inPage, k.String()); a {
	case up:
		p.top--
	case down:
		p.top++
	case pageUp:
		p.top -= 10
	case pageDown:
		p.top += 10
	case export:
		body := ""
		for _, l := range p.pageMade.lines {
			body += text.Clean(playbooks.Redact(l)) + "\n"
		}
		m.overlay = newPrompt("write to", "hand-over-"+m.now().Format("20060102T1504Z")+".txt", func(m *Model, path string) tea.Cmd {
			return m.writeFile(path, func() (string, []byte, error) { return "", []byte(body), nil })
		})
	case back, open:
		m.overlay = nil
	}
	return nil
}

func (p *page) lines(m *Model, w, h int) []string {
	var all []string
	for _, l := range p.pageMade.lines {
		if l == "" {
			all = append(all, "")
			continue
		}
		for _, t := range text.Wrap(playbooks.Redact(l), w-2, 10) {
			all = append(all, m.strip(w).add(normal, " "+t).String())
		}
	}
	p.top = max(min(p.top, len(all)-h), 0)
	return all[p.top:min(p.top+h, len(all))]
}
