package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"interdict/sources/ecs"
	"interdict/sources/frame"
)

// columnar is a Parquet file; a row group is a segment.
type columnar struct {
	name   string
	file   *os.File
	pq     *parquet.File
	leaves []leaf
	groups []*rowGroup
	left   []string // columns of kinds that are not read
}

// leaf is a column of it.
type leaf struct {
	name   string // dotted
	column *parquet.Column
	typ    frame.Type
	scale  scale
}

// scale makes a stored integer a value of the leaf's type: times mul, divided by div.
type scale struct{ mul, div int64 }

type rowGroup struct {
	of    *columnar
	group parquet.RowGroup
	at    int // its place in the file
	first int // rows before it
}

func openParquet(f found) (c *columnar, err error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if r := recover(); r != nil { // the library does not survive every damaged file
			err = fmt.Errorf("damaged: %v", r)
		}
		if err != nil {
			c = nil
			file.Close()
		}
	}()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	pq, err := parquet.OpenFile(file, info.Size(), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, err
	}
	c = &columnar{name: f.name, file: file, pq: pq}
	c.collect(pq.Root())
	rows := 0
	for i, g := range pq.RowGroups() {
		c.groups = append(c.groups, &rowGroup{c, g, i, rows})
		rows += int(g.NumRows())
	}
	return c, nil
}

func (c *columnar) collect(at *parquet.Column) {
	for _, child := range at.Columns() {
		if !child.Leaf() {
			c.collect(child)
			continue
		}
		l := leaf{name: leafName(child), column: child}
		if l.typ, l.scale = leafType(child); l.typ == frame.Null {
			c.left = append(c.left, l.name)
			continue
		}
		c.leaves = append(c.leaves, l)
	}
}

// leafName drops the levels that the format wants around list elements.
func leafName(c *parquet.Column) string {
	name := strings.Join(c.Path(), ".")
	if c.MaxRepetitionLevel() == 0 {
		return name
	}
	for _, around := range []string{".list.element", ".list.item", ".list.array_element", ".bag.array_element", ".bag.array", ".array"} {
		if cut, ok := strings.CutSuffix(name, around); ok {
			return cut
		}
	}
	return name
}

func leafType(c *parquet.Column) (frame.Type, scale) {
	plain := scale{1, 1}
	logical := format.LogicalTypeValue(nil)
	if l := c.Type().LogicalType(); l != nil {
		logical = l.Value
	}
	switch kind := c.Type().Kind(); kind {
	case parquet.Boolean:
		return frame.Boolean, plain
	case parquet.Float, parquet.Double:
		return frame.Double, plain
	case parquet.Int96:
		return frame.DateNanos, plain
	case parquet.ByteArray:
		if _, decimal := logical.(*format.DecimalType); !decimal {
			return frame.Keyword, plain
		}
	case parquet.Int32, parquet.Int64:
		return integerType(kind, logical)
	}
	return frame.Null, plain
}

func integerType(kind parquet.Kind, logical format.LogicalTypeValue) (frame.Type, scale) {
	plain := scale{1, 1}
	switch l := logical.(type) {
	case *format.TimestampType:
		switch l.Unit.Value.(type) {
		case *format.MicroSeconds:
			return frame.Date, scale{1, 1000}
		case *format.NanoSeconds:
			return frame.DateNanos, plain
		}
		return frame.Date, plain
	case *format.DateType:
		return frame.Date, scale{86_400_000, 1}
	case *format.DecimalType:
		return frame.Null, plain
	case *format.IntType:
		if !l.IsSigned && l.BitWidth == 64 {
			return frame.UnsignedLong, plain
		}
		if !l.IsSigned && l.BitWidth == 32 {
			return frame.Long, plain
		}
	}
	if kind == parquet.Int32 {
		return frame.Integer, plain
	}
	return frame.Long, plain
}

func (c *columnar) close() error { return c.file.Close() }

func (c *columnar) trouble(t *tally) {
	if len(c.left) > 0 {
		t.note(fmt.Sprintf("%s: columns of a type that is not read: %s", c.file.Name(), strings.Join(c.left, ", ")))
	}
}

func (c *columnar) segments() []segment {
	out := make([]segment, len(c.groups))
	for i, g := range c.groups {
		out[i] = g
	}
	return out
}

func (c *columnar) profile(ctx context.Context, _ bool) (*profile, error) {
	p := &profile{indices: map[string]bool{}, whole: true}
	for _, l := range c.leaves {
		if known, ok := ecs.Lookup(l.name); ok {
			l.typ = known.Type()
		}
		if l.name[0] != '_' {
			p.fields = append(p.fields, frame.Field{Name: l.name, Type: l.typ})
		}
	}
	p.events = isEvents(p.fields)
	for _, g := range c.groups {
		f, err := g.read(ctx, request{fields: withIndexFields(nil, nil)})
		if err != nil {
			return nil, err
		}
		noteIndices(f, c.name, p.indices)
	}
	if len(c.groups) == 0 {
		p.indices[c.name] = true
	}
	return p, nil
}

