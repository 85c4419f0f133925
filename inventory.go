package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"interdict/respond"
	"interdict/respond/local"
	"interdict/respond/process/remote"
	"interdict/respond/ssh"
	"interdict/ui/cli"
)

// hosts reads the inventory when a host other than this machine is asked for.
type hosts struct {
	options cli.HostsOptions
	network *ssh.Network

	mu        sync.Mutex
	config    *ssh.Config
	inventory *respond.Inventory // nil: not read yet
	made      map[string]respond.Host
}

func openHosts(o cli.HostsOptions) cli.Hosts {
	return &hosts{options: o, network: ssh.New(ssh.Options{Ask: o.Ask}), made: map[string]respond.Host{}}
}

// Find gives this machine, or one of the inventory over SSH.
func (h *hosts) Find(ctx context.Context, name string) (respond.Host, error) {
	if name == respond.Local {
		return local.New(), nil
	}
	inventory, err := h.Inventory(ctx)
	if err != nil {
		return nil, err
	}
	e, ok := inventory.Find(name)
	if !ok {
		return nil, fmt.Errorf("host %q is not among the %d of the inventory: list it as [[host]] in the configuration, or in ~/.ssh/config; local is this machine", name, len(inventory.Entries()))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if host := h.made[name]; host != nil {
		return host, nil
	}
	target, err := h.config.Target(ctx, e)
	if err != nil {
		return nil, err
	}
	h.made[name] = remote.New(h.network.Host(target))
	return h.made[name], nil
}

// Inventory joins what lists hosts: the configuration first, which has the last
// word, then Ansible's, then the ssh configuration.
func (h *hosts) Inventory(ctx context.Context) (*respond.Inventory, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.inventory != nil {
		return h.inventory, nil
	}
	config, err := ssh.ReadConfig(os.Getenv, h.options.SSHConfig...)
	if err != nil {
		return nil, err
	}
	lists := [][]respond.HostEntry{h.options.Entries}
	for _, path := range h.options.Ansible {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("inventory: %w", err)
		}
		entries, err := respond.ReadAnsible(path, b)
		if err != nil {
			return nil, err
		}
		lists = append(lists, entries)
	}
	if len(h.options.Command) > 0 {
		entries, err := listed(ctx, h.options.Command)
		if err != nil {
			return nil, err
		}
		lists = append(lists, entries)
	}
	inventory, err := respond.NewInventory(append(lists, config.Names())...)
	if err != nil {
		return nil, err
	}
	h.config, h.inventory = config, inventory
	return inventory, nil
}

// listed runs the program that lists hosts.
func listed(ctx context.Context, command []string) ([]respond.HostEntry, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var errs bytes.Buffer
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Stderr = &errs
	c.WaitDelay = time.Second
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("inventory: %s: %w: %s", command[0], err, bytes.TrimSpace(errs.Bytes()))
	}
	return respond.ReadAnsible(command[0], out)
}

// Close ends all connections.
func (h *hosts) Close() error { return h.network.Close() }
