package esql

import (
	"interdict/sources/esql/exec"
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

// Segment is some rows; a [Sieve] is one that can leave rows out by a [Condition]
// before it decodes them.
type (
	Segment   = exec.Segment
	Sieve     = exec.Sieve
	Condition = exec.Condition
)
