package playbooks

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"interdict/detect"
	"interdict/respond"
)

// KnownException is an exception with what became of it.
type KnownException struct {
	detect.Exception
	EndedBy string    // who ended it before its time; "": nobody
	EndedAt time.Time // zero: nobody did
	Hidden  int64     // findings that it has hidden
	Last    time.Time // when it last hid one; zero: never
}

// InForce tells whether it acts at now.
func (x *KnownException) InForce(now time.Time) bool {
	return x.EndedAt.IsZero() && (x.Expires.IsZero() || now.Before(x.Expires))
}

// Except keeps an exception and names it. Its reason, author and end must be said.
func (s *Cases) Except(ctx context.Context, x detect.Exception, by string) (detect.Exception, error) {
	if by == "" || strings.TrimSpace(x.Reason) == "" {
		return x, errors.New("an exception needs somebody who says why")
	}
	if x.Expires.IsZero() {
		return x, errors.New("an exception needs an end")
	}
	var id [6]byte
	rand.Read(id[:]) // never fails
	x.ID, x.Author, x.Created = hex.EncodeToString(id[:]), by, s.now().UTC()
	if err := x.Check(); err != nil {
		return x, err
	}
	body, err := json.Marshal(&x)
	if err != nil {
		return x, err
	}
	return x, respond.Transact(ctx, s.db, func(c *sql.Conn) error {
		if _, err := c.ExecContext(ctx, `INSERT INTO case_exceptions (id, body, created) VALUES (?, ?, ?)`, x.ID, string(body), stamp(x.Created)); err != nil {
			return err
		}
		return s.log(ctx, c, "exception "+x.ID, by, "exception", x.Reason)
	})
}

// EndException ends one before its time. What it hid shows up again.
func (s *Cases) EndException(ctx context.Context, id, by string) error {
	return respond.Transact(ctx, s.db, func(c *sql.Conn) error {
		done, err := c.ExecContext(ctx, `UPDATE case_exceptions SET ended = ?, ended_by = ? WHERE id = ? AND ended = ''`, stamp(s.now()), by, id)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fmt.Errorf("there is no exception %s in force", id))
		}
		return s.log(ctx, c, "exception "+id, by, "exception ended", "")
	})
}

// Hid notes that an exception hides a finding, once for both.
func (s *Cases) Hid(ctx context.Context, exception, alert string) error {
	_, err := s.db.ExecContext(ctx, `INSERT OR IGNORE INTO case_hidden (exception, alert, at) VALUES (?, ?, ?)`, exception, alert, stamp(s.now()))
	return err
}

// Exceptions reads all that were ever made, the newest first. One that cannot be
// read is told of in the error and left out: what it hid is shown.
func (s *Cases) Exceptions(ctx context.Context) ([]KnownException, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT id, body, ended, ended_by,
		(SELECT COUNT(*) FROM case_hidden WHERE exception = id), COALESCE((SELECT MAX(at) FROM case_hidden WHERE exception = id), '')
		FROM case_exceptions ORDER BY created DESC`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []KnownException
	var wrong []error
	for rows.Next() {
		var x KnownException
		var id, body, ended, last string
		if err := rows.Scan(&id, &body, &ended, &x.EndedBy, &x.Hidden, &last); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(body), &x.Exception); err != nil {
			wrong = append(wrong, fmt.Errorf("exception %s is not applied: %w", id, err))
			continue
		}
		x.EndedAt, x.Last = unstamp(ended), unstamp(last)
		out = append(out, x)
	}
	return out, errors.Join(append(wrong, rows.Err())...)
}

// unstamp is the inverse of stamp, zero for "".
func unstamp(s string) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, s) // what stamp did not write is no time
	return t
}
