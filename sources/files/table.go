package files

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"

	"interdict/sources/ecs"
	"interdict/sources/esql"
	"interdict/sources/frame"
)

// The columns that every row has beside its fields.
const (
	indexColumn = "_index"
	idColumn    = "_id"
)

// store is one file that is open.
type store interface {
	// profile tells what is in it; whole looks at every row, else samples do.
	profile(ctx context.Context, whole bool) (*profile, error)
	segments() []segment
	close() error
}

// segment is a part of a file. It may be read from several goroutines.
type segment interface {
	// span bounds a date field's values in milliseconds; ok is false when unknown.
	span(field string) (from, to int64, ok bool)
	read(ctx context.Context, r request) (*frame.Frame, error)
}

// request is what a segment is asked for. The frame has those columns that are
// not null throughout, with the types asked for.
type request struct {
	fields []frame.Field // "_index" gives a search hit's own; "_id" is never null
	where  []ecs.Condition
	tally  *tally
}

// profile is what a file holds.
type profile struct {
	fields  []frame.Field
	indices map[string]bool
	events  bool // rows of ECS
	whole   bool // nothing else can be in it
}

// table is the rows of some indices, for one question.
type table struct {
	fields  []frame.Field
	types   map[string]frame.Type
	segs    []*part
	pattern string
	tally   *tally
}

// part is a segment of a table.
type part struct {
	table *table
	seg   segment
	name  string // index of rows that do not say theirs
	all   bool   // all rows are known to be of the table's indices
	once  sync.Once
	rows  int
}

func (t *table) Fields() []frame.Field { return t.fields }

// Segments leaves out what lies outside the time range, as far as is known.
func (t *table) Segments(field string, from, to int64) []esql.Segment {
	out := make([]esql.Segment, 0, len(t.segs))
	for _, p := range t.segs {
		if lo, hi, ok := p.seg.span(field); ok && (hi < from || lo >= to && to != math.MaxInt64) {
			continue
		}
		out = append(out, p)
	}
	return out
}

// Rows reads the segment, once, when nothing else tells.
func (p *part) Rows() int {
	p.once.Do(func() {
		f, err := p.read(context.Background(), nil, nil)
		if err != nil {
			p.table.tally.reason(err.Error())
			return
		}
		p.rows = f.Rows
	})
	return p.rows
}

func (p *part) Read(ctx context.Context, columns []string) (*frame.Frame, error) {
	return p.read(ctx, columns, nil)
}

func (p *part) ReadWhere(ctx context.Context, columns []string, where []esql.Condition) (*frame.Frame, error) {
	var usable []ecs.Condition
	for _, w := range where {
		if p.table.types[w.Field] == frame.Keyword {
			usable = append(usable, ecs.Condition(w))
		}
	}
	return p.read(ctx, columns, usable)
}

func (p *part) read(ctx context.Context, columns []string, where []ecs.Condition) (*frame.Frame, error) {
	t := p.table
	r := request{where: where, tally: t.tally}
	asked := make(map[string]bool, len(columns))
	for _, name := range columns {
		typ, ok := t.types[name]
		if name == indexColumn || name == idColumn {
			typ, ok = frame.Keyword, true
		}
		if ok && !asked[name] {
			asked[name] = true
			r.fields = append(r.fields, frame.Field{Name: name, Type: typ})
		}
	}
	needIndex := asked[indexColumn] || !p.all
	if needIndex {
		r.fields = withIndexFields(r.fields, asked)
	}
	f, err := p.seg.read(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.name, err)
	}
	if needIndex {
		f = p.ofIndices(f)
	}
	return pick(f, asked), nil
}

// indexFields say which index a row belongs to.
var indexFields = [...]string{indexColumn, "data_stream.dataset", "data_stream.namespace", "event.dataset"}

func withIndexFields(fields []frame.Field, asked map[string]bool) []frame.Field {
	for _, name := range indexFields {
		if !asked[name] {
			fields = append(fields, frame.Field{Name: name, Type: frame.Keyword})
		}
	}
	return fields
}

