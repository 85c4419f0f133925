package detect

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Bounds of what is shown.
const (
	maxOpen   = 10_000 // transfers, and alerts about none
	maxOfOne  = 16     // alerts of one transfer, once there is no room for all
	maxClosed = 1_000
)

// Snapshot gives the present state. It costs next to nothing while nothing changes.
func (e *Engine) Snapshot() *Snapshot {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.snap != nil && e.snap.Version == e.version {
		return e.snap
	}
	last := e.snap
	e.snap = &Snapshot{
		Version: e.version, Judged: e.judged, Since: e.since,
		Lost: e.lost, Closed: e.nClosed, Dropped: e.dropped,
	}
	e.snap.Findings, e.snap.Hidden, e.snap.Routine = e.findings(last)
	for _, w := range e.watches {
		e.snap.Rules = append(e.snap.Rules, w.status())
	}
	return e.snap
}

func (w *watch) status() RuleStatus {
	s := RuleStatus{Rule: w.rule, Mode: w.mode, Groups: len(w.groups), Raised: w.raised, LastRun: w.ran}
	if w.kept != nil {
		s.Kept = len(w.kept.at)
	}
	for _, note := range w.notes {
		s.Notes = append(s.Notes, note)
	}
	slices.Sort(s.Notes)
	s.Blind = cmp.Or(w.notes["error"], w.notes["partial"], w.notes["seed"])
	return s
}

// findings brings alerts about one transfer together. What did not change since the last time is reused.
func (e *Engine) findings(last *Snapshot) (shown, hidden, routine []*Finding) {
	if last != nil && !e.stale && !e.track.dirty() {
		return last.Findings, last.Hidden, last.Routine
	}
	e.stale = false
	now := e.shown()
	e.rankedAs++
	var fresh []*ranked
	var led []*transfer
	for _, a := range e.alerts {
		t := e.transferOf(a)
		if t == nil {
			fresh = e.place(fresh, e.finding(&a.bundle, nil, nil, a))
			continue
		}
		if t.ledIn != e.rankedAs {
			t.ledIn, t.led = e.rankedAs, t.led[:0]
			led = append(led, t)
		}
		t.led = append(t.led, a)
	}
	for _, t := range led {
		fresh = e.place(fresh, e.finding(&t.bundle, t, e.track.show(t, now), t.led...))
	}
	e.rank(fresh)
	shown = make([]*Finding, 0, len(e.ranked))
	for _, r := range e.ranked {
		switch f := r.finding; {
		case f.Exception != nil:
			hidden = append(hidden, f)
		case f.Routine.Folds() && f.Breach == "":
			routine = append(routine, f)
		default:
			shown = append(shown, f)
		}
	}
	return shown, hidden, routine
}

// ranked is a finding in the order of the screen. What changes is a new one: the
// order of the others is kept, so that a change costs no sorting of all.
type ranked struct {
	finding *Finding
	round   uint64 // when it was last found to be so
}

// place notes that a finding is still there; one that was not there last time is fresh.
func (e *Engine) place(fresh []*ranked, r *ranked) []*ranked {
	if r.round == 0 || r.round != e.rankedAs-1 {
		fresh = append(fresh, r)
	}
	r.round = e.rankedAs
	return fresh
}

// rank puts what is fresh between what stays, and leaves out what is gone.
func (e *Engine) rank(fresh []*ranked) {
	slices.SortFunc(fresh, byPlace)
	out := make([]*ranked, 0, len(e.ranked)+len(fresh))
	for _, r := range e.ranked {
		if r.round != e.rankedAs {
			continue
		}
		for len(fresh) > 0 && byPlace(fresh[0], r) < 0 {
			out, fresh = append(out, fresh[0]), fresh[1:]
		}
		out = append(out, r)
	}
	e.ranked = append(out, fresh...)
}

// byPlace is live first, then by risk.
func byPlace(x, y *ranked) int {
	a, b := x.finding, y.finding
	if a.Live() != b.Live() {
		if a.Live() {
			return -1
		}
		return 1
	}
	return byRisk(a, b)
}

// byRisk is by risk with its reasons, then as the alerts are.
func byRisk(a, b *Finding) int {
	if a.sum != b.sum {
		return b.sum - a.sum
	}
	return order(&a.Alert, &b.Alert)
}

func (e *Engine) finding(last *bundle, of *transfer, t *Transfer, alerts ...*open) *ranked {
	next := bundle{alerts: len(alerts), ruling: e.ruling}
	for _, a := range alerts {
		next.changes += a.changes
		if a.tool != nil && a.tool.endedAt != 0 {
			next.ended++
		}
	}
	if f := last.finding(); f != nil && f.Transfer == t && next == (bundle{nil, last.alerts, last.changes, last.ended, last.ruling}) {
		return last.ranked
	}
	f := &Finding{Alert: alerts[0].present(e), Transfer: t, Others: alerts[0].others(of)}
	for _, a := range alerts[1:] {
		f.join(a.present(e))
		f.Others = max(f.Others, a.others(of))
	}
	slices.SortFunc(f.Also, func(a, b Alert) int { return order(&a, &b) })
	if of != nil {
		f.Skew = e.counts.skew(&of.tally)
	}
	e.reckon(f, of)
	f.except(e.exceptions, e.ended)
	next.ranked = &ranked{finding: f}
	*last = next
	return next.ranked
}

