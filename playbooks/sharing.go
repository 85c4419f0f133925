package playbooks

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"interdict/respond"
)

// Store is where several consoles keep documents in common.
type Store interface {
	Documents
	// About names the store, so that another one under the same address is told apart.
	About(ctx context.Context) (string, error)
	// Prepare makes what writing documents of these kinds wants, where it is not there.
	Prepare(ctx context.Context, kinds ...string) error
}

// Sharing is a [Documents] that several consoles have in common: the local ones
// are a copy that is read, and what is written goes to the store at once, where of
// two who write at once one is refused. While the store does not answer, work
// goes on with the copy, [Sharing.Trouble] says so, and what was written is sent
// when the store is back, put together with what others wrote meanwhile
// ([Merge]): what was said to the store first holds, and nothing of a log is lost.
// Documents that there are already when sharing begins are sent, too.
type Sharing struct {
	local *LocalDocuments
	store Store
	cases *Cases
	now   func() time.Time
	also  []func(context.Context) error // what else is due with each look

	syncing sync.Mutex // one look at a time
	known   bool       // the store is the one that the copy is of; under syncing
	said    int64      // of Cases.Said, so much is in documents; under syncing
	whole   time.Time  // when exhibits were brought into documents last; under syncing

	mu      sync.Mutex
	trouble error // of the last look; errNotYet before the first
	since   time.Time
	waits   int      // documents to be sent, at the last look that failed
	dropped []string // what does not hold, the newest last
}

const (
	lookEvery   = 2 * time.Second
	lookLongest = 30 * time.Second
	storeTime   = 3 * time.Second // for one write: a person waits
	maxDropped  = 20
	takenAtOnce = 500 // documents in one transaction
)

var errNotYet = errors.New("the store was not asked yet")

// Share keeps what people say in a store that others have, too, with the database
// as its copy. Nothing is asked yet: [Sharing.Run], or [Sharing.Look], does.
func (s *Cases) Share(store Store) *Sharing {
	sharing := &Sharing{local: s.local, store: store, cases: s, now: time.Now, trouble: errNotYet}
	s.docs = sharing
	return sharing
}

// sharedKinds are the kinds of documents that consoles have in common.
var sharedKinds = []string{AlertDocuments, ExceptionDocuments, CaseDocuments}

// Also has f done with each look at the store. It is called before Run.
func (s *Sharing) Also(f func(context.Context) error) { s.also = append(s.also, f) }

// Trouble says why the store is not asked at the moment, and since when; nil: it is.
func (s *Sharing) Trouble() (since time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.since, s.trouble
}

// Notes say what people should know of sharing, a sentence each.
func (s *Sharing) Notes() (notes []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trouble != nil && !errors.Is(s.trouble, errNotYet) {
		notes = append(notes, fmt.Sprintf("NOT SHARED since %s, what others say is not seen, %d documents wait to be sent: %v", s.since.Format(time.TimeOnly), s.waits, s.trouble))
	}
	return append(notes, s.dropped...)
}

