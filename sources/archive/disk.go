package archive

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"time"

	"interdict/sources"
)

// disk is the log of the open segment: records of length, CRC-32C and a batch.
type disk struct {
	dir    string
	lock   *os.File
	file   *os.File // nil: another program writes
	buffer []byte
	notes  []string

	generation int // of file

	mu     sync.Mutex // file and dirty against the syncing goroutine
	dirty  bool
	failed error
	stop   chan struct{}
	ended  sync.WaitGroup
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maxRecord bounds one batch in the log.
const maxRecord = 256 << 20

// openDisk takes the directory's lock, finds the sealed files, gives back what
// logs hold and begins a new log behind them. When another program has the lock,
// the error says so and the files and rows are there all the same.
func openDisk(ctx context.Context, dir string, restore func(sources.Batch)) (_ *disk, files []*sealed, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	d := &disk{dir: dir, stop: make(chan struct{})}
	writes := false
	if d.lock, err = os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600); err == nil {
		writes, err = tryLock(d.lock)
	}
	readOnly := err
	names, err := d.logs()
	if err != nil {
		return nil, nil, err
	}
	if writes {
		readOnly = d.begin(names)
	}
	if files, err = d.files(names); err != nil {
		return d, nil, errors.Join(err, d.release())
	}
	for _, name := range names {
		if err := d.read(ctx, name, writes, restore); err != nil {
			return d, files, errors.Join(err, d.release())
		}
	}
	switch {
	case readOnly != nil:
		return d, files, errors.Join(readOnly, d.release())
	case !writes:
		return d, files, errors.Join(errors.New("another program writes the history here; what it had written until now is shown"), d.release())
	}
	d.ended.Go(d.sync)
	return d, files, nil
}

// release lets go of what is open, of a disk that is not used.
func (d *disk) release() error {
	if d.file != nil {
		d.file.Close()
	}
	if d.lock != nil {
		return d.lock.Close()
	}
	return nil
}

// rotate begins the next log.
func (d *disk) rotate() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.file
	if err := old.Sync(); err != nil {
		return err
	}
	if err := d.create(d.generation + 1); err != nil {
		return err
	}
	return old.Close()
}

func (d *disk) create(generation int) error {
	f, err := os.OpenFile(filepath.Join(d.dir, fmt.Sprintf("%08d.log", generation)), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err == nil {
		d.file, d.generation, d.dirty = f, generation, false
	}
	return err
}

// logs are the names of all logs, oldest first.
func (d *disk) logs() ([]string, error) {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".log") {
			names = append(names, e.Name())
		}
	}
	sort.Strings(names)
	return names, nil
}

func (d *disk) begin(names []string) error {
	last := 0
	if len(names) > 0 {
		last = generationOf(names[len(names)-1])
	}
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if s, ok := parseSealed(e.Name()); ok {
			last = max(last, s.generation)
		}
	}
	return d.create(last + 1)
}

// read gives back the batches of a log. A record that the end of the file cuts
// was being written when the program ended, and is left out. Any other damage is
// copied aside and said.
func (d *disk) read(ctx context.Context, name string, writes bool, restore func(sources.Batch)) error {
	path := filepath.Join(d.dir, name)
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	at := 0
	for at < len(raw) {
		if err := ctx.Err(); err != nil {
			return err
		}
		record, size, err := next(raw[at:])
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		var b sources.Batch
		if err == nil {
			b, err = decodeBatch(record)
		}
		if err != nil {
			return d.setAside(path, at, writes, err)
		}
		restore(b)
		at += size
	}
	return nil
}

// next takes a record off raw.
func next(raw []byte) (record []byte, size int, err error) {
	if len(raw) < 8 {
		return nil, 0, io.ErrUnexpectedEOF
	}
	n := binary.LittleEndian.Uint32(raw)
	if n > maxRecord {
		return nil, 0, errRecord
	}
	if uint64(len(raw)) < 8+uint64(n) {
		return nil, 0, io.ErrUnexpectedEOF
	}
	record = raw[8 : 8+n]
	if crc32.Checksum(record, castagnoli) != binary.LittleEndian.Uint32(raw[4:]) {
		return nil, 0, errors.New("checksum does not match")
	}
	return record, int(8 + n), nil
}

// setAside keeps a damaged log under another name.
func (d *disk) setAside(path string, at int, writes bool, cause error) error {
	d.notes = append(d.notes, fmt.Sprintf("%s is damaged from byte %d on (%v): what stands before was read, the file is kept as %s.corrupt", filepath.Base(path), at, cause, filepath.Base(path)))
	if !writes {
		return nil
	}
	raw, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path+".corrupt", raw, 0o600)
	}
	if err == nil {
		err = os.Truncate(path, int64(at))
	}
	return err
}

// append writes a batch; it reaches stable storage within a second.
func (d *disk) append(b sources.Batch) error {
	d.buffer = appendBatch(append(d.buffer[:0], make([]byte, 8)...), b)
	record := d.buffer[8:]
	binary.LittleEndian.PutUint32(d.buffer, uint32(len(record)))
	binary.LittleEndian.PutUint32(d.buffer[4:], crc32.Checksum(record, castagnoli))
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed != nil {
		return d.failed
	}
	_, err := d.file.Write(d.buffer)
	d.dirty = true
	return err
}

// sync flushes what was written, once a second.
func (d *disk) sync() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-d.stop:
			return
		case <-tick.C:
			d.mu.Lock()
			if d.dirty {
				d.dirty, d.failed = false, d.file.Sync()
			}
			d.mu.Unlock()
		}
	}
}

func (d *disk) close() error {
	close(d.stop)
	d.ended.Wait()
	return errors.Join(d.file.Sync(), d.file.Close(), d.lock.Close())
}
