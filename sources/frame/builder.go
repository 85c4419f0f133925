package frame

import (
	"net/netip"
	"time"
)

// Builder makes frames row by row. [Builder.Row] begins a row; the setters fill
// columns of it, by the column's place in the schema. A column that is not set
// is null in that row; one that is set again holds several values.
// Setters panic when the column's type does not fit: a schema is code, not data.
type Builder struct {
	fields []Field
	place  map[string]int
	cols   []colBuilder
	rows   int
	always map[int]*always
}

// colBuilder grows one column. rows is how many rows it has been filled for;
// expect is how many there will be if this frame is as long as the last one.
type colBuilder struct {
	Column
	dict         *dictBuilder
	rows, expect int
}

// NewBuilder makes a builder for the given columns.
func NewBuilder(fields []Field) *Builder {
	b := &Builder{place: make(map[string]int, len(fields))}
	for _, f := range fields {
		b.Add(f)
	}
	return b
}

// Add adds a column at the end and gives its place. Rows so far are null in it.
// A name that is there already gives that column's place.
func (b *Builder) Add(f Field) int {
	if i, ok := b.place[f.Name]; ok {
		return i
	}
	i := len(b.fields)
	b.fields = append(b.fields, f)
	b.place[f.Name] = i
	b.cols = append(b.cols, colBuilder{Column: Column{Type: f.Type}})
	return i
}

// Fields is the schema so far.
func (b *Builder) Fields() []Field { return b.fields }

// Len is the number of rows begun.
func (b *Builder) Len() int { return b.rows }

// Row begins the next row.
func (b *Builder) Row() { b.rows++ }

// DropRow takes back the row begun last, with all that was set in it.
func (b *Builder) DropRow() {
	b.rows--
	for i := range b.cols {
		b.cols[i].truncate(b.rows)
	}
}

// Keyword sets text (Keyword and Version columns).
func (b *Builder) Keyword(col int, s string) { b.cols[col].addCode(b.rows, s) }

// KeywordBytes is Keyword for text that the caller goes on to change.
func (b *Builder) KeywordBytes(col int, s []byte) {
	c := &b.cols[col]
	if !c.Type.Coded() {
		panic("frame: text put into a column of type " + c.Type.String())
	}
	if c.dict == nil {
		c.dict = newDictBuilder()
	}
	code := c.dict.codeOf(s)
	c.begin(b.rows)
	c.Codes = append(c.Codes, code)
	c.end(b.rows)
}

// Keywords sets all of ss; an empty slice leaves the column null.
func (b *Builder) Keywords(col int, ss []string) {
	for _, s := range ss {
		b.cols[col].addCode(b.rows, s)
	}
}

// IP sets an address; an invalid one leaves the column null.
func (b *Builder) IP(col int, a netip.Addr) {
	if a.IsValid() {
		b.cols[col].addCode(b.rows, AddrKey(a))
	}
}

// Int sets an Integer, Long, UnsignedLong, Date or DateNanos value as it is stored.
func (b *Builder) Int(col int, v int64) { b.cols[col].addInt(b.rows, v) }

// Bool sets a Boolean.
func (b *Builder) Bool(col int, v bool) {
	n := int64(0)
	if v {
		n = 1
	}
	b.cols[col].addInt(b.rows, n)
}

// Time sets a Date or DateNanos.
func (b *Builder) Time(col int, t time.Time) {
	if b.cols[col].Type == DateNanos {
		b.cols[col].addInt(b.rows, t.UnixNano())
		return
	}
	b.cols[col].addInt(b.rows, t.UnixMilli())
}

// Float sets a Double.
func (b *Builder) Float(col int, v float64) {
	c := &b.cols[col]
	c.begin(b.rows)
	c.Floats = append(c.Floats, v)
	c.end(b.rows)
}

func (c *colBuilder) addCode(rows int, s string) {
	if c.dict == nil {
		if !c.Type.Coded() {
			panic("frame: text put into a column of type " + c.Type.String())
		}
		c.dict = newDictBuilder()
	}
	code := c.dict.last // most rows have what the row before has
	if code == 0 || c.dict.values[code] != s {
		code = c.dict.code(s)
	}
	if c.rows == rows-1 && c.Offsets == nil && rows > 1 {
		c.Codes = append(c.Codes, code)
		c.rows = rows
		return
	}
	c.begin(rows)
	c.Codes = append(c.Codes, code)
	c.end(rows)
}

func (c *colBuilder) addInt(rows int, v int64) {
	if c.Type.Coded() || c.Type == Double || c.Type == Null {
		panic("frame: integer put into a column of type " + c.Type.String())
	}
	if c.rows == rows-1 && c.Offsets == nil && rows > 1 {
		c.Ints = append(c.Ints, v)
		c.rows = rows
		return
	}
	c.begin(rows)
	c.Ints = append(c.Ints, v)
	c.end(rows)
}

// begin makes the column ready for a value of row rows-1.
func (c *colBuilder) begin(rows int) {
	switch {
	case c.rows < rows:
		c.pad(rows - 1)
	case c.Offsets == nil:
		c.makeMulti()
	}
}

func (c *colBuilder) end(rows int) {
	if c.Offsets != nil {
		if c.rows == rows {
			c.Offsets[rows] = uint32(c.values())
		} else {
			c.Offsets = append(c.Offsets, uint32(c.values()))
		}
	}
	c.rows = rows
}

