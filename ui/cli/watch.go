package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"interdict/detect"
	"interdict/ui/text"
)

// watch prints alerts as ECS NDJSON until its sources end.
func (c *command) watch() *cobra.Command {
	var o OpenOptions
	var speed, failOn string
	var all bool
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Print alerts as ECS NDJSON, one a line, without a screen",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if o.Speed, err = parseSpeed(speed); err != nil {
				return err
			}
			return c.runWatch(cmd.Context(), o, failOn, all)
		},
	}
	addSourceFlags(cmd, &o)
	cmd.Flags().StringVar(&speed, "speed", "max", "of a recording: max, or a factor such as 1 or 20")
	cmd.Flags().StringVar(&failOn, "fail-on", "", "exit with 10 after an alert of this severity or above: low, medium, high, critical")
	cmd.Flags().BoolVar(&all, "all", false, "also print what is routine inside its limits, and what exceptions hide; else these are counted")
	return cmd
}

func parseSpeed(s string) (float64, error) {
	if s == "max" {
		return 0, nil
	}
	f, err := strconv.ParseFloat(strings.TrimSuffix(s, "x"), 64)
	if err != nil || !(f > 0) || f > 1e6 {
		return 0, usage("--speed %q: is max, or a factor above 0", s)
	}
	return f, nil
}

var severities = []string{"low", "medium", "high", "critical"}

func severityRank(s string) int {
	for i, name := range severities {
		if s == name {
			return i
		}
	}
	return -1
}

func (c *command) runWatch(ctx context.Context, o OpenOptions, failOn string, all bool) error {
	if failOn != "" && severityRank(failOn) < 0 {
		return usage("--fail-on %q: is one of %s", failOn, strings.Join(severities, ", "))
	}
	out := &alertWriter{to: bufio.NewWriter(c.results()), worst: -1, all: all, held: map[string]bool{}}
	s, err := c.start(ctx, o, detect.Options{OnAlert: out.alert})
	if err != nil {
		return err
	}
	out.engine = s.engine
	if !s.opened.Recorded {
		c.hide(ctx, s)
	}
	if s.opened.Recorded && !o.Demo && len(o.Sources) == 0 {
		// Nobody asked for a recording: alerts of one would be taken for this machine's.
		return errors.Join(fmt.Errorf("this machine cannot be watched, and --demo was not asked for: %s", s.opened.Banner), s.opened.Close())
	}
	if s.opened.Banner != "" {
		fmt.Fprintln(c.Stderr, "interdict: "+text.CleanLines(s.opened.Banner))
	}
	looking, stop := context.WithCancel(ctx)
	var ended sync.WaitGroup
	ended.Go(func() { out.follow(looking) })
	err = s.run(ctx)
	stop()
	ended.Wait()
	out.look(s.engine.Snapshot())
	err = errors.Join(err, out.err(), s.opened.Close())
	s.report(c.Stderr, out.count())
	if folded := out.folded(s.engine.Snapshot()); folded != "" {
		fmt.Fprintln(c.Stderr, "interdict: not printed: "+text.CleanLines(folded)+"; --all prints them")
	}
	switch {
	case err != nil:
		return err
	case failOn != "" && out.worst >= severityRank(failOn):
		return &exit{code: Alerted}
	case s.lost().Total() > 0 || s.blind():
		return &exit{code: Degraded}
	}
	return nil
}

// hide has exceptions of this state directory act. Without any, or when they
// cannot be read, nothing is hidden.
func (c *command) hide(ctx context.Context, s *session) {
	kept, err := c.openState(ctx, false)
	if err != nil {
		return
	}
	defer kept.close()
	known := newSaid(kept.cases, "")
	known.Engine = s.engine
	if err := known.rule(ctx); err != nil {
		fmt.Fprintln(c.Stderr, "interdict: not all exceptions act: "+text.CleanLines(err.Error()))
	}
}

// alertWriter writes alerts, flushed: each when it is raised, or, when it is
// folded as routine or hidden then, as soon as it is neither.
type alertWriter struct {
	engine *detect.Engine
	all    bool

	mu     sync.Mutex
	to     *bufio.Writer
	line   []byte
	held   map[string]bool // ids of alerts that were not written
	alerts int
	worst  int // rank of the worst severity
	failed error
}

func (w *alertWriter) alert(a detect.Alert, change detect.Change) {
	if change != detect.Raised {
		return
	}
	f, ok := w.engine.Finding(a.ID)
	if !ok {
		f = &detect.Finding{Alert: a}
	}
	w.raised(f, a)
}

func (w *alertWriter) raised(f *detect.Finding, a detect.Alert) {
	if w.folds(f) {
		w.mu.Lock()
		w.held[a.ID] = true
		w.mu.Unlock()
		return
	}
	w.write(f.Of(a))
}

func (w *alertWriter) folds(f *detect.Finding) bool {
	return !w.all && (f.Exception != nil || f.Routine.Folds() && f.Breach == "")
}

// follow writes what was held back and is routine no longer, until ctx ends.
func (w *alertWriter) follow(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.engine.Changed():
			w.look(w.engine.Snapshot())
		}
	}
}

func (w *alertWriter) look(snap *detect.Snapshot) {
	for _, f := range snap.Findings {
		for _, a := range f.Alerts() {
			w.mu.Lock()
			held := w.held[a.ID]
			delete(w.held, a.ID)
			w.mu.Unlock()
			if held {
				w.write(f.Of(a))
			}
		}
	}
}

// folded says what was not written, by class.
func (w *alertWriter) folded(snap *detect.Snapshot) string {
	classes, n := map[string]int{}, 0
	for _, f := range snap.Routine {
		for _, a := range f.Alerts() {
			if w.held[a.ID] {
				classes["routine "+f.Routine.Class]++
				n++
			}
		}
	}
	if rest := len(w.held) - n; rest > 0 {
		classes["hidden by exceptions, or over"] = rest
	}
	var words []string
	for _, class := range slices.Sorted(maps.Keys(classes)) {
		words = append(words, fmt.Sprintf("%s %d", class, classes[class]))
	}
	return strings.Join(words, " · ")
}

func (w *alertWriter) write(f *detect.Finding) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.alerts++
	w.worst = max(w.worst, severityRank(f.Severity))
	w.line = append(f.AppendJSON(w.line[:0]), '\n')
	if _, err := w.to.Write(w.line); err != nil && w.failed == nil {
		w.failed = fmt.Errorf("alerts: %w", err)
	}
	if err := w.to.Flush(); err != nil && w.failed == nil {
		w.failed = fmt.Errorf("alerts: %w", err)
	}
}

func (w *alertWriter) err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed
}

func (w *alertWriter) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.alerts
}

// report says in one paragraph what was looked at, so that "no alerts" is
// never printed where "could not look" is the truth.
func (s *session) report(to io.Writer, alerts int) {
	snapshot := s.engine.Snapshot()
	fmt.Fprintf(to, "interdict: %d alerts, %d executions judged", alerts, snapshot.Judged)
	if lost := s.lost(); lost.Total() > 0 {
		fmt.Fprintf(to, "; LOST %d process, %d network, %d file events, %d unreadable records", lost.Processes, lost.Network, lost.Files, lost.Malformed)
	}
	fmt.Fprintln(to)
	if s.opened.Kept != nil {
		for _, note := range s.opened.Kept().Notes {
			fmt.Fprintln(to, "interdict: history: "+text.CleanLines(note))
		}
	}
	for _, source := range s.opened.Sources {
		for _, note := range source.Stats().Notes {
			fmt.Fprintln(to, "interdict: "+text.CleanLines(source.Name()+": "+note))
		}
	}
}
