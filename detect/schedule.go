package detect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"interdict/sources"
	"interdict/sources/esql"
	"interdict/sources/esql/parse"
	"interdict/sources/frame"
)

// What may be asked of History.
const (
	maxSeed     = 10_000 // rows that one ES|QL answer can have
	maxPivot    = 100    // source events looked up behind a row
	askFor      = 30 * time.Second
	seedOverlap = 30 * time.Second // in which the stream may bring what was seeded
)

// seed fills the windows of rules from History and judges them. The stream
// waits for it, the screen does not: e.put is held and e.mu is not.
func (e *Engine) seed(ctx context.Context, watches []*watch, now time.Time) {
	type answer struct {
		w       *watch
		f       *frame.Frame
		quality sources.Quality
		err     error
	}
	answers := make(chan answer)
	asked := 0
	for _, w := range watches {
		if w.mode != Live || e.o.History == nil || w.rule.Lookback == 0 {
			continue
		}
		asked++
		go func() {
			window := w.rule.Window(now)
			window.From, window.To = window.From.Add(-slack), time.Time{}
			f, quality, err := w.past(ctx, e.o.History, sources.Query{Window: window, Now: now, Limit: maxSeed})
			answers <- answer{w, f, quality, err}
		}()
	}
	for range asked {
		a := <-answers
		e.mu.Lock()
		e.seeded(ctx, a.w, a.f, a.quality, a.err, now)
		e.mu.Unlock()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, w := range watches {
		if w.mode == Live && len(w.by) == 0 && !w.alone && len(w.groups) == 0 {
			// A rule without groups may say something about no rows at all.
			e.judgeNow(ctx, w, []*group{w.group("")}, now)
		}
	}
	e.version++
}

func (e *Engine) seeded(ctx context.Context, w *watch, f *frame.Frame, quality sources.Quality, err error, now time.Time) {
	w.whole = now.Add(w.rule.Lookback)
	switch {
	case err != nil:
		w.notes["seed"] = "it knows only what came since " + now.Format(time.TimeOnly) + ": " + err.Error()
		return
	case f.Rows >= maxSeed:
		w.overflow(now)
		return
	}
	delete(w.notes, "overflow")
	delete(w.notes, "seed")
	if quality.Partial {
		w.notes["seed"] = "what came before " + now.Format(time.TimeOnly) + " is known in part: " + reasons(quality)
	}
	picked := w.kept.pick(f).Gather(w.live.Match(f, esql.IndicesOf(f)))
	w.seen, w.until = make(map[string]bool, picked.Rows), now.Add(seedOverlap)
	v := viewOf(picked)
	for row := range picked.Rows {
		w.seen[eventID(v, row)] = true
	}
	e.judgeNow(ctx, w, w.keep(picked, now), now)
}

func reasons(q sources.Quality) string {
	if len(q.Reasons) == 0 {
		return "the answer is partial"
	}
	return strings.Join(q.Reasons, "; ")
}

// past asks for the rows that the rule's prefix picks, oldest first; of more than
// q.Limit, the newest. Without an index yet, nothing was there to be missed.
func (w *watch) past(ctx context.Context, h sources.History, q sources.Query) (*frame.Frame, sources.Quality, error) {
	prefix := w.text.prefix()
	if prefix == nil {
		return nil, sources.Quality{}, fmt.Errorf("%s cannot be asked for the events behind it", w.rule.Name)
	}
	columns := carried
	if w.kept != nil {
		columns = w.kept.fields
	}
	var metadata []string
	for _, name := range columns {
		if strings.HasPrefix(name, "_") {
			metadata = append(metadata, name)
		}
	}
	if metadata != nil {
		prefix[0].text += " METADATA " + strings.Join(metadata, ", ")
	}
	q.Text = fmt.Sprintf("%s\n| SORT `%s` DESC\n| LIMIT %d\n| KEEP %s", prefix, timestamp, q.Limit, quoted(columns))
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	f, quality, err := h.Query(ctx, q)
	var wrong *parse.Error
	switch {
	case errors.As(err, &wrong) && strings.Contains(err.Error(), "Unknown index"):
		return &frame.Frame{}, quality, nil
	case err != nil:
		return nil, quality, err
	}
	return byTime(f), quality, nil
}

func quoted(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = "`" + n + "`"
	}
	return strings.Join(out, ", ")
}

