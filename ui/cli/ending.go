package cli

import (
	"context"
	"sync"

	"interdict/sources"
)

// ending is a source that says of itself that it has ended: the console goes
// on, and must not look as if it were still watching.
type ending struct {
	sources.Source
	mu   sync.Mutex
	note string // "": it runs
}

// Run runs the source and notes why it ended.
func (e *ending) Run(ctx context.Context, out sources.Sink) error {
	err := e.Source.Run(ctx, out)
	if ctx.Err() != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.note = "it has ended"
	if err != nil {
		e.note = "STOPPED, nothing new is seen: " + err.Error()
	}
	return err
}

// Stats puts that first.
func (e *ending) Stats() sources.Stats {
	e.mu.Lock()
	note := e.note
	e.mu.Unlock()
	st := e.Source.Stats()
	if note != "" {
		st.Notes = append([]string{note}, st.Notes...)
	}
	return st
}
