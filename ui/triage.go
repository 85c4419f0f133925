package ui

import (
	"fmt"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/detect"
	"interdict/ui/grid"
	"interdict/ui/text"
)

// alertPane is the first screen: the alerts, and what is known of the one under the cursor.
type alertPane struct {
	grid   *grid.Grid[string]
	rows   findings
	order  int // in orders
	filter string
	hidden int  // by the filter
	known  bool // what exceptions hide is shown, not the rest
	folds  bool // what is routine is shown, not the rest
}

// findings are the rows, in the order of the screen.
type findings struct {
	list []*detect.Finding
}

func (f findings) Len() int        { return len(f.list) }
func (f findings) ID(i int) string { return f.list[i].ID }

// Index is asked once for each snapshot: looking is less than keeping a table of all.
func (f findings) Index(id string) (int, bool) {
	i := slices.IndexFunc(f.list, func(one *detect.Finding) bool { return one.ID == id })
	return i, i >= 0
}

// orders are the sort orders; all keep what is live on top, since no order may
// hide what is still going on.
var orders = []struct {
	name string
	less func(a, b *detect.Finding) int
}{
	{"live, then risk", nil},
	{"newest", func(a, b *detect.Finding) int { return b.At().Compare(a.At()) }},
	{"host", func(a, b *detect.Finding) int { return strings.Compare(a.Host.Name, b.Host.Name) }},
	{"bytes out", func(a, b *detect.Finding) int { return int(min(max(sent(b)-sent(a), -1), 1)) }},
}

func sent(f *detect.Finding) int64 {
	if f.Transfer == nil {
		return 0
	}
	return f.Transfer.Sent
}

func newAlertPane() *alertPane {
	p := &alertPane{}
	p.grid = grid.New[string](p.rows, grid.Top)
	return p
}

// setSnapshot filters and sorts what the engine has, and keeps the cursor on its alert.
func (p *alertPane) setSnapshot(m *Model) {
	words := strings.Fields(strings.ToLower(p.filter))
	p.rows = findings{make([]*detect.Finding, 0, len(m.snap.Findings)+1)}
	p.hidden = 0
	for _, f := range p.findings(m) {
		if len(words) > 0 && !m.matches(f, words) {
			p.hidden++
			continue
		}
		p.rows.list = append(p.rows.list, f)
	}
	if less := orders[p.order].less; less != nil {
		slices.SortStableFunc(p.rows.list, func(a, b *detect.Finding) int {
			if m.sends(a) != m.sends(b) {
				if m.sends(a) {
					return -1
				}
				return 1
			}
			return less(a, b)
		})
	}
	if len(m.snap.Routine) > 0 && !p.known && !p.folds {
		p.rows.list = append(p.rows.list, folded)
	}
	p.grid.SetRows(p.rows)
}

func (p *alertPane) findings(m *Model) []*detect.Finding {
	switch {
	case p.known:
		return sampled(m.snap.Hidden, m.now())
	case p.folds:
		return m.snap.Routine
	}
	return m.snap.Findings
}

// matches tells whether every word stands somewhere in what the row and its detail show.
func (m *Model) matches(f *detect.Finding, words []string) bool {
	all := strings.ToLower(text.Clean(strings.Join([]string{
		m.live(f), riskWord(f), hostWord(f), what(f), peerWord(f), contentWord(f), tool(f).CommandLine, tool(f).Executable, tool(f).User, f.RuleName, f.RuleID, f.ID, m.sourceOf(f.Host),
	}, " ")))
	for _, w := range words {
		if !strings.Contains(all, w) {
			return false
		}
	}
	return true
}

// selected is the finding under the cursor; nil when there is none.
func (p *alertPane) selected() *detect.Finding {
	if _, ok := p.grid.Cursor(); !ok {
		return nil
	}
	if f := p.rows.list[p.grid.Index()]; f != folded {
		return f
	}
	return nil
}

func (p *alertPane) enter(m *Model) tea.Cmd { return m.assess() }

