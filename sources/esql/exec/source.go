package exec

import (
	"context"

	"interdict/sources/frame"
)

// Segment is some rows that can be read by column.
type Segment interface {
	Rows() int
	Read(ctx context.Context, columns []string) (*frame.Frame, error)
}

// Sieve is a Segment that can leave rows out before it decodes them: those that
// fail a condition.
type Sieve interface {
	Segment
	ReadWhere(ctx context.Context, columns []string, where []Condition) (*frame.Frame, error)
}

// Condition says that one of a keyword field's values must be taken.
type Condition struct {
	Field string
	Takes func(value string) bool
}

// Table gives segments, oldest first; from ≤ field < to bounds those of interest.
type Table interface {
	Segments(field string, from, to int64) []Segment
}

// Lookup finds the rows of a table of LOOKUP JOIN or ENRICH.
type Lookup interface {
	Rows(ctx context.Context, name string, enrich bool, columns []string) (*frame.Frame, error)
}
