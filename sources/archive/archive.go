package archive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/esql"
	"interdict/sources/frame"
)

// Config says where and how much is kept.
type Config struct {
	Dir      string        // "" keeps in memory only
	ReadOnly bool          // Dir is asked only: nothing in it is changed, and no other program kept from writing
	MaxAge   time.Duration // 0: no bound
	MaxBytes int64         // on disk; in memory an eighth of it; 0: no bound
	Lookups  esql.Lookups  // nil: queries can look nothing up
	Now      func() time.Time
	Log      *slog.Logger
}

// Archive remembers events. It is safe for concurrent use.
type Archive struct {
	config Config

	mu      sync.Mutex
	sets    [ecs.Datasets]dataset // by ecs.Dataset
	scratch []uint32
	gaps    []gap
	stats   sources.Stats
	notes   []string
	closed  bool
	closing chan struct{} // closed by Close
	disk    *disk         // nil: memory only
	began   time.Time
	sealing bool
	ended   sync.WaitGroup
	gone    int64 // the newest time, in ms, of rows that the bounds deleted
	newest  time.Time
	heir    *heir // nil: no other program writes
}

// dataset is the rows of one kind of event, oldest first.
type dataset struct {
	sealed []*sealed
	kept   []*segment // could not be sealed
	parcel parcel     // is being sealed
	packed []*packed
	open   *chunk
}

// gap is a time in which events are known to be missing.
type gap struct {
	span
	reason string
}

// Open opens or makes the archive in config.Dir.
func Open(ctx context.Context, config Config) (*Archive, error) {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	a := &Archive{config: config, closing: make(chan struct{})}
	for i := range a.sets {
		a.sets[i].open = newChunk()
	}
	if config.Dir == "" {
		return a, nil
	}
	a.began = config.Now()
	begin := openDisk
	if config.ReadOnly {
		begin = lookAt
	}
	d, files, err := begin(ctx, config.Dir, a.add)
	if d != nil {
		a.notes = append(a.notes, d.notes...)
		a.gaps = append(a.gaps, d.gaps...)
	}
	for _, s := range files {
		a.sets[s.set].sealed = append(a.sets[s.set].sealed, s)
	}
	if config.ReadOnly {
		return a, err
	}
	if err != nil {
		a.notes = append(a.notes, fmt.Sprintf("history is kept in memory only: %v", err))
		if errors.Is(err, errBusy) {
			a.heir = &heir{}
		}
		return a, nil
	}
	a.disk = d
	return a, nil
}

// Put keeps a batch. It is in the log when Put returns, where there is one.
func (a *Archive) Put(_ context.Context, b sources.Batch) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return sources.ErrClosed
	}
	a.add(b)
	a.inherit(b)
	if a.disk != nil {
		if err := a.disk.append(b); err != nil {
			a.degrade(err)
		} else if a.due(a.config.Now()) {
			a.beginSeal()
		}
	}
	if a.disk == nil {
		a.boundMemory()
	}
	return nil
}

// degrade goes on in memory and says since when and why.
func (a *Archive) degrade(err error) {
	a.notes = append(a.notes, fmt.Sprintf("history is kept in memory only since %s: %v", a.config.Now().UTC().Format(time.RFC3339), err))
	_ = a.disk.close()
	a.disk = nil
}

// boundMemory drops the oldest rows beyond what may be kept without a disk.
func (a *Archive) boundMemory() {
	most := int(a.config.MaxBytes / 8)
	if most <= 0 {
		return
	}
	total := 0
	for i := range a.sets {
		for _, p := range a.sets[i].packed {
			total += p.bytes
		}
	}
	for i := range a.sets {
		for d := &a.sets[i]; total > most && len(d.packed) > 0; d.packed = d.packed[1:] {
			total -= d.packed[0].bytes
			a.gone = max(a.gone, d.packed[0].times.max)
		}
	}
}

// add puts the rows of a batch where they belong.
func (a *Archive) add(b sources.Batch) {
	f := b.Events
	a.lose(b)
	if b.Read.After(a.newest) {
		a.newest = b.Read
	}
	if f == nil || f.Rows == 0 {
		return
	}
	cols, places := known(f)
	for set, rows := range byDataset(f) {
		if len(rows) == 0 {
			continue
		}
		d := &a.sets[set]
		if d.open.full() {
			d.packed = append(d.packed, pack(d.open.frame(), d.open.times))
			d.open = d.open.next()
		}
		d.open.append(cols, places, rows, &a.scratch)
	}
	a.stats.Read += int64(f.Rows)
}

// lose remembers when events were lost.
func (a *Archive) lose(b sources.Batch) {
	if b.Lost.Total() == 0 {
		return
	}
	a.stats.Lost = a.stats.Lost.Add(b.Lost)
	at := b.Read.UnixMilli()
	l := b.Lost
	a.gaps = append(a.gaps, gap{span{min: at - 1000, max: at}, fmt.Sprintf("about %s the source lost %d process, %d network and %d file events and could not read %d records",
		b.Read.UTC().Format(time.RFC3339), l.Processes, l.Network, l.Files, l.Malformed)})
	if len(a.gaps) > maxGaps {
		a.gaps[1].join(a.gaps[0].span)
		a.gaps = a.gaps[1:]
	}
}

// maxGaps bounds the gaps that are told apart.
const maxGaps = 256

// known gives the columns of f that the catalogue has, and their places.
func known(f *frame.Frame) (cols []*frame.Column, places []ecs.Column) {
	for i, name := range f.Names {
		if place, ok := ecs.Lookup(name); ok && place.Type() == f.Columns[i].Type {
			cols, places = append(cols, f.Columns[i]), append(places, place)
		}
	}
	return cols, places
}

// byDataset sorts the rows of f by their kind; rows of no kind of ours are process events.
func byDataset(f *frame.Frame) (rows [ecs.Datasets][]uint32) {
	c := f.Column(ecs.DataStreamDataset.Name())
	var kinds []uint8
	if c != nil {
		kinds = make([]uint8, c.Dict.Len())
		for code := range kinds {
			if d, ok := ecs.ParseDataset(c.Dict.Value(uint32(code))); ok {
				kinds[code] = uint8(d)
			}
		}
	}
	for r := range f.Rows {
		kind := uint8(0)
		if c != nil {
			if lo, hi := c.Range(r); lo < hi {
				kind = kinds[c.Codes[lo]]
			}
		}
		rows[kind] = append(rows[kind], uint32(r))
	}
	return rows
}

// Query answers ES|QL over what was put so far.
func (a *Archive) Query(ctx context.Context, q sources.Query) (*frame.Frame, sources.Quality, error) {
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return nil, sources.Quality{}, sources.ErrClosed
	}
	c := a.catalog()
	a.mu.Unlock()
	f, quality, err := esql.Run(ctx, esql.With(c, a.config.Lookups), q)
	if err != nil {
		return f, quality, err
	}
	reasons := append(c.missing(q.Window), c.damaged()...)
	quality.Partial = quality.Partial || len(reasons) > 0
	quality.Reasons = append(quality.Reasons, reasons...)
	return f, quality, nil
}

// Stats are totals since the archive was opened; what the log gave back included.
func (a *Archive) Stats() sources.Stats {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.stats
	s.Notes = append([]string(nil), a.notes...)
	return s
}

// Close ends the archive; what was put is on stable storage then.
func (a *Archive) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil
	}
	a.closed = true
	close(a.closing)
	a.mu.Unlock()
	a.ended.Wait() // a segment that is being sealed
	a.mu.Lock()
	if a.disk == nil {
		return nil
	}
	return a.disk.close()
}
