package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"interdict/respond"
	"interdict/ui"
	"interdict/ui/text"
)

func (c *command) journal() *cobra.Command {
	cmd := group("journal", "Show, verify and undo what was changed on hosts")
	show := &cobra.Command{Use: "show [OPERATION]", Short: "Show the entries, oldest first", Args: atMost(1, "one OPERATION or none"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.journalShow(cmd.Context(), args) }}
	show.Flags().BoolVar(&c.json, "json", false, "one JSON document a line")
	undo := &cobra.Command{Use: "undo OPERATION", Short: "Take back what an operation changed", Args: exactly(1, "an operation's id, as `journal show` prints it"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.journalUndo(cmd.Context(), args[0]) }}
	undo.Flags().BoolVar(&c.yes, "yes", false, "do not ask")
	cmd.AddCommand(show, undo,
		&cobra.Command{Use: "verify", Short: "Prove that no entry was changed, dropped or added", Args: noArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return c.journalVerify(cmd.Context()) }})
	return cmd
}

// withJournal opens what is there; reading never makes a state directory.
func (c *command) withJournal(ctx context.Context, f func(*state) error) error {
	s, err := c.openState(ctx, false)
	if err != nil {
		return c.noState(err)
	}
	c.tell(s)
	return errors.Join(f(s), s.close())
}

// withShared is withJournal over what others said, too, with the exit code of that;
// create makes what is kept when there is nothing yet.
func (c *command) withShared(ctx context.Context, create bool, f func(*state) error) error {
	s, err := c.openState(ctx, create || c.config.Store != "")
	if err != nil {
		return c.noState(err)
	}
	err = c.shared(ctx, s, f)
	return s.degraded(errors.Join(err, s.close()))
}

// pageSize is how many entries are read at a time.
const pageSize = 1000

func (c *command) journalShow(ctx context.Context, args []string) error {
	return c.withJournal(ctx, func(s *state) error {
		if len(args) == 1 {
			op, err := s.journal.Operation(ctx, args[0])
			if err != nil {
				return err
			}
			return c.printEntries(op.Entries, true)
		}
		for after := int64(0); ; {
			entries, err := s.journal.Entries(ctx, after, pageSize)
			if err != nil || len(entries) == 0 {
				return err
			}
			if err := c.printEntries(entries, false); err != nil {
				return err
			}
			after = entries[len(entries)-1].Seq
		}
	})
}

func (c *command) printEntries(entries []respond.Entry, whole bool) error {
	for _, e := range entries {
		if c.json {
			if err := c.printJSON(e); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(c.Stdout, "%5d  %s  %s  %-9s %-16s %s  %s%s\n", e.Seq, e.Wall.Format(time.RFC3339), e.Op, e.Phase,
			text.Clean(e.Kind), text.Clean(e.Host), text.Clean(e.Actor.String()), summary(e))
		if whole {
			fmt.Fprintf(c.Stdout, "       %s\n", text.Clean(string(e.Body)))
		}
	}
	return nil
}

// summary is what an entry says came of it, for one line.
func summary(e respond.Entry) string {
	switch e.Phase {
	case respond.Planned, respond.Approved, respond.Applying:
		if p, err := e.Plan(); err == nil {
			return ": " + text.Clean(p.Title)
		}
		return ""
	}
	o, err := e.Outcome()
	switch {
	case err != nil:
		return ""
	case o.Error != "":
		return ": " + text.Clean(o.Error)
	case o.Verdict != nil:
		return fmt.Sprintf(": %s: %s", o.Verdict.State, text.Clean(o.Verdict.Summary))
	case o.Result != nil:
		return ": " + text.Clean(o.Result.Summary)
	}
	return ""
}

func (c *command) journalVerify(ctx context.Context) error {
	return c.withJournal(ctx, func(s *state) error {
		check, err := s.journal.Verify(ctx)
		if err != nil {
			return err
		}
		elsewhere := c.compareHeads(ctx, s)
		for _, b := range check.Breaks {
			fmt.Fprintf(c.Stdout, "CUT before entry %d: %s\n", b.Seq, text.Clean(b.Why))
		}
		switch {
		case check.Broken > 0:
			fmt.Fprintf(c.Stdout, "BROKEN at entry %d: %s\n%d entries before it hold\n", check.Broken, text.Clean(check.Why), check.Entries)
		case !check.OK():
			fmt.Fprintf(c.Stdout, "the %d entries that are left hold, head %s\n", check.Entries, check.Head)
		default:
			fmt.Fprintf(c.Stdout, "whole: %d entries, head %s, %s\n", check.Entries, check.Head, signedBy(check.Signer))
			return elsewhere
		}
		return &exit{code: Failed}
	})
}

func signedBy(fingerprint string) string {
	if fingerprint == "" {
		return "not signed"
	}
	return "signed by " + fingerprint
}

// compareHeads compares the journal with what the store knows of it.
func (c *command) compareHeads(ctx context.Context, s *state) error {
	if c.share(ctx, s); s.heads == nil {
		c.tell(s)
		return s.degraded(nil)
	}
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	why, read, err := s.heads.Compare(ctx)
	for _, w := range why {
		fmt.Fprintf(c.Stdout, "NOT WHAT %s REMEMBERS, %s\n", text.Clean(c.config.Store), text.Clean(w))
	}
	switch {
	case err != nil:
		fmt.Fprintf(c.Stderr, "interdict: not compared with what %s remembers: %s\n", text.Clean(c.config.Store), text.CleanLines(err.Error()))
		return &exit{code: Degraded}
	case len(why) > 0:
		return &exit{code: Failed}
	}
	fmt.Fprintf(c.Stdout, "%s remembers the same of %d earlier states\n", text.Clean(c.config.Store), read)
	return s.heads.Keep(ctx)
}

func (c *command) journalUndo(ctx context.Context, id string) error {
	return c.withJournal(ctx, func(s *state) error {
		op, err := s.journal.Operation(ctx, id)
		if err != nil {
			return err
		}
		if op.Result == nil {
			return fmt.Errorf("operation %s changed nothing that could be undone", id)
		}
		action, ok := ui.ActionOf(op.Kind)
		if !ok {
			return fmt.Errorf("operation %s is of kind %s, which this program does not know", id, text.Clean(op.Kind))
		}
		host, err := c.Host(ctx, op.Host)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.Stderr, "undo on %s: %s\n", text.Clean(op.Host), text.Clean(op.Result.Summary))
		if err := c.confirm("Undo it?"); err != nil {
			return err
		}
		result, err := respond.Undo(ctx, s.journal, respond.CurrentActor(), action, host, id, *op.Result)
		if result.Summary != "" {
			fmt.Fprintln(c.Stdout, text.Clean(result.Summary))
		}
		return err
	})
}

