package exec

import (
	"strings"

	"interdict/sources/frame"
)

// compact gives a batch that is kept dictionaries of its own where it has few of
// their entries. Else a row would hold the texts of a whole segment.
func (b *batch) compact() *batch {
	var out *batch
	for s, c := range b.cols {
		if c == nil || c.Dict == nil || 8*len(c.Codes) >= c.Dict.Len() {
			continue
		}
		if out == nil {
			out = &batch{n: b.n, cols: append([]*frame.Column(nil), b.cols...)}
		}
		out.cols[s] = compacted(c)
	}
	if out == nil {
		return b
	}
	return out
}

func compacted(c *frame.Column) *frame.Column {
	var text strings.Builder
	known := map[uint32]uint32{0: 0}
	starts, codes := []uint32{0, 0}, make([]uint32, len(c.Codes))
	for i, code := range c.Codes {
		own, ok := known[code]
		if !ok {
			own = uint32(len(starts) - 1)
			known[code] = own
			text.WriteString(c.Dict.Value(code))
			starts = append(starts, uint32(text.Len()))
		}
		codes[i] = own
	}
	if uint64(text.Len()) > 1<<31 { // places in it are counted in 32 bits
		return c
	}
	return &frame.Column{Type: c.Type, Nulls: c.Nulls, Offsets: c.Offsets, Codes: codes, Dict: frame.DictOfText(text.String(), starts)}
}

// weight is about the memory of a batch with those of its dictionaries that are
// not among the counted ones, where they are noted.
func (b *batch) weight(counted map[*frame.Dict]bool) int {
	n := b.bytes()
	for _, c := range b.cols {
		if c != nil && c.Dict != nil && !counted[c.Dict] {
			counted[c.Dict] = true
			n += c.Dict.Bytes()
		}
	}
	return n
}
