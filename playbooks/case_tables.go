package playbooks

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// exportCase gives what the tables say of a case as a document; nil: there is none.
func exportCase(ctx context.Context, c *sql.Conn, number int64) ([]byte, error) {
	var body string
	err := c.QueryRowContext(ctx, `SELECT body FROM case_cases WHERE number = ?`, number).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	d := caseDocument{V: documentVersion, Exhibits: map[string]json.RawMessage{}, Log: []json.RawMessage{}}
	if err == nil {
		err = json.Unmarshal([]byte(body), &d.Case)
	}
	if err != nil {
		return nil, err
	}
	delete(d.Case, "revision")
	delete(d.Case, "id")
	d.UID = nameOf(string(d.Case["opened"]), string(d.Case["opened_by"]))
	exhibits, err := collect(ctx, c, func(r scanner) (x struct{ lead, body string }, err error) {
		err = r.Scan(&x.lead, &x.body)
		return x, err
	}, `SELECT lead, body FROM case_exhibits WHERE number = ?`, number)
	if err != nil {
		return nil, err
	}
	for _, x := range exhibits {
		d.Exhibits[x.lead] = json.RawMessage(x.body)
	}
	log, err := collect(ctx, c, exportNote, `SELECT by, at, kind, text FROM case_notes WHERE alert = ? ORDER BY id`, caseID(number))
	if err != nil {
		return nil, err
	}
	d.Log = append(d.Log, log...)
	watches, err := collect(ctx, c, func(r scanner) (w struct{ run, body string }, err error) {
		err = r.Scan(&w.run, &w.body)
		return w, err
	}, `SELECT run, body FROM case_watches WHERE number = ?`, number)
	if err != nil {
		return nil, err
	}
	for _, w := range watches {
		if d.Watches == nil {
			d.Watches = map[string]json.RawMessage{}
		}
		d.Watches[w.run] = json.RawMessage(w.body)
	}
	out, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	return canonical(out)
}

// nameOf is an id that follows from what something says.
func nameOf(what ...string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", what))
	return hex.EncodeToString(sum[:12])
}

func exportNote(row scanner) (json.RawMessage, error) {
	var by, at, kind, text string
	if err := row.Scan(&by, &at, &kind, &text); err != nil {
		return nil, err
	}
	return json.Marshal(map[string]string{"id": nameOf(by, at, kind, text), "by": by, "at": at, "kind": kind, "text": text})
}

// importCase makes the tables say what the document does.
func importCase(ctx context.Context, c *sql.Conn, number int64, body []byte) error {
	var d caseDocument
	if err := json.Unmarshal(body, &d); err != nil {
		return err
	}
	if d.Case == nil {
		return errors.New("the document of the case says nothing of it")
	}
	var revision int64
	err := c.QueryRowContext(ctx, `SELECT revision FROM case_cases WHERE number = ?`, number).Scan(&revision)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	revision++
	d.Case["revision"] = fmt.Append(nil, revision)
	row, err := json.Marshal(d.Case)
	if err != nil {
		return err
	}
	var k Case
	if err := json.Unmarshal(row, &k); err != nil {
		return err
	}
	for query, args := range map[string][]any{
		`INSERT OR REPLACE INTO case_cases (number, body, revision, open) VALUES (?, ?, ?, ?)`: {number, string(row), revision, k.IsOpen()},
		`DELETE FROM case_exhibits WHERE number = ?`:                                           {number},
		`DELETE FROM case_members WHERE number = ?`:                                            {number},
		`DELETE FROM case_notes WHERE alert = ?`:                                               {caseID(number)},
		`DELETE FROM case_watches WHERE number = ?`:                                            {number},
	} {
		if _, err := c.ExecContext(ctx, query, args...); err != nil {
			return err
		}
	}
	for lead, raw := range d.Exhibits {
		if err := importExhibit(ctx, c, number, lead, raw); err != nil {
			return err
		}
	}
	for _, raw := range d.Log {
		if err := importNote(ctx, c, number, raw); err != nil {
			return err
		}
	}
	for run, raw := range d.Watches {
		if err := importWatch(ctx, c, number, run, raw); err != nil {
			return err
		}
	}
	return nil
}

func importWatch(ctx context.Context, c *sql.Conn, number int64, run string, raw json.RawMessage) error {
	var w Watch
	if err := json.Unmarshal(raw, &w); err != nil {
		return fmt.Errorf("what is watched for by %s cannot be read: %w", run, err)
	}
	_, err := c.ExecContext(ctx, `INSERT INTO case_watches (number, run, until, body) VALUES (?, ?, ?, ?)`, number, run, stamp(w.Until), string(raw))
	return err
}

func importExhibit(ctx context.Context, c *sql.Conn, number int64, lead string, raw json.RawMessage) error {
	var x Exhibit
	if err := json.Unmarshal(raw, &x); err != nil || x.Finding == nil {
		return fmt.Errorf("alert %s of it cannot be read: %w", lead, err)
	}
	if _, err := c.ExecContext(ctx, `INSERT OR REPLACE INTO case_exhibits (lead, number, body) VALUES (?, ?, ?)`, lead, number, string(raw)); err != nil {
		return err
	}
	return x.enter(ctx, c, number, lead)
}

func importNote(ctx context.Context, c *sql.Conn, number int64, raw json.RawMessage) error {
	var n struct{ By, At, Kind, Text string }
	if err := json.Unmarshal(raw, &n); err != nil {
		return err
	}
	if _, err := time.Parse(time.RFC3339Nano, n.At); err != nil {
		return err
	}
	_, err := c.ExecContext(ctx, `INSERT INTO case_notes (alert, by, at, kind, text) VALUES (?, ?, ?, ?, ?)`, caseID(number), n.By, n.At, n.Kind, n.Text)
	return err
}
