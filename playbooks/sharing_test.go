package playbooks

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"interdict/detect"
)

// store is a store that can be away, and lose answers.
type store struct {
	Documents
	name string
	away atomic.Bool
	lose atomic.Bool // it does what is asked, and says nothing
}

var errAway = errors.New("connection refused")

func (s *store) About(context.Context) (string, error) {
	if s.away.Load() {
		return "", errAway
	}
	return s.name, nil
}

func (s *store) Prepare(context.Context, ...string) error { return nil }

func (s *store) Read(ctx context.Context, kind, id string) ([]byte, string, error) {
	if s.away.Load() {
		return nil, "", errAway
	}
	return s.Documents.Read(ctx, kind, id)
}

func (s *store) Write(ctx context.Context, kind, id string, body []byte, version string) (string, bool, error) {
	if s.away.Load() {
		return "", false, errAway
	}
	next, ok, err := s.Documents.Write(ctx, kind, id, body, version)
	if s.lose.Load() {
		return "", false, errAway
	}
	return next, ok, err
}

func (s *store) Changes(ctx context.Context, kind, since string, each func(id, version string, body []byte) error) (string, error) {
	if s.away.Load() {
		return since, errAway
	}
	return s.Documents.Changes(ctx, kind, since, each)
}

func newStore(t *testing.T, name string) *store {
	return &store{Documents: openCases(t, filepath.Join(t.TempDir(), "store.db")).local, name: name}
}

// console is somebody with a directory of their own.
func console(t *testing.T, s *store) (*Cases, *Sharing) {
	c := openCases(t, filepath.Join(t.TempDir(), "interdict.db"))
	return c, c.Share(s)
}

