package ui

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/respond"
	"interdict/ui/grid"
	"interdict/ui/text"
)

const (
	journalKept = 5000 // newest entries on the screen
	journalStep = 1000
)

// journalPane shows every change, newest first.
type journalPane struct {
	grid    *grid.Grid[int64]
	entries journalRows // oldest first
	err     error
	asked   int
	whole   bool
	read    bool
}

// journalRows shows entries newest first; sequence numbers have no gaps.
type journalRows []respond.Entry

func (r journalRows) Len() int               { return len(r) }
func (r journalRows) at(i int) respond.Entry { return r[len(r)-1-i] }
func (r journalRows) ID(i int) int64         { return r.at(i).Seq }
func (r journalRows) Index(id int64) (int, bool) {
	if len(r) == 0 {
		return 0, false
	}
	i := int(r[len(r)-1].Seq - id)
	return i, i >= 0 && i < len(r) && r.at(i).Seq == id
}

func newJournalPane() *journalPane {
	p := &journalPane{}
	p.grid = grid.New[int64](p.entries, grid.Top)
	return p
}

func (p *journalPane) enter(m *Model) tea.Cmd {
	if m.changes == nil {
		return nil
	}
	p.asked++
	c, asked, after := m.changes, p.asked, int64(0)
	if n := len(p.entries); n > 0 {
		after = p.entries[n-1].Seq
	}
	return m.ask(20*time.Second, func(ctx context.Context) tea.Msg {
		all, err := readEntries(ctx, c, after)
		return journalRead{asked, all, err}
	})
}

// readEntries reads everything behind a number and keeps the newest.
func readEntries(ctx context.Context, c changes, after int64) ([]respond.Entry, error) {
	var all []respond.Entry
	for {
		some, err := c.Entries(ctx, after, journalStep)
		all = append(all, some...)
		if n := len(all) - journalKept; n > 0 {
			all = append([]respond.Entry(nil), all[n:]...)
		}
		if err != nil || len(some) == 0 {
			return all, err
		}
		after = some[len(some)-1].Seq
	}
}

type journalRead struct {
	asked   int
	entries []respond.Entry
	err     error
}

func (r journalRead) take(m *Model) tea.Cmd {
	p := m.panes[inJournal].(*journalPane)
	if r.asked != p.asked {
		return nil
	}
	p.err, p.read = r.err, true
	p.entries = append(p.entries, r.entries...)
	p.entries = p.entries[max(len(p.entries)-journalKept, 0):]
	p.grid.SetRows(p.entries)
	return nil
}

func (p *journalPane) act(m *Model, a action) tea.Cmd {
	switch {
	case moves(p.grid, a):
	case a == open:
		p.whole = !p.whole
	case a == again:
		return p.enter(m)
	}
	return nil
}

var journalColumns = []grid.Column{
	{Title: "   SEQ", Width: 7}, {Title: "TIME (UTC)", Width: 19}, {Title: "WHO", Width: 12, Flex: 1, Drop: 2}, {Title: "HOST", Width: 10, Flex: 1},
	{Title: "WHAT", Width: 15}, {Title: "PHASE", Width: 9}, {Title: "WITH", Width: 10, Flex: 4, Drop: 1},
}

func (p *journalPane) lines(m *Model, w, h int) []string {
	say := func(r role, s string) []string { return append([]string{""}, m.wrapped(w, r, s, 4)...) }
	switch {
	case m.changes == nil:
		return say(normal, "there is no journal in this run, so nothing can be changed from here")
	case p.err != nil:
		return say(critical, "the journal cannot be read: "+p.err.Error())
	case len(p.entries) == 0 && m.blindOn != "":
		return say(critical, m.blindOn)
	case len(p.entries) == 0 && p.read:
		return say(normal, "nothing was ever changed from here: each plan, approval, change and check is written down here first")
	case len(p.entries) == 0:
		return say(normal, "the journal is being read…")
	}
	widths := grid.Fit(journalColumns, w-1)
	below := 8
	if p.whole {
		below = h / 2
	}
	p.grid.SetHeight(max(h-1-below, 1))
	out := []string{m.theme.in(muted, text.Fit(grid.Titles(journalColumns, widths), w))}
	lo, hi := p.grid.Visible()
	for i := lo; i < hi; i++ {
		out = append(out, grid.Line(journalColumns, widths, p.cells(m, i)))
	}
	out = exactly(out, max(h-below, 1))
	return append(out, p.detail(m, w, below)...)
}

func (p *journalPane) cells(m *Model, i int) []grid.Cell {
	e := p.entries.at(i)
	mark, style := "  ", m.theme.as(normal)
	if i == p.grid.Index() {
		mark, style = "▌ ", m.theme.as(title)
	}
	phase := style
	if e.Phase == respond.Failed || e.Phase == respond.Refused {
		phase = m.theme.as(critical)
	}
	with, _ := entryWords(e)
	return []grid.Cell{
		{Text: mark + strconv.FormatInt(e.Seq, 10), Style: style}, {Text: e.Wall.UTC().Format("2006-01-02 15:04:05"), Style: style}, {Text: e.Actor.User, Style: style},
		{Text: e.Host, Style: style}, {Text: e.Kind, Style: style}, {Text: string(e.Phase), Style: phase}, {Text: with, Style: style},
	}
}

// entryWords is an entry in one line, and its statements.
func entryWords(e respond.Entry) (string, []respond.Line) {
	switch e.Phase {
	case respond.Planned, respond.Approved, respond.Applying:
		p, err := e.Plan()
		if err != nil {
			return err.Error(), nil
		}
		return p.Title, p.Lines
	}
	o, err := e.Outcome()
	switch {
	case err != nil:
		return err.Error(), nil
	case o.Verdict != nil:
		return string(o.Verdict.State) + ": " + o.Verdict.Summary, o.Verdict.Lines
	case o.Error != "":
		return o.Error, reasonLines(o.Reasons)
	case o.Result != nil:
		return o.Result.Summary, o.Result.Lines
	}
	return "", nil
}

func reasonLines(reasons []respond.Reason) []respond.Line {
	var out []respond.Line
	for _, r := range reasons {
		out = append(out, respond.Line{Label: r.Code, Text: r.Text})
	}
	return out
}

func (p *journalPane) detail(m *Model, w, h int) []string {
	e := p.entries.at(p.grid.Index())
	out := []string{m.rule(w, fmt.Sprintf("%d · operation %s · by %s", e.Seq, e.Op, e.Actor))}
	with, lines := entryWords(e)
	put := func(label, t string) {
		for i, l := range text.Wrap(t, w-labelWidth-3, 20) {
			if i > 0 {
				label = ""
			}
			out = append(out, m.strip(w).add(muted, "  "+text.Fit(label, labelWidth-1)).to(labelWidth+2).add(normal, l).String())
		}
	}
	put(string(e.Phase), with)
	if e.Override != nil {
		put("override", fmt.Sprintf("%s typed %q: %s", e.Override.By, e.Override.Typed, e.Override.Reason))
	}
	for _, l := range lines {
		put(l.Label, l.Text)
	}
	put("hash", strings.ToLower(e.Hash.String()))
	return exactly(out, h)
}
