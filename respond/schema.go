package respond

import (
	"context"
	"database/sql"
	"fmt"
)

// migrations are applied in order, each once; never edit one that was released.
var migrations = []string{
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
	`CREATE INDEX journal_entries_host_id ON journal_entries(host_id);`,
}

// Migrate brings the tables of one package up to date within Transact. table
// remembers how many of the steps were applied; they run in order, each once. A
// database that a newer program wrote is refused rather than guessed at.
func Migrate(ctx context.Context, c *sql.Conn, table string, steps []string) error {
	if _, err := c.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS `+table+` (version INTEGER PRIMARY KEY) STRICT`); err != nil {
		return err
	}
	var have int
	if err := c.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) FROM `+table).Scan(&have); err != nil {
		return err
	}
	if have > len(steps) {
		return fmt.Errorf("%s has version %d, this program knows %d: use a newer one", table, have, len(steps))
	}
	for i := have; i < len(steps); i++ {
		if _, err := c.ExecContext(ctx, steps[i]); err != nil {
			return fmt.Errorf("%s, version %d: %w", table, i+1, err)
		}
		if _, err := c.ExecContext(ctx, `INSERT INTO `+table+` VALUES (?)`, i+1); err != nil {
			return err
		}
	}
	return nil
}

// Transact runs f between BEGIN IMMEDIATE and COMMIT, flushed to the disk, so
// that writers of two programs take turns before either has read.
func Transact(ctx context.Context, db *sql.DB, f func(*sql.Conn) error) error {
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
