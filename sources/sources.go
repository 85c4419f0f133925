// Package sources says what happened: the contracts between what delivers
// events ([Source]), what remembers them ([History]) and everything that asks.
//
// Events travel as columns with ECS names (see package ecs) in a [Batch]. The
// only way to ask about the past is ES|QL text in a [Query]. Each technology is
// an adapter in a package of its own below this one; adapters do not know one
// another, and only main imports them.
package sources

import (
	"context"
	"errors"
	"time"

	"interdict/sources/frame"
)

// Batch is what came in together: some rows of ECS columns, in the order in
// which they happened per host. It is immutable and may be kept.
type Batch struct {
	Events *frame.Frame
	Lost   Loss      // what is missing between the batch before and this one
	Read   time.Time // when the first of the rows left the kernel, file or cluster
}

// Loss counts what a source knows that it did not deliver. The zero value means: nothing.
type Loss struct {
	Processes int64 // fork, exec and exit events
	Network   int64
	Files     int64
	Malformed int64 // records or lines that could not be decoded
}

// Total is the sum over all kinds.
func (l Loss) Total() int64 { return l.Processes + l.Network + l.Files + l.Malformed }

// Add gives the sum of both, kind by kind.
func (l Loss) Add(m Loss) Loss {
	return Loss{l.Processes + m.Processes, l.Network + m.Network, l.Files + m.Files, l.Malformed + m.Malformed}
}

// Source delivers events as they happen.
type Source interface {
	// Name is what the user calls it, as in --source: "ebpf", "replay:FILE".
	Name() string
	// Run delivers to out until ctx ends or the source has no more, then returns
	// nil; another error means that it stopped being able to look. Rows come in
	// order per host. Run may be called again after it returned.
	Run(ctx context.Context, out Sink) error
	// Stats may be called at any time from any goroutine.
	Stats() Stats
}

// Sink takes batches. Put blocks until the batch is taken: nothing is lost
// between a source and its sink. It returns an error only when ctx ended or
// the sink can take no more at all.
type Sink interface {
	Put(ctx context.Context, b Batch) error
}

// SinkFunc makes a Sink of a function.
type SinkFunc func(ctx context.Context, b Batch) error

// Put calls f.
func (f SinkFunc) Put(ctx context.Context, b Batch) error { return f(ctx, b) }

// Stats are totals since the source was made.
type Stats struct {
	Read  int64 // rows delivered
	Lost  Loss
	Lag   time.Duration // age of the newest event when it was delivered
	About string        // what it is connected to, for the header: "prod 8.19.21 basic"
	Blind string        // why it cannot look at present; "" when it can. It is also in Notes.
	Notes []string      // what is degraded, a sentence each, for the header and doctor

	Hosts func() []Heard // what was heard of each host; nil: it is one machine, or it is not told
}

// Heard is what a source heard of one host.
type Heard struct {
	Host      string // its name; untrusted text
	Events    int64
	Newest    time.Time     // time of its newest event, by its own clock
	At        time.Time     // when that came
	Lag, Most time.Duration // from an event to its delivery here: the last one, and the longest
	Late      int64         // events that came later than is usual
	LateBy    time.Duration // by up to
	Older     int64         // events that came behind a newer one of the host
	Ahead     int64         // events of the future: the host's clock is ahead
	AheadBy   time.Duration // by up to
}

// History answers questions about the past.
type History interface {
	// Query runs q. The frame has the columns of the query's result, in its
	// order. An answer that may be incomplete comes with Quality.Partial, never
	// as a shorter answer alone. Problems of the
	// query text are a *parse.Error of package sources/esql/parse.
	Query(ctx context.Context, q Query) (*frame.Frame, Quality, error)
}

// Query is ES|QL text and what acts on the rows before the text sees them, as
// Kibana's time range and filters do.
type Query struct {
	Text   string
	Params []Param
	Window Window
	Filter Filter
	Limit  int       // at most this many rows, of each of [Several]; 0: what the text and ES|QL's default say
	Now    time.Time // what now() gives; zero: the time of asking
	Source string    // which one of [Several] is asked; "" is all of them. A history that is one alone is asked in any case.

	Explain bool // Quality.Steps is wanted
}

// Param is a value for a `?` (Name "") or `?name` in the text.
// Value is a string, bool, int64, float64, time.Time, a slice of one of these, or nil.
type Param struct {
	Name  string
	Value any
}

// Window bounds the rows by time: From ≤ Field < To. Field "" is @timestamp; a
// row without Field is judged by Fallback. Zero From or To do not bound.
type Window struct {
	Field, Fallback string
	From, To        time.Time
}

// Filter keeps rows in which every named field has one of the given values.
type Filter map[string][]string

// Quality says how far an answer can be trusted and what it cost.
type Quality struct {
	Partial  bool
	Reasons  []string // why it is partial, a sentence each
	Warnings []string // ES|QL warnings, as in Elasticsearch's Warning headers
	Took     time.Duration
	Rows     int64 // rows in the answer
	Scanned  int64 // rows looked at
	Steps    []Step
}

// Step is one step of how a query was answered.
type Step struct {
	Text    string
	In, Out int64         // rows
	Took    time.Duration // of all processors that worked on it, added up
}

// ErrClosed is what a closed sink, source or history answers.
var ErrClosed = errors.New("closed")
