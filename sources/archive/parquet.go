package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"

	"github.com/parquet-go/parquet-go"

	"interdict/sources/ecs"
	"interdict/sources/frame"
)

// writeParquet writes a frame as one row group, a column at a time. Any program
// can read it: text is text, an address too, times are timestamps, several
// values are a list. It calls rest after each column.
func writeParquet(out io.Writer, f *frame.Frame, rest func(began time.Time)) error {
	group := parquet.Group{}
	for i, c := range f.Columns {
		group[f.Names[i]] = node(c)
	}
	schema := parquet.NewSchema("events", group)
	w := parquet.NewGenericWriter[any](out, schema, parquet.Compression(&parquet.Zstd), parquet.CreatedBy("interdict", "1", ""))
	columns := w.ColumnWriters()
	for i, path := range schema.Columns() {
		began := time.Now()
		if err := writeColumn(columns[i], f.Column(path[0]), i, f.Rows); err != nil {
			return fmt.Errorf("column %s: %w", path[0], err)
		}
		rest(began)
	}
	return w.Close()
}

func node(c *frame.Column) parquet.Node {
	var n parquet.Node
	switch c.Type {
	case frame.Boolean:
		n = parquet.Leaf(parquet.BooleanType)
	case frame.Double:
		n = parquet.Leaf(parquet.DoubleType)
	case frame.Date:
		n = parquet.Timestamp(parquet.Millisecond)
	case frame.DateNanos:
		n = parquet.Timestamp(parquet.Nanosecond)
	case frame.Integer, frame.Long:
		n = parquet.Int(64)
	case frame.UnsignedLong:
		n = parquet.Uint(64)
	default:
		n = parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
	}
	if c.Offsets != nil {
		return parquet.Repeated(n)
	}
	return parquet.Optional(n)
}

// writeRows is how many rows of a column are handed over at a time.
const writeRows = 4096

func writeColumn(w *parquet.ColumnWriter, c *frame.Column, index, rows int) error {
	values := make([]parquet.Value, 0, writeRows)
	var texts []parquet.Value // by dictionary code
	if c.Codes != nil {
		texts = make([]parquet.Value, c.Dict.Len())
	}
	for r := range rows {
		lo, hi := c.Range(r)
		if lo == hi {
			values = append(values, parquet.Value{}.Level(0, 0, index))
		}
		for k := lo; k < hi; k++ {
			repetition := 0
			if k > lo {
				repetition = 1
			}
			values = append(values, parquetValue(c, k, texts).Level(repetition, 1, index))
		}
		if len(values) >= writeRows || r == rows-1 {
			if _, err := w.WriteRowValues(values); err != nil {
				return err
			}
			values = values[:0]
		}
	}
	return nil
}

func parquetValue(c *frame.Column, k int, texts []parquet.Value) parquet.Value {
	switch {
	case c.Codes != nil:
		code := c.Codes[k]
		if texts[code].IsNull() {
			texts[code] = parquet.ByteArrayValue([]byte(c.TextAt(k)))
		}
		return texts[code]
	case c.Floats != nil:
		return parquet.DoubleValue(c.Floats[k])
	case c.Type == frame.Boolean:
		return parquet.BooleanValue(c.Ints[k] != 0)
	}
	return parquet.Int64Value(c.Ints[k])
}

// readParquet reads named columns of a file that writeParquet wrote, or that
// somebody changed since.
func readParquet(ctx context.Context, path string, columns []string) (_ *frame.Frame, err error) {
	defer func() { // a file that lies about itself can make the reader index out of range
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: damaged: %v", path, p)
		}
	}()
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return nil, err
	}
	file, err := parquet.OpenFile(in, info.Size(), parquet.SkipBloomFilters(true), parquet.SkipPageIndex(true))
	if err != nil {
		return nil, err
	}
	out := &frame.Frame{Rows: int(file.NumRows())}
	for _, name := range columns {
		place, ok := ecs.Lookup(name)
		leaf, there := file.Schema().Lookup(name)
		if !ok || !there || out.Column(name) != nil {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c, err := readColumn(file, leaf, place.Type())
		if err != nil {
			return nil, fmt.Errorf("%s: column %s: %w", path, name, err)
		}
		out.Names, out.Columns = append(out.Names, name), append(out.Columns, c)
	}
	return out, nil
}

func readColumn(file *parquet.File, leaf parquet.LeafColumn, typ frame.Type) (*frame.Column, error) {
	if c, ok, err := readSingle(file, leaf, typ); ok || err != nil {
		return c, err
	}
	b := frame.NewBuilder([]frame.Field{{Name: "c", Type: typ}})
	values := make([]parquet.Value, 1024)
	for _, group := range file.RowGroups() {
		pages := group.ColumnChunks()[leaf.ColumnIndex].Pages()
		for {
			page, err := pages.ReadPage()
			if errors.Is(err, io.EOF) {
				break
			}
			if err == nil {
				err = readPage(b, page, values, typ)
				parquet.Release(page)
			}
			if err != nil {
				return nil, errors.Join(err, pages.Close())
			}
		}
		if err := pages.Close(); err != nil {
			return nil, err
		}
	}
	if b.Len() != int(file.NumRows()) {
		return nil, fmt.Errorf("%d rows, the file says %d", b.Len(), file.NumRows())
	}
	f := b.Build()
	if len(f.Columns) == 0 {
		return &frame.Column{Type: frame.Null}, nil
	}
	return f.Columns[0], nil
}

func readPage(b *frame.Builder, page parquet.Page, values []parquet.Value, typ frame.Type) error {
	from := page.Values()
	for {
		n, err := from.ReadValues(values)
		for _, v := range values[:n] {
			if v.RepetitionLevel() == 0 {
				b.Row()
			}
			if !v.IsNull() {
				set(b, v, typ)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func set(b *frame.Builder, v parquet.Value, typ frame.Type) {
	switch typ {
	case frame.Boolean:
		b.Bool(0, v.Boolean())
	case frame.Double:
		b.Float(0, v.Double())
	case frame.IP:
		if a, err := netip.ParseAddr(string(v.ByteArray())); err == nil {
			b.IP(0, a)
		}
	case frame.Keyword, frame.Version:
		b.Keyword(0, string(v.ByteArray()))
	default:
		b.Int(0, v.Int64())
	}
}
