package detect

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"interdict/sources/ecs"
	"interdict/sources/frame"
)

// open is an alert that nobody closed yet.
type open struct {
	Alert
	watch    *watch
	group    *group
	sub      string // which of the group's rows
	matching bool
	changes  uint64
	bundle   bundle
	evicted  bool        // had to make room; it is not shown, and not raised again
	tool     *proc       // that Process is, while the table knows it
	toolID   string      // the entity id that tool was found by
	pinned   []*transfer // that are not routine: the alert stays with them
}

// hit is one row of a rule's result with the source events behind it.
type hit struct {
	watch  *watch
	group  *group
	sub    string
	result *frame.Frame
	row    int
	source *view
	rows   []int // of source
	now    time.Time
	found  func() []figure
	parent string // of the alert's process: its script or executable
}

// text looks a name up in the result, then in the newest source event.
func (h *hit) text(name string) string {
	if name == "parent" {
		return h.parent
	}
	if c := h.result.Column(name); c != nil && !c.IsNull(h.row) {
		return strings.Join(c.Texts(h.row), ", ")
	}
	if c, ok := ecs.Lookup(name); ok && len(h.rows) > 0 {
		return strings.Join(h.source.texts(c, h.newest()), ", ")
	}
	return ""
}

// at is when a source event happened, in ms.
func (h *hit) at(row int) int64 { return h.source.intOr(ecs.Timestamp, row, 0) }

// newest is the source event that came last of those with the latest time.
func (h *hit) newest() int {
	best := h.rows[0]
	for _, r := range h.rows[1:] {
		if h.at(r) >= h.at(best) {
			best = r
		}
	}
	return best
}

// oldest gives the first source event after a time; the id decides between equals.
func (h *hit) oldest(after int64) (row int, id string, ok bool) {
	for _, r := range h.rows {
		at := h.at(r)
		if at <= after || ok && at > h.at(row) {
			continue
		}
		if ok && at == h.at(row) {
			if other := eventID(h.source, r); other >= id {
				continue
			}
		}
		row, id, ok = r, eventID(h.source, r), true
	}
	return row, id, ok
}

// settle brings a group's alerts in line with what its rule says now.
func (e *Engine) settle(w *watch, o outcome, now time.Time) {
	g := o.group
	g.result = g.result[:0]
	found := func() []figure { return o.counts(g.key) }
	present := make(map[string]bool, len(o.found))
	for i, row := range o.found {
		g.result = append(g.result, rowText(o.result, row))
		h := &hit{watch: w, group: g, result: o.result, row: row, source: o.source, rows: o.rows, now: now, found: found}
		if len(w.by) == 0 && !w.alone {
			h.sub, h.rows = pivot(o.result, row, o.source)
		} else if i > 0 {
			h.sub = strconv.Itoa(i)
		}
		present[h.sub] = true
		e.hit(h)
	}
	for sub, a := range g.open {
		if !present[sub] {
			e.gone(a, found, len(o.rows))
		}
	}
}

// pivot finds the source events behind a row of an aggregation: those that
// agree with it in all columns that both have. The name of the row's alert is made of these.
func pivot(result *frame.Frame, row int, source *view) (sub string, rows []int) {
	var b []byte
	match := make([]bool, source.f.Rows)
	for i := range match {
		match[i] = true
	}
	for i, name := range result.Names {
		c, mine := result.Columns[i], source.f.Column(name)
		if mine == nil || mine.Type != c.Type || c.IsNull(row) {
			continue
		}
		texts := c.Texts(row)
		slices.Sort(texts)
		b = append(strconv.AppendQuote(append(b, name...), strings.Join(texts, "\x00")), ' ')
		for r := range match {
			match[r] = match[r] && slices.ContainsFunc(mine.Texts(r), func(s string) bool {
				_, ok := slices.BinarySearch(texts, s)
				return ok
			})
		}
	}
	for r, ok := range match {
		if ok {
			rows = append(rows, r)
		}
	}
	return string(b), rows
}

