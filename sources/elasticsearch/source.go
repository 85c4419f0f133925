package elasticsearch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"interdict/sources"
	"interdict/sources/ecs"
)

// The pace of a live source. Every poll looks back over overlap for what was
// being indexed when the last one looked; a far poll looks back over reach, for
// what came late and for sensors whose clock is wrong.
const (
	pollEvery = time.Second
	farEvery  = time.Minute
	overlap   = 2 * time.Minute
	reach     = 2*time.Hour + 30*time.Minute
	lateness  = time.Minute // later is counted as late, further ahead as of the future
	longest   = time.Minute // between polls that fail
)

// SourceConfig is what a live source takes besides the cluster.
type SourceConfig struct {
	Name string           // as the user calls it
	Back time.Duration    // how far before its start it begins; 0 is reach
	Now  func() time.Time // nil: the machine's
}

// Source delivers what transfer tools do, as it is indexed. It never ends by
// itself: a cluster that cannot be asked is asked again, and meanwhile the
// statistics say so. Nothing is missed by that: the next poll begins where the
// last good one ended. Only a first poll that is refused ends Run.
type Source struct {
	c   *Cluster
	cfg SourceConfig

	mu     sync.Mutex
	read   int64
	lost   sources.Loss
	lag    time.Duration
	first  string // the first document that could not be read
	hosts  map[string]*sources.Heard
	looked bool                 // something was answered
	blind  error                // why it cannot look
	since  time.Time            // when that began
	lacks  []string             // what the key may not
	doubts map[string]time.Time // what made a poll partial
	info   Info
}

// Source gives a live source over the cluster.
func (c *Cluster) Source(cfg SourceConfig) *Source {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Name == "" {
		cfg.Name = "elasticsearch:" + c.cfg.Name
	}
	if cfg.Back == 0 {
		cfg.Back = reach
	}
	return &Source{c: c, cfg: cfg, hosts: map[string]*sources.Heard{}, doubts: map[string]time.Time{}}
}

// Name is what the user calls it.
func (s *Source) Name() string { return s.cfg.Name }

// Run polls until ctx ends.
func (s *Source) Run(ctx context.Context, out sources.Sink) error {
	if ctx.Err() != nil {
		return nil
	}
	began := s.cfg.Now()
	p := &polling{Source: s, out: out, seen: newSeen(), above: above{}, began: began, from: began.Add(-s.cfg.Back), decoder: ecs.NewDecoder(ecs.DecoderOptions{})}
	s.introduce(ctx)
	err := p.run(ctx)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// introduce learns what the cluster is and what the key may; what cannot be
// learnt now the first poll says.
func (s *Source) introduce(ctx context.Context) {
	info, err := s.c.Info(ctx)
	if err != nil {
		return
	}
	lacks, err := s.c.Lacks(ctx, s.c.cfg.ConsoleRole())
	if err != nil {
		lacks = []string{"what this key may do is not known: " + err.Error()}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.info, s.lacks = info, lacks
}

// Stats tells how far it is, and what it cannot see.
func (s *Source) Stats() sources.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := sources.Stats{Read: s.read, Lost: s.lost, Lag: s.lag, About: s.info.String()}
	note := func(format string, args ...any) { st.Notes = append(st.Notes, fmt.Sprintf(format, args...)) }
	switch {
	case s.blind == nil && !s.looked:
		st.Blind = "nothing was seen yet: the first answer is awaited"
		note("%s", st.Blind)
	case s.blind != nil:
		st.Blind = s.blind.Error()
		note("CANNOT LOOK since %s: %v", s.since.Format(time.TimeOnly), s.blind)
	}
	for _, doubt := range sorted(s.doubts) {
		note("a poll at %s was partial: %s", s.doubts[doubt].Format(time.TimeOnly), doubt)
	}
	st.Notes = append(st.Notes, s.lacks...)
	if s.first != "" {
		note("%d documents could not be read; the first is %s", s.lost.Malformed, s.first)
	}
	st.Hosts = s.heard
	st.Notes = append(st.Notes, s.untimely()...)
	return st
}

// heard gives all hosts, by name.
func (s *Source) heard() []sources.Heard {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]sources.Heard, 0, len(s.hosts))
	for _, name := range sorted(s.hosts) {
		out = append(out, *s.hosts[name])
	}
	return out
}

// untimely tells of the hosts whose events are latest, and of those furthest ahead.
func (s *Source) untimely() (notes []string) {
	const most = 3 // of each; the rest is told by their number
	tell := func(what, why string, of func(*sources.Heard) (int64, time.Duration)) {
		var all []*sources.Heard
		for _, h := range s.hosts {
			if n, _ := of(h); n > 0 {
				all = append(all, h)
			}
		}
		slices.SortFunc(all, func(a, b *sources.Heard) int {
			_, x := of(a)
			_, y := of(b)
			return cmp.Or(cmp.Compare(y, x), cmp.Compare(a.Host, b.Host))
		})
		for _, h := range all[:min(len(all), most)] {
			n, by := of(h)
			notes = append(notes, fmt.Sprintf("%s: %d events %s, by up to %s%s", h.Host, n, what, by.Round(time.Second), why))
		}
		if n := len(all) - most; n > 0 {
			notes = append(notes, fmt.Sprintf("events of %d further hosts %s", n, what))
		}
	}
	tell("came late", "", func(h *sources.Heard) (int64, time.Duration) { return h.Late, h.LateBy })
	tell("are of the future", ": its clock is ahead", func(h *sources.Heard) (int64, time.Duration) { return h.Ahead, h.AheadBy })
	return notes
}

