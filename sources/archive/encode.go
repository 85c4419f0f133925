package archive

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"interdict/sources"
	"interdict/sources/frame"
)

// A record of the log is a batch by itself: it needs no other one to be read.

// appendBatch encodes b.
func appendBatch(dst []byte, b sources.Batch) []byte {
	for _, n := range []int64{b.Lost.Processes, b.Lost.Network, b.Lost.Files, b.Lost.Malformed, b.Read.UnixNano()} {
		dst = binary.AppendVarint(dst, n)
	}
	if b.Events == nil {
		return binary.AppendUvarint(binary.AppendUvarint(dst, 0), 0)
	}
	dst = binary.AppendUvarint(dst, uint64(b.Events.Rows))
	cols, places := known(b.Events)
	dst = binary.AppendUvarint(dst, uint64(len(cols)))
	for i, c := range cols {
		dst = appendText(dst, places[i].Name())
		dst = append(dst, byte(c.Type))
		dst = appendColumn(dst, c, b.Events.Rows)
	}
	return dst
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

const (
	hasOffsets = 1 << iota
	hasNulls
)

func appendColumn(dst []byte, c *frame.Column, rows int) []byte {
	flags := byte(0)
	if c.Offsets != nil {
		flags |= hasOffsets
	}
	nulls := c.Codes == nil && c.Nulls.Count() > 0
	if nulls {
		flags |= hasNulls
	}
	dst = append(dst, flags)
	if c.Offsets != nil {
		p := packInts(lengths(c, rows))
		dst = appendPacked(dst, &p)
	}
	if nulls {
		for i := range (rows + 63) / 64 {
			word := uint64(0)
			if i < len(c.Nulls) {
				word = c.Nulls[i]
			}
			dst = binary.LittleEndian.AppendUint64(dst, word)
		}
	}
	return appendColumnValues(dst, c)
}

func appendColumnValues(dst []byte, c *frame.Column) []byte {
	switch {
	case c.Type.Coded():
		codes, values := usedCodes(c)
		dst = binary.AppendUvarint(dst, uint64(len(values)))
		for _, v := range values {
			dst = appendText(dst, v)
		}
		p := packInts(codes)
		return appendPacked(dst, &p)
	case c.Type == frame.Double:
		dst = binary.AppendUvarint(dst, uint64(len(c.Floats)))
		for _, v := range c.Floats {
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
		}
		return dst
	}
	p := packInts(c.Ints)
	return appendPacked(dst, &p)
}

var errRecord = errors.New("record does not hold a batch")

// decodeBatch reads what appendBatch wrote. It trusts nothing.
func decodeBatch(raw []byte) (sources.Batch, error) {
	d := &decoder{data: raw}
	var b sources.Batch
	b.Lost = sources.Loss{Processes: d.varint(), Network: d.varint(), Files: d.varint(), Malformed: d.varint()}
	b.Read = time.Unix(0, d.varint())
	rows, n := d.uvarint(), d.uvarint()
	if d.err != nil || rows > maxEqual || n > 4096 {
		return b, errRecord
	}
	b.Events = &frame.Frame{Rows: int(rows)}
	for range n {
		name, typ := d.text(), frame.Type(d.byte())
		c := d.column(typ, int(rows))
		if d.err != nil {
			return b, d.err
		}
		if b.Events.Column(name) != nil {
			return b, errRecord
		}
		b.Events.Names, b.Events.Columns = append(b.Events.Names, name), append(b.Events.Columns, c)
	}
	return b, nil
}

// column decodes one column and proves that it fits the number of rows.
func (d *decoder) column(typ frame.Type, rows int) *frame.Column {
	c := &frame.Column{Type: typ}
	if typ == frame.Null || typ > frame.Version {
		d.fail(errRecord)
		return c
	}
	flags, values := d.byte(), rows
	if flags&hasOffsets != 0 {
		p := d.packed()
		if d.err == nil && p.n != rows {
			d.fail(errRecord)
		}
		if d.err != nil {
			return c
		}
		c.Offsets = offsets(&p, rows)
		values = int(c.Offsets[rows])
	}
	if flags&hasNulls != 0 {
		raw := d.bytes(uint64((rows + 63) / 64 * 8))
		for i := 0; i+8 <= len(raw); i += 8 {
			c.Nulls = append(c.Nulls, binary.LittleEndian.Uint64(raw[i:]))
		}
	}
	d.values(c, values)
	return c
}

func (d *decoder) values(c *frame.Column, n int) {
	switch {
	case c.Type.Coded():
		texts := make([]string, 0, 16)
		for range d.count() {
			texts = append(texts, d.text())
		}
		p := d.packed()
		if d.err != nil || p.n != n {
			d.fail(errRecord)
			return
		}
		c.Codes, c.Dict = p.codes(nil), frame.NewDict(texts)
		for _, code := range c.Codes {
			if int(code) > len(texts) || c.Offsets != nil && code == 0 {
				d.fail(errRecord)
				return
			}
		}
	case c.Type == frame.Double:
		raw := d.bytes(uint64(8) * d.uvarint())
		if len(raw) != 8*n {
			d.fail(errRecord)
			return
		}
		for i := range n {
			c.Floats = append(c.Floats, math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:])))
		}
	default:
		p := d.packed()
		if d.err != nil || p.n != n {
			d.fail(errRecord)
			return
		}
		c.Ints = p.ints(nil)
	}
}
