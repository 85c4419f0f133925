package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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

// current is the item that is being taken.
type current struct {
	item    Item
	request *request
	entry   *entry        // nil: what comes is not kept
	environ *bytes.Buffer // kept aside instead, for its redacted view
	left    int64
	cut     bool
}

// load takes over what an earlier run has.
func (c *collector) load(lines []logLine) {
	c.have, c.done = map[string]bool{}, map[int]bool{}
	for _, l := range lines {
		if l.Item != nil {
			c.items, c.have[l.Item.Key] = append(c.items, *l.Item), true
			c.total += l.Item.Size
		}
		if l.Done > 0 {
			c.done[l.Done] = true
		}
	}
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

// begin starts an item. One that was being taken when the last attempt was
// lost is taken anew.
func (c *collector) begin(id string, up time.Duration) error {
	c.touch()
	if err := c.drop(); err != nil {
		return err
	}
	r, part, ok := c.find(id)
	if !ok {
		return fmt.Errorf("%w: an answer to %q", errFrames, id)
	}
	if c.frames++; c.frames > maxFrames {
		return fmt.Errorf("%w: more than %d answers to one request", errFrames, maxFrames)
	}
	c.now = &current{request: r, left: min(r.cap, max(0, c.in.Options.Limits.Total-c.total)), item: Item{Key: id, Began: time.Now().UTC(), BeganUp: up}}
	c.tell(r.what)
	name := r.entry
	switch {
	case c.have[id] || r.kind == "open" && part == "":
		return nil
	case r.kind == "proc" && strings.HasSuffix(r.entry, "-environ"):
		c.now.environ = &bytes.Buffer{}
		return nil
	case r.kind == "memory" && part == "":
		name += "-ranges"
	case r.kind == "open":
		name += "-" + part
	}
	var err error
	c.now.entry, err = c.create(name)
	return c.full(err)
}

// create numbers the entry: the order in the archive is that of taking.
func (c *collector) create(name string) (*entry, error) {
	return c.spool.create(fmt.Sprintf("items/%04d-%s", len(c.spool.sums), name), true, true)
}

// find takes an id apart: "12" or, of requests with several answers, "12.4".
func (c *collector) find(id string) (r *request, part string, ok bool) {
	number, part, several := strings.Cut(id, ".")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > len(c.requests) || c.done[n] {
		return nil, "", false
	}
	r = &c.requests[n-1]
	if several {
		k, err := strconv.Atoi(part)
		ok := err == nil && k >= 0 && part == strconv.Itoa(k) && (r.kind == "open" || r.kind == "memory")
		return r, part, ok
	}
	return r, "", true
}

// data keeps what there is room for.
func (c *collector) data(b []byte) error {
	c.touch()
	n := c.now
	if n.environ == nil && n.entry == nil { // what is there already
		return nil
	}
	if int64(len(b)) > n.left {
		b, n.cut = b[:n.left], true
	}
	n.left -= int64(len(b))
	if n.environ != nil {
		n.environ.Write(b)
		return nil
	}
	_, err := n.entry.Write(b)
	return c.full(err)
}

// end makes an item of it; the answer to the request itself is its last one.
func (c *collector) end(status string, up time.Duration) error {
	c.touch()
	n := c.now
	n.item.EndedUp, n.item.Status = up, status
	if err := c.finish(n.outcome(status)); err != nil {
		return err
	}
	if strings.Contains(n.item.Key, ".") {
		return nil
	}
	return c.finishRequest(n.request.id)
}

// outcome says what a status means.
func (n *current) outcome(status string) (outcome, why string) {
	switch status {
	case "gone":
		return Gone, "the process has ended, or its number is another's"
	case "none":
		return Absent, "there is none"
	case "type":
		return Failed, "no regular file: not opened"
	case "link":
		return Failed, "reached through a symbolic link: not followed"
	case "fs":
		return Failed, "a file that the kernel makes: not read"
	case "tool":
		return Absent, "the host does not have what shows it"
	}
	switch {
	case n.cut:
		return Cut, fmt.Sprintf("there is more than the %s that are taken", size(n.request.cap))
	case status == "1" && n.size() == 0 && n.request.kind == "owner":
		return Absent, "no package owns it"
	case status != "0" && n.size() == 0:
		return Failed, "ended with " + status
	case status != "0":
		return Taken, "ended with " + status
	}
	return Taken, ""
}

func (n *current) size() int64 {
	switch {
	case n.environ != nil:
		return int64(n.environ.Len())
	case n.entry != nil:
		return n.entry.size
	}
	return 0
}

// finish records the item that is being taken, with what there is of it.
func (c *collector) finish(outcome, why string) error {
	n := c.now
	c.now = nil
	n.item.Outcome, n.item.Why, n.item.Ended = outcome, why, time.Now().UTC()
	switch {
	case c.have[n.item.Key]:
		return nil
	case n.environ != nil:
		return c.environment(n)
	case n.entry == nil && outcome == Taken:
		return nil
	case n.entry == nil:
		return c.record(n.item, n.request)
	case n.entry.size == 0 && outcome != Taken:
		if err := n.entry.drop(); err != nil {
			return c.full(err)
		}
		return c.record(n.item, n.request)
	}
	return c.keep(n.entry, n.item, n.request)
}

// keep makes the entry one of the archive and records its item.
func (c *collector) keep(e *entry, item Item, r *request) error {
	if err := e.finish(item.Ended); err != nil {
		return c.full(err)
	}
	item.Entry, item.Size, item.SHA256 = e.name, e.size, e.hash()
	c.total += e.size
	return c.note(item, r, &c.spool.sums[len(c.spool.sums)-1])
}

// environment keeps the redacted view, and the environment itself for recipients.
func (c *collector) environment(n *current) error {
	if n.environ.Len() == 0 {
		return c.record(n.item, n.request)
	}
	write := func(name string, b []byte, item Item) error {
		e, err := c.create(n.request.entry + name)
		if err == nil {
			_, err = e.Write(b)
		}
		if err != nil {
			return c.full(err)
		}
		return c.keep(e, item, n.request)
	}
	view := n.item
	view.Key += ".view"
	if !c.have[view.Key] {
		if err := write("-redacted", Redacted(n.environ.Bytes()), view); err != nil {
			return err
		}
	}
	if len(c.in.Options.Recipients) == 0 {
		return nil
	}
	return write("", n.environ.Bytes(), n.item)
}

// record notes an item of which nothing is in the archive.
func (c *collector) record(item Item, r *request) error { return c.note(item, r, nil) }

func (c *collector) note(item Item, r *request, in *sum) error {
	item.What, item.Source = r.what, r.source
	if r.process.PID != 0 {
		item.Process = r.process.String()
	}
	if item.Began.IsZero() {
		item.Began = time.Now().UTC()
		item.Ended = item.Began
	}
	c.items, c.have[item.Key] = append(c.items, item), true
	return c.full(c.spool.note(logLine{Entry: in, Item: &item}))
}

// finishRequest: it need not be asked again.
func (c *collector) finishRequest(id int) error {
	c.done[id], c.frames = true, 0
	return c.full(c.spool.note(logLine{Done: id}))
}

// full remembers that the bundle cannot be written any more.
func (c *collector) full(err error) error {
	if err != nil && c.fault == nil {
		c.fault = fmt.Errorf("%w: %w", errFull, err)
	}
	return c.fault
}

// drop leaves out what was being taken.
func (c *collector) drop() error {
	n := c.now
	if c.now = nil; n == nil || n.entry == nil {
		return nil
	}
	return c.full(n.entry.drop())
}

// interrupt keeps what there is of the item that was being taken.
func (c *collector) interrupt(why string) {
	switch {
	case c.now == nil:
	case c.fault != nil:
		_ = c.drop() // what could not be written
	default:
		outcome := Cut
		if c.now.size() == 0 {
			outcome = Failed
		}
		_ = c.finish(outcome, why) // a fault is remembered
	}
}

// late records what was not asked for any more.
func (c *collector) late() {
	for _, r := range c.remaining() {
		if key := strconv.Itoa(r.id); !c.have[key] {
			item := Item{Key: key, Outcome: Late, Why: c.why, What: r.what, Source: r.source, Began: time.Now().UTC(), Ended: time.Now().UTC()}
			if r.process.PID != 0 {
				item.Process = r.process.String()
			}
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
	}
}

func (c *collector) tell(what string) {
	if c.progress != nil {
		c.progress(Progress{Done: len(c.done), Of: len(c.requests), Bytes: c.total, Now: what})
	}
}

// given takes what the caller has. Who goes on with a bundle may not have it any more.
func (c *collector) given(extras []Extra) {
	for i, name := range c.in.Given {
		key := fmt.Sprintf("given.%d", i+1)
		if c.have[key] {
			continue
		}
		if c.fault != nil {
			c.items = append(c.items, Item{Key: key, What: "given: " + name, Outcome: Late, Why: c.fault.Error(), Began: time.Now().UTC(), Ended: time.Now().UTC()})
			continue
		}
		r := &request{what: "given: " + name, source: "the console", cap: c.in.Options.Limits.File}
		c.tell(r.what)
		at := slices.IndexFunc(extras, func(x Extra) bool { return x.Name == name })
		if at < 0 {
			_ = c.record(Item{Key: key, Outcome: Late, Why: "it was not given again when this was gone on with"}, r)
			continue
		}
		if err := c.give(key, extras[at], r); err != nil && c.fault == nil {
			_ = c.record(Item{Key: key, Outcome: Failed, Why: err.Error()}, r) // a fault is remembered
		}
	}
}

func (c *collector) give(key string, x Extra, r *request) error {
	from, err := x.Open()
	if err != nil {
		return err
	}
	defer from.Close()
	e, err := c.create("given-" + x.Name)
	if err != nil {
		return c.full(err)
	}
	c.now = &current{request: r, entry: e, left: r.cap, item: Item{Key: key, Began: time.Now().UTC()}}
	_, err = io.Copy(given{c}, io.LimitReader(from, r.cap+1))
	if c.fault != nil {
		return c.fault
	}
	if err != nil {
		return c.finish(Cut, err.Error())
	}
	return c.finish(c.now.outcome("0"))
}

// given writes to the item that is being taken.
type given struct{ c *collector }

func (g given) Write(b []byte) (int, error) { return len(b), g.c.data(b) }
