package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/ui/text"
)

// session is sources, archive and engine joined: what the console and watch share.
type session struct {
	opened *Opened
	engine *detect.Engine
	clock  *eventClock
	now    func() time.Time
	sinks  []sources.Sink // in this order
	sheets map[string]*playbooks.Sheet
}

func addSourceFlags(cmd *cobra.Command, o *OpenOptions) {
	cmd.Flags().StringArrayVar(&o.Sources, "source", nil, "ebpf, elasticsearch[:NAME] or replay:FILE; repeatable")
	cmd.Flags().BoolVar(&o.Demo, "demo", false, "the bundled recorded incident")
	cmd.Flags().StringVar(&o.Scope, "scope", "", "stay inside this cgroup (a path below /sys/fs/cgroup)")
}

// start opens what o names and makes an engine over it, which asks and tells
// whom engine says.
func (c *command) start(ctx context.Context, o OpenOptions, engine detect.Options) (*session, error) {
	if o.Demo && len(o.Sources) > 0 {
		return nil, usage("--demo is a source of its own: leave out --source")
	}
	rules, err := c.loadRules()
	if err != nil {
		return nil, err
	}
	if o.Scope == "" {
		o.Scope = c.config.Scope
	}
	o.MaxAge, o.MaxBytes = time.Duration(c.config.Archive.MaxAge), c.config.Archive.MaxBytes
	o.Cluster, o.Tables = c.cluster, c.config.Tables
	opened, err := c.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	sheets, err := playbooks.RuleSheets(rules)
	if err != nil {
		fmt.Fprintln(c.Stderr, "interdict: the guide of a rule is not used: "+text.CleanLines(err.Error()))
	}
	s := &session{opened: opened, sheets: sheets, clock: &eventClock{wall: c.Now, speed: o.Speed}}
	s.now = c.Now
	if opened.Recorded {
		s.now = s.clock.now
	}
	engine.Rules, engine.History, engine.Now, engine.Recording = rules, opened.History, s.now, opened.Recorded
	engine.Environment, engine.Group, engine.Sensitive = c.environmentOf, c.groupOf, c.config.places()
	engine.Counts, engine.Baseline = opened.Counts, int(time.Duration(c.config.Baseline)/(24*time.Hour))
	s.engine, err = detect.New(engine)
	if err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	s.sinks = []sources.Sink{s.clock, opened.Archive, s.engine}
	return s, nil
}

// loadRules gives the built-in and the configured rules. What cannot be used is said.
func (c *command) loadRules() ([]*detect.Rule, error) {
	rules, problems := detect.Builtin()
	for _, path := range c.config.Rules {
		more, bad, err := rulesAt(path)
		if err != nil {
			return nil, err
		}
		rules, problems = append(rules, more...), append(problems, bad...)
	}
	for _, p := range problems {
		if !p.Warning {
			fmt.Fprintln(c.Stderr, "interdict: "+text.CleanLines(p.Error()))
		}
	}
	return rules, nil
}

func rulesAt(path string) ([]*detect.Rule, []detect.Problem, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("rules: %w", err)
	}
	fsys, names, err := ruleFiles(path, info.IsDir())
	if err != nil {
		return nil, nil, err
	}
	rules, problems := detect.LoadRules(fsys, names...)
	return rules, problems, nil
}

// Put hands a batch to all sinks in turn.
func (s *session) Put(ctx context.Context, b sources.Batch) error {
	for _, sink := range s.sinks {
		if err := sink.Put(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// run ends when all sources have ended, or with ctx.
func (s *session) run(ctx context.Context) error {
	clock, stop := context.WithCancel(ctx)
	ticking := make(chan error, 1)
	go func() { ticking <- s.engine.Run(clock) }()
	var heap, each sync.WaitGroup
	heap.Go(func() { lean(clock) })
	errs := make([]error, len(s.opened.Sources))
	for i, source := range s.opened.Sources {
		each.Go(func() {
			if err := source.Run(ctx, s); err != nil && ctx.Err() == nil {
				errs[i] = fmt.Errorf("%s: %w", source.Name(), err)
			}
		})
	}
	each.Wait()
	stop()
	heap.Wait()
	<-ticking
	return errors.Join(errs...)
}

// note is a rule's own investigation guide.
func (s *session) note(ruleID string) string {
	for _, status := range s.engine.Snapshot().Rules {
		if status.Rule.ID == ruleID {
			return status.Rule.Note
		}
	}
	return ""
}

// blind tells whether a source cannot look: no alerts would mean nothing.
func (s *session) blind() bool {
	for _, source := range s.opened.Sources {
		if source.Stats().Blind != "" {
			return true
		}
	}
	return false
}

func (s *session) lost() sources.Loss {
	var l sources.Loss
	for _, source := range s.opened.Sources {
		l = l.Add(source.Stats().Lost)
	}
	return l
}

// absurd is how far ahead of an event a clock is not that of its recording:
// an event before it had a time that cannot be.
const absurd = 24 * time.Hour

// eventClock is the time of a recording: that of the newest event, and from
// there on as much later as the recording has gone on since.
type eventClock struct {
	wall  func() time.Time
	speed float64 // 0: as fast as possible, the clock stands between events

	mu     sync.Mutex
	newest time.Time
	at     time.Time // by the wall, when newest came
}

// Put takes the time from a batch.
func (c *eventClock) Put(_ context.Context, b sources.Batch) error {
	column := b.Events.Column(ecs.Timestamp.Name())
	if column == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for r := range b.Events.Rows {
		ms, ok := column.Int(r)
		at := time.UnixMilli(ms)
		if ok && (at.After(c.newest) || at.Before(c.newest.Add(-absurd))) {
			c.newest, c.at = at, c.wall()
		}
	}
	return nil
}

func (c *eventClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.newest.IsZero() {
		return c.wall()
	}
	return c.newest.Add(time.Duration(float64(c.wall().Sub(c.at)) * c.speed))
}
