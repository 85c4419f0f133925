package exec

import (
	"errors"

	"interdict/sources/esql/funcs"
	"interdict/sources/frame"
)

// batch is some rows: a column for each slot that is filled and needed. A slot
// without a column is null.
type batch struct {
	n    int
	cols []*frame.Column
}

// chunkRows is how many rows go through the steps at once: enough to make the
// cost per chunk small, few enough to stay in the cache. A multiple of 64.
const chunkRows = 1 << 14

// slice gives rows lo to hi of a column without copying; lo is a multiple of 64.
func slice(c *frame.Column, lo, hi int) *frame.Column {
	out := &frame.Column{Type: c.Type, Dict: c.Dict}
	if c.Offsets != nil {
		out.Codes, out.Ints, out.Floats = c.Codes, c.Ints, c.Floats
		out.Offsets = c.Offsets[lo : hi+1]
		return out
	}
	switch {
	case c.Codes != nil:
		out.Codes = c.Codes[lo:hi]
	case c.Floats != nil:
		out.Floats = c.Floats[lo:hi]
	case c.Ints != nil:
		out.Ints = c.Ints[lo:hi]
	}
	if w := lo >> 6; w < len(c.Nulls) {
		out.Nulls = c.Nulls[w:min(len(c.Nulls), (hi+63)>>6)]
	}
	return out
}

// taken is take of all slots, of as many rows as a phase has. The batch loses its columns.
func (r *run) taken(b *batch, rows []uint32) (*batch, error) {
	out := &batch{n: len(rows), cols: make([]*frame.Column, len(b.cols))}
	for s, c := range b.cols {
		if err := r.ctx.Err(); err != nil {
			return nil, err
		}
		if c != nil {
			out.cols[s], b.cols[s] = c.Gather(rows), nil
		}
	}
	return out, nil
}

func pick[T any](from []T, rows []uint32) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = from[r]
	}
	return out
}

// take gives a batch of the given rows with the needed slots only; nil needs all.
func (b *batch) take(rows []uint32, need []bool) *batch {
	out := &batch{n: len(rows), cols: make([]*frame.Column, len(b.cols))}
	for s, c := range b.cols {
		if c != nil && (need == nil || need[s]) {
			out.cols[s] = c.Gather(rows)
		}
	}
	return out
}

// full gives a vector as a column of n rows.
func full(v funcs.Vec, n int) *frame.Column {
	if !v.Same {
		return v.Column
	}
	if v.IsNull(0) {
		return funcs.Nulls(v.Type, n)
	}
	rows := make([]uint32, n)
	return v.Column.Gather(rows)
}

// concat joins columns of one type; nil ones are null. counts are their rows.
func (r *run) concat(cols []*frame.Column, counts []int, t frame.Type) *frame.Column {
	total, multi, some := 0, false, false
	for i, c := range cols {
		total += counts[i]
		if c != nil {
			some = true
			multi = multi || c.Offsets != nil
		}
	}
	if !some {
		return nil
	}
	if len(cols) == 1 {
		return cols[0]
	}
	if multi {
		return r.concatMulti(cols, counts, t, total)
	}
	out := &frame.Column{Type: t}
	switch {
	case t == frame.Null:
	case t.Coded():
		out.Codes = make([]uint32, 0, total)
	case t == frame.Double:
		out.Floats = make([]float64, 0, total)
	default:
		out.Ints = make([]int64, 0, total)
	}
	j := newJoiner(cols, t)
	at := 0
	for i, c := range cols {
		switch {
		case t == frame.Null || r.ctx.Err() != nil:
		case t.Coded():
			out.Codes = j.codes(out.Codes, c, counts[i])
		case t == frame.Double:
			out.Floats = append(out.Floats, orZero(c, counts[i], func(c *frame.Column) []float64 { return c.Floats })...)
		default:
			out.Ints = append(out.Ints, orZero(c, counts[i], func(c *frame.Column) []int64 { return c.Ints })...)
		}
		if !t.Coded() && (c == nil || c.Nulls != nil) {
			for r := range counts[i] {
				if c == nil || c.Nulls.Get(r) {
					out.Nulls = out.Nulls.Set(at + r)
				}
			}
		}
		at += counts[i]
	}
	out.Dict = j.view()
	return out
}

