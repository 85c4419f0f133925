package detect

import (
	"container/heap"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"interdict/sources/ecs"
	"interdict/sources/esql"
	"interdict/sources/frame"
)

// A group of more than manyRows is judged again when it grew by one in growth,
// or at a tick: what a flood costs stays in proportion to the flood.
const (
	manyRows = 1000
	growth   = 16
)

// slack is how long a row stays after it left its window, for clocks that are set back.
const slack = 10 * time.Minute

// watch is a rule as an engine evaluates it.
type watch struct {
	rule    *Rule
	text    pipeline
	stmt    *esql.Statement
	live    *esql.Live // nil: cannot be evaluated on a stream
	figures *esql.Live // the text up to its conditions on counts; nil: none
	limits  []condition
	mode    Mode
	clocked bool

	by     []string // source columns that a group is made of; nil with alone false: all rows are one group
	keys   []string // the same in the rule's rows; nil: not all are there, and groups are run one by one
	alone  bool     // each row is a group
	groups map[string]*group
	kept   *kept
	edges  edges
	late   map[*group]bool // waiting to be judged at the next tick
	turn   []*group        // what is left of this round over all groups, for rules that ask for the time
	seen   map[string]bool // ids of seeded rows that the stream may bring once more
	until  time.Time       // when seen can go
	ran    time.Time
	next   time.Time // of a scheduled run
	whole  time.Time // when all of its window came since it was seeded
	back   time.Time // when to try again to keep rows; zero: nothing to try
	notes  map[string]string
	raised int64
	looked int64 // rows that its text was run over

	spanFrom time.Time // when the interval began that inSpan counts alerts of
	inSpan   int
}

// group is the rows that a rule counts together, and what came of them.
type group struct {
	key    string
	rows   []uint32 // of kept, in order of arrival
	judged int      // len(rows) when it was last judged
	result []string // the rule's rows, as text
	open   map[string]*open
	closed map[string]int64 // ms: time of the newest event when an alert was closed
	total  int              // source events since then
}

// close notes that events up to a time, in ms, raise no alert any more.
func (g *group) close(sub string, upTo int64) {
	if g.closed == nil {
		g.closed = make(map[string]int64)
	}
	g.closed[sub], g.total = upTo, 0
}

func newWatch(r *Rule) *watch {
	w := &watch{rule: r, mode: Off, groups: make(map[string]*group), late: make(map[*group]bool), notes: make(map[string]string)}
	switch {
	case r.Unsupported != "":
		w.notes["off"] = r.Unsupported
		return w
	case !r.Enabled:
		w.notes["off"] = "it is switched off in its file"
		return w
	}
	w.text = cut(r.Query)
	w.clocked = w.text.clocked()
	var err error
	if w.stmt, err = esql.Prepare(r.Query); err != nil {
		w.notes["off"] = err.Error()
		return w
	}
	w.mode = Scheduled
	if w.live, err = w.stmt.Live(ecs.Fields()); err != nil {
		w.live, w.notes["schedule"] = nil, "runs on its schedule: "+err.Error()
		return w
	}
	w.mode = Live
	w.alone = w.live.PerRow()
	if w.text.separable() {
		w.by, w.keys = w.live.Groups(), w.live.Keys()
	}
	w.kept = newKept(w.live.Columns(), r.Field)
	w.coverage()
	w.explained()
	return w
}

// coverage says what the events of this machine lack for the rule.
func (w *watch) coverage() {
	from := w.stmt.From()
	process, network, file := esql.MatchIndex(from, ecs.Process.Index()), esql.MatchIndex(from, ecs.Network.Index()), esql.MatchIndex(from, ecs.File.Index())
	switch {
	case !process && !network && !file:
		w.notes["coverage"] = "nothing on this machine writes to " + from
	case (network || file) && !strings.Contains(w.rule.Query, ecs.ProcessTool.Name()):
		w.notes["coverage"] = "partial coverage: network and file events exist for transfer tools only"
	}
}

func (w *watch) explained() {
	text, limits, ok := w.text.figures()
	if !ok {
		return
	}
	stmt, err := esql.Prepare(text)
	if err != nil {
		return
	}
	if w.figures, err = stmt.Live(ecs.Fields()); err == nil {
		w.limits = limits
	}
}

// take keeps what the prefix picks from a batch. It gives the groups that were touched.
func (w *watch) take(f *frame.Frame, in *esql.Indices, now time.Time) []*group {
	rows := w.live.Match(f, in)
	if len(rows) == 0 {
		return nil
	}
	picked := w.kept.pick(f).Gather(rows)
	if w.seen != nil {
		picked = w.fresh(picked, now)
	}
	return w.keep(picked, now)
}

// fresh leaves out what came with the seed already.
func (w *watch) fresh(f *frame.Frame, now time.Time) *frame.Frame {
	if now.After(w.until) {
		w.seen = nil
		return f
	}
	v := viewOf(f)
	var rows []uint32
	for row := range f.Rows {
		if id := eventID(v, row); !w.seen[id] {
			rows = append(rows, uint32(row))
		} else {
			delete(w.seen, id)
		}
	}
	return f.Gather(rows)
}

func (w *watch) keep(f *frame.Frame, now time.Time) []*group {
	if f.Rows == 0 {
		return nil
	}
	first := w.kept.add(f)
	keys := w.keyer(f)
	window := w.rule.Window(now)
	var touched []*group
	for row := range f.Rows {
		n := first + row
		at := w.kept.at[n]
		if at < 0 || !window.From.IsZero() && at < window.From.Add(-slack).UnixMilli() {
			continue // never in a window
		}
		g := w.group(keys(row))
		if len(touched) == 0 || touched[len(touched)-1] != g {
			touched = append(touched, g)
		}
		g.rows = append(g.rows, uint32(n))
		g.total++
		w.crossings(at, now, func(when int64) { heap.Push(&w.edges, edge{when, g}) })
	}
	return unique(touched)
}

