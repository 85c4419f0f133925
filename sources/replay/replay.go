package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/frame"
)

const (
	batchRows = 1024
	// batchTime is how long a live source gathers before it delivers; see DESIGN §4.
	batchTime = 10 * time.Millisecond
)

// Config says what is played and how.
type Config struct {
	Name  string // as the user calls it; "" is "replay"
	Note  string // said first in Stats().Notes
	Open  func() (io.ReadCloser, error)
	Speed float64 // 1: as recorded, 4: four times as fast; 0: as fast as it is taken
	AsNow bool    // move all dates by one amount so that it happens now
	// Now and After are the clock; nil: the machine's.
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
}

// Source plays a recording. It may be run again, which begins at the beginning.
type Source struct {
	cfg Config

	mu      sync.Mutex
	read    int64
	lost    sources.Loss
	lag     time.Duration
	first   string // the first line that could not be read
	ended   string // why the recording ended early
	misfits []ecs.Misfit
}

// New makes a source; nothing is opened before Run.
func New(cfg Config) *Source {
	if cfg.Name == "" {
		cfg.Name = "replay"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.After == nil {
		cfg.After = time.After
	}
	return &Source{cfg: cfg}
}

// Name is what the user calls it.
func (s *Source) Name() string { return s.cfg.Name }

// Run plays the recording from its beginning to its end.
func (s *Source) Run(ctx context.Context, out sources.Sink) error {
	p := &play{source: s, out: out, start: s.cfg.Now()}
	if err := p.run(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// Stats tells how far it is, and what could not be played.
func (s *Source) Stats() sources.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := sources.Stats{Read: s.read, Lost: s.lost, Lag: s.lag}
	if s.cfg.Note != "" {
		st.Notes = append(st.Notes, s.cfg.Note)
	}
	if s.first != "" {
		st.Notes = append(st.Notes, fmt.Sprintf("%d lines of the recording could not be read; the first is %s", s.lost.Malformed, s.first))
	}
	if s.ended != "" {
		st.Notes = append(st.Notes, s.ended)
	}
	for _, m := range s.misfits {
		st.Notes = append(st.Notes, m.String())
	}
	return st
}

func (s *Source) bad(number int, line []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost.Malformed++
	if s.first == "" {
		s.first = fmt.Sprintf("line %d: %v", number, err)
		if len(line) > 0 {
			s.first += fmt.Sprintf(": %.80q", line[:min(len(line), 80)])
		}
	}
}

// garbage is the error of a recording in which nothing could be read.
func (s *Source) garbage(any bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if any || s.lost.Malformed == 0 {
		return nil
	}
	if s.first == "" {
		return errors.New(s.ended)
	}
	return fmt.Errorf("no line is an event; the first is %s", s.first)
}

func (s *Source) cut(number int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost.Malformed++
	s.ended = fmt.Sprintf("the recording ends early, after line %d: %v", number, err)
}

// delivered is told after a batch was taken.
func (s *Source) delivered(rows int, lag time.Duration, misfits []ecs.Misfit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read += int64(rows)
	s.lag = max(lag, 0)
	if len(misfits) > 0 {
		s.misfits = misfits
	}
}

// play is one run.
type play struct {
	source *Source
	out    sources.Sink
	start  time.Time // wall clock
	shift  time.Duration

	lines   *ecs.Lines
	decoder *ecs.Decoder
	dates   *dates
	origin  time.Time // recorded time of the first event; zero until it was seen
	due     time.Time // when the rows gathered may be delivered
	lost    sources.Loss
	any     bool
}

func (p *play) run(ctx context.Context) error {
	if p.source.cfg.AsNow {
		if err := p.findShift(ctx); err != nil {
			return err
		}
	}
	closer, err := p.open()
	if err != nil {
		return err
	}
	defer closer()
	p.decoder = ecs.NewDecoder(ecs.DecoderOptions{Shift: p.shift})
	if err := p.lineByLine(ctx); err != nil {
		return err
	}
	if err := p.deliver(ctx); err != nil {
		return err
	}
	return p.source.garbage(p.any)
}

// open begins to read the recording.
func (p *play) open() (closer func(), err error) {
	file, err := p.source.cfg.Open()
	if err != nil {
		return nil, err
	}
	plain, err := ecs.Plain(file)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("reading the recording: %w", err)
	}
	p.lines = ecs.NewLines(plain, 0)
	p.dates = newDates()
	return func() { plain.Close(); file.Close() }, nil
}

// findShift looks for the event that is to happen now: the first at recorded
// speed, else the last.
func (p *play) findShift(ctx context.Context) error {
	closer, err := p.open()
	if err != nil {
		return err
	}
	defer closer()
	var anchor time.Time
	for ctx.Err() == nil {
		line, bad, ok := p.lines.Next()
		if !ok {
			break
		}
		at, has := p.dates.of(line)
		if bad == nil && has && at.After(anchor) {
			anchor = at
		}
		if !anchor.IsZero() && p.source.cfg.Speed == 1 {
			break
		}
	}
	if !anchor.IsZero() {
		p.shift = p.start.Sub(anchor).Truncate(time.Millisecond)
	}
	return ctx.Err()
}

func (p *play) lineByLine(ctx context.Context) error {
	for {
		line, bad, ok := p.lines.Next()
		if !ok {
			break
		}
		if bad != nil {
			p.bad(nil, bad)
			continue
		}
		if err := p.line(ctx, line); err != nil {
			return err
		}
	}
	if err := p.lines.Err(); err != nil {
		p.source.cut(p.lines.Number(), err)
		p.lost.Malformed++
	}
	return nil
}

// line waits until the event is due and gathers it.
func (p *play) line(ctx context.Context, line []byte) error {
	if p.source.cfg.Speed > 0 {
		if err := p.pace(ctx, line); err != nil {
			return err
		}
	}
	if err := p.decoder.Document(line); err != nil {
		p.bad(line, err)
		return ctx.Err()
	}
	p.any = true
	if p.decoder.Len() >= batchRows {
		return p.deliver(ctx)
	}
	return ctx.Err()
}

// pace delivers what is gathered and waits, unless the event is due together with it.
func (p *play) pace(ctx context.Context, line []byte) error {
	at, ok := p.dates.of(line)
	if !ok {
		return nil
	}
	if p.origin.IsZero() {
		p.origin = at
	}
	due := p.start.Add(time.Duration(float64(at.Sub(p.origin)) / p.source.cfg.Speed))
	if !due.After(p.due) {
		return nil
	}
	if err := p.deliver(ctx); err != nil {
		return err
	}
	p.due = due.Add(batchTime)
	wait := due.Sub(p.source.cfg.Now())
	if wait <= 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-p.source.cfg.After(wait):
		return nil
	}
}

