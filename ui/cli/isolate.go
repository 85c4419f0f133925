package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"interdict/respond"
	"interdict/respond/evidence"
	"interdict/respond/isolate"
	"interdict/respond/process"
	"interdict/ui"
	"interdict/ui/text"
)

// IsolateConfig is what an isolated host keeps.
type IsolateConfig struct {
	Keep  []string `toml:"keep"`  // addresses and networks that may open SSH to it besides the operator's
	Allow []string `toml:"allow"` // ADDRESS:PORT or NAME:PORT that it may still talk to, as its log server
}

// isolateFlags are the options of the command as they were typed.
type isolateFlags struct {
	dest, keep, allow, override []string
	incident                    string
	dns, survive                bool
	within                      time.Duration
	first                       string
	fleet                       fleetFlags
}

func (c *command) isolate() *cobra.Command {
	f := &isolateFlags{}
	cmd := &cobra.Command{
		Use:   "isolate [HOST...|--group G]",
		Short: "Cut hosts off the network but for your SSH; proven, or the host restores itself",
		Long: "Cut hosts off the network, IPv4 and IPv6, established connections too, but for SSH from where you come from.\n" +
			"It is proven over a new login; when that is not done in time the host restores itself. Undone with release.",
		Args: hostsOrGroup(&f.fleet),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.fleet.retry {
				return c.again(cmd.Context(), &f.fleet, isolate.KindIsolate)
			}
			action, err := c.isolation(cmd.Context(), f, args)
			if err != nil {
				return &exit{Usage, err}
			}
			return c.onHosts(cmd.Context(), &f.fleet, args, action)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.dest, "dest", nil, "destination of the alert: tried as proof, stays blocked should the host restore itself")
	flags.StringSliceVar(&f.keep, "keep", nil, "address or network that may open SSH besides yours")
	flags.StringSliceVar(&f.allow, "allow", nil, "ADDRESS:PORT[/udp] that the host may still talk to")
	flags.BoolVar(&f.dns, "dns", false, "let the host ask its resolvers: a thief can send data through them")
	flags.BoolVar(&f.survive, "survive", false, "also after a restart of the host or of its firewall")
	flags.DurationVar(&f.within, "within", 2*time.Minute, "time for the proof, then the host restores itself")
	flags.StringVar(&f.first, "first", "", "PID@START: freeze this and its tree, and capture what there is of them, before the host is cut off; of one HOST")
	f.fleet.add(c, cmd, false)
	c.changeFlags(cmd, &f.incident, &f.override)
	return cmd
}

// isolation makes the action, preceded by a freeze and a capture where a process is named.
func (c *command) isolation(ctx context.Context, f *isolateFlags, args []string) (func(string) respond.Action, error) {
	o, err := c.isolateOptions(ctx, f)
	o.Used = c.users()
	if err != nil || f.first == "" {
		return func(string) respond.Action { return isolate.NewIsolate(o) }, err
	}
	target, err := respond.ParseProcessID(f.first)
	if err == nil && (len(args) != 1 || len(f.fleet.groups) > 0) {
		err = errors.New("--first names a process of one HOST")
	}
	take := c.evidenceOptions()
	take.Processes, take.Tree, take.Capture, take.Case = []respond.ProcessID{target}, true, true, o.Case
	return func(string) respond.Action {
		return &respond.Preceded{Action: isolate.NewIsolate(o), First: []respond.Action{
			process.NewFreeze(target, process.Options{Tree: true}), evidence.NewCollect(take)}}
	}, err
}

// changeFlags are those of everything that changes a host's network.
func (c *command) changeFlags(cmd *cobra.Command, incident *string, override *[]string) {
	cmd.Flags().StringVar(incident, "case", "", "noted on the host, as INC-0012")
	cmd.Flags().StringSliceVar(override, "override", nil, "words that a refusal asks for, as the role of the host")
}