func look(t *testing.T, all ...*Sharing) {
	t.Helper()
	for _, s := range all {
		if err := s.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func texts(t *testing.T, c *Cases) string {
	t.Helper()
	log, err := c.Log(t.Context(), alert.ID)
	return spoken(t, log, err)
}

// spoken is a log in one line.
func spoken(t *testing.T, log []Note, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, n := range log {
		out = append(out, n.By+" "+n.Kind+":"+n.Text)
	}
	return strings.Join(out, "|")
}

func TestTwoAnalystsSeeWhatTheOtherSaysAndOneGetsTheAlert(t *testing.T) {
	s := newStore(t, "eu")
	ana, a := console(t, s)
	bob, b := console(t, s)
	look(t, a, b)
	if err := ana.Ack(t.Context(), alert, "ana"); err != nil {
		t.Fatal(err)
	}
	if err := bob.Ack(t.Context(), alert, "bob"); !errors.Is(err, ErrTaken) || !strings.Contains(err.Error(), "ana") { // though bob has not looked since
		t.Errorf("%v", err)
	}
	if err := errors.Join(bob.Note(t.Context(), alert.ID, "bob", "asked shop-team"), ana.Close(t.Context(), alert, "ana", Benign)); err != nil {
		t.Fatal(err)
	}
	x, err := bob.Except(t.Context(), detect.Exception{Name: "n", Reason: "r", Expires: time.Now().Add(time.Hour), Entries: []detect.Entry{{Field: "process.name", Values: []string{"scp"}}}}, "bob")
	if err != nil {
		t.Fatal(err)
	}
	look(t, a, b)
	for _, c := range []*Cases{ana, bob} {
		got, err := c.Get(t.Context(), alert.ID)
		if err != nil || got.State != Closed || got.By != "ana" {
			t.Errorf("%+v, %v", got, err)
		}
		if log := texts(t, c); log != "ana acknowledged:|bob note:asked shop-team|ana closed:benign" {
			t.Error(log)
		}
		if all, err := c.Exceptions(t.Context()); err != nil || len(all) != 1 || all[0].ID != x.ID {
			t.Errorf("%v %v", all, err)
		}
	}
}

func TestWhatIsSaidWhileTheStoreIsAwayIsSentLaterAndNothingIsLostOrDoubled(t *testing.T) {
	s := newStore(t, "eu")
	ana, a := console(t, s)
	bob, b := console(t, s)
	look(t, a, b)
	s.away.Store(true)
	if err := errors.Join(ana.Note(t.Context(), alert.ID, "ana", "away"), ana.Close(t.Context(), alert, "ana", Benign)); err != nil {
		t.Fatal(err)
	}
	if notes := strings.Join(a.Notes(), "\n"); !strings.Contains(notes, "NOT SHARED since") || !strings.Contains(notes, "1 documents wait") || !strings.Contains(notes, "connection refused") {
		t.Error(notes)
	}
	if a.Look(t.Context()) == nil {
		t.Error("a store that is away was looked at")
	}
	s.away.Store(false)
	if err := bob.Ack(t.Context(), alert, "bob"); err != nil { // the store's first
		t.Fatal(err)
	}
	s.lose.Store(true)
	if err := bob.Note(t.Context(), alert.ID, "bob", "the answer is lost"); err != nil {
		t.Fatal(err)
	}
	s.lose.Store(false)
	look(t, a, b, a)
	for _, c := range []*Cases{ana, bob} {
		if got, _ := c.Get(t.Context(), alert.ID); got.State != Acknowledged || got.By != "bob" {
			t.Errorf("%+v", got)
		}
		log := texts(t, c)
		for _, want := range []string{"ana note:away", "ana closed:benign", "bob acknowledged:", "bob note:the answer is lost"} {
			if strings.Count(log, want) != 1 {
				t.Errorf("%q in %s", want, log)
			}
		}
	}
	if notes := strings.Join(a.Notes(), "\n"); strings.Contains(notes, "NOT SHARED") || !strings.Contains(notes, "somebody else was first") || !strings.Contains(notes, "benign") {
		t.Error(notes)
	}
}

func TestOfManyConsolesThatWriteAtOnceNoWordIsLost(t *testing.T) {
	s := newStore(t, "eu")
	const consoles, each = 4, 8
	var all sync.WaitGroup
	var sharings []*Sharing
	var last *Cases
	for i := range consoles {
		c, sharing := console(t, s)
		sharings, last = append(sharings, sharing), c
		look(t, sharing)
		all.Go(func() {
			for n := range each {
				if err := c.Note(t.Context(), alert.ID, fmt.Sprint("console ", i), fmt.Sprint(n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	look(t, sharings...)
	if log, err := last.Log(t.Context(), alert.ID); err != nil || len(log) != consoles*each {
		t.Errorf("%d notes, %v", len(log), err)
	}
}

func TestAnotherStoreGetsWhatIsHereAndOneThatWasEmptiedToo(t *testing.T) {
	first, second := newStore(t, "eu"), newStore(t, "us")
	file := filepath.Join(t.TempDir(), "interdict.db")
	c := openCases(t, file)
	if err := c.Note(t.Context(), alert.ID, "ana", "before there was a store"); err != nil {
		t.Fatal(err)
	}
	look(t, c.Share(first))
	look(t, openCases(t, file).Share(second))
	for _, s := range []*store{first, second} {
		other, o := console(t, s)
		look(t, o)
		if log := texts(t, other); log != "ana note:before there was a store" {
			t.Errorf("%s: %s", s.name, log)
		}
	}
	emptied := newStore(t, "us")
	c = openCases(t, file)
	look(t, c.Share(emptied))
	if err := c.Note(t.Context(), alert.ID, "ana", "again"); err != nil {
		t.Fatal(err)
	}
	if body, _, err := emptied.Documents.Read(t.Context(), AlertDocuments, alert.ID); err != nil || !strings.Contains(string(body), "before there was") || !strings.Contains(string(body), "again") {
		t.Errorf("%s, %v", body, err)
	}
}

func TestADocumentOfANewerProgramIsLeftAlone(t *testing.T) {
	s := newStore(t, "eu")
	c, sharing := console(t, s)
	if _, _, err := s.Documents.Write(t.Context(), AlertDocuments, alert.ID, []byte(`{"v":2,"new":1}`), ""); err != nil {
		t.Fatal(err)
	}
	look(t, sharing)
	if err := c.Ack(t.Context(), alert, "ana"); err == nil || !strings.Contains(err.Error(), "newer program") {
		t.Errorf("%v", err)
	}
}

func TestWhatOlderProgramsKeptInTablesIsKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "interdict.db")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, step := range append(slices.Clone(migrations[:3]),
		`CREATE TABLE case_schema (version INTEGER PRIMARY KEY) STRICT`,
		`INSERT INTO case_schema VALUES (3)`,
		`INSERT INTO case_alerts VALUES ('7Q2M', 'closed', 'benign', 'ana', '2026-01-02T03:04:06.000000000Z', 2, '7Q', '2026-01-02T03:04:05.000000000Z')`,
		`INSERT INTO case_notes (alert, by, at, kind, text) VALUES ('7Q2M', 'ana', '2026-01-02T03:04:05.000000000Z', 'note', 'asked'), ('8X', 'bob', '2026-01-02T03:04:05.000000000Z', 'note', 'hm')`,
		`INSERT INTO case_answers VALUES ('7Q2M', 'expected', 'OK', 'announced', 'ana', '2026-01-02T03:04:05.000000000Z')`,
		`INSERT INTO case_exceptions (id, body, created) VALUES ('x9', '{"type":"simple","name":"n","description":"r","created_by":"ana","entries":[{"field":"process.name","type":"match","operator":"included","value":"scp"}]}', '2026')`,
	) {
		if _, err := db.Exec(step); err != nil {
			t.Fatal(err)
		}
	}
	c := openCases(t, file)
	got, err := c.Get(t.Context(), "7Q2M")
	if err != nil || got.State != Closed || got.Reason != Benign || got.Revision != 2 || got.Thread != "7Q" || !got.UpTo.Equal(alert.Last) {
		t.Errorf("%+v, %v", got, err)
	}
	if log := texts(t, c); log != "ana note:asked" {
		t.Error(log)
	}
	if answers, err := c.Answers(t.Context(), "7Q2M"); err != nil || answers["expected"].Note != "announced" {
		t.Errorf("%v %v", answers, err)
	}
	if other, err := c.Get(t.Context(), "8X"); err != nil || other.State != New {
		t.Errorf("%+v, %v", other, err)
	}
	if all, err := c.Exceptions(t.Context()); err != nil || len(all) != 1 || all[0].ID != "x9" || all[0].Reason != "r" {
		t.Errorf("%+v, %v", all, err)
	}
}
