package playbooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"interdict/detect"
	"interdict/respond"
)

// hostDir is a host of these tests: each change that stands is a file, and log
// says what was done in which order. Every call may be the last one of the process.
type hostDir struct {
	dir  string
	tick func()
	fail map[string]error // by kind, of Apply
	mu   sync.Mutex
}

func (h *hostDir) Name() string { return "web-1" }
func (h *hostDir) Identity(context.Context) (respond.Identity, error) {
	return respond.Identity{HostID: "h1", BootID: "b1"}, nil
}

func (h *hostDir) Prepare(_ context.Context, step BookStep, _ *Exhibit, _ string) (respond.Action, respond.Host, error) {
	return &fileAction{h, step.Do}, h, nil
}

func (h *hostDir) Plan(ctx context.Context, a respond.Action, host respond.Host, _ *Exhibit) (respond.Plan, error) {
	return a.Plan(ctx, host)
}

func (h *hostDir) Find(_ context.Context, o respond.Operation) (respond.Action, respond.Host, error) {
	return &fileAction{h, strings.TrimPrefix(o.Kind, "test.")}, h, nil
}

func (h *hostDir) done() []string {
	b, _ := os.ReadFile(filepath.Join(h.dir, "log"))
	return strings.Fields(string(b))
}

func (h *hostDir) stands(do string) bool {
	_, err := os.Stat(filepath.Join(h.dir, do))
	return err == nil
}

type fileAction struct {
	h  *hostDir
	do string
}

func (a *fileAction) Kind() string { return "test." + a.do }

func (a *fileAction) Plan(context.Context, respond.Host) (respond.Plan, error) {
	a.h.tick()
	return respond.Plan{Version: 1, Kind: a.Kind(), Host: "web-1", Identity: respond.Identity{HostID: "h1", BootID: "b1"}, Title: a.do + " it", Undo: "undo it"}, nil
}

