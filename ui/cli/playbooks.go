package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

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
		if err := c.confirmRun(k.Exhibit(alert)); err != nil {
			return err
		}
		run, err := r.Start(ctx, all, book.ID, k.ID, alert, false)
		if err != nil {
			return err
		}
		return c.carryOn(ctx, r, run.ID)
	})
}

// confirmRun asks as the console does: in production for the host's name, which --yes does not answer.
func (c *command) confirmRun(x *playbooks.Exhibit) error {
	c.Stdin = bufio.NewReader(c.Stdin) // what is typed ahead is for the steps
	if h := x.Finding.Host; h.Environment == "production" {
		return c.confirmWord(fmt.Sprintf("%s is in production. Type its name to run it: ", h.Name), h.Name)
	}
	return c.confirm("Run it?")
}

// typedHost is the name that has to be typed before a step; "": yes is enough.
func (c *command) typedHost(ctx context.Context, r *playbooks.Runner, run *playbooks.Run, step playbooks.StepRun) (string, error) {
	k, err := r.Cases.Case(ctx, run.Case)
	if err != nil {
		return "", err
	}
	x := k.Exhibit(run.Alert)
	if x == nil {
		return "", fmt.Errorf("alert %s is not in %s any more", run.Alert, run.Case)
	}
	if c.rights().Level(x.Finding.Host.Environment, ui.StepKind(step.Do)) < respond.Typed {
		return "", nil
	}
	return x.Finding.Host.Name, nil
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
	name, err := c.typedHost(ctx, r, run, step)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.Stderr, "\n%s\n", text.Clean(step.ID))
	plan, err := r.Plan(ctx, run.ID, step.ID)
	if !step.Plans() || err != nil {
		return c.askDone(ctx, r, run, step, err, lines)
	}
	c.printPlan(plan)
	yes := cmp.Or(name, "yes")
	if !c.yes || name != "" {
		fmt.Fprintf(c.Stderr, "Type %s to do it, or no and why it is left out: ", text.Clean(yes))
		line, err := typedLine(lines)
		if err != nil {
			return err
		}
		if line != yes {
			return leaveOut(ctx, r, run, step, line)
		}
	}
	_, err = r.Approve(ctx, run.ID, step.ID, plan)
	return err
}

// askDone asks about a step without a plan, or one that cannot be planned now.
func (c *command) askDone(ctx context.Context, r *playbooks.Runner, run *playbooks.Run, step playbooks.StepRun, unplanned error, lines *bufio.Reader) error {
	if step.Plans() {
		fmt.Fprintf(c.Stderr, "  cannot be planned now: %s\nType no and why it is left out: ", text.CleanLines(unplanned.Error()))
	} else {
		question, err := r.Question(ctx, run.ID, step.ID)
		if err != nil {
			return err
		}
		for _, l := range question {
			fmt.Fprintln(c.Stderr, "  "+text.Clean(l))
		}
		fmt.Fprint(c.Stderr, "Type what was done, or no and why it is left out: ")
	}
	line, err := typedLine(lines)
	if err != nil {
		return err
	}
	if first, _, _ := strings.Cut(line, " "); step.Plans() || first == "no" {
		return leaveOut(ctx, r, run, step, line)
	}
	_, err = r.Answer(ctx, run.ID, step.ID, playbooks.StepDone, line)
	return err
}

func typedLine(lines *bufio.Reader) (string, error) {
	line, err := lines.ReadString('\n')
	if line = strings.TrimSpace(line); line == "" {
		return "", &exit{Refused, errors.Join(errors.New("it waits for a person: nothing on standard input"), err)}
	}
	return line, nil
}

// leaveOut leaves a step out by "no WHY"; anything else leaves it waiting.
func leaveOut(ctx context.Context, r *playbooks.Runner, run *playbooks.Run, step playbooks.StepRun, line string) error {
	why, no := strings.CutPrefix(line, "no ")
	if !no {
		return &exit{Refused, errors.New("not confirmed, the step goes on waiting")}
	}
	_, err := r.Answer(ctx, run.ID, step.ID, playbooks.StepSkipped, why)
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
