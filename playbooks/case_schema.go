package playbooks

import (
	"context"
	"database/sql"
	"fmt"
)

// migrations are applied in order, each once; never edit one that was released.
var migrations = [...]string{
	`CREATE TABLE case_alerts (
		alert    TEXT PRIMARY KEY,
		state    TEXT NOT NULL,
		reason   TEXT NOT NULL,
		by       TEXT NOT NULL,
		at       TEXT NOT NULL,
		revision INTEGER NOT NULL
	) STRICT;
	CREATE TABLE case_notes (
		id    INTEGER PRIMARY KEY,
		alert TEXT NOT NULL,
		by    TEXT NOT NULL,
		at    TEXT NOT NULL,
		kind  TEXT NOT NULL,
		text  TEXT NOT NULL
	) STRICT;
	CREATE INDEX case_notes_alert ON case_notes(alert, id);
	CREATE TABLE case_answers (
		alert    TEXT NOT NULL,
		question TEXT NOT NULL,
		state    TEXT NOT NULL,
		note     TEXT NOT NULL,
		by       TEXT NOT NULL,
		at       TEXT NOT NULL,
		PRIMARY KEY (alert, question)
	) STRICT;`,
}

// migrate brings the tables up to date. A database that a newer program wrote
// is refused rather than guessed at.
func migrate(ctx context.Context, c *sql.Conn) error {
	if _, err := c.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS case_schema (version INTEGER PRIMARY KEY) STRICT`); err != nil {
		return err
	}
	var have int
	if err := c.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) FROM case_schema`).Scan(&have); err != nil {
		return err
	}
	if have > len(migrations) {
		return fmt.Errorf("the cases have version %d, this program knows %d: use a newer one", have, len(migrations))
	}
	for i := have; i < len(migrations); i++ {
		if _, err := c.ExecContext(ctx, migrations[i]); err != nil {
			return fmt.Errorf("version %d: %w", i+1, err)
		}
		if _, err := c.ExecContext(ctx, `INSERT INTO case_schema VALUES (?)`, i+1); err != nil {
			return err
		}
	}
	return nil
}

// immediate runs f between BEGIN IMMEDIATE and COMMIT, so that writers of two
// programs take turns before either has read.
func immediate(ctx context.Context, db *sql.DB, f func(*sql.Conn) error) error {
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	for _, pragma := range []string{`PRAGMA busy_timeout = 20000`, `PRAGMA synchronous = FULL`, `BEGIN IMMEDIATE`} {
		if _, err := c.ExecContext(ctx, pragma); err != nil {
			return err
		}
	}
	err = f(c)
	if err == nil {
		_, err = c.ExecContext(ctx, `COMMIT`)
	}
	if err != nil {
		_, _ = c.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`) // may be rolled back already; the first error tells
	}
	return err
}
