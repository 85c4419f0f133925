package detect

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// watched is an engine with the built-in rules whose clock a test sets.
func watched(t *testing.T, ours *time.Time) *Engine {
	t.Helper()
	rules, problems := Builtin()
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	e, err := New(Options{Rules: rules, History: &memory{}, Now: func() time.Time { return *ours }})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// As a cluster gives it: what happened by the host's clock, and when it was indexed by ours.
func TestAHostWhoseClockIsWrongIsWatchedAsAnyOther(t *testing.T) {
	for by, word := range map[time.Duration]string{0: "", 2 * time.Hour: "2h ahead of ours", -2 * time.Hour: "came 2h late, or its clock is behind"} {
		ours, s := epoch, newScene()
		s.now, s.indexed = ours.Add(by), &ours
		e := watched(t, &ours)
		s.exec(10, 1, "scp /srv/a h:")
		for i := range 12 {
			if err := e.Put(t.Context(), s.net("connection_attempted", 10, "203.0.113.9:22", int64(i+1)<<20, 0).batch()); err != nil {
				t.Fatal(err)
			}
			ours = ours.Add(time.Second)
			s.wait(time.Second)
			e.tick(t.Context())
		}
		all := e.Snapshot().Findings
		if len(all) != 1 {
			t.Fatalf("%s: %d findings", by, len(all))
		}
		f := all[0]
		if f.Transfer == nil || !f.Transfer.Live || by >= 0 && f.Transfer.Rate < 1<<19 {
			t.Errorf("%s: not seen as sending: %+v", by, f.Transfer)
		}
		if f.Known.Hosts != 1 || f.Known.Silent != 0 {
			t.Errorf("%s: %d of %d hosts silent", by, f.Known.Silent, f.Known.Hosts)
		}
		if age := ours.Sub(f.At()); by >= 0 && (age < 0 || age > 13*time.Second) {
			t.Errorf("%s: seen %s ago", by, age)
		}
		if said := strings.Join(f.Unseen(), "; "); !strings.Contains(said, word) || by == 0 && strings.Contains(said, "clock") {
			t.Errorf("%s: %s", by, said)
		}
		s.exit(10, 0)
		if err := e.Put(t.Context(), s.batch()); err != nil {
			t.Fatal(err)
		}
		ours = ours.Add(time.Minute)
		e.tick(t.Context())
		if e.Snapshot().Findings[0].Live() || len(e.track.live) != 0 {
			t.Errorf("%s: it never ends", by)
		}
	}
}

func TestAClockThatJumpsAnHourLosesNothing(t *testing.T) {
	for _, by := range []time.Duration{time.Hour, -time.Hour} {
		ours, s := epoch, newScene()
		e := watched(t, &ours)
		s.exec(10, 1, "scp /srv/a h:").net("connection_attempted", 10, "203.0.113.9:22", 1<<20, 0)
		sent := int64(1 << 20)
		send := func() {
			t.Helper()
			s.now = ours
			for range 10 {
				sent += 1 << 20
				if err := e.Put(t.Context(), s.net("connection_attempted", 10, "203.0.113.9:22", sent, 0).batch()); err != nil {
					t.Fatal(err)
				}
				ours = ours.Add(time.Second)
				s.now = ours
				e.tick(t.Context())
			}
		}
		send()
		ended := &Exception{ID: "x", Name: "x", Expires: ours.Add(-time.Minute), Entries: []Entry{{Field: "process.name", Values: []string{"scp"}}}}
		open := &Exception{ID: "y", Name: "y", Expires: ours.Add(30 * time.Minute), Entries: []Entry{{Field: "process.name", Values: []string{"scp"}}}}
		e.SetExceptions([]*Exception{ended, open})
		e.tick(t.Context())
		if n := len(e.Snapshot().Hidden); n != 1 {
			t.Fatalf("%d are hidden", n)
		}
		e.steady = func(time.Time, time.Time) time.Duration { return 0 }
		ours = ours.Add(by)
		e.tick(t.Context())
		e.steady = steadily
		send()
		snap := e.Snapshot()
		if n := len(snap.Hidden); n != map[time.Duration]int{time.Hour: 0, -time.Hour: 1}[by] {
			t.Errorf("%s: %d are hidden", by, n)
		}
		all := slices.Concat(snap.Findings, snap.Hidden)
		if len(all) != 1 || !all[0].Live() || all[0].Transfer.Rate == 0 {
			t.Fatalf("%s: it goes on and is not shown so: %+v", by, all)
		}
		if k := all[0].Known; k.Silent != 0 || ours.Sub(k.Since) < 0 || ours.Sub(k.Since) > time.Minute {
			t.Errorf("%s: %d silent, watched for %s", by, k.Silent, ours.Sub(k.Since))
		}
		for i := range 3 { // what comes afterwards is found
			if err := e.Put(t.Context(), s.exec(20+i, 1, fmt.Sprint("rsync -a /srv/", i, " h:")).batch()); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(e.Snapshot().Findings) + len(e.Snapshot().Hidden); n < 2 {
			t.Errorf("%s: %d findings", by, n)
		}
		ours = ours.Add(-2 * by)
		e.tick(t.Context())
		if by > 0 && len(e.Snapshot().Hidden) != 0 {
			t.Error("an exception that had ended came back")
		}
	}
}

// One of a rule's file and one that was imported from it and renewed have one id.
func TestTwoEndsOfOneExceptionComeOnceEach(t *testing.T) {
	ours := epoch
	e := watched(t, &ours)
	scp := []Entry{{Field: "process.name", Values: []string{"scp"}}}
	e.SetExceptions([]*Exception{{ID: "x", Expires: ours.Add(-time.Hour), Entries: scp}, {ID: "x", Expires: ours.Add(-time.Minute), Entries: scp}})
	e.tick(t.Context())
	ruling := e.ruling
	e.tick(t.Context())
	if e.ruling != ruling {
		t.Error("they end again with each look at the clock")
	}
}

func TestWhatIsCountedAfterOurClockWasAheadForAWhileIsKnown(t *testing.T) {
	c := newCounts(14)
	c.turn(epoch.UnixMilli())
	h, _ := c.host(Host{ID: "a"}, "", epoch.UnixMilli())
	c.turn(epoch.AddDate(0, 0, 30).UnixMilli())
	c.add(ToolUsed, "scp", h, epoch.AddDate(0, 0, 30).UnixMilli(), 1, 0)
	for i := range 5 {
		now := epoch.AddDate(0, 0, i).UnixMilli()
		c.turn(now)
		c.add(ToolUsed, "scp", h, now, 1, 0)
		c.add(UserUsed, "ana", h, now, 1, 0)
	}
	if r := c.look(ToolUsed, "scp", h); r.Host.Runs != 6 {
		t.Errorf("%+v", r.Host)
	}
	if r := c.look(UserUsed, "ana", h); r.Host.Runs != 5 || r.Host.Days != 5 {
		t.Errorf("%+v", r.Host)
	}
	c.turn(epoch.AddDate(-10, 0, 0).UnixMilli())
	c.turn(epoch.AddDate(0, 0, 4).UnixMilli())
	if r := c.look(UserUsed, "ana", h); r.Host.Runs != 5 {
		t.Errorf("after a clock that was behind: %+v", r.Host)
	}
}

func TestAnEventOfTheFarFutureAgesNothingThatIsCounted(t *testing.T) {
	c := newCounts(14)
	c.turn(epoch.UnixMilli())
	h, _ := c.host(Host{ID: "a"}, "", epoch.UnixMilli())
	for i := range 14 {
		c.add(ToolUsed, "scp", h, epoch.AddDate(0, 0, -i).UnixMilli(), 1, 0)
	}
	c.add(ToolUsed, "scp", h, epoch.AddDate(10, 0, 0).UnixMilli(), 1, 0)
	if r := c.look(ToolUsed, "scp", h); r.Host.Runs != 15 {
		t.Errorf("%+v", r)
	}
}
