package respond

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// head is the last entry as remembered outside the database: entries cut from
// the end of the chain show by it, and by nothing else.
type head struct {
	Seq       int64  `json:"seq"`
	Hash      Hash   `json:"hash"`
	Signature string `json:"signature,omitempty"` // of text, by the key of the state directory; "": that could not be had
}

// headNamespace is what signatures of heads are for, as `ssh-keygen -Y verify -n` takes it.
const headNamespace = "interdict-journal"

// text is what is signed: the number and the hash of the last entry, a space
// between them and a line feed behind.
func (h head) text() io.Reader { return strings.NewReader(fmt.Sprintf("%d %s\n", h.Seq, h.Hash)) }

// signer is the key that signed, and its fingerprint; "" when none did.
func (h head) signer() (public, fingerprint string, err error) {
	if h.Signature == "" {
		return "", "", nil
	}
	return CheckSignature(headNamespace, h.text(), []byte(h.Signature))
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
	if j.signer != nil {
		signature, err := j.signer.Sign(headNamespace, h.text())
		if err != nil {
			return err
		}
		h.Signature = string(signature)
	}
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
	}
	public, fingerprint, err := h.signer()
	switch {
	case err != nil:
		return 0, "the remembered head was changed: " + err.Error()
	case public != "" && j.signer != nil && public != j.signer.Public():
		return 0, "the remembered head was signed by another key, " + fingerprint
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
