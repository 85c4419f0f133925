package frame

// Frame is a table of Rows rows: Columns[i] is called Names[i]. Names are
// distinct. It is immutable.
type Frame struct {
	Names   []string
	Columns []*Column
	Rows    int
}

// Column finds a column by name, nil when there is none.
func (f *Frame) Column(name string) *Column {
	if f == nil {
		return nil
	}
	for i, n := range f.Names {
		if n == name {
			return f.Columns[i]
		}
	}
	return nil
}

// Text gives the first value of a named column in row i as text; "" when the
// column is missing or the value is null.
func (f *Frame) Text(name string, i int) string {
	if c := f.Column(name); c != nil {
		return c.Text(i)
	}
	return ""
}

// Int is as Text for integer, date and boolean columns.
func (f *Frame) Int(name string, i int) (int64, bool) {
	if c := f.Column(name); c != nil {
		return c.Int(i)
	}
	return 0, false
}

// Fields gives the names and types in column order.
func (f *Frame) Fields() []Field {
	out := make([]Field, len(f.Names))
	for i, n := range f.Names {
		out[i] = Field{n, f.Columns[i].Type}
	}
	return out
}

// Whole gives a frame with just these columns, in this order; those that f does
// not have are null throughout.
func (f *Frame) Whole(fields []Field) *Frame {
	out := &Frame{Rows: f.Rows}
	for _, field := range fields {
		c := f.Column(field.Name)
		if c == nil {
			c = &Column{Type: field.Type}
			if field.Type != Null {
				c.Offsets = make([]uint32, f.Rows+1)
			}
			if field.Type.Coded() {
				c.Dict = NewDict(nil)
			}
		}
		out.Names, out.Columns = append(out.Names, field.Name), append(out.Columns, c)
	}
	return out
}

// Gather gives a frame of the given rows, in that order; it shares dictionaries.
func (f *Frame) Gather(rows []uint32) *Frame {
	out := &Frame{Names: f.Names, Columns: make([]*Column, len(f.Columns)), Rows: len(rows)}
	for i, c := range f.Columns {
		out.Columns[i] = c.Gather(rows)
	}
	return out
}
