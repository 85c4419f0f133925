package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/esql"
	"interdict/sources/esql/parse"
	"interdict/sources/frame"
	"interdict/ui"
	"interdict/ui/text"
)

type queryFlags struct {
	HistoryOptions
	format, window, now string
	check, explain      bool
	params              []string
}

func (c *command) query() *cobra.Command {
	var f queryFlags
	cmd := &cobra.Command{
		Use:   "query 'ES|QL'",
		Short: "Ask ES|QL of the local history, of files, or of a cluster",
		Example: "  interdict query 'FROM logs-endpoint.events.process-* | WHERE process.name == \"scp\" | KEEP @timestamp, process.command_line'\n" +
			"  zcat events.ndjson.gz | interdict query --from - 'FROM * | STATS count() BY process.name'",
		RunE: func(cmd *cobra.Command, args []string) error { return c.runQuery(cmd.Context(), f, args) },
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.format, "format", "table", "table, csv, ndjson or json (Elasticsearch's shape)")
	cmd.Flags().StringVar(&f.window, "window", "", "only events of the last 24h, 14d …")
	cmd.Flags().StringVar(&f.now, "now", "", "what now() and the window count from, as 2026-11-25T03:12:00Z")
	cmd.Flags().StringArrayVar(&f.params, "param", nil, "what ? stands for, or NAME=VALUE for ?NAME: JSON, or text; repeatable")
	cmd.Flags().BoolVar(&f.explain, "explain", false, "run the query and show its steps instead of its rows: rows in and out, and time")
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
	write, ok := ui.Formats[f.format]
	if !ok {
		return usage("--format %q: is table, csv, ndjson or json", f.format)
	}
	now, err := c.at(f.now)
	if err != nil {
		return err
	}
	q := sources.Query{Text: args[0], Now: now, Explain: f.explain, Params: queryParams(f.params)}
	if err := f.times(&q); err != nil {
		return err
	}
	if f.Source == "" { // a cluster may know more than this engine
		if _, err := esql.Prepare(q.Text, q.Params...); err != nil { // before files are read for it
			return pointed(q.Text, err)
		}
	}
	rows, quality, err := c.answerOf(ctx, f.HistoryOptions, q)
	if err != nil {
		return pointed(args[0], err)
	}
	if f.explain {
		rows = stepRows(quality.Steps)
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

// answerOf opens the history, asks it and closes it. It does not wait for that
// when ctx ends: a step under way, or standard input that gives nothing, may take
// longer than a person who has called it off, and the program ends next.
func (c *command) answerOf(ctx context.Context, o HistoryOptions, q sources.Query) (*frame.Frame, sources.Quality, error) {
	type answer struct {
		rows    *frame.Frame
		quality sources.Quality
		err     error
	}
	done := make(chan answer, 1)
	go func() {
		rows, quality, err := c.asked(ctx, o, q)
		done <- answer{rows, quality, err}
	}()
	select {
	case a := <-done:
		return a.rows, a.quality, a.err
	case <-ctx.Done():
		return nil, sources.Quality{}, errCalledOff
	}
}

var errCalledOff = errors.New("the question was called off")

func (c *command) asked(ctx context.Context, o HistoryOptions, q sources.Query) (*frame.Frame, sources.Quality, error) {
	history, closer, err := c.history(ctx, o)
	if err != nil && o.Source == "" && len(o.From) == 0 && readsNothing(q) {
		history, closer, err = noHistory{}, noHistory{}, nil
	}
	if err != nil {
		return nil, sources.Quality{}, err
	}
	rows, quality, err := history.Query(ctx, q)
	return rows, quality, errors.Join(err, closer.Close())
}

// stepRows makes a table of how a query was answered.
func stepRows(steps []sources.Step) *frame.Frame {
	b := frame.NewBuilder([]frame.Field{{Name: "step", Type: frame.Keyword}, {Name: "rows in", Type: frame.Long}, {Name: "rows out", Type: frame.Long}, {Name: "ms", Type: frame.Double}})
	for _, s := range steps {
		b.Row()
		b.Keyword(0, s.Text)
		b.Int(1, s.In)
		b.Int(2, s.Out)
		b.Float(3, math.Round(s.Took.Seconds()*1e6)/1e3)
	}
	return b.Build()
}

// add gives a command the flags that name what it asks.
func (o *HistoryOptions) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&o.From, "from", nil, "file, directory, glob or - instead of the local history; repeatable")
	cmd.Flags().StringVar(&o.Source, "source", "", "elasticsearch[:NAME] instead of the local history")
}

// history opens what o names.
func (c *command) history(ctx context.Context, o HistoryOptions) (sources.History, io.Closer, error) {
	if o.Source != "" && len(o.From) > 0 {
		return nil, nil, usage("--source and --from: one of them is asked")
	}
	o.Stdin, o.StateDir, o.Cluster, o.Tables = c.Stdin, c.statePath(), c.cluster, c.config.Tables
	if o.StateDir == "" && len(o.From) == 0 && o.Source == "" {
		return nil, nil, errNoStatePath
	}
	return c.History(ctx, o)
}

// at is the time that --now gives, else the clock's.
func (c *command) at(now string) (time.Time, error) {
	if now == "" {
		return c.Now(), nil
	}
	at, err := time.Parse(time.RFC3339, now)
	if err != nil {
		return at, usage("--now %q: is a time such as 2026-11-25T03:12:00Z", now)
	}
	return at, nil
}

func (f queryFlags) times(q *sources.Query) error {
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
	if line, mark, ok := ui.Pointed(query, err); ok {
		return fmt.Errorf("%w\n  %s\n  %s", err, line, mark)
	}
	return err
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
