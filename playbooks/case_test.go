package playbooks

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"interdict/detect"
	"interdict/respond"
)

func casesWithJournal(t *testing.T) (*Cases, *respond.Journal) {
	t.Helper()
	dir := t.TempDir()
	c := openCases(t, filepath.Join(dir, "interdict.db"))
	c.now = func() time.Time { return night.Add(time.Minute) }
	j, err := respond.OpenJournal(t.Context(), c.db, dir)
	if err != nil {
		t.Fatal(err)
	}
	return c, j
}

// theftFound is the theft of these tests with an alert that was raised.
func theftFound(id string) *detect.Finding {
	_, f := theft()
	f.ID, f.Raised = id, f.First.Add(time.Second)
	return f
}

func TestAnAlertOpensACaseAndWhatBelongsToItJoinsByItself(t *testing.T) {
	c, _ := casesWithJournal(t)
	ctx := t.Context()
	first, err := c.OpenCase(ctx, theftFound("A1"), nil, "ana")
	if err != nil || first.ID != "INC-0001" || len(first.Exhibits) != 1 {
		t.Fatalf("%+v, %v", first, err)
	}
	elsewhere := theftFound("A2")
	elsewhere.Host = detect.Host{ID: "h9", Name: "web-9"}
	same, err := c.OpenCase(ctx, elsewhere, nil, "ana")
	if err != nil || same.ID != first.ID || len(same.Exhibits) != 2 {
		t.Fatalf("the same far end outside from another host is another case: %+v, %v", same, err)
	}
	if why := same.Exhibit("A2").Why; !strings.Contains(why, "the same far end") {
		t.Error(why)
	}
	_, other := copying()
	other.ID, other.Host.ID, other.Host.Name = "B1", "h7", "db-7"
	apart, err := c.OpenCase(ctx, other, nil, "bob")
	if err != nil || apart.ID != "INC-0002" {
		t.Fatalf("what has nothing in common joined: %+v, %v", apart, err)
	}
	if id, err := c.CaseOf(ctx, elsewhere); err != nil || id != first.ID {
		t.Errorf("%s, %v", id, err)
	}
	in, err := c.InCase(ctx)
	if err != nil || in["A1"] != "INC-0001" || in["B1"] != "INC-0002" {
		t.Errorf("%v, %v", in, err)
	}
}

func TestACaseKeepsWhatWasSeenLastAndWhatWasAnsweredOnce(t *testing.T) {
	c, _ := casesWithJournal(t)
	ctx := t.Context()
	f := theftFound("A1")
	if _, err := c.OpenCase(ctx, f, &Guide{AlertID: "A1", Verdict: Verdict{Word: Theft}}, "ana"); err != nil {
		t.Fatal(err)
	}
	more := *f
	grown := *f.Transfer
	grown.Sent = 99_000_000
	more.Transfer = &grown
	more.Alert, more.Also = detect.Alert{ID: "A9", RuleName: "another leads now", Host: f.Host, Raised: f.Raised}, []detect.Alert{f.Alert}
	if err := c.See(ctx, &more, nil); err != nil {
		t.Fatal(err)
	}
	k, err := c.Case(ctx, "1")
	if err != nil || len(k.Exhibits) != 1 {
		t.Fatalf("%+v, %v", k, err)
	}
	if x := k.Exhibits[0]; x.Finding.Transfer.Sent != 99_000_000 || x.Finding.ID != "A9" || x.Guide == nil || x.Guide.Verdict.Word != Theft || x.By != "ana" || x.Why == "" {
		t.Errorf("%+v", x)
	}
	if err := c.See(ctx, theftFound("Z"), nil); err != nil {
		t.Error(err)
	}
	if all, err := c.AllCases(ctx, true, 10); err != nil || len(all) != 1 {
		t.Errorf("a finding of no case made one: %v, %v", all, err)
	}
}