func (g *rowGroup) span(field string) (from, to int64, ok bool) {
	for _, l := range g.of.leaves {
		if l.name != field || l.typ != frame.Date && l.typ != frame.DateNanos || l.column.Type().Kind() == parquet.Int96 {
			continue
		}
		index, err := g.group.ColumnChunks()[l.column.Index()].ColumnIndex()
		if err != nil || index.NumPages() == 0 {
			return 0, 0, false
		}
		return l.bounds(index)
	}
	return 0, 0, false
}

func (l *leaf) bounds(index parquet.ColumnIndex) (from, to int64, ok bool) {
	div := int64(1)
	if l.typ == frame.DateNanos {
		div = 1_000_000
	}
	for p := range index.NumPages() {
		if index.NullPage(p) {
			continue
		}
		lo := l.scale.apply(number(index.MinValue(p))) / div
		hi := l.scale.apply(number(index.MaxValue(p)))/div + 1 // rounded up
		if !ok {
			from, to, ok = lo, hi, true
		}
		from, to = min(from, lo), max(to, hi)
	}
	return from, to, ok
}

func number(v parquet.Value) int64 {
	if v.Kind() == parquet.Int32 {
		return int64(v.Int32())
	}
	return v.Int64()
}

func (s scale) apply(v int64) int64 {
	if s.div == 1 {
		return v * s.mul
	}
	q := v / s.div
	if v%s.div < 0 {
		q-- // towards the past, as a clock that is read late
	}
	return q
}

func (g *rowGroup) read(ctx context.Context, r request) (out *frame.Frame, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("damaged: %v", p)
		}
	}()
	raw, sieve := &frame.Frame{Rows: int(g.group.NumRows())}, &sieve{of: g}
	if !wants(r.fields, idColumn) { // ids are numbers of rows
		if err := sieve.sift(ctx, r.where); err != nil {
			return nil, err
		}
		raw.Rows = sieve.count()
	}
	for _, l := range g.of.leaves {
		if raw.Rows == 0 || !wants(r.fields, l.name) || raw.Column(l.name) != nil {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c, err := sieve.column(&l)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.name, err)
		}
		raw.Names, raw.Columns = append(raw.Names, l.name), append(raw.Columns, c)
	}
	out, misfits := retype(raw, r.fields)
	if wants(r.fields, idColumn) && out.Column(idColumn) == nil {
		addIDs(out, g.of.name+":", g.first)
	}
	if r.tally != nil && r.tally.once(g) {
		r.tally.add(out.Rows, 0, nil, misfits)
	}
	return out, nil
}

// column reads a column: those of the rows that keep names, nil for all. Pages
// that have none of these are not read, where the file says which rows they have.
func (g *rowGroup) column(l *leaf, keep []uint32) (*frame.Column, error) {
	chunk := g.group.ColumnChunks()[l.column.Index()]
	pages := chunk.Pages()
	defer pages.Close()
	fill := newFiller(l, int(g.group.NumRows()), keep)
	ends := g.pageEnds(chunk)
	for {
		if err := skipPages(pages, fill, ends); err != nil {
			return nil, err
		}
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		err = fill.page(page)
		parquet.Release(page)
		if err != nil {
			return nil, err
		}
	}
	return fill.column(int(g.group.NumRows()))
}

// pageEnds gives the rows before which the pages of a chunk end; nil if the file does not say.
func (g *rowGroup) pageEnds(chunk parquet.ColumnChunk) []int {
	index, err := chunk.OffsetIndex()
	if err != nil || index == nil || index.NumPages() < 2 {
		return nil
	}
	ends := make([]int, 0, index.NumPages())
	for p := 1; p < index.NumPages(); p++ {
		ends = append(ends, int(index.FirstRowIndex(p)))
	}
	return append(ends, int(g.group.NumRows()))
}

// skipPages goes on to the page that has the next row that is wanted.
func skipPages(pages parquet.Pages, fill *filler, ends []int) error {
	if fill.all || ends == nil {
		return nil
	}
	next := ends[len(ends)-1]
	if len(fill.keep) > 0 {
		next = int(fill.keep[0])
	}
	to := fill.rows
	for _, end := range ends {
		if end <= next && end > to {
			to = end
		}
	}
	if to == fill.rows {
		return nil
	}
	fill.passOver(to)
	return pages.SeekToRow(int64(to))
}

// errRows is a column that has not as many rows as its row group.
var errRows = errors.New("damaged: rows are missing")

func rowsError(got, want int) error {
	return fmt.Errorf("%w: %s of %s", errRows, strconv.Itoa(got), strconv.Itoa(want))
}