// standing shows what is still held on hosts.
func (c *command) standing() *cobra.Command {
	var retry, forget bool
	cmd := &cobra.Command{Use: "standing [HOST...]", Short: "Show what is still frozen or held, where, since when and by whom, and what was asked for and not done",
		Long: "Show what the journal says is still held on hosts, and what was asked for and not done. With HOST, what those hosts themselves say of their network: no state directory is needed for that.",
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case retry:
				return c.retryQueue(cmd.Context())
			case forget && len(args) == 0:
				return usage("--forget wants the HOST of what is not to be done any more")
			case forget:
				return c.forget(cmd.Context(), args)
			}
			if len(args) > 0 {
				return c.printStatus(cmd.Context(), args)
			}
			err := c.withJournal(cmd.Context(), func(s *state) error { return c.printStanding(cmd.Context(), s) })
			if errors.Is(err, fs.ErrNotExist) {
				err = fmt.Errorf("%w; interdict standing HOST... asks hosts themselves", err)
			}
			return err
		}}
	flags := cmd.Flags()
	flags.BoolVar(&c.json, "json", false, "one JSON document a line")
	flags.BoolVar(&retry, "retry", false, "do now what waits for hosts that were down, where they are up")
	flags.BoolVar(&forget, "forget", false, "what was asked for on HOST is not to be done any more")
	return cmd
}

func nothingHeld(s *state) string {
	if len(s.notes) > 0 {
		return "nothing is known to be held on any host"
	}
	return "nothing is held on any host"
}

func (c *command) printStanding(ctx context.Context, s *state) error {
	held, err := s.journal.Standing(ctx)
	if errors.Is(err, respond.ErrGap) {
		s.notes = append(s.notes, fmt.Sprintf("more may be held on hosts: %v", err))
		fmt.Fprintln(c.Stderr, "interdict: "+text.Clean(s.notes[len(s.notes)-1]))
	} else if err != nil {
		return err
	}
	if c.json {
		for _, h := range held {
			if err := c.printJSON(map[string]any{"kind": h.Kind, "key": h.Key, "text": h.Text, "host": h.Host, "operation": h.Op, "since": h.Since, "by": h.Actor.String()}); err != nil {
				return err
			}
		}
		return s.degraded(c.printOrders(ctx, s))
	}
	if len(held) == 0 {
		fmt.Fprintln(c.Stdout, nothingHeld(s))
	}
	w := c.table()
	for i, h := range held {
		if i == 0 {
			fmt.Fprintln(w, "KIND\tHOST\tSINCE\tBY\tUNDO WITH\tWHAT")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\tinterdict journal undo %s\t%s\n", text.Clean(h.Kind), text.Clean(h.Host), h.Since.Format(time.RFC3339),
			text.Clean(h.Actor.String()), h.Op, text.Clean(h.Text))
	}
	err = w.Flush()
	return s.degraded(errors.Join(err, c.printQueue(ctx, w, s), w.Flush()))
}

// printOrders is printQueue for programs.
func (c *command) printOrders(ctx context.Context, s *state) error {
	all, err := s.orders.All(ctx)
	for _, o := range all {
		if bad := c.printJSON(orderJSON(o)); bad != nil {
			return bad
		}
	}
	return err
}
