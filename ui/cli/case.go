package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"interdict/playbooks"
	"interdict/respond"
	"interdict/ui/text"
)

// casesShown bounds a list.
const casesShown = 1000

func (c *command) cases() *cobra.Command {
	cmd := group("case", "Show cases, say something about them, write reports of them")
	cmd.Long = "A case is alerts that belong together. The console opens one (key i, or any change that is made for an alert); here it is shown,\nassigned, handed over, closed, reported and exported. ID is written INC-0012 or 12."
	var all bool
	list := &cobra.Command{Use: "list", Short: "Open cases, the newest first", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.caseList(cmd.Context(), all) }}
	list.Flags().BoolVar(&all, "all", false, "closed ones too")
	show := &cobra.Command{Use: "show ID", Short: "One case with its timeline, the oldest first", Args: exactly(1, "a case, as INC-0012"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.caseShow(cmd.Context(), args[0]) }}
	for _, sub := range []*cobra.Command{list, show} {
		sub.Flags().BoolVar(&c.json, "json", false, "one JSON document a line")
	}
	reason := ""
	closing := c.caseSays("close ID", "End a case; its alerts are closed in the console", 1, func(ctx context.Context, s *playbooks.Cases, id, by string, _ []string) error {
		return s.CloseCase(ctx, id, reason, by)
	})
	closing.Flags().StringVar(&reason, "reason", "", "benign, false positive, true positive, duplicate, or words of your own")
	cmd.AddCommand(list, show, closing, c.caseReport(), c.caseExport(),
		c.caseSays("note ID TEXT...", "Add a note", -2, func(ctx context.Context, s *playbooks.Cases, id, by string, rest []string) error {
			return s.Record(ctx, id, by, "note", strings.Join(rest, " "))
		}),
		c.caseSays("assign ID WHO", "Say who looks after it", 2, func(ctx context.Context, s *playbooks.Cases, id, by string, rest []string) error {
			return s.Assign(ctx, id, rest[0], by)
		}),
		c.caseSays("handover ID WHO WORDS...", "Give it to somebody, with what they must know", -3, func(ctx context.Context, s *playbooks.Cases, id, by string, rest []string) error {
			return s.HandOver(ctx, id, rest[0], strings.Join(rest[1:], " "), by)
		}),
		c.caseSays("reopen ID", "Take a closure back", 1, func(ctx context.Context, s *playbooks.Cases, id, by string, _ []string) error {
			return s.ReopenCase(ctx, id, by)
		}),
		&cobra.Command{Use: "shift", Short: "What the next shift must know: open cases and what is held on hosts", Args: noArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return c.shift(cmd.Context()) }})
	return cmd
}

// caseSays is a command that says something about one case. n is how many words it wants; below 0: at least so many.
func (c *command) caseSays(use, short string, n int, say func(ctx context.Context, s *playbooks.Cases, id, by string, rest []string) error) *cobra.Command {
	wants := exactly(n, use[strings.Index(use, " ")+1:])
	if n < 0 {
		wants = atLeast(-n, use[strings.Index(use, " ")+1:])
	}
	return &cobra.Command{Use: use, Short: short, Args: wants, RunE: func(cmd *cobra.Command, args []string) error {
		if _, err := playbooks.CaseNumber(args[0]); err != nil {
			return &exit{Usage, err}
		}
		return c.withShared(cmd.Context(), false, func(s *state) error {
			return say(cmd.Context(), s.cases, args[0], respond.CurrentActor().User, args[1:])
		})
	}}
}