// hit raises an alert or brings it up to date.
func (e *Engine) hit(h *hit) {
	if a := h.group.open[h.sub]; a != nil {
		e.again(a, h)
		return
	}
	a := &open{watch: h.watch, group: h.group, sub: h.sub, matching: true}
	r := h.watch.rule
	a.Alert = Alert{
		RuleID: r.ID, RuleName: r.Name, Severity: r.Severity, Risk: r.Risk, Tactics: r.Tactics, Raised: h.now, First: h.now, Last: h.now,
	}
	if !h.name(e, &a.Alert) {
		return // nothing came since it was closed
	}
	h.fill(e, a)
	e.mark(a, h)
	if e.fold(a, h) {
		return
	}
	if h.group.open == nil {
		h.group.open = make(map[string]*open)
	}
	h.group.open[h.sub] = a
	h.watch.raised++
	h.watch.excess(h.now)
	if e.alerts[a.ID] != nil || e.closedIDs[a.ID] {
		a.evicted = true // known already, as after a restart of the rule
		return
	}
	e.alerts[a.ID] = a
	e.tell(a, Raised)
	e.makeRoom()
}

// name names a new alert by the first source event that was not closed with an
// earlier one; false when there is none. A closure that is not known here yet,
// of an earlier run or another program, is taken over.
func (h *hit) name(e *Engine, a *Alert) bool {
	group := h.group.key + "\x00" + h.sub
	a.Thread = nameOf(a.RuleID, group)
	for {
		closed, again := h.group.closed[h.sub]
		if !again {
			closed = -1
		}
		first, id, ok := h.oldest(closed)
		switch {
		case ok:
			a.First = millis(h.at(first))
		case again || len(h.rows) > 0:
			return false
		default:
			id = h.now.Truncate(h.watch.rule.Interval).UTC().Format(time.RFC3339)
		}
		a.ID = nameOf(a.RuleID, group, id)
		if e.o.Past == nil {
			return true
		}
		past := e.o.Past(*a)
		if past.ClosedUpTo.IsZero() || past.ClosedUpTo.UnixMilli() <= closed {
			a.ID = cmp.Or(past.ID, a.ID)
			return true
		}
		h.group.close(h.sub, past.ClosedUpTo.UnixMilli())
	}
}

// again brings an alert up to date that is open already.
func (e *Engine) again(a *open, h *hit) {
	was := a.Alert
	back := !a.matching
	a.matching, a.NoLonger = true, ""
	h.fill(e, a)
	e.mark(a, h)
	if back || a.Count != was.Count || a.Severity != was.Severity {
		e.tell(a, Updated)
	}
}

// fill sets what follows from the rows.
func (h *hit) fill(e *Engine, a *open) {
	a.Count = max(a.Count, h.events())
	a.Row = a.Row[:0:0]
	for i, name := range h.result.Names {
		a.Row = append(a.Row, Field{name, strings.Join(h.result.Columns[i].Texts(h.row), ", ")})
	}
	if len(h.rows) > 0 {
		n := h.newest()
		a.Last = millis(h.at(n))
		a.Host = hostAt(h.source, n)
		a.Process = e.toolOf(h.source, n)
		if to, err := netip.ParseAddr(h.source.text(ecs.DestinationIP, n)); err == nil {
			a.To = netip.AddrPortFrom(to, uint16(h.source.intOr(ecs.DestinationPort, n, 0)))
		}
		if p := e.track.find(a.Process.EntityID); p != nil { // while the table knows it
			a.tool, a.toolID = p, a.Process.EntityID
		}
	} else {
		a.Host = Host{Name: h.text("host.name"), AgentID: h.text("agent.id"), ID: h.text("host.id")}
		a.Process.Executable, a.Process.LoginUID, a.Process.Session = h.text("process.executable"), -1, -1
	}
	if e.o.Environment != nil {
		if env := e.o.Environment(a.Host); env != "" {
			a.Host.Environment = env
		}
	}
	h.parent = e.parentOf(&a.Process)
	if h.parent == "" {
		h.parent = h.text("process.parent.executable")
	}
	a.grade(h)
	a.Why = why(h.watch.rule, h.text, h.found(), a.Count)
	a.Degraded = e.degraded(h)
}

