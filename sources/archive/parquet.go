package archive

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/parquet-go/parquet-go"

	"interdict/sources/ecs"
	"interdict/sources/frame"
	"interdict/sources/rowgroup"
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
// somebody changed since: of rows that may satisfy all conditions, and perhaps of
// others. rows is how many the file must have.
func readParquet(ctx context.Context, path string, rows int, columns []string, where []ecs.Condition) (*frame.Frame, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return nil, err
	}
	file, err := rowgroup.Open(in, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, g := range file.Groups {
		rows -= g.Rows()
	}
	if rows != 0 {
		return nil, fmt.Errorf("%s: the number of rows is not what its name says", path)
	}
	b := frame.NewBuilder(nil)
	for _, g := range file.Groups {
		f, err := g.Read(ctx, func(name string) bool { return slices.Contains(columns, name) }, where)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if f = catalogued(f, columns); len(file.Groups) == 1 {
			return f, nil
		}
		b.Append(f)
	}
	return b.Build(), nil
}

// catalogued gives columns of the catalogue in its types.
func catalogued(f *frame.Frame, columns []string) *frame.Frame {
	out := &frame.Frame{Rows: f.Rows}
	for _, name := range columns {
		c := f.Column(name)
		place, ok := ecs.Lookup(name)
		if c == nil || !ok || out.Column(name) != nil {
			continue
		}
		switch typ := place.Type(); {
		case typ == frame.Integer && c.Type == frame.Long: // as writeParquet writes it
			as := *c
			as.Type, c = typ, &as
		default:
			c, _ = ecs.Convert(name, c, typ)
		}
		out.Names, out.Columns = append(out.Names, name), append(out.Columns, c)
	}
	return out
}
