package ui

import (
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/detect"
	"interdict/respond"
	"interdict/ui/grid"
	"interdict/ui/text"
)

// byOperation makes one of all that an operation holds: a tree that was frozen
// is one thing to whoever reads what is held.
func byOperation(all []respond.Standing) []respond.Standing {
	var out []respond.Standing
	at, parts := map[string]int{}, map[string]int{}
	for _, s := range all {
		i, seen := at[s.Op]
		if !seen {
			at[s.Op] = len(out)
			out = append(out, s)
		} else {
			out[i].Text += ", " + s.Text
		}
		parts[s.Op]++
	}
	for i, s := range out {
		if n := parts[s.Op]; n > 1 {
			out[i].Text = fmt.Sprintf("%d: %s", n, s.Text)
		}
	}
	return out
}

// heldBy tells what of an operation stands on hosts.
func heldBy(all []respond.Standing, op string) (respond.Standing, bool) {
	for _, s := range all {
		if s.Op == op && op != "" {
			return s, true
		}
	}
	return respond.Standing{}, false
}

// frozenKeys are the ends of the keys of frozen processes, behind "frozen/":
// BOOT/PID@START.
func frozenKeys(all []respond.Standing) map[string]bool {
	out := map[string]bool{}
	for _, s := range all {
		if _, id, ok := strings.Cut(s.Key, "/"); ok && s.Kind == "frozen" {
			out[id] = true
		}
	}
	return out
}

// isFrozen tells whether all of the finding that is alive stands because of us,
// as the journal has it.
func (m *Model) isFrozen(f *detect.Finding) bool {
	if len(m.frozen) == 0 || f.Transfer != nil && !f.Transfer.Live {
		return false
	}
	members := []detect.Process{tool(f)}
	if f.Transfer != nil {
		members = append(members, f.Transfer.Members...)
	}
	stands := false
	for _, p := range members {
		if !p.Alive() {
			continue
		}
		id := identity(f.Host, p)
		if !m.frozen[id.BootID+"/"+id.String()] {
			return false
		}
		stands = true
	}
	return stands
}

// sends tells whether data leaves: a rate is an average, which outlasts a freeze.
func (m *Model) sends(f *detect.Finding) bool { return sendingNow(f) && !m.isFrozen(f) }

// left is leftWord as long as it goes on.
func (m *Model) left(f *detect.Finding) string {
	if f.Transfer == nil || !m.isFrozen(f) {
		return leftWord(f)
	}
	still, transfer := *f, *f.Transfer
	transfer.Rate, still.Transfer = 0, &transfer
	return leftWord(&still) + " · frozen"
}

// live says whether it is still going on, or stands because of us.
func (m *Model) live(f *detect.Finding) string {
	if m.isFrozen(f) {
		return "FROZEN"
	}
	return liveWord(f)
}

// standingPane shows what is still held on hosts, as the journal has it.
type standingPane struct {
	grid *grid.Grid[string]
	rows standingRows
}

type standingRows []respond.Standing

func (r standingRows) Len() int        { return len(r) }
func (r standingRows) ID(i int) string { return r[i].Op + " " + r[i].Key }
func (r standingRows) Index(id string) (int, bool) {
	for i := range r {
		if r.ID(i) == id {
			return i, true
		}
	}
	return 0, false
}

func newStandingPane() *standingPane {
	p := &standingPane{}
	p.grid = grid.New[string](p.rows, grid.Top)
	return p
}

func (p *standingPane) set(all []respond.Standing) {
	p.rows = all
	p.grid.SetRows(p.rows)
}

func (p *standingPane) enter(m *Model) tea.Cmd { return m.readStanding() }

func (p *standingPane) act(m *Model, a action) tea.Cmd {
	switch {
	case moves(p.grid, a):
	case a == again:
		return m.readStanding()
	case a == resume:
		if len(p.rows) == 0 {
			m.say("nothing is held")
			return nil
		}
		return m.openUndo(p.rows[p.grid.Index()])
	}
	return nil
}

var standingColumns = []grid.Column{
	{Title: "  KIND", Width: 10}, {Title: "HOST", Width: 12, Flex: 1}, {Title: "WHAT", Width: 20, Flex: 4}, {Title: "SINCE", Width: 6, Right: true},
	{Title: "ON THE HOST", Width: 12, Flex: 1}, {Title: "ENDS", Width: 9, Drop: 1}, {Title: "BY", Width: 10, Flex: 2, Drop: 2},
}

func (p *standingPane) lines(m *Model, w, h int) []string {
	s := m.strip(w)
	switch {
	case m.changes == nil:
		return []string{"", s.add(normal, "  there is no journal in this run, so nothing can be held from here").String()}
	case m.blindOn != "":
		out := append([]string{""}, m.wrapped(w, critical, "what is held is unknown: "+m.blindOn, 4)...)
		if len(p.rows) == 0 {
			return out
		}
		return append(out, p.table(m, w, h-len(out))...)
	case len(p.rows) == 0:
		return append([]string{""}, m.wrapped(w, normal, "nothing is held: whatever is frozen on a host stays listed here until it is resumed or killed", 4)...)
	}
	return p.table(m, w, h)
}

func (p *standingPane) table(m *Model, w, h int) []string {
	s := m.strip(w)
	widths := grid.Fit(standingColumns, w-1)
	p.grid.SetHeight(max(h-2-standingDetail, 1))
	out := []string{m.theme.in(muted, text.Fit(grid.Titles(standingColumns, widths), w))}
	lo, hi := p.grid.Visible()
	for i := lo; i < hi; i++ {
		out = append(out, grid.Line(standingColumns, widths, p.cells(m, i)))
	}
	out = append(exactly(out, max(h-1-standingDetail, 2)), s.add(muted, "  "+p.source(m)).String())
	return append(out, p.detail(m, w)...)
}

const standingDetail = 7 // lines below the table

// detail is the row under the cursor whole.
func (p *standingPane) detail(m *Model, w int) []string {
	r := p.rows[p.grid.Index()]
	out := []string{m.rule(w, r.Kind+" on "+r.Host+" · operation "+r.Op+" · by "+r.Actor.String())}
	for _, t := range []string{r.Text, "on the host: " + m.stateOf(r.Op)} {
		for _, line := range text.Wrap(t, w-3, 4) {
			out = append(out, m.strip(w).add(normal, "  "+line).String())
		}
	}
	return exactly(out, standingDetail)
}

// source says where it is known from.
func (p *standingPane) source(m *Model) string {
	if m.looks.at.IsZero() {
		return "as the journal has it; the hosts have not answered yet"
	}
	return "as the journal has it; hosts were looked at " + m.looks.at.Format("15:04:05Z") + ", r looks again"
}

func (p *standingPane) cells(m *Model, i int) []grid.Cell {
	r := p.rows[i]
	mark, style := "  ", m.theme.as(normal)
	if i == p.grid.Index() {
		mark, style = "▌ ", m.theme.as(title)
	}
	ends := "never"
	if !r.Until.IsZero() {
		ends = r.Until.UTC().Format("15:04:05Z")
	}
	return []grid.Cell{
		{Text: mark + r.Kind, Style: style}, {Text: r.Host, Style: style}, {Text: r.Text, Style: style},
		{Text: span(m.now().Sub(r.Since)), Style: style}, {Text: m.stateOf(r.Op), Style: style}, {Text: ends, Style: style}, {Text: r.Actor.String(), Style: style},
	}
}
