package detect

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"interdict/sources"
	"interdict/sources/replay"
	"interdict/testdata/bench"
)

// warm is how many days are watched before the one that is judged. What they leave
// unfolded somebody closes as benign at their end, as one does.
const warm = 4

// triage is what a person finds at the end of a day.
type triage struct {
	from         time.Time // of the judged day
	rows         []*Finding
	folded       int
	thefts       map[string]int    // kind to its place in the list, from 1
	kinds        map[string]string // alert id of a row to what was stolen
	foldedThefts []string
	early        []int // rows at the end of the days before
	others       []otherRule
	worst        int // the last theft's place
	benignAtTop  int // among the first twenty
	missed       []string
	events       int64
}

// otherRule is what one rule by itself has to show.
type otherRule struct {
	id, name     string
	rows, thefts int
}

// arrives is how much comes in together; less than the shortest window of a rule.
const arrives = time.Minute

// watchFleet has an engine watch the days of a fleet; the clock ticks once in beat.
func watchFleet(t testing.TB, f *fleet, days int, beat time.Duration) (*Engine, *triage) {
	t.Helper()
	rules, problems := Builtin()
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	clock := day0
	out := &triage{thefts: map[string]int{}, kinds: map[string]string{}, from: day0.AddDate(0, 0, days-1)}
	others := otherRules(t)
	alone := append(slices.DeleteFunc(slices.Clone(rules), func(r *Rule) bool { return r.ID != rareRule }), others...)
	e, err := New(Options{Rules: append(rules, others...), Now: func() time.Time { return clock }, OnAlert: out.watchRules(f, alone)})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for n := range days {
		f.day(n)
		if n == days-1 {
			f.thefts(n)
		}
		ticked := day0
		f.batches(arrives, func(at time.Time, b sources.Batch) {
			if clock.Before(at) {
				clock = at
			}
			out.events += int64(b.Events.Rows)
			if err := e.Put(ctx, b); err != nil {
				t.Fatal(err)
			}
			if clock.Sub(ticked) >= beat {
				ticked = clock
				e.tick(ctx)
			}
		})
		for end := day0.AddDate(0, 0, n+1); clock.Before(end); clock = clock.Add(beat) {
			e.tick(ctx)
		}
		if n < days-1 {
			out.early = append(out.early, len(e.Snapshot().Findings))
			closeAll(e)
		}
	}
	return e, out
}

// closeAll is somebody who looks at all that is open and finds it benign.
func closeAll(e *Engine) {
	for _, f := range e.Snapshot().Findings {
		for _, a := range f.Alerts() {
			e.Close(a.ID, "benign")
		}
	}
}

// judge compares what is shown with what was stolen.
func (o *triage) judge(e *Engine, f *fleet) {
	s := e.Snapshot()
	o.rows, o.folded = s.Findings, len(s.Routine)
	for i, row := range s.Findings {
		kind, theft := f.theft(e, row)
		if !theft {
			if i < 20 {
				o.benignAtTop++
			}
			continue
		}
		o.kinds[row.ID] = kind
		if o.thefts[kind] == 0 {
			o.thefts[kind] = i + 1
			o.worst = max(o.worst, i+1)
		}
	}
	for _, row := range s.Routine {
		if kind, theft := f.truth[row.tool().EntityID]; theft && o.thefts[kind] == 0 {
			o.foldedThefts = append(o.foldedThefts, kind)
		}
	}
	for _, kind := range f.kinds {
		if o.thefts[kind] == 0 {
			o.missed = append(o.missed, kind)
		}
	}
}

// theft tells what was stolen in what a row is about: the newest of several
// transfers that broke a limit may be none.
func (f *fleet) theft(e *Engine, row *Finding) (kind string, ok bool) {
	if kind, ok = f.truth[row.tool().EntityID]; ok {
		return kind, true
	}
	for _, a := range row.Alerts() {
		if open := e.alerts[a.ID]; open != nil {
			for _, t := range open.pinned {
				if kind, ok = f.truth[t.root.key.entity()]; ok {
					return kind, true
				}
			}
		}
	}
	return "", false
}

// watchRules counts what single rules raise on the judged day.
func (o *triage) watchRules(f *fleet, ids []*Rule) func(Alert, Change) {
	for _, r := range ids {
		o.others = append(o.others, otherRule{id: r.ID, name: r.Name})
	}
	return func(a Alert, c Change) {
		if c != Raised || a.Raised.Before(o.from) {
			return
		}
		for i := range o.others {
			if r := &o.others[i]; r.id == a.RuleID {
				r.rows++
				if _, theft := f.truth[a.Process.EntityID]; theft {
					r.thefts++
				}
			}
		}
	}
}

// rareRule is ours in the spirit of the seed's: rare commands, one host each, by the hour.
const rareRule = "rare-transfer-tool"

func TestADayOfASmallFleetShowsEveryTheftOnTop(t *testing.T) {
	f := newFleet(1, 30)
	e, o := watchFleet(t, f, warm+1, 8*time.Minute)
	o.judge(e, f)
	o.print(t, f)
	if len(o.foldedThefts) > 0 || len(o.missed) > 0 {
		t.Errorf("folded %v, not shown %v", o.foldedThefts, o.missed)
	}
	if o.worst > 30 || o.benignAtTop > 2 || len(o.rows) > 40 {
		t.Errorf("the last theft is row %d of %d, %d of the first twenty are benign", o.worst, len(o.rows), o.benignAtTop)
	}
}

