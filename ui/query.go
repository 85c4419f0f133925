package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/sources"
	"interdict/sources/frame"
	"interdict/ui/grid"
	"interdict/ui/text"
)

// Asked remembers the queries of earlier runs.
type Asked interface {
	// Queries gives them, oldest first.
	Queries() ([]string, error)
	// Add keeps one more.
	Add(query string) error
}

// queryPane asks the history whatever the person writes.
type queryPane struct {
	text    string   // as it was written last
	source  string   // which of several histories is asked; "": all
	asked   []string // oldest first
	read    bool     // asked has those of earlier runs
	number  int      // of the question under way or answered
	asks    string   // the source of that
	cancel  context.CancelFunc
	begun   time.Time
	answer  *queryAnswer // nil: nothing was asked yet
	grid    *grid.Grid[int]
	columns []grid.Column
	left    int // the first column on the screen
}

// queryAnswer is what came of one question.
type queryAnswer struct {
	number  int
	text    string
	source  string
	rows    *frame.Frame
	quality sources.Quality
	err     error
}

// rowsOf are the rows of a frame, by number.
type rowsOf struct{ n int }

func (r rowsOf) Len() int                 { return r.n }
func (r rowsOf) ID(i int) int             { return i }
func (r rowsOf) Index(id int) (int, bool) { return id, id < r.n }

const (
	queryLimit = 2 * time.Minute
	askedMost  = 500
)

func newQueryPane() *queryPane {
	p := &queryPane{}
	p.grid = grid.New[int](rowsOf{}, grid.Top)
	return p
}

func (p *queryPane) enter(m *Model) tea.Cmd {
	if m.config.History == nil {
		return nil
	}
	if p.answer == nil && p.cancel == nil {
		m.overlay = newEditor(p, p.text)
	}
	if p.read || m.config.Asked == nil {
		return nil
	}
	p.read = true
	asked := m.config.Asked
	return func() tea.Msg {
		all, err := asked.Queries()
		return queriesRead{all, err}
	}
}

type queriesRead struct {
	all []string
	err error
}

func (r queriesRead) take(m *Model) tea.Cmd {
	p := m.query()
	p.asked = append(r.all, p.asked...)
	if r.err != nil {
		m.warn("earlier queries cannot be read: " + r.err.Error())
	}
	return nil
}

func (m *Model) query() *queryPane { return m.panes[inQuery].(*queryPane) }

// openQuery brings a query to the screen, to be changed or run over a source.
func (m *Model) openQuery(s, source string) tea.Cmd {
	m.query().source = source
	if s != "" {
		m.query().text = s
	}
	cmd := m.show(inQuery)
	if m.config.History != nil {
		m.overlay = newEditor(m.query(), m.query().text)
	}
	return cmd
}

// run asks, and gives up what was asked before.
func (p *queryPane) run(m *Model, s string) tea.Cmd {
	m.overlay = nil
	p.text = s
	if strings.TrimSpace(s) == "" || m.config.History == nil {
		return nil
	}
	p.stop()
	p.number++
	p.asks = p.source
	number, history, q := p.number, m.config.History, sources.Query{Text: s, Now: m.config.now(), Source: p.source}
	ctx, cancel := context.WithTimeout(m.ctx, queryLimit)
	p.cancel, p.begun = cancel, m.now()
	return tea.Batch(p.remember(m, s), func() tea.Msg {
		defer cancel()
		rows, quality, err := history.Query(ctx, q)
		return queryAnswered{&queryAnswer{number, s, q.Source, rows, quality, err}}
	})
}

// remember keeps a query once, as the newest.
func (p *queryPane) remember(m *Model, s string) tea.Cmd {
	if n := len(p.asked); n > 0 && p.asked[n-1] == s {
		return nil
	}
	p.asked = append(p.asked, s)
	p.asked = p.asked[max(len(p.asked)-askedMost, 0):]
	asked := m.config.Asked
	if asked == nil {
		return nil
	}
	return func() tea.Msg {
		if err := asked.Add(s); err != nil {
			return warned{"the query is not remembered: " + err.Error()}
		}
		return nil
	}
}

// warned is a warning from outside of the loop.
type warned struct{ text string }

func (s warned) take(m *Model) tea.Cmd { m.warn(s.text); return nil }

func (p *queryPane) stop() {
	if p.cancel != nil {
		p.cancel()
		p.cancel = nil
	}
}

type queryAnswered struct{ answer *queryAnswer }

