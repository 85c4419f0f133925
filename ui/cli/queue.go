package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"interdict/respond"
	"interdict/ui"
	"interdict/ui/text"
)

const (
	queueEvery = 30 * time.Second // between two looks at hosts that were down, by a console
	queueTaken = 10 * time.Minute // an order is one program's for so long
)

// queued are the orders that wait for their host.
func (s *state) queued(ctx context.Context) ([]respond.Order, error) {
	all, err := s.orders.All(ctx)
	var out []respond.Order
	for _, o := range all {
		if o.Queued(time.Now()) {
			out = append(out, o)
		}
	}
	return out, err
}

// tryQueue makes what waits for hosts that are up by now, and says how many were
// made. What still finds its host down goes on waiting; what is refused or fails
// is given up, and stays listed.
func (c *command) tryQueue(ctx context.Context, s *state) (made int, err error) {
	waiting, err := s.queued(ctx)
	if err != nil || len(waiting) == 0 {
		return 0, err
	}
	inventory, err := c.hostList().Inventory(ctx)
	if err != nil {
		return 0, err
	}
	for _, orders := range alike(waiting) {
		n, err := c.tryOrders(ctx, s, inventory, orders)
		if made += n; err != nil {
			return made, err
		}
	}
	return made, nil
}

// alike puts together what asks for the same, which one run makes on all hosts.
func alike(all []respond.Order) (groups [][]respond.Order) {
	at := map[string]int{}
	for _, o := range all {
		key := o.Kind + "\x00" + string(o.Body) + "\x00" + o.Actor.String()
		i, ok := at[key]
		if !ok {
			i = len(groups)
			at[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], o)
	}
	return groups
}

func (c *command) tryOrders(ctx context.Context, s *state, inventory *respond.Inventory, orders []respond.Order) (made int, err error) {
	var members []*respond.Member
	var taken []respond.Order
	for _, o := range orders {
		ok, err := s.orders.Take(ctx, o.ID, queueTaken)
		if err != nil {
			return 0, err
		}
		action, known := ui.FromOrder(o.Kind, o.Body)
		if !ok || !known {
			continue
		}
		taken = append(taken, o)
		members = append(members, &respond.Member{Name: o.Host, Action: action,
			Find: func(ctx context.Context) (respond.Host, error) { return c.Host(ctx, o.Host) }})
	}
	if len(members) == 0 {
		return 0, nil
	}
	actor := taken[0].Actor
	actor.Auto, actor.Program = respond.AutoQueue, respond.CurrentActor().Program
	fleet := &respond.Fleet{Journal: s.journal, Actor: actor, Approval: taken[0].Approval, Vet: vetter(s, inventory), Again: true}
	if err = fleet.Run(ctx, members, nil); errors.Is(err, respond.ErrFirst) {
		err = nil // said in the member
	}
	for i, m := range members {
		why, again := string(m.Step), m.Step == respond.Down || m.Step == respond.Untouched
		if m.Err != nil {
			why += ": " + m.Err.Error()
		}
		if m.Step == respond.Done {
			made++
		}
		err = errors.Join(err, s.orders.End(context.WithoutCancel(ctx), taken[i], m.Step == respond.Done, why, again))
	}
	return made, err
}

// keepTrying looks after the queue until ctx ends.
func (c *command) keepTrying(ctx context.Context, s *state, note func(string)) {
	for tick := time.NewTicker(queueEvery); ; {
		_, err := c.tryQueue(ctx, s)
		note(c.queueNote(ctx, s, err))
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
	}
}

// queueNote is what a screen says of the queue; "" when nothing waits.
func (c *command) queueNote(ctx context.Context, s *state, tried error) string {
	waiting, err := s.queued(ctx)
	switch {
	case ctx.Err() != nil:
		return ""
	case err != nil || tried != nil:
		return fmt.Sprintf("queue: cannot be looked after: %v", errors.Join(tried, err))
	case len(waiting) == 0:
		return ""
	}
	o := waiting[0]
	text := fmt.Sprintf("queue: %s %s as soon as it is up, until %s", respond.Verb(o.Kind), o.Host, o.Until.Format("15:04Z"))
	if n := len(waiting) - 1; n > 0 {
		text += fmt.Sprintf(", and %d more", n)
	}
	return text
}

// printQueue lists what was asked for and not done.
func (c *command) printQueue(ctx context.Context, w io.Writer, s *state) error {
	all, err := s.orders.All(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	for i, o := range all {
		if i == 0 {
			fmt.Fprintln(w, "NOT DONE\tHOST\tASKED\tBY\tWAITS UNTIL\tWHY")
		}
		until := "`--retry` only"
		switch {
		case o.Queued(now):
			until = o.Until.Format(time.RFC3339)
		case !o.Until.IsZero():
			until = "over since " + o.Until.Format(time.RFC3339)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", respond.Verb(o.Kind), text.Clean(o.Host), o.Made.Format(time.RFC3339), text.Clean(o.Actor.String()), until, text.Clean(o.Why))
	}
	return nil
}

// orderJSON is an order for programs.
func orderJSON(o respond.Order) map[string]any {
	kind := "failed"
	if o.Queued(time.Now()) {
		kind = "queued"
	}
	return map[string]any{"kind": kind, "change": o.Kind, "host": o.Host, "asked": o.Made, "by": o.Actor.String(), "until": o.Until, "why": o.Why}
}

// retryQueue is `standing --retry`.
func (c *command) retryQueue(ctx context.Context) error {
	s, err := c.makeState(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	made, err := c.tryQueue(ctx, s)
	if err != nil {
		return err
	}
	left, err := s.queued(ctx)
	fmt.Fprintf(c.Stdout, "done on %s, %d still wait\n", hostCount(made), len(left))
	return err
}

// forget is `standing --forget`.
func (c *command) forget(ctx context.Context, hosts []string) error {
	return c.withJournal(ctx, func(s *state) error {
		var all int64
		for _, h := range hosts {
			n, err := s.orders.Drop(ctx, h, "", nil)
			if all += n; err != nil {
				return err
			}
		}
		fmt.Fprintf(c.Stdout, "%d forgotten\n", all)
		return nil
	})
}
