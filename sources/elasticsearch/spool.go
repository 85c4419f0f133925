package elasticsearch

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
)

// The spool is a directory of segments, each a row of chunks: a header and lines
// of documents, compressed. A chunk is written by one write and taken for whole
// only with its checksum, so that a process that is killed loses nothing that
// Append acknowledged; power that fails loses at most what came since the last
// Sync. What was sent is in the file "sent", a segment and a place in it.
const (
	chunkMagic   = 0x49445350                 // "IDSP"
	chunkHeader  = 4 + 4 + 4 + 16 + 8 + 4 + 8 // magic, length, checksum, run, first, count, time
	segmentBytes = 8 << 20
	maxChunk     = 64 << 20
)

// errFull is what Append answers when the spool may not grow.
var errFull = errors.New("the spool is full")

type spool struct {
	dir   string
	most  int64 // bytes
	run   [16]byte
	pack  *zstd.Encoder
	plain *zstd.Decoder
	more  chan struct{} // something was appended

	mu     sync.Mutex
	next   uint64 // number of the next document of this run
	open   *os.File
	opened uint64 // its segment
	size   int64  // of open
	total  int64  // of all segments
	sent   mark
}

// mark is a place in the spool.
type mark struct {
	Segment uint64 `json:"segment"`
	Offset  int64  `json:"offset"`
}

// chunk is some documents, with what names them.
type chunk struct {
	run   [16]byte
	first uint64
	count int
	at    time.Time // when it was kept
	lines []byte
	after mark // the place behind it
}

func openSpool(dir string, most int64) (*spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	pack, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	plain, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxChunk))
	if err != nil {
		return nil, err
	}
	s := &spool{dir: dir, most: most, pack: pack, plain: plain, more: make(chan struct{}, 1)}
	rand.Read(s.run[:]) // never fails
	if b, err := os.ReadFile(filepath.Join(dir, "sent")); err == nil && json.Unmarshal(b, &s.sent) != nil {
		s.sent = mark{} // what was sent is sent again: its ids are the same
	}
	segments, err := s.segments()
	if err != nil {
		return nil, err
	}
	s.opened = s.sent.Segment
	for _, n := range segments {
		s.opened = max(s.opened, n)
		if info, err := os.Stat(s.path(n)); err == nil {
			s.total += info.Size()
		}
	}
	return s, s.roll()
}

func (s *spool) path(segment uint64) string {
	return filepath.Join(s.dir, fmt.Sprintf("%016x.spool", segment))
}

