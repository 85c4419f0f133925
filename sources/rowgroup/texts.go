package rowgroup

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"strings"
	"sync"

	"github.com/parquet-go/bitpack"
	"github.com/parquet-go/parquet-go/format"

	"interdict/sources/frame"
)

// ofTexts tells whether a column has texts, one a row at most, and all of its pages
// have them one behind the other (PLAIN) or name entries of its dictionary.
func ofTexts(l *leaf, pages []page) bool {
	if l.Type != frame.Keyword || l.column.MaxRepetitionLevel() > 0 || l.column.MaxDefinitionLevel() >= 1<<8 {
		return false
	}
	dict := len(pages) > 0 && pages[0].kind == int64(format.DictionaryPage)
	if dict {
		if !pages[0].isPlain() && pages[0].encoding != int64(format.PlainDictionary) { //nolint:staticcheck // many programs still write it
			return false
		}
		pages = pages[1:]
	}
	return !slices.ContainsFunc(pages, func(p page) bool {
		return !p.isPlain() && !(dict && p.isCoded()) || p.kind != int64(format.DataPageV2) &&
			(p.kind != int64(format.DataPage) || p.leveled != int64(format.RLE))
	})
}

func (p page) isPlain() bool { return p.encoding == int64(format.Plain) }

func (p page) isCoded() bool {
	return p.encoding == int64(format.RLEDictionary) || p.encoding == int64(format.PlainDictionary) //nolint:staticcheck // see above
}

