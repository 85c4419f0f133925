package exec

import (
	"context"
	"slices"

	"interdict/sources/esql/funcs"
	"interdict/sources/frame"
)

// keySet numbers the combinations of values that some keys have, from 0 on.
type keySet struct {
	keys    []*key
	slots   []uint64 // upper half of the hash, then the number plus one, at a place that follows from the hash; 0 is empty
	hashes  []uint64 // by number
	cells   []uint32 // by number, one of each key; see key
	rows    int      // seen so far
	bytes   int      // of the dictionaries of loose texts
	most    int      // what these may be
	expect  int      // how many combinations there will be, about
	fetched uint64   // see fetch
}

// key is one of them. Its values are interned. Where nearly each row is a new
// combination and a dictionary is large, that would be most of the work: texts
// stay where they are then, and are compared when hashes are the same. A cell is
// an interned number, or the place of a loose text with loose set.
type key struct {
	in    *funcs.Interner
	loose []text        // the first is of none
	dicts []*frame.Dict // those of loose texts

	cells  []uint32 // of the rows at hand
	atHand []text   // the loose ones, likewise
}

// text is one of a key's dictionaries, shifted by 32, and a code of it: nothing
// that who collects garbage has to look at.
type text = uint64

const loose = 1 << 31

// fewEntries is how large a dictionary is whose texts are always interned.
const fewEntries = 1 << 9

func (k *key) value(t text) string { return k.dicts[t>>32].Value(uint32(t)) }

// holds takes a dictionary in for loose texts of a key, if there is room for it.
func (s *keySet) holds(k *key, d *frame.Dict) bool {
	if n := len(k.dicts); n > 0 && k.dicts[n-1] == d {
		return true
	}
	if s.bytes+d.Bytes() > s.most {
		return false
	}
	k.dicts, s.bytes = append(k.dicts, d), s.bytes+d.Bytes()
	return true
}

// newKeySet makes one that may hold so many bytes of dictionaries that others made.
func newKeySet(types []frame.Type, most int) *keySet {
	s := &keySet{most: most}
	for _, t := range types {
		s.keys = append(s.keys, &key{in: funcs.NewInterner(t), loose: make([]text, 1)})
	}
	return s
}

func (s *keySet) len() int { return len(s.hashes) }

// size is the memory held.
func (s *keySet) size() int {
	n := s.bytes + 8*len(s.slots) + 8*cap(s.hashes) + 4*cap(s.cells)
	for _, k := range s.keys {
		n += k.in.Bytes() + 8*cap(k.loose) + 4*cap(k.cells) + 8*cap(k.atHand)
	}
	return n
}

// use takes a column of a key, of one value a row, and adds to the rows' hashes.
func (s *keySet) use(j int, c *frame.Column, hashes []uint64) {
	n, k := len(hashes), s.keys[j]
	if !s.sparse() || c.Codes == nil || c.Dict == nil || c.Dict.Len() <= fewEntries || !s.holds(k, c.Dict) {
		s.given(j, k.in.Column(c, n, k.cells), hashes)
		return
	}
	k.cells, k.atHand = grow(k.cells, n), grow(k.atHand, n)
	dict := text(len(k.dicts)-1) << 32
	for i, code := range c.Codes[:n] {
		k.cells[i], k.atHand[i] = min(code, 1)*loose, dict|text(code)
		hashes[i] = funcs.Hashed(hashes[i], c.Dict.Hash(code))
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

// fetch brings in from memory the places that hashes lead to, many at once: to wait
// for each is most of the work in a large table. What is in them does not matter.
func (s *keySet) fetch(hashes []uint64) {
	if len(s.slots) < 1<<12 {
		return
	}
	mask, any := uint64(len(s.slots)-1), uint64(0)
	for _, h := range hashes {
		any |= s.slots[h&mask]
	}
	s.fetched = any
}

func (s *keySet) add(hash uint64, i int) {
	s.hashes = append(s.hashes, hash)
	for _, k := range s.keys {
		cell := k.cells[i]
		if cell&loose != 0 {
			cell = uint32(len(k.loose)) | loose
			k.loose = append(roomy(k.loose, s.room()), k.atHand[i])
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
		return k.value(k.loose[cell&^loose])
	}
	return k.in.Text(cell)
}

func (k *key) textAtHand(i int) string {
	if k.cells[i]&loose != 0 {
		return k.value(k.atHand[i])
	}
	return k.in.Text(k.cells[i])
}

// roomy gives room for one more at least, and for all of a set's room.
func roomy[T any](s []T, room int) []T {
	if len(s) < cap(s) {
		return s
	}
	return slices.Grow(s, max(1, room-len(s)))
}

// room is how many combinations there is room for.
func (s *keySet) room() int { return len(s.slots)/4*3 + 1 }

// grow makes room for so many, and those that are expected, in all of it at once:
// to move what is there each time that it has doubled would be a third of the work.
func (s *keySet) grow(want int) {
	size := max(64, 2*len(s.slots))
	for size < 1<<14 && len(s.slots) > 0 || 3*size < 4*max(want, s.expect) {
		size *= 2
	}
	s.slots = make([]uint64, size)
	room := s.room() - s.len()
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

// take numbers what another set has, and gives these numbers to each by its own. It
// ends early when ctx does.
func (s *keySet) take(ctx context.Context, other *keySet, each func(theirs int, n uint32, fresh bool)) {
	if want := s.len() + other.len(); 4*want > 3*len(s.slots) {
		s.grow(want)
	}
	s.bytes += other.bytes
	numbers, dicts := make([][]uint32, len(s.keys)), make([]text, len(s.keys))
	for j, k := range s.keys {
		theirs := other.keys[j]
		numbers[j], dicts[j] = k.in.Take(ctx, theirs.in), text(len(k.dicts))<<32
		k.dicts = append(k.dicts, theirs.dicts...)
	}
	const some = 1 << 10 // few enough to stay in the cache
	for from := 0; from < other.len() && ctx.Err() == nil; from += some {
		hashes := other.hashes[from:min(from+some, other.len())]
		for j, k := range s.keys {
			k.take(other, j, from, len(hashes), numbers[j], dicts[j])
		}
		s.fetch(hashes)
		for i, hash := range hashes {
			n, fresh := s.number(hash, i)
			each(from+i, n, fresh)
		}
	}
}

// take makes key j of n numbers of another set the rows at hand. numbers are ours
// of its interned values, dicts is the place of its first dictionary.
func (k *key) take(other *keySet, j, from, n int, numbers []uint32, dicts text) {
	k.cells, k.atHand = grow(k.cells, n), grow(k.atHand, n)
	for i := range k.cells {
		if cell := other.cells[(from+i)*len(other.keys)+j]; cell&loose == 0 {
			k.cells[i] = numbers[cell]
		} else {
			k.cells[i], k.atHand[i] = loose, other.keys[j].loose[cell&^loose]+dicts
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
	c := k.in.Values(codes, nil)
	if len(k.loose) > 1 {
		c.Dict = c.Dict.With(k.dicts, k.loose[1:])
	}
	return c
}
