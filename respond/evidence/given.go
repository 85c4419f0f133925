package evidence

import (
	"fmt"
	"io"
	"slices"
	"time"
)

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