func orZero[T any](c *frame.Column, n int, values func(*frame.Column) []T) []T {
	if c == nil {
		return make([]T, n)
	}
	return values(c)[:n]
}

func (r *run) concatMulti(cols []*frame.Column, counts []int, t frame.Type, total int) *frame.Column {
	out := &frame.Column{Type: t, Offsets: make([]uint32, 1, total+1)}
	j := newJoiner(cols, t)
	for i, c := range cols {
		if r.ctx.Err() != nil {
			break
		}
		for row := range counts[i] {
			if c != nil {
				lo, hi := c.Range(row)
				for ; lo < hi; lo++ {
					switch {
					case t.Coded():
						out.Codes = append(out.Codes, j.code(c, c.Codes[lo]))
					case t == frame.Double:
						out.Floats = append(out.Floats, c.Floats[lo])
					default:
						out.Ints = append(out.Ints, c.Ints[lo])
					}
				}
			}
			out.Offsets = append(out.Offsets, uint32(len(out.Codes)+len(out.Floats)+len(out.Ints)))
		}
	}
	out.Dict = j.view()
	return out
}

// joiner joins dictionaries; when all columns share one, it is kept.
type joiner struct {
	shared *frame.Dict
	dict   *funcs.Dict
	last   *frame.Dict
	trans  []uint32
}

func newJoiner(cols []*frame.Column, t frame.Type) *joiner {
	j := &joiner{}
	if !t.Coded() {
		return j
	}
	for _, c := range cols {
		if c == nil || c.Dict == nil {
			continue
		}
		if j.shared != nil && j.shared != c.Dict {
			j.shared, j.dict = nil, funcs.NewDict()
			return j
		}
		j.shared = c.Dict
	}
	return j
}

func (j *joiner) code(c *frame.Column, code uint32) uint32 {
	if j.dict == nil || code == 0 {
		return code
	}
	if c.Dict != j.last {
		j.last, j.trans = c.Dict, make([]uint32, c.Dict.Len())
	}
	if j.trans[code] == 0 {
		j.trans[code] = j.dict.Code(c.Dict.Value(code))
	}
	return j.trans[code]
}

func (j *joiner) codes(dst []uint32, c *frame.Column, n int) []uint32 {
	if c == nil {
		return append(dst, make([]uint32, n)...)
	}
	if j.dict == nil {
		return append(dst, c.Codes[:n]...)
	}
	for _, code := range c.Codes[:n] {
		dst = append(dst, j.code(c, code))
	}
	return dst
}

func (j *joiner) view() *frame.Dict {
	if j.dict != nil {
		return j.dict.View()
	}
	return j.shared
}

// join makes one batch of many, which lose their columns.
func (r *run) join(batches []*batch, types []frame.Type, mem *memory) (*batch, error) {
	if len(batches) == 1 {
		return batches[0], nil
	}
	out := &batch{cols: make([]*frame.Column, len(types))}
	counts := make([]int, len(batches))
	for i, b := range batches {
		counts[i] = b.n
		out.n += b.n
	}
	cols := make([]*frame.Column, len(batches))
	for s, t := range types {
		for i, b := range batches {
			cols[i], b.cols[s] = b.cols[s], nil
		}
		made := (&batch{cols: cols}).weight(map[*frame.Dict]bool{})
		if err := mem.hold(made); err != nil {
			return nil, err
		}
		out.cols[s] = r.concat(cols, counts, t)
		if err := errors.Join(r.ctx.Err(), mem.hold(-made)); err != nil { // the copy takes the place of what it was made of
			return nil, err
		}
	}
	return out, nil
}

// bytes is about the memory of a batch, dictionaries not counted, and of what rows of
// several values share with other slices their own.
func (b *batch) bytes() int {
	n := 0
	for _, c := range b.cols {
		if c == nil {
			continue
		}
		values, each := len(c.Codes)+len(c.Ints)+len(c.Floats), 8
		if k := len(c.Offsets); k > 0 {
			values, n = int(c.Offsets[k-1]-c.Offsets[0]), n+4*k
		}
		if c.Codes != nil {
			each = 4
		}
		n += each * values
	}
	return n
}
