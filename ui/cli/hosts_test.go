package cli

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"interdict/detect"
	"interdict/respond"
)

// fleet is this machine and an inventory.
type fleet struct{ inventory *respond.Inventory }

type named struct{ name string }

func (n named) Name() string { return n.name }
func (n named) Identity(context.Context) (respond.Identity, error) {
	return respond.Identity{HostID: "id-of-" + n.name, BootID: "boot-of-" + n.name}, nil
}

func (f fleet) Find(_ context.Context, name string) (respond.Host, error) {
	if _, ok := f.inventory.Find(name); !ok && name != respond.Local {
		return nil, errors.New("not listed")
	}
	return named{name}, nil
}
func (f fleet) Inventory(context.Context) (*respond.Inventory, error) { return f.inventory, nil }
func (f fleet) Close() error                                          { return nil }

// warmed counts how often it was connected to.
type warmed struct {
	named
	times *atomic.Int32
}

func (w warmed) Warm(context.Context) error { w.times.Add(1); return nil }

type warmFleet struct {
	fleet
	times *atomic.Int32
}

func (f warmFleet) Find(ctx context.Context, name string) (respond.Host, error) {
	h, err := f.fleet.Find(ctx, name)
	if name != respond.Local && err == nil {
		return warmed{named{name}, f.times}, nil
	}
	return h, err
}

func TestListedHostsWithAlertsAreConnectedToOnceAMinuteAtMost(t *testing.T) {
	inventory, err := respond.NewInventory([]respond.HostEntry{{Name: "web-1", Environment: "production"}, {Name: "db-1"}})
	if err != nil {
		t.Fatal(err)
	}
	now, times := time.Unix(1000, 0), new(atomic.Int32)
	c := &command{hosts: warmFleet{fleet{inventory}, times}, Program: Program{Now: func() time.Time { return now }}}
	c.config.Environment = "ci"
	live, next := &session{opened: &Opened{Fleet: true}}, map[string]time.Time{}
	var work sync.WaitGroup
	for range 3 {
		for _, h := range []detect.Host{{Name: "web-1", BootID: "b"}, {Name: "evil.example", BootID: "b"}, {Name: "here", BootID: "boot-of-local"}} {
			c.warm(t.Context(), live, h, next, &work)
		}
	}
	work.Wait()
	if n := times.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
	now = now.Add(2 * warmAgain)
	c.warm(t.Context(), live, detect.Host{Name: "web-1", BootID: "b"}, next, &work)
	work.Wait()
	if n := times.Load(); n != 2 {
		t.Errorf("%d connections", n)
	}
	if e := c.environmentOf(detect.Host{Name: "web-1"}); e != "ci" {
		t.Errorf("before the inventory was read: %q", e)
	}
	c.listed.Store(inventory)
	if a, b := c.environmentOf(detect.Host{Name: "web-1"}), c.environmentOf(detect.Host{Name: "db-1"}); a != "production" || b != "ci" {
		t.Errorf("%q, %q", a, b)
	}
}

func TestAnAlertLeadsToThisMachineOrToAListedHostAndNowhereElse(t *testing.T) {
	inventory, err := respond.NewInventory([]respond.HostEntry{{Name: "web-1", AgentIDs: []string{"agent-1"}}, {Name: "db-1", HostID: "id-of-db-1"}})
	if err != nil {
		t.Fatal(err)
	}
	c := &command{hosts: fleet{inventory}}
	live := &session{opened: &Opened{Local: true}}
	for _, x := range []struct {
		host detect.Host
		want string // "" refused
	}{
		{detect.Host{Name: "the-machine", ID: "id-of-local", BootID: "boot-of-local"}, "local"},
		{detect.Host{Name: "the-machine", ID: "id-of-local", BootID: "an earlier boot"}, "local"},
		{detect.Host{Name: "renamed", ID: "x", BootID: "y", AgentID: "agent-1"}, "web-1"},
		{detect.Host{Name: "web-9", ID: "id-of-db-1", BootID: "y"}, "db-1"},
		{detect.Host{Name: "WEB-1", BootID: "y"}, "web-1"},
		{detect.Host{Name: "evil.example", ID: "x", BootID: "y"}, ""},
		{detect.Host{Name: "db-1", ID: "x", BootID: "y"}, ""},
	} {
		h, err := c.hostOf(t.Context(), live, x.host)
		switch {
		case x.want == "" && !errors.Is(err, respond.ErrRefused):
			t.Errorf("%+v leads to %v, %v", x.host, h, err)
		case x.want != "" && (err != nil || h.Name() != x.want):
			t.Errorf("%+v leads to %v, %v", x.host, h, err)
		}
	}
	if h, err := c.hostOf(t.Context(), &session{opened: &Opened{Recorded: true}}, detect.Host{Name: "web-1"}); err == nil {
		t.Errorf("a recording leads to %v", h)
	}
}
