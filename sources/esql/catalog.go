package esql

import (
	"context"

	"interdict/sources/frame"
)

// Catalog finds what FROM names. It is declared here and implemented by what
// holds rows (the archive, files).
type Catalog interface {
	// Table gives the rows of all indices that match the comma-separated
	// patterns ("logs-endpoint.events.process-*, -excluded"). ok is false when
	// none matches, which is an "Unknown index" error of the query.
	Table(patterns string) (t Table, ok bool)
}

// Table is rows in segments, oldest first. It is a snapshot: rows that come
// later are not in it.
type Table interface {
	// Fields are all fields that a query may name, those that no row has included.
	Fields() []frame.Field
	// Segments gives those segments that may have rows with from ≤ field < to,
	// in milliseconds since the epoch; field is a date column. The caller filters
	// rows itself. from is math.MinInt64 and to is math.MaxInt64 when unbounded.
	Segments(field string, from, to int64) []Segment
}

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
