//go:build amd64 || arm64

package ebpf

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"interdict/sources"
)

// Source is the kernel of this machine. One Run at a time.
type Source struct {
	config Config
	log    *slog.Logger

	loaded   chan struct{} // closed when what follows is set
	programs *programs
	tools    *toolTable
	err      error // why there are no programs

	running sync.Mutex
	runs    int

	mu    sync.Mutex
	stats sources.Stats
	base  kernelCounters // what was counted when it was last asked
	parts uint64         // parts of command lines and environments lost
}

// New loads the sensor into the kernel and attaches it. An error that this
// machine or user is to blame for is an [*Unsupported]. Close it.
func New(config Config) (*Source, error) {
	s, err := Start(config)
	if err != nil {
		return nil, err
	}
	if <-s.loaded; s.err != nil {
		return nil, s.err
	}
	return s, nil
}

// Start is New that does not wait for the kernel, which looks at the programs for
// some tenths of a second. What is plainly missing is an error at once; what the
// kernel refuses later is the error of Run, and a note of Stats.
func Start(config Config) (*Source, error) {
	if err := mayLoad(); err != nil {
		return nil, err
	}
	if _, err := cgroupID(config.Scope); err != nil {
		return nil, err
	}
	s := &Source{config: config, log: config.Log, loaded: make(chan struct{})}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	go func() {
		defer close(s.loaded)
		if s.config.Host.BootID == "" {
			s.config.Host = thisMachine()
		}
		s.tools = newToolTable()
		s.programs, s.err = load(config, s.tools)
	}()
	return s, nil
}

// Name is "ebpf".
func (s *Source) Name() string { return "ebpf" }

// Close takes the sensor out of the kernel. Run must have returned.
func (s *Source) Close() error {
	if <-s.loaded; s.err != nil {
		return nil
	}
	return s.programs.close()
}

// Stats may be called at any time.
func (s *Source) Stats() sources.Stats {
	select {
	case <-s.loaded:
		if s.err != nil {
			return sources.Stats{Notes: []string{s.err.Error()}}
		}
	default:
		return sources.Stats{Notes: []string{"starting"}}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	stats.Notes = append(s.programs.have.notes(), stats.Notes...)
	if s.parts > 0 {
		stats.Notes = append(stats.Notes, fmt.Sprintf("%d parts of long command lines were lost: those command lines are marked as cut", s.parts))
	}
	if s.base.LostState > 0 {
		stats.Notes = append(stats.Notes, fmt.Sprintf("%d processes could not be followed for want of kernel memory", s.base.LostState))
	}
	return stats
}

// Run delivers until ctx ends. What was there before comes first.
func (s *Source) Run(ctx context.Context, out sources.Sink) error {
	s.running.Lock()
	defer s.running.Unlock()
	select {
	case <-ctx.Done():
		return nil
	case <-s.loaded:
		if s.err != nil {
			return s.err
		}
	}
	e := newEvents(s.config.Host, s.programs, s.tools)
	since := s.programs.attached
	if s.runs > 0 {
		since = everything // the records of what began meanwhile went to another sink
	}
	s.runs++
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := newReader(s.programs.ring)
	ended := make(chan error, 1)
	go func() { ended <- r.run(ctx) }()
	e.enumerate(since)
	err := s.deliver(ctx, out, e, r)
	cancel()
	return errors.Join(err, <-ended)
}

// everything is a time after all others.
const everything = uint64(math.MaxUint64)

// The pace of what is done besides records: totals of transfers that stand
// still are asked for, and losses looked for when nothing comes.
const quietEvery = 250 * time.Millisecond

// deliver decodes and hands on.
func (s *Source) deliver(ctx context.Context, out sources.Sink, e *events, r *reader) error {
	d := delivery{Source: s, events: e, out: out}
	if err := d.put(ctx, time.Now()); err != nil {
		return quietly(ctx, err)
	}
	quiet := time.NewTicker(quietEvery)
	defer quiet.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case b, ok := <-r.slabs:
			if !ok {
				return nil
			}
			e.decode(b.raw)
			err = d.put(ctx, b.read)
			r.free(b)
		case <-quiet.C:
			e.refresh()
			e.sweep()
			err = d.put(ctx, time.Now())
		}
		if err != nil {
			return quietly(ctx, err)
		}
	}
}

// quietly turns the error of a sink that stops with ctx into none.
func quietly(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// delivery hands on what was decoded, with what was lost meanwhile.
type delivery struct {
	*Source
	events *events
	out    sources.Sink
	due    bool // processes were lost: look again when nothing is lost any more
}

func (d *delivery) put(ctx context.Context, read time.Time) error {
	lost, err := d.account()
	if err != nil {
		return err
	}
	switch {
	case lost.Processes > 0:
		d.due = true
	case d.due:
		d.due = false
		d.events.enumerate(everything)
	}
	e := d.events
	if e.builder.Len() == 0 && lost.Total() == 0 {
		return nil
	}
	b := sources.Batch{Events: e.builder.Build(), Lost: lost, Read: read}
	d.mu.Lock()
	d.stats.Read += int64(b.Events.Rows)
	d.stats.Lost = d.stats.Lost.Add(lost)
	if now := bootNow(); now > e.latest && e.latest > 0 {
		d.stats.Lag = time.Duration(now - e.latest)
	}
	d.mu.Unlock()
	return d.out.Put(ctx, b)
}

// account gives what was lost since it was last asked. What the numbers of the
// records miss beyond what the kernel counted is lost as well, of unknown kind.
func (d *delivery) account() (sources.Loss, error) {
	now, err := d.programs.counters()
	if err != nil {
		return sources.Loss{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	since := func(class int) int64 {
		return int64(now.LostRing[class] + now.LostScratch[class] - d.base.LostRing[class] - d.base.LostScratch[class])
	}
	lost := sources.Loss{Processes: since(classProcess), Network: since(classNetwork), Files: since(classFile), Malformed: d.events.takeMalformed()}
	d.parts += uint64(since(classPart))
	d.base = now
	if total := lost.Total(); total > 0 {
		d.log.Warn("events lost", "processes", lost.Processes, "network", lost.Network, "files", lost.Files, "malformed", lost.Malformed)
	}
	return lost, nil
}

var _ sources.Source = (*Source)(nil)
