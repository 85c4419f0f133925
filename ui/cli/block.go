package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"interdict/respond"
	"interdict/respond/isolate"
)

// BlockConfig is what a block must not hit.
type BlockConfig struct {
	Shared []string `toml:"shared"` // "NETWORK OWNER": refused as the built-in ones are
}

// blockFlags are the options of the command as they were typed.
type blockFlags struct {
	length, export, incident string
	override                 []string
	rate                     int
	fleet                    fleetFlags
}

func (c *command) block() *cobra.Command {
	f := &blockFlags{}
	cmd := &cobra.Command{
		Use:   "block DEST [HOST...|--group G]",
		Short: "Cut one destination off hosts for a time, or hold what is sent there to a rate",
		Long: "Drop what goes to DEST and what comes from there, established connections too, on each HOST, until --for is over.\n" +
			"DEST is an address or a network; several with commas between. --export writes it for other tools and needs no HOST.",
		Args: unlessRetried(&f.fleet, atLeast(1, "DEST HOST...")),
		RunE: func(cmd *cobra.Command, args []string) error { return c.runBlock(cmd, f, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.length, "for", "24h", "then the host's kernel ends it: 90m, 24h, 7d")
	flags.IntVar(&f.rate, "rate", 0, "in kB/s: hold what is sent there to it instead, on a host that must stay up")
	flags.StringVar(&f.export, "export", "", "write it for other tools: "+strings.Join(isolate.Formats, ", "))
	f.fleet.add(c, cmd, false)
	c.changeFlags(cmd, &f.incident, &f.override)
	return cmd
}

func (c *command) runBlock(cmd *cobra.Command, f *blockFlags, args []string) error {
	if f.fleet.retry {
		return c.again(cmd.Context(), &f.fleet, isolate.KindBlock)
	}
	o := isolate.BlockOptions{By: respond.CurrentActor().String(), Case: f.incident, Rate: f.rate, Overrides: f.override}
	var length time.Duration
	places, err := parseNets(strings.Split(args[0], ","))
	if err == nil {
		length, err = parseDuration(f.length)
	}
	if err == nil && length == 0 {
		err = errors.New("--for 0 blocks nothing")
	}
	if err == nil {
		o.Shared, err = isolate.ParseShared(strings.Join(c.config.Block.Shared, "\n"))
	}
	if err != nil {
		return &exit{Usage, err}
	}
	o.Places, o.For, o.Used = places, length, c.users()
	if f.export != "" {
		text, err := isolate.Export(f.export, places)
		if err != nil {
			return &exit{Usage, err}
		}
		fmt.Fprint(c.results(), text)
	}
	if len(args) == 1 && len(f.fleet.groups) == 0 {
		if f.export != "" {
			return nil
		}
		return usage("on which hosts? local is this machine")
	}
	return c.onHosts(cmd.Context(), &f.fleet, args[1:], func(string) respond.Action { return isolate.NewBlock(o) })
}

func (c *command) unblock() *cobra.Command {
	f := &fleetFlags{}
	cmd := &cobra.Command{
		Use:   "unblock DEST [HOST...|--group G]",
		Short: "Let hosts reach a destination again, whoever blocked it",
		Args: unlessRetried(f, func(cmd *cobra.Command, args []string) error {
			return atLeast(map[bool]int{true: 1, false: 2}[len(f.groups) > 0], "DEST HOST...")(cmd, args)
		}),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.retry {
				return c.again(cmd.Context(), f, isolate.KindUnblock)
			}
			places, err := parseNets(strings.Split(args[0], ","))
			if err != nil {
				return &exit{Usage, err}
			}
			return c.onHosts(cmd.Context(), f, args[1:], func(string) respond.Action { return isolate.NewUnblock(places) })
		},
	}
	f.add(c, cmd, false)
	return cmd
}
