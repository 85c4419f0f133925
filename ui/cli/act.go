package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"interdict/respond"
	"interdict/respond/process"
	"interdict/ui/text"
)

type makeAction func(respond.ProcessID, process.Options) respond.Action

func (c *command) freeze() *cobra.Command {
	return c.act("freeze", "Stop a process and its tree where they are; undone with resume",
		func(t respond.ProcessID, o process.Options) respond.Action { return process.NewFreeze(t, o) })
}

func (c *command) resume() *cobra.Command {
	return c.act("resume", "Let go on what was frozen",
		func(t respond.ProcessID, o process.Options) respond.Action { return process.NewResume(t, o) })
}

func (c *command) kill() *cobra.Command {
	return c.act("kill", "Kill a process and its tree; cannot be undone",
		func(t respond.ProcessID, o process.Options) respond.Action { return process.NewKill(t, o) })
}

func (c *command) act(verb, short string, action makeAction) *cobra.Command {
	var alone, notService bool
	f := &fleetFlags{}
	cmd := &cobra.Command{
		Use:   verb + " HOST PID@START [HOST PID@START]...",
		Short: short,
		Long:  short + ".\nHOST is a name of the inventory, or local, which is this machine. PID@START is what alerts, the console and `interdict standing` show. One process of each HOST.",
		Args:  unlessRetried(f, atLeast(2, "HOST PID@START; HOST is local or a name of the inventory")),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.retry {
				return c.again(cmd.Context(), f, "process."+verb)
			}
			names, targets, err := pairs(args)
			if err != nil {
				return &exit{Usage, err}
			}
			return c.onHosts(cmd.Context(), f, names, func(name string) respond.Action {
				return action(targets[name], process.Options{Tree: !alone, NotService: notService})
			})
		},
	}
	cmd.Flags().BoolVar(&alone, "alone", false, "this process only, not its tree")
	cmd.Flags().BoolVar(&notService, "no-service", false, "the process is no service, though it is called like one")
	f.add(c, cmd, true)
	return cmd
}

// pairs reads HOST PID@START HOST PID@START….
func pairs(args []string) (names []string, targets map[string]respond.ProcessID, err error) {
	targets = map[string]respond.ProcessID{}
	for i := 0; i < len(args); i += 2 {
		if i+1 == len(args) {
			return nil, nil, fmt.Errorf("wants a PID@START behind %s", args[i])
		}
		if _, twice := targets[args[i]]; twice {
			return nil, nil, fmt.Errorf("%s is named twice: one process of each host at a time", args[i])
		}
		if targets[args[i]], err = respond.ParseProcessID(args[i+1]); err != nil {
			return nil, nil, err
		}
		names = append(names, args[i])
	}
	return names, targets, nil
}

// carryOut plans, shows, asks, applies and verifies.
func (c *command) carryOut(ctx context.Context, host respond.Host, action respond.Action, dry bool) error {
	s, err := c.makeState(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	actor := respond.CurrentActor()
	var plan respond.Plan
	if err = c.vet(ctx, s, host, action.Kind()); err == nil {
		plan, err = action.Plan(ctx, host)
	}
	if err != nil {
		return errors.Join(allTheSame(err), respond.RecordRefusal(ctx, s.journal, actor, action, host, err))
	}
	c.printPlan(plan)
	if dry {
		return nil
	}
	if err := c.confirm("Do it?"); err != nil {
		return err
	}
	result, verdict, err := respond.Run(ctx, s.journal, actor, action, host, plan)
	if result.Summary != "" {
		fmt.Fprintln(c.Stdout, text.Clean(result.Summary))
	}
	if c.steps {
		for _, l := range result.Lines {
			fmt.Fprintf(c.Stdout, "  %-12s %s\n", text.Clean(l.Label), text.Clean(l.Text))
		}
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(c.Stdout, "verified: %s: %s\n", verdict.State, text.Clean(verdict.Summary))
	if !verdict.OK() {
		return &exit{code: Failed}
	}
	if o, ok := action.(respond.Ordered); ok {
		if order, err := o.Order(); err == nil {
			return s.made(context.WithoutCancel(ctx), host.Name(), action.Kind(), order)
		}
	}
	return nil
}

// allTheSame adds to a refusal what goes on in spite of it, where something does.
func allTheSame(err error) error {
	var refusal *respond.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	words := ""
	for _, r := range refusal.Reasons {
		if r.Override == "" {
			return err
		}
		words += fmt.Sprintf(" --override %q", r.Override)
	}
	return fmt.Errorf("%w\nto go on all the same:%s", err, words)
}

func (c *command) printPlan(p respond.Plan) {
	fmt.Fprintln(c.Stderr, text.Clean(p.Title))
	for _, l := range p.Lines {
		fmt.Fprintf(c.Stderr, "  %-12s %s\n", text.Clean(l.Label), text.CleanLines(l.Text))
	}
	for _, w := range p.Warnings {
		fmt.Fprintln(c.Stderr, "  WARNING      "+text.CleanLines(w))
	}
	if p.Undo != "" {
		fmt.Fprintln(c.Stderr, "  Undo         "+text.CleanLines(p.Undo))
	} else {
		fmt.Fprintln(c.Stderr, "  No undo      "+text.CleanLines(p.NoUndo))
	}
}

// confirm asks on standard input unless --yes was given.
func (c *command) confirm(question string) error {
	if c.yes {
		return nil
	}
	fmt.Fprint(c.Stderr, text.Clean(question)+" Type yes: ")
	line, err := bufio.NewReader(c.Stdin).ReadString('\n')
	if strings.TrimSpace(line) == "yes" {
		return nil
	}
	if err != nil && line == "" {
		return &exit{Refused, errors.New("not confirmed: nothing on standard input; --yes answers it")}
	}
	return &exit{Refused, errors.New("not confirmed, nothing was changed")}
}