// segments gives their numbers in order.
func (s *spool) segments() (out []uint64, err error) {
	names, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	for _, e := range names {
		var n uint64
		if _, err := fmt.Sscanf(e.Name(), "%016x.spool", &n); err == nil {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

// roll begins a new segment: an old one, whose end may be torn, is never appended to.
func (s *spool) roll() error {
	if s.open != nil {
		if err := errors.Join(s.open.Sync(), s.open.Close()); err != nil {
			return err
		}
	}
	s.opened++
	f, err := os.OpenFile(s.path(s.opened), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	s.open, s.size = f, 0
	return nil
}

// Append keeps documents. When it returns nil they survive this process.
func (s *spool) Append(lines []byte, count int, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := make([]byte, chunkHeader, chunkHeader+len(lines)/4)
	b = s.pack.EncodeAll(lines, b)
	if s.total+int64(len(b)) > s.most {
		return errFull
	}
	payload := b[chunkHeader:]
	binary.LittleEndian.PutUint32(b, chunkMagic)
	binary.LittleEndian.PutUint32(b[4:], uint32(len(payload)))
	copy(b[12:], s.run[:])
	binary.LittleEndian.PutUint64(b[28:], s.next)
	binary.LittleEndian.PutUint32(b[36:], uint32(count))
	binary.LittleEndian.PutUint64(b[40:], uint64(now.UnixMilli()))
	binary.LittleEndian.PutUint32(b[8:], crc32.ChecksumIEEE(b[12:]))
	n, err := s.open.Write(b)
	s.size, s.total = s.size+int64(n), s.total+int64(n)
	if err != nil { // what stands there is torn: nobody reads past it
		return errors.Join(fmt.Errorf("spool: %w", err), s.roll())
	}
	s.next += uint64(count)
	if s.size >= segmentBytes {
		if err := s.roll(); err != nil {
			return err
		}
	}
	select {
	case s.more <- struct{}{}:
	default:
	}
	return nil
}

// Sync makes what was appended survive the machine.
func (s *spool) Sync() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open.Sync()
}

// Read gives the chunk at a place or behind it, and io.EOF when there is none yet.
// The torn end of a segment is passed over, and so is what is damaged: skipped
// is how many bytes that were.
func (s *spool) Read(at mark) (c *chunk, skipped int64, err error) {
	for {
		s.mu.Lock()
		open := s.opened // read before the segment: what is appended later is in it or behind it
		s.mu.Unlock()
		c, rest, err := s.readAt(at)
		if err == nil || at.Segment >= open {
			return c, skipped, err
		}
		skipped += rest
		segments, err := s.segments()
		if err != nil {
			return nil, skipped, err
		}
		i, _ := slices.BinarySearch(segments, at.Segment+1)
		if i == len(segments) {
			return nil, skipped, io.EOF
		}
		at = mark{Segment: segments[i]}
	}
}

// readAt reads a chunk. With an error, rest is how much stands there that is none.
func (s *spool) readAt(at mark) (c *chunk, rest int64, err error) {
	f, err := os.Open(s.path(at.Segment))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, io.EOF
	}
	if err != nil {
		return nil, 0, fmt.Errorf("spool: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil {
		rest = max(info.Size()-at.Offset, 0)
	}
	head := make([]byte, chunkHeader)
	if _, err := f.ReadAt(head, at.Offset); err != nil {
		return nil, rest, io.EOF
	}
	length := binary.LittleEndian.Uint32(head[4:])
	if binary.LittleEndian.Uint32(head) != chunkMagic || int64(length) > rest {
		return nil, rest, io.EOF
	}
	payload := make([]byte, length)
	if _, err := f.ReadAt(payload, at.Offset+chunkHeader); err != nil {
		return nil, rest, io.EOF
	}
	if crc32.Update(crc32.ChecksumIEEE(head[12:]), crc32.IEEETable, payload) != binary.LittleEndian.Uint32(head[8:]) {
		return nil, rest, io.EOF
	}
	lines, err := s.plain.DecodeAll(payload, nil)
	if err != nil {
		return nil, rest, io.EOF
	}
	return &chunk{
		run: [16]byte(head[12:28]), first: binary.LittleEndian.Uint64(head[28:]), count: int(binary.LittleEndian.Uint32(head[36:])),
		at: time.UnixMilli(int64(binary.LittleEndian.Uint64(head[40:]))), lines: lines, after: mark{at.Segment, at.Offset + chunkHeader + int64(length)},
	}, 0, nil
}

// Sent remembers how far everything was sent, and lets go of segments before it.
func (s *spool) Sent(to mark) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := json.Marshal(to)
	if err != nil {
		return err
	}
	if err := writeWhole(filepath.Join(s.dir, "sent"), b); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	s.sent = to
	segments, err := s.segments()
	if err != nil {
		return err
	}
	for _, n := range segments {
		if n >= to.Segment || n == s.opened {
			continue
		}
		if info, err := os.Stat(s.path(n)); err == nil && os.Remove(s.path(n)) == nil {
			s.total -= info.Size()
		}
	}
	return nil
}

// writeWhole writes a file so that it is there whole or as it was.
func writeWhole(path string, b []byte) error {
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Size is how many bytes are kept.
func (s *spool) Size() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

func (s *spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plain.Close()
	return errors.Join(s.open.Sync(), s.open.Close(), s.pack.Close())
}