func (a *fileAction) Apply(context.Context, respond.Host, respond.Plan) (respond.Result, error) {
	a.h.tick()
	if err := a.h.fail[a.do]; err != nil {
		return respond.Result{}, err
	}
	a.h.mu.Lock()
	f, err := os.OpenFile(filepath.Join(a.h.dir, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = fmt.Fprintln(f, a.do)
		err = errors.Join(err, f.Close(), os.WriteFile(filepath.Join(a.h.dir, a.do), nil, 0o600))
	}
	a.h.mu.Unlock()
	a.h.tick()
	return respond.Result{Version: 1, Kind: a.Kind(), Host: "web-1", Summary: a.do + " done", Holds: []respond.Held{{Key: a.do, Kind: a.do, Text: a.do}}}, err
}

func (a *fileAction) Verify(context.Context, respond.Host, respond.Result) (respond.Verdict, error) {
	a.h.tick()
	if !a.h.stands(a.do) {
		return respond.Verdict{State: respond.Not, Summary: a.do + " is not there"}, nil
	}
	return respond.Verdict{State: respond.Holds, Summary: a.do + " stands"}, nil
}

func (a *fileAction) Undo(context.Context, respond.Host, respond.Result) (respond.Result, error) {
	if a.do == "kill" {
		return respond.Result{}, respond.ErrNoUndo
	}
	return respond.Result{Version: 1, Kind: a.Kind(), Host: "web-1", Summary: a.do + " undone", Releases: []string{a.do}}, os.Remove(filepath.Join(a.h.dir, a.do))
}

// told collects messages.
type told struct {
	mu   sync.Mutex
	said []string
	err  error
}

func (m *told) Send(_ context.Context, to []string, subject, text string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.said = append(m.said, fmt.Sprint(to, " ", subject, ": ", text))
	return "a channel", m.err
}

// runnerIn is a runner on the state of a directory, as each new console has one.
func runnerIn(t testing.TB, dir string, tick func()) (*Runner, *hostDir, *told) {
	t.Helper()
	c := openCasesIn(t, filepath.Join(dir, "interdict.db"))
	c.now = func() time.Time { tick(); return night.Add(time.Minute) }
	j, err := respond.OpenJournal(t.Context(), c.db, dir)
	if err != nil {
		t.Fatal(err)
	}
	h, m := &hostDir{dir: dir, tick: tick}, &told{}
	return &Runner{Cases: c, Journal: j, Actor: respond.Actor{User: "ana", Program: fmt.Sprint(os.Getpid(), "@1")}, Hands: h, Notify: m,
		Assess: func(_ context.Context, f *detect.Finding) *Guide {
			return &Guide{AlertID: f.ID, Verdict: Verdict{Word: Theft, Sending: true}, Answers: []Answer{{ID: "others", State: OK, Why: "none of 237 other hosts"}}}
		},
		Owner: func(detect.Host) string { return "shop-team" }}, h, m
}

const testBook = `version: 1
id: test
name: Test
steps:
  - {id: freeze, do: freeze, when: destination}
  - parallel:
      - {id: capture, do: capture}
      - {id: block, do: block}
  - {id: isolate, do: isolate, approve: start}
  - {id: verify, do: verify}
  - {id: never, do: kill, when: freeze.failed}
  - {id: sweep, do: sweep}
  - {id: watch, do: watch, for: 7d}
  - {id: tell, do: notify, text: "{{.Case}} on {{.Host}}: {{.Status}}"}
`

func booksOf(t testing.TB, texts ...string) []*Playbook {
	t.Helper()
	files := map[string][]byte{}
	for i, text := range texts {
		files[fmt.Sprint(i, ".yaml")] = []byte(text)
	}
	all, err := AddPlaybooks(nil, files)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func begin(t testing.TB, r *Runner, books []*Playbook, book string) Run {
	t.Helper()
	k, err := r.Cases.OpenCase(t.Context(), theftFound("A1"), nil, "ana")
	if err != nil {
		t.Fatal(err)
	}
	run, err := r.Start(t.Context(), books, book, k.ID, "A1", false)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func states(r *Run) string {
	var out []string
	for _, s := range r.Steps {
		out = append(out, s.ID+"="+string(s.State))
	}
	return strings.Join(out, " ")
}

const allDone = "freeze=done capture=done block=done isolate=done verify=done never=skipped sweep=done watch=done tell=done"

func TestAPlaybookRunsItsStepsInOrderAndSaysWhatCameOfEach(t *testing.T) {
	r, h, m := runnerIn(t, t.TempDir(), func() {})
	run := begin(t, r, booksOf(t, testBook), "test")
	run, err := r.Continue(t.Context(), run.ID)
	if err != nil || states(&run) != allDone || run.How != RunDone {
		t.Fatalf("%s, %s, %v", states(&run), run.How, err)
	}
	done := h.done()
	if done[0] != "freeze" || done[3] != "isolate" || !slices.Contains(done[1:3], "capture") || !slices.Contains(done[1:3], "block") || len(done) != 4 {
		t.Error(done)
	}
	if s := run.Step("never"); s.Text != "not due: freeze.failed is no" {
		t.Error(s.Text)
	}
	if s := run.Step("verify"); s.Verdict != respond.Holds || !strings.Contains(s.Text, "isolate holds") || strings.Contains(s.Text, "capture") {
		t.Error(s.Text)
	}
	if len(m.said) != 1 || !strings.Contains(m.said[0], "INC-0001 on web-1: ") {
		t.Error(m.said)
	}
	log, err := r.Cases.CaseLog(t.Context(), "INC-0001")
	text := fmt.Sprint(log)
	if err != nil || !strings.Contains(text, "test began") || !strings.Contains(text, "freeze done") || !strings.Contains(text, "told") {
		t.Errorf("%v %s", err, text)
	}
	if w, err := r.Cases.Watches(t.Context()); err != nil || len(w) != 1 || w[0].Far[0] != "203.0.113.9" || w[0].Hits(theftFound("B9")) == "" {
		t.Errorf("%+v, %v", w, err)
	}
}

func TestWhatIsSeenAgainAfterAContainmentJoinsTheCaseOnceAndReopensIt(t *testing.T) {
	r, _, _ := runnerIn(t, t.TempDir(), func() {})
	run := begin(t, r, booksOf(t, testBook), "test")
	if _, err := r.Continue(t.Context(), run.ID); err != nil {
		t.Fatal(err)
	}
	if err := r.Cases.CloseCase(t.Context(), "1", "true positive", "ana"); err != nil {
		t.Fatal(err)
	}
	w, err := r.Cases.Watches(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f := theftFound("B9")
	f.Host = detect.Host{ID: "h9", Name: "web-9"}
	for i, want := range []bool{true, false} {
		if again, err := r.Cases.SeenAgain(t.Context(), w[0], f, w[0].Hits(f)); err != nil || again != want {
			t.Errorf("%d: %v, %v", i, again, err)
		}
	}
	if k, err := r.Cases.Case(t.Context(), "1"); err != nil || !k.IsOpen() || !k.Has("B9") {
		t.Errorf("%+v, %v", k, err)
	}
	anew := *f.Transfer // an alert that is raised again is the same alert
	anew.Tool.PID, anew.Tool.Started = 9999, w[0].Since.Add(time.Minute)
	f.Transfer = &anew
	for i, want := range []bool{true, false} {
		if again, err := r.Cases.SeenAgain(t.Context(), w[0], f, w[0].Hits(f)); err != nil || again != want {
			t.Errorf("anew, %d: %v, %v", i, again, err)
		}
	}
	other := w[0]
	other.Case = "INC-0007"
	if again, err := r.Cases.SeenAgain(t.Context(), other, f, "x"); again || err != nil {
		t.Errorf("it is another case's: %v, %v", again, err)
	}
}

func TestAStepWaitsForAPersonAndIsDoneByTheApprovedPlanAlone(t *testing.T) {
	r, h, _ := runnerIn(t, t.TempDir(), func() {})
	run := begin(t, r, booksOf(t, "version: 1\nid: test\nname: T\nsteps:\n  - {id: k, do: kill}\n  - {id: m, do: manual, text: call somebody}\n  - {id: h, do: hand-over}\n"), "test")
	run, err := r.Continue(t.Context(), run.ID)
	if err != nil || states(&run) != "k=asks m=waits h=waits" || len(h.done()) != 0 {
		t.Fatalf("%s %v %v", states(&run), err, h.done())
	}
	if _, err := r.Answer(t.Context(), run.ID, "k", StepDone, "did it"); err == nil {
		t.Error("a change was said to be done without its plan")
	}
	plan, err := r.Plan(t.Context(), run.ID, "k")
	if err != nil {
		t.Fatal(err)
	}
	if run, err = r.Approve(t.Context(), run.ID, "k", plan); err != nil || run.Step("k").State != StepDone || run.Step("k").By != "ana" {
		t.Fatalf("%s %v", states(&run), err)
	}
	if _, err := r.Approve(t.Context(), run.ID, "k", plan); err == nil {
		t.Error("it was killed twice")
	}
	if run, err = r.Continue(t.Context(), run.ID); err != nil || states(&run) != "k=done m=asks h=waits" {
		t.Fatalf("%s %v", states(&run), err)
	}
	if _, err := r.Answer(t.Context(), run.ID, "m", StepDone, " "); err == nil {
		t.Error("done without saying what")
	}
	if _, err = r.Answer(t.Context(), run.ID, "m", StepSkipped, "nobody there"); err != nil {
		t.Fatal(err)
	}
	if _, err = r.Continue(t.Context(), run.ID); err != nil {
		t.Fatal(err)
	}
	if _, err = r.Answer(t.Context(), run.ID, "h", StepDone, "bob all is contained"); err != nil {
		t.Fatal(err)
	}
	run, err = r.Continue(t.Context(), run.ID)
	k, _ := r.Cases.Case(t.Context(), run.Case)
	if err != nil || run.How != RunDone || k.Assignee != "bob" {
		t.Errorf("%s %v %s", states(&run), err, k.Assignee)
	}
}

func TestAFailureStopsGoesOnOrTakesBack(t *testing.T) {
	book := func(onFail string) string {
		return "version: 1\nid: test\nname: T\nsteps:\n  - {id: f, do: freeze}\n  - {id: b, do: block, on_failure: " + onFail + "}\n  - {id: s, do: sweep}\n"
	}
	for onFail, want := range map[string]string{
		OnStop: "f=done b=failed s=waits stopped true", OnContinue: "f=done b=failed s=done done true", OnUndo: "f=undone b=failed s=waits taken back false",
	} {
		r, h, _ := runnerIn(t, t.TempDir(), func() {})
		h.fail = map[string]error{"block": errors.New("the host went away")}
		run := begin(t, r, booksOf(t, book(onFail)), "test")
		run, err := r.Continue(t.Context(), run.ID)
		if got := fmt.Sprint(states(&run), " ", run.How, " ", h.stands("freeze")); err != nil || got != want {
			t.Errorf("%s: %s, %v", onFail, got, err)
		}
		if !strings.Contains(run.Step("b").Text, "the host went away") {
			t.Error(run.Step("b").Text)
		}
	}
}

func TestWithoutAJournalNothingIsBegunAndNothingTakenBack(t *testing.T) {
	r, h, _ := runnerIn(t, t.TempDir(), func() {})
	r.Journal = nil
	run := begin(t, r, booksOf(t, "version: 1\nid: test\nname: T\nsteps:\n  - {id: f, do: freeze, on_failure: undo}\n"), "test")
	run, err := r.Continue(t.Context(), run.ID)
	if err != nil || states(&run) != "f=failed" || len(h.done()) != 0 || !strings.Contains(run.Step("f").Text, "no host can be changed") {
		t.Errorf("%s %v %v", states(&run), err, h.done())
	}
}

func TestEachStepIsTakenBackAndWhatCannotBeSaysSo(t *testing.T) {
	r, h, _ := runnerIn(t, t.TempDir(), func() {})
	run := begin(t, r, booksOf(t, "version: 1\nid: test\nname: T\nsteps:\n  - {id: f, do: freeze}\n  - {id: i, do: isolate, approve: start}\n  - {id: k, do: kill}\n"), "test")
	run, err := r.Continue(t.Context(), run.ID)
	if err != nil {
		t.Fatal(err)
	}
	plan, _ := r.Plan(t.Context(), run.ID, "k")
	if _, err := r.Approve(t.Context(), run.ID, "k", plan); err != nil {
		t.Fatal(err)
	}
	if run, err = r.Undo(t.Context(), run.ID, "i"); err != nil || run.Step("i").State != StepUndone || h.stands("isolate") || !h.stands("freeze") {
		t.Fatalf("%s %v", states(&run), err)
	}
	run, err = r.UndoAll(t.Context(), run.ID)
	if !errors.Is(err, respond.ErrNoUndo) || h.stands("freeze") || run.Step("f").State != StepUndone || run.Step("k").State != StepDone || run.How != RunStopped {
		t.Errorf("%s %s %v", states(&run), run.How, err)
	}
	if _, err := r.Undo(t.Context(), run.ID, "i"); err == nil {
		t.Error("taken back twice")
	}
}

func TestWithoutAPersonOnlyWhatTheInventoryAllowsIsDone(t *testing.T) {
	text := "version: 1\nid: test\nname: T\nautomatic: true\nsteps:\n  - {id: f, do: freeze}\n  - {id: b, do: block, on_failure: continue}\n  - {id: i, do: isolate, approve: start}\n"
	for _, one := range []struct {
		allow []string
		want  string
	}{{nil, "f=asks b=waits i=waits"}, {[]string{"freeze"}, "f=done b=asks i=waits"}, {[]string{"freeze", "block"}, "f=done b=done i=asks"}} {
		r, _, _ := runnerIn(t, t.TempDir(), func() {})
		r.Allowed = func(detect.Host) []string { return one.allow }
		books := booksOf(t, text)
		k, err := r.Cases.OpenCase(t.Context(), theftFound("A1"), nil, "ana")
		if err != nil {
			t.Fatal(err)
		}
		run, err := r.Start(t.Context(), books, "test", k.ID, "A1", true)
		if err != nil {
			t.Fatal(err)
		}
		if run, err = r.Continue(t.Context(), run.ID); err != nil || states(&run) != one.want {
			t.Errorf("%v: %s, %v", one.allow, states(&run), err)
		}
		if len(one.allow) > 0 {
			o, err := r.Journal.Operation(t.Context(), run.Step("f").Op)
			if err != nil || o.Entries[0].Actor.Auto != "test" {
				t.Errorf("the journal does not say that no person did it: %+v, %v", o.Entries, err)
			}
		}
	}
}

func TestADryRunShowsEveryPlanAndChangesNothing(t *testing.T) {
	r, h, m := runnerIn(t, t.TempDir(), func() {})
	books := booksOf(t, testBook)
	k, err := r.Cases.OpenCase(t.Context(), theftFound("A1"), nil, "ana")
	if err != nil {
		t.Fatal(err)
	}
	all, err := r.Dry(t.Context(), books[0], k, "A1")
	if err != nil || len(all) != 9 {
		t.Fatalf("%v, %v", all, err)
	}
	for _, d := range all {
		if changing(d.Step.Do) && d.Due && (d.Plan == nil || d.Plan.Title != d.Step.Do+" it") || !d.Due && d.Step.ID != "never" || d.Err != nil {
			t.Errorf("%+v", d)
		}
	}
	if entries, err := r.Journal.Entries(t.Context(), 0, 10); err != nil || len(entries) != 0 || len(h.done()) != 0 || len(m.said) != 0 {
		t.Error(entries, err)
	}
}

func TestADryRunOfAConsoleThatKnowsLessGoesByWhatTheCaseHas(t *testing.T) {
	r, _, _ := runnerIn(t, t.TempDir(), func() {})
	k, err := r.Cases.OpenCase(t.Context(), theftFound("A1"), nil, "ana")
	if err != nil {
		t.Fatal(err)
	}
	r.Finding = func(string) (*detect.Finding, bool) {
		less := theftFound("A1")
		less.Transfer = nil
		return less, true
	}
	all, err := r.Dry(t.Context(), booksOf(t, testBook)[0], k, "A1")
	if err != nil || !all[0].Due {
		t.Errorf("the case has a far end: %+v, %v", all, err)
	}
}

func TestOnePlaybookRunsOnceAtATimeForAnAlertAndTwoConsolesDoEachStepOnce(t *testing.T) {
	dir := t.TempDir()
	r, h, _ := runnerIn(t, dir, func() {})
	other, _, _ := runnerIn(t, dir, func() {})
	other.Actor.Program = "other"
	r.Alive, other.Alive = func(string) bool { return true }, func(string) bool { return true }
	books := booksOf(t, testBook)
	run := begin(t, r, books, "test")
	if _, err := other.Start(t.Context(), books, "test", "1", "A1", false); err == nil || !strings.Contains(err.Error(), "under way") {
		t.Error(err)
	}
	var work sync.WaitGroup
	for _, one := range []*Runner{r, other} {
		work.Go(func() {
			if _, err := one.Continue(context.WithoutCancel(t.Context()), run.ID); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	run, err := r.Continue(t.Context(), run.ID)
	if err != nil || states(&run) != allDone || len(h.done()) != 4 {
		t.Errorf("%s %v %v", states(&run), err, h.done())
	}
}

// TestKilledAtEveryPointARunGoesOnAtTheRightStep kills a program that runs a
// playbook at each point in turn, and has another one go on.
func TestKilledAtEveryPointARunGoesOnAtTheRightStep(t *testing.T) {
	if os.Getenv("PLAYBOOK_KILL_AT") != "" {
		dieAt(t)
		return
	}
	for at := 1; ; at++ {
		dir := t.TempDir()
		r, h, _ := runnerIn(t, dir, func() {})
		run := begin(t, r, booksOf(t, testBook), "test")
		cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), fmt.Sprint("PLAYBOOK_KILL_AT=", at), "PLAYBOOK_DIR="+dir, "PLAYBOOK_RUN="+run.ID)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		killed := errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signaled()
		if err != nil && !killed {
			t.Fatalf("%v: %s", err, out)
		}
		before, err := r.Cases.Run(t.Context(), run.ID)
		if err != nil {
			t.Fatal(err)
		}
		applied := h.done()
		run, err = r.Continue(t.Context(), run.ID)
		if err != nil || states(&run) != allDone || run.How != RunDone {
			t.Fatalf("killed at %d (%s): %s, %v", at, states(&before), states(&run), err)
		}
		for _, do := range []string{"freeze", "capture", "block", "isolate"} {
			times := 0
			for _, d := range h.done() {
				if d == do {
					times++
				}
			}
			settled := before.Step(do).State == StepDone
			if times < 1 || times > 2 || settled && times != 1 || !slices.Contains(applied, do) && times != 1 {
				t.Errorf("killed at %d (%s): %s was done %d times: %v", at, states(&before), do, times, h.done())
			}
		}
		if open, err := r.Journal.Open(t.Context()); err != nil || len(open) != 0 {
			t.Errorf("killed at %d: operations are left open: %+v, %v", at, open, err)
		}
		if check, err := r.Journal.Verify(t.Context()); err != nil || !check.OK() {
			t.Errorf("killed at %d: %+v, %v", at, check, err)
		}
		if !killed {
			if at < 20 {
				t.Errorf("only %d points were tried", at)
			}
			return
		}
	}
}

func dieAt(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("PLAYBOOK_KILL_AT"))
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	r, _, _ := runnerIn(t, os.Getenv("PLAYBOOK_DIR"), func() {
		mu.Lock()
		defer mu.Unlock()
		if n--; n == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	})
	if _, err := r.Continue(t.Context(), os.Getenv("PLAYBOOK_RUN")); err != nil {
		t.Fatal(err)
	}
}

func TestARunIsReadFromItsOwnTextWhateverBecomesOfTheFiles(t *testing.T) {
	r, _, _ := runnerIn(t, t.TempDir(), func() {})
	books := booksOf(t, "version: 1\nid: outer\nname: O\nsteps:\n  - {id: f, do: freeze}\n  - {playbook: inner, when: f.done}\n", "version: 1\nid: inner\nname: I\nsteps:\n  - {id: b, do: block}\n  - {id: v, do: verify, when: b.done, of: [b]}\n")
	run := begin(t, r, books, "outer")
	run, err := r.Continue(t.Context(), run.ID)
	if err != nil || states(&run) != "f=done inner/b=done inner/v=done" {
		t.Errorf("%s, %v", states(&run), err)
	}
	raw, _ := json.Marshal(run)
	if !strings.Contains(string(raw), "id: inner") {
		t.Error("the text of the inner playbook is not kept")
	}
}

func TestAMessageNeverCarriesASecretAndNeverExpandsWhatIsInIt(t *testing.T) {
	r, _, m := runnerIn(t, t.TempDir(), func() {})
	f := theftFound("A1")
	f.RuleName = "{{.Owner}} password=hunter2"
	k, err := r.Cases.OpenCase(t.Context(), f, nil, "ana")
	if err != nil {
		t.Fatal(err)
	}
	all, err := BuiltinPlaybooks()
	if err != nil {
		t.Fatal(err)
	}
	run, err := r.Start(t.Context(), all, "escalate", k.ID, "A1", false)
	if err != nil {
		t.Fatal(err)
	}
	if run, err = r.Continue(t.Context(), run.ID); err != nil || run.How != RunDone {
		t.Fatalf("%s %v", states(&run), err)
	}
	if text := m.said[0]; !strings.Contains(text, "{{.Owner}}") || strings.Contains(text[strings.Index(text, "needs"):], "hunter2") {
		t.Error(text)
	}
	m.err = errors.New("https://hooks.example/?token=hunter3 answered 500")
	if run, err = r.Start(t.Context(), all, "escalate", k.ID, "A1", false); err != nil {
		t.Fatal(err)
	}
	if run, err = r.Continue(t.Context(), run.ID); err != nil || run.How != RunStopped || strings.Contains(run.Step("tell").Text, "hunter3") {
		t.Errorf("%s %+v %v", run.How, run.Step("tell"), err)
	}
}

// BenchmarkAPlaybookStep compares a change that is a step with the same change alone.
func BenchmarkAPlaybookStep(b *testing.B) {
	const n = 10
	b.Run("alone", func(b *testing.B) {
		r, h, _ := runnerIn(b, b.TempDir(), func() {})
		for b.Loop() {
			for range n {
				a := &fileAction{h, "freeze"}
				p, _ := a.Plan(b.Context(), h)
				if _, _, err := respond.Run(b.Context(), r.Journal, r.Actor, a, h, p); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/n, "µs/change")
	})
	b.Run("step", func(b *testing.B) {
		r, _, _ := runnerIn(b, b.TempDir(), func() {})
		steps := ""
		for i := range n {
			steps += fmt.Sprintf("  - {id: f%d, do: freeze}\n", i)
		}
		books := booksOf(b, "version: 1\nid: test\nname: T\nsteps:\n"+steps)
		for b.Loop() {
			run := begin(b, r, books, "test")
			if _, err := r.Continue(b.Context(), run.ID); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/n, "µs/change")
	})
}

func TestAStepStaysHeldWhileOneOfTwoCarriesItOut(t *testing.T) {
	var r Runner
	carries, late := r.hold("run", "step"), r.hold("run", "step")
	if late(); !r.isMine("run", "step") {
		t.Error("it would be taken for a step that a crash left")
	}
	if carries(); r.isMine("run", "step") {
		t.Error("it is held by nobody")
	}
}

func TestAStepThatACrashLeftIsNotDoneAgainWhileTheJournalCannotBeRead(t *testing.T) {
	r, h, _ := runnerIn(t, t.TempDir(), func() {})
	run := begin(t, r, booksOf(t, testBook), "test")
	if _, err := r.Cases.changeRun(t.Context(), run.ID, "ana", func(n *Run) (string, error) {
		one := n.Step("freeze")
		one.State, one.Op, one.Program = StepRuns, respond.NewOp(), "dead"
		return "", nil
	}); err != nil {
		t.Fatal(err)
	}
	broken, _, _ := runnerIn(t, t.TempDir(), func() {})
	if err := broken.Cases.db.Close(); err != nil {
		t.Fatal(err)
	}
	r.Journal = broken.Journal
	if _, err := r.Continue(t.Context(), run.ID); err == nil {
		t.Error("nothing is said of it")
	}
	run, err := r.Cases.Run(t.Context(), run.ID)
	if err != nil || run.Step("freeze").State != StepRuns || len(h.done()) != 0 {
		t.Errorf("%s %v %v", states(&run), err, h.done())
	}
}
