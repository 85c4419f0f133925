package archive

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
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
	gaps   []gap

	generation int // of file

	mu      sync.Mutex // file and the rest against the syncing goroutine
	dirty   bool
	rotated []*os.File // earlier logs that are not on stable storage yet
	failed  error
	stop    chan struct{}
	ended   sync.WaitGroup
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
	if files, err = d.restore(ctx, names, writes, restore); err != nil {
		return d, files, errors.Join(err, d.release())
	}
	switch {
	case readOnly != nil:
		return d, files, errors.Join(readOnly, d.release())
	case !writes:
		return d, files, errors.Join(errBusy, d.release())
	}
	d.ended.Go(d.sync)
	return d, files, nil
}

// lookAt is openDisk for who only asks: it changes nothing in the directory and
// is in nobody's way. What its writer seals meanwhile is looked for again.
func lookAt(ctx context.Context, dir string, restore func(sources.Batch)) (d *disk, files []*sealed, err error) {
	for range 3 {
		d = &disk{dir: dir}
		var batches []sources.Batch
		names, err := d.logs()
		if err == nil {
			files, err = d.restore(ctx, names, false, func(b sources.Batch) { batches = append(batches, b) })
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		for _, b := range batches {
			restore(b)
		}
		return d, files, err
	}
	return d, nil, errors.New("the history changes faster than it can be read")
}

// restore finds the sealed files and reads the logs.
func (d *disk) restore(ctx context.Context, logs []string, writes bool, restore func(sources.Batch)) ([]*sealed, error) {
	if err := d.earlier(); err != nil {
		return nil, err
	}
	files, err := d.files(logs)
	if err != nil {
		return nil, err
	}
	for _, name := range logs {
		if err := d.read(ctx, name, writes, restore); err != nil {
			return files, err
		}
	}
	return files, nil
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

// rotate begins the next log. Nobody waits for the old one to be on stable storage.
func (d *disk) rotate() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.file
	if err := d.create(d.generation + 1); err != nil {
		return err
	}
	d.rotated = append(d.rotated, old)
	return nil
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
			if err := d.flush(); err != nil {
				d.mu.Lock()
				d.failed = err
				d.mu.Unlock()
			}
		}
	}
}

// flush puts on stable storage what was written until now. A disk may take long
// over it, so append goes on meanwhile. One goroutine at a time.
func (d *disk) flush() (err error) {
	d.mu.Lock()
	rotated, file, dirty := d.rotated, d.file, d.dirty
	d.rotated, d.dirty = nil, false
	d.mu.Unlock()
	for _, f := range rotated {
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if dirty { // should it be rotated now, then only the next call closes it
		err = errors.Join(err, file.Sync())
	}
	return err
}

func (d *disk) close() error {
	close(d.stop)
	d.ended.Wait()
	return errors.Join(d.flush(), d.file.Close(), d.lock.Close())
}
