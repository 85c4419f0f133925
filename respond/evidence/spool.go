package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/gzip"
)

// sum is a line of SHA256SUMS.
type sum struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// spool is a bundle that is being written: the archive so far, and a log beside
// it that says what is in it, so that it can be gone on with after a crash.
type spool struct {
	path       string // that it will have; ".partial" until it is whole
	f, log     *os.File
	at         int64 // behind the last whole entry
	recipients []age.Recipient
	sums       []sum
}

// logLine is one of the log: what is collected, an entry with its item, or a
// request that was answered to the end.
type logLine struct {
	Plan  json.RawMessage `json:"plan,omitempty"`
	Entry *sum            `json:"entry,omitempty"`
	Item  *Item           `json:"item,omitempty"`
	Done  int             `json:"done,omitempty"`
}

const reserveSize = 256 << 10 // for the manifest and signature of a bundle on a full disk

func partialPath(path string) string { return path + ".partial" }
func logPath(path string) string     { return path + ".log" }
func reservePath(path string) string { return path + ".reserve" }

// openSpool begins a bundle at path, or goes on with the one that was begun
// there: lines are what its log says of it.
func openSpool(path string, recipients []age.Recipient) (s *spool, lines []logLine, err error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, nil, fmt.Errorf("evidence: %s is there already, and is not written over", path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, nil, fmt.Errorf("evidence: %w", err)
	}
	made := &spool{path: path, recipients: recipients}
	s = made
	defer func() {
		if err != nil {
			made.close()
		}
	}()
	if s.f, err = os.OpenFile(partialPath(path), os.O_RDWR|os.O_CREATE|noFollow, 0o600); err != nil {
		return nil, nil, fmt.Errorf("evidence: %w", err)
	}
	if err = lockFile(s.f); err != nil {
		return nil, nil, fmt.Errorf("evidence: %s is being written by another program: %w", path, err)
	}
	if s.log, err = os.OpenFile(logPath(path), os.O_RDWR|os.O_CREATE|noFollow, 0o600); err != nil {
		return nil, nil, fmt.Errorf("evidence: %w", err)
	}
	if lines, err = s.recover(); err != nil {
		return nil, nil, fmt.Errorf("evidence: %w", err)
	}
	if err := writeReserve(reservePath(path)); err != nil {
		return nil, nil, fmt.Errorf("evidence: %w", err)
	}
	return s, lines, nil
}

func writeReserve(path string) error {
	b := make([]byte, reserveSize)
	for i := range b {
		b[i] = byte(i*7 + i>>9) // not zeros: a file system may store those as nothing
	}
	return os.WriteFile(path, b, 0o600)
}

// recover keeps the entries that archive and log agree on, and cuts off the rest.
func (s *spool) recover() ([]logLine, error) {
	b, err := io.ReadAll(s.log)
	if err != nil {
		return nil, err
	}
	var lines []logLine
	archive, good := newArchive(s.f), int64(0)
	for {
		text, rest, ok := bytes.Cut(b, []byte("\n"))
		var l logLine
		if !ok || json.Unmarshal(text, &l) != nil {
			break
		}
		if l.Entry != nil {
			e, err := archive.next()
			if err != nil || e.name != l.Entry.Name || e.sha256 != l.Entry.SHA256 || len(e.faults) > 0 {
				break
			}
			s.sums, s.at = append(s.sums, *l.Entry), archive.at
		}
		lines, b = append(lines, l), rest
		good += int64(len(text)) + 1
	}
	if err := s.log.Truncate(good); err != nil {
		return nil, err
	}
	if _, err := s.log.Seek(good, io.SeekStart); err != nil {
		return nil, err
	}
	return lines, s.f.Truncate(s.at)
}

// note writes a line of the log.
func (s *spool) note(l logLine) error {
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	_, err = s.log.Write(append(b, '\n'))
	return err
}

// sync has everything so far survive a loss of power.
func (s *spool) sync() error { return errors.Join(s.f.Sync(), s.log.Sync()) }

func (s *spool) close() {
	for _, f := range []*os.File{s.f, s.log} {
		if f != nil {
			f.Close()
		}
	}
	os.Remove(reservePath(s.path))
}

// discard leaves nothing of a bundle with nothing in it.
func (s *spool) discard() {
	s.close()
	os.Remove(partialPath(s.path))
	os.Remove(logPath(s.path))
}

// entry is one that is being written.
type entry struct {
	s      *spool
	name   string
	stored *counted // as in the archive
	chain  []io.Closer
	to     io.Writer
	plain  hash.Hash
	size   int64 // plain
}

// counted hashes what goes through.
type counted struct {
	w io.Writer
	h hash.Hash
	n int64
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.h.Write(b[:n])
	c.n += int64(n)
	return n, err
}

// create begins an entry, packed and encrypted as its name then says. There is
// one at a time.
func (s *spool) create(name string, pack, seal bool) (*entry, error) {
	if _, err := s.f.Seek(s.at, io.SeekStart); err != nil {
		return nil, err
	}
	if _, err := s.f.Write(make([]byte, blockSize)); err != nil { // the header's place
		return nil, s.back(err)
	}
	e := &entry{s: s, name: name, plain: sha256.New(), stored: &counted{w: s.f, h: sha256.New()}}
	e.to = e.stored
	seal = seal && len(s.recipients) > 0
	if pack {
		e.name += ".gz"
	}
	if seal {
		e.name += ".age"
		w, err := age.Encrypt(e.to, s.recipients...)
		if err != nil {
			return nil, s.back(err)
		}
		e.to, e.chain = w, append(e.chain, w)
	}
	if pack {
		z, err := gzip.NewWriterLevel(e.to, gzip.BestSpeed)
		if err != nil {
			return nil, s.back(err)
		}
		e.to, e.chain = z, append(e.chain, z)
	}
	return e, nil
}

// back cuts off what was begun.
func (s *spool) back(err error) error { return errors.Join(err, s.f.Truncate(s.at)) }

func (e *entry) Write(b []byte) (int, error) {
	n, err := e.to.Write(b)
	e.plain.Write(b[:n])
	e.size += int64(n)
	return n, err
}

// drop leaves the entry out.
func (e *entry) drop() error { return e.s.back(nil) }

// finish makes the entry one of the archive.
func (e *entry) finish(at time.Time) error {
	for i := len(e.chain) - 1; i >= 0; i-- {
		if err := e.chain[i].Close(); err != nil {
			return e.s.back(err)
		}
	}
	s := e.s
	if _, err := s.f.Write(make([]byte, padding(e.stored.n))); err != nil {
		return s.back(err)
	}
	if _, err := s.f.WriteAt(header(e.name, e.stored.n, at.Unix()), s.at); err != nil {
		return s.back(err)
	}
	s.sums = append(s.sums, sum{Name: e.name, SHA256: hex.EncodeToString(e.stored.h.Sum(nil))})
	s.at += blockSize + e.stored.n + padding(e.stored.n)
	return nil
}

// hash is that of what was written into it, before packing and encryption.
func (e *entry) hash() string { return hex.EncodeToString(e.plain.Sum(nil)) }

// put writes an entry at once, and takes it back if that fails.
func (s *spool) put(name string, pack, seal bool, b []byte, at time.Time) (*entry, error) {
	e, err := s.create(name, pack, seal)
	if err != nil {
		return nil, err
	}
	if _, err := e.Write(b); err != nil {
		return nil, s.back(err)
	}
	return e, e.finish(at)
}
