package cli

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/respond"
	"interdict/respond/reach"
)

// ChangeConfig is a [[change]] of the configuration: a window for which
// somebody announced a change, or a transfer.
type ChangeConfig struct {
	What  string    `toml:"what"`
	By    string    `toml:"by"`
	From  time.Time `toml:"from"`
	To    time.Time `toml:"to"`
	Hosts []string  `toml:"hosts"` // names of hosts or groups; none: every host
	Users []string  `toml:"users"` // who works in it; none: whoever
	Far   []string  `toml:"far"`   // addresses or networks that data goes to
}

func (c ChangeConfig) window() (playbooks.Window, error) {
	w := playbooks.Window{What: c.What, By: c.By, From: c.From, To: c.To, Hosts: c.Hosts, Users: c.Users, Source: "configuration"}
	for _, text := range c.Far {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			var a netip.Addr
			if a, err = netip.ParseAddr(text); err == nil {
				p, err = a.Prefix(a.BitLen())
			}
		}
		if err != nil {
			return w, fmt.Errorf("change %q: far %q is no address and no network", c.What, text)
		}
		w.Far = append(w.Far, p.Masked())
	}
	return w, w.Check()
}

func (c Config) checkChanges() error {
	for _, change := range c.Changes {
		if _, err := change.window(); err != nil {
			return &exit{Usage, err}
		}
	}
	return nil
}

// windows gives what the configuration and the calendars announce for a time;
// nil when neither is there.
func (c *command) windows() func(context.Context, time.Time) ([]playbooks.Window, error) {
	if len(c.config.Calendars)+len(c.config.Changes) == 0 {
		return nil
	}
	calendars := &playbooks.Calendars{Paths: c.config.Calendars}
	var fixed []playbooks.Window
	for _, change := range c.config.Changes {
		if w, err := change.window(); err == nil { // it was checked when it was read
			fixed = append(fixed, w)
		}
	}
	return func(ctx context.Context, at time.Time) ([]playbooks.Window, error) {
		out, err := calendars.At(ctx, at)
		return append(out, fixed...), err
	}
}

// secretsOf looks on the host of an alert, once it is proven to be the one by
// the boot that the alert was seen in.
func (c *command) secretsOf(s *session) func(context.Context, detect.Host, reach.Of) ([]reach.Secret, error) {
	return func(ctx context.Context, h detect.Host, of reach.Of) ([]reach.Secret, error) {
		host, err := c.hostOf(ctx, s, h)
		if err != nil {
			return nil, err
		}
		shell, ok := host.(respond.Shell)
		if !ok {
			return nil, fmt.Errorf("%s runs no scripts", host.Name())
		}
		return reach.Find(ctx, shell, of)
	}
}

// entryOf is what the inventory says of an alert's host.
func (c *command) entryOf(h detect.Host) (respond.HostEntry, bool) {
	inventory := c.listed.Load()
	if inventory == nil {
		return respond.HostEntry{}, false
	}
	e, err := inventory.Match(respond.Claim{AgentID: h.AgentID, HostID: h.ID, Name: h.Name})
	return e, err == nil
}
