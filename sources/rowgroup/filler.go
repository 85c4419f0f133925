package rowgroup

import (
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"

	"interdict/sources/esql/funcs"
	"interdict/sources/frame"
)

// filler makes a column of the pages of one column chunk.
type filler struct {
	leaf  *leaf
	col   frame.Column
	def   byte // definition level of a value
	multi bool
	rows  int         // seen
	out   int         // of these, those that col has
	keep  []uint32    // the rows that are wanted and not seen yet; see all
	all   bool        // every row is wanted
	on    bool        // the row at hand is
	codes *funcs.Dict // nil: no value was copied

	raw     *frame.Dict        // the codes so far are its own, and no value was copied
	known   *frame.Dict        // that memo belongs to
	memo    []uint32           // our codes by its own
	dict    parquet.Dictionary // that numbers belong to, or entries
	entries *frame.Dict        // of dict
	place   []uint32           // scratch: codes of a page's values
	ints    []int64            // likewise
	numbers []int64            // of dict
	real    []float64          // likewise
}

// newFiller is for those of a number of rows that keep names, nil for all.
func newFiller(l *leaf, rows int, keep []uint32) *filler {
	f := &filler{leaf: l, keep: keep, all: keep == nil, def: byte(l.column.MaxDefinitionLevel()), multi: l.column.MaxRepetitionLevel() > 0}
	if !f.all {
		rows = len(keep)
	}
	f.col.Type = l.Type
	switch {
	case l.Type.Coded():
		f.col.Codes = make([]uint32, 0, rows)
	case l.Type == frame.Double:
		f.col.Floats = make([]float64, 0, rows)
	default:
		f.col.Ints = make([]int64, 0, rows)
	}
	if f.multi {
		f.col.Offsets = make([]uint32, 0, rows+1)
	}
	return f
}

// passOver tells that the rows up to this one are not read.
func (f *filler) passOver(to int) { f.rows = to }

func (f *filler) page(p parquet.Page) error {
	n := int(p.NumValues())
	if !f.multi && p.NumNulls() == 0 {
		return f.plain(p, n)
	}
	values := f.decode(p)
	def, rep := p.DefinitionLevels(), p.RepetitionLevels()
	next := 0
	for k := range max(len(def), values) {
		f.begin(rep, k)
		switch {
		case len(def) > 0 && (k >= len(def) || def[k] != f.def):
			if !f.multi {
				f.null()
			}
		case next >= values:
			return rowsError(next, len(def))
		default:
			f.add(next)
			next++
		}
	}
	return nil
}

// plain takes a page that has a value for each of n rows: what is not wanted is
// not looked at.
func (f *filler) plain(p parquet.Page, n int) error {
	want := f.take(n)
	if want != nil && len(want) == 0 {
		f.rows += n
		return nil
	}
	var got int
	switch {
	case f.leaf.Type.Coded():
		f.col.Codes, got = f.texts(f.col.Codes, p, want)
	case f.leaf.Type == frame.Double:
		f.floats(p)
		f.col.Floats, got = wanted(f.col.Floats, f.real, want, f.rows), len(f.real)
	default:
		f.integers(p)
		f.scaled()
		f.col.Ints, got = wanted(f.col.Ints, f.ints, want, f.rows), len(f.ints)
	}
	if got != n {
		return rowsError(got, n)
	}
	f.rows += n
	return nil
}

// take gives the rows of the next n that are wanted, nil for all, and counts them.
func (f *filler) take(n int) (want []uint32) {
	if f.all {
		f.out += n
		return nil
	}
	out, _ := slices.BinarySearch(f.keep, uint32(f.rows+n))
	want, f.keep = f.keep[:out:out], f.keep[out:]
	f.out += out
	return want
}

// wanted appends those of a page's values that rows want, nil for all; first is
// the row of the first value.
func wanted[T any](dst, values []T, want []uint32, first int) []T {
	if want == nil {
		return append(dst, values...)
	}
	for _, row := range want {
		if i := int(row) - first; i < len(values) {
			dst = append(dst, values[i])
		}
	}
	return dst
}

// begin begins a row, unless place k goes on with one.
func (f *filler) begin(rep []byte, k int) {
	if k < len(rep) && rep[k] > 0 {
		return
	}
	f.on = f.all || len(f.keep) > 0 && int(f.keep[0]) == f.rows
	f.rows++
	if !f.on {
		return
	}
	if f.out++; !f.all {
		f.keep = f.keep[1:]
	}
	if f.multi {
		f.col.Offsets = append(f.col.Offsets, uint32(f.count()))
	}
}

func (f *filler) count() int { return len(f.col.Codes) + len(f.col.Ints) + len(f.col.Floats) }

