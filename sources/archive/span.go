package archive

import (
	"math"

	"interdict/sources/frame"
)

// span is the range of @timestamp over some rows, in milliseconds since the
// epoch, both ends included. open tells that a row has no timestamp: then
// nothing can be said and the rows are never left out.
type span struct {
	min, max int64
	open     bool
}

func emptySpan() span { return span{min: math.MaxInt64, max: math.MinInt64} }

func (s span) empty() bool { return s.min > s.max }

func (s *span) add(t int64) { s.min, s.max = min(s.min, t), max(s.max, t) }

func (s *span) join(t span) {
	s.min, s.max, s.open = min(s.min, t.min), max(s.max, t.max), s.open || t.open
}

// addColumn takes in the given rows of a date column.
func (s *span) addColumn(c *frame.Column, rows []uint32) {
	for _, r := range rows {
		lo, hi := c.Range(int(r))
		s.open = s.open || lo == hi
		for ; lo < hi; lo++ {
			s.add(c.Ints[lo])
		}
	}
}

// overlaps tells whether a row may be in from ≤ t < to.
func (s span) overlaps(from, to int64) bool {
	return s.open || s.empty() || s.max >= from && (s.min < to || to == math.MaxInt64)
}
