package frame

// always is the values that a column has in every row that sets none. What it
// gives is shared by all frames of a builder, which are immutable: rows cost
// nothing, and who computed something for the dictionary finds it again.
type always struct {
	dict    *Dict
	codes   []uint32 // of as many rows as were ever asked for
	offsets []uint32 // nil for a single value
}

// Always gives the values (of a Keyword, Version or IP column) to every row that
// sets none in the column, from the next frame on.
func (b *Builder) Always(col int, values ...string) {
	if !b.fields[col].Type.Coded() {
		panic("frame: text put into a column of type " + b.fields[col].Type.String())
	}
	if len(values) == 0 {
		return
	}
	if b.always == nil {
		b.always = map[int]*always{}
	}
	a := &always{dict: NewDict(values)}
	if len(values) > 1 {
		a.offsets = []uint32{0}
	}
	b.always[col] = a
}

// column is n rows with the values.
func (a *always) column(t Type, n int) *Column {
	k := a.dict.Len() - 1
	for len(a.codes) < n*k {
		a.codes = append(a.codes, uint32(len(a.codes)%k+1))
	}
	c := &Column{Type: t, Codes: a.codes[: n*k : n*k], Dict: a.dict}
	if a.offsets != nil {
		for len(a.offsets) <= n {
			a.offsets = append(a.offsets, uint32(len(a.offsets)*k))
		}
		c.Offsets = a.offsets[: n+1 : n+1]
	}
	return c
}

// fill gives the values to the rows of c that have none.
func (a *always) fill(c *Column, rows int) *Column {
	b := NewBuilder([]Field{{Type: c.Type}})
	for r := range rows {
		b.Row()
		lo, hi := c.Range(r)
		for ; lo < hi; lo++ {
			b.cols[0].addCode(b.rows, c.Dict.Value(c.Codes[lo]))
		}
		if c.IsNull(r) {
			for code := uint32(1); code < uint32(a.dict.Len()); code++ {
				b.cols[0].addCode(b.rows, a.dict.Value(code))
			}
		}
	}
	return b.Snapshot().Columns[0]
}
