package archive

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// packedInts are n integers as base + offset, every offset in width bits,
// least significant bit first. A width of 0 means: all the same. Widths above
// 56 are stored as 64, so that one unaligned load gives any value. data ends
// with 8 bytes of padding.
type packedInts struct {
	base  int64
	width uint8
	n     int
	data  []byte
}

const padding = 8

func packInts[T int64 | uint32](values []T) packedInts {
	if len(values) == 0 {
		return packedInts{}
	}
	lo, hi := values[0], values[0]
	for _, v := range values {
		lo, hi = min(lo, v), max(hi, v)
	}
	p := packedInts{base: int64(lo), n: len(values), width: uint8(bits.Len64(uint64(int64(hi)) - uint64(int64(lo))))}
	if p.width > 56 {
		p.width = 64
	}
	if p.width == 0 {
		return p
	}
	p.data = make([]byte, packedSize(p.n, p.width))
	for i, v := range values {
		p.put(i, uint64(int64(v))-uint64(p.base))
	}
	return p
}

// packedSize is the length of data for n values, padding included.
func packedSize(n int, width uint8) int { return (n*int(width)+7)/8 + padding }

func (p *packedInts) put(i int, v uint64) {
	if p.width == 64 {
		binary.LittleEndian.PutUint64(p.data[i*8:], v)
		return
	}
	at := i * int(p.width)
	b := p.data[at>>3:]
	binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)|v<<(at&7))
}

// ints expands all values, onto dst.
func (p *packedInts) ints(dst []int64) []int64 {
	start := len(dst)
	dst = append(dst, make([]int64, p.n)...)
	unpackInts(p, dst[start:])
	return dst
}

// codes expands all values, which must fit into 32 bits, onto dst.
func (p *packedInts) codes(dst []uint32) []uint32 {
	start := len(dst)
	dst = append(dst, make([]uint32, p.n)...)
	unpackInts(p, dst[start:])
	return dst
}

func unpackInts[T int64 | uint32](p *packedInts, out []T) {
	switch p.width {
	case 0:
		for i := range out {
			out[i] = T(p.base)
		}
	case 64:
		for i := range out {
			out[i] = T(uint64(p.base) + binary.LittleEndian.Uint64(p.data[i*8:]))
		}
	default:
		width, mask, at := int(p.width), uint64(1)<<p.width-1, 0
		for i := range out {
			v := binary.LittleEndian.Uint64(p.data[at>>3:at>>3+8]) >> (at & 7) & mask
			out[i] = T(uint64(p.base) + v)
			at += width
		}
	}
}

// size is the memory held, in bytes.
func (p *packedInts) size() int { return cap(p.data) }

// maxEqual bounds how many equal values may be stated without any data, so
// that a few damaged bytes cannot ask for gigabytes.
const maxEqual = 1 << 22

var errTooMany = errors.New("more values than a record may have")

// appendPacked encodes: base, width, count, data without padding.
func appendPacked(dst []byte, p *packedInts) []byte {
	dst = binary.AppendVarint(dst, p.base)
	dst = append(dst, p.width)
	dst = binary.AppendUvarint(dst, uint64(p.n))
	if p.width > 0 {
		dst = append(dst, p.data[:len(p.data)-padding]...)
	}
	return dst
}

// packed decodes what appendPacked wrote.
func (d *decoder) packed() packedInts {
	p := packedInts{base: d.varint(), width: d.byte()}
	n := d.uvarint()
	if p.width > 56 && p.width != 64 || n > maxEqual {
		d.fail(errTooMany)
		return packedInts{}
	}
	p.n = int(n)
	if p.width == 0 {
		return p
	}
	raw := d.bytes(uint64(packedSize(p.n, p.width) - padding))
	p.data = append(make([]byte, 0, len(raw)+padding), raw...)
	p.data = append(p.data, make([]byte, padding)...)
	return p
}
