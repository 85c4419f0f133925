package exec

import (
	"slices"

	"interdict/sources/esql/funcs"
	"interdict/sources/frame"
)

// keySet numbers the combinations of values that some keys have, from 0 on.
type keySet struct {
	keys   []*key
	slots  []uint64 // upper half of the hash, then the number plus one, at a place that follows from the hash; 0 is empty
	hashes []uint64 // by number
	cells  []uint32 // by number, one of each key; see key
	rows   int      // seen so far
	bytes  int      // of texts
}

// key is one of them. Its values are interned. Where nearly each row is a new
// combination and a dictionary is large, that would be most of the work: texts
// stay as they are then, and are compared when hashes are the same. A cell is an
// interned number, or the place of a text with loose set.
type key struct {
	in    *funcs.Interner
	texts []string // loose ones; the first is of none

	cells  []uint32 // of the rows at hand
	atHand []string // the texts of loose ones, likewise
}

const loose = 1 << 31

func newKeySet(types []frame.Type) *keySet {
	s := &keySet{}
	for _, t := range types {
		s.keys = append(s.keys, &key{in: funcs.NewInterner(t), texts: []string{""}})
	}
	return s
}

func (s *keySet) len() int { return len(s.hashes) }

// size is the memory held.
func (s *keySet) size() int {
	n := s.bytes + 8*len(s.slots) + 8*cap(s.hashes) + 4*cap(s.cells)
	for _, k := range s.keys {
		n += k.in.Bytes() + 16*cap(k.texts) + 4*cap(k.cells) + 16*cap(k.atHand)
	}
	return n
}

// use takes a column of a key, of one value a row, and adds to the rows' hashes.
func (s *keySet) use(j int, c *frame.Column, hashes []uint64) {
	n, k := len(hashes), s.keys[j]
	if !s.sparse() || c.Codes == nil || c.Dict == nil || c.Dict.Len() <= eagerEntries {
		s.given(j, k.in.Column(c, n, k.cells), hashes)
		return
	}
	k.cells, k.atHand = grow(k.cells, n), grow(k.atHand, n)
	for i, code := range c.Codes[:n] {
		text, hash := c.Dict.Value(code), uint32(0)
		if code != 0 {
			hash = funcs.HashOf(text)
		}
		k.cells[i], k.atHand[i], hashes[i] = min(code, 1)*loose, text, funcs.Hashed(hashes[i], hash)
	}
}

// sparse tells that about each row had a combination of its own so far.
func (s *keySet) sparse() bool { return s.len() >= s.rows/2 }

// given is use of values that are interned.
func (s *keySet) given(j int, numbers []uint32, hashes []uint64) {
	s.keys[j].cells = numbers
	s.keys[j].in.Hash(numbers, hashes)
}

// number gives the number of row i of those at hand; fresh tells that it is new.
func (s *keySet) number(hash uint64, i int) (n uint32, fresh bool) {
	if 4*s.len() >= 3*len(s.slots) {
		s.grow(s.len() + 1)
	}
	mask := uint64(len(s.slots) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		slot := s.slots[at]
		switch {
		case slot == 0:
			n = uint32(s.len())
			s.slots[at] = hash>>32<<32 | uint64(n+1)
			s.add(hash, i)
			return n, true
		case slot>>32 == hash>>32 && s.same(uint32(slot)-1, i):
			return uint32(slot) - 1, false
		}
	}
}

func (s *keySet) add(hash uint64, i int) {
	s.hashes = append(s.hashes, hash)
	for _, k := range s.keys {
		cell := k.cells[i]
		if cell&loose != 0 {
			cell = uint32(len(k.texts)) | loose
			k.texts = append(roomy(k.texts), k.atHand[i])
			s.bytes += len(k.atHand[i])
		}
		s.cells = append(s.cells, cell)
	}
}

// same tells whether a number's values are those of row i of those at hand.
func (s *keySet) same(n uint32, i int) bool {
	cells := s.cells[int(n)*len(s.keys):][:len(s.keys)]
	for j, k := range s.keys {
		known, cell := cells[j], k.cells[i]
		switch {
		case known == cell && cell&loose == 0:
		case (known|cell)&loose == 0 || known == 0 || cell == 0:
			return false
		case k.text(known) != k.textAtHand(i):
			return false
		case cell&loose == 0:
			cells[j] = cell // is compared faster from now on
		}
	}
	return true
}

func (k *key) text(cell uint32) string {
	if cell&loose != 0 {
		return k.texts[cell&^loose]
	}
	return k.in.Text(cell)
}

func (k *key) textAtHand(i int) string {
	if k.cells[i]&loose != 0 {
		return k.atHand[i]
	}
	return k.in.Text(k.cells[i])
}

// roomy gives room for one more at least, twice as much as before.
func roomy[T any](s []T) []T {
	if len(s) < cap(s) {
		return s
	}
	return slices.Grow(s, max(16, len(s)))
}

// grow makes room for so many in all of it at once. Small sets grow faster.
func (s *keySet) grow(want int) {
	size := max(64, 2*len(s.slots))
	for size < 1<<14 && len(s.slots) > 0 || 3*size < 4*want {
		size *= 2
	}
	s.slots = make([]uint64, size)
	room := len(s.slots)/4*3 + 1 - s.len()
	s.hashes, s.cells = slices.Grow(s.hashes, room), slices.Grow(s.cells, room*len(s.keys))
	mask := uint64(len(s.slots) - 1)
	for n, hash := range s.hashes {
		at := hash & mask
		for s.slots[at] != 0 {
			at = (at + 1) & mask
		}
		s.slots[at] = hash>>32<<32 | uint64(n+1)
	}
}

// take numbers what another set has, and gives these numbers to each by its own.
func (s *keySet) take(other *keySet, each func(theirs int, n uint32, fresh bool)) {
	if want := s.len() + other.len(); 4*want > 3*len(s.slots) {
		s.grow(want)
	}
	numbers := make([][]uint32, len(s.keys))
	for j, k := range s.keys {
		numbers[j] = k.in.Take(other.keys[j].in)
	}
	for from := 0; from < other.len(); from += chunkRows {
		hashes := other.hashes[from:min(from+chunkRows, other.len())]
		for j, k := range s.keys {
			k.take(other, j, from, len(hashes), numbers[j])
		}
		for i, hash := range hashes {
			n, fresh := s.number(hash, i)
			each(from+i, n, fresh)
		}
	}
}

// take makes key j of n numbers of another set the rows at hand.
func (k *key) take(other *keySet, j, from, n int, numbers []uint32) {
	k.cells, k.atHand = grow(k.cells, n), grow(k.atHand, n)
	for i := range k.cells {
		if cell := other.cells[(from+i)*len(other.keys)+j]; cell&loose == 0 {
			k.cells[i] = numbers[cell]
		} else {
			k.cells[i], k.atHand[i] = loose, other.keys[j].texts[cell&^loose]
		}
	}
}

// column gives a key's values by number.
func (s *keySet) column(j int) *frame.Column {
	k, codes := s.keys[j], make([]uint32, s.len())
	for i := range codes {
		cell := s.cells[i*len(s.keys)+j]
		if cell&loose != 0 {
			cell = cell&^loose + uint32(k.in.Len())
		}
		codes[i] = cell
	}
	return k.in.Values(codes, nil, k.texts[1:]...)
}
