package funcs

import (
	"context"
	"math"
	"math/bits"

	"interdict/sources/frame"
)

// distinct counts distinct values: exactly up to the threshold, and by
// HyperLogLog++ above it.
type distinct struct {
	pairs     *pairs
	exact     int64
	precision uint
	counts    []int64
	sketches  map[uint32]*sketch
	codes     []uint32 // scratch
}

// The threshold's default and maximum are Elasticsearch's.
const (
	defaultThreshold = 3000
	maxThreshold     = 40000
)

func newDistinct(c *Call) (Aggregator, error) {
	threshold := int64(defaultThreshold)
	if len(c.Args) > 1 {
		if n, ok := c.ConstInt(1); ok {
			threshold = min(max(n, 0), maxThreshold)
		}
	}
	precision := precisionFor(threshold)
	return &distinct{pairs: newPairs(c.Args[0].Type), exact: exactUpTo(precision), precision: precision, sketches: map[uint32]*sketch{}}, nil
}

// As Elasticsearch, which keeps four bytes of each value seen up to the point
// where they fill a quarter of the sketch, three quarters of its room used.
const load = 0.75

// precisionFor gives the number of index bits for a threshold.
func precisionFor(threshold int64) uint {
	room := uint64(math.Ceil(float64(threshold) / load))
	return uint(min(max(bits.Len64(4*room), 4), 18))
}

// exactUpTo is how many values are counted exactly with so many index bits.
func exactUpTo(precision uint) int64 { return int64(load * float64(uint64(1)<<precision/4)) }

func (a *distinct) Add(groups []uint32, size int, in []Vec, n int) {
	a.counts = grown(a.counts, size)
	if in[0].Type == frame.Null {
		return
	}
	if in[0].Same || in[0].Offsets != nil {
		each(groups, in[0], n, func(g uint32, k int) { a.see(g, a.pairs.in.Code(in[0].Column, k)) })
		return
	}
	a.codes = a.pairs.in.Column(in[0].Column, n, a.codes)
	for i, code := range a.codes {
		if code != 0 {
			a.see(groups[i], code)
		}
	}
}

func (a *distinct) see(g, code uint32) {
	if s := a.sketches[g]; s != nil {
		s.add(a.hash(code))
		return
	}
	if !a.pairs.put(g, code) {
		return
	}
	if a.counts[g]++; a.counts[g] > a.exact {
		a.sketch(g)
	}
}

// sketch begins to estimate a group's number from what was seen of it.
func (a *distinct) sketch(group uint32) {
	s := newSketch(a.precision)
	for g, code := range a.pairs.all {
		if g == group {
			s.add(a.hash(code))
		}
	}
	a.sketches[group] = s
}

func (a *distinct) Merge(other Aggregator, groups []uint32, size int) {
	b := other.(*distinct)
	a.counts = grown(a.counts, size)
	codes := a.pairs.in.Take(context.Background(), b.pairs.in)
	for g, code := range b.pairs.all {
		a.see(groups[g], codes[code])
	}
	for g, s := range b.sketches {
		to := groups[g]
		if a.sketches[to] == nil {
			a.sketch(to)
		}
		a.sketches[to].merge(s)
	}
}

func (a *distinct) hash(code uint32) uint64 {
	in := a.pairs.in
	if in.Type.Coded() {
		return murmur3([]byte(in.dict.Value(code)))
	}
	return mix64(in.nums[code-1])
}

func (a *distinct) Result(n int) *frame.Column {
	out := append([]int64(nil), grown(a.counts, n)[:n]...)
	for g, s := range a.sketches {
		out[g] = s.estimate()
	}
	return &frame.Column{Type: frame.Long, Ints: out}
}

func (a *distinct) Bytes() int {
	return a.pairs.bytes() + 8*cap(a.counts) + len(a.sketches)<<a.precision
}

// sketch is HyperLogLog with linear counting for the low range.
type sketch struct {
	p    uint
	regs []uint8
}

func newSketch(p uint) *sketch { return &sketch{p, make([]uint8, 1<<p)} }

func (s *sketch) add(h uint64) {
	i := h >> (64 - s.p)
	rank := uint8(bits.LeadingZeros64(h<<s.p|1<<(s.p-1)) + 1)
	s.regs[i] = max(s.regs[i], rank)
}

func (s *sketch) merge(t *sketch) {
	for i, r := range t.regs {
		s.regs[i] = max(s.regs[i], r)
	}
}

func (s *sketch) estimate() int64 {
	m := float64(len(s.regs))
	sum, zeros := 0.0, 0
	for _, r := range s.regs {
		sum += 1 / float64(uint64(1)<<r)
		if r == 0 {
			zeros++
		}
	}
	raw := 0.7213 / (1 + 1.079/m) * m * m / sum
	if zeros > 0 {
		if linear := m * math.Log(m/float64(zeros)); linear <= 2.5*m {
			return int64(math.Round(linear))
		}
	}
	return int64(math.Round(raw))
}

// mix64 is the bit mixer that Elasticsearch applies to numbers.
func mix64(z uint64) uint64 {
	z = (z ^ z>>32) * 0x4cd6944c5cc20b6d
	z = (z ^ z>>29) * 0xfc12c5b19d3259e9
	return z ^ z>>32
}

// murmur3 is the first half of MurmurHash3 x64 128, seed 0.
func murmur3(data []byte) uint64 {
	const c1, c2 = 0x87c37b91114253d5, 0x4cf5ad432745937f
	var h1, h2 uint64
	n := len(data)
	load := func(b []byte) (v uint64) {
		for i := min(len(b), 8) - 1; i >= 0; i-- {
			v = v<<8 | uint64(b[i])
		}
		return v
	}
	mixK1 := func(k uint64) uint64 { return bits.RotateLeft64(k*c1, 31) * c2 }
	mixK2 := func(k uint64) uint64 { return bits.RotateLeft64(k*c2, 33) * c1 }
	for ; len(data) >= 16; data = data[16:] {
		h1 ^= mixK1(load(data[:8]))
		h1 = (bits.RotateLeft64(h1, 27)+h2)*5 + 0x52dce729
		h2 ^= mixK2(load(data[8:16]))
		h2 = (bits.RotateLeft64(h2, 31)+h1)*5 + 0x38495ab5
	}
	if len(data) > 8 {
		h2 ^= mixK2(load(data[8:]))
	}
	if len(data) > 0 {
		h1 ^= mixK1(load(data[:min(8, len(data))]))
	}
	h1 ^= uint64(n)
	h2 ^= uint64(n)
	h1 += h2
	h2 += h1
	h1, h2 = fmix(h1), fmix(h2)
	return h1 + h2
}

func fmix(k uint64) uint64 {
	k = (k ^ k>>33) * 0xff51afd7ed558ccd
	k = (k ^ k>>33) * 0xc4ceb9fe1a85ec53
	return k ^ k>>33
}
