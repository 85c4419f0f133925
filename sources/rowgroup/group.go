package rowgroup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"

	"github.com/parquet-go/parquet-go"

	"interdict/sources/ecs"
	"interdict/sources/frame"
)

// File is an open Parquet file.
type File struct {
	Groups []*Group
	Left   []string // columns of kinds that are not read

	pq     *parquet.File
	leaves []leaf
}

// Group is a row group of it. It may be read from several goroutines.
type Group struct {
	of    *File
	group parquet.RowGroup
	at    int // its place in the file

	checked sync.Map // by leaf of which the pages were looked at: its pages
}

// Open reads what a file says about itself. Whoever opened r closes it.
func Open(r io.ReaderAt, size int64) (f *File, err error) {
	defer damaged(&err)
	if err := checkFooter(r, size); err != nil {
		return nil, err
	}
	pq, err := parquet.OpenFile(r, size, parquet.SkipBloomFilters(true), parquet.SkipPageIndex(true)) // it reads an index when it is asked for
	if err != nil {
		return nil, err
	}
	if err := checkGroups(pq); err != nil {
		return nil, err
	}
	f = &File{pq: pq}
	f.collect(pq.Root())
	for i, g := range pq.RowGroups() {
		f.Groups = append(f.Groups, &Group{of: f, group: g, at: i})
	}
	return f, nil
}

// damaged makes an error of a panic: the library does not survive every damaged file.
func damaged(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("damaged: %v", p)
	}
}

func (f *File) collect(at *parquet.Column) {
	for _, child := range at.Columns() {
		if !child.Leaf() {
			f.collect(child)
			continue
		}
		l := leaf{column: child}
		l.Name = leafName(child)
		if l.Type, l.scale = leafType(child); l.Type == frame.Null {
			f.Left = append(f.Left, l.Name)
			continue
		}
		f.leaves = append(f.leaves, l)
	}
}

// Fields are the columns that can be read. Two may have one name: the first is read.
func (f *File) Fields() []frame.Field {
	out := make([]frame.Field, len(f.leaves))
	for i, l := range f.leaves {
		out[i] = l.Field
	}
	return out
}

// Rows is exact, if the file is whole.
func (g *Group) Rows() int { return int(g.group.NumRows()) }

// Span bounds a date column in milliseconds, from ≤ value < to, where the file does:
// in the index of its pages or, where it has none, in its statistics.
func (g *Group) Span(field string) (from, to int64, ok bool) {
	var err error // of an index that is damaged: it bounds nothing
	defer damaged(&err)
	for _, l := range g.of.leaves {
		if l.Name != field {
			continue
		}
		if l.Type != frame.Date && l.Type != frame.DateNanos || l.column.Type().Kind() == parquet.Int96 { // of two the first is read
			return 0, 0, false
		}
		meta := g.of.pq.Metadata().RowGroups[g.at].Columns[l.column.Index()]
		if meta.ColumnIndexLength == 0 {
			return l.stated(&meta.MetaData.Statistics)
		}
		index, err := g.group.ColumnChunks()[l.column.Index()].ColumnIndex()
		if err != nil || index.NumPages() == 0 {
			return 0, 0, false
		}
		return l.bounds(index)
	}
	return 0, 0, false
}

// Read gives the wanted columns of those rows that may satisfy all conditions, and
// perhaps of others; every row that does is there, in order.
func (g *Group) Read(ctx context.Context, wanted func(name string) bool, where []ecs.Condition) (out *frame.Frame, err error) {
	defer damaged(&err)
	sieve := &sieve{of: g}
	if err := sieve.sift(ctx, where); err != nil {
		return nil, err
	}
	out = &frame.Frame{Rows: sieve.count()}
	for i := range g.of.leaves {
		l := &g.of.leaves[i]
		if out.Rows == 0 || !wanted(l.Name) || out.Column(l.Name) != nil {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c, err := sieve.column(l)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.Name, err)
		}
		out.Names, out.Columns = append(out.Names, l.Name), append(out.Columns, c)
	}
	return out, nil
}

// column reads a column: those of the rows that keep names, nil for all. Pages
// that have none of these are not read, where the file says which rows they have.
// dict is the column's dictionary, if that was read already.
func (g *Group) column(l *leaf, keep []uint32, dict *frame.Dict) (*frame.Column, error) {
	checked, err := g.checkPages(l)
	if err != nil {
		return nil, err
	}
	if ofTexts(l, checked) {
		fill := newFiller(l, int(g.group.NumRows()), keep)
		if err := g.texts(l, checked, dict, fill); err != nil {
			return nil, err
		}
		return fill.column(int(g.group.NumRows()))
	}
	chunk := g.group.ColumnChunks()[l.column.Index()]
	pages := chunk.Pages()
	defer pages.Close()
	fill := newFiller(l, int(g.group.NumRows()), keep)
	var ends []int
	if !fill.all {
		ends = g.pageEnds(chunk, checked)
	}
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

// pageEnds gives the rows before which the pages of a chunk end; nil if the file does
// not say, or has them begin where none was looked at.
func (g *Group) pageEnds(chunk parquet.ColumnChunk, checked []page) []int {
	index, err := chunk.OffsetIndex()
	if err != nil || index == nil || index.NumPages() < 2 {
		return nil
	}
	ends := make([]int, 0, index.NumPages())
	for p := range index.NumPages() {
		if _, ok := slices.BinarySearchFunc(checked, index.Offset(p), func(c page, at int64) int { return cmp.Compare(c.at, at) }); !ok {
			return nil
		}
		if p > 0 {
			ends = append(ends, int(index.FirstRowIndex(p)))
		}
	}
	return append(ends, int(g.group.NumRows()))
}

// skipPages goes on to the page that has the next row that is wanted.
func skipPages(pages parquet.Pages, fill *filler, ends []int) error {
	if ends == nil {
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
