package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/respond"
	"interdict/ui"
	"interdict/ui/text"
)

// PlaybooksConfig says which playbooks there are beside the built-in ones.
type PlaybooksConfig struct {
	Dirs      []string `toml:"dirs"`      // directories with *.yaml
	Automatic string   `toml:"automatic"` // that begins by itself on hosts whose entry allows it; "" none
}

// books gives all playbooks. What cannot be read is in the error; the others are given all the same.
func (c *command) books() ([]*playbooks.Playbook, error) {
	all, err := playbooks.BuiltinPlaybooks()
	errs := []error{err}
	for _, dir := range c.config.Playbooks.Dirs {
		if _, err := os.Stat(dir); err != nil {
			errs = append(errs, fmt.Errorf("playbooks: %w", err))
			continue
		}
		all, err = playbooks.LoadPlaybooks(os.DirFS(dir), all)
		errs = append(errs, err)
	}
	return all, errors.Join(errs...)
}

func (c *command) playbook() *cobra.Command {
	cmd := group("playbook", "Steps in an order: list, check, run and take back")
	cmd.Long = "A playbook is steps in an order, each planned, approved where it has to be, carried out and verified. A run goes on at the right step\nwhoever ends the console in the middle. In the console key P begins one."
	var dry bool
	run := &cobra.Command{Use: "run PLAYBOOK CASE [ALERT]", Short: "Run a playbook for a case, asking at each step that wants a person", Args: between(2, 3, "PLAYBOOK CASE [ALERT]"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.playbookRun(cmd.Context(), args, dry) }}
	run.Flags().BoolVar(&dry, "dry-run", false, "show what each step would do and change nothing")
	run.Flags().BoolVar(&c.yes, "yes", false, "do not ask for plans; a refusal stays a refusal, and what a person has to do is still asked")
	goOn := &cobra.Command{Use: "continue RUN", Short: "Go on with a run: at the right step, also after a crash", Args: exactly(1, "a run, as `playbook status` prints it"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.playbookContinue(cmd.Context(), args[0]) }}
	goOn.Flags().BoolVar(&c.yes, "yes", false, "do not ask for plans")
	undo := &cobra.Command{Use: "undo RUN [STEP]", Short: "Take back what a run, or one step of it, changed", Args: between(1, 2, "RUN [STEP]"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.playbookUndo(cmd.Context(), args) }}
	undo.Flags().BoolVar(&c.yes, "yes", false, "do not ask")
	why := ""
	stop := &cobra.Command{Use: "stop RUN", Short: "End a run; what it changed stands until it is taken back", Args: exactly(1, "a run"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withRunner(cmd.Context(), func(r *playbooks.Runner) error {
				run, err := r.Stop(cmd.Context(), args[0], why)
				c.printRun(&run)
				return err
			})
		}}
	stop.Flags().StringVar(&why, "why", "", "noted in the case")
	cmd.AddCommand(run, goOn, undo, stop,
		&cobra.Command{Use: "list", Short: "The playbooks that there are", Args: noArgs, RunE: func(*cobra.Command, []string) error { return c.playbookList() }},
		&cobra.Command{Use: "show PLAYBOOK", Short: "One playbook as it is written", Args: exactly(1, "a playbook"),
			RunE: func(_ *cobra.Command, args []string) error { return c.playbookShow(args[0]) }},
		&cobra.Command{Use: "check [FILE...]", Short: "Check playbooks; none: all that are configured", RunE: func(_ *cobra.Command, args []string) error { return c.playbookCheck(args) }},
		&cobra.Command{Use: "status [CASE]", Short: "The runs of a case, or all that have not ended", Args: atMost(1, "one CASE or none"),
			RunE: func(cmd *cobra.Command, args []string) error { return c.playbookStatus(cmd.Context(), args) }})
	return cmd
}

func (c *command) playbookList() error {
	all, err := c.books()
	w := c.table()
	for _, b := range all {
		auto := ""
		if b.Automatic {
			auto = "may begin by itself"
		}
		fmt.Fprintf(w, "%s\t%d steps\t%s\t%s\n", b.ID, b.Steps(), text.Clean(b.Name), auto)
	}
	return errors.Join(w.Flush(), err)
}

