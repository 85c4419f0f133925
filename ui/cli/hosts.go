package cli

import (
	"context"
	"errors"
	"fmt"

	"interdict/detect"
	"interdict/respond"
	"interdict/respond/isolate"
	"interdict/respond/process"
	"interdict/ui/text"
)

// InventoryConfig says where hosts are listed, besides the configuration itself.
type InventoryConfig struct {
	SSHConfig []string `toml:"ssh_config"` // files; the default is ~/.ssh/config and /etc/ssh/ssh_config
	Ansible   []string `toml:"ansible"`    // files with what `ansible-inventory --list` printed
	Command   []string `toml:"command"`    // a program, with its arguments, that prints the same
}

// HostConfig is a [[host]] of the configuration.
type HostConfig struct {
	Name        string            `toml:"name"`
	Address     string            `toml:"address"`
	Port        int               `toml:"port"`
	User        string            `toml:"user"`
	Jump        []string          `toml:"jump"`
	Keys        []string          `toml:"keys"`
	Groups      []string          `toml:"groups"`
	Labels      map[string]string `toml:"labels"`
	Environment string            `toml:"environment"`
	Owner       string            `toml:"owner"`
	Criticality string            `toml:"criticality"`
	Allow       []string          `toml:"allow"`
	AgentIDs    []string          `toml:"agent_ids"`
	HostID      string            `toml:"host_id"`
}

func (h HostConfig) entry() respond.HostEntry {
	return respond.HostEntry{Name: h.Name, Address: h.Address, Port: h.Port, User: h.User, Jump: h.Jump, Keys: h.Keys, Groups: h.Groups,
		Labels: h.Labels, Environment: h.Environment, Owner: h.Owner, Criticality: h.Criticality, Allow: h.Allow, AgentIDs: h.AgentIDs,
		HostID: h.HostID, Source: "configuration"}
}

// HostsOptions say where hosts are listed and who is asked.
type HostsOptions struct {
	InventoryConfig
	Entries []respond.HostEntry // of the configuration
	Ask     respond.Asker       // nil: nobody can be asked
}

// Hosts connects to the hosts of the inventory. This machine, respond.Local, is
// always there, also when the inventory cannot be read.
type Hosts interface {
	// Find gives the host that a person named.
	Find(ctx context.Context, name string) (respond.Host, error)
	// Inventory lists all but this machine.
	Inventory(ctx context.Context) (*respond.Inventory, error)
	// Close ends all connections.
	Close() error
}

// hostList opens what reaches hosts, once.
func (c *command) hostList() Hosts {
	c.opening.Lock()
	defer c.opening.Unlock()
	if c.hosts == nil {
		o := HostsOptions{InventoryConfig: c.config.Inventory, Ask: c.asker}
		for _, h := range c.config.Hosts {
			o.Entries = append(o.Entries, h.entry())
		}
		c.hosts = c.Hosts(o)
	}
	return c.hosts
}

// Host gives the host that a person named.
func (c *command) Host(ctx context.Context, name string) (respond.Host, error) {
	return c.hostList().Find(ctx, name)
}

// givesBack are the actions that take back what we changed: doubt about which
// host it is must never keep one cut off.
var givesBack = map[string]bool{process.KindResume: true, isolate.KindRelease: true, isolate.KindUnblock: true}

// vet refuses a host that is not the one that its name means, as far as its
// machine id tells. This machine needs no proof.
func (c *command) vet(ctx context.Context, s *state, h respond.Host, kind string) error {
	if h.Name() == respond.Local || givesBack[kind] {
		return nil
	}
	inventory, err := c.hostList().Inventory(ctx)
	if err != nil {
		return err
	}
	id, err := h.Identity(ctx)
	if err != nil {
		return err
	}
	return vetter(s, inventory)(ctx, h.Name(), id, kind)
}

// hostOf finds what acts on the machine that an alert, or a change that stands,
// names: this one, or one of the inventory. The process that an action is for
// carries the boot that it was seen in, which proves the host.
func (c *command) hostOf(ctx context.Context, s *session, h detect.Host) (respond.Host, error) {
	if s.opened.Recorded {
		return nil, fmt.Errorf("%s is not this machine: the events are a recording", text.Clean(h.Name))
	}
	return c.hostNamed(ctx, h)
}

// hostNamed is hostOf for what did not come from a recording.
func (c *command) hostNamed(ctx context.Context, h detect.Host) (respond.Host, error) {
	here, err := c.Host(ctx, respond.Local)
	if err != nil {
		return nil, err
	}
	id, err := here.Identity(ctx)
	if h.Name == respond.Local || err == nil && (h.BootID == id.BootID || h.ID == id.HostID && h.ID != "") {
		return here, nil
	}
	inventory, err := c.hostList().Inventory(ctx)
	if err != nil {
		return nil, err
	}
	e, err := inventory.Match(respond.Claim{AgentID: h.AgentID, HostID: h.ID, BootID: h.BootID, Name: h.Name})
	if err != nil {
		return nil, err
	}
	return c.Host(ctx, e.Name)
}

func (c *command) closeHosts() error {
	if c.hosts == nil {
		return nil
	}
	return c.hosts.Close()
}

// errNobody: a question came up and there is no terminal to ask at.
var errNobody = errors.New("it asks for something, and there is no terminal to answer at")
