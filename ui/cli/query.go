package cli

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/esql"
	"interdict/sources/esql/parse"
	"interdict/sources/frame"
	"interdict/ui/text"
)

type queryFlags struct {
	HistoryOptions
	format, window, now string
	check               bool
}

func (c *command) query() *cobra.Command {
	var f queryFlags
	cmd := &cobra.Command{
		Use:   "query 'ES|QL'",
		Short: "Ask ES|QL of the local history, or of files",
		Example: "  interdict query 'FROM logs-endpoint.events.process-* | WHERE process.name == \"scp\" | KEEP @timestamp, process.command_line'\n" +
			"  zcat events.ndjson.gz | interdict query --from - 'FROM * | STATS count() BY process.name'",
		RunE: func(cmd *cobra.Command, args []string) error { return c.runQuery(cmd.Context(), f, args) },
	}
	cmd.Flags().StringArrayVar(&f.From, "from", nil, "file, directory, glob or - instead of the local history; repeatable")
	cmd.Flags().StringVar(&f.format, "format", "table", "table, csv, ndjson or json (Elasticsearch's shape)")
	cmd.Flags().StringVar(&f.window, "window", "", "only events of the last 24h, 14d …")
	cmd.Flags().StringVar(&f.now, "now", "", "what now() and the window count from, as 2026-11-25T03:12:00Z")
	cmd.Flags().BoolVar(&f.check, "check", false, `check NDJSON {"query": …} from standard input, an answer a line`)
	return cmd
}

func (c *command) runQuery(ctx context.Context, f queryFlags, args []string) error {
	if f.check {
		return c.checkQueries()
	}
	if len(args) != 1 {
		return usage("wants one query; quote it: interdict query 'FROM … | …'")
	}
	write, ok := formats[f.format]
	if !ok {
		return usage("--format %q: is table, csv, ndjson or json", f.format)
	}
	q := sources.Query{Text: args[0], Now: c.Now()}
	if err := f.times(&q); err != nil {
		return err
	}
	f.Stdin, f.StateDir = c.Stdin, c.statePath()
	if f.StateDir == "" && len(f.From) == 0 {
		return errNoStatePath
	}
	history, closer, err := c.History(ctx, f.HistoryOptions)
	if err != nil {
		return err
	}
	rows, quality, err := history.Query(ctx, q)
	if err := errors.Join(err, closer.Close()); err != nil {
		return pointed(args[0], err)
	}
	out := bufio.NewWriter(c.results())
	err = write(out, rows, quality)
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return fmt.Errorf("result: %w", err)
	}
	for _, w := range quality.Warnings {
		fmt.Fprintln(c.Stderr, "warning: "+text.CleanLines(w))
	}
	if !quality.Partial {
		return nil
	}
	for _, r := range quality.Reasons {
		fmt.Fprintln(c.Stderr, "partial: "+text.CleanLines(r))
	}
	return &exit{code: Degraded}
}

func (f queryFlags) times(q *sources.Query) error {
	if f.now != "" {
		at, err := time.Parse(time.RFC3339, f.now)
		if err != nil {
			return usage("--now %q: is a time such as 2026-11-25T03:12:00Z", f.now)
		}
		q.Now = at
	}
	if f.window == "" {
		return nil
	}
	d, err := parseDuration(f.window)
	if err != nil {
		return usage("--window %v", err)
	}
	q.Window = sources.Window{From: q.Now.Add(-d), To: q.Now.Add(time.Millisecond)}
	return nil
}

// pointed shows the line of the query that an error is about, with a mark below the column.
func pointed(query string, err error) error {
	var problem *parse.Error
	if !errors.As(err, &problem) || len(problem.Problems) == 0 {
		return err
	}
	at := problem.Problems[0]
	lines := strings.Split(query, "\n")
	if at.Line < 1 || at.Line > len(lines) || at.Column < 1 {
		return err
	}
	line := []rune(lines[at.Line-1])
	before := text.Clean(string(line[:min(at.Column-1, len(line))]))
	return fmt.Errorf("%w\n  %s\n  %s^", err, text.Clean(lines[at.Line-1]), strings.Repeat(" ", text.Width(before)))
}