func (p *alertPane) act(m *Model, a action) tea.Cmd {
	if moves(p.grid, a) {
		return m.assess()
	}
	switch a {
	case filter:
		m.overlay = newFilterLine(m, p.filter, p.setFilter)
		return nil
	case sortBy:
		p.order = (p.order + 1) % len(orders)
		p.setSnapshot(m)
		m.say("sorted by " + orders[p.order].name)
		return nil
	case hidden:
		p.known, p.folds = !p.known, false
		p.setSnapshot(m)
		return m.assess()
	case handOver:
		return m.openHandOver()
	case back:
		if p.known {
			return p.act(m, hidden)
		}
		if p.folds {
			return p.fold(m)
		}
		if p.filter != "" {
			p.setFilter(m, "")
		}
		return nil
	}
	f := p.selected()
	switch {
	case f == nil && p.onFolded() && a == open:
		return p.fold(m)
	case f == nil:
		m.say("there is no alert under the cursor")
		return nil
	}
	switch a {
	case open:
		return m.openGuide(f)
	case ack:
		return m.ackAlert(f)
	case except:
		return m.openExcept(f)
	}
	return m.actOn(f, a)
}

func (p *alertPane) setFilter(m *Model, s string) tea.Cmd {
	p.filter = s
	p.setSnapshot(m)
	return nil
}

// moves does what every list does with the keys that move.
func moves[K comparable](g *grid.Grid[K], a action) bool {
	switch a {
	case up:
		g.Move(-1)
	case down:
		g.Move(1)
	case pageUp:
		g.Page(-1)
	case pageDown:
		g.Page(1)
	case first:
		g.First()
	case last:
		g.Last()
	default:
		return false
	}
	return true
}

// orderWord is what stands right above the list.
func (p *alertPane) orderWord(m *Model) string {
	s := orders[p.order].name + " ▾"
	if p.filter != "" {
		s = fmt.Sprintf("filter %q hides %d   ", text.Fit(p.filter, 20), p.hidden) + s
	}
	if p.known {
		s = fmt.Sprintf("HIDDEN: look at the first %d today, z back", min(samples, len(m.snap.Hidden)))
	}
	if p.folds {
		s = "ROUTINE: esc goes back"
	}
	if n := p.grid.Above(); n > 0 {
		s = fmt.Sprintf("▲ %d new above (g)   ", n) + s
	}
	return s
}

var wideColumns = []grid.Column{
	{Title: "  LIVE", Width: 11}, {Title: "RISK", Width: 5}, {Title: "HOST", Width: 13, Flex: 1}, {Title: "WHAT", Width: 28, Flex: 3},
	{Title: "TO / PULLED BY", Width: 22, Flex: 1}, {Title: "OUT", Width: 9, Right: true}, {Title: "CONTENT", Width: 13, Drop: 1}, {Title: "AGE", Width: 4, Right: true},
}

var slimColumns = []grid.Column{
	{Title: "  LIVE", Width: 11}, {Title: "RISK", Width: 4}, {Title: "HOST", Width: 11, Flex: 1}, {Title: "WHAT", Width: 21, Flex: 3},
	{Title: "TO", Width: 16, Drop: 1}, {Title: "OUT", Width: 8, Right: true}, {Title: "AGE", Width: 3, Right: true, Drop: 2},
}

func (p *alertPane) lines(m *Model, w, h int) []string {
	if m.layout.list+m.layout.detail == 0 {
		return nil
	}
	if len(p.rows.list) == 0 {
		return p.empty(m, w)
	}
	out := p.table(m, w, m.layout.list)
	if p.onFolded() {
		return append(out, m.routineDetail(w, h-len(out))...)
	}
	return append(out, m.detail(p.selected(), w, h-len(out))...)
}

func (p *alertPane) table(m *Model, w, h int) []string {
	columns := slimColumns
	if m.layout.wide {
		columns = wideColumns
	}
	widths := grid.Fit(columns, w-1)
	p.grid.SetHeight(h - 1)
	heading := grid.Titles(columns, widths)
	if n := p.grid.Above(); n > 0 && !m.layout.wide {
		heading = fmt.Sprintf(" ▲ %d new above (g)", n)
	}
	out := []string{m.theme.in(muted, text.Fit(heading, w))}
	if p.filter != "" && !m.layout.wide { // the wide header says it
		note := fmt.Sprintf("filter %q hides %d, / and esc ", text.Fit(p.filter, 20), p.hidden)
		out[0] = m.strip(w).add(muted, text.Fit(heading, w-text.Width(note)-1)).right(warning, note).String()
	}
	lo, hi := p.grid.Visible()
	for i := lo; i < hi; i++ {
		if p.rows.list[i] == folded {
			out = append(out, m.foldedLine(w, i == p.grid.Index()))
			continue
		}
		out = append(out, grid.Line(columns, widths, p.cells(m, i, columns)))
	}
	return exactly(out, h)
}

