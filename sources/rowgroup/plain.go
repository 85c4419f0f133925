package rowgroup

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"sync"

	"github.com/parquet-go/parquet-go/format"

	"interdict/sources/frame"
)

// plain tells whether a column has texts, one a row at most, and all of its pages
// have them one behind the other (PLAIN).
func plain(l *leaf, pages []page) bool {
	return l.Type == frame.Keyword && l.column.MaxRepetitionLevel() == 0 && l.column.MaxDefinitionLevel() < 1<<8 &&
		!slices.ContainsFunc(pages, func(p page) bool {
			return p.kind != int64(format.DataPage) && p.kind != int64(format.DataPageV2) || p.encoding != int64(format.Plain) ||
				p.kind == int64(format.DataPage) && p.leveled != int64(format.RLE)
		})
}

// plainTexts reads such a column. What is not wanted is passed over where it stands,
// which the library would copy first; a page that has no row that is wanted is not
// unpacked.
func (g *Group) plainTexts(l *leaf, pages []page, fill *filler) error {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	for _, p := range pages {
		if to := fill.rows + int(p.values); !fill.all && (len(fill.keep) == 0 || int(fill.keep[0]) >= to) {
			fill.passOver(to)
			continue
		}
		levels, texts, err := g.unpack(l, p, s)
		if err == nil {
			err = fill.plainTexts(levels, texts, int(p.values))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// scratch is room that pages are read and unpacked into.
type scratch struct{ packed, unpacked, levels []byte }

var scratches = sync.Pool{New: func() any { return &scratch{} }}

// mostScratch is how much room is kept for the next column.
const mostScratch = 1 << 24

// unpack gives the definition levels of a page's rows, nil where each has a text, and
// its texts as they stand. They are there until the next call.
func (g *Group) unpack(l *leaf, p page, s *scratch) (levels, texts []byte, err error) {
	defer func() {
		if cap(s.packed)+cap(s.unpacked)+cap(s.levels) > mostScratch {
			*s = scratch{}
		}
	}()
	s.packed = grown(s.packed, int(p.packed))
	if n, err := g.of.pq.ReadAt(s.packed, p.at+p.header); n < len(s.packed) {
		return nil, nil, err
	}
	packed := s.packed[p.levels:]
	if !p.plain {
		s.unpacked = grown(s.unpacked, int(max(0, p.unpacked-p.levels))+unpackerRoom)
		if texts, err = l.column.Compression().Decode(s.unpacked[:0], packed); err != nil {
			return nil, nil, err
		}
		s.unpacked = texts
	} else {
		texts = packed
	}
	most := byte(l.column.MaxDefinitionLevel())
	if most == 0 {
		return nil, texts, nil
	}
	said := s.packed[:p.levels]
	if p.kind == int64(format.DataPage) {
		if len(texts) < 4 || uint64(binary.LittleEndian.Uint32(texts)) > uint64(len(texts)-4) {
			return nil, nil, errClaims
		}
		n := 4 + int(binary.LittleEndian.Uint32(texts))
		said, texts = texts[4:n], texts[n:]
	}
	s.levels, err = hybrid(s.levels[:0], said, bits.Len8(most), int(p.values))
	return s.levels, texts, err
}

// unpackerRoom is what an unpacker writes behind the end, to be faster.
const unpackerRoom = 64

func grown(b []byte, n int) []byte { return slices.Grow(b[:0], n)[:n] }

// hybrid appends n numbers of so many bits, 8 at most, as the format packs levels:
// runs of one number, and eights of several.
func hybrid(dst, b []byte, width, n int) ([]byte, error) {
	for n > 0 {
		head, k := binary.Uvarint(b)
		if k <= 0 {
			return nil, errClaims
		}
		b = b[k:]
		run := int(min(head>>1, uint64(n)))
		if head&1 == 0 {
			if len(b) == 0 || run == 0 {
				return nil, errClaims
			}
			dst, b, n = append(dst, slices.Repeat(b[:1], run)...), b[1:], n-run
			continue
		}
		if head>>1 > uint64(len(b)/width) || run == 0 {
			return nil, errClaims
		}
		packed := b[:int(head>>1)*width]
		b = b[len(packed):]
		run = min(8*len(packed)/width, n)
		for i := range run {
			bit := i * width
			v := uint16(packed[bit/8])
			if next := bit/8 + 1; next < len(packed) {
				v |= uint16(packed[next]) << 8
			}
			dst = append(dst, byte(v>>(bit%8)&(1<<width-1)))
		}
		n -= run
	}
	return dst, nil
}

// plainTexts takes a page of n rows as unpack gives it.
func (f *filler) plainTexts(levels, texts []byte, n int) error {
	f.cook()
	at, next := 0, 0 // next is the row of the page that is wanted next
	if !f.all {
		next = int(f.keep[0]) - f.rows
	}
	for i := range n {
		there, from := levels == nil || levels[i] == f.def, at+4
		if there {
			if from > len(texts) {
				return errClaims
			}
			size := binary.LittleEndian.Uint32(texts[at:from])
			if uint64(size) > uint64(len(texts)-from) {
				return errClaims
			}
			at = from + int(size)
		}
		if i != next {
			continue
		}
		code := uint32(0)
		if there {
			code = f.codes.CodeOf(texts[from:at])
		}
		f.col.Codes = append(f.col.Codes, code)
		f.out++
		if f.all {
			next++
			continue
		}
		if f.keep = f.keep[1:]; len(f.keep) == 0 {
			break
		}
		next = int(f.keep[0]) - f.rows
	}
	f.rows += n
	return nil
}