// texts reads such a column. dict is its dictionary, if that was read already. What is
// not wanted is passed over where it stands, which the library would copy first; a page
// that has no row that is wanted is not unpacked.
func (g *Group) texts(l *leaf, pages []page, dict *frame.Dict, fill *filler) error {
	s := scratches.Get().(*scratch)
	defer s.done()
	for _, p := range pages {
		if p.kind == int64(format.DictionaryPage) {
			continue
		}
		to := fill.rows + int(p.values)
		if !fill.all && (len(fill.keep) == 0 || int(fill.keep[0]) >= to) {
			fill.passOver(to)
			continue
		}
		levels, values, err := g.unpack(l, p, s)
		switch {
		case err != nil:
		case p.isCoded():
			if dict == nil {
				dict, err = g.dictionary(l, pages)
			}
			if err == nil {
				s.codes, err = codes(s.codes, values, int(p.values))
			}
			if err == nil {
				err = fill.coded(dict, levels, s.codes, int(p.values))
			}
		default:
			err = fill.plainTexts(levels, values, int(p.values))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// dictionary gives the dictionary that the first page of a column of texts is, nil if
// it is none.
func (g *Group) dictionary(l *leaf, pages []page) (*frame.Dict, error) {
	if len(pages) == 0 || pages[0].kind != int64(format.DictionaryPage) {
		return nil, nil
	}
	s := scratches.Get().(*scratch)
	defer s.done()
	_, values, err := g.unpack(l, pages[0], s)
	if err != nil {
		return nil, err
	}
	n, at := int(pages[0].values), 0
	if n > len(values)/4 {
		return nil, errClaims
	}
	starts, text := make([]uint32, 2, n+2), strings.Builder{}
	text.Grow(len(values) - 4*n)
	for range n {
		from, size, err := next(values, at)
		if err != nil {
			return nil, err
		}
		at = from + size
		text.Write(values[from:at])
		starts = append(starts, uint32(text.Len()))
	}
	return frame.DictOfText(text.String(), starts), nil
}

// next gives where the text that stands at a place begins, and its length.
func next(texts []byte, at int) (from, size int, err error) {
	if from = at + 4; from > len(texts) {
		return 0, 0, errClaims
	}
	n := binary.LittleEndian.Uint32(texts[at:from])
	if uint64(n) > uint64(len(texts)-from) {
		return 0, 0, errClaims
	}
	return from, int(n), nil
}

// scratch is room that pages are read and unpacked into.
type scratch struct {
	packed, unpacked, levels []byte
	codes                    []uint32
}

var scratches = sync.Pool{New: func() any { return &scratch{} }}

// mostScratch is how much room is kept for the next column.
const mostScratch = 1 << 24

func (s *scratch) done() {
	if cap(s.packed)+cap(s.unpacked)+cap(s.levels)+4*cap(s.codes) <= mostScratch {
		scratches.Put(s)
	}
}

// unpack gives the definition levels of a page's rows, nil where each has a value, and
// its values as they stand. They are there until the next call.
func (g *Group) unpack(l *leaf, p page, s *scratch) (levels, values []byte, err error) {
	s.packed = room(s.packed, int(p.packed))
	if n, err := g.of.pq.ReadAt(s.packed, p.at+p.header); n < len(s.packed) {
		return nil, nil, err
	}
	values = s.packed[p.levels:]
	if !p.plain {
		s.unpacked = room(s.unpacked, int(max(0, p.unpacked-p.levels)))
		if values, err = l.column.Compression().Decode(s.unpacked[:0], values); err != nil {
			return nil, nil, err
		}
		s.unpacked = values
	}
	most := byte(l.column.MaxDefinitionLevel())
	if most == 0 || p.kind == int64(format.DictionaryPage) {
		return nil, values, nil
	}
	said := s.packed[p.repeated:p.levels] // some programs write levels of repetition where there is none
	if p.kind == int64(format.DataPage) {
		from, size, err := next(values, 0)
		if err != nil {
			return nil, nil, err
		}
		said, values = values[from:from+size], values[from+size:]
	}
	if same(said, most, int(p.values)) {
		return nil, values, nil
	}
	s.codes, err = hybrid(s.codes, said, bits.Len8(most), int(p.values))
	if err == nil && len(s.codes) < int(p.values) {
		err = errClaims
	}
	s.levels = s.levels[:0]
	for _, level := range s.codes {
		s.levels = append(s.levels, byte(level))
	}
	return s.levels, values, err
}

// same tells whether levels are one run, of one that is most: so they are where no
// null is.
func same(said []byte, most byte, n int) bool {
	head, k := binary.Uvarint(said)
	return k > 0 && k < len(said) && head&1 == 0 && head>>1 >= uint64(n) && said[k] == most
}

// room is as much of b, or new, with as much behind it as unpackers touch, to be faster.
func room(b []byte, n int) []byte { return slices.Grow(b[:0], n+64)[:n] }

// codes gives the places of entries that a page's values are, at most n.
func codes(dst []uint32, values []byte, n int) ([]uint32, error) {
	if n == 0 {
		return dst[:0], nil
	}
	if len(values) == 0 || values[0] > 32 {
		return nil, errClaims
	}
	dst, err := hybrid(dst, values[1:], int(values[0]), n)
	if err == nil && values[0] == 32 && slices.Contains(dst, noEntry) {
		err = errClaims
	}
	return dst, err
}

// noEntry is the place of a null: one more is 0, its code. A page cannot say it.
const noEntry = math.MaxUint32

// hybrid gives at most n numbers of so many bits, as the format packs levels and places
// of entries: runs of one number, and eights of several.
func hybrid(dst []uint32, b []byte, width, n int) ([]uint32, error) {
	dst = slices.Grow(dst[:0], n)
	for n > len(dst) && len(b) > 0 {
		head, k := binary.Uvarint(b)
		if k <= 0 || head < 2 {
			return nil, errClaims
		}
		b = b[k:]
		from, run := len(dst), int(min(head>>1, uint64(n-len(dst))))
		if head&1 == 0 {
			size := (width + 7) / 8
			if size > len(b) {
				return nil, errClaims
			}
			var number [4]byte
			copy(number[:], b[:size])
			dst, b = dst[:from+run], b[size:]
			for i := range dst[from:] {
				dst[from+i] = binary.LittleEndian.Uint32(number[:])
			}
			continue
		}
		if width > 0 && head>>1 > uint64(len(b)/width) {
			return nil, errClaims
		}
		run = int(min(head>>1*8, uint64(n-from)))
		dst = dst[:from+run]
		if width == 0 {
			clear(dst[from:])
			continue
		}
		packed := b[:int(head>>1)*width]
		b = b[len(packed):]
		if cap(packed)-len(packed) < bitpack.PaddingInt32 {
			packed = append(make([]byte, 0, len(packed)+bitpack.PaddingInt32), packed...)
		}
		bitpack.Unpack(dst[from:], packed[:cap(packed)], uint(width))
	}
	return dst, nil
}

// plainTexts takes a page of n rows as unpack gives it.
func (f *filler) plainTexts(levels, texts []byte, n int) error {
	f.cook()
	at, wanted := 0, 0 // wanted is the row of the page that is wanted next
	if !f.all {
		wanted = int(f.keep[0]) - f.rows
	}
	for i := range n {
		text, code := []byte(nil), uint32(0)
		there := levels == nil || levels[i] == f.def
		if there {
			from, size, err := next(texts, at)
			if err != nil {
				return err
			}
			at = from + size
			text = texts[from:at]
		}
		if i != wanted {
			continue
		}
		if there {
			code = f.codes.CodeOf(text)
		}
		f.col.Codes = append(f.col.Codes, code)
		f.out++
		if f.all {
			wanted++
			continue
		}
		if f.keep = f.keep[1:]; len(f.keep) == 0 {
			break
		}
		wanted = int(f.keep[0]) - f.rows
	}
	f.rows += n
	return nil
}

// coded takes a page of n rows that name entries of a dictionary.
func (f *filler) coded(dict *frame.Dict, levels []byte, codes []uint32, n int) error {
	if levels != nil {
		f.place = f.place[:0]
		for _, level := range levels {
			code := uint32(noEntry)
			if level == f.def {
				if len(codes) == 0 {
					return errClaims
				}
				code, codes = codes[0], codes[1:]
			}
			f.place = append(f.place, code)
		}
		codes = f.place
	}
	if len(codes) < n {
		return rowsError(len(codes), n)
	}
	memo := f.numbered(dict)
	f.col.Codes = entries(f.col.Codes, codes, f.take(n), f.rows, memo)
	f.rows += n
	return nil
}
