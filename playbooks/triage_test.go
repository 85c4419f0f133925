package playbooks

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"interdict/detect"

	_ "modernc.org/sqlite"
)

var alert = detect.Alert{ID: "7Q2M", Thread: "7Q", Last: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}

func openCases(t *testing.T, file string) *Cases { return openCasesIn(t, file) }

func openCasesIn(t testing.TB, file string) *Cases {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	c, err := OpenCases(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWhatWasSaidIsThereAfterARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "interdict.db")
	c := openCases(t, file)
	ctx := t.Context()
	for _, err := range []error{c.Ack(ctx, alert, "ana"), c.Note(ctx, "7Q2M", "ana", "asked shop-team"),
		c.Answer(ctx, "7Q2M", "expected", "ana", OK, "shop-team announced it"), c.Close(ctx, alert, "ana", Benign)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	again := openCases(t, file)
	got, err := again.Get(ctx, "7Q2M")
	if err != nil || got.State != Closed || got.Reason != Benign || got.By != "ana" || got.Revision != 2 || got.Thread != "7Q" || !got.UpTo.Equal(alert.Last) {
		t.Errorf("%+v, %v", got, err)
	}
	log, err := again.Log(ctx, "7Q2M")
	text := ""
	for _, n := range log {
		text += n.Kind + ":" + n.Text + "|"
	}
	if err != nil || text != "acknowledged:|note:asked shop-team|answer:expected: OK: shop-team announced it|closed:benign|" {
		t.Errorf("%s %v", text, err)
	}
	if list, _, err := again.Triaged(ctx, ""); err != nil || len(list) != 1 || list[0] != got {
		t.Errorf("%v %v", list, err)
	}
}

func TestTwoConsolesTakeTurnsAndOneGetsTheAlert(t *testing.T) {
	file := filepath.Join(t.TempDir(), "interdict.db")
	consoles := []*Cases{openCases(t, file), openCases(t, file)}
	errs := make([]error, len(consoles))
	var wg sync.WaitGroup
	for i, c := range consoles {
		wg.Go(func() { errs[i] = c.Ack(t.Context(), alert, fmt.Sprint("console ", i)) })
	}
	wg.Wait()
	taken := 0
	for _, err := range errs {
		if errors.Is(err, ErrTaken) {
			taken++
		} else if err != nil {
			t.Error(err)
		}
	}
	if taken != 1 {
		t.Errorf("%v", errs)
	}
}

func TestAClosureNeedsAReasonAndCanBeTakenBack(t *testing.T) {
	c := openCases(t, filepath.Join(t.TempDir(), "interdict.db"))
	if err := c.Close(t.Context(), alert, "ana", " "); err == nil {
		t.Error("closed without a reason")
	}
	if err := errors.Join(c.Close(t.Context(), alert, "ana", FalsePositive), c.Reopen(t.Context(), alert, "bob")); err != nil {
		t.Fatal(err)
	}
	if got, _ := c.Get(t.Context(), "7Q2M"); got.State != New || got.By != "bob" {
		t.Errorf("%+v", got)
	}
}

func TestAnAnalystsAnswerReplacesOursAndSaysSo(t *testing.T) {
	c := openCases(t, filepath.Join(t.TempDir(), "interdict.db"))
	a, f := copying()
	a.Cases = c
	if err := c.Answer(t.Context(), f.ID, "left", "ana", OK, "bob told me about the new host"); err != nil {
		t.Fatal(err)
	}
	if err := c.Answer(t.Context(), f.ID, "expected", "ana", OK, "announced on Monday"); err != nil {
		t.Fatal(err)
	}
	g := assess(t, a, f)
	left := answerOf(t, g, "left")
	if left.State != OK || !left.Overridden || !strings.HasPrefix(left.Why, "bob told me") || !strings.HasPrefix(left.Evidence[0].Text, "BAD: ") {
		t.Errorf("%+v", left)
	}
	if g.Verdict.Word != Routine {
		t.Errorf("%s: %q", g.Verdict.Word, g.Verdict.Against)
	}
	if err := c.Withdraw(t.Context(), f.ID, "expected", "ana"); err != nil {
		t.Fatal(err)
	}
	if g := assess(t, a, f); g.Verdict.Word != Unclear {
		t.Error(g.Verdict.Word)
	}
}

func TestADatabaseOfANewerProgramIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "interdict.db")
	c := openCases(t, file)
	if _, err := c.db.Exec(`INSERT INTO case_schema VALUES (99)`); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCases(t.Context(), c.db); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Error(err)
	}
}