func sorted[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// polling is one run.
type polling struct {
	*Source
	out     sources.Sink
	seen    *seen
	above   above
	began   time.Time
	from    time.Time // where the next poll begins
	far     time.Time // when the next far poll is due
	good    bool      // a poll was answered
	decoder *ecs.Decoder
	lost    sources.Loss // since the last batch
	fresh   bool         // nothing has been delivered yet that could be late
}

func (p *polling) run(ctx context.Context) error {
	p.fresh = true
	for failed := 0; ; {
		at := p.cfg.Now()
		from := p.from
		wide := !p.far.IsZero() && !at.Before(p.far)
		if wide {
			from = earlier(from, at.Add(-reach))
		}
		err := p.poll(ctx, from)
		var stopped *sinkError
		switch {
		case errors.As(err, &stopped):
			return stopped.error
		case ctx.Err() != nil:
			return nil
		case err != nil && !p.good && !passing(err):
			return err
		case err != nil:
			failed++
			p.cannotLook(err, at)
		default:
			failed, p.good, p.fresh = 0, true, false
			p.from = at.Add(-overlap)
			if wide || p.far.IsZero() {
				p.far = at.Add(farEvery)
				p.seen.forget(at.Add(-reach - overlap - farEvery))
			}
			p.canLook()
		}
		wait := max(pollEvery-p.cfg.Now().Sub(at), pollEvery/4) // a poll a second, also of a cluster that is slow to answer
		if failed > 0 {
			wait = max(min(pollEvery<<min(failed-1, 6), longest), asked(err))
		}
		if err := p.c.sleep(ctx, wait); err != nil {
			return nil
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// passing tells whether to wait for it at the start too. Indices that nobody has
// made yet may be made.
func passing(err error) bool {
	var f *Fault
	return errors.As(err, &f) && (f.Passing() || f.Type == noIndex)
}

// asked is how long the cluster wants to be left alone, within reason.
func asked(err error) time.Duration {
	var f *Fault
	if errors.As(err, &f) {
		return min(f.After, longest)
	}
	return 0
}

func (s *Source) cannotLook(err error, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blind == nil {
		s.since = at
	}
	s.blind = err
}

func (s *Source) canLook() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blind, s.looked = nil, true
}

// sees notes that there was an answer, of which an alert may come before the poll ends.
func (s *Source) sees() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looked = true
}

// took counts what was delivered. Events that were there when the run began are
// not late.
func (p *polling) took(b sources.Batch, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.read += int64(b.Events.Rows)
	newest, before := time.Time{}, map[*sources.Heard]time.Time{}
	for row := range b.Events.Rows {
		ms, ok := b.Events.Int(ecs.Timestamp.Name(), row)
		if !ok {
			continue
		}
		at := time.UnixMilli(ms)
		if at.After(newest) {
			newest = at
		}
		host := b.Events.Text(ecs.HostName.Name(), row)
		if host == "" {
			host = "a host without a name"
		}
		h := p.host(host)
		if _, known := before[h]; !known {
			before[h] = h.Newest
		}
		hear(h, at, now, before[h], p.fresh)
	}
	if !newest.IsZero() && !p.fresh {
		p.lag = max(now.Sub(newest), 0)
	}
}

// mostHosts bounds the hosts that are told apart.
const mostHosts = 10_000

// host gives what was heard of one. The caller holds s.mu.
func (s *Source) host(name string) *sources.Heard {
	if _, known := s.hosts[name]; !known && len(s.hosts) >= mostHosts {
		name = "further hosts"
	}
	h := s.hosts[name]
	if h == nil {
		h = &sources.Heard{Host: name}
		s.hosts[name] = h
	}
	return h
}

// hear counts one event of a host, whose newest event of earlier batches is of a
// time before. Those that were there when the run began are neither late nor out of order.
func hear(h *sources.Heard, at, now, before time.Time, fresh bool) {
	behind := now.Sub(at)
	h.Events, h.At = h.Events+1, now
	if at.After(h.Newest) {
		h.Newest = at
	}
	if behind < -lateness {
		h.Ahead, h.AheadBy = h.Ahead+1, max(h.AheadBy, -behind)
	}
	if fresh {
		return
	}
	h.Lag = max(behind, 0)
	h.Most = max(h.Most, h.Lag)
	if behind > lateness {
		h.Late, h.LateBy = h.Late+1, max(h.LateBy, behind)
	}
	if at.Before(before) {
		h.Older++
	}
}

// sinkError tells an error of the sink from one of the cluster.
type sinkError struct{ error }

func (p *polling) deliver(ctx context.Context) error {
	if p.decoder.Len() == 0 && p.lost.Total() == 0 {
		return nil
	}
	now := p.cfg.Now()
	b := sources.Batch{Events: p.decoder.Build(), Lost: p.lost, Read: now}
	for row := range b.Events.Rows {
		p.above.take(b.Events, row)
	}
	p.sees()
	if err := p.out.Put(ctx, b); err != nil {
		return &sinkError{err}
	}
	p.lost = sources.Loss{}
	p.took(b, now)
	return nil
}

func (s *Source) bad(id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost.Malformed++
	if s.first == "" {
		s.first = fmt.Sprintf("%s: %v", id, err)
	}
}

func (s *Source) doubt(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.doubts) < 20 {
		s.doubts[strings.ToValidUTF8(why, "")] = s.cfg.Now()
	}
}
