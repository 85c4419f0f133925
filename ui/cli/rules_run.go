package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"interdict/detect"
	"interdict/ui/text"
)

type rulesRunFlags struct {
	HistoryOptions
	now string
}

func (c *command) rulesRun() *cobra.Command {
	var f rulesRunFlags
	cmd := &cobra.Command{Use: "run FILE|DIR|ID...", Short: "Run rules once over the history, as on their schedule: alerts as ECS NDJSON",
		RunE: func(cmd *cobra.Command, args []string) error { return c.runRules(cmd.Context(), f, args) }}
	f.add(cmd)
	cmd.Flags().StringVar(&f.now, "now", "", "when the run is, as 2026-11-25T03:12:00Z")
	return cmd
}

// runRules runs each rule. One that cannot be run, or whose answer is partial,
// is said; the others still run.
func (c *command) runRules(ctx context.Context, f rulesRunFlags, names []string) error {
	if len(names) == 0 {
		return usage("wants rule files, directories or ids; `interdict rules list` shows the ids")
	}
	now, err := c.at(f.now)
	if err != nil {
		return err
	}
	rules, err := c.named(names)
	if err != nil {
		return err
	}
	history, closer, err := c.history(ctx, f.HistoryOptions)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(c.results())
	failed, partial := 0, false
	for _, r := range rules {
		alerts, quality, err := detect.Once(ctx, r, history, now, func(detect.Host) string { return c.config.Environment })
		if err != nil {
			failed++
			fmt.Fprintf(c.Stderr, "interdict: %s: %s\n", text.Clean(r.Name), text.CleanLines(err.Error()))
			continue
		}
		for _, a := range alerts {
			if _, err := out.Write(append(a.AppendJSON(nil), '\n')); err != nil {
				return errors.Join(err, closer.Close())
			}
		}
		for _, warned := range quality.Warnings {
			if !strings.HasPrefix(warned, "No limit defined") { // max_signals is one
				fmt.Fprintf(c.Stderr, "warning: %s: %s\n", text.Clean(r.Name), text.CleanLines(warned))
			}
		}
		for _, reason := range quality.Reasons {
			fmt.Fprintf(c.Stderr, "partial: %s: %s\n", text.Clean(r.Name), text.CleanLines(reason))
		}
		partial = partial || quality.Partial
	}
	switch err := errors.Join(out.Flush(), closer.Close()); {
	case err != nil:
		return err
	case failed > 0:
		return fmt.Errorf("%d of %d rules could not be run", failed, len(rules))
	case partial:
		return &exit{code: Degraded}
	}
	return nil
}

// named gives the rules of files and directories, and those of the loaded ones that have an id or name.
func (c *command) named(names []string) ([]*detect.Rule, error) {
	var out []*detect.Rule
	loaded, err := c.loadRules()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		found := false
		for _, r := range loaded {
			if r.ID == name || strings.EqualFold(r.Name, name) {
				out, found = append(out, r), true
			}
		}
		if found {
			continue
		}
		if _, err := os.Stat(name); err != nil {
			return nil, fmt.Errorf("%q is no rule's id or name, and no file: %w", name, err)
		}
		rules, problems, err := rulesAt(name)
		if err != nil {
			return nil, err
		}
		for _, p := range problems {
			if !p.Warning {
				return nil, p
			}
		}
		out = append(out, rules...)
	}
	return out, nil
}