// pad fills with nulls up to the given number of rows.
func (c *colBuilder) pad(rows int) {
	n := rows - c.rows
	if c.rows == 0 {
		c.reserve()
	}
	if n <= 0 {
		return
	}
	switch {
	case c.Offsets != nil:
		for range n {
			c.Offsets = append(c.Offsets, uint32(c.values()))
		}
	case c.Type.Coded():
		c.Codes = append(c.Codes, make([]uint32, n)...)
	case c.Type == Double:
		c.Floats = append(c.Floats, make([]float64, n)...)
		c.setNulls(rows)
	case c.Type != Null:
		c.Ints = append(c.Ints, make([]int64, n)...)
		c.setNulls(rows)
	}
	c.rows = rows
}

func (c *colBuilder) setNulls(rows int) {
	for i := c.rows; i < rows; i++ {
		c.Nulls = c.Nulls.Set(i)
	}
}

// reserve makes room for the rows that are expected.
func (c *colBuilder) reserve() {
	switch {
	case c.expect == 0 || c.Offsets != nil || c.Codes != nil || c.Ints != nil || c.Floats != nil:
	case c.Type.Coded():
		c.Codes = make([]uint32, 0, c.expect)
	case c.Type == Double:
		c.Floats = make([]float64, 0, c.expect)
	case c.Type != Null:
		c.Ints = make([]int64, 0, c.expect)
	}
}

// makeMulti turns a single-valued column into one with offsets, into fresh
// memory: snapshots may still read the old one.
func (c *colBuilder) makeMulti() {
	old := c.Column
	c.Codes, c.Ints, c.Floats, c.Nulls = nil, nil, nil, nil
	c.Offsets = make([]uint32, 1, c.rows+1)
	for i := range c.rows {
		lo, hi := old.Range(i)
		c.copyValues(&old, lo, hi)
		c.Offsets = append(c.Offsets, uint32(c.values()))
	}
}

func (c *colBuilder) truncate(rows int) {
	if c.rows <= rows {
		return
	}
	n := rows
	if c.Offsets != nil {
		n = int(c.Offsets[rows])
		c.Offsets = c.Offsets[:rows+1]
	}
	switch {
	case c.Codes != nil:
		c.Codes = c.Codes[:n]
	case c.Floats != nil:
		c.Floats = c.Floats[:n]
	case c.Ints != nil:
		c.Ints = c.Ints[:n]
	}
	if c.Nulls.Get(rows) {
		c.Nulls[rows>>6] &^= 1 << (uint(rows) & 63)
	}
	c.rows = rows
}

// Snapshot gives an immutable frame of all rows so far, without the columns
// that are null throughout. The builder may go on; memory is shared, so it
// costs little more than the null bitmaps. DropRow must not take back a row
// that a snapshot has shown.
func (b *Builder) Snapshot() *Frame {
	f := &Frame{Rows: b.rows}
	for i := range b.cols {
		c, all := &b.cols[i], b.always[i]
		var column *Column
		switch {
		case c.rows > 0:
			c.pad(b.rows)
			if column = c.view(); all != nil {
				column = all.fill(column, b.rows)
			}
		case all != nil && b.rows > 0:
			column = all.column(c.Type, b.rows)
		default:
			continue
		}
		f.Names = append(f.Names, b.fields[i].Name)
		f.Columns = append(f.Columns, column)
	}
	return f
}

func (c *colBuilder) view() *Column {
	v := c.Column
	v.Codes = v.Codes[:len(v.Codes):len(v.Codes)]
	v.Ints = v.Ints[:len(v.Ints):len(v.Ints)]
	v.Floats = v.Floats[:len(v.Floats):len(v.Floats)]
	v.Nulls = append(Bitmap(nil), v.Nulls...)
	if v.Offsets != nil {
		// The last offset is rewritten when the last row gets a further value.
		v.Offsets = append([]uint32(nil), v.Offsets...)
	}
	if c.dict != nil {
		v.Dict = c.dict.view()
	}
	return &v
}

// Build is Snapshot, after which the builder is empty and shares nothing.
func (b *Builder) Build() *Frame {
	f := b.Snapshot()
	for i := range b.cols {
		expect := 0
		if b.cols[i].rows > 0 {
			expect = b.rows
		}
		b.cols[i] = colBuilder{Column: Column{Type: b.fields[i].Type}, expect: expect}
	}
	b.rows = 0
	return f
}

// Append adds all rows of f, matching columns by name; columns that the
// builder does not have are added. A column of another type than the
// builder's is skipped and named in the result.
func (b *Builder) Append(f *Frame) (skipped []string) {
	for i, src := range f.Columns {
		place := b.Add(Field{f.Names[i], src.Type})
		dst := &b.cols[place]
		if dst.Type != src.Type {
			skipped = append(skipped, f.Names[i])
			continue
		}
		dst.appendColumn(src, b.rows, f.Rows)
	}
	b.rows += f.Rows
	return skipped
}

func (c *colBuilder) appendColumn(src *Column, before, rows int) {
	if src.Type == Null {
		return
	}
	var codes []uint32
	if src.Codes != nil {
		codes = make([]uint32, src.Dict.Len())
		if c.dict == nil {
			c.dict = newDictBuilder()
		}
	}
	for r := range rows {
		lo, hi := src.Range(r)
		for ; lo < hi; lo++ {
			c.begin(before + r + 1)
			switch {
			case codes != nil:
				c.Codes = append(c.Codes, c.recode(codes, src, lo))
			case src.Floats != nil:
				c.Floats = append(c.Floats, src.Floats[lo])
			default:
				c.Ints = append(c.Ints, src.Ints[lo])
			}
			c.end(before + r + 1)
		}
	}
}

func (c *colBuilder) recode(codes []uint32, src *Column, k int) uint32 {
	from := src.Codes[k]
	if codes[from] == 0 {
		codes[from] = c.dict.code(src.Dict.Value(from))
	}
	return codes[from]
}
