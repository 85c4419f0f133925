//go:build amd64 || arm64

package ebpf

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/cilium/ebpf/ringbuf"

	"interdict/sources"
	"interdict/sources/ecs"
)

// Source is the kernel of this machine. One Run at a time.
type Source struct {
	config   Config
	log      *slog.Logger
	programs *programs
	events   *events
	running  sync.Mutex

	mu    sync.Mutex
	stats sources.Stats
	base  kernelCounters // what was counted when the sensor was made
	cuts  uint64         // argument parts lost
}

// New loads the sensor into the kernel and attaches it. An error that this
// machine or user is to blame for is an [*Unsupported]. Close it.
func New(config Config) (*Source, error) {
	s := &Source{config: config, log: config.Log}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.config.Host.BootID == "" {
		s.config.Host = thisMachine()
	}
	tools := newToolTable()
	var err error
	if s.programs, err = load(config, tools); err != nil {
		return nil, err
	}
	s.events = newEvents(s.config.Host, s.programs, tools)
	return s, nil
}

// Name is "ebpf".
func (s *Source) Name() string { return "ebpf" }

// Close takes the sensor out of the kernel. Run must have returned.
func (s *Source) Close() error { return s.programs.close() }

// Stats may be called at any time.
func (s *Source) Stats() sources.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	if s.cuts > 0 {
		stats.Notes = append(stats.Notes, fmt.Sprintf("%d parts of long command lines were lost: those command lines are marked as cut", s.cuts))
	}
	return stats
}

// The pace of reading: how long to wait for more after something came, and
// while nothing does. Records of interest wake the reader at once.
const (
	busyWait  = 10 * time.Millisecond
	idleWait  = 100 * time.Millisecond
	slabBytes = 1 << 20
	slabs     = 32 // read and not yet decoded, at most
)

// slab is records as they were read, each behind its length.
type slab struct {
	raw  []byte
	read time.Time
}

// Run delivers until ctx ends. What was there before comes first.
func (s *Source) Run(ctx context.Context, out sources.Sink) error {
	s.running.Lock()
	defer s.running.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	read := make(chan slab, slabs)
	ended := make(chan error, 1)
	go func() {
		defer close(read)
		ended <- s.read(ctx, read)
	}()
	err := s.deliver(ctx, out, read)
	cancel()
	for range read { // the reader must not be left waiting
	}
	return errors.Join(err, <-ended)
}

// read empties the ring and does nothing else.
func (s *Source) read(ctx context.Context, to chan<- slab) error {
	var record ringbuf.Record
	wait := idleWait
	for ctx.Err() == nil {
		b := slab{}
		s.programs.ring.SetDeadline(time.Now().Add(wait))
		for {
			err := s.programs.ring.ReadInto(&record)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return fmt.Errorf("ring: %w", err)
			}
			if b.raw == nil {
				b.raw, b.read = make([]byte, 0, 16<<10), time.Now()
			}
			b.raw = binary.LittleEndian.AppendUint32(b.raw, uint32(len(record.RawSample)))
			b.raw = append(b.raw, record.RawSample...)
			if len(b.raw) >= slabBytes {
				break
			}
			if _, flags := recordKind(record.RawSample); flags&headerInterest != 0 && record.Remaining == 0 {
				break
			}
		}
		wait = idleWait
		if b.raw == nil {
			continue
		}
		wait = busyWait
		select {
		case to <- b:
		case <-ctx.Done():
		}
	}
	return nil
}

// deliver decodes and hands on. Losses are looked for when nothing comes, too.
func (s *Source) deliver(ctx context.Context, out sources.Sink, read <-chan slab) error {
	s.events.enumerate()
	if err := s.put(ctx, out, time.Now()); err != nil {
		return err
	}
	quiet := time.NewTicker(time.Second)
	defer quiet.Stop()
	for {
		at := time.Now()
		select {
		case <-ctx.Done():
			return nil
		case b, ok := <-read:
			if !ok {
				return nil
			}
			at = b.read
			s.events.decode(b.raw)
		case <-quiet.C:
		}
		if err := s.put(ctx, out, at); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}

// put hands on what was decoded and what was lost meanwhile.
func (s *Source) put(ctx context.Context, out sources.Sink, read time.Time) error {
	lost, err := s.account()
	if err != nil {
		return err
	}
	if lost.Processes > 0 {
		s.log.Warn("process events lost", "events", lost.Processes)
		s.events.enumerate()
	}
	if s.events.builder.Len() == 0 && lost.Total() == 0 {
		return nil
	}
	b := sources.Batch{Events: s.events.builder.Build(), Lost: lost, Read: read}
	s.mu.Lock()
	s.stats.Read += int64(b.Events.Rows)
	s.stats.Lost = s.stats.Lost.Add(lost)
	s.stats.Lag = time.Since(read)
	s.mu.Unlock()
	return out.Put(ctx, b)
}

// account gives what was lost since it was last asked.
func (s *Source) account() (sources.Loss, error) {
	now, err := s.programs.counters()
	if err != nil {
		return sources.Loss{}, err
	}
	since := func(class int) int64 {
		return int64(now.LostRing[class] + now.LostScratch[class] - s.base.LostRing[class] - s.base.LostScratch[class])
	}
	lost := sources.Loss{Processes: since(classProcess), Network: since(classNetwork), Files: since(classFile), Malformed: s.events.takeMalformed()}
	s.mu.Lock()
	s.cuts += uint64(since(classPart))
	s.mu.Unlock()
	s.base = now
	return lost, nil
}

var _ sources.Source = (*Source)(nil)

// datasets by what a record tells.
const (
	processEvents = ecs.Process
	networkEvents = ecs.Network
	fileEvents    = ecs.File
)