// hostsOrGroup wants hosts, unless a group names them or a retry knows them.
func hostsOrGroup(f *fleetFlags) cobra.PositionalArgs {
	return unlessRetried(f, func(cmd *cobra.Command, args []string) error {
		if len(f.groups) > 0 {
			return nil
		}
		return atLeast(1, "HOST...")(cmd, args)
	})
}

// unlessRetried: what is tried again is known.
func unlessRetried(f *fleetFlags, wants cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case !f.retry:
			return wants(cmd, args)
		case len(args) > 0 || len(f.groups) > 0:
			return usage("--retry takes the hosts that are left, and names none")
		}
		return nil
	}
}

func (c *command) isolateOptions(ctx context.Context, f *isolateFlags) (isolate.Options, error) {
	o := isolate.Options{By: respond.CurrentActor().String(), Case: f.incident, DNS: f.dns, Survive: f.survive, Within: f.within, Overrides: f.override}
	var err error
	if o.Destinations, err = parseNets(f.dest); err != nil {
		return o, err
	}
	if o.Keep, err = parseNets(append(f.keep, c.config.Isolate.Keep...)); err != nil {
		return o, err
	}
	for _, s := range append(f.allow, c.config.Isolate.Allow...) {
		list, err := resolveEndpoint(ctx, s)
		if err != nil {
			return o, err
		}
		o.Allow = append(o.Allow, list...)
	}
	return o, nil
}

// checkNetwork reads what does not need a resolver.
func (c Config) checkNetwork() error {
	if _, err := parseNets(c.Isolate.Keep); err != nil {
		return usage("isolate.keep: %v", err)
	}
	for _, s := range c.Isolate.Allow {
		if _, _, err := splitEndpoint(s); err != nil {
			return usage("isolate.allow: %v", err)
		}
	}
	if _, err := isolate.ParseShared(strings.Join(c.Block.Shared, "\n")); err != nil {
		return usage("block.shared: %v", err)
	}
	return nil
}

// networkConfig is what the console's own keys take from the configuration.
func (c *command) networkConfig(ctx context.Context, to *ui.Config) (err error) {
	to.Evidence, to.Takings = c.evidenceOptions(), &ui.Takings{}
	if to.Isolate, err = c.isolateOptions(ctx, &isolateFlags{}); err != nil {
		return err
	}
	to.Shared, err = isolate.ParseShared(strings.Join(c.config.Block.Shared, "\n"))
	return err
}

func parseNets(texts []string) ([]netip.Prefix, error) {
	var nets []netip.Prefix
	for _, s := range texts {
		n, err := isolate.ParseNet(s)
		if err != nil {
			return nil, err
		}
		nets = append(nets, n)
	}
	return nets, nil
}

