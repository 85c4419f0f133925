package ecs

import (
	"slices"

	"interdict/sources/frame"
)

// Condition is what a row must satisfy: at least one value of a keyword field is taken.
type Condition struct {
	Field string
	Takes func(value string) bool // of the value alone; asked once per value as a rule
}

// maxRemembered bounds how many answers of a condition a sieve keeps.
const maxRemembered = 1 << 16

// Sieve tells documents that cannot satisfy conditions from those that may,
// reading no further than it must. It is for leaving out work: a document that
// it keeps still has to be decoded, and one that it leaves out is not checked
// for syntax to its end.
//
// Not safe for concurrent use.
type Sieve struct {
	d     *Decoder
	where []Condition
	known []map[string]bool
	met   int // how many conditions are satisfied
	done  []bool
}

// NewSieve makes a sieve; all conditions must hold. Of several about one field
// the first is used. A field that a document holds twice is judged by its first value.
func NewSieve(where []Condition) *Sieve {
	s := &Sieve{}
	var fields []frame.Field
	for _, w := range where {
		f := frame.Field{Name: w.Field, Type: frame.Keyword}
		if slices.Contains(fields, f) {
			continue
		}
		fields = append(fields, f)
		s.where = append(s.where, w)
		s.known = append(s.known, map[string]bool{})
	}
	s.done = make([]bool, len(fields))
	s.d = NewDecoder(DecoderOptions{Fields: fields})
	s.d.sieve = s
	return s
}

// Keeps tells whether doc may satisfy all conditions. A document that cannot be
// read is kept, so that who decodes it says so.
func (s *Sieve) Keeps(doc []byte) bool {
	for i := range s.done {
		s.done[i] = false
	}
	s.met, s.d.stop = 0, len(s.where) == 0
	s.d.buf, s.d.array = doc, 0
	s.d.row++
	clear(s.d.misfits)
	return s.d.document() < 0 || s.met == len(s.where)
}

// value is told of a value of the field of condition i.
func (s *Sieve) value(i int, value []byte) bool {
	if s.done[i] {
		return true
	}
	takes, ok := s.known[i][string(value)]
	if !ok {
		takes = s.ask(i, string(value))
	}
	if takes {
		s.done[i] = true
		s.met++
		s.d.stop = s.met == len(s.where)
	} else if s.d.array == 0 {
		s.d.stop = true
	}
	return true
}

func (s *Sieve) ask(i int, value string) bool {
	takes := s.where[i].Takes(value)
	if len(s.known[i]) < maxRemembered {
		s.known[i][value] = takes
	}
	return takes
}