func (a queryAnswered) take(m *Model) tea.Cmd {
	p := m.query()
	if a.answer.number != p.number || p.cancel == nil {
		return nil
	}
	p.cancel = nil
	p.answer, p.left, p.columns = a.answer, 0, nil
	n := 0
	if rows := a.answer.rows; rows != nil {
		n, p.columns = rows.Rows, columnsOf(rows)
	}
	p.grid = grid.New[int](rowsOf{n}, grid.Top)
	if _, _, pointed := Pointed(a.answer.text, a.answer.err); pointed && m.shown == inQuery && m.overlay == nil {
		m.overlay = newEditor(p, a.answer.text)
	}
	return nil
}

// How wide a column may be, and how many rows its width is chosen from.
const (
	columnMost = 40
	sampleRows = 500
)

func columnsOf(f *frame.Frame) []grid.Column {
	out := make([]grid.Column, len(f.Names))
	for i, name := range f.Names {
		w := min(text.Width(name), columnMost)
		for r := range min(f.Rows, sampleRows) {
			w = max(w, min(text.Width(cellText(f, i, r)), columnMost))
		}
		t := f.Columns[i].Type
		out[i] = grid.Column{Title: name, Width: max(w, 1), Right: t == frame.Long || t == frame.Integer || t == frame.Double || t == frame.UnsignedLong}
	}
	return out
}

func cellText(f *frame.Frame, column, row int) string {
	return strings.Join(f.Columns[column].Texts(row), ", ")
}

func (p *queryPane) act(m *Model, a action) tea.Cmd {
	switch {
	case m.config.History == nil:
	case moves(p.grid, a):
	case a == edit:
		m.overlay = newEditor(p, p.text)
	case a == whose:
		p.choose(m)
	case a == again:
		return p.run(m, p.text)
	case a == stopIt && p.cancel != nil:
		p.stop() // the answer to the question before is none to this one
		p.answer = &queryAnswer{number: p.number, text: p.text, source: p.asks, err: errors.New("the question was called off")}
	case a == right:
		p.left = max(min(p.left+1, len(p.columns)-1), 0)
	case a == left:
		p.left = max(p.left-1, 0)
	case a == export && p.answer != nil && p.answer.rows != nil:
		m.overlay = newPrompt("write to (.csv .ndjson .json .txt)", "query-"+m.now().Format("20060102T150405Z")+".csv", p.write)
	}
	return nil
}

// choose has the next question go to the next source.
func (p *queryPane) choose(m *Model) {
	if len(m.config.Histories) == 0 {
		m.say("there is one history alone in this run")
		return
	}
	p.source = after(m.config.Histories, p.source)
	m.say("the next question goes to" + strings.TrimPrefix(m.whoAnswers(p.source), ","))
}

// after is the next of several names, behind the last of which is "": all.
func after(all []string, now string) string {
	if i := slices.Index(all, now) + 1; i < len(all) {
		return all[i]
	}
	return ""
}

// whoAnswers is ", SOURCE" or ", all 2 sources" where there are several; "" where there is one.
func (m *Model) whoAnswers(source string) string {
	switch {
	case len(m.config.Histories) == 0:
		return ""
	case source != "":
		return ", " + source
	}
	return fmt.Sprintf(", all %d sources", len(m.config.Histories))
}

// write puts the answer into a new file; the end of its name says how.
func (p *queryPane) write(m *Model, name string) tea.Cmd {
	format := strings.TrimPrefix(filepath.Ext(name), ".")
	if format == "txt" {
		format = "table"
	}
	put, ok := Formats[format]
	if !ok {
		m.warn(fmt.Sprintf("%q: how it is written is told by .csv, .ndjson, .json or .txt at the end", name))
		return nil
	}
	answer := p.answer
	return func() tea.Msg {
		err := WriteNew(name, func(w io.Writer) error { return put(w, answer.rows, answer.quality) })
		if err != nil {
			return warned{"not written: " + err.Error()}
		}
		return written{fmt.Sprintf("%s written to %s", plural(answer.rows.Rows, "row"), name)}
	}
}

type written struct{ text string }

func (w written) take(m *Model) tea.Cmd { m.say(w.text); return nil }

func (p *queryPane) lines(m *Model, w, h int) []string { return p.draw(m, w, h, nil) }

// draw gives the query, what is to be said of its answer, and the answer.
func (p *queryPane) draw(m *Model, w, h int, e *editor) []string {
	if m.config.History == nil {
		return []string{"", m.strip(w).add(normal, "  there is no history in this run that could be asked").String()}
	}
	shown := e
	if shown == nil {
		shown = newEditor(p, p.text)
		shown.at = 0
	}
	out := shown.field(m, w, max(h/3, 1), e != nil)
	out = append(out, p.status(m, w, e)...)
	if p.answer != nil && p.answer.rows != nil {
		out = append(out, p.table(m, w, h-len(out))...)
	}
	return out
}