func (s *Sharing) waiting(ctx context.Context) (n int, err error) {
	err = s.local.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM documents WHERE (sent = '' OR body != sent_body) AND kind IN (?, ?, ?)`, sharedKinds[0], sharedKinds[1], sharedKinds[2]).Scan(&n)
	return n, err
}

// failed remembers why the store is not asked, and how much waits for it.
func (s *Sharing) failed(ctx context.Context, err error) {
	waits, unknown := s.waiting(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trouble == nil || errors.Is(s.trouble, errNotYet) {
		s.since = s.now()
	}
	if s.trouble = err; unknown == nil {
		s.waits = waits
	}
}

func (s *Sharing) drop(kind, id string, what []string) {
	for _, w := range what {
		s.note(fmt.Sprintf("%s %s: somebody else was first, what was said here does not hold: %s", kind, id, w))
	}
}

// note remembers a sentence once.
func (s *Sharing) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.dropped, what) {
		s.dropped = append(s.dropped, what)
		s.dropped = s.dropped[max(0, len(s.dropped)-maxDropped):]
	}
}

// Read implements [Documents], from the copy.
func (s *Sharing) Read(ctx context.Context, kind, id string) ([]byte, string, error) {
	return s.local.Read(ctx, kind, id)
}

// Changes implements [Documents], from the copy.
func (s *Sharing) Changes(ctx context.Context, kind, since string, each func(id, version string, body []byte) error) (string, error) {
	return s.local.Changes(ctx, kind, since, each)
}

// Write implements [Documents]. With the store in trouble it stores what is sent later.
func (s *Sharing) Write(ctx context.Context, kind, id string, body []byte, version string) (next string, ok bool, err error) {
	if err := checkDocument(kind, id, body); err != nil {
		return "", false, err
	}
	was, err := readStored(ctx, s.local.db, kind, id)
	if err != nil || was.name() != version {
		return "", false, err
	}
	if _, err := s.Trouble(); err != nil || !slices.Contains(sharedKinds, kind) {
		return s.local.Write(ctx, kind, id, body, version)
	}
	asking, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	sent, ok, err := s.store.Write(asking, kind, id, body, was.sent)
	switch {
	case err == nil && ok:
		return s.wrote(ctx, kind, id, was, body, sent)
	case err == nil:
		err = s.fetch(asking, kind, id)
	}
	if err == nil || ctx.Err() != nil {
		return "", false, err
	}
	next, ok, kept := s.local.Write(ctx, kind, id, body, version)
	s.failed(ctx, err)
	return next, ok, kept
}

// wrote brings the copy to what the store took.
func (s *Sharing) wrote(ctx context.Context, kind, id string, was stored, body []byte, sent string) (next string, ok bool, err error) {
	err = respond.Transact(ctx, s.local.db, func(c *sql.Conn) error {
		now, err := readStored(ctx, c, kind, id)
		if err != nil {
			return err
		}
		if now.version != was.version && uid(now.body) == uid(body) { // another program of this database wrote meanwhile
			if body, _, err = Merge(was.body, now.body, body); err != nil {
				return err
			}
		}
		s := stored{body: body, sent: sent, sentBody: body}
		s.version, err = writeStored(ctx, c, kind, id, s)
		next = s.name()
		return err
	})
	return next, err == nil, err
}

// fetch brings the copy of one document to what the store has.
func (s *Sharing) fetch(ctx context.Context, kind, id string) error {
	body, sent, err := s.store.Read(ctx, kind, id)
	if err != nil {
		return err
	}
	return s.take(ctx, kind, theirs{id, sent, body})
}

// theirs is a document as the store has it; version "": it has none.
type theirs struct {
	id, version string
	body        []byte
}

// take puts what the store has into the copy, together with what waits there to be sent.
func (s *Sharing) take(ctx context.Context, kind string, all ...theirs) error {
	dropped := map[string][]string{}
	err := respond.Transact(ctx, s.local.db, func(c *sql.Conn) error {
		for _, one := range all {
			what, err := takeOne(ctx, c, kind, one)
			if err != nil {
				return err
			}
			dropped[one.id] = what
		}
		return nil
	})
	if err == nil {
		for id, what := range dropped {
			s.drop(kind, id, what)
		}
	}
	return err
}

func takeOne(ctx context.Context, c *sql.Conn, kind string, one theirs) (dropped []string, err error) {
	now, err := readStored(ctx, c, kind, one.id)
	if err != nil || now.version > 0 && now.sent == one.version {
		return nil, err
	}
	next := stored{body: one.body, sent: one.version, sentBody: one.body}
	switch {
	case one.version == "": // its index was taken away: what is here is all there is
		next.body = now.body
	case now.unsent() && uid(now.body) == uid(one.body):
		if next.body, dropped, err = Merge(now.sentBody, now.body, one.body); err != nil {
			return nil, err
		}
	}
	if err := checkDocument(kind, one.id, next.body); err != nil {
		return nil, err
	}
	_, err = writeStored(ctx, c, kind, one.id, next)
	return dropped, err
}

// unsent tells whether the store lacks something of it.
func (s stored) unsent() bool {
	return s.version > 0 && (s.sent == "" || !bytes.Equal(s.body, s.sentBody))
}

// Run looks at the store until ctx ends.
func (s *Sharing) Run(ctx context.Context) {
	wait := lookEvery
	for {
		if s.Look(ctx) == nil {
			wait = lookEvery
		} else {
			wait = min(2*wait, lookLongest)
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
	}
}

// Look takes over what others wrote and sends what waits.
func (s *Sharing) Look(ctx context.Context) error {
	s.syncing.Lock()
	defer s.syncing.Unlock()
	err := s.look(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		s.failed(ctx, err)
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble = nil
	return nil
}

func (s *Sharing) look(ctx context.Context) error {
	if err := s.recognise(ctx); err != nil {
		return err
	}
	for _, kind := range sharedKinds {
		if err := s.pull(ctx, kind); err != nil {
			return err
		}
		if kind == CaseDocuments {
			if err := s.reconcile(ctx); err != nil {
				return err
			}
		}
		if err := s.push(ctx, kind); err != nil {
			return err
		}
	}
	for _, f := range s.also {
		if err := f(ctx); err != nil {
			return err
		}
	}
	return nil
}

// recognise forgets what another store was known to have.
func (s *Sharing) recognise(ctx context.Context) error {
	if s.known {
		return nil
	}
	name, err := s.store.About(ctx)
	if err == nil {
		err = s.store.Prepare(ctx, append(slices.Clone(sharedKinds), HeadDocuments)...)
	}
	if err != nil {
		return err
	}
	err = respond.Transact(ctx, s.local.db, func(c *sql.Conn) error {
		var others int
		err := c.QueryRowContext(ctx, `SELECT COUNT(*) FROM document_marks WHERE store != ?`, name).Scan(&others)
		if err != nil || others == 0 {
			return err
		}
		if _, err := c.ExecContext(ctx, `DELETE FROM document_marks`); err != nil {
			return err
		}
		_, err = c.ExecContext(ctx, `UPDATE documents SET sent = '', sent_body = x''`)
		return err
	})
	if err != nil {
		return err
	}
	for _, kind := range sharedKinds {
		_, err = s.local.db.ExecContext(ctx, `INSERT OR IGNORE INTO document_marks VALUES (?, ?, '')`, kind, name)
		if err != nil {
			return err
		}
	}
	s.known = true
	return nil
}

// pull takes over what others wrote since the last time. Of a document that is
// known already the store is asked: a search may be behind what was written here.
func (s *Sharing) pull(ctx context.Context, kind string) error {
	var since string
	if err := s.local.db.QueryRowContext(ctx, `SELECT mark FROM document_marks WHERE kind = ?`, kind).Scan(&since); err != nil {
		return err
	}
	var news []theirs
	mark, err := s.store.Changes(ctx, kind, since, func(id, version string, body []byte) error {
		if err := checkDocument(kind, id, body); err != nil {
			s.note(fmt.Sprintf("left out: %v", err))
			return nil
		}
		now, err := readStored(ctx, s.local.db, kind, id)
		switch {
		case err != nil || now.version > 0 && now.sent == version:
			return err
		case now.sent != "":
			return s.fetch(ctx, kind, id)
		}
		if news = append(news, theirs{id, version, body}); len(news) < takenAtOnce {
			return nil
		}
		err = s.take(ctx, kind, news...)
		news = nil
		return err
	})
	if err == nil && len(news) > 0 {
		err = s.take(ctx, kind, news...)
	}
	if err == nil && mark != since {
		_, err = s.local.db.ExecContext(ctx, `UPDATE document_marks SET mark = ? WHERE kind = ?`, mark, kind)
	}
	return err
}

// push sends what waits.
func (s *Sharing) push(ctx context.Context, kind string) error {
	ids, err := collect(ctx, s.local.db, scanOne[string],
		`SELECT id FROM documents WHERE kind = ? AND (sent = '' OR body != sent_body) ORDER BY version`, kind)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := s.send(ctx, kind, id); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sharing) send(ctx context.Context, kind, id string) error {
	for range maxChange {
		was, err := readStored(ctx, s.local.db, kind, id)
		if err != nil || !was.unsent() {
			return err
		}
		sent, ok, err := s.store.Write(ctx, kind, id, was.body, was.sent)
		if err == nil && ok {
			return s.sentAs(ctx, kind, id, was.body, sent)
		}
		if err == nil {
			err = s.fetch(ctx, kind, id)
		}
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("%s %s: others write it all the time", kind, id)
}

// sentAs notes what the store took of the copy, which may have gone on meanwhile.
func (s *Sharing) sentAs(ctx context.Context, kind, id string, body []byte, sent string) error {
	_, err := s.local.db.ExecContext(ctx, `UPDATE documents SET sent = ?, sent_body = ? WHERE kind = ? AND id = ?`, sent, body, kind, id)
	return err
}
