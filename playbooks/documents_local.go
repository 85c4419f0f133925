package playbooks

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"interdict/respond"
)

// LocalDocuments are documents in the database of the state directory. It is safe
// for concurrent use, also by several programs.
type LocalDocuments struct{ db *sql.DB }

// documentSteps make its tables. A version is the number of the write that made
// it. sent and sent_body are the version and text that the shared store is known
// to have, "" when it has none of this document. document_cases
// is what tables and document of a case had in common last.
var documentSteps = []string{
	`CREATE TABLE documents (
		kind      TEXT NOT NULL,
		id        TEXT NOT NULL,
		body      BLOB NOT NULL,
		version   INTEGER NOT NULL,
		sent      TEXT NOT NULL DEFAULT '',
		sent_body BLOB NOT NULL DEFAULT x'',
		PRIMARY KEY (kind, id)
	) STRICT;
	CREATE UNIQUE INDEX documents_version ON documents(version);
	CREATE INDEX documents_kind ON documents(kind, version);
	CREATE TABLE document_marks (kind TEXT PRIMARY KEY, store TEXT NOT NULL, mark TEXT NOT NULL) STRICT;`,
	`CREATE TABLE document_cases (number INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;`,
}

// OpenDocuments brings the tables up to date. The caller opens and closes the database.
func OpenDocuments(ctx context.Context, db *sql.DB) (*LocalDocuments, error) {
	err := respond.Transact(ctx, db, func(c *sql.Conn) error { return respond.Migrate(ctx, c, "document_schema", documentSteps) })
	if err != nil {
		return nil, fmt.Errorf("documents: %w", err)
	}
	return &LocalDocuments{db}, nil
}

// NewID names an element of a document, or a document: 24 random hex digits.
func NewID() string {
	var b [12]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// maxDocument bounds a document.
const maxDocument = 8 << 20

// checkDocument tells whether every store can take it.
func checkDocument(kind, id string, body []byte) error {
	for i := range len(id) {
		if id[i] < ' ' || id[i] > '~' {
			return fmt.Errorf("document %q: an id is of printable ASCII", id)
		}
	}
	var object map[string]json.RawMessage
	switch {
	case kind == "" || id == "" || len(id) > 512:
		return fmt.Errorf("document %s %q: has no kind, or no id of 1 to 512 bytes", kind, id)
	case len(body) > maxDocument:
		return fmt.Errorf("document %s %s: %d bytes are more than %d", kind, id, len(body), maxDocument)
	}
	if err := json.Unmarshal(body, &object); err != nil {
		return fmt.Errorf("document %s %s is no JSON object: %w", kind, id, err)
	}
	if object == nil { // of null
		return fmt.Errorf("document %s %s is no JSON object", kind, id)
	}
	return nil
}

// stored is a row.
type stored struct {
	body     []byte
	version  int64 // 0: there is none
	sent     string
	sentBody []byte
}

func (s stored) name() string {
	if s.version == 0 {
		return ""
	}
	return strconv.FormatInt(s.version, 10)
}

func readStored(ctx context.Context, q querier, kind, id string) (s stored, err error) {
	err = q.QueryRowContext(ctx, `SELECT body, version, sent, sent_body FROM documents WHERE kind = ? AND id = ?`, kind, id).
		Scan(&s.body, &s.version, &s.sent, &s.sentBody)
	if errors.Is(err, sql.ErrNoRows) {
		return stored{}, nil
	}
	return s, err
}

// writeStored gives it the next version.
func writeStored(ctx context.Context, c *sql.Conn, kind, id string, s stored) (version int64, err error) {
	if s.sentBody == nil {
		s.sentBody = []byte{}
	}
	err = c.QueryRowContext(ctx, `INSERT INTO documents (kind, id, body, version, sent, sent_body)
		VALUES (?, ?, ?, (SELECT COALESCE(MAX(version), 0) + 1 FROM documents), ?, ?)
		ON CONFLICT(kind, id) DO UPDATE SET body = excluded.body, version = excluded.version, sent = excluded.sent, sent_body = excluded.sent_body
		RETURNING version`, kind, id, s.body, s.sent, s.sentBody).Scan(&version)
	return version, err
}

// Read implements [Documents].
func (l *LocalDocuments) Read(ctx context.Context, kind, id string) ([]byte, string, error) {
	s, err := readStored(ctx, l.db, kind, id)
	return s.body, s.name(), err
}

// Write implements [Documents]. What it stored is flushed to the disk.
func (l *LocalDocuments) Write(ctx context.Context, kind, id string, body []byte, version string) (next string, ok bool, err error) {
	if err := checkDocument(kind, id, body); err != nil {
		return "", false, err
	}
	err = respond.Transact(ctx, l.db, func(c *sql.Conn) error {
		s, err := readStored(ctx, c, kind, id)
		if err != nil || s.name() != version {
			return err
		}
		s.body = body
		s.version, err = writeStored(ctx, c, kind, id, s)
		next, ok = s.name(), err == nil
		return err
	})
	return next, ok && err == nil, err
}

// Changes implements [Documents].
func (l *LocalDocuments) Changes(ctx context.Context, kind, since string, each func(id, version string, body []byte) error) (string, error) {
	after := int64(0)
	if since != "" {
		var err error
		if after, err = strconv.ParseInt(since, 10, 64); err != nil {
			return since, fmt.Errorf("mark %q: %w", since, err)
		}
	}
	rows, err := l.db.QueryContext(ctx, `SELECT id, version, body FROM documents WHERE kind = ? AND version > ? ORDER BY version`, kind, after)
	if err != nil {
		return since, err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var s stored
		if err := rows.Scan(&id, &s.version, &s.body); err != nil {
			return since, err
		}
		if err := each(id, s.name(), s.body); err != nil {
			return since, err
		}
		since = s.name()
	}
	return since, rows.Err()
}

// Change reads a document, has f decide what it becomes, and writes it, anew when
// somebody else wrote meanwhile. f gets nil when there is none yet; what it gives
// back as nil changes nothing.
func Change(ctx context.Context, d Documents, kind, id string, f func(body []byte) ([]byte, error)) error {
	for range maxChange {
		body, version, err := d.Read(ctx, kind, id)
		if err != nil {
			return err
		}
		next, err := f(body)
		if err != nil || next == nil {
			return err
		}
		if _, ok, err := d.Write(ctx, kind, id, next, version); ok || err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return fmt.Errorf("%s %s: others write it all the time: try again", kind, id)
}

// maxChange is how often others may be first.
const maxChange = 200
