package playbooks

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"strings"
	"sync"
	"time"

	"interdict/detect"
	"interdict/respond"
	"interdict/respond/reach"
)

// evidence is everything that was asked for one finding. The answers are made
// from it without asking anything further.
type evidence struct {
	*subject
	baseline   asked // of the history that knows the host
	everywhere asked // the same of all histories, a row each
	around     asked
	queries    map[string]*asked // by question
	looked     looked
	elastic    *asked            // nil: there is no cluster that may have alerts of its own
	asking     int               // questions that have no answer yet
	apart      bool              // everywhere was asked for itself
	alerts     []*detect.Finding // of this host, without this one
	others     bool              // alerts is known
	watching   time.Time         // Assessor.Watching
	entry      respond.HostEntry // what the inventory says of the host; zero: it is not listed

	reached    []reach.Secret // within reach
	secretsErr error          // not all could be looked at

	announcedFor []Window              // of any host, that are open at the start
	windowErr    error                 // not all could be read
	calendar     bool                  // windows are known at all
	zone         *time.Location        // nil: the host's is not known
	names        map[netip.Addr]string // of far ends inside, as the resolver has them
}

// looked is what the machine itself said.
type looked struct {
	none      string // why nobody could look; "" when somebody did
	schedules []respond.Schedule
	logins    []respond.Login
	origins   map[string]*origin // by originKey
	cronErr   error
	loginErr  error
	footholds []respond.Foothold // that changed since a day before
	footErr   error
	took      map[string]time.Duration
}

// origin is where one file came from, as far as that could be found out.
type origin struct {
	respond.Origin
	err    error
	text   bool   // it is one, and not large
	number int    // the line that names the tool; 0: none does
	line   string // the beginning of its text
}

func originKey(p detect.Process, file string) string {
	return p.EntityID + "/" + number(int64(p.PID)) + "\x00" + file
}

// origin of a file as p sees it; nil when nobody looked.
func (e *evidence) origin(p detect.Process, file string) *origin {
	return e.looked.origins[originKey(p, file)]
}

// since is the beginning of what is known, within the baseline's span.
func (e *evidence) since() time.Time {
	since := e.watching
	if first := begins(e.baseline); !first.IsZero() && (since.IsZero() || first.Before(since)) {
		since = first
	}
	if from := e.before.Add(-baselineSpan); since.Before(from) && !since.IsZero() {
		return from
	}
	return since
}

// begins is since when all that were asked know something, each of which gives a
// row; zero when one of them knows nothing.
func begins(baseline asked) (since time.Time) {
	for i := range baseline.count() {
		first := baseline.time("earliest", i)
		if first.IsZero() {
			return first
		}
		if first.After(since) {
			since = first
		}
	}
	return since
}

// watched is how long was watched before the transfer began.
func (e *evidence) watched() time.Duration {
	if since := e.since(); !since.IsZero() && since.Before(e.before) {
		return e.before.Sub(since)
	}
	return 0
}

// enough is how long must have been watched before "never seen" means something.
const enough = 24 * time.Hour

// over is "in 14 d", or says how short a time was watched. An hour is given
// to bounds that were cut to whole seconds.
func (e *evidence) over() string {
	switch w := e.watched(); {
	case w == 0:
		return "(nothing was watched before)"
	case w < enough:
		return "in only " + span(w) + " of watching"
	default:
		return "in " + span(w+time.Hour)
	}
}

// gathering runs everything at once. What is written into e is written under mu,
// so that it can be looked at meanwhile.
type gathering struct {
	sync.WaitGroup
	mu   sync.Mutex
	e    *evidence
	left int // questions that are not answered yet
}

// stillAsked is why a question has no answer yet.
const stillAsked = "it is still being asked"

var errStillAsked = errors.New(stillAsked)

// begin has one more thing asked. What find gives back writes down what it found.
func (g *gathering) begin(find func() (keep func())) {
	g.mu.Lock()
	g.left++
	g.mu.Unlock()
	g.Go(func() {
		keep := find()
		g.mu.Lock()
		defer g.mu.Unlock()
		keep()
		g.left--
	})
}

// ask has slot answered. Until then it says that it is being asked.
func (g *gathering) ask(slot *asked, text string, f func() asked) {
	g.mu.Lock()
	*slot = asked{text: strings.TrimSpace(text), unasked: stillAsked}
	g.mu.Unlock()
	g.begin(func() func() {
		answer := f()
		return func() { *slot = answer }
	})
}

// soFar is what is known by now.
func (g *gathering) soFar() *evidence {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := *g.e
	e.asking = g.left
	e.queries = make(map[string]*asked, len(g.e.queries))
	for id, q := range g.e.queries {
		one := *q
		e.queries[id] = &one
	}
	if g.e.elastic != nil {
		one := *g.e.elastic
		e.elastic = &one
	}
	e.looked.origins, e.looked.took = maps.Clone(g.e.looked.origins), maps.Clone(g.e.looked.took)
	e.names = maps.Clone(g.e.names)
	if !e.apart {
		e.everywhere = e.baseline
	}
	return &e
}

// source names the history that knows a host; "": all are asked.
func (a *Assessor) source(h detect.Host) string {
	if a.Source == nil {
		return ""
	}
	return a.Source(h)
}

