package detect

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"interdict/sources"
	"interdict/testdata/bench"
)

func at(day int) int64 { return day0.AddDate(0, 0, day).UnixMilli() }

func TestCountsAreByHostGroupAndAnywhereAndLeaveWithTheirDays(t *testing.T) {
	c := newCounts(3)
	a, _ := c.host(Host{ID: "a"}, "web", at(0))
	b, _ := c.host(Host{ID: "b"}, "web", at(0))
	d, _ := c.host(Host{ID: "d"}, "db", at(0))
	for _, h := range []uint32{a, a, b, d} {
		c.add(ToolUsed, "scp", h, at(0), 1, 0)
	}
	c.add(ToolUsed, "scp", a, at(2), 5, 0)
	c.turn(at(2))
	r := c.look(ToolUsed, "scp", a)
	if r.Host.Runs != 7 || r.Host.Days != 2 || r.Group.Runs != 8 || r.Group.Hosts != 2 || r.Anywhere.Runs != 9 || r.Anywhere.Hosts != 3 {
		t.Errorf("%+v", r)
	}
	c.turn(at(3)) // day 0 is no longer within three days
	if r = c.look(ToolUsed, "scp", b); r.Host.Runs != 0 || r.Group.Runs != 5 || r.Anywhere.Runs != 5 || r.Anywhere.Hosts != 1 {
		t.Errorf("after its days: %+v", r)
	}
	c.turn(at(30))
	if len(c.tallies) != 0 {
		t.Errorf("%d tallies stay for good", len(c.tallies))
	}
}