func (p *play) bad(line []byte, err error) {
	p.lost.Malformed++
	p.source.bad(p.lines.Number(), line, err)
}

// deliver hands over what is gathered; what was lost before it goes with it.
func (p *play) deliver(ctx context.Context) error {
	rows := p.decoder.Len()
	if rows == 0 && p.lost.Total() == 0 {
		return nil
	}
	now := p.source.cfg.Now()
	batch := sources.Batch{Events: p.decoder.Build(), Lost: p.lost, Read: now}
	if err := p.out.Put(ctx, batch); err != nil {
		return err
	}
	p.lost = sources.Loss{}
	p.source.delivered(rows, p.lag(batch.Events, now), p.decoder.Misfits())
	return nil
}

// lag is the age of the newest event, where the recording is moved to now.
func (p *play) lag(f *frame.Frame, now time.Time) time.Duration {
	ms, ok := f.Int(ecs.Timestamp.Name(), f.Rows-1)
	if !ok || !p.source.cfg.AsNow || p.source.cfg.Speed != 1 {
		return 0
	}
	return now.Sub(time.UnixMilli(ms))
}

// dates finds the time of an event without decoding the rest of it.
type dates struct{ decoder *ecs.Decoder }

func newDates() *dates {
	field := frame.Field{Name: ecs.Timestamp.Name(), Type: frame.Date}
	return &dates{ecs.NewDecoder(ecs.DecoderOptions{Fields: []frame.Field{field}})}
}

func (d *dates) of(line []byte) (time.Time, bool) {
	if d.decoder.Document(line) != nil {
		return time.Time{}, false
	}
	ms, ok := d.decoder.Build().Int(ecs.Timestamp.Name(), 0)
	return time.UnixMilli(ms), ok
}
