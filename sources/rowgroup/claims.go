package rowgroup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// What a file may say that it has. The library takes memory for what is said
// before it looks whether it is there, and a program that is refused so much
// memory ends: so all that is said is looked at first.
const (
	mostFooter   = 1 << 27 // bytes
	mostElements = 1 << 21 // lists of the footer together
	mostRows     = 1 << 26 // of a row group
	mostValues   = 1 << 26 // of a page
	mostBytes    = 1 << 29 // of a page, unpacked
	mostHeader   = 1 << 16 // bytes of a page's header
	mostIndex    = 1 << 26 // bytes of the index of a column chunk
)

var errClaims = errors.New("damaged: it says that it holds more than it does")

// claims walks over what is written in Thrift's compact protocol and believes
// no size that the bytes which are left do not bear out.
type claims struct {
	b        []byte
	at       int
	elements int
	deep     int
	// see, when set, takes truths and whole numbers of structures, by the field's number
	// in its structure and that of the structure in the outermost one, 0 for that itself.
	// Who reads a field looks for one kind: one of another kind is passed over there.
	see   func(outer, field int16, kind byte, n int64)
	outer int16
}

// Types of the compact protocol.
const (
	thriftTrue = iota + 1
	thriftFalse
	thriftByte
	thriftI16
	thriftI32
	thriftI64
	thriftDouble
	thriftBinary
	thriftList
	thriftSet
	thriftMap
	thriftStruct
	thriftUUID
)

func (c *claims) byte() (byte, error) {
	if c.at >= len(c.b) {
		return 0, errClaims
	}
	c.at++
	return c.b[c.at-1], nil
}

func (c *claims) varint() (uint64, error) {
	v, n := binary.Uvarint(c.b[c.at:])
	if n <= 0 {
		return 0, errClaims
	}
	c.at += n
	return v, nil
}

func (c *claims) number() (int64, error) {
	v, err := c.varint()
	return int64(v>>1) ^ -int64(v&1), err
}

func (c *claims) skip(n uint64) error {
	if n > uint64(len(c.b)-c.at) {
		return errClaims
	}
	c.at += int(n)
	return nil
}

func (c *claims) structure() error {
	if c.deep++; c.deep > 32 {
		return errClaims
	}
	defer func() { c.deep-- }()
	field := int16(0)
	for {
		head, err := c.byte()
		if err != nil || head == 0 {
			return err
		}
		if delta := int16(head >> 4); delta > 0 {
			if field += delta; c.see != nil && field < delta { // around, to one that was there
				return errClaims
			}
		} else if n, err := c.number(); err != nil {
			return err
		} else if c.see != nil && n <= int64(field) { // one that comes twice could be read in two ways
			return errClaims
		} else {
			field = int16(n)
		}
		if c.deep == 1 {
			c.outer = field
		}
		if err := c.value(head&0x0f, field); err != nil {
			return err
		}
	}
}

func (c *claims) value(kind byte, field int16) error {
	switch kind {
	case thriftTrue, thriftFalse:
		c.say(field, kind, 0)
		return nil
	case thriftByte:
		return c.skip(1)
	case thriftI16, thriftI32, thriftI64:
		n, err := c.number()
		if err == nil {
			c.say(field, kind, n)
		}
		return err
	case thriftDouble:
		return c.skip(8)
	case thriftUUID:
		return c.skip(16)
	case thriftBinary:
		n, err := c.varint()
		if err != nil {
			return err
		}
		return c.skip(n)
	case thriftList, thriftSet:
		return c.list()
	case thriftMap:
		return c.pairs()
	case thriftStruct:
		return c.structure()
	}
	return errClaims
}

// say tells see of a field.
func (c *claims) say(field int16, kind byte, n int64) {
	if c.see == nil || c.deep > 2 || field < 0 {
		return
	}
	outer := c.outer
	if c.deep == 1 {
		outer = 0
	}
	c.see(outer, field, kind, n)
}

func (c *claims) list() error {
	head, err := c.byte()
	if err != nil {
		return err
	}
	n := uint64(head >> 4)
	if n == 15 {
		if n, err = c.varint(); err != nil {
			return err
		}
	}
	return c.several(n, head&0x0f)
}

func (c *claims) pairs() error {
	n, err := c.varint()
	if err != nil || n == 0 {
		return err
	}
	kinds, err := c.byte()
	if err != nil {
		return err
	}
	return c.several(n, kinds>>4, kinds&0x0f)
}

