package respond

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Journal is the append-only, hash-chained record of every change. Several
// programs may append to one at once. It owns the tables journal_* of the
// database and, in its directory, the files journal.head, journal.lock and
// journal.reserve.
type Journal struct {
	db  *sql.DB
	dir string
	now func() time.Time

	signer *Signer // of heads; nil: its key cannot be had, and heads are not signed

	mu      sync.Mutex // one append of this program at a time
	pending []Entry    // overridden entries that wait for space

	group   sync.Mutex
	waiting []*appending // for whoever appends next
}

// OpenJournal brings the tables up to date and lays the reserve. The database
// is opened and closed by the caller, with the driver of its choice; it is put
// into WAL mode and every append is written with synchronous=FULL. dir holds
// the remembered head, the key that signs it and the reserve; use the directory of
// the database. A reserve that finds no room is no error: Reserve says so. Nor is
// a key that cannot be had: Verify says whether the head is signed.
func OpenJournal(ctx context.Context, db *sql.DB, dir string) (*Journal, error) {
	j := &Journal{db: db, dir: dir, now: time.Now}
	j.signer, _ = OpenSigner(dir) // writing down what is done must not wait for a key
	if err := j.locked(func() error { return j.prepare(ctx) }); err != nil {
		return nil, fmt.Errorf("journal: %w", damaged(err))
	}
	j.layReserve()
	return j, nil
}

// prepare makes tables and, for a journal that has no entry yet, the head: one
// that is missing later was taken away, and is not the mark of a crash before
// the first one was remembered.
func (j *Journal) prepare(ctx context.Context) error {
	var mode string
	if err := j.db.QueryRowContext(ctx, `PRAGMA journal_mode = WAL`).Scan(&mode); err != nil {
		return err
	}
	var last head
	err := Transact(ctx, j.db, func(c *sql.Conn) error {
		if err := Migrate(ctx, c, "journal_schema", migrations); err != nil {
			return err
		}
		var err error
		last, err = lastHead(ctx, c)
		return err
	})
	if err != nil {
		return err
	}
	if _, ok, err := j.readHead(); ok || err != nil || last.Seq > 0 {
		return nil // a damaged head is told of by what compares it
	}
	return j.rememberHead(last)
}

// NewOp names an operation: 16 random hex digits.
func NewOp() string {
	var b [8]byte
	rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}

// Append chains the entries in one transaction and returns them as stored,
// after they were flushed to the disk. When the disk is full the reserve is
// given up first; ErrNoSpace means that even that did not help and nothing was
// stored.
//
// What several goroutines append at once is flushed together: of a fleet each
// host would otherwise wait for the disk as often as there are hosts.
func (j *Journal) Append(ctx context.Context, entries ...Entry) ([]Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	a := &appending{entries: entries}
	j.group.Lock()
	j.waiting = append(j.waiting, a)
	j.group.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	if !a.done {
		j.group.Lock()
		all := j.waiting
		j.waiting = nil
		j.group.Unlock()
		j.together(context.WithoutCancel(ctx), all)
	}
	if a.err != nil {
		return nil, fmt.Errorf("journal: %w", damaged(a.err))
	}
	return a.entries, nil
}

// appending is what one goroutine has to append, and what came of it.
type appending struct {
	entries []Entry
	done    bool
	err     error
}

// together stores what several append in one transaction; when that fails, each
// alone, since one of them may be what does not fit. j.mu is held.
func (j *Journal) together(ctx context.Context, all []*appending) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var entries []Entry
	for _, a := range all {
		entries = append(entries, a.entries...)
	}
	for i := range entries {
		j.stamp(&entries[i])
	}
	stored, err := j.append(ctx, entries)
	if err != nil && len(all) > 1 {
		for _, a := range all {
			j.together(ctx, []*appending{a})
		}
		return
	}
	for _, a := range all {
		if a.done, a.err = true, err; err == nil {
			a.entries, stored = stored[:len(a.entries):len(a.entries)], stored[len(a.entries):]
		}
	}
}

