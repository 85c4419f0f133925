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
	dry                      bool
}

func (c *command) block() *cobra.Command {
	f := &blockFlags{}
	cmd := &cobra.Command{
		Use:   "block DEST HOST...",
		Short: "Cut one destination off hosts for a time, or hold what is sent there to a rate",
		Long: "Drop what goes to DEST and what comes from there, established connections too, on each HOST, until --for is over.\n" +
			"DEST is an address or a network; several with commas between. --export writes it for other tools and needs no HOST.",
		Args: atLeast(1, "DEST HOST..."),
		RunE: func(cmd *cobra.Command, args []string) error { return c.runBlock(cmd, f, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.length, "for", "24h", "then the host's kernel ends it: 90m, 24h, 7d")
	flags.IntVar(&f.rate, "rate", 0, "in kB/s: hold what is sent there to it instead, on a host that must stay up")
	flags.StringVar(&f.export, "export", "", "write it for other tools: "+strings.Join(isolate.Formats, ", "))
	c.changeFlags(cmd, &f.dry, &f.incident, &f.override)
	return cmd
}

func (c *command) runBlock(cmd *cobra.Command, f *blockFlags, args []string) error {
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
	o.Places, o.For = places, length
	if f.export != "" {
		text, err := isolate.Export(f.export, places)
		if err != nil {
			return &exit{Usage, err}
		}
		fmt.Fprint(c.results(), text)
	}
	if len(args) == 1 {
		if f.export != "" {
			return nil
		}
		return usage("on which hosts? local is this machine")
	}
	return c.onHosts(cmd.Context(), args[1:], f.dry, func() respond.Action { return isolate.NewBlock(o) })
}

func (c *command) unblock() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:   "unblock DEST HOST...",
		Short: "Let hosts reach a destination again, whoever blocked it",
		Args:  atLeast(2, "DEST HOST..."),
		RunE: func(cmd *cobra.Command, args []string) error {
			places, err := parseNets(strings.Split(args[0], ","))
			if err != nil {
				return &exit{Usage, err}
			}
			return c.onHosts(cmd.Context(), args[1:], dry, func() respond.Action { return isolate.NewUnblock(places) })
		},
	}
	c.changeFlags(cmd, &dry, nil, nil)
	return cmd
}