// several walks over n values, or pairs of them; each has a byte at least.
func (c *claims) several(n uint64, kinds ...byte) error {
	if n > uint64(len(c.b)-c.at) || n > uint64(mostElements-c.elements) {
		return errClaims
	}
	c.elements += int(n)
	for range n {
		for _, kind := range kinds {
			if kind <= thriftFalse { // a byte each in a list
				kind = thriftByte
			}
			if err := c.value(kind, -1); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkFooter looks at what a file says of itself as a whole.
func checkFooter(r io.ReaderAt, size int64) error {
	var end [8]byte
	if size < 12 {
		return errors.New("no Parquet file")
	}
	if _, err := r.ReadAt(end[:], size-8); err != nil {
		return err
	}
	n := int64(binary.LittleEndian.Uint32(end[:4]))
	if string(end[4:]) != "PAR1" {
		return errors.New("no Parquet file, or an encrypted one")
	}
	if n > size-12 {
		return errClaims
	}
	if n > mostFooter {
		return fmt.Errorf("a footer of %d bytes; there may be %d", n, mostFooter)
	}
	return walk(r, size-8-n, n)
}

func walk(r io.ReaderAt, at, n int64) error {
	c := &claims{b: make([]byte, n)}
	if _, err := r.ReadAt(c.b, at); err != nil {
		return err
	}
	return c.structure()
}

// checkGroups looks at what an open file says of its row groups, before their
// indices and pages are read.
func checkGroups(pq *parquet.File) error {
	indices := int64(0) // the library takes as much at once
	for _, g := range pq.Metadata().RowGroups {
		if g.NumRows < 0 || g.NumRows > mostRows {
			return fmt.Errorf("a row group of %d rows; there may be %d", g.NumRows, mostRows)
		}
		for _, c := range g.Columns {
			for _, part := range [][2]int64{{c.ColumnIndexOffset, int64(c.ColumnIndexLength)}, {c.OffsetIndexOffset, int64(c.OffsetIndexLength)}} {
				if part[1] == 0 && part[0] == 0 {
					continue
				}
				if part[0] < 0 || part[1] < 0 || part[1] > mostIndex || part[0] > pq.Size()-part[1] {
					return errClaims
				}
				if indices += part[1]; indices > pq.Size() {
					return errClaims
				}
				if err := walk(pq, part[0], part[1]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// checkPages looks at the pages of a column: their headers, and that no more
// comes out of what is packed than these say. Once is enough. It gives the pages.
// The first is where the library begins, too.
func (g *Group) checkPages(l *leaf) ([]page, error) {
	if pages, done := g.checked.Load(l); done {
		return pages.([]page), nil
	}
	meta := &g.of.pq.Metadata().RowGroups[g.at].Columns[l.column.Index()].MetaData
	at := meta.DataPageOffset
	if d := meta.DictionaryPageOffset; d != 0 {
		at = d
	}
	end := at + meta.TotalCompressedSize
	if at < 0 || meta.TotalCompressedSize < 0 || end < at || end > g.of.pq.Size() {
		return nil, errClaims
	}
	pages, rows := []page{}, int64(0)
	for buf := make([]byte, mostHeader); at < end; {
		n, err := g.of.pq.ReadAt(buf[:min(512, end-at)], at)
		if err != nil && n == 0 {
			return nil, err
		}
		p, err := readPage(buf[:n])
		if errors.Is(err, errClaims) && int64(n) < end-at { // a long one
			if n, err = g.of.pq.ReadAt(buf[:min(mostHeader, end-at)], at); n == 0 {
				return nil, err
			}
			p, err = readPage(buf[:n])
		}
		if err != nil {
			return nil, err
		}
		p.at = at
		pages = append(pages, p)
		if rows += p.rows(); rows > g.group.NumRows() && l.column.MaxRepetitionLevel() == 0 {
			return nil, rowsError(int(rows), int(g.group.NumRows()))
		}
		if at += p.header + p.packed; at > end {
			return nil, errClaims
		}
		if p.plain {
			continue
		}
		if err := checkPacked(l.column.Compression(), io.NewSectionReader(g.of.pq, at-p.packed+p.levels, p.packed-p.levels), p.unpacked); err != nil {
			return nil, err
		}
	}
	g.checked.Store(l, pages)
	return pages, nil
}

// page is where a page begins, and what its header says of it: how long the header is,
// and the page packed and unpacked; how much stands before what is packed, and how much
// of that are levels of repetition; whether nothing is packed; its kind, its values,
// nulls with them, and how these and, in the older form of a page, its levels are written.
type page struct {
	at, header, packed, unpacked, levels, repeated int64
	plain                                          bool
	kind, values, encoding, leveled                int64
}

// rows are those of a page of a column that has one value a row at most.
func (p page) rows() int64 {
	if p.kind == int64(format.DataPage) || p.kind == int64(format.DataPageV2) {
		return p.values
	}
	return 0
}

func readPage(b []byte) (page, error) {
	p := page{packed: -1, unpacked: -1}
	var levels [2]int64
	of, several, plain := int16(0), false, false
	c := &claims{b: b, see: func(outer, field int16, as byte, n int64) {
		switch {
		case outer == 0 && field == 1:
			p.kind = n
		case outer == 0 && field == 2:
			p.unpacked = n
		case outer == 0 && field == 3:
			p.packed = n
		case (outer == 5 || outer == 7 || outer == 8) && field == 1:
			of, several, p.values = outer, of != 0, n
		case (outer == 5 || outer == 7) && field == 2 || outer == 8 && field == 4:
			p.encoding = n
		case outer == 5 && field == 3:
			p.leveled = n
		case outer == 8 && (field == 5 || field == 6):
			levels[field-5] = n
		case outer == 8 && field == 7:
			plain = as == thriftFalse
		}
	}}
	if err := c.structure(); err != nil {
		return p, err
	}
	if several { // it depends on who reads which of them counts
		return p, errClaims
	}
	if p.packed < 0 || p.unpacked < 0 || p.unpacked > mostBytes || p.values < 0 || p.values > mostValues {
		return p, fmt.Errorf("a page of %d bytes and %d values; there may be %d and %d", p.unpacked, p.values, mostBytes, mostValues)
	}
	if p.header = int64(c.at); p.kind != int64(format.DataPageV2) {
		return p, nil
	}
	p.repeated, p.plain = max(0, levels[1]), plain
	p.levels = max(0, levels[0]) + p.repeated
	if p.levels > p.packed {
		return p, errClaims
	}
	return p, nil
}
