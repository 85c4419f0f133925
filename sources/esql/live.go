package esql

import (
	"context"
	"slices"

	"interdict/sources"
	"interdict/sources/esql/exec"
	"interdict/sources/esql/plan"
	"interdict/sources/frame"
)

// Live evaluates a statement on a stream: [Live.Match] picks the rows of a
// batch that can matter, [Live.Run] runs the whole statement over rows kept.
type Live struct {
	statement *Statement
	plan      *plan.Plan
	prefix    *exec.Prefix
	known     map[string]bool // by index: whether FROM names it
}

// Live splits the statement for a stream whose rows have the given schema.
func (s *Statement) Live(fields []frame.Field) (*Live, error) {
	p, err := plan.Check(s.query, fields, nil, clock(sources.Query{}))
	if err != nil {
		return nil, err
	}
	return &Live{statement: s, plan: p, prefix: exec.NewPrefix(p), known: map[string]bool{}}, nil
}

// The fields that tell which index a row of a stream belongs to.
const (
	datasetField   = "data_stream.dataset"
	namespaceField = "data_stream.namespace"
)

// Indices tells which index each row of a batch belongs to. It is made once a
// batch, for all statements that look at it.
type Indices struct {
	names []string
	of    []uint32 // by row: the place of its name
}

// IndicesOf finds the indices of a batch; nil when its rows do not say.
func IndicesOf(f *frame.Frame) *Indices {
	dataset, namespace := f.Column(datasetField), f.Column(namespaceField)
	if dataset == nil || dataset.Dict == nil {
		return nil
	}
	in := &Indices{of: make([]uint32, f.Rows)}
	type index struct{ dataset, namespace uint32 }
	places, last := map[index]uint32{}, index{}
	for r := range f.Rows {
		at := index{codeOf(dataset, r), codeOf(namespace, r)}
		if r > 0 && at == last { // most rows are of the index that the row before is of
			in.of[r] = in.of[r-1]
			continue
		}
		place, ok := places[at]
		if !ok {
			place = uint32(len(in.names))
			places[at] = place
			in.names = append(in.names, indexOf(dataset, namespace, r))
		}
		in.of[r], last = place, at
	}
	return in
}

// Match gives the rows of a batch of source columns that pass FROM and the
// leading steps; nil when none does. It is not safe for concurrent use.
func (l *Live) Match(f *frame.Frame, in *Indices) []uint32 {
	if l.prefix.Hopeless(f) {
		return nil
	}
	rows := l.named(in)
	if rows != nil && len(rows) == 0 {
		return nil
	}
	return l.prefix.Match(f, rows)
}

// named gives the rows of indices that FROM names; nil for all.
func (l *Live) named(in *Indices) []uint32 {
	if in == nil {
		return nil
	}
	named, n := make([]bool, len(in.names)), 0
	for i, name := range in.names {
		known, ok := l.known[name]
		if !ok {
			known = MatchIndex(l.statement.From(), name)
			if len(l.known) < maxKnown {
				l.known[name] = known
			}
		}
		if named[i] = known; known {
			n++
		}
	}
	if n == len(named) {
		return nil
	}
	rows := []uint32{}
	if n == 0 {
		return rows
	}
	for r, place := range in.of {
		if named[place] {
			rows = append(rows, uint32(r))
		}
	}
	return rows
}

// maxKnown bounds the names of indices that a statement remembers.
const maxKnown = 1 << 10

// codeOf is the code of a row's first value; 0 for none.
func codeOf(c *frame.Column, row int) uint32 {
	if c == nil {
		return 0
	}
	if lo, hi := c.Range(row); lo < hi {
		return c.Codes[lo]
	}
	return 0
}

func indexOf(dataset, namespace *frame.Column, row int) string {
	name := "default"
	if namespace != nil {
		name = namespace.Text(row)
	}
	return "logs-" + dataset.Text(row) + "-" + name
}

// Columns are the source columns that kept rows must carry for [Live.Run].
func (l *Live) Columns() []string { return exec.Columns(l.plan) }

// Groups are the source columns of the first STATS … BY when its keys are plain
// fields, so that only touched groups need be run again; nil: run all again.
func (l *Live) Groups() []string {
	source := map[int]string{}
	for _, c := range l.plan.Source {
		source[c.Slot] = c.Name
	}
	for _, s := range l.plan.Steps {
		switch step := s.(type) {
		case *plan.Where, *plan.Eval, *plan.Expand, *plan.Extract:
			continue
		case *plan.Stats:
			var names []string
			for _, k := range step.Keys {
				ref, ok := k.Expr.(*plan.Ref)
				if !ok || source[ref.Slot] == "" {
					return nil
				}
				names = append(names, source[ref.Slot])
			}
			return names
		}
		return nil
	}
	return nil
}

// Keys are the columns of the result that hold the values of [Live.Groups], in
// the same order, so that several groups can be run together ([Live.RunGroups])
// and told apart; nil when one does not reach the result.
func (l *Live) Keys() []string {
	for _, s := range l.plan.Steps {
		stats, ok := s.(*plan.Stats)
		if !ok {
			continue
		}
		var names []string
		for _, k := range stats.Keys {
			at := slices.IndexFunc(l.plan.Output, func(c plan.Column) bool { return c.Slot == k.Slot })
			if at < 0 {
				return nil
			}
			names = append(names, l.plan.Output[at].Name)
		}
		return names
	}
	return nil
}

// PerRow tells whether every matching row gives a row of the result of its own:
// no STATS, SORT or LIMIT.
func (l *Live) PerRow() bool {
	for _, s := range l.plan.Steps {
		switch s.(type) {
		case *plan.Where, *plan.Eval:
		default:
			return false
		}
	}
	return true
}

// Run runs the whole statement over kept rows only.
func (l *Live) Run(ctx context.Context, kept *frame.Frame, q sources.Query) (*frame.Frame, sources.Quality, error) {
	p := *l.plan
	p.Now = clock(q)
	return execute(ctx, &p, memory{kept}, nil, q)
}

// RunGroups is Run of several groups at once: a LIMIT of the text, which counts
// the rows of one, is left out. DefaultLimit stays.
func (l *Live) RunGroups(ctx context.Context, kept *frame.Frame, q sources.Query) (*frame.Frame, sources.Quality, error) {
	p := *l.plan
	p.Now = clock(q)
	p.Limited = false
	p.Steps = slices.DeleteFunc(slices.Clone(p.Steps), func(s plan.Step) bool { _, limit := s.(*plan.Limit); return limit })
	return execute(ctx, &p, memory{kept}, nil, q)
}

// memory is one frame as a table.
type memory struct{ f *frame.Frame }

// Segments gives the frame.
func (m memory) Segments(string, int64, int64) []exec.Segment { return []exec.Segment{m} }

// Rows is exact.
func (m memory) Rows() int { return m.f.Rows }

// Read gives the frame.
func (m memory) Read(context.Context, []string) (*frame.Frame, error) { return m.f, nil }
