package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"interdict/sources"
	"interdict/sources/archive"
	"interdict/sources/ecs"
	"interdict/sources/esql"
	"interdict/sources/frame"
	"interdict/ui/cli"
)

// counted is a history whose daily counts are kept by themselves: they outlive
// the events that they count, and those of a cluster are this console's own.
type counted struct {
	sources.History
	counts sources.History
}

// unread is a history that cannot be read.
type unread struct{ err error }

// Query says why.
func (u unread) Query(context.Context, sources.Query) (*frame.Frame, sources.Quality, error) {
	return nil, sources.Quality{}, fmt.Errorf("the counts cannot be read: %w", u.err)
}

// Query has the counts answer for their own index, and the history for all others.
func (c counted) Query(ctx context.Context, q sources.Query) (*frame.Frame, sources.Quality, error) {
	if s, err := esql.Prepare(q.Text, q.Params...); err == nil && asksCounts(s.From()) {
		return c.counts.Query(ctx, q)
	}
	return c.History.Query(ctx, q)
}

// asksCounts tells whether all that FROM names is of the counts.
func asksCounts(patterns string) bool {
	name, _, _ := strings.Cut(ecs.Counts.Index(), "-")
	for p := range strings.SplitSeq(patterns, ",") {
		if !strings.HasPrefix(strings.TrimSpace(p), name) {
			return false
		}
	}
	return patterns != ""
}

var unsafe = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// openCounts opens the counts of what the sources see; of a recording none are kept.
func openCounts(ctx context.Context, opened *cli.Opened, o cli.OpenOptions) error {
	if opened.Recorded {
		return nil
	}
	dir := ""
	if o.StateDir != "" {
		dir = countsDir(o.StateDir, opened.Fleet, o.Sources)
	}
	kept, err := archive.Open(ctx, archive.Config{Dir: dir})
	if err != nil {
		return fmt.Errorf("counts: %w", err)
	}
	opened.Counts = kept
	if opened.History != nil {
		opened.History = counted{opened.History, kept}
	}
	end, events := opened.Close, opened.Kept
	opened.Close = func() error { return errors.Join(end(), kept.Close()) }
	opened.Kept = func() sources.Stats {
		s := events()
		for _, note := range kept.Stats().Notes {
			s.Notes = append(s.Notes, "counts: "+note)
		}
		return s
	}
	return nil
}

// countsDir keeps what different sources see apart.
func countsDir(state string, fleet bool, from []string) string {
	name := "counts"
	if fleet {
		name += "-" + unsafe.ReplaceAllString(strings.Join(from, "-"), "-")
	}
	return filepath.Join(state, name)
}