func (c *command) caseList(ctx context.Context, all bool) error {
	return c.withShared(ctx, false, func(s *state) error {
		briefs, err := s.cases.Briefs(ctx, s.journal, all, casesShown)
		if c.json {
			for i := range briefs {
				if err := c.printJSON(caseDocument(&briefs[i])); err != nil {
					return err
				}
			}
			return err
		}
		if len(briefs) == 0 && err == nil {
			fmt.Fprintln(c.Stdout, "no cases are open")
			return nil
		}
		w := c.table()
		fmt.Fprintln(w, "CASE\tOPENED\tWHO\tSTATE\tWHAT\tLEFT\tHOW SURE")
		for i := range briefs {
			b := &briefs[i]
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", b.ID, b.Opened.Format(time.RFC3339), text.Clean(cmp.Or(b.Assignee, "-")), text.Clean(b.Status()), text.Clean(b.Title),
				text.Clean(b.Left()), text.Clean(cmp.Or(b.Verdict(), "-")))
		}
		fmt.Fprintln(w, playbooks.FiguresOf(briefs))
		return errors.Join(w.Flush(), err)
	})
}

// caseDocument is a case for programs.
func caseDocument(b *playbooks.Brief) map[string]any {
	var alerts []string
	for _, x := range b.Exhibits {
		for _, a := range x.Finding.Alerts() {
			alerts = append(alerts, a.ID)
		}
	}
	out := map[string]any{"id": b.ID, "title": b.Title, "opened": b.Opened, "open": b.IsOpen(), "assignee": b.Assignee, "status": b.Status(), "left": b.Left(),
		"verdict": b.Verdict(), "alerts": alerts, "raised": b.Metrics.Raised, "reason": b.Reason}
	for name, at := range map[string]time.Time{"acknowledged": b.Metrics.Acknowledged, "contained": b.Metrics.Contained, "closed": b.Closed} {
		if !at.IsZero() {
			out[name] = at
		}
	}
	if b.Done.Blind != "" {
		out["blind"] = b.Done.Blind
	}
	return out
}

// withCase reads one case with what was done in it.
func (c *command) withCase(ctx context.Context, id string, f func(*state, *playbooks.Brief) error) error {
	if _, err := playbooks.CaseNumber(id); err != nil {
		return &exit{Usage, err}
	}
	return c.withShared(ctx, false, func(s *state) error {
		b, err := s.cases.BriefOf(ctx, s.journal, id)
		if err != nil {
			return err
		}
		return f(s, &b)
	})
}

func (c *command) caseShow(ctx context.Context, id string) error {
	return c.withCase(ctx, id, func(s *state, b *playbooks.Brief) error {
		all, err := s.cases.Timeline(ctx, &b.Case, b.Done)
		if err != nil {
			return err
		}
		if c.json {
			doc := caseDocument(b)
			doc["timeline"] = all
			return c.printJSON(doc)
		}
		standing, err := s.journal.Standing(ctx)
		for _, l := range playbooks.HandOverText([]playbooks.Brief{*b}, b.Held(standing), doubtOf(err), c.Now(), respond.CurrentActor().User)[2:] {
			fmt.Fprintln(c.Stdout, text.Clean(l))
		}
		if !b.IsOpen() {
			fmt.Fprintf(c.Stdout, "%s  %s\n  %s by %s\n", b.ID, text.Clean(b.Title), text.Clean(b.Status()), text.Clean(b.ClosedBy))
		}
		fmt.Fprintln(c.Stdout)
		for _, m := range all {
			fmt.Fprintf(c.Stdout, "%s  %-6s  %s: %s\n", m.At.UTC().Format("2006-01-02T15:04:05.000Z"), m.Kind, text.Clean(m.Source), text.Clean(m.Text))
		}
		return nil
	})
}

func doubtOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (c *command) shift(ctx context.Context) error {
	return c.withShared(ctx, false, func(s *state) error {
		briefs, err := s.cases.Briefs(ctx, s.journal, false, casesShown)
		standing, doubt := s.journal.Standing(ctx)
		for _, l := range playbooks.HandOverText(briefs, standing, doubtOf(errors.Join(err, doubt)), c.Now(), respond.CurrentActor().User) {
			fmt.Fprintln(c.Stdout, text.Clean(playbooks.Redact(l)))
		}
		if err != nil || doubt != nil {
			return &exit{code: Degraded}
		}
		return nil
	})
}