func (c *command) playbookShow(id string) error {
	all, err := c.books()
	b, unknown := playbooks.FindPlaybook(all, id)
	if unknown != nil {
		return errors.Join(unknown, err)
	}
	_, err = io.WriteString(c.results(), strings.TrimRight(b.Source, "\n")+"\n")
	return err
}

func (c *command) playbookCheck(files []string) error {
	all, err := c.books()
	for _, file := range files {
		var text []byte
		if text, err = os.ReadFile(file); err != nil {
			break
		}
		// The others may be named by it, and it may stand in the place of one of them.
		others := all[:0:0]
		one, bad := playbooks.ParsePlaybook(file, text)
		for _, b := range all {
			if one == nil || b.ID != one.ID {
				others = append(others, b)
			}
		}
		if err = bad; err == nil {
			_, err = playbooks.AddPlaybooks(others, map[string][]byte{file: text})
		}
		if err != nil {
			break
		}
	}
	if err != nil {
		return err
	}
	n := len(files)
	if n == 0 {
		n = len(all)
	}
	fmt.Fprintf(c.Stdout, "%d playbooks, nothing is wrong with them\n", n)
	return nil
}

func (c *command) playbookStatus(ctx context.Context, args []string) error {
	return c.withJournal(ctx, func(s *state) error {
		id := ""
		if len(args) == 1 {
			id = args[0]
		}
		all, err := s.cases.Runs(ctx, id)
		for i := range all {
			c.printRun(&all[i])
		}
		if len(all) == 0 && err == nil {
			fmt.Fprintln(c.Stdout, "no playbook is under way")
		}
		return err
	})
}

func (c *command) printRun(r *playbooks.Run) {
	if r.ID == "" {
		return
	}
	fmt.Fprintf(c.Stdout, "run %s  %s  %s  by %s  %s\n", r.ID, r.Case, text.Clean(r.Book), text.Clean(r.By), text.Clean(r.Status()))
	for _, s := range r.Steps {
		fmt.Fprintf(c.Stdout, "  %-8s %-28s %s\n", s.State, text.Clean(s.ID), text.Clean(s.Text))
	}
}

// withRunner opens what runs playbooks without a console.
func (c *command) withRunner(ctx context.Context, f func(*playbooks.Runner) error) error {
	return c.withJournal(ctx, func(s *state) error {
		config := ui.Config{Journal: s.journal, Cases: s.cases, Actor: respond.CurrentActor(), Now: c.Now, Rights: c.rights(),
			Host: func(h detect.Host) (respond.Host, error) { return c.hostNamed(ctx, h) }}
		if err := c.networkConfig(ctx, &config); err != nil {
			return err
		}
		return f(c.runner(ctx, &config, s))
	})
}

// runner makes what carries out playbooks with the parts of a console.
func (c *command) runner(ctx context.Context, config *ui.Config, s *state) *playbooks.Runner {
	r := &playbooks.Runner{Cases: s.cases, Journal: s.journal, Actor: config.Actor, Hands: ui.Hands{Config: *config}, Alive: respond.ProgramRuns, Notify: c.notifier()}
	entry := func(h detect.Host) respond.HostEntry {
		inventory, err := c.hostList().Inventory(ctx)
		if err != nil {
			return respond.HostEntry{}
		}
		e, err := inventory.Match(respond.Claim{AgentID: h.AgentID, HostID: h.ID, BootID: h.BootID, Name: h.Name})
		if err != nil {
			return respond.HostEntry{} // whom it belongs to is not known
		}
		return e
	}
	r.Owner = func(h detect.Host) string { return entry(h).Owner }
	c.automation = c.newAutomation(s.journal)
	r.Allowed = func(h detect.Host) []string {
		e := entry(h)
		return c.automation.allowed(e.Environment, e.Allow)
	}
	return r
}

