package archive

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"interdict/sources"
)

// scanned is what a log holds.
type scanned struct {
	batches []sources.Batch
	good    []byte // the records of these
	bad     int    // bytes of damaged ones
	when    span   // between whole records: what the damaged ones held is missing there
	cause   error  // of the first damage
}

// scan takes a log apart. A record that the end cuts was being written when the
// program ended, and is left out. A damaged one is left out too, as long as its
// length leads to the next; changed is when the log was last written to.
func scan(ctx context.Context, raw []byte, changed time.Time) (scanned, error) {
	s := scanned{when: span{min: math.MinInt64, max: changed.UnixMilli()}}
	for at := 0; at < len(raw); {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		record, size, err := next(raw[at:])
		if errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		var b sources.Batch
		if err == nil {
			b, err = decodeBatch(record)
		}
		switch {
		case err == nil && s.bad == 0:
			s.when.min = b.Read.UnixMilli()
		case err != nil:
			s.cause = errors.Join(s.cause, err)
			if size == 0 {
				size = len(raw) - at
			}
			s.bad += size
			at += size
			continue
		}
		s.batches, s.good = append(s.batches, b), append(s.good, raw[at:at+size]...)
		at += size
	}
	return s, nil
}

// next takes a record off raw. A damaged one has a size if its length can be believed.
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
		return nil, int(8 + n), errSum
	}
	return record, int(8 + n), nil
}

var errSum = errors.New("checksum does not match")

// read gives back the batches of a log. A damaged one is set aside, and said.
func (d *disk) read(ctx context.Context, name string, writes bool, restore func(sources.Batch)) error {
	path := filepath.Join(d.dir, name)
	s, raw, err := scanFile(ctx, path)
	if err != nil {
		return err
	}
	for _, b := range s.batches {
		restore(b)
	}
	switch {
	case s.bad > 0 && writes:
		aside, err := setAside(path, raw)
		if err == nil {
			err = replace(path, s.good)
		}
		d.miss(s, name, aside)
		return err
	case s.bad > 0:
		d.miss(s, name, name)
	case writes && len(raw) == 0 && generationOf(name) != d.generation:
		return os.Remove(path) // of a run that saw nothing
	}
	return nil
}

func scanFile(ctx context.Context, path string) (s scanned, raw []byte, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return s, nil, err
	}
	if raw, err = os.ReadFile(path); err != nil {
		return s, nil, err
	}
	s, err = scan(ctx, raw, info.ModTime())
	return s, raw, err
}

// miss notes what a damaged log held, and where it is kept.
func (d *disk) miss(s scanned, name, kept string) {
	text := fmt.Sprintf("%s was damaged (%v): %d of its bytes could not be read; it is kept as %s", name, firstLine(s.cause), s.bad, kept)
	d.notes = append(d.notes, text)
	d.gaps = append(d.gaps, gap{s.when, "events are missing: " + text})
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// setAside copies what was damaged under a name that nothing has yet.
func setAside(path string, raw []byte) (name string, err error) {
	for n := 1; ; n++ {
		aside := path + corrupt
		if n > 1 {
			aside = fmt.Sprintf("%s-%d", aside, n)
		}
		f, err := os.OpenFile(aside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			return filepath.Base(path), err
		}
		_, err = f.Write(raw)
		return filepath.Base(aside), errors.Join(err, f.Sync(), f.Close())
	}
}

const corrupt = ".corrupt"

// replace gives a log other content, or leaves it as it is.
func replace(path string, raw []byte) error {
	if err := os.WriteFile(path+".tmp", raw, 0o600); err != nil {
		return errors.Join(err, os.Remove(path+".tmp"))
	}
	return os.Rename(path+".tmp", path)
}

// earlier says what earlier runs set aside, until somebody takes it away.
func (d *disk) earlier() error {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, _, damaged := strings.Cut(e.Name(), corrupt)
		if !damaged {
			continue
		}
		if s, ok := parseSealed(name); ok {
			text := fmt.Sprintf("%s was damaged and is kept as %s", name, e.Name())
			d.notes = append(d.notes, text)
			d.gaps = append(d.gaps, gap{s.times, fmt.Sprintf("%d events are missing: %s", s.rows, text)})
			continue
		}
		if s, _, err := scanFile(context.Background(), filepath.Join(d.dir, e.Name())); err == nil && s.bad > 0 {
			d.miss(s, name, e.Name())
		}
	}
	return nil
}
