package cli

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"interdict/respond"
)

// openDatabaseAt opens the database of a state directory. One that is damaged is set
// aside under another name, never deleted, and a new one is begun; the note says so.
func openDatabaseAt(ctx context.Context, dir string) (*sql.DB, []string, error) {
	path := filepath.Join(dir, "interdict.db")
	db, err := openDatabase(ctx, path)
	if respond.NoSpace(dir, err) {
		return openOnFullDisk(ctx, path, err)
	}
	if !damaged(err) {
		return db, setAside(path), err
	}
	aside := fmt.Sprintf("%s.corrupt-%s", path, time.Now().UTC().Format("20060102T150405Z"))
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if moved := os.Rename(path+suffix, aside+suffix); moved != nil && !errors.Is(moved, os.ErrNotExist) {
			return nil, nil, errors.Join(err, moved)
		}
	}
	note := fmt.Sprintf("the database was damaged (%v): a new one was begun", err)
	db, err = openDatabase(ctx, path)
	return db, append([]string{note}, setAside(path)...), err
}

// openOnFullDisk opens the database in the space that was kept for the journal:
// whoever filled the disk does not keep anybody from acting.
func openOnFullDisk(ctx context.Context, path string, why error) (*sql.DB, []string, error) {
	dir := filepath.Dir(path)
	if !respond.ReleaseReserve(dir) {
		return nil, nil, fmt.Errorf("the disk of %s is full, and nothing is kept aside there any more: make room: %w", dir, why)
	}
	db, err := openDatabase(ctx, path)
	return db, append(setAside(path), fmt.Sprintf("THE DISK of %s IS FULL: the journal goes on in what was kept aside for it; make room", dir)), err
}

// setAside says, until somebody takes them away, which databases were damaged:
// what is still held on hosts may stand in one of these alone.
func setAside(path string) (notes []string) {
	names, _ := os.ReadDir(filepath.Dir(path)) // what cannot be read was not set aside by us
	for _, entry := range names {
		name := entry.Name()
		if strings.HasPrefix(name, filepath.Base(path)+".corrupt-") && !strings.HasSuffix(name, "-wal") && !strings.HasSuffix(name, "-shm") {
			notes = append(notes, fmt.Sprintf("%s is a damaged database that was set aside: what it said is standing must be looked for on the hosts; move it away when that is done",
				filepath.Join(filepath.Dir(path), name)))
		}
	}
	return notes
}

// openDatabase opens and reads it through once.
func openDatabase(ctx context.Context, path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+escapePath(path)+"?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)")
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	var result string
	if err := writable(path); err != nil {
		return nil, errors.Join(fmt.Errorf("database: %w", err), db.Close())
	}
	err = db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&result)
	if err == nil && result != "ok" {
		err = &damage{result}
	}
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("database %s: %w", path, err), db.Close())
	}
	return db, nil
}

// writable says in the system's words what SQLite calls error 14 or 4874.
func writable(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

type damage struct{ what string }

func (d *damage) Error() string { return d.what }

func damaged(err error) bool {
	var d *damage
	var coded *sqlite.Error
	switch {
	case errors.As(err, &d):
		return true
	case errors.As(err, &coded):
		code := coded.Code() & 0xff
		return code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB
	}
	return false
}

// escapePath keeps a path from being read as URI syntax.
func escapePath(path string) string {
	out := make([]byte, 0, len(path))
	for i := range len(path) {
		switch c := path[i]; c {
		case '?', '#', '%':
			out = fmt.Appendf(out, "%%%02x", c)
		default:
			out = append(out, c)
		}
	}
	return string(out)
}