func TestAConsoleThatKnowsLessTakesNothingOutOfACase(t *testing.T) {
	c, _ := casesWithJournal(t)
	ctx := t.Context()
	f := theftFound("A1")
	f.Also = []detect.Alert{{ID: "A2", RuleName: "another rule", Host: f.Host, Raised: f.Raised}}
	if _, err := c.OpenCase(ctx, f, nil, "ana"); err != nil {
		t.Fatal(err)
	}
	less := *f
	short := *f.Transfer
	short.Sent, short.Files, short.Ancestors = 10, nil, nil
	less.Transfer, less.Also, less.Raised = &short, nil, f.Raised.Add(time.Hour)
	for _, g := range []*Guide{{Verdict: Verdict{Word: Theft, Against: []string{"a", "b"}}}, {Verdict: Verdict{Word: Unclear, Against: []string{"a"}}},
		{Verdict: Verdict{Word: Unclear, Against: []string{"a", "b", "c"}}}, nil} {
		if err := c.See(ctx, &less, g); err != nil {
			t.Fatal(err)
		}
	}
	k, err := c.Case(ctx, "1")
	if err == nil && k.Exhibits[0].Guide.Verdict.Word != Theft {
		t.Errorf("a guide that knows less took the place of one that knew more: %+v", k.Exhibits[0].Guide)
	}
	if err != nil || !k.Has("A1") || !k.Has("A2") {
		t.Fatalf("%+v, %v", k, err)
	}
	got := k.Exhibits[0].Finding
	if got.Transfer.Sent != f.Transfer.Sent || len(got.Transfer.Files) != len(f.Transfer.Files) || len(got.Transfer.Ancestors) != len(f.Transfer.Ancestors) || !got.Raised.Equal(f.Raised) {
		t.Errorf("%+v", got)
	}
	if in, err := c.InCase(ctx); err != nil || in["A2"] != "INC-0001" {
		t.Errorf("%v, %v", in, err)
	}
}

