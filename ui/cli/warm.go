package cli

import (
	"context"
	"sync"
	"time"

	"interdict/detect"
)

const (
	mostWarm  = 32          // hosts that are connected to because of their alerts
	warmAgain = time.Minute // before one that could not be reached is tried again
)

// warmer is a host that can be connected to before it is needed.
type warmer interface {
	Warm(ctx context.Context) error
}

// keepWarm reads the inventory and then connects to the listed hosts that have
// open alerts, so that a key acts at once. What fails is said when a plan is
// made. It ends with ctx.
func (c *command) keepWarm(ctx context.Context, s *session) {
	inventory, err := c.hostList().Inventory(ctx)
	if err != nil || len(inventory.Entries()) == 0 {
		return
	}
	c.listed.Store(inventory)
	var work sync.WaitGroup
	defer work.Wait()
	next := map[string]time.Time{}
	for tick := time.NewTicker(time.Second); ; {
		for _, f := range s.engine.Snapshot().Findings {
			c.warm(ctx, s, f.Host, next, &work)
		}
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
	}
}

// warm connects to the host of an alert when its time has come.
func (c *command) warm(ctx context.Context, s *session, of detect.Host, next map[string]time.Time, work *sync.WaitGroup) {
	key := of.AgentID + "\x00" + of.ID + "\x00" + of.Name
	at, known := next[key]
	if known && c.Now().Before(at) || !known && len(next) >= mostWarm {
		return
	}
	next[key] = c.Now().Add(warmAgain)
	h, err := c.hostOf(ctx, s, of)
	if err != nil {
		return
	}
	if w, ok := h.(warmer); ok {
		work.Go(func() { _ = w.Warm(ctx) })
	}
}

// groupOf is what an alert's host is compared with: the hosts of its first group
// in the inventory, else those of its environment.
func (c *command) groupOf(h detect.Host) string {
	if e, ok := c.entryOf(h); ok && len(e.Groups) > 0 {
		return e.Groups[0]
	}
	if h.Environment != "" {
		return h.Environment
	}
	return c.environmentOf(h)
}

// environmentOf is what the inventory says of an alert's host; else this
// machine's own.
func (c *command) environmentOf(h detect.Host) string {
	if e, ok := c.entryOf(h); ok && e.Environment != "" {
		return e.Environment
	}
	return c.config.Environment
}
