package exec

import (
	"context"

	"interdict/sources/frame"
)

// Segment is some rows. It may be read from several goroutines.
type Segment interface {
	// Rows is exact.
	Rows() int
	// Read gives the named columns of all rows, without those that are null
	// throughout. The frame is shared and immutable. `_index` is a column like others.
	Read(ctx context.Context, columns []string) (*frame.Frame, error)
}

// Sieve is a Segment that can pass over rows before it decodes them.
type Sieve interface {
	Segment
	// ReadWhere is Read of those rows only that may satisfy all conditions. It may
	// give rows that do not; every row that does is there, in order.
	ReadWhere(ctx context.Context, columns []string, where []Condition) (*frame.Frame, error)
}

// Condition says that a keyword field of a row has one value alone, or several of
// which one at least, that Takes accepts. Takes may be called from several
// goroutines, and is asked about once per distinct value.
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
