package evidence

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// current is the item that is being taken.
type current struct {
	item    Item
	request *request
	entry   *entry        // nil: what comes is not kept
	environ *bytes.Buffer // kept aside instead, for its redacted view
	left    int64
	cut     bool
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
	c.tell(n.request.what)
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
	case "more":
		return Cut, "it has more regular files open than the 1000 that are taken"
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
	r.describe(&item)
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