// byTime turns rows round that come newest first, of each of several sources by itself.
func byTime(f *frame.Frame) *frame.Frame {
	rows := make([]uint32, f.Rows)
	for i := range rows {
		rows[i] = uint32(f.Rows - 1 - i)
	}
	if at := f.Column(timestamp); at != nil && f.Column(sources.SourceColumn) != nil {
		slices.SortStableFunc(rows, func(a, b uint32) int {
			x, _ := at.Int(int(a))
			y, _ := at.Int(int(b))
			return cmp.Compare(x, y)
		})
	}
	return f.Gather(rows)
}

// scheduled runs the rules whose time has come. It asks History without
// holding up the stream.
func (e *Engine) scheduled(ctx context.Context) {
	e.mu.Lock()
	now := e.now()
	var due []*watch
	for _, w := range e.watches {
		if w.notes["seed"] != "" && now.After(w.whole) {
			delete(w.notes, "seed") // what it does not know has left its window
		}
		if w.mode != Scheduled || now.Before(w.next) && !now.Before(w.ran) { // a clock that was set back has no rule wait
			continue
		}
		w.next = now.Add(w.rule.Interval)
		if w.live != nil {
			w.next = now.Add(w.pressed())
		}
		due = append(due, w)
	}
	e.mu.Unlock()
	for _, w := range due {
		e.scheduledOne(ctx, w, now)
	}
}

func (e *Engine) scheduledOne(ctx context.Context, w *watch, now time.Time) {
	run := runOnce(ctx, w, e.o.History, now)
	e.put.Lock()
	e.mu.Lock()
	w.ran = now
	if run.err != nil {
		w.notes["error"] = "its last run stopped: " + run.err.Error()
	} else {
		delete(w.notes, "error")
		w.judgeAnswer(run.quality)
		e.take1(run, now)
	}
	again := w.live != nil && !now.Before(w.back)
	if again {
		w.mode = Live
		w.empty()
	}
	e.publish()
	e.mu.Unlock()
	if again {
		e.seed(ctx, []*watch{w}, now)
	}
	e.put.Unlock()
	e.deliver()
}

// judgeAnswer notes what a scheduled run could not see, and what it was warned of.
func (w *watch) judgeAnswer(q sources.Quality) {
	delete(w.notes, "partial")
	delete(w.notes, "warned")
	if q.Partial {
		w.notes["partial"] = "its last answer is partial: " + reasons(q)
	}
	if len(q.Warnings) > 0 {
		w.notes["warned"] = "its last answer came with a warning: " + strings.Join(q.Warnings[:min(len(q.Warnings), 3)], "; ")
	}
}

// run is the result of a rule over History, each row with the events behind it.
type run struct {
	w       *watch
	result  *frame.Frame
	quality sources.Quality
	sources []*frame.Frame // by row of result
	err     error
}