func (p *alertPane) cells(m *Model, i int, columns []grid.Column) []grid.Cell {
	f := p.rows.list[i]
	t := m.theme
	mark, live := "  ", normal
	switch {
	case m.isFrozen(f):
		live = warning
	case m.sends(f):
		live = sending
	}
	under, taken := i == p.grid.Index(), m.config.Engine.Taken(f.Alert) != ""
	switch {
	case under:
		mark = "▌ "
	case m.lookersWord(f) != "":
		mark = "@ "
	case taken:
		mark = "✓ "
	}
	base := t.as(normal)
	switch {
	case under:
		base = t.as(title)
	case taken || f.NoLonger != "":
		base = t.as(muted)
	}
	liveStyle := base
	if live != normal {
		liveStyle = func(s string) string { return mark + t.in(live, strings.TrimPrefix(s, mark)) }
	}
	peer := grid.Cell{Text: peerWord(f), Style: base}
	out := grid.Cell{Text: outWord(f), Style: base}
	old := grid.Cell{Text: age(f, m.now()), Style: base}
	row := []grid.Cell{{Text: mark + m.live(f), Style: liveStyle}, {Text: riskWord(f), Style: t.as(riskRole(f))}, {Text: hostWord(f), Style: base}, {Text: what(f), Style: base}, peer, out}
	if len(columns) == len(wideColumns) {
		row = append(row, grid.Cell{Text: contentWord(f), Style: base})
	}
	return append(row, old)
}

// tinyScreen is all that fits below the smallest window: one line per alert.
func (m *Model) tinyScreen() []string {
	l := m.layout
	p := m.alerts
	var out []string
	p.grid.SetHeight(l.list)
	if m.overlay != nil {
		out = m.overlay.lines(m, l.width, l.list)
	} else {
		lo, hi := p.grid.Visible()
		for i := lo; i < hi; i++ {
			if p.rows.list[i] == folded {
				out = append(out, m.foldedLine(l.width, i == p.grid.Index()))
				continue
			}
			out = append(out, m.tinyLine(p.rows.list[i], i == p.grid.Index()))
		}
		if len(p.rows.list) == 0 {
			out = []string{m.strip(l.width).add(muted, fmt.Sprintf(" no alerts; %s judged", count(m.snap.Judged))).String()}
		}
	}
	out = exactly(out, l.list)
	note := fmt.Sprintf(" window too small for the rest (needs %d×%d)", minWidth, minHeight)
	return exactly(append(out, m.strip(l.width).add(muted, note).String()), l.height)
}

func (m *Model) tinyLine(f *detect.Finding, under bool) string {
	s := m.strip(m.layout.width)
	mark, r := "  ", normal
	if under {
		mark = "▌ "
	}
	if m.sends(f) {
		r = sending
	}
	s.add(normal, mark).add(r, m.live(f)).add(riskRole(f), " "+riskWord(f))
	return s.add(normal, " "+hostWord(f)+" "+what(f)+" "+outWord(f)).String()
}

// empty teaches: what is watched, since when, and what would show up here.
func (p *alertPane) empty(m *Model, w int) []string {
	var out []string
	line := func(r role, s string) { out = append(out, m.wrapped(w, r, s, 3)...) }
	out = append(out, "")
	if p.hidden > 0 {
		line(title, fmt.Sprintf("The filter %q hides all %s.", p.filter, plural(p.hidden, "alert")))
		line(normal, "esc shows them again, / changes it.")
		return out
	}
	line(title, "No alerts.")
	since := "nothing was looked at yet"
	if !m.snap.Since.IsZero() {
		since = fmt.Sprintf("%s judged since %s UTC", plural(int(m.snap.Judged), "execution"), m.snap.Since.UTC().Format("2006-01-02 15:04:05"))
	}
	line(normal, since+"; "+m.lossWord()+".")
	for _, s := range m.sourceWords() {
		if s.role == normal {
			line(normal, "Watching "+s.text)
		}
	}
	for _, s := range m.troubles() {
		line(warning, s)
	}
	out = append(out, "")
	live, off := ruleCounts(m.snap.Rules)
	line(normal, fmt.Sprintf("%s at work, %d cannot be run. An alert shows up here when somebody starts a transfer tool (scp, rsync, curl, nc …) that is rare on this host, has an unusual parent, hides its name, or reads or sends what it should not.", plural(live, "rule"), off))
	line(muted, "2 shows the executions as they come, ? all keys.")
	return out
}

func ruleCounts(rules []detect.RuleStatus) (at, off int) {
	for _, r := range rules {
		if r.Mode == detect.Off {
			off++
		} else {
			at++
		}
	}
	return at, off
}