// print writes what a person who watches the bench wants to know.
func (o *triage) print(t testing.TB, f *fleet) {
	var b strings.Builder
	fmt.Fprintf(&b, "%d hosts, %d events; rows left at the end of the days before: %v\n", len(f.hosts), o.events, o.early)
	for i, row := range o.rows {
		kind := o.kinds[row.ID]
		if kind != "" {
			kind = "THEFT " + kind
		}
		fmt.Fprintf(&b, "%3d %3d %-12s %-40s %s\n", i+1, row.Adjusted, row.Host.Name, whatOf(row), kind)
		if os.Getenv("REASONS") != "" {
			for _, r := range row.Reasons {
				fmt.Fprintf(&b, "        %s\n", r)
			}
			if row.Routine != nil {
				fmt.Fprintf(&b, "        %+v\n", *row.Routine)
			}
		}
	}
	fmt.Fprintf(&b, "rows %d, folded %d, last theft at %d, benign in the first twenty %d, thefts folded %v, missed %v\n", len(o.rows), o.folded, o.worst, o.benignAtTop, o.foldedThefts, o.missed)
	t.Log(b.String())
}

func whatOf(f *Finding) string {
	if f.Transfer == nil {
		return f.RuleID + ": " + f.Process.CommandLine
	}
	return string(f.Transfer.Direction) + " " + f.Transfer.What()
}

// TestMeasureTriage is a day of 500 hosts, or of what is recorded in the files that
// FROM names. SEED makes it another day; RULE is a rule file of somebody else's to compare with.
func TestMeasureTriage(t *testing.T) {
	bench.Wanted(t)
	if from := os.Getenv("FROM"); from != "" {
		measureRecorded(t, strings.Fields(from))
		return
	}
	f := newFleet(seedOf(), 500)
	f.draw()
	for _, m := range f.of("app")[:3] {
		m.joins = warm
	}
	e, o := watchFleet(t, f, warm+1, time.Minute)
	o.judge(e, f)
	o.print(t, f)
	tell := func(name string, value, aim int) {
		bench.Tell(t, bench.Figure{Name: fmt.Sprintf("triage, seed %d: %s", seedOf(), name), Value: float64(value), Unit: "rows", Peer: "aim", PeerValue: float64(max(aim, 1)), Most: 1})
	}
	tell("unfolded rows", len(o.rows), 40)
	tell("place of the last theft", o.worst, 30)
	tell("benign of the first twenty", o.benignAtTop, 2)
	bench.Tell(t, bench.Figure{Name: "triage: thefts folded or not shown", Value: float64(len(o.foldedThefts) + len(o.missed)), Unit: "thefts"})
	if n := len(o.foldedThefts) + len(o.missed); n > 0 {
		t.Errorf("folded %v, not shown %v", o.foldedThefts, o.missed)
	}
	bench.Tell(t, bench.Figure{Name: "triage: transfers folded as routine", Value: float64(o.folded), Unit: "rows"})
	for _, r := range o.others {
		bench.Tell(t, bench.Figure{Name: "triage: rows of rule " + r.name + " alone, that day", Value: float64(r.rows), Unit: "rows"})
		bench.Tell(t, bench.Figure{Name: "triage: thefts among them, of 20", Value: float64(r.thefts), Unit: "thefts"})
	}
}

// measureRecorded says how many rows recorded days leave, and what they are.
func measureRecorded(t *testing.T, files []string) {
	rules, _ := Builtin()
	e, err := New(Options{Rules: append(rules, otherRules(t)...), Recording: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		s := replay.New(replay.Config{Open: func() (io.ReadCloser, error) { return os.Open(name) }})
		if err := s.Run(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	s := e.Snapshot()
	o := &triage{rows: s.Findings, folded: len(s.Routine)}
	o.print(t, &fleet{})
	bench.Tell(t, bench.Figure{Name: "triage: unfolded rows", Value: float64(len(s.Findings)), Unit: "rows"})
	bench.Tell(t, bench.Figure{Name: "triage: transfers folded as routine", Value: float64(len(s.Routine)), Unit: "rows"})
	for _, r := range s.Rules {
		bench.Tell(t, bench.Figure{Name: "triage: alerts of rule " + r.Rule.Name, Value: float64(r.Raised), Unit: "rows"})
	}
}

// otherRules are those of the files RULE.
func otherRules(t testing.TB) (all []*Rule) {
	t.Helper()
	for _, name := range strings.Fields(os.Getenv("RULE")) {
		rules, problems := LoadRules(os.DirFS(filepath.Dir(name)), filepath.Base(name))
		for _, p := range problems {
			t.Log(p)
		}
		all = append(all, rules...)
	}
	return all
}

// seedOf reads SEED.
func seedOf() uint64 {
	n, err := strconv.ParseUint(os.Getenv("SEED"), 10, 64)
	if err != nil {
		return 1
	}
	return n
}

func TestManySmallTransfersOfOneFormDoNotPushOutTheLargeOne(t *testing.T) {
	a := &open{}
	sent := func(n int64) *transfer { return &transfer{shown: &Transfer{Sent: n}} }
	a.pin(sent(1))
	theft := sent(60e6)
	a.pin(theft)
	for range 2 * pins {
		a.pin(sent(1000))
	}
	if len(a.pinned) != pins || !slices.Contains(a.pinned, theft) {
		t.Errorf("%d transfers, the large one among them: %v", len(a.pinned), slices.Contains(a.pinned, theft))
	}
}
