package detect

import (
	"context"
	"sync"
	"time"

	"interdict/sources"
	"interdict/sources/esql"
	"interdict/sources/frame"
)

// Change is what happened to an alert.
type Change string

// The changes. Updated: more source events, another severity, or it matches again.
const (
	Raised   Change = "raised"
	Updated  Change = "updated"
	NoLonger Change = "no longer"
	Closed   Change = "closed"
)

// Options configure an [Engine].
type Options struct {
	Rules   []*Rule
	History sources.History  // seeds windows and answers scheduled rules; nil: starts empty
	Now     func() time.Time // nil: time.Now
	// Recording makes the rules' clock follow the events' own time, so that what
	// they find does not depend on how fast a recording is played: now is the
	// newest timestamp seen. Rates, and what still goes on, are by Now nevertheless.
	Recording   bool
	Environment func(Host) string // ci, staging, production; nil: what events say
	Group       func(Host) string // hosts with which one is compared; nil: those of its environment
	Baseline    int               // days that counts go back; 0: 14
	Sensitive   []Place           // files that matter, beside those that are known to
	Counts      sources.Sink      // keeps daily counts, which History answers as interdict.counts-*; nil: nobody does
	// Past tells what people said about an alert before this run, or beside it.
	// It must not call the engine. nil: nothing was said.
	Past    func(Alert) Past
	OnAlert func(Alert, Change) // in order, never dropped; it may call the engine, and Put waits for it
}

// Engine evaluates rules on the stream of batches. It is safe for concurrent use.
type Engine struct {
	o       Options
	changed chan struct{}

	put     sync.Mutex // one batch, tick or seed after the other; taken before mu
	mu      sync.Mutex
	track   *tracker
	watches []*watch
	started bool
	since   time.Time
	looked  time.Time                              // when the clock was looked at last
	steady  func(from, to time.Time) time.Duration // how long that was
	newest  int64                                  // ms, of all events: the clock of a recording
	judged  int64
	lost    sources.Loss
	losses  []loss

	counts    *counts
	flushed   time.Time
	forgotten time.Time // when what was routine was last let go of
	learning  sync.WaitGroup

	own        []*Exception    // of the rules' files
	exceptions []*Exception    // all of them
	ruling     int             // grows when other exceptions are in force
	over       map[ending]bool // the ends that have come: a clock that is set back brings none back

	alerts    map[string]*open // by id
	closedIDs map[string]bool
	closed    []*Finding // the newest maxClosed
	nClosed   int
	dropped   int64
	room      int // alerts that may still be raised before what they are about is counted
	folds     map[string]*open

	version  uint64
	snap     *Snapshot
	stale    bool // the findings of snap are
	ranked   []*ranked
	rankedAs uint64 // how often these were ranked
	outbox   []told
	telling  bool
}

// Past is what people said about an alert earlier.
type Past struct {
	ClosedUpTo time.Time // source events up to here were closed: none of them raises it again; zero: it never was
	ID         string    // the alert goes on under this name; "": it is a new one
}

type loss struct {
	at time.Time
	n  int64
}

type told struct {
	Alert
	Change
}

// New makes an engine. Rules that cannot be run are listed in the snapshot with the reason.
func New(o Options) (*Engine, error) {
	if o.Now == nil {
		o.Now = time.Now
		if o.Recording {
			o.Now = func() time.Time { return time.Time{} }
		}
	}
	e := &Engine{
		o: o, changed: make(chan struct{}, 1), track: newTracker(), alerts: make(map[string]*open),
		closedIDs: make(map[string]bool), folds: make(map[string]*open), over: make(map[ending]bool), since: o.Now(), steady: steadily,
	}
	for _, r := range o.Rules {
		if o.Recording && r.Field != timestamp { // when it was indexed is not when it is played
			own := *r
			own.Field = timestamp
			r = &own
		}
		e.watches = append(e.watches, newWatch(r))
		e.own = append(e.own, r.Exceptions...)
	}
	e.exceptions = e.own
	e.counts, e.flushed = newCounts(o.Baseline), e.since
	e.track.places = o.Sensitive
	e.track.counts, e.track.group, e.track.settled = e.counts, e.groupOf, e.settleTransfer
	return e, nil
}

// now is the engine's clock, in whole milliseconds as events have them.
func (e *Engine) now() time.Time {
	if e.o.Recording {
		return millis(e.newest)
	}
	return e.o.Now().Truncate(time.Millisecond)
}

