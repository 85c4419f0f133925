package esql

import (
	"context"
	"fmt"
	"math"
	"time"

	"interdict/sources"
	"interdict/sources/esql/exec"
	"interdict/sources/esql/parse"
	"interdict/sources/esql/plan"
	"interdict/sources/frame"
)

// Rows of an answer: DefaultLimit without a LIMIT in the text, MaxLimit at
// most, as in Elasticsearch. sources.Query.Limit, when set, stands instead of both.
const (
	DefaultLimit = 1000
	MaxLimit     = 10000
)

// Statement is a parsed query. It is immutable and may be run many times, also
// at once.
type Statement struct {
	text  string
	query *parse.Query
}

// Prepare parses a query. Errors are a *parse.Error.
func Prepare(text string, params ...sources.Param) (*Statement, error) {
	given := make([]parse.Param, len(params))
	for i, p := range params {
		given[i] = parse.Param{Name: p.Name, Value: p.Value}
	}
	q, err := parse.Parse(text, given...)
	if err != nil {
		return nil, err
	}
	return &Statement{text: text, query: q}, nil
}

// Run prepares q.Text with q.Params and runs it.
func Run(ctx context.Context, cat Catalog, q sources.Query) (*frame.Frame, sources.Quality, error) {
	s, err := Prepare(q.Text, q.Params...)
	if err != nil {
		return nil, sources.Quality{}, err
	}
	return s.Run(ctx, cat, q)
}

// Run checks the statement against the catalog's fields and runs it. q.Text
// and q.Params are not looked at.
func (s *Statement) Run(ctx context.Context, cat Catalog, q sources.Query) (*frame.Frame, sources.Quality, error) {
	tables := lookupsOf(cat)
	from, ok := s.query.Commands[0].(*parse.From)
	if !ok {
		p, err := plan.Check(s.query, nil, tables, clock(q))
		if err != nil {
			return nil, sources.Quality{}, err
		}
		return execute(ctx, p, nil, tables, q)
	}
	table, ok := cat.Table(from.Patterns)
	if !ok {
		return nil, sources.Quality{}, parse.Errorf(parse.Verification, from.Pos, "Unknown index [%s]", from.Patterns)
	}
	p, err := plan.Check(s.query, table.Fields(), tables, clock(q))
	if err != nil {
		return nil, sources.Quality{}, err
	}
	return execute(ctx, p, table, tables, q)
}

// clock is what now() gives.
func clock(q sources.Query) time.Time {
	if q.Now.IsZero() {
		return time.Now().UTC()
	}
	return q.Now
}

// execute runs a plan and says how far the answer can be trusted.
func execute(ctx context.Context, p *plan.Plan, table exec.Table, tables *lookedUp, q sources.Query) (*frame.Frame, sources.Quality, error) {
	began := time.Now()
	o := exec.Options{Table: table, Lookup: tables, Filter: q.Filter, Limit: q.Limit, Window: window(q.Window)}
	quality := sources.Quality{Warnings: append([]string(nil), p.Warnings...)}
	if o.Limit == 0 {
		o.Limit = MaxLimit
		if !p.Limited {
			o.Limit = DefaultLimit
			quality.Warnings = append(quality.Warnings, fmt.Sprintf("No limit defined, adding default limit of [%d]", DefaultLimit))
		}
	}
	result, err := exec.Run(ctx, p, o)
	if err != nil {
		return nil, quality, err
	}
	quality.Warnings = append(quality.Warnings, result.Warnings...)
	if q.Explain {
		for _, c := range result.Steps() {
			quality.Steps = append(quality.Steps, sources.Step(c))
		}
	}
	quality.Took, quality.Scanned, quality.Rows = time.Since(began), result.Scanned, int64(result.Frame.Rows)
	return result.Frame, quality, nil
}

func window(w sources.Window) exec.Window {
	out := exec.Window{Field: w.Field, Fallback: w.Fallback, From: math.MinInt64, To: math.MaxInt64}
	if out.Field == "" {
		out.Field = "@timestamp"
	}
	if !w.From.IsZero() {
		out.From = w.From.UnixMilli()
	}
	if !w.To.IsZero() {
		out.To = w.To.UnixMilli()
	}
	return out
}

// Check verifies the statement against a schema, without running it.
func (s *Statement) Check(fields []frame.Field) error {
	_, err := plan.Check(s.query, fields, nil, time.Now())
	return err
}

// From gives the index patterns of FROM, "" when the source is another command.
func (s *Statement) From() string {
	if from, ok := s.query.Commands[0].(*parse.From); ok {
		return from.Patterns
	}
	return ""
}
