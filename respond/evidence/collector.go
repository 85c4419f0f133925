package evidence

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"interdict/respond"
)

const (
	patience  = 15 * time.Second // without a byte: what is being read never ends
	hurry     = 1500 * time.Millisecond
	maxFrames = 1024 // answers to one request
	attempts  = 3    // that bring nothing, until a host counts as gone
)

var (
	errSilent = errors.New("nothing more came of it")
	errFull   = errors.New("the bundle cannot be written")
)

// collector turns frames into entries of the spool.
type collector struct {
	in       *intent
	spool    *spool
	requests []request
	progress func(Progress)

	items  []Item
	have   map[string]bool // keys of items
	done   map[int]bool    // requests that were answered to the end
	total  int64           // bytes taken
	now    *current        // nil between frames
	why    string          // why it ended early; ""
	fault  error           // of the spool: nothing more can be written
	frames int             // of the request that is being answered

	mu   sync.Mutex
	last time.Time // something came
}

// load takes over what an earlier run has.
func (c *collector) load(lines []logLine) {
	c.have, c.done = map[string]bool{}, map[int]bool{}
	for _, l := range lines {
		if l.Item != nil {
			c.take(*l.Item)
		}
		if l.Done > 0 {
			c.done[l.Done] = true
		}
	}
}

// take adds an item, or puts one of which more is known by now in its place.
func (c *collector) take(item Item) {
	if c.have[item.Key] {
		at := slices.IndexFunc(c.items, func(i Item) bool { return i.Key == item.Key })
		c.items[at] = item
		return
	}
	c.items, c.have[item.Key] = append(c.items, item), true
	c.total += item.Size
}

func (c *collector) remaining() []request {
	var list []request
	for _, r := range c.requests {
		if !c.done[r.id] {
			list = append(list, r)
		}
	}
	return list
}

// run asks for everything that is left, anew when the connection is lost, and
// without what the host never finishes. It returns when there is nothing left,
// ctx has ended, or the host is gone; why says so.
func (c *collector) run(ctx context.Context, h respond.Streamer, limit time.Duration) {
	for tried := 0; c.why == ""; {
		left := c.remaining()
		if len(left) == 0 {
			return
		}
		before := len(c.items)
		err := c.attempt(ctx, h, limit, left)
		if len(c.items) > before {
			tried = 0
		}
		tried++
		switch {
		case err == nil:
		case c.fault != nil:
			c.why = c.fault.Error()
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			c.why = "time was over"
		case ctx.Err() != nil:
			c.why = "it was called off"
		case errors.Is(err, errSilent):
			c.giveUp(left)
		case tried >= attempts || c.in.Options.Capture && tried > 1:
			c.why = "the host answers no more: " + err.Error()
		}
	}
	c.interrupt(c.why)
	c.late()
}

// attempt has the script run once.
func (c *collector) attempt(ctx context.Context, h respond.Streamer, limit time.Duration, left []request) error {
	c.frames = 0
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c.touch()
	stop := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { c.watch(cancel, stop) })
	defer watching.Wait()
	defer close(stop)
	whole, stderr, err := stream(ctx, h, limit, left, c)
	c.attribute(stderr)
	if cause := context.Cause(ctx); errors.Is(cause, errSilent) {
		return cause
	}
	if err == nil && whole {
		for _, r := range left { // what was not answered never will be
			if !c.done[r.id] {
				c.leaveOut(&r, "the host did not answer this")
			}
		}
	}
	return err
}

// watch ends an attempt of which nothing comes any more.
func (c *collector) watch(cancel context.CancelCauseFunc, stop <-chan struct{}) {
	limit := patience
	if c.in.Options.Capture {
		limit = hurry
	}
	limit += c.in.Options.Packets
	t := time.NewTicker(limit / 10)
	defer t.Stop()
	for {
		select {
		case <-stop:
			return
		case <-t.C:
			c.mu.Lock()
			silent := time.Since(c.last) > limit
			c.mu.Unlock()
			if silent {
				cancel(errSilent)
				return
			}
		}
	}
}

func (c *collector) touch() {
	c.mu.Lock()
	c.last = time.Now()
	c.mu.Unlock()
}

// giveUp leaves out the request that the host never finishes; when none had
// begun, it is the host that is silent.
func (c *collector) giveUp(left []request) {
	r := &left[0]
	if c.now != nil {
		r = c.now.request
		c.interrupt(errSilent.Error())
	} else if r.id == 1 {
		c.why = "the host says nothing"
		return
	}
	c.leaveOut(r, errSilent.Error())
}

// leaveOut has a request not asked again. A fault of the spool is remembered.
func (c *collector) leaveOut(r *request, why string) {
	if !c.have[strconv.Itoa(r.id)] {
		_ = c.record(Item{Key: strconv.Itoa(r.id), Outcome: Failed, Why: why}, r)
	}
	_ = c.finishRequest(r.id)
}

// late records what was not asked for any more.
func (c *collector) late() {
	for _, r := range c.remaining() {
		if key := strconv.Itoa(r.id); !c.have[key] {
			item := Item{Key: key, Outcome: Late, Why: c.why}
			r.describe(&item)
			c.items = append(c.items, item) // not in the log: whoever goes on asks for it
		}
	}
}

// attribute adds what was said on standard error to what it was said about; of
// an open file that is, first, where it is.
func (c *collector) attribute(said map[string]string) {
	for i := range c.items {
		item := &c.items[i]
		text := said[item.Key]
		if text == "" || item.Stderr != "" {
			continue
		}
		number, _, part := strings.Cut(item.Key, ".")
		if n, err := strconv.Atoi(number); part && err == nil && c.requests[n-1].kind == "open" {
			item.Source, text, _ = strings.Cut(text, "\n")
		}
		item.Stderr = text
		if c.fault == nil {
			_ = c.full(c.spool.note(logLine{Item: item})) // a fault is remembered
		}
	}
}

func (c *collector) tell(what string) {
	if c.progress != nil {
		p := Progress{Done: len(c.done), Of: len(c.requests), Bytes: c.total, Now: what}
		if c.now != nil {
			p.Bytes += c.now.size()
		}
		c.progress(p)
	}
}

// nothing tells whether the host gave nothing at all.
func (c *collector) nothing() bool {
	for _, i := range c.items {
		if i.Entry != "" {
			return false
		}
	}
	return true
}

func (c *collector) whyNothing() string {
	if c.why != "" {
		return c.why
	}
	for _, i := range c.items {
		if i.Why != "" {
			return i.What + ": " + i.Why
		}
	}
	return "the host said nothing"
}