// order is by risk, then newest first, then id.
func order(a, b *Alert) int {
	if a.Risk != b.Risk {
		return b.Risk - a.Risk
	}
	if c := b.Last.Compare(a.Last); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}

// join adds an alert about the same transfer; the one of the highest risk
// leads, among equals the one that was raised first.
func (f *Finding) join(a Alert) {
	lead := a.Risk > f.Risk || a.Risk == f.Risk && (a.Raised.Before(f.Raised) || a.Raised.Equal(f.Raised) && a.RuleID+a.ID < f.RuleID+f.ID)
	if lead {
		f.Alert, a = a, f.Alert
	}
	f.Also = append(f.Also, a)
}

// Of is the finding with one of its alerts in the lead.
func (f *Finding) Of(a Alert) *Finding {
	one := *f
	one.Alert = a
	return &one
}

func (e *Engine) transferOf(a *open) *transfer {
	t, now := e.newestOf(a), e.shown()
	worst := t
	for _, o := range slices.Backward(a.pinned) {
		if o != worst && !o.tally.routine.Folds() && (worst == nil || o.outranks(worst, func(t *transfer) int64 { return e.track.timeOn(t, now) })) {
			worst = o
		}
	}
	return worst
}

// outranks tells which of two transfers of one form an alert shows: one that is
// not routine, that still goes on, that sends, that sent more. What is benign and
// comes later must not hide what was not.
func (t *transfer) outranks(o *transfer, now func(*transfer) int64) bool {
	for _, higher := range [...]func(*transfer) bool{
		func(t *transfer) bool { return !t.tally.routine.Folds() },
		func(t *transfer) bool { return !t.frozen && t.alive(now(t)) },
		func(t *transfer) bool { return t.shown == nil || t.shown.Direction != In },
	} {
		if a, b := higher(t), higher(o); a != b {
			return a
		}
	}
	return t.shown != nil && o.shown != nil && t.shown.Sent > o.shown.Sent
}

// others counts the transfers that are not routine either and that an alert does not show.
func (a *open) others(shown *transfer) (n int) {
	for _, o := range a.pinned {
		if o != shown && !o.tally.routine.Folds() {
			n++
		}
	}
	return n
}

// newestOf gives the transfer of the process that an alert is about: the newest of its rows.
func (e *Engine) newestOf(a *open) *transfer {
	if a.tool == nil || a.toolID != a.Process.EntityID {
		a.tool, a.toolID = e.track.find(a.Process.EntityID), a.Process.EntityID
	}
	if a.tool == nil {
		return nil
	}
	return a.tool.transfer
}

// present gives the alert with its process as it is now.
func (a *open) present(e *Engine) Alert {
	out := a.Alert
	if a.tool != nil && a.tool.facts != nil && a.tool.facts.Name == out.Process.Name {
		out.Process = *a.tool.facts
	}
	return out
}

func (e *Engine) present(t *transfer) *Transfer {
	if t == nil {
		return nil
	}
	return e.track.show(t, e.shown())
}

