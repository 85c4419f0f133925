package archive

import (
	"interdict/sources/ecs"
	"interdict/sources/frame"
)

// chunkRows is how many rows a chunk holds at most: about 6 MB before packing.
const chunkRows = 16384

// chunkBytes ends a chunk early when its texts are long.
const chunkBytes = 16 << 20

// chunk is rows of one dataset that still come in. All columns grow by
// appending only, so that a snapshot shares their memory. Guarded by the
// archive's mutex.
type chunk struct {
	rows   int
	cols   [][]*growing // by place in the catalogue; see at
	order  []*growing   // in order of first use
	bytes  int          // of dictionary texts
	times  span
	shared bool // a snapshot may still be read
}

// growing is one column of a chunk.
type growing struct {
	field  frame.Field
	col    frame.Column
	rows   int      // 0: no row of this chunk has a value
	values []string // dictionary; values[0] is null
	index  map[string]uint32
}

func newChunk() *chunk { return &chunk{times: emptySpan()} }

// at gives the column of a field, made at first use. Columns are found by a
// two-level table since most of the catalogue is never used.
func (c *chunk) at(place ecs.Column) *growing {
	page, slot := int(place)>>4, int(place)&15
	for page >= len(c.cols) {
		c.cols = append(c.cols, nil)
	}
	if c.cols[page] == nil {
		c.cols[page] = make([]*growing, 16)
	}
	if c.cols[page][slot] == nil {
		c.cols[page][slot] = c.add(frame.Field{Name: place.Name(), Type: place.Type()})
	}
	return c.cols[page][slot]
}

func (c *chunk) add(f frame.Field) *growing {
	g := &growing{field: f, col: frame.Column{Type: f.Type}}
	if f.Type.Coded() {
		g.values = make([]string, 1, 16)
	}
	c.order = append(c.order, g)
	return g
}

// next gives an empty chunk; in the same memory where no snapshot reads it.
func (c *chunk) next() *chunk {
	if c.shared {
		return newChunk()
	}
	c.rows, c.bytes, c.times = 0, 0, emptySpan()
	for _, g := range c.order {
		g.rows = 0
		g.col = frame.Column{Type: g.col.Type, Codes: g.col.Codes[:0], Ints: g.col.Ints[:0], Floats: g.col.Floats[:0]}
		if g.values != nil {
			clear(g.values)
			g.values = g.values[:1]
			clear(g.index)
		}
	}
	return c
}

// full tells that the next row belongs to another chunk.
func (c *chunk) full() bool { return c.rows >= chunkRows || c.bytes >= chunkBytes }

// append adds the given rows of a batch. cols[i] belongs to places[i].
func (c *chunk) append(cols []*frame.Column, places []ecs.Column, rows []uint32, scratch *[]uint32) {
	for i, src := range cols {
		if !hasValue(src, rows) {
			continue
		}
		c.bytes += c.at(places[i]).append(src, rows, c.rows, scratch)
		if places[i] == ecs.Timestamp {
			c.times.addColumn(src, rows)
		}
	}
	c.rows += len(rows)
}

// hasValue tells whether any of the rows is not null: a batch of several
// datasets has columns that only some of them use.
func hasValue(c *frame.Column, rows []uint32) bool {
	if len(c.Codes)+len(c.Ints)+len(c.Floats) == 0 {
		return false
	}
	for _, r := range rows {
		if !c.IsNull(int(r)) {
			return true
		}
	}
	return false
}

// append adds values and gives the bytes of texts that are new.
func (g *growing) append(src *frame.Column, rows []uint32, before int, scratch *[]uint32) (grown int) {
	g.pad(before)
	var codes []uint32
	if src.Codes != nil {
		codes = cleared(scratch, src.Dict.Len())
	}
	if src.Offsets != nil || g.col.Offsets != nil {
		grown = g.appendMulti(src, rows, codes)
	} else {
		grown = g.appendSingle(src, rows, codes)
	}
	g.rows += len(rows)
	return grown
}

func cleared(scratch *[]uint32, n int) []uint32 {
	if cap(*scratch) < n {
		*scratch = make([]uint32, n+n/2)
	}
	s := (*scratch)[:n]
	clear(s)
	return s
}

func (g *growing) appendSingle(src *frame.Column, rows, codes []uint32) (grown int) {
	switch {
	case src.Codes != nil:
		to := more(&g.col.Codes, len(rows))
		for i, r := range rows {
			from := src.Codes[r]
			code := codes[from]
			if code == 0 {
				var n int
				n, code = g.recode(src.Dict, codes, from)
				grown += n
			}
			to[i] = code
		}
		return grown
	case src.Floats != nil:
		to := more(&g.col.Floats, len(rows))
		for i, r := range rows {
			to[i] = src.Floats[r]
		}
	default:
		to := more(&g.col.Ints, len(rows))
		for i, r := range rows {
			to[i] = src.Ints[r]
		}
	}
	if src.Nulls != nil {
		for i, r := range rows {
			if src.Nulls.Get(int(r)) {
				g.col.Nulls = g.col.Nulls.Set(g.rows + i)
			}
		}
	}
	return 0
}