// shown is the time by which rates and what still goes on are shown, in ms.
func (e *Engine) shown() int64 {
	now := e.now().UnixMilli()
	if e.o.Recording && now > 0 {
		now = max(now, e.o.Now().UnixMilli())
	}
	return now
}

// Put judges a batch.
func (e *Engine) Put(ctx context.Context, b sources.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e.put.Lock()
	e.begin(ctx)
	e.mu.Lock()
	e.lose(b.Lost)
	if e.o.Recording {
		e.steps(ctx, b.Events)
	} else {
		e.take(ctx, b.Events)
	}
	if e.stale || e.track.dirty() || b.Lost.Total() > 0 || e.snap == nil || e.snap.Judged == 0 {
		e.publish() // else there is only more to count, which the next beat says
	}
	e.mu.Unlock()
	e.put.Unlock()
	e.deliver()
	return nil
}

// begin seeds the rules before the first batch.
func (e *Engine) begin(ctx context.Context) {
	if e.started {
		return
	}
	e.started = true
	if e.o.Recording {
		return
	}
	e.learnPast(ctx, e.now())
	e.recall(ctx, e.now())
	e.seed(ctx, e.watches, e.now())
}

// step is how finely a recording is cut in time: a rule sees at least every such moment.
const step = 1000 // ms

// absurd is how far behind the clock of a recording an event must be for the
// clock to be what is wrong: an earlier event had a time far ahead. The clock is
// set back then, or nothing that follows would be in any window.
const absurd = 24 * 60 * 60 * 1000 // ms

// steps takes a recording's batch as if its events had come when they happened.
func (e *Engine) steps(ctx context.Context, f *frame.Frame) {
	at := f.Column(timestamp)
	if at == nil {
		return
	}
	var rows []uint32
	start := int64(-1)
	flush := func() {
		if len(rows) > 0 {
			e.take(ctx, f.Gather(rows))
			e.clock(ctx)
			rows = rows[:0:0]
		}
	}
	for row := range f.Rows {
		ms, ok := at.Int(row)
		back := ok && ms < e.newest-absurd
		if ok && (start < 0 || ms >= start+step || back) {
			flush()
			start = ms
		}
		if ok && e.newest == 0 {
			e.since = millis(ms) // a recording is watched since its first event
		}
		if ok && (e.newest < ms || back) {
			e.newest = ms
		}
		rows = append(rows, uint32(row))
	}
	flush()
}

func (e *Engine) take(ctx context.Context, f *frame.Frame) {
	if f == nil || f.Rows == 0 {
		return
	}
	v := viewOf(f)
	e.counts.heard(v, e.now().UnixMilli())
	e.judged += e.track.put(v)
	now, in := e.now(), esql.IndicesOf(f)
	for _, w := range e.watches {
		if w.mode != Live {
			continue
		}
		groups := w.take(f, in, now)
		if len(groups) == 0 {
			continue
		}
		e.judge(ctx, w, groups, now)
		if w.kept.full() {
			e.overflow(w, now)
		}
	}
	e.version++
}

// judge runs a rule over groups and settles their alerts.
func (e *Engine) judge(ctx context.Context, w *watch, groups []*group, now time.Time) {
	due := groups[:0]
	for _, g := range groups {
		if g.due() {
			due = append(due, g)
		} else {
			w.late[g] = true
		}
	}
	e.judgeNow(ctx, w, due, now)
}

func (e *Engine) judgeNow(ctx context.Context, w *watch, groups []*group, now time.Time) {
	if err := w.judge(ctx, groups, now, func(o outcome) { e.settle(w, o, now) }); err != nil {
		w.notes["error"] = "its last run stopped: " + err.Error()
		return
	}
	delete(w.notes, "error")
}

func (e *Engine) overflow(w *watch, now time.Time) {
	if e.o.History != nil {
		w.overflow(now)
		return
	}
	w.notes["partial"] = "more rows matched within its window than can be kept: only the newest are counted"
	half := w.kept.at[len(w.kept.at)/2]
	w.renumber(w.kept.drop(half + 1))
}

func (e *Engine) lose(l sources.Loss) {
	if l.Total() == 0 {
		return
	}
	e.lost = e.lost.Add(l)
	e.losses = append(e.losses, loss{e.now(), l.Total()})
	if len(e.losses) > 1024 {
		e.losses[1].n += e.losses[0].n
		e.losses = append(e.losses[:0], e.losses[1:]...)
	}
	e.version++
}

