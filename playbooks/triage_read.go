package playbooks

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

const selectTriage = `SELECT alert, state, reason, by, at, revision, thread, up_to FROM case_alerts`

// Get reads one case. An alert of which nobody said anything is New.
func (s *Cases) Get(ctx context.Context, alert string) (Triage, error) {
	c, err := scanTriage(s.db.QueryRowContext(ctx, selectTriage+` WHERE alert = ?`, alert))
	if errors.Is(err, sql.ErrNoRows) {
		return Triage{AlertID: alert, State: New}, nil
	}
	return c, err
}

// List reads all cases, the newest change first, at most limit of them; 0: all.
func (s *Cases) List(ctx context.Context, limit int) ([]Triage, error) {
	if limit <= 0 {
		limit = -1
	}
	return collect(ctx, s.db, scanTriage, selectTriage+` ORDER BY at DESC, alert LIMIT ?`, limit)
}

// Said grows with everything that is said about any alert, by whatever program.
func (s *Cases) Said(ctx context.Context) (n int64, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT COALESCE(MAX(id), 0) FROM case_notes`).Scan(&n)
	return n, err
}

// Log reads what was said about an alert, the oldest first.
func (s *Cases) Log(ctx context.Context, alert string) ([]Note, error) {
	return collect(ctx, s.db, scanNote, `SELECT by, kind, text, at FROM case_notes WHERE alert = ? ORDER BY id`, alert)
}

// Answers reads the analysts' answers about an alert, by question.
func (s *Cases) Answers(ctx context.Context, alert string) (map[string]Override, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT question, state, note, by, at FROM case_answers WHERE alert = ?`, alert)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]Override{}
	for rows.Next() {
		var question, at string
		var o Override
		if err := rows.Scan(&question, &o.State, &o.Note, &o.By, &at); err != nil {
			return nil, err
		}
		if o.At, err = time.Parse(time.RFC3339Nano, at); err != nil {
			return nil, err
		}
		out[question] = o
	}
	return out, rows.Err()
}

type scanner interface{ Scan(...any) error }

func scanTriage(row scanner) (c Triage, err error) {
	var at, upTo string
	if err = row.Scan(&c.AlertID, &c.State, &c.Reason, &c.By, &at, &c.Revision, &c.Thread, &upTo); err == nil {
		c.At, err = time.Parse(time.RFC3339Nano, at)
	}
	if err == nil {
		c.UpTo, err = time.Parse(time.RFC3339Nano, upTo)
	}
	return c, err
}

func scanNote(row scanner) (n Note, err error) {
	var at string
	if err = row.Scan(&n.By, &n.Kind, &n.Text, &at); err == nil {
		n.At, err = time.Parse(time.RFC3339Nano, at)
	}
	return n, err
}

func collect[T any](ctx context.Context, db *sql.DB, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// stamp writes times so that they sort as text.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }
