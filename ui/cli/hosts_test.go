package cli

import (
	"context"
	"errors"
	"testing"

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
