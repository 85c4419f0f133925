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
	var alone, dry, notService bool
	cmd := &cobra.Command{
		Use:   verb + " HOST PID@START",
		Short: short,
		Long:  short + ".\nHOST is a name of the inventory, or local, which is this machine. PID@START is what alerts, the console and `interdict standing` show.",
		Args:  exactly(2, "HOST PID@START; HOST is local or a name of the inventory"),
		RunE: func(cmd *cobra.Command, args []string) error {
			target, err := respond.ParseProcessID(args[1])
			if err != nil {
				return &exit{Usage, err}
			}
			host, err := c.Host(cmd.Context(), args[0])
			if err != nil {
				return &exit{Usage, err}
			}
			return c.carryOut(cmd.Context(), host, action(target, process.Options{Tree: !alone, NotService: notService}), dry)
		},
	}
	cmd.Flags().BoolVar(&alone, "alone", false, "this process only, not its tree")
	cmd.Flags().BoolVar(&notService, "no-service", false, "the process is no service, though it is called like one")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "show the plan and change nothing")
	cmd.Flags().BoolVar(&c.yes, "yes", false, "do not ask; a refusal stays a refusal")
	return cmd
}

// carryOut plans, shows, asks, applies and verifies.
func (c *command) carryOut(ctx context.Context, host respond.Host, action respond.Action, dry bool) error {
	s, err := c.openState(ctx, true)
	if err != nil {
		return err
	}
	defer s.close()
	c.tell(s)
	actor := respond.CurrentActor()
	var plan respond.Plan
	if err = c.vet(ctx, s, host, action.Kind()); err == nil {
		plan, err = action.Plan(ctx, host)
	}
	if err != nil {
		return errors.Join(err, respond.RecordRefusal(ctx, s.journal, actor, action, host, err))
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
	return nil
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
	fmt.Fprint(c.Stderr, question+" Type yes: ")
	line, err := bufio.NewReader(c.Stdin).ReadString('\n')
	if strings.TrimSpace(line) == "yes" {
		return nil
	}
	if err != nil && line == "" {
		return &exit{Refused, errors.New("not confirmed: nothing on standard input; --yes answers it")}
	}
	return &exit{Refused, errors.New("not confirmed, nothing was changed")}
}
