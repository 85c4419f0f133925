package ui

import (
	"context"
	"fmt"
	"strconv"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/ui/grid"
	"interdict/ui/text"
)

// eventPane shows what happens as it happens.
type eventPane struct {
	feed    *Feed
	grid    *grid.Grid[uint64]
	rows    eventRows
	filter  string
	found   []uint64 // rows that match the filter, ascending
	from    uint64   // where matching goes on
	asked   int      // generation of the search under way
	busy    bool     // a search is under way
	waiting bool     // a command waits for rows
}

// eventRows are the rows of the feed, or those of them that match.
type eventRows struct {
	first, next uint64
	found       []uint64
	some        bool // found counts
}

func (r eventRows) Len() int {
	if r.some {
		return len(r.found)
	}
	return int(r.next - r.first)
}

func (r eventRows) ID(i int) uint64 {
	if r.some {
		return r.found[i]
	}
	return r.first + uint64(i)
}

func (r eventRows) Index(id uint64) (int, bool) {
	if !r.some {
		return int(id - r.first), id >= r.first && id < r.next
	}
	lo, hi := 0, len(r.found)
	for lo < hi {
		if mid := (lo + hi) / 2; r.found[mid] < id {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < len(r.found) && r.found[lo] == id
}

func newEventPane(f *Feed) *eventPane {
	p := &eventPane{feed: f}
	p.grid = grid.New[uint64](p.rows, grid.Bottom)
	return p
}

func (p *eventPane) enter(m *Model) tea.Cmd {
	if p.feed == nil {
		return nil
	}
	p.refresh()
	return tea.Batch(p.wait(m), p.search(m))
}

// wait is for rows, while the pane is on the screen.
func (p *eventPane) wait(m *Model) tea.Cmd {
	if p.waiting {
		return nil
	}
	p.waiting = true
	return m.waits.signal(m.ctx, p.feed.Changed(), frameTime, rowsCame{})
}

type rowsCame struct{}

func (rowsCame) take(m *Model) tea.Cmd {
	p := m.events
	p.waiting = false
	if m.shown != inEvents {
		return nil
	}
	p.refresh()
	return tea.Batch(p.wait(m), p.search(m))
}

// refresh takes the bounds of the feed; with a filter, what was found of it.
func (p *eventPane) refresh() {
	first, next := p.feed.Bounds()
	for len(p.found) > 0 && p.found[0] < first {
		p.found = p.found[1:]
	}
	p.rows = eventRows{first: first, next: next, found: p.found, some: p.filter != ""}
	p.grid.SetRows(p.rows)
}

// search matches the rows that were not matched yet, outside of the loop.
func (p *eventPane) search(m *Model) tea.Cmd {
	if p.filter == "" || p.busy {
		return nil
	}
	if _, next := p.feed.Bounds(); next == p.from {
		return nil
	}
	p.busy = true
	feed, needle, from, asked := p.feed, p.filter, p.from, p.asked
	return m.ask(time.Minute, func(context.Context) tea.Msg {
		found, next := feed.Match(needle, from)
		return searched{asked, found, next}
	})
}

type searched struct {
	asked int
	found []uint64
	next  uint64
}

func (s searched) take(m *Model) tea.Cmd {
	p := m.events
	p.busy = false
	if s.asked == p.asked { // else the filter is another one by now
		p.found, p.from = append(p.found, s.found...), s.next
		p.refresh()
	}
	return p.search(m)
}

func (p *eventPane) setFilter(m *Model, s string) tea.Cmd {
	p.filter, p.found, p.from = s, nil, 0
	p.asked++
	p.refresh()
	return p.search(m)
}

func (p *eventPane) act(m *Model, a action) tea.Cmd {
	switch {
	case p.feed == nil:
	case a == filter:
		m.overlay = newFilterLine(m, p.filter, p.setFilter)
	case moves(p.grid, a):
	}
	return nil
}

var eventColumns = []grid.Column{
	{Title: " TIME", Width: 13}, {Title: "HOST", Width: 10, Drop: 3}, {Title: "WHO", Width: 9, Drop: 2}, {Title: "PID", Width: 7, Right: true, Drop: 1},
	{Title: "WHAT", Width: 22}, {Title: "COMMAND, FAR END OR FILE", Width: 14, Flex: 1},
}

const eventDetail = 4 // lines below the table

func (p *eventPane) lines(m *Model, w, h int) []string {
	if p.feed == nil {
		return []string{"", m.strip(w).add(normal, "  live events are not kept in this run").String()}
	}
	widths := grid.Fit(eventColumns, w-1)
	rows := max(h-2-eventDetail, 1)
	p.grid.SetHeight(rows)
	out := []string{p.summary(m, w), m.theme.in(muted, text.Fit(grid.Titles(eventColumns, widths), w))}
	if p.rows.Len() == 0 {
		return append(out, m.strip(w).add(normal, p.nothing()).String())
	}
	lo, hi := p.grid.Visible()
	for i := lo; i < hi; i++ {
		out = append(out, grid.Line(eventColumns, widths, p.cells(m, i)))
	}
	return append(exactly(out, rows+2), p.detail(m, w)...)
}

func (p *eventPane) nothing() string {
	if p.filter != "" {
		return fmt.Sprintf("  nothing matches %q among %s", p.filter, plural(int(p.rows.next-p.rows.first), "row"))
	}
	return "  nothing yet: executions, connections of tools and files that they read show up here as they happen"
}

func (p *eventPane) summary(m *Model, w int) string {
	s := m.strip(w).add(normal, fmt.Sprintf(" %s of %s", count(p.rows.Len()), count(int64(p.rows.next))))
	if p.filter != "" {
		s.add(title, fmt.Sprintf(" · filter %q", p.filter))
	}
	mode := "following"
	if !p.grid.Following() {
		mode = "held: G follows again"
	}
	return s.right(muted, mode+" ").String()
}

func (p *eventPane) cells(m *Model, i int) []grid.Cell {
	row, ok := p.feed.Row(p.rows.ID(i))
	style := m.theme.as(normal)
	mark := " "
	switch {
	case i == p.grid.Index():
		mark, style = "▌", m.theme.as(title)
	case !ok:
		return []grid.Cell{{Text: "  (gone)"}, {}, {}, {}, {}, {}}
	case row.Tool:
		style = m.theme.as(warning)
	}
	return []grid.Cell{
		{Text: mark + row.At.Format("15:04:05.000"), Style: style}, {Text: row.Host, Style: style}, {Text: row.User, Style: style},
		{Text: strconv.Itoa(row.PID), Style: style}, {Text: eventWord(row), Style: style}, {Text: eventObject(row), Style: style},
	}
}

func eventWord(r FeedRow) string {
	switch r.Action {
	case "exec":
		return r.Name + " ◂ " + r.Parent
	case "open":
		return r.Name + " reads"
	case "connection_attempted":
		return r.Name + " connects"
	case "connection_accepted":
		return r.Name + " accepts"
	case "disconnect_received":
		return r.Name + " closes"
	}
	return r.Name + " " + r.Action
}

func eventObject(r FeedRow) string {
	switch {
	case r.Action == "exec":
		return r.Command
	case r.Action == "open":
		return r.File
	}
	return r.Far
}

// detail is the row under the cursor whole, as far as there is room.
func (p *eventPane) detail(m *Model, w int) []string {
	id, _ := p.grid.Cursor()
	row, ok := p.feed.Row(id)
	if !ok {
		return nil
	}
	heading := fmt.Sprintf("%s · %s · %s · %d", row.Host, row.User, eventWord(row), row.PID)
	if row.Action == "exec" {
		heading += fmt.Sprintf(" · %s bytes", count(row.CommandBytes))
	}
	out := []string{m.rule(w, heading)}
	for _, t := range text.Wrap(eventObject(row), w-3, eventDetail-1) {
		out = append(out, m.strip(w).add(title, "  "+t).String())
	}
	return exactly(out, eventDetail)
}