func (f *filler) null() {
	switch {
	case !f.on:
		return
	case f.leaf.Type.Coded():
		f.col.Codes = append(f.col.Codes, 0)
		return
	case f.leaf.Type == frame.Double:
		f.col.Floats = append(f.col.Floats, 0)
	default:
		f.col.Ints = append(f.col.Ints, 0)
	}
	f.col.Nulls = f.col.Nulls.Set(f.out - 1)
}

// decode makes a page's values ready for add and gives how many there are.
func (f *filler) decode(p parquet.Page) (n int) {
	switch {
	case f.leaf.Type.Coded():
		f.place, n = f.texts(f.place[:0], p, nil)
		return n
	case f.leaf.Type == frame.Double:
		f.floats(p)
		return len(f.real)
	}
	f.integers(p)
	f.scaled()
	return len(f.ints)
}

func (f *filler) scaled() {
	if s := f.leaf.scale; s.mul != 1 || s.div != 1 {
		for i, v := range f.ints {
			f.ints[i] = s.apply(v)
		}
	}
}

// add appends value i of the page to the row at hand.
func (f *filler) add(i int) {
	switch {
	case !f.on:
	case f.leaf.Type.Coded():
		f.col.Codes = append(f.col.Codes, f.place[i])
	case f.leaf.Type == frame.Double:
		f.col.Floats = append(f.col.Floats, f.real[i])
	default:
		f.col.Ints = append(f.col.Ints, f.ints[i])
	}
}

// texts appends our codes of a page's values, or of those that rows want, and
// gives how many values the page has.
func (f *filler) texts(dst []uint32, p parquet.Page, want []uint32) (codes []uint32, n int) {
	data := p.Data()
	dict := p.Dictionary()
	if dict == nil {
		f.cook()
		text, offsets := data.ByteArray()
		n = max(0, len(offsets)-1)
		return f.interned(dst, text, offsets, want), n
	}
	if f.dict != dict {
		f.dict, f.entries = dict, dictOf(dict)
	}
	memo := f.numbered(f.entries)
	return entries(dst, data.Int32(), want, f.rows, memo), len(data.Int32())
}

// dictOf copies a dictionary of the library.
func dictOf(dict parquet.Dictionary) *frame.Dict {
	data := dict.Page().Data()
	text, offsets := data.ByteArray()
	starts := make([]uint32, 2, len(offsets)+1)
	if len(offsets) < 2 {
		return frame.DictOfText("", starts)
	}
	for _, end := range offsets[1:] {
		starts = append(starts, end-offsets[0])
	}
	return frame.DictOfText(string(text[offsets[0]:offsets[len(offsets)-1]]), starts)
}

// numbered gives our codes by those of a dictionary, nil where they are the same.
func (f *filler) numbered(dict *frame.Dict) []uint32 {
	if f.raw == dict || f.codes == nil && f.raw == nil {
		f.raw = dict
		return nil
	}
	f.cook()
	f.remember(dict)
	return f.memo
}

// entries appends the codes of the entries of a dictionary that rows name by their
// places, of all rows or those that want names, first being the first: one more than
// the place, or what memo has for that.
func entries[T int32 | uint32](dst []uint32, of []T, want []uint32, first int, memo []uint32) []uint32 {
	from := len(dst)
	if want == nil {
		dst = slices.Grow(dst, len(of))[:from+len(of)]
		for k, i := range of {
			dst[from+k] = uint32(i) + 1
		}
	} else {
		for _, row := range want {
			if k := int(row) - first; k < len(of) {
				dst = append(dst, uint32(of[k])+1)
			}
		}
	}
	if memo != nil {
		for k, code := range dst[from:] {
			dst[from+k] = memo[code]
		}
	}
	return dst
}

// interned appends the codes of texts that have none yet.
func (f *filler) interned(dst []uint32, text []byte, offsets, want []uint32) []uint32 {
	if want == nil {
		for i := range max(0, len(offsets)-1) {
			dst = append(dst, f.codes.CodeOf(text[offsets[i]:offsets[i+1]]))
		}
		return dst
	}
	for _, row := range want {
		if i := int(row) - f.rows; i+1 < len(offsets) {
			dst = append(dst, f.codes.CodeOf(text[offsets[i]:offsets[i+1]]))
		}
	}
	return dst
}

// cook gives codes of our own instead of those of a dictionary: a column can
// have several of these, and pages without.
func (f *filler) cook() {
	if f.codes == nil {
		f.codes = funcs.NewDict()
	}
	if f.raw == nil {
		return
	}
	f.remember(f.raw)
	f.raw = nil
	for i, code := range f.col.Codes {
		f.col.Codes[i] = f.memo[code]
	}
}

