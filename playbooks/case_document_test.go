package playbooks

import (
	"errors"
	"strings"
	"testing"
	"time"

	"interdict/detect"
)

// again makes a look take cases, too, whatever was looked at before.
func again(t *testing.T, all ...*Sharing) {
	t.Helper()
	for _, s := range all {
		s.whole = time.Time{}
	}
	look(t, all...)
}

func logOf(t *testing.T, c *Cases, id string) string {
	t.Helper()
	log, err := c.CaseLog(t.Context(), id)
	return spoken(t, log, err)
}

func TestACaseIsTheSameAtTwoConsolesAndNothingSaidInItIsLost(t *testing.T) {
	s := newStore(t, "eu")
	ana, a := console(t, s)
	bob, b := console(t, s)
	k, err := ana.OpenCase(t.Context(), theftFound("A1"), nil, "ana")
	if err != nil {
		t.Fatal(err)
	}
	again(t, a, b)
	got, err := bob.Case(t.Context(), k.ID)
	if err != nil || got.Title != k.Title || len(got.Exhibits) != 1 || !got.Has("A1") {
		t.Fatalf("%+v, %v", got, err)
	}
	s.away.Store(true)
	err = errors.Join(ana.Assign(t.Context(), k.ID, "carl", "ana"), ana.Note(t.Context(), k.ID, "ana", "key revoked"),
		bob.Record(t.Context(), k.ID, "bob", "note", "disk sealed"), bob.CloseCase(t.Context(), k.ID, TruePositive, "bob"))
	if err != nil {
		t.Fatal(err)
	}
	s.away.Store(false)
	again(t, a, b, a, b)
	for _, c := range []*Cases{ana, bob} {
		got, err := c.Case(t.Context(), k.ID)
		if err != nil || got.Assignee != "carl" || got.IsOpen() || got.ClosedBy != "bob" || len(got.Exhibits) != 1 {
			t.Errorf("%+v, %v", got, err)
		}
		log := logOf(t, c, k.ID)
		for _, want := range []string{"ana note:key revoked", "bob note:disk sealed", "ana opened:", "bob closed:"} {
			if strings.Count(log, want) != 1 {
				t.Errorf("%q in %s", want, log)
			}
		}
	}
	before, _, _ := s.Documents.Read(t.Context(), CaseDocuments, k.ID)
	_, version, _ := s.Documents.Read(t.Context(), CaseDocuments, k.ID)
	again(t, a, b, a, b)
	if after, now, _ := s.Documents.Read(t.Context(), CaseDocuments, k.ID); now != version {
		t.Errorf("what nobody changed is written again:\n%s\n%s", before, after)
	}
}

func TestTwoCasesOfOneNumberAreToldApart(t *testing.T) {
	s := newStore(t, "eu")
	ana, a := console(t, s)
	bob, b := console(t, s)
	first, err := ana.OpenCase(t.Context(), theftFound("A1"), nil, "ana")
	if err != nil {
		t.Fatal(err)
	}
	_, other := copying()
	other.ID, other.Host.ID, other.Host.Name = "B1", "h7", "db-7"
	second, err := bob.OpenCase(t.Context(), other, nil, "bob")
	if err != nil || second.ID != first.ID {
		t.Fatalf("%s and %s, %v", first.ID, second.ID, err)
	}
	again(t, a, b, a)
	for _, c := range []*Cases{ana, bob} {
		mine, err := c.CaseOf(t.Context(), theftFound("A1"))
		theirs, err2 := c.CaseOf(t.Context(), other)
		if err != nil || err2 != nil || mine != "INC-0001" || theirs != "INC-0002" {
			t.Errorf("%s and %s, %v %v", mine, theirs, err, err2)
		}
	}
	if log := logOf(t, ana, "INC-0002"); !strings.Contains(log, "this was INC-0001 here") || !strings.Contains(log, "ana opened at another console") {
		t.Error(log)
	}
}

func TestWhatOneConsoleWatchesForIsSeenAgainAtEveryOneAndToldOnce(t *testing.T) {
	s := newStore(t, "eu")
	ana, a := console(t, s)
	bob, b := console(t, s)
	k, err := ana.OpenCase(t.Context(), theftFound("A1"), nil, "ana")
	if err != nil {
		t.Fatal(err)
	}
	w := Watch{Case: k.ID, Run: "r/w", Far: []string{"203.0.113.9"}, Until: time.Now().Add(time.Hour).UTC()}
	if err := ana.watch(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if err := ana.Note(t.Context(), k.ID, "ana", "watching"); err != nil {
		t.Fatal(err)
	}
	again(t, a, b)
	theirs, err := bob.Watches(t.Context())
	if err != nil || len(theirs) != 1 || theirs[0].Case != k.ID || !theirs[0].Until.Equal(w.Until) {
		t.Fatalf("bob watches for %+v, %v", theirs, err)
	}
	f := theftFound("B9")
	f.Host = detect.Host{ID: "h9", Name: "web-9"}
	if first, err := bob.SeenAgain(t.Context(), theirs[0], f, "the same far end"); err != nil || !first {
		t.Errorf("bob sees it first: %v, %v", first, err)
	}
	again(t, b, a)
	if first, err := ana.SeenAgain(t.Context(), w, f, "the same far end"); err != nil || first || !ana.SeenThere(t.Context(), w, f) {
		t.Errorf("ana: first %v, %v", first, err)
	}
	if ana.SeenThere(t.Context(), w, theftFound("A1")) {
		t.Error("what the case began with is taken for seen again")
	}
}