func runOnce(ctx context.Context, w *watch, h sources.History, now time.Time) run {
	r := run{w: w}
	if h == nil {
		r.err = fmt.Errorf("there is no history to ask")
		return r
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	size := w.rule.MaxSignals
	r.result, r.quality, r.err = h.Query(ctx, sources.Query{Text: w.rule.Query, Window: w.rule.Window(now), Now: now, Limit: size})
	if r.err != nil {
		return r
	}
	if r.result.Rows >= size {
		r.quality.Warnings = append(r.quality.Warnings, fmt.Sprintf("the rule stops at %d rows: there may be more", size))
	}
	for row := range r.result.Rows {
		f, quality, err := w.past(ctx, h, sources.Query{Window: w.rule.Window(now), Now: now, Filter: keysOf(r.result, row),
			Source: r.result.Text(sources.SourceColumn, row), Limit: maxPivot})
		if quality.Partial && err == nil {
			r.quality.Partial = true
			r.quality.Reasons = append(r.quality.Reasons, "the events behind an alert are known in part: "+reasons(quality))
		}
		if err != nil {
			f = &frame.Frame{}
			r.quality.Partial = true
			r.quality.Reasons = append(r.quality.Reasons, "the events behind an alert were not found: "+err.Error())
		}
		r.sources = append(r.sources, f)
	}
	return r
}

// keysOf gives the columns of a row that its source events have too. A number that
// has a field's name may be a sum of it.
func keysOf(f *frame.Frame, row int) sources.Filter {
	filter := make(sources.Filter)
	for i, name := range f.Names {
		c := f.Columns[i]
		if field, ok := fieldNamed(name); ok && field == c.Type && (field == frame.Keyword || field == frame.IP) && !c.IsNull(row) {
			filter[name] = c.Texts(row)
		}
	}
	return filter
}

// take1 settles the alerts of a scheduled run.
func (e *Engine) take1(r run, now time.Time) {
	w := r.w
	present := make(map[*open]bool)
	for row := range r.result.Rows {
		v := viewOf(r.sources[row])
		h := &hit{watch: w, result: r.result, row: row, source: v, now: now, found: func() []figure {
			return figuresOf(r.result.Gather([]uint32{uint32(row)}), w.limitsOf())
		}}
		for i := range v.f.Rows {
			h.rows = append(h.rows, i)
		}
		h.group = w.group(w.keyOf(r.result, row, v))
		h.group.result = []string{rowText(r.result, row)}
		e.hit(h)
		if a := h.group.open[""]; a != nil {
			present[a] = true
		}
	}
	for key, g := range w.groups {
		for _, a := range g.open {
			if !present[a] && a.matching {
				e.leave(a)
			}
		}
		if len(g.open) == 0 && len(g.closed) == 0 {
			delete(w.groups, key)
		}
	}
}

// leave marks an alert that a scheduled run no longer gives.
func (e *Engine) leave(a *open) {
	a.matching = false
	if a.Last.After(e.now().Add(-a.watch.rule.Lookback)) {
		a.NoLonger = noLonger(nil)
		e.tell(a, NoLonger)
	}
}

func (w *watch) limitsOf() []condition {
	_, limits, _ := w.text.figures()
	return limits
}

// keyOf gives the group of a scheduled run's row: the same as on the stream, if it can run there.
func (w *watch) keyOf(result *frame.Frame, row int, source *view) string {
	switch {
	case w.alone && source.f.Rows > 0:
		return eventID(source, 0)
	case len(w.by) > 0 && source.f.Rows > 0:
		var b []byte
		for _, name := range w.by {
			b = appendKey(b, source.f.Column(name), 0)
		}
		return string(b)
	}
	sub, _ := pivot(result, row, source)
	return sub
}

// Once runs a rule a single time over History, as on its schedule at now. The
// alerts have the ids that they have live.
func Once(ctx context.Context, r *Rule, h sources.History, now time.Time, environment func(Host) string) ([]Alert, sources.Quality, error) {
	var out []Alert
	places := map[string]int{} // by id: an alert that several rows make is given once, as it is at the end
	now = now.Truncate(time.Millisecond)
	e, err := New(Options{Rules: []*Rule{r}, Now: func() time.Time { return now }, Environment: environment,
		OnAlert: func(a Alert, _ Change) {
			if at, known := places[a.ID]; known {
				out[at] = a
				return
			}
			places[a.ID], out = len(out), append(out, a)
		}})
	if err != nil {
		return nil, sources.Quality{}, err
	}
	w := e.watches[0]
	if w.mode == Off {
		return nil, sources.Quality{}, fmt.Errorf("%s is not run: %s", r.Name, w.notes["off"])
	}
	run := runOnce(ctx, w, h, now)
	if run.err != nil {
		return nil, run.quality, run.err
	}
	w.judgeAnswer(run.quality)
	e.take1(run, now)
	e.deliver()
	return out, run.quality, nil
}