// resolveEndpoint asks this machine's resolver for a name: once the host is cut
// off it is too late, and what the host would be told need not be true.
func resolveEndpoint(ctx context.Context, s string) ([]isolate.Endpoint, error) {
	e, name, err := splitEndpoint(s)
	if err != nil || name == "" {
		return []isolate.Endpoint{e}, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return nil, err
	}
	var list []isolate.Endpoint
	for _, a := range addrs {
		e, err := isolate.ParseEndpoint("[" + a.Unmap().String() + "]" + s[len(name):])
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

// splitEndpoint gives an endpoint, or the name in one that has to be resolved.
func splitEndpoint(s string) (e isolate.Endpoint, name string, err error) {
	if e, err = isolate.ParseEndpoint(s); err == nil {
		return e, "", nil
	}
	at := strings.LastIndex(s, ":")
	if at < 1 || strings.ContainsAny(s[:at], ":[]/") {
		return e, "", err
	}
	if _, bad := isolate.ParseEndpoint("192.0.2.1" + s[at:]); bad != nil {
		return e, "", err
	}
	return e, s[:at], nil
}

func (c *command) release() *cobra.Command {
	f := &fleetFlags{}
	cmd := &cobra.Command{
		Use:   "release [HOST...|--group G]",
		Short: "Give isolated hosts back, whoever isolated them",
		Long:  "Take the isolation out, whoever made it. Only our own rules go; what others changed meanwhile is listed and stays.",
		Args:  hostsOrGroup(f),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.retry {
				return c.again(cmd.Context(), f, isolate.KindRelease)
			}
			return c.onHosts(cmd.Context(), f, args, func(string) respond.Action { return isolate.NewRelease() })
		},
	}
	f.add(c, cmd, false)
	return cmd
}

func (c *command) status() *cobra.Command {
	f := &fleetFlags{}
	cmd := &cobra.Command{
		Use:   "status [HOST...|--group G]",
		Short: "Ask hosts whether they are isolated and what they block, by whom and since when",
		Args:  hostsOrGroup(f),
		RunE: func(cmd *cobra.Command, args []string) error {
			names, _, err := c.names(cmd.Context(), f, args)
			if err != nil {
				return err
			}
			return c.printStatus(cmd.Context(), names)
		},
	}
	cmd.Flags().StringSliceVar(&f.groups, "group", nil, "all hosts of a group of the inventory, or all")
	cmd.Flags().BoolVar(&c.json, "json", false, "one JSON document a line")
	return cmd
}

// hostStatus is what one host answered.
type hostStatus struct {
	Host   string             `json:"host"`
	State  isolate.State      `json:"state"`
	Why    string             `json:"why,omitempty"`
	Held   []respond.Standing `json:"-"`
	Blocks []isolate.Block    `json:"blocks,omitempty"`
	By     string             `json:"by,omitempty"`
	Since  time.Time          `json:"since,omitzero"`
	Case   string             `json:"case,omitempty"`
	Armed  time.Duration      `json:"restores_itself_in,omitempty"`
	Error  string             `json:"error,omitempty"`
}

func (c *command) askStatus(ctx context.Context, name string) hostStatus {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	out := hostStatus{Host: name, State: "unknown"}
	h, err := c.Host(ctx, name)
	var s isolate.Status
	if err == nil {
		s, err = isolate.Look(ctx, h)
	}
	if err != nil {
		out.Error = err.Error()
		return out
	}
	return hostStatus{Host: name, State: s.State, Why: s.Why, Held: s.Standing(name), Blocks: s.Blocks,
		By: s.Isolation.By, Since: s.Isolation.At, Case: s.Isolation.Case, Armed: s.Armed}
}

// askedAtOnce bounds the hosts that are asked how they are at the same time.
const askedAtOnce = 256

// printStatus asks hosts at once, so that a silent one delays no other.
func (c *command) printStatus(ctx context.Context, names []string) error {
	answers := make([]chan hostStatus, len(names))
	places := make(chan struct{}, askedAtOnce)
	for i, name := range names {
		answers[i] = make(chan hostStatus, 1)
		go func() {
			places <- struct{}{}
			defer func() { <-places }()
			answers[i] <- c.askStatus(ctx, name)
		}()
	}
	var failed error
	w := c.table()
	if !c.json {
		fmt.Fprintln(w, "HOST\tSTATE\tSINCE\tBY\tENDS\tWHAT")
	}
	for _, answer := range answers {
		s := <-answer
		if s.Error != "" {
			failed = errors.Join(failed, fmt.Errorf("%s: %s", s.Host, s.Error))
		}
		if c.json {
			if err := c.printJSON(s); err != nil {
				return err
			}
			continue
		}
		if len(s.Held) == 0 {
			fmt.Fprintf(w, "%s\t%s\t\t\t\t%s\n", text.Clean(s.Host), s.State, text.Clean(s.Error))
		}
		for _, h := range s.Held {
			state, ends := h.Kind, ""
			if h.Kind == "isolated" {
				state = string(s.State)
			}
			if !h.Until.IsZero() {
				ends = h.Until.UTC().Format(time.RFC3339)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", text.Clean(s.Host), state, h.Since.UTC().Format(time.RFC3339), text.Clean(h.Actor.String()), ends, text.Clean(h.Text))
		}
	}
	return errors.Join(w.Flush(), failed)
}