func TestAnAnswerStaysWithItsFindingAndIsSaidOfTheOthersOfItsCase(t *testing.T) {
	c := openCases(t, filepath.Join(t.TempDir(), "interdict.db"))
	a, f := copying()
	a.Cases = c
	if err := c.Answer(t.Context(), f.ID, "left", "ana", OK, "bob told me"); err != nil {
		t.Fatal(err)
	}
	led := *f // another rule's alert about it leads by now
	led.Also, led.Alert.ID = []detect.Alert{f.Alert}, "another"
	if left := answerOf(t, assess(t, a, &led), "left"); !left.Overridden {
		t.Errorf("what was answered is gone with the alert that led: %+v", left)
	}
	k, err := c.OpenCase(t.Context(), f, nil, "ana")
	if err != nil {
		t.Fatal(err)
	}
	other := *f
	other.ID, other.Host.Name = "third", "web-2"
	if err := c.Join(t.Context(), k.ID, &other, nil, "ana", "the same"); err != nil {
		t.Fatal(err)
	}
	left := answerOf(t, assess(t, a, &other), "left")
	if left.Overridden || !strings.Contains(fmt.Sprint(left.Evidence), "in INC-0001") || !strings.Contains(fmt.Sprint(left.Evidence), "bob told me") {
		t.Errorf("of another host in the case: %+v", left)
	}
}

func TestAnExceptionIsTriedOnWhatPeopleClosedAtAnyConsole(t *testing.T) {
	file := filepath.Join(t.TempDir(), "interdict.db")
	here, there := openCases(t, file), openCases(t, file)
	_, f := backup()
	x := Propose(f)[0].Exception
	for id, reason := range map[string]string{"a": Benign, "b": TruePositive} {
		closed := f.Alert
		closed.ID = id
		if err := there.CloseAbout(t.Context(), closed, f.Fields(), "bob", reason); err != nil {
			t.Fatal(err)
		}
	}
	_, other := theft()
	other.ID = "c"
	if err := errors.Join(there.CloseAbout(t.Context(), other.Alert, other.Fields(), "bob", TruePositive), there.Close(t.Context(), alert, "bob", Benign)); err != nil {
		t.Fatal(err)
	}
	n, err := here.ClosedLike(t.Context(), &x, time.Now().Add(-time.Hour))
	if want := (ClosedLike{Closed: 4, Hidden: 2, Thefts: 1, Unknown: 1}); err != nil || n != want {
		t.Errorf("%+v %v", n, err)
	}
	if n, _ = here.ClosedLike(t.Context(), &x, time.Now().Add(time.Hour)); n.Closed != 0 {
		t.Errorf("what was closed before counts: %+v", n)
	}
}

func TestTheLimitsOfARoutineAreFactsOfTheVerdict(t *testing.T) {
	a, f := copying()
	within := &detect.Routine{Class: "backup", Proof: "started by /usr/local/bin/x in x.service", Limits: []string{"14 runs on 14 days"}, Known: true}
	f.Routine = within
	if r := answerOf(t, assess(t, a, f), "expected"); r.State != OK || !strings.Contains(r.Why, "inside its limits") {
		t.Errorf("%+v", r)
	}
	broken := *within
	broken.Breach = "9 GB went out, of at most 4 GB"
	f.Routine = &broken
	g := assess(t, a, f)
	if r := answerOf(t, g, "expected"); r.State != BAD || !strings.Contains(strings.Join(g.Verdict.Against, "\n"), "9 GB went out") {
		t.Errorf("%+v %q", r, g.Verdict.Against)
	}
}