// AppendUnjournaled is Append for an action that a person wants carried out
// though there is no space: the entries then wait in memory, marked with the
// override, and are chained before the next entry that finds space. They are
// lost if the program ends before that; Pending counts them.
func (j *Journal) AppendUnjournaled(ctx context.Context, o Override, entries ...Entry) error {
	if o.Typed == "" || o.By == "" {
		return Refuse("override-empty", "an override without a name and what was typed is none")
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range entries {
		j.stamp(&entries[i])
	}
	_, err := j.append(ctx, entries)
	if !errors.Is(err, ErrNoSpace) {
		return err
	}
	for _, e := range entries {
		e.Override = &o
		j.pending = append(j.pending, e)
	}
	return nil
}

// Pending is how many entries wait in memory for space.
func (j *Journal) Pending() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.pending)
}

func (j *Journal) stamp(e *Entry) {
	if e.Wall.IsZero() {
		e.Wall = j.now()
	}
	e.Wall = e.Wall.UTC().Round(0)
	if e.BootID == "" && e.Boot == 0 {
		e.BootID, e.Boot = machineBoot()
	}
}

// append chains pending and new entries, giving up the reserve if it must.
func (j *Journal) append(ctx context.Context, entries []Entry) ([]Entry, error) {
	all := append(append([]Entry(nil), j.pending...), entries...)
	err := j.locked(func() error { return j.chain(ctx, all) })
	if j.noSpace(err) && j.releaseReserve() {
		err = j.locked(func() error { return j.chain(ctx, all) })
	}
	if j.noSpace(err) {
		return nil, fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	if err != nil {
		return nil, err
	}
	stored := all[len(j.pending):]
	j.pending = nil
	j.layReserve()
	return stored, nil
}

// chain stores the entries behind the last one and then remembers the head. It
// runs under the lock, so heads of two programs are remembered in order. Once
// the entries are stored there is no error: a head that could not be remembered
// stays behind, as after a crash, and Verify says by how much.
func (j *Journal) chain(ctx context.Context, entries []Entry) error {
	var last head
	err := Transact(ctx, j.db, func(c *sql.Conn) error {
		var err error
		if last, err = lastHead(ctx, c); err != nil {
			return err
		}
		if _, why := j.compareHead(ctx, c, last); why != "" {
			broken := breakEntry(why)
			j.stamp(&broken)
			if err := insert(ctx, c, &broken, &last); err != nil {
				return err
			}
		}
		for i := range entries {
			if err := insert(ctx, c, &entries[i], &last); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if j.rememberHead(last) != nil && j.releaseReserve() {
		_ = j.rememberHead(last) // see above
	}
	return nil
}

func lastHead(ctx context.Context, c *sql.Conn) (head, error) {
	var h head
	var hash []byte
	err := c.QueryRowContext(ctx, `SELECT seq, hash FROM journal_entries ORDER BY seq DESC LIMIT 1`).Scan(&h.Seq, &hash)
	if errors.Is(err, sql.ErrNoRows) {
		return head{}, nil
	}
	copy(h.Hash[:], hash)
	return h, err
}

// insert stores e as the successor of last and moves last on to it.
func insert(ctx context.Context, c *sql.Conn, e *Entry, last *head) error {
	e.Seq, e.Prev = last.Seq+1, last.Hash
	r, err := e.row()
	if err != nil {
		return err
	}
	e.Hash = r.sum()
	_, err = c.ExecContext(ctx, `INSERT INTO journal_entries
		(seq, op, wall, boot_id, boot, actor, host, host_id, kind, phase, body, override, prev, hash)
		VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		r.seq, r.op, r.wall, r.bootID, r.boot, r.actor, r.host, r.hostID, r.kind, r.phase, r.body, r.override, r.prev, e.Hash[:])
	*last = head{Seq: e.Seq, Hash: e.Hash}
	return err
}

// breakKind marks an entry that says: what was remembered of this journal is gone.
const breakKind = "journal.break"

func breakEntry(why string) Entry {
	body, _ := json.Marshal(Outcome{Error: why}) // a string always encodes
	return Entry{Op: NewOp(), Kind: breakKind, Phase: Failed, Actor: CurrentActor(), Body: body}
}

// locked holds the lock file of the directory while f runs.
func (j *Journal) locked(f func() error) error {
	file, err := os.OpenFile(j.path("lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer file.Close() // lets go of the lock
	if err := lockFile(file); err != nil {
		return err
	}
	return f()
}