func (c *command) playbookRun(ctx context.Context, args []string, dry bool) error {
	all, err := c.books()
	book, unknown := playbooks.FindPlaybook(all, args[0])
	if unknown != nil {
		return &exit{Usage, errors.Join(unknown, err)}
	}
	return c.withRunner(ctx, func(r *playbooks.Runner) error {
		k, err := r.Cases.Case(ctx, args[1])
		if err != nil {
			return err
		}
		x := k.Lead()
		if x == nil {
			return fmt.Errorf("%s has no alert", k.ID)
		}
		alert := x.Finding.ID
		if len(args) == 3 {
			alert = args[2]
		}
		steps, err := r.Dry(ctx, book, k, alert)
		if err != nil {
			return err
		}
		c.printDry(book, steps)
		if dry {
			return nil
		}
		if err := c.confirm("Run it?"); err != nil {
			return err
		}
		run, err := r.Start(ctx, all, book.ID, k.ID, alert, false)
		if err != nil {
			return err
		}
		return c.carryOn(ctx, r, run.ID)
	})
}

func (c *command) printDry(book *playbooks.Playbook, all []playbooks.DryStep) {
	fmt.Fprintf(c.Stderr, "%s: %s\n", text.Clean(book.Name), text.Clean(book.About))
	for i, d := range all {
		fmt.Fprintf(c.Stderr, "%2d %-20s ", i+1, text.Clean(d.Step.ID))
		switch {
		case d.Err != nil:
			fmt.Fprintf(c.Stderr, "cannot be planned now: %s\n", text.CleanLines(d.Err.Error()))
		case d.Plan != nil:
			c.printPlan(*d.Plan)
		default:
			fmt.Fprintln(c.Stderr, text.Clean(d.Why))
		}
	}
}

func (c *command) playbookContinue(ctx context.Context, id string) error {
	return c.withRunner(ctx, func(r *playbooks.Runner) error { return c.carryOn(ctx, r, id) })
}

// carryOn goes on with a run, asking a person where it waits for one.
func (c *command) carryOn(ctx context.Context, r *playbooks.Runner, id string) error {
	lines := bufio.NewReader(c.Stdin)
	for {
		run, err := r.Continue(ctx, id)
		if err != nil {
			return err
		}
		asks := run.Asks()
		if run.IsOver() || len(asks) == 0 {
			c.printRun(&run)
			if run.IsOver() && run.How != playbooks.RunDone {
				return &exit{code: Failed}
			}
			return nil
		}
		if err := c.askPerson(ctx, r, &run, asks[0], lines); err != nil {
			c.printRun(&run)
			return fmt.Errorf("%w; `interdict playbook continue %s` goes on", err, id)
		}
	}
}

// askPerson has one step of a run approved, done or left out.
func (c *command) askPerson(ctx context.Context, r *playbooks.Runner, run *playbooks.Run, step playbooks.StepRun, lines *bufio.Reader) error {
	plan, err := r.Plan(ctx, run.ID, step.ID)
	planned := err == nil
	question, errAsk := r.Question(ctx, run.ID, step.ID)
	if errAsk != nil {
		return errAsk
	}
	fmt.Fprintf(c.Stderr, "\n%s\n", text.Clean(step.ID))
	if planned {
		c.printPlan(plan)
		if c.yes {
			_, err := r.Approve(ctx, run.ID, step.ID, plan)
			return err
		}
		fmt.Fprint(c.Stderr, "Type yes to do it, or why it is left out: ")
	} else {
		for _, l := range question {
			fmt.Fprintln(c.Stderr, "  "+text.Clean(l))
		}
		if step.Plans() {
			fmt.Fprintf(c.Stderr, "  cannot be planned now: %s\nType why it is left out: ", text.CleanLines(err.Error()))
		} else {
			fmt.Fprint(c.Stderr, "Type what was done, or no and why it is left out: ")
		}
	}
	line, err := lines.ReadString('\n')
	line = strings.TrimSpace(line)
	if line == "" {
		return &exit{Refused, errors.Join(errors.New("it waits for a person: nothing on standard input"), err)}
	}
	switch {
	case planned && line == "yes":
		_, err = r.Approve(ctx, run.ID, step.ID, plan)
	case planned || step.Plans():
		_, err = r.Answer(ctx, run.ID, step.ID, playbooks.StepSkipped, line)
	case strings.HasPrefix(line, "no "):
		_, err = r.Answer(ctx, run.ID, step.ID, playbooks.StepSkipped, strings.TrimPrefix(line, "no "))
	default:
		_, err = r.Answer(ctx, run.ID, step.ID, playbooks.StepDone, line)
	}
	return err
}