// more makes a column longer by n values and gives these. Most columns of a chunk
// become full ones, so room is made for four times as many values at a time, and
// what they were copied from is soon forgotten.
func more[T any](values *[]T, n int) []T {
	before := len(*values)
	if need := before + n; need > cap(*values) {
		room := max(need, chunkRows/64, min(4*cap(*values), chunkRows))
		*values = append(make([]T, 0, room), *values...)
	}
	*values = (*values)[:before+n]
	return (*values)[before:]
}

func (g *growing) appendMulti(src *frame.Column, rows, codes []uint32) (grown int) {
	g.makeMulti()
	for _, r := range rows {
		lo, hi := src.Range(int(r))
		for ; lo < hi; lo++ {
			switch {
			case codes != nil:
				n, code := g.recode(src.Dict, codes, src.Codes[lo])
				grown += n
				g.col.Codes = append(g.col.Codes, code)
			case src.Floats != nil:
				g.col.Floats = append(g.col.Floats, src.Floats[lo])
			default:
				g.col.Ints = append(g.col.Ints, src.Ints[lo])
			}
		}
		g.col.Offsets = append(g.col.Offsets, uint32(g.size()))
	}
	return grown
}

// recode gives the chunk's code for a code of a batch. codes remembers, for the
// batch, code+1 of what was looked up.
func (g *growing) recode(dict *frame.Dict, codes []uint32, from uint32) (grown int, code uint32) {
	if from == 0 {
		return 0, 0
	}
	if codes[from] == 0 {
		v := dict.Value(from)
		code, ok := g.index[v]
		if !ok {
			code = g.define(v)
			grown = len(v) + 16
		}
		codes[from] = code
	}
	return grown, codes[from]
}

func (g *growing) define(v string) uint32 {
	if g.index == nil {
		g.index = make(map[string]uint32, 16)
	}
	code := uint32(len(g.values))
	g.values = append(g.values, v)
	g.index[v] = code
	return code
}

func (g *growing) size() int { return len(g.col.Codes) + len(g.col.Ints) + len(g.col.Floats) }

// pad fills with nulls up to the given number of rows.
func (g *growing) pad(rows int) {
	for ; g.rows < rows; g.rows++ {
		switch {
		case g.col.Offsets != nil:
			g.col.Offsets = append(g.col.Offsets, uint32(g.size()))
		case g.col.Type.Coded():
			g.col.Codes = append(g.col.Codes, 0)
		case g.col.Type == frame.Double:
			g.col.Floats = append(g.col.Floats, 0)
			g.col.Nulls = g.col.Nulls.Set(g.rows)
		default:
			g.col.Ints = append(g.col.Ints, 0)
			g.col.Nulls = g.col.Nulls.Set(g.rows)
		}
	}
}

// makeMulti turns a single-valued column into one with offsets, in fresh
// memory: snapshots may still read the old one.
func (g *growing) makeMulti() {
	if g.col.Offsets != nil {
		return
	}
	old := g.col
	g.col = frame.Column{Type: old.Type, Offsets: make([]uint32, 1, g.rows+1)}
	for r := range g.rows {
		lo, hi := old.Range(r)
		switch {
		case old.Codes != nil:
			g.col.Codes = append(g.col.Codes, old.Codes[lo:hi]...)
		case old.Floats != nil:
			g.col.Floats = append(g.col.Floats, old.Floats[lo:hi]...)
		case old.Ints != nil:
			g.col.Ints = append(g.col.Ints, old.Ints[lo:hi]...)
		}
		g.col.Offsets = append(g.col.Offsets, uint32(g.size()))
	}
}

// frame gives an immutable view of all rows so far.
func (c *chunk) frame() *frame.Frame {
	f := &frame.Frame{Rows: c.rows}
	for _, g := range c.order {
		if g.rows == 0 {
			continue
		}
		g.pad(c.rows)
		if g.size() > 0 {
			f.Names = append(f.Names, g.field.Name)
			f.Columns = append(f.Columns, g.view())
		}
	}
	return f
}

func (g *growing) view() *frame.Column {
	v := g.col
	v.Codes = v.Codes[:len(v.Codes):len(v.Codes)]
	v.Ints = v.Ints[:len(v.Ints):len(v.Ints)]
	v.Floats = v.Floats[:len(v.Floats):len(v.Floats)]
	v.Offsets = v.Offsets[:len(v.Offsets):len(v.Offsets)]
	v.Nulls = append(frame.Bitmap(nil), v.Nulls...)
	if g.values != nil {
		v.Dict = frame.NewDict(g.values[1:])
	}
	return &v
}
