package cli

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"interdict/playbooks"
	"interdict/respond"
	"interdict/ui"
	"interdict/ui/text"
)

// state is what is kept between runs.
type state struct {
	dir     string
	db      *sql.DB
	journal *respond.Journal
	cases   *playbooks.Cases
	orders  *respond.Orders
	sharing *playbooks.Sharing  // nil: cases are this directory's alone
	present *playbooks.Presence // who looks at what, at the consoles that share; nil: not known
	heads   *playbooks.Heads    // of the journal in the store; nil: there is none
	closers []func() error
	notes   []string // what had to be set aside, a sentence each
}

func (c *command) statePath() string {
	if c.stateDir != "" {
		return c.stateDir
	}
	if home := c.Env("XDG_STATE_HOME"); home != "" {
		return filepath.Join(home, "interdict")
	}
	if home := c.Env("HOME"); home != "" {
		return filepath.Join(home, ".local", "state", "interdict")
	}
	return "" // the working directory of a service is no place for a journal
}

var errNoStatePath = errors.New("state directory: neither HOME nor XDG_STATE_HOME is set; choose one with --state or INTERDICT_STATE")

// makeStateDir makes the directory readable for its owner alone.
func (c *command) makeStateDir() (string, error) {
	dir := c.statePath()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("state directory: %w", err)
	}
	return dir, nil
}

// openState opens database and journal, making them where make is set. Without
// make and without a database it answers fs.ErrNotExist.
func (c *command) openState(ctx context.Context, create bool) (*state, error) {
	dir := c.statePath()
	if dir == "" {
		return nil, errNoStatePath
	}
	if create {
		if _, err := c.makeStateDir(); err != nil {
			return nil, err
		}
	} else if _, err := os.Stat(filepath.Join(dir, "interdict.db")); err != nil {
		return nil, err
	}
	db, notes, err := openDatabaseAt(ctx, dir)
	if err != nil {
		return nil, err
	}
	journal, err := respond.OpenJournal(ctx, db, dir)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	cases, err := playbooks.OpenCases(ctx, db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	orders, err := respond.OpenOrders(ctx, db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &state{dir: dir, db: db, journal: journal, cases: cases, orders: orders, notes: notes}, nil
}

// makeState is openState for what changes hosts: it makes what is kept, and says what had to be set aside.
func (c *command) makeState(ctx context.Context) (*state, error) {
	s, err := c.openState(ctx, true)
	if err == nil {
		c.tell(s)
	}
	return s, err
}

// made forgets the order of what was done on a host, and of what that takes
// back: it must not come afterwards.
func (s *state) made(ctx context.Context, host, kind string, order []byte) error {
	if _, err := s.orders.Drop(ctx, host, kind, order); err != nil {
		return err
	}
	back := ui.TakenBack(kind)
	if back == "" {
		return nil
	}
	_, err := s.orders.Drop(ctx, host, back, nil)
	return err
}

func (s *state) close() error {
	if s == nil || s.db == nil {
		return nil
	}
	err := s.db.Close()
	for _, f := range s.closers {
		err = errors.Join(err, f())
	}
	return err
}

// noStateYet is fs.ErrNotExist in words.
type noStateYet struct{ path string }

func (e *noStateYet) Error() string {
	return fmt.Sprintf("nothing is kept in %s yet: the console makes it at its first run", e.path)
}

func (e *noStateYet) Unwrap() error { return fs.ErrNotExist }

// noState turns "there is none yet" into words.
func (c *command) noState(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &noStateYet{c.statePath()}
	}
	return err
}

// tell says what had to be set aside.
func (c *command) tell(s *state) {
	for _, note := range s.notes {
		fmt.Fprintln(c.Stderr, "interdict: "+text.CleanLines(note))
	}
}

// degraded is err; without one it is the exit code for an answer from what is
// kept, when some of that had to be set aside.
func (s *state) degraded(err error) error {
	if err != nil || len(s.notes) == 0 {
		return err
	}
	return &exit{code: Degraded}
}
