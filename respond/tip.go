package respond

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Tip is how far a journal is: whoever keeps it elsewhere can tell later whether
// anything up to there was changed or cut off.
type Tip struct {
	Journal Hash  `json:"journal"` // of its first entry, which names it
	Seq     int64 `json:"seq"`     // of the last entry; 0: there is none
	Hash    Hash  `json:"hash"`    // of the last entry
}

// Tip gives how far it is.
func (j *Journal) Tip(ctx context.Context) (Tip, error) {
	var t Tip
	var first, last []byte
	err := j.db.QueryRowContext(ctx, `SELECT a.hash, b.seq, b.hash FROM journal_entries a, journal_entries b
		WHERE a.seq = 1 AND b.seq = (SELECT MAX(seq) FROM journal_entries)`).Scan(&first, &t.Seq, &last)
	if errors.Is(err, sql.ErrNoRows) {
		return Tip{}, nil
	}
	copy(t.Journal[:], first)
	copy(t.Hash[:], last)
	return t, err
}

// Holds says in what way the journal is not the one of a tip any more, "" when it is.
func (j *Journal) Holds(ctx context.Context, t Tip) (why string, err error) {
	now, err := j.Tip(ctx)
	switch {
	case err != nil:
		return "", err
	case now.Journal != t.Journal:
		return fmt.Sprintf("a journal of %d entries that began with %.12s is gone", t.Seq, t.Journal), nil
	case now.Seq < t.Seq:
		return fmt.Sprintf("entry %d was there, the journal ends at %d: entries are missing from the end", t.Seq, now.Seq), nil
	}
	var hash []byte
	err = j.db.QueryRowContext(ctx, `SELECT hash FROM journal_entries WHERE seq = ?`, t.Seq).Scan(&hash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", err
	}
	if string(hash) != string(t.Hash[:]) {
		return fmt.Sprintf("entry %d is not the one that was there", t.Seq), nil
	}
	return "", nil
}
