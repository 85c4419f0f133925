package funcs

import (
	"context"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"

	"interdict/sources/frame"
)

// Table maps numbers to small numbers, faster than a map.
type Table struct {
	slots []slot
	n     int
}

type slot struct {
	key   uint64
	value uint32 // plus one; 0 is empty
}

// At gives the value of a key. A new key gets next, and fresh is true.
func (t *Table) At(key uint64, next uint32) (v uint32, fresh bool) {
	if t.n*4 >= len(t.slots)*3 {
		t.grow()
	}
	mask := uint64(len(t.slots) - 1)
	for i := mix(key) & mask; ; i = (i + 1) & mask {
		s := &t.slots[i]
		switch {
		case s.value == 0:
			*s = slot{key, next + 1}
			t.n++
			return next, true
		case s.key == key:
			return s.value - 1, false
		}
	}
}

// mix is a number's hash, for the life of the process as that of a text: who
// chooses numbers cannot choose them for one place.
func mix(x uint64) uint64 {
	high, low := bits.Mul64(x^salt[0], salt[1])
	return high ^ low
}

var salt = [2]uint64{rand.Uint64(), rand.Uint64() | 1}

func (t *Table) grow() {
	old := t.slots
	t.slots = make([]slot, grownSize(len(old)))
	mask := uint64(len(t.slots) - 1)
	for _, s := range old {
		if s.value == 0 {
			continue
		}
		i := mix(s.key) & mask
		for t.slots[i].value != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = s
	}
}

// grownSize is the next size of a table: a power of two. Small ones grow faster.
func grownSize(n int) int {
	if n < 1<<12 {
		return max(16, 4*n)
	}
	return 2 * n
}

// Bytes is the memory held.
func (t *Table) Bytes() int { return 16 * len(t.slots) }

// Interner numbers the distinct values of columns of one type, whose
// dictionaries differ, from 1 on. 0 is null.
type Interner struct {
	Type  frame.Type
	dict  *Dict
	bytes int
	last  *frame.Dict
	trans []uint32 // by code of last, 0 where it is not known yet
	fresh []uint32 // scratch of learn
	hash  []uint32 // likewise
	table Table
	nums  []uint64
}

// NewInterner makes one for columns of a type.
func NewInterner(t frame.Type) *Interner { return &Interner{Type: t, dict: NewDict()} }

// Len is the number of distinct values.
func (in *Interner) Len() int {
	if in.Type.Coded() {
		return in.dict.Len()
	}
	return len(in.nums)
}

// Bytes is the memory held.
func (in *Interner) Bytes() int {
	return in.bytes + in.table.Bytes() + 8*len(in.nums) + 4*len(in.trans)
}

// Code is the number of value k of a column.
func (in *Interner) Code(c *frame.Column, k int) uint32 {
	switch {
	case c.Codes != nil:
		in.use(c.Dict)
		return in.translate(c.Dict, c.Codes[k])
	case c.Floats != nil:
		return in.number(math.Float64bits(c.Floats[k])) // -0 is another number than 0, as in Java
	}
	return in.number(uint64(c.Ints[k]))
}

func (in *Interner) use(d *frame.Dict) {
	if d != in.last {
		in.last = d
		if cap(in.trans) < d.Len() {
			in.trans = make([]uint32, d.Len())
		} else {
			in.trans = in.trans[:d.Len()]
			clear(in.trans)
		}
	}
}

func (in *Interner) translate(d *frame.Dict, code uint32) uint32 {
	if t := in.trans[code]; t != 0 {
		return t
	}
	t := in.known(d.Value(code), d.Hash(code))
	in.trans[code] = t
	return t
}

func (in *Interner) number(v uint64) uint32 {
	code, fresh := in.table.At(v, uint32(len(in.nums)))
	if fresh {
		in.nums = append(in.nums, v)
	}
	return code + 1
}

// Column numbers the first value of each of n rows.
func (in *Interner) Column(c *frame.Column, n int, dst []uint32) []uint32 {
	dst = dst[:0]
	if c.Type == frame.Null {
		return append(dst, make([]uint32, n)...)
	}
	if c.Codes == nil || c.Offsets != nil {
		for i := range n {
			if lo, hi := c.Range(i); lo < hi {
				dst = append(dst, in.Code(c, lo))
			} else {
				dst = append(dst, 0)
			}
		}
		return dst
	}
	if c.Dict == nil {
		return append(dst, make([]uint32, n)...)
	}
	in.use(c.Dict)
	in.learn(c.Dict, c.Codes[:n])
	dst = slices.Grow(dst, n)[:n]
	for i, code := range c.Codes[:n] {
		dst[i] = in.trans[code]
	}
	return dst
}

