package funcs

import (
	"slices"
	"strings"

	"interdict/sources/frame"
)

// Dict grows a dictionary; NewDict makes one.
type Dict struct {
	values []string        // by code
	hashes []uint32        // likewise
	index  []uint64        // hash<<32 | code, at a place that follows from the hash; 0 is empty
	last   uint32          // neighbouring rows often have the same value
	room   strings.Builder // holds the bytes of values that CodeOf copied
}

// NewDict makes an empty one.
func NewDict() *Dict { return &Dict{values: make([]string, 1, 4), hashes: make([]uint32, 1, 4)} }

// Code gives the code of a value, a new one if need be.
func (d *Dict) Code(s string) uint32 {
	if d.last != 0 && d.values[d.last] == s {
		return d.last
	}
	return d.code(s, frame.Hash(s))
}

// CodeOf is Code for text that is only copied when it is new.
func (d *Dict) CodeOf(s []byte) uint32 {
	if d.last != 0 && d.values[d.last] == string(s) {
		return d.last
	}
	hash := frame.HashBytes(s)
	if len(d.index) > 0 {
		mask := uint32(len(d.index) - 1)
		for i := hash & mask; d.index[i] != 0; i = (i + 1) & mask {
			if at := d.index[i]; uint32(at>>32) == hash && d.values[uint32(at)] == string(s) {
				d.last = uint32(at)
				return d.last
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
	d.roomFor(len(s))
	from := d.room.Len()
	d.room.Write(s)
	return d.room.String()[from:]
}

// own copies the value of a code: as part of the text of a segment it would keep all
// of that one.
func (d *Dict) own(code uint32) {
	s := d.values[code]
	if len(s) > roomBytes/4 {
		d.values[code] = strings.Clone(s)
		return
	}
	d.roomFor(len(s))
	from := d.room.Len()
	d.room.WriteString(s)
	d.values[code] = d.room.String()[from:]
}

func (d *Dict) roomFor(n int) {
	if d.room.Cap()-d.room.Len() < n {
		d.room.Reset()
		d.room.Grow(roomBytes)
	}
}

func (d *Dict) code(s string, hash uint32) uint32 {
	if 4*len(d.values) > 3*len(d.index) {
		d.grow()
	}
	mask := uint32(len(d.index) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		at := d.index[i]
		switch {
		case at == 0:
			d.last = uint32(len(d.values))
			d.values, d.hashes = append(d.values, s), append(d.hashes, hash)
			d.index[i] = uint64(hash)<<32 | uint64(d.last)
			return d.last
		case uint32(at>>32) == hash && d.values[uint32(at)] == s:
			d.last = uint32(at)
			return d.last
		}
	}
}

// grow makes room in all of it at once: to copy values as they are appended
// would be more work than to put them in.
func (d *Dict) grow() {
	d.index = make([]uint64, grownSize(len(d.index)))
	room := len(d.index)/4*3 + 1 - len(d.values)
	d.values, d.hashes = slices.Grow(d.values, room), slices.Grow(d.hashes, room)
	mask := uint32(len(d.index) - 1)
	for code := 1; code < len(d.hashes); code++ {
		i := d.hashes[code] & mask
		for d.index[i] != 0 {
			i = (i + 1) & mask
		}
		d.index[i] = uint64(d.hashes[code])<<32 | uint64(code)
	}
}

// Len is the number of values.
func (d *Dict) Len() int { return len(d.values) - 1 }

// Value is that of a code.
func (d *Dict) Value(code uint32) string { return d.values[code] }

// View is an immutable dictionary of the values so far.
func (d *Dict) View() *frame.Dict { return frame.DictOf(d.values) }