func (e *Engine) lostSince(t time.Time) (n int64) {
	for _, l := range e.losses {
		if !l.at.Before(t) {
			n += l.n
		}
	}
	return n
}

// beat is how often the clock is looked at.
const beat = 250 * time.Millisecond

// Run is the clock: windows that end, scheduled rules, rates. It returns nil when ctx ends.
func (e *Engine) Run(ctx context.Context) error {
	e.put.Lock()
	e.begin(ctx)
	e.put.Unlock()
	e.mu.Lock()
	e.publish()
	e.mu.Unlock()
	e.deliver()
	t := time.NewTicker(beat)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			e.learning.Wait()
			e.flush(context.WithoutCancel(ctx))
			return nil
		case <-t.C:
			e.tick(ctx)
		}
	}
}

func (e *Engine) tick(ctx context.Context) {
	e.put.Lock()
	e.mu.Lock()
	e.clock(ctx)
	e.publish()
	e.mu.Unlock()
	e.put.Unlock()
	e.deliver()
	if e.flushDue(e.now()) {
		e.flush(ctx)
	}
	e.scheduled(ctx)
}

// patience is how long one beat may judge groups again because the time has changed.
const patience = 10 * time.Millisecond

// clock lets time act on windows, rates and what is remembered.
func (e *Engine) clock(ctx context.Context) {
	now := e.now()
	e.expire(now)
	e.leap()
	e.counts.turn(now.UnixMilli())
	e.weighAll(e.shown())
	e.forgetRoutine(now)
	if e.track.tick(e.shown()) {
		e.version++
		e.stale = true
	}
	for _, w := range e.watches {
		if w.mode != Live {
			continue
		}
		second := now.Truncate(time.Second).After(w.ran)
		if touched := w.reach(now); len(touched) > 0 {
			e.judgeNow(ctx, w, touched, now)
			e.version++
		}
		if w.clocked {
			e.round(ctx, w, now, second)
		}
	}
}

// round judges all groups of a rule that asks for the time, once a second, a few at a time.
func (e *Engine) round(ctx context.Context, w *watch, now time.Time, second bool) {
	if len(w.turn) == 0 && second {
		w.turn = w.every()
	}
	for deadline := time.Now().Add(patience); len(w.turn) > 0 && (e.o.Recording || time.Now().Before(deadline)); {
		g := w.turn[len(w.turn)-1]
		w.turn = w.turn[:len(w.turn)-1]
		before := len(g.result)
		e.judgeNow(ctx, w, []*group{g}, now)
		if len(g.result) != before {
			e.version++
		}
	}
}

// publish says that there is something new to see.
func (e *Engine) publish() {
	if e.snap != nil && e.snap.Version == e.version {
		return
	}
	select {
	case e.changed <- struct{}{}:
	default:
	}
}

// tell queues what happened to an alert.
func (e *Engine) tell(a *open, c Change) {
	if a.evicted {
		return
	}
	e.version++
	e.stale = true
	a.changes++
	if e.o.OnAlert != nil {
		e.outbox = append(e.outbox, told{a.Alert, c})
	}
}

// deliver hands on what is queued, in order. Whoever comes while another one
// delivers, OnAlert itself included, leaves its share to that one.
func (e *Engine) deliver() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.telling {
		return
	}
	e.telling = true
	for len(e.outbox) > 0 {
		batch := e.outbox
		e.outbox = nil
		e.mu.Unlock()
		for _, t := range batch {
			e.o.OnAlert(t.Alert, t.Change)
		}
		e.mu.Lock()
	}
	e.telling = false
}

// Changed receives after something in the snapshot changed. Signals are coalesced.
func (e *Engine) Changed() <-chan struct{} { return e.changed }

// Process gives a process by its entity id, as far as it is still remembered.
func (e *Engine) Process(entityID string) (Process, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.track.find(entityID)
	if p == nil {
		return Process{}, false
	}
	return e.track.process(p), true
}

// rows gives what a rule's text holds live, in no order.
func (e *Engine) rows(rule string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []string
	for _, w := range e.watches {
		if w.rule.ID != rule {
			continue
		}
		for _, g := range w.groups {
			out = append(out, g.result...)
		}
	}
	return out
}
