package funcs

import "interdict/sources/frame"

// Out is a column of a known number of rows in the making. Rows are filled in
// ascending order; a row that is left out is null.
type Out struct {
	col  *frame.Column
	dict *Dict
	rows int // rows up to this one are filled
	n    int

	known int // entries of dict that are counted
	bytes int // about: of texts, and of values beyond one a row
}

// NewOut makes a column of n rows of a type.
func NewOut(t frame.Type, n int) *Out {
	o := &Out{col: &frame.Column{Type: t}, n: n}
	switch {
	case t == frame.Null:
	case t.Coded():
		o.dict = NewDict()
		o.col.Codes = make([]uint32, n)
	case t == frame.Double:
		o.col.Floats = make([]float64, n)
	default:
		o.col.Ints = make([]int64, n)
	}
	return o
}

func (o *Out) addStr(row int, s string) {
	code := o.dict.Code(s)
	if int(code) > o.known {
		o.known = int(code)
		o.bytes += len(s) + 32
	}
	if o.place(row) {
		o.col.Codes[row] = code
		return
	}
	o.col.Codes = append(o.col.Codes, code)
	o.ended(row)
}

func (o *Out) addInt(row int, v int64) {
	if o.place(row) {
		o.col.Ints[row] = v
		return
	}
	o.col.Ints = append(o.col.Ints, v)
	o.ended(row)
}

func (o *Out) addFloat(row int, v float64) {
	if o.place(row) {
		o.col.Floats[row] = v
		return
	}
	o.col.Floats = append(o.col.Floats, v)
	o.ended(row)
}

// place makes room for a value of a row. It is true when the value goes to the
// row's own place, false when it is to be appended.
func (o *Out) place(row int) bool {
	if o.col.Offsets == nil {
		if row >= o.rows {
			o.nulls(row)
			o.rows = row + 1
			return true
		}
		o.multi()
	}
	if row >= o.rows {
		o.pad(row)
	}
	return false
}

func (o *Out) ended(row int) {
	o.bytes += 8
	o.pad(row + 1)
	o.col.Offsets[row+1] = uint32(o.values())
}

// nulls marks the rows up to this one.
func (o *Out) nulls(to int) {
	if o.col.Codes == nil {
		for ; o.rows < to; o.rows++ {
			o.col.Nulls = o.col.Nulls.Set(o.rows)
		}
	}
	o.rows = to
}

func (o *Out) pad(to int) {
	for ; o.rows < to; o.rows++ {
		o.col.Offsets = append(o.col.Offsets, uint32(o.values()))
	}
}

func (o *Out) values() int { return len(o.col.Codes) + len(o.col.Ints) + len(o.col.Floats) }

// multi turns what is there into a column with offsets.
func (o *Out) multi() {
	old := *o.col
	o.col.Codes, o.col.Ints, o.col.Floats, o.col.Nulls = nil, nil, nil, nil
	o.col.Offsets = make([]uint32, 1, o.n+1)
	for i := range o.rows {
		lo, hi := old.Range(i)
		for ; lo < hi; lo++ {
			switch {
			case old.Codes != nil:
				o.col.Codes = append(o.col.Codes, old.Codes[lo])
			case old.Floats != nil:
				o.col.Floats = append(o.col.Floats, old.Floats[lo])
			default:
				o.col.Ints = append(o.col.Ints, old.Ints[lo])
			}
		}
		o.col.Offsets = append(o.col.Offsets, uint32(o.values()))
	}
}

// AddStr, AddInt and AddFloat add a value to a row.
func (o *Out) AddStr(row int, s string) { o.addStr(row, s) }

// AddInt adds a whole number, date or boolean.
func (o *Out) AddInt(row int, v int64) { o.addInt(row, v) }

// AddFloat adds a double.
func (o *Out) AddFloat(row int, v float64) { o.addFloat(row, v) }

// Bytes is about how much was made.
func (o *Out) Bytes() int { return o.bytes }

// Column ends the making.
func (o *Out) Column() *frame.Column {
	if o.col.Type == frame.Null {
		return o.col
	}
	if o.col.Offsets != nil {
		o.pad(o.n)
		if o.col.Type.Coded() && o.col.Codes == nil {
			o.col.Codes = []uint32{}
		}
	} else {
		o.nulls(o.n)
	}
	if o.dict != nil {
		o.col.Dict = o.dict.View()
	}
	return o.col
}

// Nulls is a column of n nulls of a type.
func Nulls(t frame.Type, n int) *frame.Column { return NewOut(t, n).Column() }
