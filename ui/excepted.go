package ui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/playbooks"
	"interdict/ui/grid"
	"interdict/ui/text"
)

// exceptedPane lists the exceptions: what each hides, why, until when, and how often it did.
type exceptedPane struct {
	grid *grid.Grid[string]
	rows exceptedRows
	err  error
	read bool
}

type exceptedRows []playbooks.KnownException

func (r exceptedRows) Len() int        { return len(r) }
func (r exceptedRows) ID(i int) string { return r[i].ID }
func (r exceptedRows) Index(id string) (int, bool) {
	i := slices.IndexFunc(r, func(x playbooks.KnownException) bool { return x.ID == id })
	return i, i >= 0
}

func newExceptedPane() *exceptedPane {
	p := &exceptedPane{}
	p.grid = grid.New[string](p.rows, grid.Top)
	return p
}

func (p *exceptedPane) enter(m *Model) tea.Cmd {
	engine := m.config.Engine
	return func() tea.Msg {
		all, err := engine.Exceptions()
		return exceptionsRead{all, err}
	}
}

type exceptionsRead struct {
	all []playbooks.KnownException
	err error
}

func (r exceptionsRead) take(m *Model) tea.Cmd {
	p := m.panes[inExcepted].(*exceptedPane)
	p.rows, p.err, p.read = r.all, r.err, true
	p.grid.SetRows(p.rows)
	return nil
}

func (p *exceptedPane) act(m *Model, a action) tea.Cmd {
	switch {
	case moves(p.grid, a):
	case a == again:
		return p.enter(m)
	case a == renew && len(p.rows) > 0:
		return p.renew(m, &p.rows[p.grid.Index()])
	case a == end && len(p.rows) > 0:
		x := &p.rows[p.grid.Index()]
		if !x.InForce(m.now()) {
			m.say("it is not in force any more")
			return nil
		}
		engine, id, name := m.config.Engine, x.ID, x.Name
		return func() tea.Msg {
			return exceptionEnded{name, engine.EndException(id)}
		}
	}
	return nil
}

// renewFor is how long a renewed exception goes on.
const renewFor = 30 * 24 * time.Hour

func (p *exceptedPane) renew(m *Model, x *playbooks.KnownException) tea.Cmd {
	if !x.EndedAt.IsZero() {
		m.say("somebody ended it: make another from an alert")
		return nil
	}
	engine, id, until := m.config.Engine, x.ID, m.now().Add(renewFor).Truncate(time.Second)
	return func() tea.Msg { return exceptionRenewed{until, engine.RenewException(id, until)} }
}

type exceptionRenewed struct {
	until time.Time
	err   error
}

func (e exceptionRenewed) take(m *Model) tea.Cmd {
	if e.err != nil {
		m.warn("it was not renewed: " + e.err.Error())
		return nil
	}
	m.say("it goes on until " + e.until.Format(time.DateOnly))
	return m.panes[inExcepted].enter(m)
}

// endingWord says which exceptions are soon over, before what they hide comes back.
func (p *exceptedPane) endingWord(now time.Time) string {
	n := 0
	for i := range p.rows {
		if s, _ := exceptionState(&p.rows[i], now); s == "ends soon" {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s within 3 days: 6 lists them, n there renews one", plural(n, "exception")+map[bool]string{true: " ends", false: " end"}[n == 1])
}

type exceptionEnded struct {
	name string
	err  error
}

func (e exceptionEnded) take(m *Model) tea.Cmd {
	if e.err != nil {
		m.warn("it is still in force: " + e.err.Error())
		return nil
	}
	m.say(fmt.Sprintf("exception %q has ended: what it hid is among the alerts", e.name))
	m.pull()
	return m.panes[inExcepted].enter(m)
}

var exceptedColumns = []grid.Column{
	{Title: "  STATE", Width: 13}, {Title: "WHAT", Width: 14, Flex: 2}, {Title: "WHY", Width: 12, Flex: 3}, {Title: "BY", Width: 8, Flex: 1, Drop: 1},
	{Title: "ENDS", Width: 10}, {Title: "HIDDEN", Width: 7, Right: true}, {Title: "LAST", Width: 10, Drop: 2},
}

const exceptedDetail = 9 // lines below the table

func (p *exceptedPane) lines(m *Model, w, h int) []string {
	var out []string
	if p.err != nil {
		out = m.wrapped(w, critical, "not all exceptions can be read: "+p.err.Error(), 3)
	}
	if len(p.rows) == 0 {
		t := "there are no exceptions: x on an alert hides what is like it, within limits, until a day that you choose"
		if !p.read {
			t = "exceptions are being read…"
		}
		return append(append(out, ""), m.wrapped(w, normal, t, 3)...)
	}
	widths := grid.Fit(exceptedColumns, w-1)
	rows := max(h-1-exceptedDetail-len(out), 1)
	p.grid.SetHeight(rows)
	out = append(out, m.theme.in(muted, text.Fit(grid.Titles(exceptedColumns, widths), w)))
	lo, hi := p.grid.Visible()
	for i := lo; i < hi; i++ {
		out = append(out, grid.Line(exceptedColumns, widths, p.cells(m, i)))
	}
	return append(exactly(out, max(h-exceptedDetail, 2)), p.detail(m, w)...)
}

func (p *exceptedPane) cells(m *Model, i int) []grid.Cell {
	x := &p.rows[i]
	mark := "  "
	state, r := exceptionState(x, m.now())
	if i == p.grid.Index() {
		mark = "▌ "
	}
	style := m.theme.as(r)
	return []grid.Cell{
		{Text: mark + state, Style: style}, {Text: x.Name, Style: style}, {Text: x.Reason, Style: style}, {Text: x.Author, Style: style},
		{Text: dayWord(x.Expires), Style: style}, {Text: count(x.Hidden), Style: style}, {Text: dayWord(x.Last), Style: style},
	}
}

func exceptionState(x *playbooks.KnownException, now time.Time) (string, role) {
	state := x.State(now)
	switch state {
	case playbooks.ExceptionEnded, playbooks.ExceptionExpired:
		return state, muted
	case playbooks.ExceptionEndsSoon, playbooks.ExceptionNeverUsed:
		return state, warning
	}
	return state, normal
}

func dayWord(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.DateOnly)
}

// detail is the exception under the cursor whole.
func (p *exceptedPane) detail(m *Model, w int) []string {
	x := &p.rows[p.grid.Index()]
	out := []string{m.rule(w, x.Name+" · "+x.ID)}
	put := func(label, t string, limit int) {
		for i, l := range text.Wrap(t, w-labelWidth-1, limit) {
			if i > 0 {
				label = ""
			}
			out = append(out, m.strip(w).add(muted, "  "+label).to(labelWidth).add(normal, l).String())
		}
	}
	put("Why", exceptionWords(&x.Exception), 2)
	if x.EndedBy != "" {
		put("Ended", dayWord(x.EndedAt)+" by "+x.EndedBy, 1)
	}
	if x.MaxBytes > 0 {
		put("Limit", "at most "+size(x.MaxBytes)+" a transfer", 1)
	}
	put("Hides", strings.Join(entryTexts(x.Entries), " and "), exceptedDetail-len(out))
	return exactly(out, exceptedDetail)
}