// crossings gives the moments after now at which a row of the given time enters or leaves the window.
func (w *watch) crossings(at int64, now time.Time, yield func(when int64)) {
	if at > now.UnixMilli() {
		yield(at)
	}
	if out := at + w.rule.Lookback.Milliseconds() + 1; w.rule.Lookback > 0 && out > now.UnixMilli() {
		yield(out)
	}
}

// rewind finds all moments anew, after the clock was set back.
func (w *watch) rewind(now time.Time) {
	w.edges = w.edges[:0]
	for _, g := range w.groups {
		for _, n := range g.rows {
			w.crossings(w.kept.at[n], now, func(when int64) { w.edges = append(w.edges, edge{when, g}) })
		}
	}
	heap.Init(&w.edges)
}

func unique(groups []*group) []*group {
	if len(groups) < 2 {
		return groups
	}
	seen := make(map[*group]bool, len(groups))
	out := groups[:0]
	for _, g := range groups {
		if !seen[g] {
			seen[g] = true
			out = append(out, g)
		}
	}
	return out
}

func (w *watch) group(key string) *group {
	g := w.groups[key]
	if g == nil {
		g = &group{key: key}
		w.groups[key] = g
	}
	return g
}

// keyer gives what tells the group of a row. A group key with several values
// puts a row into several groups: from then on all rows are one group.
func (w *watch) keyer(f *frame.Frame) func(row int) string {
	if w.alone {
		v := viewOf(f)
		return func(row int) string { return eventID(v, row) }
	}
	for _, name := range w.by {
		if c := f.Column(name); c != nil && c.Offsets != nil && severalValues(c) {
			w.merge()
			break
		}
	}
	return keysIn(f, w.by)
}

func severalValues(c *frame.Column) bool {
	for i := range len(c.Offsets) - 1 {
		if c.Offsets[i+1]-c.Offsets[i] > 1 {
			return true
		}
	}
	return false
}

func appendKey(b []byte, c *frame.Column, row int) []byte {
	if c == nil || c.IsNull(row) {
		return append(b, '-')
	}
	text := c.Text(row)
	b = strconv.AppendInt(b, int64(len(text)), 10)
	b = append(b, ':')
	return append(b, text...)
}

// merge makes one group of all.
func (w *watch) merge() {
	all := &group{}
	for _, g := range w.groups {
		all.rows = append(all.rows, g.rows...)
		all.total += g.total
	}
	w.by, w.keys = nil, nil
	w.groups = map[string]*group{"": all}
	w.rewind(w.ran)
	w.notes["group"] = "a value that rows are grouped by is a list: all rows are judged together"
}

// due tells whether a touched group is judged at once.
func (g *group) due() bool {
	return len(g.rows) <= manyRows || len(g.rows)-g.judged >= g.judged/growth
}

// reach gives the groups that the clock may have changed since it was last asked.
func (w *watch) reach(now time.Time) []*group {
	var touched []*group
	w.edges.until(now.UnixMilli(), func(g *group) { touched = append(touched, g) })
	for g := range w.late {
		touched = append(touched, g)
	}
	if now.Before(w.ran) { // the clock was set back: anything may be in the window again
		touched = w.every()
		w.turn = nil
		w.rewind(now)
	}
	w.ran = now
	w.shed(now)
	return unique(touched)
}

func (w *watch) every() []*group {
	out := make([]*group, 0, len(w.groups))
	for _, g := range w.groups {
		out = append(out, g)
	}
	return out
}

// shed forgets rows that no window will have again, once they are most of what is kept.
func (w *watch) shed(now time.Time) {
	if w.rule.Lookback == 0 || len(w.kept.at) < 64 {
		return
	}
	before := now.Add(-w.rule.Lookback - slack).UnixMilli()
	gone := 0
	for _, at := range w.kept.at {
		if at < before {
			gone++
		}
	}
	if gone > len(w.kept.at)/2 {
		w.renumber(w.kept.drop(before))
	}
}

func (w *watch) renumber(numbers []int32) {
	for key, g := range w.groups {
		rest := g.rows[:0]
		for _, n := range g.rows {
			if numbers[n] >= 0 {
				rest = append(rest, uint32(numbers[n]))
			}
		}
		g.rows = rest
		g.judged = min(g.judged, len(rest))
		if len(rest) == 0 { // nothing of it can be raised again
			maps.DeleteFunc(g.open, func(_ string, a *open) bool { return a.evicted })
		}
		if len(rest) == 0 && len(g.open) == 0 && len(g.closed) == 0 {
			delete(w.groups, key)
		}
	}
}

// overflow lets go of all rows: the rule runs on its schedule until a window fits again.
func (w *watch) overflow(now time.Time) {
	w.notes["overflow"] = fmt.Sprintf("more rows match within its window than can be kept: it runs every %s instead of at once", w.pressed())
	w.empty()
	w.mode, w.next, w.back = Scheduled, now, now.Add(w.rule.Lookback)
}

// empty forgets all rows, but not what alerts are open.
func (w *watch) empty() {
	w.kept.reset()
	w.edges, w.turn, w.seen = nil, nil, nil
	clear(w.late)
	for key, g := range w.groups {
		if g.rows, g.judged, g.result = nil, 0, nil; len(g.open) == 0 && len(g.closed) == 0 {
			delete(w.groups, key)
		}
	}
}

// pressed is how often a rule runs that is on its schedule only for want of room.
func (w *watch) pressed() time.Duration { return min(w.rule.Interval, time.Minute) }
