package archive

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"interdict/sources/ecs"
	"interdict/sources/frame"
)

// A segment is sealed when it has this many rows, or this age.
const (
	sealRows = 131072
	sealAge  = time.Hour
)

// sealed is a Parquet file. Everything that is asked without reading it stands
// in its name.
type sealed struct {
	set        ecs.Dataset
	generation int
	times      span
	rows       int
	sum        uint32 // CRC-32C of the file
	bytes      int64
}

var prefixes = [...]string{"process", "network", "file", "counts"}

func (s *sealed) name() string {
	return fmt.Sprintf("%s-%08d-%d-%d-%d-%08x.parquet", prefixes[s.set], s.generation, s.times.min, s.times.max, s.rows, s.sum)
}

// parseSealed reads a file's name.
func parseSealed(name string) (*sealed, bool) {
	s := &sealed{}
	for set, prefix := range prefixes {
		rest, ok := strings.CutPrefix(name, prefix+"-")
		if !ok {
			continue
		}
		s.set = ecs.Dataset(set)
		n, err := fmt.Sscanf(rest, "%d-%d-%d-%d-%08x.parquet", &s.generation, &s.times.min, &s.times.max, &s.rows, &s.sum)
		return s, err == nil && n == 5 && s.rows >= 0 && s.name() == name
	}
	return nil, false
}

// parcel is rows on their way into a file: they stay in memory until it is there.
type parcel struct {
	parts []*segment
	rows  int
	times span
}

// due tells whether the open segment is to be sealed.
func (a *Archive) due(now time.Time) bool {
	rows := a.waiting()
	return a.disk != nil && !a.sealing && rows > 0 && (rows >= sealRows || now.Sub(a.began) >= sealAge)
}

// waiting is how many rows are in the open segment. The caller holds the mutex.
func (a *Archive) waiting() (rows int) {
	for i := range a.sets {
		rows += a.sets[i].rows()
	}
	return rows
}

func (d *dataset) rows() int {
	n := d.open.rows
	for _, p := range d.packed {
		n += p.rows
	}
	return n
}

// beginSeal moves the open segment aside and begins the next. The caller holds the mutex.
func (a *Archive) beginSeal() {
	generation := a.disk.generation
	if err := a.disk.rotate(); err != nil {
		a.degrade(err)
		return
	}
	for i := range a.sets {
		d := &a.sets[i]
		d.parcel = parcel{parts: d.memory(ecs.Dataset(i)), rows: d.rows(), times: emptySpan()}
		for _, s := range d.parcel.parts {
			d.parcel.times.join(s.times)
		}
		d.packed, d.open = nil, newChunk()
	}
	a.sealing, a.began = true, a.config.Now()
	var parcels [ecs.Datasets]parcel
	for i := range a.sets {
		parcels[i] = a.sets[i].parcel
	}
	a.ended.Go(func() { a.seal(generation, parcels) })
}

