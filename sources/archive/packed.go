package archive

import (
	"strings"

	"interdict/sources/ecs"
	"interdict/sources/frame"
)

// packed is a full chunk in little memory. Columns are expanded by [packed.read]
// and dropped again. Immutable.
type packed struct {
	rows  int
	names []string
	cols  []packedColumn
	times span
	bytes int // of memory
}

// packedColumn has values as codes, ints or floats.
type packedColumn struct {
	typ      frame.Type
	derived  *derivation // the values follow from other columns; nothing else is set
	constant bool        // all rows have the values of the first
	values   packedInts  // codes or ints
	floats   []float64
	text     string // all dictionary values in a row
	ends     packedInts
	nulls    frame.Bitmap
	lengths  packedInts // values a row
	multi    bool
}

// derivation says how an entity id follows from other columns.
type derivation struct{ boot, pid, ticks ecs.Column }

var derivations = map[string]*derivation{
	ecs.ProcessEntityID.Name(): {ecs.HostBootID, ecs.ProcessPID, ecs.StartTicks},
	ecs.ParentEntityID.Name():  {ecs.HostBootID, ecs.ParentPID, ecs.ParentStartTicks},
}

// pack makes the small form of f.
func pack(f *frame.Frame, times span) *packed {
	p := &packed{rows: f.Rows, times: times}
	for i, c := range f.Columns {
		pc := packColumn(f, f.Names[i], c)
		p.names = append(p.names, f.Names[i])
		p.cols = append(p.cols, pc)
		p.bytes += pc.size()
	}
	return p
}

func packColumn(f *frame.Frame, name string, c *frame.Column) packedColumn {
	if d := derivations[name]; d != nil && d.explains(f, c) {
		return packedColumn{typ: c.Type, derived: d}
	}
	if isConstant(c, f.Rows) {
		pc := packValues(c.Gather([]uint32{0}), 1)
		pc.constant = true
		return pc
	}
	return packValues(c, f.Rows)
}

// isConstant tells whether all rows have the same values, not null.
func isConstant(c *frame.Column, rows int) bool {
	lo, hi := c.Range(0)
	if lo == hi {
		return false
	}
	for r := 1; r < rows; r++ {
		at, end := c.Range(r)
		if end-at != hi-lo {
			return false
		}
		for k := range hi - lo {
			if !sameValue(c, lo+k, at+k) {
				return false
			}
		}
	}
	return true
}

func sameValue(c *frame.Column, i, k int) bool {
	switch {
	case c.Codes != nil:
		return c.Codes[i] == c.Codes[k]
	case c.Floats != nil:
		return c.Floats[i] == c.Floats[k]
	}
	return c.Ints[i] == c.Ints[k]
}

func packValues(c *frame.Column, rows int) packedColumn {
	pc := packedColumn{typ: c.Type, multi: c.Offsets != nil}
	switch {
	case c.Codes != nil:
		codes, values := usedCodes(c)
		pc.values = packInts(codes)
		pc.text, pc.ends = packTexts(values)
	case c.Floats != nil:
		pc.floats = append([]float64(nil), c.Floats...)
	default:
		pc.values = packInts(withoutNulls(c))
	}
	if pc.multi {
		pc.lengths = packInts(lengths(c, rows))
	}
	if c.Nulls.Count() > 0 {
		pc.nulls = append(frame.Bitmap(nil), c.Nulls...)
	}
	return pc
}

// usedCodes numbers the values anew, in the order of their first use, and
// leaves out those that no row has. What is numbered so already is given as it is.
func usedCodes(c *frame.Column) (codes []uint32, values []string) {
	if n := c.Dict.Len(); inOrder(c.Codes, uint32(n)) {
		values = make([]string, n-1)
		for i := range values {
			values[i] = c.Dict.Value(uint32(i + 1))
		}
		return c.Codes, values
	}
	codes = make([]uint32, len(c.Codes))
	renumbered := make([]uint32, c.Dict.Len())
	for i, code := range c.Codes {
		if code != 0 && renumbered[code] == 0 {
			values = append(values, c.Dict.Value(code))
			renumbered[code] = uint32(len(values))
		}
		codes[i] = renumbered[code]
	}
	return codes, values
}

