package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"interdict/respond"
	"interdict/respond/isolate"
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
	dns, survive, dry           bool
	within                      time.Duration
}

func (c *command) isolate() *cobra.Command {
	f := &isolateFlags{}
	cmd := &cobra.Command{
		Use:   "isolate HOST...",
		Short: "Cut hosts off the network but for your SSH; proven, or the host restores itself",
		Long: "Cut hosts off the network, IPv4 and IPv6, established connections too, but for SSH from where you come from.\n" +
			"It is proven over a new login; when that is not done in time the host restores itself. Undone with release.",
		Args: atLeast(1, "HOST..."),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := c.isolateOptions(cmd.Context(), f)
			if err != nil {
				return &exit{Usage, err}
			}
			return c.onHosts(cmd.Context(), args, f.dry, func() respond.Action { return isolate.NewIsolate(o) })
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.dest, "dest", nil, "destination of the alert: tried as proof, stays blocked should the host restore itself")
	flags.StringSliceVar(&f.keep, "keep", nil, "address or network that may open SSH besides yours")
	flags.StringSliceVar(&f.allow, "allow", nil, "ADDRESS:PORT[/udp] that the host may still talk to")
	flags.BoolVar(&f.dns, "dns", false, "let the host ask its resolvers: a thief can send data through them")
	flags.BoolVar(&f.survive, "survive", false, "also after a restart of the host or of its firewall")
	flags.DurationVar(&f.within, "within", 2*time.Minute, "time for the proof, then the host restores itself")
	c.changeFlags(cmd, &f.dry, &f.incident, &f.override)
	return cmd
}

// changeFlags are those of everything that changes a host's network.
func (c *command) changeFlags(cmd *cobra.Command, dry *bool, incident *string, override *[]string) {
	flags := cmd.Flags()
	flags.BoolVar(dry, "dry-run", false, "show the plan and change nothing")
	flags.BoolVar(&c.yes, "yes", false, "do not ask; a refusal stays a refusal")
	if incident != nil {
		flags.StringVar(incident, "case", "", "noted on the host, as INC-0012")
		flags.StringSliceVar(override, "override", nil, "words that a refusal asks for, as the role of the host")
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
	var dry bool
	cmd := &cobra.Command{
		Use:   "release HOST...",
		Short: "Give isolated hosts back, whoever isolated them",
		Long:  "Take the isolation out, whoever made it. Only our own rules go; what others changed meanwhile is listed and stays.",
		Args:  atLeast(1, "HOST..."),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.onHosts(cmd.Context(), args, dry, isolate.NewRelease)
		},
	}
	c.changeFlags(cmd, &dry, nil, nil)
	return cmd
}

// onHosts carries an action out on one host after the other; one that fails does
// not keep the others from being done.
func (c *command) onHosts(ctx context.Context, names []string, dry bool, action func() respond.Action) error {
	hosts := make([]respond.Host, len(names))
	for i, name := range names {
		h, err := c.Host(ctx, name)
		if err != nil {
			return &exit{Usage, err}
		}
		hosts[i] = h
	}
	c.steps = true
	var failed error
	for _, h := range hosts {
		if err := c.carryOut(ctx, h, action(), dry); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", h.Name(), err))
		}
	}
	return failed
}

func (c *command) status() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status HOST...",
		Short: "Ask hosts whether they are isolated and what they block, by whom and since when",
		Args:  atLeast(1, "HOST..."),
		RunE:  func(cmd *cobra.Command, args []string) error { return c.printStatus(cmd.Context(), args) },
	}
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

// printStatus asks all hosts at once, so that a silent one delays no other.
func (c *command) printStatus(ctx context.Context, names []string) error {
	answers := make([]chan hostStatus, len(names))
	for i, name := range names {
		answers[i] = make(chan hostStatus, 1)
		go func() { answers[i] <- c.askStatus(ctx, name) }()
	}
	var failed error
	w := tabwriter.NewWriter(c.Stdout, 0, 0, 2, ' ', 0)
	if !c.json {
		fmt.Fprintln(w, "HOST\tSTATE\tSINCE\tBY\tENDS\tWHAT")
	}
	for _, answer := range answers {
		s := <-answer
		if s.Error != "" {
			failed = errors.Join(failed, fmt.Errorf("%s: %s", s.Host, s.Error))
		}
		if c.json {
			b, err := json.Marshal(s)
			if err != nil {
				return err
			}
			fmt.Fprintln(c.results(), string(b))
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