func (c *command) playbookUndo(ctx context.Context, args []string) error {
	return c.withRunner(ctx, func(r *playbooks.Runner) error {
		run, err := r.Cases.Run(ctx, args[0])
		if err != nil {
			return err
		}
		c.printRun(&run)
		if err := c.confirm("Take back what it changed?"); err != nil {
			return err
		}
		if len(args) == 2 {
			run, err = r.Undo(ctx, run.ID, args[1])
		} else {
			run, err = r.UndoAll(ctx, run.ID)
		}
		c.printRun(&run)
		return err
	})
}

const watchEvery = 2 * time.Second

// lookOut says at once what is seen again after a containment, and begins the
// automatic playbook where the inventory allows that, until ctx ends.
func (c *command) lookOut(ctx context.Context, s *said, r *playbooks.Runner, books []*playbooks.Playbook) {
	t := time.NewTicker(watchEvery)
	defer t.Stop()
	looked := map[string]*detect.Finding{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		watches, err := s.cases.Watches(ctx)
		if err != nil {
			continue // it is tried again; that the database cannot be read is said elsewhere
		}
		open := map[string]*detect.Finding{}
		for _, f := range s.Snapshot().Findings {
			open[f.ID] = f
			if looked[f.ID] != f {
				c.seenAgain(ctx, s, r, watches, f)
				c.beginBySelf(ctx, r, books, f)
			}
		}
		looked = open // what was closed is not held on to
	}
}

func (c *command) seenAgain(ctx context.Context, s *said, r *playbooks.Runner, watches []playbooks.Watch, f *detect.Finding) {
	for _, w := range watches {
		why := w.Hits(f)
		if why == "" || !f.Last.After(w.Since) {
			continue
		}
		again, err := s.cases.SeenAgain(ctx, w, f, why)
		if err != nil || !again || r.Notify == nil {
			continue
		}
		words := fmt.Sprintf("%s: SEEN AGAIN on %s: %s (%s)", w.Case, f.Host.Name, why, f.RuleName)
		reached, err := r.Notify.Send(ctx, nil, w.Case+": seen again", playbooks.Redact(words))
		if err != nil {
			reached = "not all were told: " + err.Error()
		}
		_ = s.cases.Record(ctx, w.Case, "no person (automatic)", "told", playbooks.Redact(reached)) // the case says already that it was seen
	}
}

// beginBySelf begins the configured playbook for a likely theft that still sends.
func (c *command) beginBySelf(ctx context.Context, r *playbooks.Runner, books []*playbooks.Playbook, f *detect.Finding) {
	id := c.config.Playbooks.Automatic
	if id == "" || !f.Live() || r.Assess == nil || len(r.Allowed(f.Host)) == 0 {
		return
	}
	book, err := playbooks.FindPlaybook(books, id)
	if err != nil || !book.Automatic {
		return
	}
	g := r.Assess(ctx, f)
	if g == nil || g.Verdict.Word != playbooks.Theft || !g.Verdict.Sending || !c.automation.may(f, g) {
		return
	}
	k, err := r.Cases.OpenCase(ctx, f, g, "no person (automatic)")
	if err != nil {
		return
	}
	begun, err := r.Cases.Runs(ctx, k.ID)
	if err != nil || len(begun) > 0 {
		return // once for a case: a person decides about the rest
	}
	if run, err := r.Start(ctx, books, id, k.ID, f.ID, true); err == nil {
		_, _ = r.Continue(ctx, run.ID) // what came of it is kept in the run and shown there
	}
}
