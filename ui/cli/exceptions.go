package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/respond"
	"interdict/ui/text"
)

func (c *command) exceptions() *cobra.Command {
	cmd := group("exceptions", "List, export, import and end what hides alerts")
	var lasts string
	imports := &cobra.Command{Use: "import FILE", Short: "Make the exceptions of an Elastic list that was exported, an item a line; - is standard input",
		Args: exactly(1, "one file"), RunE: func(cmd *cobra.Command, args []string) error {
			return c.exceptionsImport(cmd.Context(), args[0], lasts)
		}}
	imports.Flags().StringVar(&lasts, "for", "", "how long those are in force that say no end: 30d …")
	cmd.AddCommand(
		&cobra.Command{Use: "list", Short: "List all exceptions, those that have ended included", Args: noArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return c.withExceptions(cmd.Context(), c.exceptionsList) }},
		&cobra.Command{Use: "export", Short: "Print those in force as items of an Elastic exception list, one a line", Args: noArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return c.withExceptions(cmd.Context(), c.exceptionsExport) }},
		&cobra.Command{Use: "end ID", Short: "End one before its time: what it hides shows up again", Args: exactly(1, "an exception's id"),
			RunE: func(cmd *cobra.Command, args []string) error { return c.exceptionsEnd(cmd.Context(), args[0]) }},
		imports)
	return cmd
}

// withCases runs f over what is kept; create makes it when there is nothing yet.
func (c *command) withCases(ctx context.Context, create bool, f func(*playbooks.Cases) error) error {
	return c.withShared(ctx, create, func(s *state) error { return f(s.cases) })
}

func (c *command) withExceptions(ctx context.Context, f func([]playbooks.KnownException) error) error {
	return c.withCases(ctx, false, func(cases *playbooks.Cases) error {
		all, err := cases.Exceptions(ctx)
		return errors.Join(f(all), err)
	})
}

func (c *command) exceptionsList(all []playbooks.KnownException) error {
	w := c.table()
	fmt.Fprintln(w, "ID\tNAME\tWHY\tBY\tENDS\tHIDDEN\tSTATE")
	for i := range all {
		x := &all[i]
		state := x.State(c.Now())
		if x.EndedBy != "" {
			state = "ended by " + x.EndedBy
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", text.Clean(x.ID), text.Clean(x.Name), text.Clean(x.Reason), text.Clean(x.Author),
			x.Expires.UTC().Format(time.DateOnly), x.Hidden, text.Clean(state))
	}
	return w.Flush()
}

func (c *command) exceptionsExport(all []playbooks.KnownException) error {
	out := bufio.NewWriter(c.results())
	for i := range all {
		if !all[i].InForce(c.Now()) {
			continue
		}
		line, err := json.Marshal(&all[i].Exception)
		if err != nil {
			return err
		}
		if _, err := out.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return out.Flush()
}

func (c *command) exceptionsEnd(ctx context.Context, id string) error {
	return c.withCases(ctx, false, func(cases *playbooks.Cases) error {
		return cases.EndException(ctx, id, respond.CurrentActor().User)
	})
}

// maxItem bounds a line of an exported list.
const maxItem = 1 << 20

// exceptionsImport makes all of a file or none.
func (c *command) exceptionsImport(ctx context.Context, path, lasts string) error {
	in := c.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	var lifetime time.Duration
	if lasts != "" {
		var err error
		if lifetime, err = parseDuration(lasts); err != nil {
			return usage("--for %v", err)
		}
	}
	all, err := readExceptions(in, path, c.Now(), lifetime)
	if err != nil {
		return err
	}
	return c.withCases(ctx, true, func(cases *playbooks.Cases) error {
		for _, x := range all {
			made, err := cases.Except(ctx, x, respond.CurrentActor().User)
			if err != nil {
				return fmt.Errorf("exception %q: %w", x.Name, err)
			}
			fmt.Fprintln(c.Stdout, text.Clean(made.ID+" "+made.Name))
		}
		return nil
	})
}

// readExceptions reads the items and passes over lists and summary. All that is wrong is said, by line.
func readExceptions(in io.Reader, path string, now time.Time, lifetime time.Duration) (all []detect.Exception, err error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxItem)
	var wrong []error
	seen := map[string]int{}
	for n := 1; lines.Scan(); n++ {
		var keys map[string]json.RawMessage
		var x detect.Exception
		err := json.Unmarshal(lines.Bytes(), &keys)
		if err == nil && !isItem(keys) || len(lines.Bytes()) == 0 {
			continue
		}
		if err == nil {
			err = json.Unmarshal(lines.Bytes(), &x)
		}
		if first := seen[x.ID]; err == nil && x.ID != "" && first > 0 {
			err = fmt.Errorf("exception %q has the id of line %d, %s", x.Name, first, x.ID)
		}
		seen[x.ID] = n
		if err == nil && x.Expires.IsZero() && lifetime == 0 {
			err = fmt.Errorf("exception %q says no end: give one to all such with --for", x.Name)
		}
		if err == nil && x.Reason == "" {
			err = fmt.Errorf("exception %q has no description, which says why", x.Name)
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s:%d: %w", path, n, err))
			continue
		}
		if x.Expires.IsZero() {
			x.Expires = now.Add(lifetime).UTC().Truncate(time.Second)
		}
		all = append(all, x)
	}
	return all, errors.Join(append(wrong, lines.Err())...)
}

// isItem tells an item from the list it is of and from the summary behind them.
func isItem(keys map[string]json.RawMessage) bool {
	_, named := keys["item_id"]
	_, entries := keys["entries"]
	return named || entries || string(keys["type"]) == `"simple"`
}
