package frame

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// Dict maps the codes of a column to their values. Code 0 is reserved and
// means null. A Dict that belongs to a Frame is immutable and safe for
// concurrent use.
type Dict struct {
	values []string // by code; nil: parts of text
	of     []*Dict  // of which the values of further codes are
	codes  []uint64 // by these: the place in of, shifted by 32, and the code there
	text   string
	starts []uint32 // by code, and where the last ends
	once   sync.Once
	index  map[string]uint32
	hashed sync.Once
	hashes []uint32 // by code, 0 where it is not known yet
	bytes  atomic.Int64
}

var seed = maphash.MakeSeed()

// Hash is that of a text, in all dictionaries, for the life of the process.
func Hash(s string) uint32 { return uint32(maphash.String(seed, s)) }

// HashBytes is Hash of the same text.
func HashBytes(s []byte) uint32 { return uint32(maphash.Bytes(seed, s)) }

// NewDict makes a dictionary of the given distinct values; values[0] gets code 1.
func NewDict(values []string) *Dict {
	return DictOf(append(make([]string, 1, len(values)+1), values...))
}

// DictOf makes a dictionary of the values of all codes, that of code 0 being "".
// The values belong to it from then on; more may be appended to them.
func DictOf(values []string) *Dict { return &Dict{values: values[:len(values):len(values)]} }

// DictOfText makes a dictionary whose values are parts of a text of less than 4
// GiB: the value of a code goes from starts[code] to starts[code+1], and that of
// code 0 is empty. Nothing in it has to be looked at by who collects garbage.
func DictOfText(text string, starts []uint32) *Dict { return &Dict{text: text, starts: starts} }

// With gives a dictionary that has further codes for values of others: the place of
// one of these, shifted by 32, and a code of it. A value may be there twice. d is one
// that [DictOf] made.
func (d *Dict) With(of []*Dict, codes []uint64) *Dict {
	return &Dict{values: d.values, of: of, codes: codes}
}

// Len is the number of codes, the null code included: valid codes are below it.
func (d *Dict) Len() int {
	if d.values == nil {
		return len(d.starts) - 1
	}
	return len(d.values) + len(d.codes)
}

// Value gives the value of a code. The value of code 0 is "".
func (d *Dict) Value(code uint32) string {
	if d.values == nil {
		return d.text[d.starts[code]:d.starts[code+1]]
	}
	if int(code) < len(d.values) {
		return d.values[code]
	}
	return d.further(code)
}

func (d *Dict) further(code uint32) string {
	at := d.codes[int(code)-len(d.values)]
	return d.of[at>>32].Value(uint32(at))
}

// Hash is that of the value of a code, 0 for null. It is computed once: whoever
// asks again does not go to the text, which is far away in memory.
func (d *Dict) Hash(code uint32) uint32 {
	d.hashed.Do(func() { d.hashes = make([]uint32, d.Len()) })
	h := atomic.LoadUint32(&d.hashes[code])
	if h == 0 && code != 0 {
		h = Hash(d.Value(code))
		atomic.StoreUint32(&d.hashes[code], h)
	}
	return h
}

// Bytes is the memory that the values take, of those of other dictionaries about.
// They are counted once.
func (d *Dict) Bytes() int {
	n := d.bytes.Load()
	if n == 0 {
		n = int64(d.counted())
		d.bytes.Store(n)
	}
	return int(n)
}

func (d *Dict) counted() int {
	if d.values == nil {
		return len(d.text) + 4*len(d.starts)
	}
	n := 16*len(d.values) + 8*len(d.codes)
	for _, v := range d.values {
		n += len(v)
	}
	each := make([]int, len(d.of))
	for i, of := range d.of {
		each[i] = of.Bytes() / of.Len()
	}
	for _, at := range d.codes {
		n += each[at>>32]
	}
	return n
}

// Code finds a value. The first call indexes the dictionary.
func (d *Dict) Code(value string) (uint32, bool) {
	d.once.Do(func() {
		if d.index != nil {
			return
		}
		index := make(map[string]uint32, d.Len())
		for code := uint32(1); code < uint32(d.Len()); code++ {
			index[d.Value(code)] = code
		}
		d.index = index
	})
	c, ok := d.index[value]
	return c, ok
}

// fewValues are found faster by looking at each than by a map.
const fewValues = 8

// dictBuilder grows; view gives an immutable Dict of what it holds now.
type dictBuilder struct {
	values []string
	index  map[string]uint32 // nil up to fewValues
	last   uint32            // neighbouring rows often have the same value
}

func newDictBuilder() *dictBuilder {
	return &dictBuilder{values: make([]string, 1, 4)}
}

func (d *dictBuilder) code(v string) uint32 {
	if d.last != 0 && d.values[d.last] == v {
		return d.last
	}
	c, ok := d.find(v)
	if !ok {
		c = d.add(v)
	}
	d.last = c
	return c
}

// codeOf is code for text that is only copied when it is new.
func (d *dictBuilder) codeOf(v []byte) uint32 {
	if d.last != 0 && d.values[d.last] == string(v) {
		return d.last
	}
	if d.index != nil {
		if c, ok := d.index[string(v)]; ok {
			d.last = c
			return c
		}
		return d.code(string(v))
	}
	for i := 1; i < len(d.values); i++ {
		if d.values[i] == string(v) {
			d.last = uint32(i)
			return d.last
		}
	}
	return d.code(string(v))
}

func (d *dictBuilder) find(v string) (uint32, bool) {
	if d.index != nil {
		c, ok := d.index[v]
		return c, ok
	}
	for i := 1; i < len(d.values); i++ {
		if d.values[i] == v {
			return uint32(i), true
		}
	}
	return 0, false
}

func (d *dictBuilder) add(v string) uint32 {
	c := uint32(len(d.values))
	d.values = append(d.values, v)
	switch {
	case d.index != nil:
		d.index[v] = c
	case len(d.values) > fewValues:
		d.index = make(map[string]uint32, 4*fewValues)
		for i, v := range d.values[1:] {
			d.index[v] = uint32(i + 1)
		}
	}
	return c
}

func (d *dictBuilder) view() *Dict {
	n := len(d.values)
	return &Dict{values: d.values[:n:n]}
}
