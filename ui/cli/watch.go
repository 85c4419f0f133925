package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
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
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Print alerts as ECS NDJSON, one a line, without a screen",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if o.Speed, err = parseSpeed(speed); err != nil {
				return err
			}
			return c.runWatch(cmd.Context(), o, failOn)
		},
	}
	addSourceFlags(cmd, &o)
	cmd.Flags().StringVar(&speed, "speed", "max", "of a recording: max, or a factor such as 1 or 20")
	cmd.Flags().StringVar(&failOn, "fail-on", "", "exit with 10 after an alert of this severity or above: low, medium, high, critical")
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

func (c *command) runWatch(ctx context.Context, o OpenOptions, failOn string) error {
	if failOn != "" && severityRank(failOn) < 0 {
		return usage("--fail-on %q: is one of %s", failOn, strings.Join(severities, ", "))
	}
	out := &alertWriter{to: bufio.NewWriter(c.results()), worst: -1}
	s, err := c.start(ctx, o, detect.Options{OnAlert: out.alert})
	if err != nil {
		return err
	}
	if s.opened.Recorded && !o.Demo && len(o.Sources) == 0 {
		// Nobody asked for a recording: alerts of one would be taken for this machine's.
		return errors.Join(fmt.Errorf("this machine cannot be watched, and --demo was not asked for: %s", s.opened.Banner), s.opened.Close())
	}
	if s.opened.Banner != "" {
		fmt.Fprintln(c.Stderr, "interdict: "+text.CleanLines(s.opened.Banner))
	}
	err = errors.Join(s.run(ctx), out.err(), s.opened.Close())
	s.report(c.Stderr, out.count())
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

// alertWriter writes every alert when it is raised, flushed.
type alertWriter struct {
	mu     sync.Mutex
	to     *bufio.Writer
	line   []byte
	alerts int
	worst  int // rank of the worst severity
	failed error
}

func (w *alertWriter) alert(a detect.Alert, change detect.Change) {
	if change != detect.Raised {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.alerts++
	w.worst = max(w.worst, severityRank(a.Severity))
	w.line = append(a.AppendJSON(w.line[:0]), '\n')
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
