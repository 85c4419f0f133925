package archive

import (
	"errors"
	"io"

	"github.com/parquet-go/parquet-go"

	"interdict/sources/frame"
)

// single makes a column of pages that were written with one value a row: texts
// by the codes of their dictionary, and integers, without looking at each value.
type single struct {
	col    frame.Column
	rows   int
	values []string
	index  map[string]uint32
	dict   parquet.Dictionary
	memo   []uint32 // our codes of dict's entries
}

// readSingle reads a column so; ok is false when it was written in another way.
func readSingle(file *parquet.File, leaf parquet.LeafColumn, typ frame.Type) (_ *frame.Column, ok bool, err error) {
	kind := leaf.Node.Type().Kind()
	text := typ == frame.Keyword && kind == parquet.ByteArray
	if leaf.MaxRepetitionLevel > 0 || !text && kind != parquet.Int64 || typ == frame.Double {
		return nil, false, nil
	}
	s := &single{col: frame.Column{Type: typ}, index: map[string]uint32{}}
	for _, group := range file.RowGroups() {
		pages := group.ColumnChunks()[leaf.ColumnIndex].Pages()
		for {
			page, err := pages.ReadPage()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, false, errors.Join(err, pages.Close())
			}
			fits := s.page(page, leaf.MaxDefinitionLevel, text)
			parquet.Release(page)
			if !fits {
				return nil, false, pages.Close()
			}
		}
		if err := pages.Close(); err != nil {
			return nil, false, err
		}
	}
	if s.rows != int(file.NumRows()) { // the other way says what is wrong
		return nil, false, nil
	}
	if text {
		s.col.Dict = frame.NewDict(s.values)
	}
	return &s.col, true, nil
}

// page takes one over; false when it is of another kind.
func (s *single) page(p parquet.Page, level int, text bool) bool {
	dict := p.Dictionary()
	if text == (dict == nil) {
		return false
	}
	def, n := p.DefinitionLevels(), 0
	null := func(i int) bool { return len(def) > 0 && int(def[i]) < level }
	rows := int(p.NumValues())
	data := p.Data()
	if text {
		s.remember(dict)
		codes := data.Int32()
		for i := range rows {
			if null(i) {
				s.col.Codes = append(s.col.Codes, 0)
				continue
			}
			s.col.Codes = append(s.col.Codes, s.memo[codes[n]])
			n++
		}
	} else {
		ints := data.Int64()
		for i := range rows {
			if null(i) {
				s.col.Ints, s.col.Nulls = append(s.col.Ints, 0), s.col.Nulls.Set(s.rows+i)
				continue
			}
			s.col.Ints = append(s.col.Ints, ints[n])
			n++
		}
	}
	s.rows += rows
	return true
}

func (s *single) remember(dict parquet.Dictionary) {
	if s.dict == dict {
		return
	}
	s.dict, s.memo = dict, make([]uint32, dict.Len())
	for i := range s.memo {
		v := string(dict.Index(int32(i)).ByteArray())
		code, ok := s.index[v]
		if !ok {
			s.values = append(s.values, v)
			code = uint32(len(s.values))
			s.index[v] = code
		}
		s.memo[i] = code
	}
}