// Finding gives the finding that an alert belongs to; closed alerts are found for a while.
func (e *Engine) Finding(alertID string) (*Finding, bool) {
	if f, ok := e.Snapshot().Finding(alertID); ok {
		return f, true
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, f := range e.closed {
		if f.ID == alertID {
			return f, true
		}
	}
	return nil, false
}

// Finding gives the finding that an open alert belongs to.
func (s *Snapshot) Finding(alertID string) (*Finding, bool) {
	for _, all := range [][]*Finding{s.Findings, s.Hidden, s.Routine} {
		for _, f := range all {
			if f.has(alertID) {
				return f, true
			}
		}
	}
	return nil, false
}

func (f *Finding) has(id string) bool {
	return f.ID == id || slices.ContainsFunc(f.Also, func(a Alert) bool { return a.ID == id })
}

// Close closes an alert: it leaves the snapshot, and only events that come
// later raise its rule's next one. It gives the alert as it was closed; one that
// is not open is left alone.
func (e *Engine) Close(alertID, reason string) (closed Alert, ok bool) {
	e.mu.Lock()
	if a := e.alerts[alertID]; a != nil {
		e.close(a, reason)
		closed, ok = a.Alert, true
	}
	e.publish()
	e.mu.Unlock()
	e.deliver()
	return closed, ok
}

func (e *Engine) close(a *open, reason string) {
	a.Closed, a.CloseReason = true, reason
	if t := e.transferOf(a); t != nil && allowed(reason) {
		e.counts.learn(t, true)
	} else if t != nil && reason == theftReason && t.tally.routine != nil && !t.tally.routine.Known && e.counts.has(&t.tally) {
		e.counts.add(Habit, habitStolen(t.tally.routine.key), t.tally.host, e.now().UnixMilli(), 1, 0)
	}
	f := &Finding{Alert: a.present(e), Transfer: e.present(e.transferOf(a))}
	f.Alert.Closed, f.Alert.CloseReason = true, reason
	if e.closed = append(e.closed, f); len(e.closed) > maxClosed {
		delete(e.closedIDs, e.closed[0].ID)
		e.closed = append(e.closed[:0], e.closed[1:]...)
	}
	e.closedIDs[a.ID] = true
	e.nClosed++
	a.group.close(a.sub, a.Last.UnixMilli())
	delete(a.group.open, a.sub)
	delete(e.alerts, a.ID)
	e.tell(a, Closed)
}

// makeRoom drops what is open beyond the bound, of a transfer all of its alerts:
// what still goes on and what has the highest risk stays. It is called for each
// alert that is raised.
func (e *Engine) makeRoom() {
	if e.room--; e.room >= 0 {
		return
	}
	const most = maxOpen + maxOpen/10
	all := e.things()
	if len(e.alerts) > most {
		for _, one := range all {
			e.thin(one)
		}
	}
	if len(all) > most {
		slices.SortFunc(all, func(a, b *thing) int {
			if a.live != b.live {
				if a.live {
					return -1
				}
				return 1
			}
			if a.risk != b.risk {
				return b.risk - a.risk
			}
			return order(&a.alerts[0].Alert, &b.alerts[0].Alert)
		})
		for _, one := range all[maxOpen:] {
			e.evict(one.alerts)
			e.dropped++
		}
		all = all[:maxOpen]
	}
	e.room = most - len(all)
}

// thin drops the least alerts of one transfer, which may raise any number of them.
func (e *Engine) thin(one *thing) {
	if len(one.alerts) <= maxOfOne {
		return
	}
	slices.SortFunc(one.alerts, func(a, b *open) int { return order(&a.Alert, &b.Alert) })
	e.evict(one.alerts[maxOfOne:])
	e.dropped += int64(len(one.alerts) - maxOfOne)
	one.alerts = one.alerts[:maxOfOne]
}

func (e *Engine) evict(alerts []*open) {
	for _, a := range alerts {
		a.evicted = true
		delete(e.alerts, a.ID)
	}
	e.version++
	e.stale = true
}

// thing is what one row of the screen is about: a transfer, or an alert about none.
type thing struct {
	alerts []*open
	live   bool
	risk   int
}

func (e *Engine) things() (all []*thing) {
	now, of := e.shown(), make(map[*transfer]*thing, len(e.alerts))
	for _, a := range e.alerts {
		t := e.transferOf(a)
		one := of[t]
		if t == nil || one == nil {
			one = &thing{live: t != nil && !t.frozen && t.alive(e.track.timeOn(t, now)), risk: weight(a, t)}
			all = append(all, one)
		}
		if t != nil {
			of[t] = one
		}
		one.risk = max(one.risk, weight(a, t))
		if one.alerts = append(one.alerts, a); order(&a.Alert, &one.alerts[0].Alert) < 0 {
			one.alerts[0], one.alerts[len(one.alerts)-1] = a, one.alerts[0]
		}
	}
	return all
}

// weight is the risk of what an alert is about, as far as it was looked at;
// nothing is less than what is routine.
func weight(a *open, t *transfer) int {
	switch {
	case t == nil || t.bundle.ranked == nil && t.tally.routine == nil:
		return a.Risk
	case t.tally.routine.Folds():
		return -1
	case t.bundle.ranked == nil:
		return a.Risk
	}
	return t.bundle.finding().Adjusted
}

// routineFor is how long what is routine is shown after its end.
const routineFor = 24 * time.Hour

// forgetRoutine lets go of alerts about what was routine and is long over. The
// counts have them.
func (e *Engine) forgetRoutine(now time.Time) {
	if now.Sub(e.forgotten).Abs() < time.Minute {
		return
	}
	e.forgotten = now
	for id, a := range e.alerts {
		if a.odd() != nil || now.Sub(a.Last) < routineFor {
			continue
		}
		if t := e.transferOf(a); t != nil && t.frozen && t.tally.routine.Folds() && now.Sub(t.shown.Ended) > routineFor {
			delete(a.group.open, a.sub)
			if g := a.group; len(g.rows) > 0 {
				g.close(a.sub, a.Last.UnixMilli()) // what comes later raises the next one
			} else if len(g.open) == 0 && len(g.closed) == 0 {
				delete(a.watch.groups, g.key)
			}
			delete(e.alerts, id)
			e.version++
			e.stale = true
		}
	}
}

// excess notes alerts beyond what Kibana would have made of a run.
func (w *watch) excess(now time.Time) {
	if now.Sub(w.spanFrom).Abs() > w.rule.Interval {
		w.spanFrom, w.inSpan = now, 0
	}
	if w.inSpan++; w.inSpan == w.rule.MaxSignals+1 {
		w.notes["max_signals"] = "more alerts within one interval than max_signals: all are shown"
	}
}