// ofIndices keeps the rows of the table's indices and says each row's.
func (p *part) ofIndices(f *frame.Frame) *frame.Frame {
	ix := newIndexer(f, p.name)
	var wanted []bool // by code, less one
	rows, codes := make([]uint32, 0, f.Rows), make([]uint32, 0, f.Rows)
	for i := range f.Rows {
		code := ix.code(i)
		for len(wanted) < len(ix.names) {
			wanted = append(wanted, esql.MatchIndex(p.table.pattern, ix.names[len(wanted)]))
		}
		if wanted[code-1] {
			rows = append(rows, uint32(i))
			codes = append(codes, code)
		}
	}
	if len(rows) < f.Rows {
		f = f.Gather(rows)
	}
	out := &frame.Frame{Rows: f.Rows}
	for i, name := range f.Names {
		if name != indexColumn {
			out.Names, out.Columns = append(out.Names, name), append(out.Columns, f.Columns[i])
		}
	}
	if f.Rows > 0 {
		out.Names = append(out.Names, indexColumn)
		out.Columns = append(out.Columns, &frame.Column{Type: frame.Keyword, Codes: codes, Dict: frame.NewDict(ix.names)})
	}
	return out
}

// indexer names the index of rows.
type indexer struct {
	cols  [len(indexFields)]*frame.Column
	file  string
	names []string
	codes map[string]uint32
	last  [len(indexFields)]uint32
	code0 uint32 // what last gave
}

func newIndexer(f *frame.Frame, file string) *indexer {
	ix := &indexer{file: file, codes: map[string]uint32{}}
	for i, name := range indexFields {
		if c := f.Column(name); c != nil && c.Codes != nil {
			ix.cols[i] = c
		}
	}
	return ix
}

// code gives names' place of row i's index, plus one.
func (ix *indexer) code(i int) uint32 {
	var now [len(indexFields)]uint32
	for k, c := range ix.cols {
		if c == nil {
			continue
		}
		if lo, hi := c.Range(i); hi > lo {
			now[k] = c.Codes[lo]
		}
	}
	if ix.code0 != 0 && now == ix.last {
		return ix.code0
	}
	name := ix.name(i)
	code, ok := ix.codes[name]
	if !ok {
		ix.names = append(ix.names, name)
		code = uint32(len(ix.names))
		ix.codes[name] = code
	}
	ix.last, ix.code0 = now, code
	return code
}

func (ix *indexer) name(i int) string {
	text := func(k int) string {
		if ix.cols[k] == nil {
			return ""
		}
		return ix.cols[k].Text(i)
	}
	if hit := text(0); hit != "" {
		return hit
	}
	dataset, namespace := text(1), text(2)
	if dataset == "" {
		dataset = text(3)
	}
	if dataset == "" {
		return ix.file
	}
	if namespace == "" {
		namespace = "default"
	}
	return "logs-" + dataset + "-" + namespace
}

func pick(f *frame.Frame, asked map[string]bool) *frame.Frame {
	out := &frame.Frame{Rows: f.Rows}
	for i, name := range f.Names {
		if asked[name] {
			out.Names, out.Columns = append(out.Names, name), append(out.Columns, f.Columns[i])
		}
	}
	return out
}

// unify gives the fields of several files; where types differ, one that holds both.
func unify(profiles []*profile) []frame.Field {
	var out []frame.Field
	place := map[string]int{}
	add := func(f frame.Field) {
		i, ok := place[f.Name]
		if !ok {
			place[f.Name] = len(out)
			out = append(out, f)
			return
		}
		out[i].Type = both(out[i].Type, f.Type)
	}
	for _, p := range profiles {
		for _, f := range p.fields {
			add(f)
		}
	}
	for _, p := range profiles {
		if p.events {
			for _, f := range ecs.Fields() {
				add(f)
			}
			break
		}
	}
	return out
}

// both is a type that holds values of two.
func both(a, b frame.Type) frame.Type {
	number := func(t frame.Type) bool { return t == frame.Integer || t == frame.Long || t == frame.UnsignedLong }
	switch {
	case a == b || b == frame.Null:
		return a
	case a == frame.Null:
		return b
	case number(a) && number(b) && (a == frame.UnsignedLong || b == frame.UnsignedLong):
		return frame.UnsignedLong
	case number(a) && number(b):
		return frame.Long
	case (number(a) || a == frame.Double) && (number(b) || b == frame.Double):
		return frame.Double
	case (a == frame.Date || a == frame.DateNanos) && (b == frame.Date || b == frame.DateNanos):
		return frame.DateNanos
	}
	return frame.Keyword
}

// isEvents tells ECS events by their fields.
func isEvents(fields []frame.Field) bool {
	timed, kind := false, false
	for _, f := range fields {
		timed = timed || f.Name == "@timestamp"
		kind = kind || strings.HasPrefix(f.Name, "event.") || f.Name == "data_stream.dataset"
	}
	return timed && kind
}