// seal writes the files, and only when all are there lets go of rows and logs.
func (a *Archive) seal(generation int, parcels [ecs.Datasets]parcel) {
	var files []*sealed
	var err error
	for set, p := range parcels {
		if p.rows == 0 || err != nil {
			continue
		}
		var s *sealed
		if s, err = a.disk.write(ecs.Dataset(set), generation, p, a.giveWay); err == nil {
			files = append(files, s)
		}
	}
	if err == nil {
		err = a.disk.publish(files)
	}
	if err == nil {
		err = a.disk.dropLogs(generation)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sealing = false
	if err != nil { // the rows stay in the logs; they are taken up again at the next start
		a.notes = append(a.notes, fmt.Sprintf("a segment of the history could not be sealed and stays in its log: %v", err))
	}
	for set := range a.sets {
		d := &a.sets[set]
		if err == nil {
			for _, s := range files {
				if s.set == ecs.Dataset(set) {
					d.sealed = append(d.sealed, s)
				}
			}
		} else {
			d.kept = append(d.kept, d.parcel.parts...)
		}
		d.parcel = parcel{}
	}
	a.bound()
}

// bound deletes what is older than MaxAge, and the oldest beyond MaxBytes. The
// caller holds the mutex.
func (a *Archive) bound() {
	var all []*sealed
	total := int64(0)
	for i := range a.sets {
		all = append(all, a.sets[i].sealed...)
		for _, s := range a.sets[i].sealed {
			total += s.bytes
		}
	}
	slices.SortFunc(all, func(x, y *sealed) int { return int(max(-1, min(1, x.times.max-y.times.max))) })
	oldest := a.config.Now().Add(-a.config.MaxAge).UnixMilli()
	for _, s := range all {
		old := a.config.MaxAge > 0 && s.times.max < oldest
		if !old && (a.config.MaxBytes <= 0 || total <= a.config.MaxBytes) {
			return
		}
		if err := os.Remove(filepath.Join(a.config.Dir, s.name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			a.notes = append(a.notes, fmt.Sprintf("history beyond its bounds could not be deleted: %v", err))
			return
		}
		total -= s.bytes
		a.sets[s.set].sealed = slices.DeleteFunc(a.sets[s.set].sealed, func(t *sealed) bool { return t == s })
		a.gone = max(a.gone, s.times.max)
	}
}

// giveWay rests as long as a piece of the sealing took that began then: what comes
// in has all cores half of the time. Not so when the archive is being closed, or
// when the next segment is full already.
func (a *Archive) giveWay(began time.Time) {
	a.mu.Lock()
	behind := a.waiting() >= sealRows
	a.mu.Unlock()
	if behind {
		return
	}
	select {
	case <-time.After(time.Since(began)):
	case <-a.closing:
	}
}

// write makes one file under a temporary name, on stable storage. It calls rest
// after each piece of the work.
func (d *disk) write(set ecs.Dataset, generation int, p parcel, rest func(began time.Time)) (*sealed, error) {
	whole, err := p.frame(rest)
	if err != nil {
		return nil, err
	}
	s := &sealed{set: set, generation: generation, times: p.times, rows: p.rows}
	f, err := os.OpenFile(d.temporary(s), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	sum := crc32.New(castagnoli)
	counted := &counter{to: io.MultiWriter(f, sum)}
	err = errors.Join(writeParquet(counted, whole, rest), f.Sync(), f.Close())
	s.sum, s.bytes = sum.Sum32(), counted.n
	return s, err
}

func (d *disk) temporary(s *sealed) string {
	return filepath.Join(d.dir, fmt.Sprintf("%s-%08d.tmp", prefixes[s.set], s.generation))
}

// publish gives the files their names.
func (d *disk) publish(files []*sealed) error {
	for _, s := range files {
		if err := os.Rename(d.temporary(s), filepath.Join(d.dir, s.name())); err != nil {
			return err
		}
	}
	dir, err := os.Open(d.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// frame joins the parts of a parcel.
func (p parcel) frame(rest func(began time.Time)) (*frame.Frame, error) {
	b := frame.NewBuilder(nil)
	var names []string
	for _, f := range ecs.Fields() {
		names = append(names, f.Name)
	}
	for _, part := range p.parts {
		began := time.Now()
		f, err := part.read(context.Background(), names, nil)
		if err != nil {
			return nil, err
		}
		b.Append(f)
		rest(began)
	}
	return b.Build(), nil
}

// counter counts what passes.
type counter struct {
	to io.Writer
	n  int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.to.Write(b)
	c.n += int64(n)
	return n, err
}

// files finds what was sealed. Files of a generation whose log is still there
// were being written when the program ended: the log has all of it.
func (d *disk) files(logs []string) ([]*sealed, error) {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return nil, err
	}
	open := map[int]bool{}
	for _, name := range logs {
		open[generationOf(name)] = true
	}
	var all []*sealed
	for _, e := range entries {
		s, ok := parseSealed(e.Name())
		if !ok {
			continue
		}
		if open[s.generation] {
			if d.file == nil {
				continue
			}
			if err := os.Remove(filepath.Join(d.dir, e.Name())); err != nil {
				return nil, err
			}
			continue
		}
		if info, err := e.Info(); err == nil {
			s.bytes = info.Size()
		}
		all = append(all, s)
	}
	return all, nil
}

func generationOf(log string) int {
	n := 0
	fmt.Sscanf(log, "%d.log", &n)
	return n
}

// dropLogs deletes the logs up to a generation, which is sealed.
func (d *disk) dropLogs(generation int) error {
	names, err := d.logs()
	for _, name := range names {
		if err == nil && generationOf(name) <= generation {
			err = os.Remove(filepath.Join(d.dir, name))
		}
	}
	return err
}