// inOrder tells whether the codes below n are used in order, and all of them.
func inOrder(codes []uint32, n uint32) bool {
	next := uint32(1)
	for _, code := range codes {
		switch {
		case code == next:
			next++
		case code > next:
			return false
		}
	}
	return next == n
}

func packTexts(values []string) (string, packedInts) {
	ends := make([]int64, len(values))
	total := 0
	for i, v := range values {
		total += len(v)
		ends[i] = int64(total)
	}
	var b strings.Builder
	b.Grow(total)
	for _, v := range values {
		b.WriteString(v)
	}
	return b.String(), packInts(ends)
}

// withoutNulls puts the first real value in the place of nulls, so that they do
// not widen the range.
func withoutNulls(c *frame.Column) []int64 {
	if c.Nulls.Count() == 0 {
		return c.Ints
	}
	out := append([]int64(nil), c.Ints...)
	first := 0
	for first < len(out) && c.Nulls.Get(first) {
		first++
	}
	if first == len(out) {
		return make([]int64, len(out))
	}
	for i := range out {
		if c.Nulls.Get(i) {
			out[i] = out[first]
		}
	}
	return out
}

func lengths(c *frame.Column, rows int) []uint32 {
	out := make([]uint32, rows)
	for r := range out {
		out[r] = c.Offsets[r+1] - c.Offsets[r]
	}
	return out
}

func (pc *packedColumn) size() int {
	return pc.values.size() + 8*cap(pc.floats) + len(pc.text) + pc.ends.size() +
		8*cap(pc.nulls) + pc.lengths.size() + packedColumnOverhead
}

// packedColumnOverhead is about the size of a packedColumn and its name.
const packedColumnOverhead = 240

// read expands the named columns.
func (p *packed) read(columns []string) *frame.Frame {
	f := &frame.Frame{Rows: p.rows}
	for _, name := range columns {
		if c := p.column(name); c != nil {
			f.Names = append(f.Names, name)
			f.Columns = append(f.Columns, c)
		}
	}
	return f
}

// column expands one column; nil when all of it is null.
func (p *packed) column(name string) *frame.Column {
	for i, n := range p.names {
		if n != name {
			continue
		}
		pc := &p.cols[i]
		switch {
		case pc.derived != nil:
			return pc.derived.column(p.read(pc.derived.needs()))
		case pc.constant:
			return repeat(pc.expand(1), p.rows)
		}
		return pc.expand(p.rows)
	}
	return nil
}

func (pc *packedColumn) expand(rows int) *frame.Column {
	c := &frame.Column{Type: pc.typ, Nulls: pc.nulls}
	switch {
	case pc.typ.Coded():
		c.Codes = pc.values.codes(nil)
		c.Dict = frame.DictOfText(pc.text, pc.ends.codes(make([]uint32, 2, pc.ends.n+2)))
	case pc.typ == frame.Double:
		c.Floats = pc.floats
	default:
		c.Ints = pc.values.ints(nil)
	}
	if pc.multi {
		c.Offsets = offsets(&pc.lengths, rows)
	}
	return c
}

func offsets(lengths *packedInts, rows int) []uint32 {
	out := lengths.codes(make([]uint32, 1, rows+1))
	for i := 1; i < len(out); i++ {
		out[i] += out[i-1]
	}
	return out
}

// repeat gives a column of n rows that all are as the first of c.
func repeat(c *frame.Column, n int) *frame.Column {
	if c.Offsets != nil {
		return c.Gather(make([]uint32, n))
	}
	out := &frame.Column{Type: c.Type, Dict: c.Dict}
	switch {
	case c.Codes != nil:
		out.Codes = filled(c.Codes[0], n)
	case c.Floats != nil:
		out.Floats = filled(c.Floats[0], n)
	default:
		out.Ints = filled(c.Ints[0], n)
	}
	return out
}

func filled[T any](v T, n int) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = v
	}
	return out
}
