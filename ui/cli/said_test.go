package cli

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"interdict/detect"
	"interdict/playbooks"

	_ "modernc.org/sqlite"
)

func casesIn(t *testing.T, file string) *playbooks.Cases {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	cases, err := playbooks.OpenCases(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

func emptyEngine(t *testing.T) *detect.Engine {
	t.Helper()
	e, err := detect.New(detect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestWhatIsSaidAtOneConsoleIsKnownAtTheOtherAndAfterARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "interdict.db")
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	one, two := newSaid(casesIn(t, file), "ana"), newSaid(casesIn(t, file), "bob")
	one.Engine, two.Engine = emptyEngine(t), emptyEngine(t)
	taken := detect.Alert{ID: "A1", Thread: "A", First: noon, Last: noon.Add(time.Minute)}
	closed := detect.Alert{ID: "B1", Thread: "B", First: noon, Last: noon.Add(time.Minute)}
	if err := one.Ack(taken); err != nil {
		t.Fatal(err)
	}
	if err := one.Close(closed, "benign"); err != nil {
		t.Fatal(err)
	}
	if more, err := two.recall(t.Context()); err != nil || !more {
		t.Fatalf("nothing was heard: %v", err)
	}
	for _, s := range []*said{one, two} {
		if by := s.Taken(taken); by != "ana" {
			t.Errorf("%s sees it taken by %q", s.by, by)
		}
		if past := s.past(detect.Alert{ID: "B9", Thread: "B"}); !past.ClosedUpTo.Equal(closed.Last) {
			t.Errorf("%s: what was closed raises an alert again: %+v", s.by, past)
		}
		// The first event has left the window since: it is the same alert all the same.
		if past := s.past(detect.Alert{ID: "A9", Thread: "A", First: noon.Add(time.Second)}); past.ID != "A1" {
			t.Errorf("%s: %+v", s.by, past)
		}
		// Nobody looked at what came later.
		if past := s.past(detect.Alert{ID: "A9", Thread: "A", First: noon.Add(time.Hour)}); past.ID != "" {
			t.Errorf("%s: %+v", s.by, past)
		}
	}
	if err := two.Ack(taken); err == nil || !strings.Contains(err.Error(), "ana") {
		t.Errorf("both have it: %v", err)
	}
}

func TestWithoutAStateDirectoryAClosureSaysThatItIsNotKept(t *testing.T) {
	s := newSaid(nil, "ana")
	s.Engine = emptyEngine(t)
	a := detect.Alert{ID: "A1", Thread: "A", Last: time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)}
	if err := s.Close(a, "benign"); err == nil {
		t.Error("it is said to be kept")
	}
	if past := s.past(a); past.ClosedUpTo.IsZero() {
		t.Error("this run does not know it either")
	}
}

func TestAnExceptionOfOneConsoleActsAtTheOtherAndItsHitsAreKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "interdict.db")
	one, two := newSaid(casesIn(t, file), "ana"), newSaid(casesIn(t, file), "bob")
	one.Engine, two.Engine = emptyEngine(t), emptyEngine(t)
	x := detect.Exception{Name: "nightly", Reason: "announced", Expires: time.Now().Add(time.Hour),
		Entries: []detect.Entry{{Field: "process.command_line", Values: []string{"rsync a h:"}}}}
	if err := one.Except(x); err != nil {
		t.Fatal(err)
	}
	if more, err := two.recall(t.Context()); err != nil || !more {
		t.Fatalf("nothing was heard: %v", err)
	}
	all, err := two.Exceptions()
	if err != nil || len(all) != 1 || all[0].Author != "ana" {
		t.Fatalf("%+v, %v", all, err)
	}
	if err := two.EndException(all[0].ID); err != nil {
		t.Fatal(err)
	}
	if more, err := one.recall(t.Context()); err != nil || !more {
		t.Fatalf("its end was not heard: %v", err)
	}
	if err := one.EndException(all[0].ID); err == nil {
		t.Error("it ends twice")
	}
}
