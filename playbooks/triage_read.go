package playbooks

import (
	"context"
	"database/sql"
	"slices"
	"time"
)

// Get reads what was said about one alert. One of which nobody said anything is New.
func (s *Cases) Get(ctx context.Context, alert string) (Triage, error) {
	d, err := s.alert(ctx, alert)
	return d.Triage, err
}

func (s *Cases) alert(ctx context.Context, alert string) (alertDocument, error) {
	body, _, err := s.docs.Read(ctx, AlertDocuments, alert)
	if err != nil {
		return alertDocument{}, err
	}
	return readAlert(alert, body)
}

// Triaged gives what was said about alerts since a mark, "" being the beginning,
// the oldest change first, and the mark to go on from. What a newer program wrote
// is left out.
func (s *Cases) Triaged(ctx context.Context, since string) (all []Triage, mark string, err error) {
	mark, err = s.docs.Changes(ctx, AlertDocuments, since, func(id, _ string, body []byte) error {
		if d, err := readAlert(id, body); err == nil {
			all = append(all, d.Triage)
		}
		return nil
	})
	return all, mark, err
}

// Said grows with everything that is said about any alert, by whatever program.
func (s *Cases) Said(ctx context.Context) (n int64, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT COALESCE((SELECT MAX(id) FROM case_notes), 0) + COALESCE((SELECT MAX(version) FROM documents), 0)`).Scan(&n)
	return n, err
}

// Log reads what was said about an alert, the oldest first.
func (s *Cases) Log(ctx context.Context, alert string) ([]Note, error) {
	all, err := collect(ctx, s.db, scanNote, `SELECT by, kind, text, at FROM case_notes WHERE alert = ? ORDER BY id`, alert)
	if err != nil {
		return nil, err
	}
	d, err := s.alert(ctx, alert)
	for _, n := range d.Log {
		all = append(all, n.Note)
	}
	slices.SortStableFunc(all, func(a, b Note) int { return a.At.Compare(b.At) })
	return all, err
}

// Answers reads the analysts' answers about an alert, by question.
func (s *Cases) Answers(ctx context.Context, alert string) (map[string]Override, error) {
	d, err := s.alert(ctx, alert)
	if d.Answers == nil {
		d.Answers = map[string]Override{}
	}
	return d.Answers, err
}

type scanner interface{ Scan(...any) error }

func scanNote(row scanner) (n Note, err error) {
	var at string
	if err = row.Scan(&n.By, &n.Kind, &n.Text, &at); err == nil {
		n.At, err = time.Parse(time.RFC3339Nano, at)
	}
	return n, err
}

// scanOne reads a row of one column.
func scanOne[T any](row scanner) (v T, err error) {
	err = row.Scan(&v)
	return v, err
}

// querier is a database, or a connection of it within a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// collect reads all rows of a query.
func collect[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
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
