package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/ui/text"
)

func (c *command) rules() *cobra.Command {
	cmd := group("rules", "List, check, test, show and run detection rules")
	list := &cobra.Command{Use: "list", Short: "List all rules that are loaded, those that cannot run included", Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return c.rulesList() }}
	list.Flags().BoolVar(&c.json, "json", false, "one JSON document a line")
	cmd.AddCommand(list, c.rulesRun(),
		&cobra.Command{Use: "show ID", Short: "Show one rule whole", Args: exactly(1, "a rule's id or name"),
			RunE: func(_ *cobra.Command, args []string) error { return c.rulesShow(args[0]) }},
		&cobra.Command{Use: "check [FILE|DIR...]", Short: "Check rule files; without any, the built-in and configured ones",
			RunE: func(_ *cobra.Command, args []string) error { return c.rulesCheck(args) }},
		&cobra.Command{Use: "test [FILE|DIR...]", Short: "Run the tests beside rules; without any, the built-in ones",
			RunE: func(_ *cobra.Command, args []string) error { return c.rulesTest(args) }})
	return cmd
}

func (c *command) rulesList() error {
	rules, err := c.loadRules()
	if err != nil {
		return err
	}
	if c.json {
		for _, r := range rules {
			b, err := json.Marshal(map[string]any{"id": r.ID, "name": r.Name, "severity": r.Severity, "risk_score": r.Risk,
				"language": r.Language, "file": r.File, "unsupported": r.Unsupported})
			if err != nil {
				return err
			}
			fmt.Fprintln(c.Stdout, string(b))
		}
		return nil
	}
	w := c.table()
	fmt.Fprintln(w, "SEVERITY\tRISK\tNAME\tID\tRUNS")
	for _, r := range rules {
		runs := "yes"
		if r.Unsupported != "" {
			runs = "no: " + r.Unsupported
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", text.Clean(r.Severity), r.Risk, text.Clean(r.Name), text.Clean(r.ID), text.Clean(runs))
	}
	return w.Flush()
}

func (c *command) rulesShow(id string) error {
	rules, err := c.loadRules()
	if err != nil {
		return err
	}
	for _, r := range rules {
		if r.ID != id && !strings.EqualFold(r.Name, id) {
			continue
		}
		fmt.Fprintf(c.Stdout, "%s\n%s · %s, risk %d · %s\n\n%s\n\n%s\n", text.Clean(r.Name), text.Clean(r.ID), text.Clean(r.Severity), r.Risk,
			text.Clean(r.File), text.CleanLines(strings.TrimSpace(r.Description)), text.CleanLines(strings.TrimSpace(r.Query)))
		if r.Note != "" {
			fmt.Fprintf(c.Stdout, "\n%s\n", text.CleanLines(strings.TrimSpace(r.Note)))
		}
		return nil
	}
	return fmt.Errorf("no rule has the id or name %q; `interdict rules list` shows all", id)
}

func (c *command) rulesCheck(paths []string) error {
	rules, problems := []*detect.Rule(nil), []detect.Problem(nil)
	if len(paths) == 0 {
		rules, problems = detect.Builtin()
		paths = c.config.Rules
	}
	for _, path := range paths {
		more, bad, err := rulesAt(path)
		if err != nil {
			return err
		}
		rules, problems = append(rules, more...), append(problems, bad...)
	}
	bad := 0
	for _, p := range problems {
		fmt.Fprintln(c.Stdout, text.CleanLines(p.Error()))
		if !p.Warning {
			bad++
		}
	}
	if _, err := playbooks.RuleSheets(rules); err != nil {
		lines := strings.Split(err.Error(), "\n")
		fmt.Fprintln(c.Stdout, text.CleanLines(err.Error()))
		bad += len(lines)
	}
	idle := 0
	for _, r := range rules {
		if r.Unsupported != "" {
			idle++
		}
	}
	fmt.Fprintf(c.Stdout, "%d rules, %d problems", len(rules), bad)
	if idle > 0 {
		fmt.Fprintf(c.Stdout, "; %d of the rules do not run here", idle)
	}
	fmt.Fprintln(c.Stdout)
	if bad > 0 {
		return &exit{code: Failed}
	}
	return nil
}

func (c *command) rulesTest(paths []string) error {
	results := []detect.TestResult(nil)
	if len(paths) == 0 {
		results = detect.TestRules(detect.BuiltinFS())
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("rules: %w", err)
		}
		fsys, names, err := ruleFiles(path, info.IsDir())
		if err != nil {
			return err
		}
		results = append(results, detect.TestRules(fsys, names...)...)
	}
	failed := 0
	for _, r := range results {
		if !r.OK {
			failed++
			fmt.Fprintf(c.Stdout, "FAIL  %s:%d: %s\n      %s\n", text.Clean(r.File), r.Line, text.Clean(r.Name), strings.ReplaceAll(text.CleanLines(r.Diff), "\n", "\n      "))
		}
	}
	if len(results) == 0 {
		return errors.New("rules: no test was found: those of RULE.toml are beside it, in RULE.test.txt")
	}
	fmt.Fprintf(c.Stdout, "%d passed, %d failed\n", len(results)-failed, failed)
	if failed > 0 {
		return &exit{code: Failed}
	}
	return nil
}

// ruleFiles gives a file system and the rule files in it.
func ruleFiles(path string, isDir bool) (fs.FS, []string, error) {
	if !isDir {
		return os.DirFS(filepath.Dir(path)), []string{filepath.Base(path)}, nil
	}
	var names []string
	fsys := os.DirFS(path)
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && (strings.HasSuffix(name, ".toml") || strings.HasSuffix(name, ".ndjson")) {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("rules: %w", err)
	}
	return fsys, names, nil
}
