package respond

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
)

// Check is what Verify found.
type Check struct {
	Entries int64  `json:"entries"` // read
	Head    Hash   `json:"head"`    // of the last one
	Broken  int64  `json:"broken"`  // the first sequence number that does not hold; 0: all do
	Why     string `json:"why"`     // what is wrong there
	// Breaks are entries that record, truly, that what was remembered before
	// them was gone: a database that was lost, set aside or cut.
	Breaks []Break `json:"breaks,omitempty"`
	// Behind counts the last entries that the remembered head does not cover, as
	// after a crash or on a full disk: cut off, they would not show.
	Behind int64 `json:"behind"`
	// Signer is the fingerprint of the key that signed the remembered head, ""
	// when it is not signed.
	Signer string `json:"signer"`
}

// Break is one such entry.
type Break struct {
	Seq int64  `json:"seq"`
	Why string `json:"why"`
}

// OK tells whether the chain is whole from the first entry ever written.
func (c Check) OK() bool { return c.Broken == 0 && len(c.Breaks) == 0 }

// Verify reads the whole journal and recomputes the chain. A changed, moved,
// dropped or added entry is named by the first sequence number that does not
// hold, entries cut from the end by the remembered head. An error means that
// the journal could not be read, which is no verdict. Whoever can write the
// database and the head file both can forge a whole chain: keep heads elsewhere.
func (j *Journal) Verify(ctx context.Context) (Check, error) {
	var check Check
	err := j.locked(func() error {
		tx, err := j.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
		if err != nil {
			return err
		}
		defer tx.Rollback()
		check, err = verifyChain(ctx, tx)
		if err != nil || check.Broken > 0 {
			return err
		}
		remembered, why := j.compareHead(ctx, tx, head{Seq: check.Entries, Hash: check.Head})
		if why != "" {
			check.Broken, check.Why = check.Entries+1, why
		}
		check.Behind = max(0, check.Entries-remembered)
		if h, ok, err := j.readHead(); ok && err == nil {
			_, check.Signer, _ = h.signer() // what does not hold was said above
		}
		return nil
	})
	if err != nil {
		return Check{}, fmt.Errorf("journal: %w", damaged(err))
	}
	return check, nil
}

func verifyChain(ctx context.Context, q querier) (Check, error) {
	var check Check
	var prev Hash
	err := scan(ctx, q, ``, nil, func(r *row) error {
		if check.Broken > 0 {
			return nil
		}
		if why := r.fault(check.Entries+1, prev); why != "" {
			check.Broken, check.Why = check.Entries+1, why
			return nil
		}
		if r.kind == breakKind {
			check.Breaks = append(check.Breaks, Break{Seq: r.seq, Why: r.brokenBy()})
		}
		check.Entries, prev = r.seq, Hash(r.hash)
		return nil
	})
	check.Head = prev
	return check, err
}

// fault says why the row cannot stand at seq behind prev.
func (r *row) fault(seq int64, prev Hash) string {
	sum := r.sum()
	switch {
	case r.seq > seq:
		return fmt.Sprintf("entry %d is missing: the next one is %d", seq, r.seq)
	case r.seq < seq:
		return fmt.Sprintf("entry %d stands where %d belongs", r.seq, seq)
	case !bytes.Equal(r.prev, prev[:]):
		return fmt.Sprintf("entry %d does not follow the one before it", r.seq)
	case !bytes.Equal(r.hash, sum[:]):
		return fmt.Sprintf("entry %d was changed: its content does not give its hash", r.seq)
	}
	return ""
}

func (r *row) brokenBy() string {
	e, err := r.entry()
	if err != nil {
		return err.Error()
	}
	out, err := e.Outcome()
	if err != nil {
		return err.Error()
	}
	return out.Error
}

// scan reads rows in order; where is SQL behind WHERE, "" for all.
func scan(ctx context.Context, q querier, where string, args []any, f func(*row) error) error {
	text := `SELECT seq, op, wall, boot_id, boot, actor, host, host_id, kind, phase, body, override, prev, hash FROM journal_entries`
	if where != "" {
		text += ` WHERE ` + where
	}
	rows, err := q.QueryContext(ctx, text+` ORDER BY seq`, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.seq, &r.op, &r.wall, &r.bootID, &r.boot, &r.actor, &r.host, &r.hostID,
			&r.kind, &r.phase, &r.body, &r.override, &r.prev, &r.hash); err != nil {
			return err
		}
		if err := f(&r); err != nil {
			return err
		}
	}
	return rows.Err()
}
