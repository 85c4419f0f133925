package playbooks

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// seat is a console with a clock of its own.
type seat struct {
	*Presence
	at time.Time
}

func newSeat(store Documents, host, by string, at time.Time) *seat {
	s := &seat{NewPresence(store, host, "/state", by), at}
	s.now = func() time.Time { return s.at }
	return s
}

// pass lets time go by for all, with a look each few seconds.
func pass(t *testing.T, d time.Duration, all ...*seat) {
	for ; d > 0; d -= presenceLook {
		for _, s := range all {
			s.at = s.at.Add(presenceLook)
			s.Look(t.Context())
		}
	}
}

func TestWhoLooksAtAnAlertIsSeenByOthersAndOverByItselfWhateverTheClocksSay(t *testing.T) {
	counted := &countedStore{LocalDocuments: openCases(t, filepath.Join(t.TempDir(), "db")).local}
	ana := newSeat(counted, "one", "ana", night)
	bob := newSeat(counted, "two", "bob", night.Add(-3*time.Hour)) // its clock is wrong
	also := newSeat(counted, "one", "ana", night)                  // on ana's state directory
	ana.Show("A", "INC-0001")
	pass(t, 2*presenceBeat, ana, bob, also)
	if got := strings.Join(bob.Lookers("A"), ", "); got != "ana" {
		t.Errorf("bob sees %q", got)
	}
	if got := strings.Join(also.Lookers("INC-0001"), ", "); got != "ana at one" {
		t.Errorf("ana's other console sees %q", got)
	}
	if got := ana.Lookers("A"); got != nil {
		t.Errorf("ana sees herself: %q", got)
	}
	counted.writes = 0
	pass(t, time.Minute, ana, bob, also)
	if counted.writes > 7 {
		t.Errorf("%d writes in a minute in which nothing changed", counted.writes)
	}
	bob.Show("A")
	pass(t, 2*presenceBeat, ana, bob, also)
	if got := strings.Join(also.Lookers("A"), ", "); got != "ana at one, bob" {
		t.Errorf("the third sees %q", got)
	}
	ana.Show()
	pass(t, presenceLook, ana, bob, also)
	if got := bob.Lookers("A"); got != nil {
		t.Errorf("ana has gone elsewhere, bob sees %q", got)
	}
	pass(t, presenceEnds+presenceLook, ana, also) // bob's console died
	if got := ana.Lookers("A"); got != nil {
		t.Errorf("bob's console is dead, ana sees %q", got)
	}
	late := newSeat(counted, "three", "eve", night)
	pass(t, time.Minute, late)
	if got := late.Lookers("A"); got != nil {
		t.Errorf("what a dead console left is shown to eve: %q", got)
	}
	ana.Show("B")
	pass(t, 2*presenceBeat, ana, bob)
	ana.Leave(t.Context())
	pass(t, presenceLook, bob)
	if got := bob.Lookers("B"); got != nil {
		t.Errorf("ana has left, bob sees %q", got)
	}
}

func TestWithoutTheStoreNobodyIsSeenAndItIsAskedSeldom(t *testing.T) {
	away := &awayStore{}
	ana := newSeat(away, "one", "ana", night)
	ana.Show("A")
	pass(t, 2*time.Minute, ana)
	if notes := ana.Notes(); len(notes) != 1 || !strings.Contains(notes[0], "no route") {
		t.Errorf("%q", notes)
	}
	if away.asked > 4 {
		t.Errorf("asked %d times in two minutes", away.asked)
	}
}

// countedStore counts writes.
type countedStore struct {
	*LocalDocuments
	writes int
}

func (c *countedStore) Write(ctx context.Context, kind, id string, body []byte, version string) (string, bool, error) {
	c.writes++
	return c.LocalDocuments.Write(ctx, kind, id, body, version)
}

// slowStore is one that takes its time, in which something else is done.
type slowStore struct {
	Documents
	meanwhile func()
}

func (s *slowStore) Changes(context.Context, string, string, func(id, version string, body []byte) error) (string, error) {
	s.meanwhile()
	return "", nil
}

func TestNotesDoNotWaitForTheStore(t *testing.T) {
	store := &slowStore{}
	p := NewPresence(store, "one", "/state", "ana")
	store.meanwhile = func() {
		said := make(chan struct{})
		go func() { defer close(said); p.Notes() }()
		select {
		case <-said:
		case <-time.After(5 * time.Second):
			t.Error("the screen waits for the store")
		}
	}
	p.Look(t.Context())
}

// awayStore is one that does not answer.
type awayStore struct {
	Documents
	asked int
}

func (a *awayStore) Read(context.Context, string, string) ([]byte, string, error) {
	a.asked++
	return nil, "", errors.New("no route")
}