// events is how many source events there were since the alert was last closed,
// on a stream those included that left the window.
func (h *hit) events() (n int) {
	closed, again := h.group.closed[h.sub]
	for _, r := range h.rows {
		if !again || h.at(r) > closed {
			n++
		}
	}
	if len(h.watch.by) > 0 && h.sub == "" {
		n = max(n, h.group.total)
	}
	return n
}

// toolOf gives the tool that row belongs to, else the process of the row.
func (e *Engine) toolOf(v *view, row int) Process {
	ids := identitiesOf(v)
	if k, ok := ids.process(row); ok {
		if p := e.track.all[k]; p != nil {
			if t := p.belongs(); t != nil && t.root != nil {
				p = t.root
			}
			if facts := e.track.process(p); facts.Name != "" {
				return facts
			}
		}
	}
	return processAt(v, row)
}

// parentOf names the parent of a process: the script that it runs, else its executable.
func (e *Engine) parentOf(p *Process) string {
	up := e.track.find(p.Parent)
	if up == nil {
		return ""
	}
	facts := e.track.process(up)
	if facts.Script != "" {
		return facts.Script
	}
	return facts.Executable
}

// grade sets the severity by the rule's mappings, the highest that fits; the
// risk is at least the severity's own.
func (a *open) grade(h *hit) {
	r := h.watch.rule
	a.Severity, a.Risk = r.Severity, r.Risk
	for _, m := range r.Mappings {
		value := h.text(m.Field)
		if m.Field == ecs.LabelsEnvironment.Name() {
			value = a.Host.Environment
		}
		if value == m.Value && rank(m.Severity) > rank(a.Severity) {
			a.Severity = m.Severity
			a.Risk = max(a.Risk, risks[rank(m.Severity)])
		}
	}
}

func rank(severity string) int { return slices.Index(severities[:], severity) }

// risks are Kibana's defaults for the severities.
var risks = [...]int{21, 47, 73, 99}

func (e *Engine) degraded(h *hit) []string {
	var out []string
	if note := h.watch.notes["overflow"]; note != "" {
		out = append(out, note)
	}
	for _, what := range []string{"partial", "seed"} {
		if note := h.watch.notes[what]; note != "" {
			out = append(out, note)
		}
	}
	if n := e.lostSince(h.now.Add(-h.watch.rule.Lookback)); n > 0 {
		out = append(out, strconv.FormatInt(n, 10)+" events were lost within the rule's window: counts may be too low")
	}
	return out
}

// gone marks an alert whose row has disappeared while its events are still there.
func (e *Engine) gone(a *open, found func() []figure, events int) {
	more := len(a.watch.by) > 0 && a.group.total > a.Count
	if more {
		a.Count = a.group.total
	}
	if a.matching && events > 0 {
		a.matching = false
		a.NoLonger = noLonger(found())
		e.tell(a, NoLonger)
	} else if more {
		e.tell(a, Updated)
	}
}

// fold counts a new alert in an open one when the rule says that they are to be shown once.
func (e *Engine) fold(a *open, h *hit) bool {
	s := h.watch.rule.Suppression
	if len(s.By) == 0 {
		return false
	}
	key := h.watch.rule.ID
	for _, name := range s.By {
		v := h.text(name)
		if v == "" && s.KeepMissing {
			return false
		}
		key += "\x00" + v
	}
	if len(e.folds) > maxOpen {
		clear(e.folds)
	}
	lead := e.folds[key]
	if lead == nil || lead.Closed || h.now.Sub(lead.Raised) > s.For {
		e.folds[key] = a
		return false
	}
	if h.group.open == nil {
		h.group.open = make(map[string]*open)
	}
	a.evicted = true
	h.group.open[h.sub] = a
	lead.Count += a.Count
	lead.folded += a.Fired()
	lead.Last = a.Last
	e.tell(lead, Updated)
	return true
}

// rowText gives a row in one line, for comparing results.
func rowText(f *frame.Frame, row int) string {
	var b strings.Builder
	for i, name := range f.Names {
		texts := f.Columns[i].Texts(row)
		slices.Sort(texts)
		b.WriteString(name + "=" + strconv.Quote(strings.Join(texts, "\x00")) + " ")
	}
	return b.String()
}
