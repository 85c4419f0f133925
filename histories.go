package main

import (
	"context"
	"errors"
	"sync"

	"interdict/sources"
	"interdict/ui/cli"
)

// asked is a live source that answers questions about its past itself.
type asked struct {
	sources.Source
	history sources.History
	end     func() error
}

// closing ends the connections of all clusters at once, then the rest.
func closing(all []sources.Source, rest func() error) func() error {
	var ends []func() error
	for _, s := range all {
		if cluster, ok := s.(*asked); ok {
			ends = append(ends, cluster.end)
		}
	}
	return func() error {
		errs := make([]error, len(ends))
		var each sync.WaitGroup
		for i, end := range ends {
			each.Go(func() { errs[i] = end() })
		}
		each.Wait()
		return errors.Join(append(errs, rest())...)
	}
}

// joinHistories gives what answers over all sources: each cluster for itself, and
// the archive for all that comes from elsewhere. What a cluster has is not kept a
// second time.
func joinHistories(opened *cli.Opened, kept sources.History) {
	switch {
	case !opened.Fleet:
		opened.History = kept
		return
	case len(opened.Sources) == 1:
		opened.History, opened.Archive = opened.Sources[0].(*asked).history, discard
		return
	}
	archive, local := opened.Archive, false
	opened.Several, opened.Archive = sources.NewSeveral(), discard
	for i, source := range opened.Sources {
		h := &heard{Source: source, several: opened.Several}
		if cluster, ok := source.(*asked); ok {
			opened.Several.Add(source.Name(), cluster.history)
		} else if h.kept = archive; !local {
			opened.Several.Add(source.Name(), kept)
			local = true
		}
		opened.Sources[i] = h
	}
	opened.History = opened.Several
}

var discard = sources.SinkFunc(func(ctx context.Context, _ sources.Batch) error { return ctx.Err() })

// heard is one of several sources, of which is remembered whose hosts are whose.
type heard struct {
	sources.Source
	several *sources.Several
	kept    sources.Sink // takes every batch before anybody else; nil: a cluster has it
}

// Run runs the source.
func (h *heard) Run(ctx context.Context, out sources.Sink) error {
	return h.Source.Run(ctx, sources.SinkFunc(func(ctx context.Context, b sources.Batch) error {
		h.several.Hear(h.Name(), b.Events)
		if h.kept != nil {
			if err := h.kept.Put(ctx, b); err != nil {
				return err
			}
		}
		return out.Put(ctx, b)
	}))
}
