package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/spf13/cobra"

	"interdict/respond"
	"interdict/ui/text"
)

// command is the state that all commands share.
type command struct {
	Program
	configFile string
	stateDir   string
	json       bool
	yes        bool
	steps      bool // show what was done step by step
	config     Config
	opening    sync.Mutex
	hosts      Hosts                             // opened when first needed
	listed     atomic.Pointer[respond.Inventory] // nil: not read, or not yet
	automation *automation                       // nil before a runner was made
	asker      respond.Asker                     // nil where a question would spoil the screen
}

// Main runs the command line and gives the exit code.
func Main(ctx context.Context, p Program, args []string) int {
	c := &command{Program: p}
	root := c.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	err = errors.Join(err, c.closeHosts())
	var e *exit
	if err != nil && (!errors.As(err, &e) || e.err != nil) {
		fmt.Fprintln(p.Stderr, "interdict: "+text.CleanLines(err.Error()))
	}
	return codeOf(err)
}

func (c *command) root() *cobra.Command {
	console := &consoleFlags{}
	root := &cobra.Command{
		Use:                        "interdict",
		Short:                      "See data being copied out with a file-transfer tool, and stop it",
		Long:                       "interdict watches executions on this machine, says why a file transfer is or is not normal, and freezes or kills it.\nWithout a command it opens the console.",
		Version:                    c.Version,
		Args:                       noArgs,
		SuggestionsMinimumDistance: 2,
		SilenceUsage:               true,
		SilenceErrors:              true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			c.asker = &terminalAsker{}
			return c.loadConfig()
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return c.console(cmd.Context(), console) },
	}
	root.SetIn(c.Stdin)
	root.SetOut(c.Stdout)
	root.SetErr(c.Stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &exit{Usage, err} })
	flags := root.PersistentFlags()
	flags.StringVar(&c.configFile, "config", "", "configuration file instead of the usual places")
	flags.StringVar(&c.stateDir, "state", "", "state directory (default $XDG_STATE_HOME/interdict)")
	console.add(root)
	root.AddCommand(c.watch(), c.query(), c.sensor(), c.rules(), c.exceptions(), c.cases(), c.playbook(), c.notify(), c.freeze(), c.resume(), c.kill(), c.isolate(), c.release(), c.status(), c.block(), c.unblock(), c.collect(), c.verify(), c.approveCommand(), c.apply(), c.standing(), c.journal(), c.doctor(), c.ci())
	return root
}

// group is a command that only has commands of its own. A word that is none of
// them is an error: `journal verfy` must not look as if it had verified.
func group(name, short string) *cobra.Command {
	return &cobra.Command{Use: name, Short: short, Args: noArgs, SuggestionsMinimumDistance: 2,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var names []string
			for _, sub := range cmd.Commands() {
				names = append(names, sub.Name())
			}
			return usage("%s wants one of: %s", name, strings.Join(names, ", "))
		}}
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return usage("unknown command %q%s", args[0], hint)
}

func exactly(n int, what string) cobra.PositionalArgs { return between(n, n, what) }

func atLeast(n int, what string) cobra.PositionalArgs { return between(n, math.MaxInt, what) }

func atMost(n int, what string) cobra.PositionalArgs { return between(0, n, what) }

func between(least, most int, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return usage("wants %s", what)
		}
		return nil
	}
}