func TestACaseIsAssignedHandedOverClosedAndReopened(t *testing.T) {
	c, _ := casesWithJournal(t)
	ctx := t.Context()
	k, err := c.OpenCase(ctx, theftFound("A1"), nil, "ana")
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{c.Assign(ctx, k.ID, "ana", "ana"), c.Note(ctx, k.ID, "ana", "asked shop-team"), c.HandOver(ctx, "inc-1", "bob", "isolated, key not rotated", "ana"),
		c.CloseCase(ctx, k.ID, "true positive", "bob")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	k, err = c.Case(ctx, k.ID)
	if err != nil || k.IsOpen() || k.Assignee != "bob" || k.ClosedBy != "bob" || k.Revision != 4 {
		t.Errorf("%+v, %v", k, err)
	}
	if all, err := c.AllCases(ctx, false, 10); err != nil || len(all) != 0 {
		t.Errorf("a closed case is listed: %v, %v", all, err)
	}
	if err := errors.Join(c.ReopenCase(ctx, k.ID, "ana"), c.CloseCase(ctx, k.ID, "  ", "ana")); err == nil {
		t.Error("closed without a reason")
	}
	if err := c.Assign(ctx, "INC-0009", "x", "ana"); !errors.Is(err, ErrNoCase) {
		t.Error(err)
	}
}

func TestTwoConsolesThatOpenACaseAtOnceOpenOne(t *testing.T) {
	file := filepath.Join(t.TempDir(), "interdict.db")
	consoles := []*Cases{openCases(t, file), openCases(t, file)}
	ids := make([]string, 2)
	var wg sync.WaitGroup
	for i, c := range consoles {
		wg.Go(func() {
			k, err := c.OpenCase(context.WithoutCancel(t.Context()), theftFound("A1"), nil, "ana")
			ids[i] = fmt.Sprint(k.ID, err)
		})
	}
	wg.Wait()
	if ids[0] != "INC-0001<nil>" || ids[1] != ids[0] {
		t.Error(ids)
	}
}

func TestTheTimelineIsMadeOfEventsAnswersActionsAndNotesInOrder(t *testing.T) {
	c, j := casesWithJournal(t)
	ctx := t.Context()
	f := theftFound("A1")
	k, err := c.OpenCase(ctx, f, &Guide{Made: night.Add(time.Second), Verdict: Verdict{Word: Theft, Against: []string{"a", "b"}}}, "ana")
	if err != nil {
		t.Fatal(err)
	}
	ended := freezeOn(t, j, f.Host.ID, night.Add(2*time.Minute))
	for _, err := range []error{c.Ack(ctx, f.Alert, "ana"), c.Note(ctx, k.ID, "ana", "asked shop-team"), c.Answer(ctx, "A1", "expected", "ana", OK, "announced")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	done := Done(ctx, j, &k)
	all, err := c.Timeline(ctx, &k, done)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	for i, m := range all {
		if i > 0 && m.At.Before(all[i-1].At) {
			t.Errorf("%v before %v", m, all[i-1])
		}
		kinds[m.Kind] += m.Source + ": " + m.Text + "\n"
	}
	for kind, want := range map[string]string{
		"event": "scp", "alert": "rule ", "answer": "LIKELY THEFT: 2 facts against", "note": "asked shop-team", "case": "acknowledged", "action": "verified process.freeze: holds: 3 of 3 stand",
	} {
		if !strings.Contains(kinds[kind], want) {
			t.Errorf("%s has no %q:\n%s", kind, want, kinds[kind])
		}
	}
	m, err := c.Measure(ctx, &k, done)
	if err != nil || !m.Contained.Equal(ended) || m.Acknowledged.IsZero() {
		t.Errorf("%+v, %v", m, err)
	}
	b, err := c.Brief(ctx, j, k)
	if err != nil || !strings.HasPrefix(b.Status(), "contained after") || !strings.Contains(b.Left(), "203.0.113.9") || b.Verdict() != Theft {
		t.Errorf("%s %s %s %v", b.Status(), b.Left(), b.Verdict(), err)
	}
	text := strings.Join(HandOverText([]Brief{b}, nil, "", night, "ana"), "\n")
	if !strings.Contains(text, "INC-0001") || !strings.Contains(text, "1 case open, 0 not contained") {
		t.Error(text)
	}
}

func TestACaseThatNoPersonOpenedWaitsForOne(t *testing.T) {
	c, _ := casesWithJournal(t)
	k, err := c.OpenCase(t.Context(), theftFound("A1"), nil, NoPerson)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := c.Measure(t.Context(), &k, Doings{}); err != nil || !m.Acknowledged.IsZero() || m.Took() != "not acknowledged yet, not contained yet" {
		t.Errorf("%+v, %v", m, err)
	}
	if err := c.Assign(t.Context(), k.ID, "ana", "ana"); err != nil {
		t.Fatal(err)
	}
	if m, err := c.Measure(t.Context(), &k, Doings{}); err != nil || m.Acknowledged.IsZero() {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestWhatWasDoneElsewhereIsNotInTheCase(t *testing.T) {
	c, j := casesWithJournal(t)
	f := theftFound("A1")
	k, err := c.OpenCase(t.Context(), f, nil, "ana")
	if err != nil {
		t.Fatal(err)
	}
	freezeOn(t, j, "another host", night.Add(time.Minute))
	freezeOn(t, j, f.Host.ID, night.Add(-time.Hour))
	if done := Done(t.Context(), j, &k); len(done.Operations) != 0 || done.Blind != "" {
		t.Errorf("%+v", done)
	}
	if done := Done(t.Context(), nil, &k); done.Blind == "" {
		t.Error("without a journal nothing is known, and that is not said")
	}
}

func TestAStateOfBeforeCasesIsReadOn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "interdict.db")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = respond.Transact(t.Context(), db, func(c *sql.Conn) error {
		if err := respond.Migrate(t.Context(), c, "case_schema", migrations[:3]); err != nil {
			return err
		}
		_, err := c.ExecContext(t.Context(), `INSERT INTO case_alerts VALUES ('A1', 'acknowledged', '', 'bob', '2026-01-02T03:04:05Z', 1, '', '2026-01-02T03:04:05Z')`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	c := openCases(t, file)
	if got, err := c.Get(t.Context(), "A1"); err != nil || got.By != "bob" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := c.OpenCase(t.Context(), theftFound("A1"), nil, "ana"); err != nil {
		t.Error(err)
	}
}

// freezeOn journals a freeze that was verified at a time.
func freezeOn(t *testing.T, j *respond.Journal, hostID string, at time.Time) time.Time {
	t.Helper()
	op, actor := respond.NewOp(), respond.Actor{User: "ana"}
	entry := func(phase respond.Phase, body string) respond.Entry {
		return respond.Entry{Op: op, Wall: at, Actor: actor, Host: "web-1", HostID: hostID, Kind: "process.freeze", Phase: phase, Body: []byte(body)}
	}
	_, err := j.Append(t.Context(),
		entry(respond.Approved, `{"version":1,"kind":"process.freeze","title":"freeze 3 processes"}`),
		entry(respond.Applied, `{"result":{"version":1,"kind":"process.freeze","summary":"3 frozen","holds":[{"key":"k","kind":"frozen","text":"3 processes"}]}}`),
		entry(respond.Verified, `{"verdict":{"state":"holds","summary":"3 of 3 stand"}}`))
	if err != nil {
		t.Fatal(err)
	}
	return at
}
