package respond

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// head is the last entry as remembered outside the database: entries cut from
// the end of the chain show by it, and by nothing else.
type head struct {
	Seq  int64 `json:"seq"`
	Hash Hash  `json:"hash"`
}

// headSize is what a head file is padded to: one sector, so that it can be
// written over in place on a full disk.
const headSize = 512

func (j *Journal) path(suffix string) string { return filepath.Join(j.dir, "journal."+suffix) }

// readHead tells ok=false when there is none.
func (j *Journal) readHead() (h head, ok bool, err error) {
	b, err := os.ReadFile(j.path("head"))
	if errors.Is(err, fs.ErrNotExist) {
		return head{}, false, nil
	}
	if err != nil {
		return head{}, false, err
	}
	if err := json.Unmarshal(b, &h); err != nil {
		return head{}, false, fmt.Errorf("the remembered head is damaged: %w", err)
	}
	return h, true, nil
}

// rememberHead replaces the head file; on a full disk it writes it over in place.
func (j *Journal) rememberHead(h head) error {
	b, err := json.Marshal(h)
	if err != nil {
		return err
	}
	b = append(b, strings.Repeat(" ", max(0, headSize-1-len(b)))+"\n"...)
	err = replaceFile(j.path("head"), b)
	if err == nil {
		return nil
	}
	if inPlace := overwriteFile(j.path("head"), b); inPlace != nil {
		return fmt.Errorf("remember the head: %w", err)
	}
	return nil
}

// replaceFile: written aside, flushed, renamed, directory flushed.
func replaceFile(path string, b []byte) error {
	tmp := path + ".tmp"
	if err := writeFlushed(tmp, os.O_CREATE|os.O_TRUNC, b); err != nil {
		os.Remove(tmp)
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

func overwriteFile(path string, b []byte) error { return writeFlushed(path, 0, b) }

func writeFlushed(path string, flags int, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|flags, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// compareHead says in what way the chain, whose last entry is given, is not the
// one that was remembered, "" when it is, and which entry was remembered.
func (j *Journal) compareHead(ctx context.Context, q querier, last head) (int64, string) {
	h, ok, err := j.readHead()
	switch {
	case err != nil:
		return 0, err.Error()
	case !ok && last.Seq == 0:
		return 0, ""
	case !ok:
		return 0, fmt.Sprintf("no head is remembered, though there are %d entries: entries cut from the end would not show", last.Seq)
	case h.Seq > last.Seq:
		return h.Seq, fmt.Sprintf("entry %d was remembered as the last one, the journal ends at %d: entries are missing from the end", h.Seq, last.Seq)
	case h.Seq == 0:
		return 0, ""
	}
	var hash []byte
	err = q.QueryRowContext(ctx, `SELECT hash FROM journal_entries WHERE seq = ?`, h.Seq).Scan(&hash)
	if err != nil || string(hash) != string(h.Hash[:]) {
		return h.Seq, fmt.Sprintf("entry %d is not the one that was remembered", h.Seq)
	}
	return h.Seq, ""
}

// querier is a database or one connection of it.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}
