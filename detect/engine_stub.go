//go:build !esqlready

package detect

import (
	"context"
	"sync"
	"time"

	"interdict/sources"
)

// Change is what happened to an alert.
type Change string

// The changes. Updated: more source events, another severity, or it matches again.
const (
	Raised   Change = "raised"
	Updated  Change = "updated"
	NoLonger Change = "no longer"
	Closed   Change = "closed"
)

// Options configure an [Engine].
type Options struct {
	Rules   []*Rule
	History sources.History  // seeds windows and answers scheduled rules; nil: starts empty
	Now     func() time.Time // nil: time.Now
	// Recording makes the clock follow the events' own time: now is the newest
	// timestamp seen, whatever Now says. For recordings.
	Recording   bool
	Environment func(Host) string   // ci, staging, production; nil: what events say
	OnAlert     func(Alert, Change) // in order, never dropped; it may call the engine, and Put waits for it
}

// Engine evaluates rules on the stream of batches. It is safe for concurrent use.
type Engine struct {
	o       Options
	mu      sync.Mutex
	changed chan struct{}
}

// New makes an engine. Rules that cannot be run are listed in the snapshot with the reason.
func New(o Options) (*Engine, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Engine{o: o, changed: make(chan struct{}, 1)}, nil
}

// Put judges a batch.
func (e *Engine) Put(ctx context.Context, b sources.Batch) error { return ctx.Err() }

// Run is the clock: windows that end, scheduled rules, rates. It returns nil when ctx ends.
func (e *Engine) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Changed receives after something in the snapshot changed. Signals are coalesced.
func (e *Engine) Changed() <-chan struct{} { return e.changed }

// Snapshot gives the present state. It costs next to nothing while nothing changes.
func (e *Engine) Snapshot() *Snapshot { return &Snapshot{} }

// Finding gives the finding that an alert belongs to; closed alerts are found for a while.
func (e *Engine) Finding(alertID string) (*Finding, bool) { return nil, false }

// Close closes an alert: it leaves the snapshot, and only events that come later raise its rule's next one.
func (e *Engine) Close(alertID, reason string) {}

// Process gives a process by its entity id, as far as it is still remembered.
func (e *Engine) Process(entityID string) (Process, bool) { return Process{}, false }
