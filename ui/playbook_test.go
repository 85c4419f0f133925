package ui

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/respond"
)

// doer does the steps of playbooks on nothing.
type doer struct{}

func (d doer) Prepare(_ context.Context, step playbooks.BookStep, _ *playbooks.Exhibit, _ string) (respond.Action, respond.Host, error) {
	return &doneAction{kind: "test." + step.Do}, fakeHost{respond.Identity{HostID: "h1", BootID: "b1"}}, nil
}

func (d doer) Plan(ctx context.Context, a respond.Action, h respond.Host, _ *playbooks.Exhibit) (respond.Plan, error) {
	return a.Plan(ctx, h)
}

func (d doer) Find(_ context.Context, o respond.Operation) (respond.Action, respond.Host, error) {
	return &doneAction{kind: o.Kind}, fakeHost{}, nil
}

type doneAction struct{ kind string }

func (a *doneAction) Kind() string { return a.kind }
func (a *doneAction) Plan(context.Context, respond.Host) (respond.Plan, error) {
	return respond.Plan{Version: 1, Kind: a.kind, Host: "local", Title: "plan of " + a.kind, Warnings: []string{"beware of " + a.kind}, Undo: "undo"}, nil
}
func (a *doneAction) Apply(context.Context, respond.Host, respond.Plan) (respond.Result, error) {
	return respond.Result{Version: 1, Kind: a.kind, Host: "local", Summary: a.kind + " was done"}, nil
}
func (a *doneAction) Verify(context.Context, respond.Host, respond.Result) (respond.Verdict, error) {
	return respond.Verdict{State: respond.Holds, Summary: "it stands"}, nil
}
func (a *doneAction) Undo(context.Context, respond.Host, respond.Result) (respond.Result, error) {
	return respond.Result{}, errors.New("not in this test")
}

// withPlaybooks gives a console real cases, a real journal and the built-in playbooks.
func withPlaybooks(t *testing.T, w *world) {
	t.Helper()
	playbooksIn(t, &w.config)
}

func playbooksIn(t *testing.T, c *Config) {
	t.Helper()
	dir := t.TempDir()
	db, err := sql.Open("sqlite", filepath.Join(dir, "interdict.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	cases, err := playbooks.OpenCases(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	journal, err := respond.OpenJournal(t.Context(), db, dir)
	if err != nil {
		t.Fatal(err)
	}
	c.Cases, c.Journal, c.Actor = cases, journal, respond.Actor{User: "ana", Program: "1@1"}
	if c.Books, err = playbooks.BuiltinPlaybooks(); err != nil {
		t.Fatal(err)
	}
	c.Runner = &playbooks.Runner{Cases: cases, Journal: journal, Actor: c.Actor, Hands: doer{}, Finding: c.Engine.Finding, Assess: func(_ context.Context, f *detect.Finding) *playbooks.Guide { return guideOf(f) }}
}

// startedRun is a case with a playbook that nobody goes on with.
func startedRun(t *testing.T, w *world, book string) playbooks.Case {
	t.Helper()
	k, err := w.config.Cases.OpenCase(t.Context(), theft(), nil, "ana")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.config.Runner.Start(t.Context(), w.config.Books, book, k.ID, theft().ID, false); err != nil {
		t.Fatal(err)
	}
	return k
}

func TestAPlaybookIsChosenSeenWholeApprovedAndFollowedByKeys(t *testing.T) {
	for _, size := range [][2]int{{120, 40}, {80, 24}, {60, 15}} {
		w := newWorld(t, size[0], size[1])
		withPlaybooks(t, w)
		w.press("P")
		for !strings.Contains(w.View(), "▌ Contain and preserve") {
			w.press("down")
		}
		w.shows("Preserve only")
		w.press("enter")
		w.shows("RUN Contain and preserve on web-1 · PRODUCTION")
		if w.layout.wide {
			w.shows("1 freeze", "plan of test.freeze", "beware of test.isolate", "asks again when it is due")
		}
		w.press("tab")
		w.write("web-1")
		w.press("tab")
		w.press("enter")
		if runs, err := w.config.Cases.Runs(t.Context(), ""); err != nil || len(runs) != 0 {
			t.Errorf("begun before it was armed: %v, %v", runs, err)
		}
		w.rest()
		w.press("enter")
		w.shows("contain-and-preserve · INC-0001", "waits for a person at isolate", "asks")
		w.press("enter")
		w.shows("ISOLATE on web-1", "plan of test.isolate")
		w.press("tab")
		w.write("web-1")
		w.press("tab")
		w.rest()
		w.press("enter")
		w.shows("VERIFIED")
		w.press("enter")
		w.shows("waits for a person at kill")
		w.press("s")
		w.write("it has ended by itself")
		w.press("enter")
		w.shows("waits for a person at tell-owner/call")
		w.press("enter")
		w.write("called Bob at 03:20")
		w.press("enter")
		w.shows("waits for a person at credential-rotation/replace")
		w.press("enter")
		w.write("all of them")
		w.press("enter")
		w.shows("done, 12 of 12 steps")
		w.press("i")
		w.shows("INC-0001")
		w.press("p")
		w.shows("run ")
	}
}

func TestARunThatWasCutShortIsShownAndGoneOnWith(t *testing.T) {
	w := newWorld(t, 120, 40)
	withPlaybooks(t, w)
	startedRun(t, w, "block-destination")
	w.press("i", "p")
	w.shows("0 of 4 steps", "enter goes on")
	w.press("enter")
	w.shows("done, 4 of 4 steps")
}

func TestInReadOnlyNoPlaybookIsRun(t *testing.T) {
	w := newWorld(t, 80, 24, func(c *Config) { c.ReadOnly = true })
	w.press("P")
	w.hides("PLAYBOOK for")
	w.do(w.openBooks(theft()))
	w.shows("read-only")
}
