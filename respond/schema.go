package respond

import (
	"context"
	"database/sql"
	"fmt"
)

// migrations are applied in order, each once; never edit one that was released.
var migrations = [...]string{
	`CREATE TABLE journal_entries (
		seq      INTEGER PRIMARY KEY,
		op       TEXT NOT NULL,
		wall     TEXT NOT NULL,
		boot_id  TEXT NOT NULL,
		boot     INTEGER NOT NULL,
		actor    TEXT NOT NULL,
		host     TEXT NOT NULL,
		host_id  TEXT NOT NULL,
		kind     TEXT NOT NULL,
		phase    TEXT NOT NULL,
		body     BLOB NOT NULL,
		override BLOB NOT NULL,
		prev     BLOB NOT NULL,
		hash     BLOB NOT NULL
	) STRICT;
	CREATE INDEX journal_entries_op ON journal_entries(op);
	CREATE TRIGGER journal_entries_no_update BEFORE UPDATE ON journal_entries
		BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
	CREATE TRIGGER journal_entries_no_delete BEFORE DELETE ON journal_entries
		BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;`,
}

// migrate brings the journal's tables up to date. A database that a newer
// program wrote is refused rather than guessed at.
func migrate(ctx context.Context, c *sql.Conn) error {
	if _, err := c.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS journal_schema (version INTEGER PRIMARY KEY) STRICT`); err != nil {
		return err
	}
	var have int
	if err := c.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) FROM journal_schema`).Scan(&have); err != nil {
		return err
	}
	if have > len(migrations) {
		return fmt.Errorf("the journal has version %d, this program knows %d: use a newer one", have, len(migrations))
	}
	for i := have; i < len(migrations); i++ {
		if _, err := c.ExecContext(ctx, migrations[i]); err != nil {
			return fmt.Errorf("version %d: %w", i+1, err)
		}
		if _, err := c.ExecContext(ctx, `INSERT INTO journal_schema VALUES (?)`, i+1); err != nil {
			return err
		}
	}
	return nil
}

// immediate runs f between BEGIN IMMEDIATE and COMMIT, so that writers of two
// processes take turns before either has read the head.
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
