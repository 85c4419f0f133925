package detect

import (
	"context"
	"slices"
	"sync"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/esql"
	"interdict/sources/frame"
)

// memory is a History over all that was put into it.
type memory struct {
	mu     sync.Mutex
	frames []*frame.Frame
}

func (m *memory) Put(_ context.Context, b sources.Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.frames = append(m.frames, withIndex(b.Events))
	return nil
}

func (m *memory) Query(ctx context.Context, q sources.Query) (*frame.Frame, sources.Quality, error) {
	return esql.Run(ctx, m, q)
}

// Table gives what the patterns name; the frames hold rows of one index each, or are told apart by none.
func (m *memory) Table(patterns string) (esql.Table, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out memoryTable
	for _, f := range m.frames {
		if counts := f.Text("data_stream.dataset", 0) == ecs.Counts.String(); counts == (patterns == countsIndex) {
			out = append(out, f)
		}
	}
	return out, true
}

type memoryTable []*frame.Frame

func (t memoryTable) Fields() []frame.Field {
	return append(ecs.Fields(), frame.Field{Name: "_index", Type: frame.Keyword})
}

func (t memoryTable) Segments(string, int64, int64) []esql.Segment {
	out := make([]esql.Segment, len(t))
	for i, f := range t {
		out[i] = segment{f}
	}
	return out
}

type segment struct{ f *frame.Frame }

func (s segment) Rows() int { return s.f.Rows }

func (s segment) Read(_ context.Context, columns []string) (*frame.Frame, error) {
	out := &frame.Frame{Rows: s.f.Rows}
	for _, name := range columns {
		if c := s.f.Column(name); c != nil {
			out.Names, out.Columns = append(out.Names, name), append(out.Columns, c)
		}
	}
	return out, nil
}

func withIndex(f *frame.Frame) *frame.Frame {
	b := frame.NewBuilder(nil)
	b.Append(f)
	all := b.Snapshot()
	codes := make([]uint32, all.Rows)
	var values []string
	for row := range codes {
		index := ecs.Counts.Index()
		if all.Text("data_stream.dataset", row) != ecs.Counts.String() {
			index = "logs-" + all.Text("data_stream.dataset", row) + "-default"
		}
		at := slices.Index(values, index)
		if at < 0 {
			at = len(values)
			values = append(values, index)
		}
		codes[row] = uint32(at + 1)
	}
	out := &frame.Frame{Names: append(slices.Clone(all.Names), "_index"), Columns: slices.Clone(all.Columns), Rows: all.Rows}
	out.Columns = append(out.Columns, &frame.Column{Type: frame.Keyword, Codes: codes, Dict: frame.NewDict(values)})
	return out
}