// countsOf is an engine on a stream, with a history that keeps events and counts.
func countsOf(t *testing.T, past *memory, now func() time.Time) *Engine {
	t.Helper()
	rules, _ := Builtin()
	e, err := New(Options{Rules: rules, History: past, Counts: past, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestWhatWasCountedIsKnownToTheNextRunOnceAndIsAskedInESQL(t *testing.T) {
	past := &memory{}
	s := newScene()
	now := s.now
	clock := func() time.Time { return now }
	transfer := func(e *Engine, pid int) {
		s.wait(time.Minute).exec(pid, 1, "scp /srv/a backup@10.0.0.9:").net("connection_attempted", pid, "10.0.0.9:22", 900, 10).exit(pid, 0)
		now = s.now
		b := s.batch()
		past.Put(context.Background(), b)
		if err := e.Put(context.Background(), b); err != nil {
			t.Fatal(err)
		}
		e.tick(context.Background())
	}
	first := countsOf(t, past, clock)
	for pid := 10; pid < 13; pid++ {
		transfer(first, pid)
	}
	first.flush(context.Background())
	transfer(first, 13) // not written when the run ends: it is counted again from the events

	s.wait(time.Minute)
	now = s.now
	second := countsOf(t, past, clock)
	second.begin(context.Background())
	second.learning.Wait()
	host := second.counts.byHost["m1"]
	if r := second.counts.look(ToolUsed, "scp", host); r.Host.Runs != 4 {
		t.Errorf("%d of 4 runs are known", r.Host.Runs)
	}
	if r := second.counts.look(Destination, "10.0.0.9", host); r.Host.Runs != 4 {
		t.Errorf("%d of 4 connections are known", r.Host.Runs)
	}
	if k := second.counts.known(host, now, now.UnixMilli()); k.Since.Before(epoch) || !k.Since.Before(now) {
		t.Errorf("said to count since %s, what there is began after %s", k.Since, epoch)
	}
	second.flush(context.Background())
	f, _, err := past.Query(context.Background(), sources.Query{Text: CountsQuery, Now: now,
		Params: []sources.Param{{Name: "of", Value: ToolUsed.String()}, {Name: "value", Value: "scp"}}})
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := f.Int("runs", 0); f.Rows != 1 || n != 4 {
		t.Errorf("%d rows, %d runs", f.Rows, n)
	}
}

func TestReasonsSayWhatTheyAreCountedAmongAndHowLittleIsKnown(t *testing.T) {
	s := newScene()
	e, err := New(Options{Rules: mustBuiltin(t), Now: func() time.Time { return s.now }})
	if err != nil {
		t.Fatal(err)
	}
	s.exec(10, 1, "scp /srv/a x@203.0.113.9:").net("connection_attempted", 10, "203.0.113.9:22", 900, 10)
	if err := e.Put(context.Background(), s.batch()); err != nil {
		t.Fatal(err)
	}
	all := e.Snapshot().Findings
	if len(all) != 1 {
		t.Fatalf("%d findings", len(all))
	}
	f := all[0]
	want := "203.0.113.9 (on the internet) never seen: 0 of 0 transfers on this host, 0 anywhere, watching for less than a minute; 0 of 1 host seen"
	for _, r := range f.Reasons {
		if r.Name == "destination" {
			if r.Text != want || r.Risk != 0 {
				t.Errorf("%s\nwant +0 %s", r, want)
			}
			return
		}
	}
	t.Errorf("the new far end is no reason: %v", f.Reasons)
}

func TestWhatGoesToTheMachineItselfWeighsLess(t *testing.T) {
	for far, less := range map[string]bool{"127.0.0.1:8080": true, "[::ffff:127.0.0.1]:8080": true, "127.0.0.1:8080,203.0.113.9:443": false} {
		s := newScene()
		e, err := New(Options{Rules: mustBuiltin(t), Now: func() time.Time { return s.now }})
		if err != nil {
			t.Fatal(err)
		}
		s.exec(10, 1, "curl -T /srv/a http://h/")
		for _, to := range strings.Split(far, ",") {
			s.net("connection_attempted", 10, to, 900, 10)
		}
		if err := e.Put(context.Background(), s.batch()); err != nil {
			t.Fatal(err)
		}
		all := e.Snapshot().Findings
		if len(all) != 1 {
			t.Fatalf("%s: %d findings", far, len(all))
		}
		if got := slices.ContainsFunc(all[0].Reasons, func(r Reason) bool { return r.Risk == -weighsLocal }); got != less {
			t.Errorf("%s: %v", far, all[0].Reasons)
		}
	}
}

func mustBuiltin(t *testing.T) []*Rule {
	t.Helper()
	rules, problems := Builtin()
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return rules
}

func TestCountsAreBounded(t *testing.T) {
	c := newCounts(14)
	c.limit = 1000
	h, _ := c.host(Host{ID: "a"}, "", at(0))
	for i := range c.limit {
		c.add(ShapeUsed, fmt.Sprint("shape ", i), h, at(0), 1, 0)
	}
	if c.left == 0 || len(c.tallies) > c.limit+2 || c.known(h, day0, at(0)).Partial == "" {
		t.Errorf("%d tallies, %d left out, said %q", len(c.tallies), c.left, c.known(h, day0, at(0)).Partial)
	}
}

// TestMeasureCounting is what counting adds to one event: tracking with and without it.
func TestMeasureCounting(t *testing.T) {
	bench.Wanted(t)
	s := newScene()
	const n = 20_000
	for i := range n {
		pid := 10 + i
		s.wait(time.Millisecond).exec(pid, 1, fmt.Sprintf("scp /srv/a%d x@10.0.%d.%d:", i%100, i%4, i%50)).net("connection_attempted", pid, fmt.Sprintf("10.0.%d.%d:22", i%4, i%50), 900, 10).exit(pid, 0)
	}
	b := s.batch()
	cpu := func() time.Duration {
		var u syscall.Rusage
		syscall.Getrusage(syscall.RUSAGE_SELF, &u)
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	run := func(counted bool) float64 {
		best := math.Inf(1)
		for range 5 {
			k := newTracker()
			if counted {
				k.counts, k.group = newCounts(14), func(Host) string { return "g" }
			}
			v := viewOf(b.Events)
			began := cpu()
			if counted {
				k.counts.heard(v, day0.UnixMilli())
			}
			k.put(v)
			best = min(best, float64(cpu()-began)/float64(b.Events.Rows))
		}
		return best
	}
	without, with := run(false), run(true)
	bench.Tell(t, bench.Figure{Name: "counting, of an event when every third begins a transfer", Value: with - without, Unit: "ns", Peer: "aim", PeerValue: 2000, Most: 1})
}

func TestCountsLetGoOfWhatNobodyCountsAnyMore(t *testing.T) {
	c := newCounts(3)
	h, _ := c.host(Host{ID: "a"}, "web", at(0))
	for i := range 100 {
		c.add(ShapeUsed, fmt.Sprint("tool ", i), h, at(0), 1, 0)
	}
	c.rows(millis(at(0))) // written
	c.turn(at(10))
	if len(c.values[ShapeUsed]) != 0 || len(c.unused) != len(c.names) || len(c.byHost) != 0 || len(c.groups) != 0 {
		t.Errorf("%d values, %d of %d names unused, %d hosts, %d groups", len(c.values[ShapeUsed]), len(c.unused), len(c.names), len(c.byHost), len(c.groups))
	}
	again, _ := c.host(Host{ID: "b"}, "db", at(10))
	c.add(ShapeUsed, "another", again, at(10), 1, 0)
	if again != h || len(c.names) > 100 || c.look(ShapeUsed, "another", again).Host.Runs != 1 || c.look(ShapeUsed, "tool 1", again).Anywhere.Runs != 0 {
		t.Errorf("host %d, %d names, %+v", again, len(c.names), c.look(ShapeUsed, "tool 1", again))
	}
}

func TestAHostThatComesIntoAnotherGroupBringsItsCountsAlong(t *testing.T) {
	c := newCounts(14)
	a, _ := c.host(Host{ID: "a"}, "staging", at(0))
	b, _ := c.host(Host{ID: "b"}, "staging", at(0))
	c.add(ToolUsed, "scp", a, at(0), 5, 0)
	c.add(ToolUsed, "scp", b, at(0), 2, 0)
	c.host(Host{ID: "a"}, "production", at(1))
	if r := c.look(ToolUsed, "scp", a); r.Group.Runs != 5 || r.Group.Hosts != 1 || r.Host.Runs != 5 || r.Anywhere.Runs != 7 {
		t.Errorf("of the host that moved: %+v", r)
	}
	if r := c.look(ToolUsed, "scp", b); r.Group.Runs != 2 || r.Group.Hosts != 1 {
		t.Errorf("of the host that stayed: %+v", r)
	}
	if k := c.known(a, day0, at(1)); k.Group != "production" || k.GroupHosts != 1 || k.Hosts != 2 {
		t.Errorf("%+v", k)
	}
	c.host(Host{ID: "a"}, "staging", at(1)+1000) // not more often than once an hour
	if k := c.known(a, day0, at(1)); k.Group != "production" {
		t.Errorf("a host changes its group as often as its events say: %+v", k)
	}
}

func TestWhatWasCountedOfAHostBeforeItHadAGroupComesWithItIntoItsFirst(t *testing.T) {
	c := newCounts(3)
	a, _ := c.host(Host{ID: "a"}, "", at(0))
	b, _ := c.host(Host{ID: "b"}, "web", at(0))
	c.add(ToolUsed, "scp", a, at(0), 5, 100)
	c.add(ToolUsed, "scp", b, at(1), 2, 0)
	c.host(Host{ID: "a"}, "web", at(1))
	if r := c.look(ToolUsed, "scp", b); r.Group.Runs != 7 || r.Group.Hosts != 2 || r.Group.Most != 100 || r.Anywhere.Runs != 7 || r.Anywhere.Hosts != 2 {
		t.Errorf("of its first group: %+v", r)
	}
	c.turn(at(3)) // what was counted of a is no longer within three days
	if r := c.look(ToolUsed, "scp", b); r.Group.Runs != 2 || r.Group.Hosts != 1 {
		t.Errorf("of those who stay when it has left the baseline: %+v", r)
	}
	c.add(ToolUsed, "scp", a, at(3), 4, 0)
	c.host(Host{ID: "a"}, "db", at(3))
	if r := c.look(ToolUsed, "scp", b); r.Group.Runs != 2 || r.Group.Hosts != 1 {
		t.Errorf("of the group that it left: %+v", r)
	}
	if r := c.look(ToolUsed, "scp", a); r.Group.Runs != 4 || r.Group.Hosts != 1 || len(c.hosts[a].values) != 1 {
		t.Errorf("of its second: %+v, %v", r, c.hosts[a].values)
	}
}