// status is the state of question and answer, in the words of its warnings.
func (p *queryPane) status(m *Model, w int, e *editor) []string {
	if e != nil && e.hint != "" {
		var out []string
		for _, l := range text.Wrap(e.hint, w-3, 4) {
			out = append(out, m.strip(w).add(muted, "   "+l).String())
		}
		return out
	}
	if p.cancel != nil {
		return []string{m.rule(w, fmt.Sprintf("asking for %d s%s; x calls it off", int(m.now().Sub(p.begun).Seconds()), m.whoAnswers(p.asks)))}
	}
	a := p.answer
	if a == nil {
		return []string{m.rule(w, ""), m.strip(w).add(muted, "  ES|QL, such as: FROM logs-endpoint.events.process-* | WHERE process.name == \"scp\" | STATS count(*) BY user.name").String()}
	}
	if a.err != nil {
		return p.problem(m, w)
	}
	out := []string{m.rule(w, fmt.Sprintf("%s of %s looked at, %s%s", plural(a.rows.Rows, "row"), count(a.quality.Scanned), took(a.quality.Took), m.whoAnswers(a.source)))}
	for _, r := range a.quality.Reasons {
		out = append(out, m.strip(w).add(critical, "  PARTIAL: "+r).String())
	}
	for _, t := range a.quality.Warnings[:min(len(a.quality.Warnings), 3)] {
		out = append(out, m.strip(w).add(warning, "  "+t).String())
	}
	return out
}

func (p *queryPane) problem(m *Model, w int) []string {
	out := []string{m.rule(w, "no answer")}
	if line, mark, ok := Pointed(p.answer.text, p.answer.err); ok {
		column := text.Width(mark)
		line, mark = text.FitLeft(line[:min(len(line), column+w/2)], w-4), strings.Repeat(" ", max(min(column, w-4)-1, 0))+"^"
		out = append(out, m.strip(w).add(normal, "   "+line).String(), m.strip(w).add(critical, "   "+mark).String())
	}
	for _, one := range strings.Split(p.answer.err.Error(), "\n") {
		for _, l := range text.Wrap(one, w-3, 4) {
			out = append(out, m.strip(w).add(critical, "   "+l).String())
		}
	}
	return out
}

// table is the rows, from the first column on the screen, and the row under the
// cursor whole.
func (p *queryPane) table(m *Model, w, h int) []string {
	f := p.answer.rows
	below := min(len(p.columns)+1, max(h/3, 2))
	rows := h - 1 - below
	if rows < 1 {
		return nil
	}
	columns, widths := p.visible(w)
	p.grid.SetHeight(rows)
	out := []string{m.theme.in(muted, text.Fit("  "+grid.Titles(columns, widths), w))}
	lo, hi := p.grid.Visible()
	for i := lo; i < hi; i++ {
		mark, style := "  ", m.theme.as(normal)
		if i == p.grid.Index() {
			mark, style = "▌ ", m.theme.as(title)
		}
		cells := make([]grid.Cell, len(columns))
		for c := range columns {
			cells[c] = grid.Cell{Text: cellText(f, p.left+c, i), Style: style}
		}
		out = append(out, style(mark)+grid.Line(columns, widths, cells))
	}
	return append(exactly(out, rows+1), p.whole(m, w, below)...)
}

// visible are the columns that there is room for.
func (p *queryPane) visible(w int) ([]grid.Column, []int) {
	var widths []int
	used := 2
	for _, c := range p.columns[min(p.left, len(p.columns)):] {
		width := min(c.Width, w-used-1)
		if width < min(c.Width, 4) {
			break
		}
		widths = append(widths, width)
		used += width + 1
	}
	return p.columns[p.left : p.left+len(widths)], widths
}

// whole is the row under the cursor, a line a column, from the first on the screen.
func (p *queryPane) whole(m *Model, w, h int) []string {
	f := p.answer.rows
	if f.Rows == 0 {
		return nil
	}
	heading := fmt.Sprintf("row %s of %s", count(p.grid.Index()+1), count(f.Rows))
	if p.left > 0 {
		heading += fmt.Sprintf(" · %s to the left", plural(p.left, "column"))
	}
	out := []string{m.rule(w, heading)}
	for c := p.left; c < len(f.Names) && len(out) < h; c++ {
		out = append(out, m.strip(w).add(muted, "  "+text.Fit(f.Names[c], w/3)).to(min(w/3, 34)+3).add(normal, cellText(f, c, p.grid.Index())).String())
	}
	return exactly(out, h)
}