// checkQueries answers per line, also for lines that are no JSON.
func (c *command) checkQueries() error {
	type problem struct {
		Type    string `json:"type"`
		Line    int    `json:"line"`
		Column  int    `json:"column"`
		Message string `json:"message"`
	}
	in := bufio.NewReaderSize(c.Stdin, 1<<16)
	out := bufio.NewWriter(c.Stdout)
	defer func() { _ = out.Flush() }() // a reader that is gone has shown before
	encode := json.NewEncoder(out)
	for {
		line, readErr := in.ReadString('\n')
		if strings.TrimSpace(line) != "" {
			answer := struct {
				OK     bool      `json:"ok"`
				Errors []problem `json:"errors"`
			}{Errors: []problem{}}
			for _, p := range queryProblems(line) {
				answer.Errors = append(answer.Errors, problem(p))
			}
			answer.OK = len(answer.Errors) == 0
			if err := encode.Encode(answer); err != nil {
				return err
			}
		}
		if readErr == io.EOF {
			return nil
		}
		if readErr != nil {
			return fmt.Errorf("standard input: %w", readErr)
		}
	}
}

type queryProblem struct {
	Type         string
	Line, Column int
	Message      string
}

func queryProblems(line string) []queryProblem {
	var in struct{ Query string }
	if err := json.Unmarshal([]byte(line), &in); err != nil {
		return []queryProblem{{Type: "invalid_json", Message: err.Error()}}
	}
	statement, err := esql.Prepare(in.Query)
	if err == nil {
		err = statement.Check(ecs.Fields())
	}
	var positioned *parse.Error
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &positioned):
		return []queryProblem{{Type: "verification_exception", Message: err.Error()}}
	}
	var all []queryProblem
	for _, p := range positioned.Problems {
		all = append(all, queryProblem{positioned.Type, p.Line, p.Column, p.Message})
	}
	return all
}

var formats = map[string]func(io.Writer, *frame.Frame, sources.Quality) error{
	"table": writeTable, "csv": writeCSV, "ndjson": writeNDJSON, "json": writeJSON,
}

// cellWidth bounds a column of the table: what is longer says so with an ellipsis.
const cellWidth = 80

func writeTable(w io.Writer, f *frame.Frame, _ sources.Quality) error {
	widths := make([]int, len(f.Names))
	cells := make([][]string, f.Rows+1)
	for r := range cells {
		cells[r] = make([]string, len(f.Names))
		for i, name := range f.Names {
			value := name
			if r > 0 {
				value = strings.Join(f.Columns[i].Texts(r-1), ", ")
			}
			cells[r][i] = text.Clean(value)
			widths[i] = min(max(widths[i], text.Width(cells[r][i])), cellWidth)
		}
	}
	for _, row := range cells {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(text.Fit(cell, widths[i]))
			line.WriteString("  ")
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(line.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

func writeCSV(w io.Writer, f *frame.Frame, _ sources.Quality) error {
	out := csv.NewWriter(w)
	if err := out.Write(f.Names); err != nil {
		return err
	}
	row := make([]string, len(f.Names))
	for r := range f.Rows {
		for i, c := range f.Columns {
			row[i] = strings.Join(c.Texts(r), ",")
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func writeNDJSON(w io.Writer, f *frame.Frame, _ sources.Quality) error {
	var line []byte
	for r := range f.Rows {
		line = append(line[:0], '{')
		for i, c := range f.Columns {
			value := c.Value(r)
			if value == nil {
				continue
			}
			if len(line) > 1 {
				line = append(line, ',')
			}
			name, err := json.Marshal(f.Names[i])
			if err != nil {
				return err
			}
			cell, err := json.Marshal(value)
			if err != nil {
				return err
			}
			line = append(append(append(line, name...), ':'), cell...)
		}
		if _, err := w.Write(append(line, '}', '\n')); err != nil {
			return err
		}
	}
	return nil
}

func writeJSON(w io.Writer, f *frame.Frame, q sources.Quality) error {
	type column struct {
		Name string `json:"name"`
		Type string `json:"type"`
	}
	answer := struct {
		Took     int64    `json:"took"` // ms
		Partial  bool     `json:"is_partial"`
		Columns  []column `json:"columns"`
		Values   [][]any  `json:"values"`
		Warnings []string `json:"warnings"`
	}{Took: q.Took.Milliseconds(), Partial: q.Partial, Columns: []column{}, Values: make([][]any, f.Rows),
		Warnings: append(append([]string{}, q.Warnings...), q.Reasons...)}
	for i, c := range f.Columns {
		answer.Columns = append(answer.Columns, column{f.Names[i], c.Type.String()})
	}
	for r := range f.Rows {
		row := make([]any, len(f.Columns))
		for i, c := range f.Columns {
			row[i] = c.Value(r)
		}
		answer.Values[r] = row
	}
	return json.NewEncoder(w).Encode(answer)
}
