package funcs

import (
	"hash/maphash"
	"strings"

	"interdict/sources/frame"
)

// Dict grows a dictionary. The zero value is an empty one.
type Dict struct {
	values []string
	hashes []uint32        // of the values
	index  []uint32        // code, at a place that follows from its hash; 0 is empty
	last   uint32          // neighbouring rows often have the same value
	room   strings.Builder // holds the bytes of values that CodeOf copied
}

// seed is the same for all dictionaries, so that one can use the hashes of another.
var seed = maphash.MakeSeed()

// NewDict makes an empty one.
func NewDict() *Dict { return &Dict{} }

// Code gives the code of a value, a new one if need be.
func (d *Dict) Code(s string) uint32 {
	if d.last != 0 && d.values[d.last-1] == s {
		return d.last
	}
	return d.code(s, uint32(maphash.String(seed, s)))
}

// CodeOf is Code for text that is only copied when it is new.
func (d *Dict) CodeOf(s []byte) uint32 {
	if d.last != 0 && d.values[d.last-1] == string(s) {
		return d.last
	}
	hash := uint32(maphash.Bytes(seed, s))
	if len(d.index) > 0 {
		mask := uint32(len(d.index) - 1)
		for i := hash & mask; d.index[i] != 0; i = (i + 1) & mask {
			if c := d.index[i]; d.hashes[c-1] == hash && d.values[c-1] == string(s) {
				d.last = c
				return c
			}
		}
	}
	return d.code(d.copied(s), hash)
}

// roomBytes is how much is made at once for texts: many small ones would be much
// more work for who collects garbage.
const roomBytes = 1 << 14

func (d *Dict) copied(s []byte) string {
	if len(s) > roomBytes/4 {
		return string(s)
	}
	if d.room.Cap()-d.room.Len() < len(s) {
		d.room.Reset()
		d.room.Grow(roomBytes)
	}
	from := d.room.Len()
	d.room.Write(s)
	return d.room.String()[from:]
}

func (d *Dict) code(s string, hash uint32) uint32 {
	if 4*len(d.values) >= 3*len(d.index) {
		d.grow()
	}
	mask := uint32(len(d.index) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		c := d.index[i]
		switch {
		case c == 0:
			d.values, d.hashes = append(d.values, s), append(d.hashes, hash)
			d.last = uint32(len(d.values))
			d.index[i] = d.last
			return d.last
		case d.hashes[c-1] == hash && d.values[c-1] == s:
			d.last = c
			return c
		}
	}
}

func (d *Dict) grow() {
	d.index = make([]uint32, max(16, 2*len(d.index)))
	mask := uint32(len(d.index) - 1)
	for k, hash := range d.hashes {
		i := hash & mask
		for d.index[i] != 0 {
			i = (i + 1) & mask
		}
		d.index[i] = uint32(k + 1)
	}
}

// Len is the number of values.
func (d *Dict) Len() int { return len(d.values) }

// Value is that of a code.
func (d *Dict) Value(code uint32) string { return d.values[code-1] }

// View is an immutable dictionary of the values so far.
func (d *Dict) View() *frame.Dict { return frame.NewDict(d.values) }