// anywhere tells whether it is about other hosts than the finding's, wherever these are known.
func (q *Question) anywhere() bool { return q.ID == "others" || q.ID == "credentials" }

// gather asks everything about s. Who calls it waits for all that it started.
func (a *Assessor) gather(ctx context.Context, sheet *Sheet, s *subject) *gathering {
	e := &evidence{subject: s, queries: map[string]*asked{}, watching: a.Watching}
	g := &gathering{e: e}
	values := s.values()
	source := a.source(s.f.Host)
	if e.apart = source != ""; e.apart {
		g.ask(&e.everywhere, sheet.Baseline, func() asked { return a.base(ctx, "", sheet.Baseline, values, s) })
	}
	g.ask(&e.baseline, sheet.Baseline, func() asked { return a.base(ctx, source, sheet.Baseline, values, s) })
	g.ask(&e.around, sheet.Around, func() asked { return a.ask(ctx, source, sheet.Around, values, s.now) })
	once := map[[2]string]*asked{}
	for _, q := range sheet.Questions {
		of := source
		if q.anywhere() {
			of = ""
		}
		slot := once[[2]string{of, q.Query}]
		if slot == nil {
			slot = new(asked)
			once[[2]string{of, q.Query}] = slot
			g.ask(slot, q.Query, func() asked { return a.ask(ctx, of, q.Query, values, s.now) })
		}
		e.queries[q.ID] = slot
	}
	if a.Elastic {
		e.elastic = new(asked)
		g.ask(e.elastic, elasticAlerts, func() asked { return a.ask(ctx, source, elasticAlerts, values, s.now) })
	}
	if a.Windows != nil {
		e.calendar = true
		e.windowErr = errStillAsked
		g.begin(func() func() {
			all, err := a.Windows(ctx, s.started())
			return func() { e.announcedFor, e.windowErr = all, err }
		})
	}
	if a.Entry != nil {
		e.entry, _ = a.Entry(s.f.Host)
	}
	e.looked.origins, e.looked.took = map[string]*origin{}, map[string]time.Duration{}
	a.lookAround(ctx, g)
	a.lookSecrets(ctx, g)
	a.lookUpNames(ctx, g)
	if a.Alerts != nil {
		e.others = true
		for _, f := range a.Alerts(s.f.Host) {
			if f.ID != s.f.ID {
				e.alerts = append(e.alerts, f)
			}
		}
	}
	return g
}

// lookAround asks the machine, if it is this one.
func (a *Assessor) lookAround(ctx context.Context, g *gathering) {
	e := g.e
	l := &e.looked
	switch {
	case a.Look == nil:
		l.none = "this machine cannot be looked at from here"
		return
	case a.Boot != "" && a.Boot != e.f.Host.BootID:
		l.none = "the event is from another machine or from before its last start, which cannot be looked at from here"
		return
	}
	if e.zone = a.Zone; e.zone == nil {
		e.zone = time.Local
	}
	l.cronErr, l.loginErr, l.footErr = errStillAsked, errStillAsked, errStillAsked
	look := func(question string, f func(ctx context.Context) func()) {
		g.begin(func() func() {
			ctx, cancel := context.WithTimeout(ctx, a.deadline())
			defer cancel()
			begun := time.Now()
			keep := f(ctx)
			took := time.Since(begun)
			return func() {
				keep()
				l.took[question] = max(l.took[question], took)
			}
		})
	}
	look("time", func(ctx context.Context) func() {
		all, err := a.Look.Schedules(ctx, e.jobStart())
		return func() { l.schedules, l.cronErr = all, err }
	})
	look("time", func(ctx context.Context) func() {
		all, err := a.Look.Logins(ctx, e.before.Add(-recentSpan), e.now)
		return func() { l.logins, l.loginErr = all, err }
	})
	if e.f.Host.Environment == "production" {
		look("", func(ctx context.Context) func() {
			all, err := a.Look.Footholds(ctx, e.before.Add(-recentSpan))
			return func() { l.footholds, l.footErr = all, err }
		})
	}
	for _, w := range e.files() {
		look("parent", func(ctx context.Context) func() {
			o := &origin{}
			o.Origin, o.err = a.Look.Origin(ctx, w.file, e.identity(w.process))
			if o.err == nil || w.process.Container == "" { // else it may be another file of that name
				o.number, o.line = LineNaming(o.Text, e.tool.Name)
				o.line = strings.Clone(short(o.line, 200))
			}
			o.text, o.Text = o.Text != "", "" // of which the line is all that is kept
			return func() { l.origins[originKey(w.process, w.file)] = o }
		})
	}
}

// questioned is a file whose origin is asked for, as a process sees it.
type questioned struct {
	process detect.Process
	file    string
}

// maxFiles bounds how many files are looked at.
const maxFiles = 12

// files are the executables and scripts of the tool and what led to it. One
// path is asked for once per process: two processes may see different files there.
func (s *subject) files() []questioned {
	var all []questioned
	add := func(p detect.Process, file string) {
		if file != "" && len(all) < maxFiles {
			all = append(all, questioned{p, file})
		}
	}
	for _, p := range append([]detect.Process{s.tool}, s.ancestors...) {
		add(p, p.Executable)
		add(p, scriptOf(p))
	}
	return all
}
