package playbooks

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"interdict/respond"
)

// caseDocument is a case as consoles share it: what its tables say, whole. Its id
// is the case's, INC-0012; two consoles may take one number at once, and then the
// uid tells the cases apart.
type caseDocument struct {
	V        int                        `json:"v"`
	UID      string                     `json:"uid"`
	Case     map[string]json.RawMessage `json:"case"`     // without its revision, which each database counts
	Exhibits map[string]json.RawMessage `json:"exhibits"` // by the alert that leads
	Log      []json.RawMessage          `json:"log"`
	Watches  map[string]json.RawMessage `json:"watches,omitempty"` // by the step that began them
}

func uid(body []byte) string {
	var d struct {
		UID string `json:"uid"`
	}
	_ = json.Unmarshal(body, &d) // what has none has ""
	return d.UID
}

// canonical writes one value in one way, so that texts can be compared.
func canonical(body []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// exhibitsEvery is how often what is only seen of a case is shared: it changes
// with every packet, and at every console.
const exhibitsEvery = 30 * time.Second

// reconcile brings cases and their documents together, each case in one
// transaction: what people say at once, what is seen from time to time.
func (s *Sharing) reconcile(ctx context.Context) error {
	upTo, err := s.cases.Said(ctx)
	if err != nil || upTo == s.said && s.now().Sub(s.whole) < exhibitsEvery {
		return err
	}
	which, args := everyCase, []any{len(caseMark) + 1, CaseDocuments}
	if upTo == s.said { // nothing was said: only what is seen of open cases can differ
		which, args = casesOpen, nil
	}
	for moved := true; moved; { // what got another number is looked at under that
		if moved, err = s.reconcileAll(ctx, which, args...); err != nil {
			return err
		}
	}
	s.whole = s.now()
	s.said, err = s.cases.Said(ctx)
	return err
}

// Which cases are brought together with their documents, by number.
const (
	everyCase = `SELECT number FROM case_cases UNION SELECT CAST(SUBSTR(id, ?) AS INTEGER) FROM documents WHERE kind = ? ORDER BY 1`
	casesOpen = `SELECT number FROM case_cases WHERE open ORDER BY 1`
)

func (s *Sharing) reconcileAll(ctx context.Context, which string, args ...any) (moved bool, err error) {
	numbers, err := collect(ctx, s.local.db, scanOne[int64], which, args...)
	if err != nil {
		return false, err
	}
	for _, n := range numbers {
		if n <= 0 {
			continue // an id that no console gives
		}
		err := respond.Transact(ctx, s.local.db, func(c *sql.Conn) error {
			one, err := s.cases.reconcile(ctx, c, n)
			moved = moved || one
			return err
		})
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if err != nil { // one case that cannot be read holds up no other
			s.note(fmt.Sprintf("%s is not shared: %v", caseID(n), err))
		}
	}
	return moved, nil
}

// reconcile brings tables and document of one case together. moved tells that
// what the tables had under the number has another one now.
func (s *Cases) reconcile(ctx context.Context, c *sql.Conn, number int64) (moved bool, err error) {
	tables, err := exportCase(ctx, c, number)
	if err != nil {
		return false, err
	}
	kept, err := readStored(ctx, c, CaseDocuments, caseID(number))
	if err != nil {
		return false, err
	}
	var form caseDocument
	if kept.body != nil && readDocument(CaseDocuments, caseID(number), kept.body, &form) != nil {
		return false, nil // of a newer program, or none of ours
	}
	var base []byte
	err = c.QueryRowContext(ctx, `SELECT body FROM document_cases WHERE number = ?`, number).Scan(&base)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	if tables != nil && kept.body != nil && uid(tables) != form.UID {
		if err := s.renumber(ctx, c, number, form.Case); err != nil {
			return false, err
		}
		moved, tables, base = true, nil, nil
	}
	merged := kept.body
	switch {
	case tables == nil && kept.body == nil:
		return false, nil
	case kept.body == nil:
		merged = tables
	case tables != nil: // what is seen of a case differs at every console: that it does not hold is not worth a word
		if merged, _, err = Merge(base, tables, kept.body); err != nil {
			return false, err
		}
	}
	return moved, settle(ctx, c, number, tables, kept, merged)
}

// settle makes tables and document say the same.
func settle(ctx context.Context, c *sql.Conn, number int64, tables []byte, kept stored, merged []byte) error {
	merged, err := canonical(merged)
	if err != nil {
		return err
	}
	if !bytes.Equal(merged, kept.body) {
		if err := checkDocument(CaseDocuments, caseID(number), merged); err != nil {
			return err
		}
		kept.body = merged
		if _, err := writeStored(ctx, c, CaseDocuments, caseID(number), kept); err != nil {
			return err
		}
	}
	if !bytes.Equal(merged, tables) {
		if err := importCase(ctx, c, number, merged); err != nil {
			return err
		}
	}
	_, err = c.ExecContext(ctx, `INSERT OR REPLACE INTO document_cases VALUES (?, ?)`, number, merged)
	return err
}

// renumber gives a case another number: somebody else's has its own.
func (s *Cases) renumber(ctx context.Context, c *sql.Conn, number int64, other map[string]json.RawMessage) error {
	var free int64
	err := c.QueryRowContext(ctx, `SELECT 1 + MAX((SELECT COALESCE(MAX(number), 0) FROM case_cases),
		(SELECT COALESCE(MAX(CAST(SUBSTR(id, ?) AS INTEGER)), 0) FROM documents WHERE kind = ?))`, len(caseMark)+1, CaseDocuments).Scan(&free)
	if err != nil {
		return err
	}
	for _, table := range []string{"case_cases", "case_exhibits", "case_members", "case_runs", "case_watches"} {
		if _, err := c.ExecContext(ctx, `UPDATE `+table+` SET number = ? WHERE number = ?`, free, number); err != nil {
			return err
		}
	}
	if _, err := c.ExecContext(ctx, `UPDATE case_notes SET alert = ? WHERE alert = ?`, caseID(free), caseID(number)); err != nil {
		return err
	}
	if _, err := c.ExecContext(ctx, `DELETE FROM document_cases WHERE number IN (?, ?)`, number, free); err != nil {
		return err
	}
	var by string
	_ = json.Unmarshal(other["opened_by"], &by) // the sentence is true without a name
	return s.log(ctx, c, caseID(free), "interdict", "note", fmt.Sprintf("this was %s here; that number is now a case that %s opened at another console", caseID(number), by))
}