// learn translates the codes that are not known yet. Texts are far apart in
// memory: that of one is fetched while others are hashed.
func (in *Interner) learn(d *frame.Dict, codes []uint32) {
	in.fresh, in.hash = in.fresh[:0], in.hash[:0]
	for _, code := range codes {
		if in.trans[code] == 0 && code != 0 {
			in.trans[code] = math.MaxUint32 // is in fresh
			in.fresh = append(in.fresh, code)
		}
	}
	for _, code := range in.fresh {
		in.hash = append(in.hash, d.Hash(code))
	}
	for i, code := range in.fresh {
		in.trans[code] = in.known(d.Value(code), in.hash[i])
	}
}

// known is the number of a text whose hash is known.
func (in *Interner) known(v string, hash uint32) uint32 {
	before := in.dict.Len()
	code := in.dict.code(v, hash)
	if in.dict.Len() > before {
		in.dict.own(code)
		in.bytes += len(v) + 64
	}
	return code
}

// Take numbers all values of another interner, and gives the numbers by theirs.
func (in *Interner) Take(ctx context.Context, other *Interner) []uint32 {
	to := make([]uint32, other.Len()+1)
	for i := 1; i <= other.Len(); i++ {
		if i%(1<<12) == 0 && ctx.Err() != nil {
			return to
		}
		if !in.Type.Coded() {
			to[i] = in.number(other.nums[i-1])
			continue
		}
		to[i] = in.known(other.dict.Value(uint32(i)), other.dict.hashes[i])
	}
	return to
}

// Hash adds those of numbers to hashes, which are the same in all interners.
func (in *Interner) Hash(numbers []uint32, hashes []uint64) {
	if in.Type.Coded() {
		for i, n := range numbers {
			hashes[i] = Hashed(hashes[i], in.dict.hashes[n])
		}
		return
	}
	for i, n := range numbers {
		of := uint64(0)
		if n != 0 {
			of = mix(in.nums[n-1])
		}
		hashes[i] = Hashed(hashes[i], uint32(of>>32))
	}
}

// Hashed adds the hash of one more value to one; that of null is 0.
func Hashed(before uint64, of uint32) uint64 { return mix(before*31 + uint64(of) + 1) }

// Text is that of a number.
func (in *Interner) Text(number uint32) string { return in.dict.Value(number) }

// Values gives the column whose rows have the values of these numbers, one a
// row, or, with offsets, as many as these say.
func (in *Interner) Values(codes, offsets []uint32) *frame.Column {
	out := &frame.Column{Type: in.Type, Offsets: offsets}
	switch {
	case in.Type == frame.Null:
		return out
	case in.Type.Coded():
		out.Codes, out.Dict = codes, in.dict.View()
		return out
	case in.Type == frame.Double:
		out.Floats = make([]float64, len(codes))
	default:
		out.Ints = make([]int64, len(codes))
	}
	for i, code := range codes {
		switch {
		case code == 0:
			out.Nulls = out.Nulls.Set(i)
		case out.Floats != nil:
			out.Floats[i] = math.Float64frombits(in.nums[code-1])
		default:
			out.Ints[i] = int64(in.nums[code-1])
		}
	}
	return out
}

// Put adds the value of a number to a row.
func (in *Interner) Put(o *Out, row int, code uint32) {
	switch {
	case code == 0:
	case in.Type.Coded():
		o.AddStr(row, in.dict.Value(code))
	case in.Type == frame.Double:
		o.AddFloat(row, math.Float64frombits(in.nums[code-1]))
	default:
		o.AddInt(row, int64(in.nums[code-1]))
	}
}

// Less orders two numbers by their values.
func (in *Interner) Less(a, b uint32) bool {
	switch in.Type {
	case frame.Version:
		return CompareVersions(in.dict.Value(a), in.dict.Value(b)) < 0
	case frame.Double:
		x, y := math.Float64frombits(in.nums[a-1]), math.Float64frombits(in.nums[b-1])
		return x < y || x == y && math.Signbit(x) && !math.Signbit(y)
	case frame.UnsignedLong:
		return in.nums[a-1] < in.nums[b-1]
	}
	if in.Type.Coded() {
		return in.dict.Value(a) < in.dict.Value(b)
	}
	return int64(in.nums[a-1]) < int64(in.nums[b-1])
}