func (f *filler) remember(dict *frame.Dict) {
	if f.known == dict {
		return
	}
	f.known, f.memo = dict, make([]uint32, dict.Len())
	for code := uint32(1); code < uint32(dict.Len()); code++ {
		f.memo[code] = f.codes.CodeOf([]byte(dict.Value(code)))
	}
}

func (f *filler) floats(p parquet.Page) {
	f.real = f.real[:0]
	data := p.Data()
	if dict := p.Dictionary(); dict != nil {
		for _, i := range data.Int32() {
			v := dict.Index(i)
			if v.Kind() == parquet.Float {
				f.real = append(f.real, float64(v.Float()))
			} else {
				f.real = append(f.real, v.Double())
			}
		}
		return
	}
	if p.Type().Kind() == parquet.Double {
		f.real = append(f.real, data.Double()...)
		return
	}
	for _, v := range data.Float() {
		f.real = append(f.real, float64(v))
	}
}

func (f *filler) integers(p parquet.Page) {
	f.ints = f.ints[:0]
	data := p.Data()
	if dict := p.Dictionary(); dict != nil {
		if f.dict != dict {
			f.dict, f.numbers = dict, make([]int64, dict.Len())
			for i := range f.numbers {
				f.numbers[i] = integer(dict.Index(int32(i)))
			}
		}
		f.ints = slices.Grow(f.ints, int(p.NumValues()))
		for _, i := range data.Int32() {
			f.ints = append(f.ints, f.numbers[i])
		}
		return
	}
	switch p.Type().Kind() {
	case parquet.Boolean:
		bits := data.Boolean()
		for k := range int(p.NumValues() - p.NumNulls()) {
			f.ints = append(f.ints, int64(bits[k>>3]>>(k&7)&1))
		}
	case parquet.Int32:
		for _, v := range data.Int32() {
			f.ints = append(f.ints, f.widen(v))
		}
	case parquet.Int64:
		f.ints = append(f.ints, data.Int64()...)
	case parquet.Int96:
		for _, v := range data.Int96() {
			f.ints = append(f.ints, julian(v[0], v[1], v[2]))
		}
	}
}

// widen keeps an unsigned 32-bit number what it is.
func (f *filler) widen(v int32) int64 {
	if f.leaf.Type == frame.Long {
		return int64(uint32(v))
	}
	return int64(v)
}

func integer(v parquet.Value) int64 {
	switch v.Kind() {
	case parquet.Boolean:
		if v.Boolean() {
			return 1
		}
		return 0
	case parquet.Int32:
		return int64(v.Int32())
	case parquet.Int96:
		w := v.Int96()
		return julian(w[0], w[1], w[2])
	}
	return v.Int64()
}

// julian makes nanoseconds since the epoch of Impala's timestamps: nanoseconds
// of the day in two words, then the Julian day.
func julian(low, high, day uint32) int64 {
	return (int64(day)-2440588)*86_400_000_000_000 + int64(uint64(high)<<32|uint64(low))
}

// column gives what was filled, of the rows that are wanted.
func (f *filler) column(rows int) (*frame.Column, error) {
	if f.rows != rows || len(f.keep) > 0 && !f.all {
		return nil, rowsError(f.rows, rows)
	}
	if f.multi {
		f.col.Offsets = append(f.col.Offsets, uint32(f.count()))
	}
	c := &f.col
	switch {
	case f.raw != nil:
		return c, f.used(c)
	case f.leaf.Type.Coded():
		c.Dict = frame.NewDict(nil)
		if f.codes != nil {
			c.Dict = f.codes.View()
		}
	}
	return c, nil
}

// used gives a column the dictionary that its codes are of, or of a large one those
// entries that it has, numbered anew.
func (f *filler) used(c *frame.Column) error {
	most := uint32(0)
	for _, code := range c.Codes {
		most = max(most, code)
	}
	if int(most) >= f.raw.Len() {
		return errClaims
	}
	if c.Dict = f.raw; f.raw.Len() <= len(c.Codes)/8 { // to number them anew would cost more than it spares
		return nil
	}
	number, size := make([]uint32, f.raw.Len()), 0
	for _, code := range c.Codes {
		if code != 0 && number[code] == 0 {
			number[code] = 1
			size += len(f.raw.Value(code))
		}
	}
	var all strings.Builder // one text that the values are parts of
	all.Grow(size)
	starts := make([]uint32, 2, min(len(c.Codes), len(number))+2)
	for code, used := range number {
		if used != 0 {
			all.WriteString(f.raw.Value(uint32(code)))
			number[code] = uint32(len(starts) - 1)
			starts = append(starts, uint32(all.Len()))
		}
	}
	for i, code := range c.Codes {
		c.Codes[i] = number[code]
	}
	c.Dict = frame.DictOfText(all.String(), starts)
	return nil
}
