package rowgroup

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"interdict/sources/ecs"
	"interdict/sources/frame"
)

// sieve finds the rows of a row group that may satisfy conditions, and keeps
// the columns that it had to read for that.
type sieve struct {
	of   *Group
	rows []uint32 // nil: all
	kept map[int]kept
	dict map[*leaf]*frame.Dict // those that were read
}

// kept is a column of some rows, nil for all.
type kept struct {
	column *frame.Column
	rows   []uint32
}

// question is a condition and what the dictionary of its column says to it.
type question struct {
	ecs.Condition
	leaf  *leaf
	share float64 // of the entries that pass, 1 where there is no dictionary
	coded bool    // every value is in the dictionary
}

func (s *sieve) count() int {
	if s.rows == nil {
		return s.of.Rows()
	}
	return len(s.rows)
}

// fewValues is how many values of a column there may be, a row, for its
// condition to be worth asking here.
const fewValues = 1.0 / 16

// sift looks at dictionaries first: where no entry passes no row does, and the
// condition that fewest entries pass is asked first. Columns of nearly as many
// values as rows are left to who asks.
func (s *sieve) sift(ctx context.Context, where []ecs.Condition) error {
	var questions []question
	for _, w := range where {
		i := slices.IndexFunc(s.of.of.leaves, func(l leaf) bool { return l.Name == w.Field && l.Type == frame.Keyword })
		if i < 0 {
			continue
		}
		q, err := s.ask(w, &s.of.of.leaves[i])
		if err != nil {
			return fmt.Errorf("%s: %w", w.Field, err)
		}
		switch {
		case q.coded && q.share == 0:
			s.rows = []uint32{}
			return nil
		case !q.coded || q.share < 1:
			questions = append(questions, q)
		}
	}
	slices.SortStableFunc(questions, func(a, b question) int { return cmp.Compare(a.share, b.share) })
	for _, q := range questions {
		if err := ctx.Err(); err != nil {
			return err
		}
		c, err := s.column(q.leaf)
		if err != nil {
			return fmt.Errorf("%s: %w", q.Field, err)
		}
		if float64(c.Dict.Len()) > 64+fewValues*float64(s.count()) {
			continue
		}
		rows := passing(c, s.count(), s.rows, q.Condition)
		if len(rows) > s.count()/2 { // to pick them would cost more than it spares
			continue
		}
		if s.rows = rows; len(rows) == 0 {
			return nil
		}
	}
	return nil
}

// ask puts a condition to the dictionary of a column chunk.
func (s *sieve) ask(w ecs.Condition, l *leaf) (question, error) {
	q := question{Condition: w, leaf: l, share: 1}
	pages, err := s.of.checkPages(l)
	if err != nil {
		return q, err
	}
	dict, err := s.dictionary(l, pages)
	if err != nil || dict == nil || float64(dict.Len()) > 64+fewValues*float64(s.of.group.NumRows()) {
		return q, err
	}
	pass := 0
	for code := 1; code < dict.Len(); code++ {
		if w.Takes(dict.Value(uint32(code))) {
			pass++
		}
	}
	q.share = float64(pass) / float64(max(1, dict.Len()-1))
	q.coded = onlyCoded(pages)
	return q, nil
}

// dictionary gives that of a column chunk, nil where there is none.
func (s *sieve) dictionary(l *leaf, checked []page) (*frame.Dict, error) {
	if ofTexts(l, checked) {
		dict, err := s.of.dictionary(l, checked)
		if dict != nil {
			if s.dict == nil {
				s.dict = map[*leaf]*frame.Dict{}
			}
			s.dict[l] = dict
		}
		return dict, err
	}
	pages := s.of.group.ColumnChunks()[l.column.Index()].Pages()
	defer pages.Close()
	reader, ok := pages.(interface {
		ReadDictionary() (parquet.Dictionary, error)
	})
	if !ok {
		return nil, nil
	}
	dict, err := reader.ReadDictionary()
	if err != nil || dict == nil {
		return nil, err
	}
	return dictOf(dict), nil
}

// onlyCoded tells whether all data pages of a column chunk name entries of its
// dictionary. What the file says of its encodings as a whole is not asked.
func onlyCoded(pages []page) bool {
	return !slices.ContainsFunc(pages, func(p page) bool { return p.kind != int64(format.DictionaryPage) && !p.isCoded() })
}

// passing gives those of the rows, of which c has n, that satisfy a condition.
func passing(c *frame.Column, n int, rows []uint32, w ecs.Condition) []uint32 {
	takes := make([]uint8, c.Dict.Len())
	for code := 1; code < len(takes); code++ {
		if w.Takes(c.Dict.Value(uint32(code))) {
			takes[code] = 1
		}
	}
	s := scratches.Get().(*scratch)
	defer s.done()
	s.codes = slices.Grow(s.codes[:0], n)[:n]
	out, k := s.codes, 0
	if c.Offsets == nil {
		for i, code := range c.Codes[:n] {
			out[k] = uint32(i)
			k += int(takes[code])
		}
	} else {
		for i := range n {
			out[k] = uint32(i)
			if lo, hi := c.Range(i); slices.ContainsFunc(c.Codes[lo:hi], func(code uint32) bool { return takes[code] != 0 }) {
				k++
			}
		}
	}
	if rows != nil {
		for i, place := range out[:k] {
			out[i] = rows[place]
		}
	}
	return slices.Clone(out[:k])
}

// column gives a column of the rows that are left.
func (s *sieve) column(l *leaf) (*frame.Column, error) {
	h, ok := s.kept[l.column.Index()]
	if ok {
		return h.of(s.rows), nil
	}
	c, err := s.of.column(l, s.rows, s.dict[l])
	if err != nil {
		return nil, err
	}
	if s.kept == nil {
		s.kept = map[int]kept{}
	}
	s.kept[l.column.Index()] = kept{c, s.rows}
	return c, nil
}

// of gives the column of some of its rows.
func (h kept) of(rows []uint32) *frame.Column {
	switch {
	case rows == nil || len(rows) == len(h.rows) && h.rows != nil:
		return h.column
	case h.rows == nil:
		return h.column.Gather(rows)
	}
	places, at := make([]uint32, 0, len(rows)), 0
	for _, row := range rows {
		for h.rows[at] != row {
			at++
		}
		places = append(places, uint32(at))
	}
	return h.column.Gather(places)
}
