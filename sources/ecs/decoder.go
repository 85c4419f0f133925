package ecs

import (
	"fmt"
	"sort"
	"time"
	"unicode/utf8"

	"interdict/sources/frame"
)

// maxDepth is how deep a document may nest.
const maxDepth = 64

// DecoderOptions are the choices of a [Decoder]. The zero value decodes the catalogue.
type DecoderOptions struct {
	Fields []frame.Field // the columns to fill; nil: the catalogue
	Shift  time.Duration // added to every date: a recording as if it happened now
}

// Decoder makes columns of JSON documents.
//
// Objects may nest or be spelled with dots in keys, in any mixture. Arrays,
// also of objects, give several values. Numbers, booleans, dates and addresses
// may be strings; a keyword may be a number or boolean, and keeps its spelling.
// Dates are ISO 8601 (UTC when no zone is said) or milliseconds since the
// epoch. A document in a search hit's "_source" is taken as the document.
//
// A value that does not fit its field is left out and counted. A field that a
// document holds twice gets both values and is counted. Bytes that are not
// UTF-8 become U+FFFD and are counted. Fields that are not asked for are checked for
// syntax and dropped. See [Decoder.Misfits].
//
// Not safe for concurrent use.
type Decoder struct {
	b       *frame.Builder
	fields  []frame.Field
	root    *node
	shift   int64 // nanoseconds
	addrs   []addrCache
	seen    []int // row in which a column was set by another key, per column
	row     int
	array   int // how many arrays are open
	buf     []byte
	scratch []byte
	key     []byte
	misfits map[Misfit]int64
	sieve   *Sieve // set while documents are only looked at
	stop    bool   // the sieve has seen enough
}

// Misfit is a kind of trouble with the values of a field.
type Misfit struct {
	Field string
	Kind  MisfitKind
	Count int64
}

// String says it as a sentence for a note.
func (m Misfit) String() string {
	switch m.Kind {
	case Duplicate:
		return fmt.Sprintf("%s came twice in one document %d times: both values are kept", m.Field, m.Count)
	case BadText:
		return fmt.Sprintf("%d values of %s were not UTF-8: their bytes are shown as U+FFFD", m.Count, m.Field)
	}
	return fmt.Sprintf("%d values of %s had the wrong type and were left out", m.Count, m.Field)
}

// MisfitKind says what was wrong with a value.
type MisfitKind string

// The kinds of misfits.
const (
	WrongType MisfitKind = "wrong type" // left out
	Duplicate MisfitKind = "duplicate"  // kept as a further value
	BadText   MisfitKind = "not UTF-8"  // kept, the bytes replaced
)

// NewDecoder makes a decoder.
func NewDecoder(o DecoderOptions) *Decoder {
	fields := o.Fields
	if fields == nil {
		fields = catalogue[:]
	}
	d := &Decoder{
		b: frame.NewBuilder(fields), fields: fields, root: newNode("_source"), shift: int64(o.Shift),
		addrs: make([]addrCache, len(fields)), seen: make([]int, len(fields)), misfits: map[Misfit]int64{},
	}
	for i, f := range fields {
		d.root.insert(f.Name, i)
	}
	if d.root.find([]byte("_source")) < 0 {
		d.root.link("_source", d.root)
		d.root.inner++
	}
	return d
}

// Len is the number of rows since the last Build.
func (d *Decoder) Len() int { return d.b.Len() }

// Build gives the rows as a frame, without the columns that no row set, and empties the decoder.
func (d *Decoder) Build() *frame.Frame { return d.b.Build() }

// Misfits gives the trouble with values since the decoder was made, by field.
func (d *Decoder) Misfits() []Misfit { return SortMisfits(d.misfits) }

// SortMisfits makes a list of counts, by field. The keys' own Count is not used.
func SortMisfits(counts map[Misfit]int64) []Misfit {
	out := make([]Misfit, 0, len(counts))
	for m, n := range counts {
		m.Count = n
		out = append(out, m)
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Field != out[j].Field {
			return out[i].Field < out[j].Field
		}
		return out[i].Kind < out[j].Kind
	})
	return out
}

// Row begins a row that Text fills: for records that are not JSON.
func (d *Decoder) Row() { d.b.Row() }

// Text gives field number i of the row a value, as a document's string would be
// one; a value that does not fit is left out and counted.
func (d *Decoder) Text(i int, value []byte) {
	if !utf8.Valid(value) {
		d.misfit(d.fields[i].Name, BadText)
		value = []byte(string([]rune(string(value))))
	}
	if !d.setText(i, value) {
		d.misfit(d.fields[i].Name, WrongType)
	}
}

// Document adds a row from one JSON object, or none when it gives an error,
// which is a *[SyntaxError]. doc is not kept.
func (d *Decoder) Document(doc []byte) error {
	d.buf, d.array = doc, 0
	d.row++
	d.b.Row()
	end := d.document()
	if end >= 0 {
		return nil
	}
	d.b.DropRow()
	return syntaxError(doc, ^end)
}

func syntaxError(doc []byte, at int) error {
	switch {
	case at >= len(doc):
		return &SyntaxError{len(doc), "document ends early"}
	case doc[at] < 0x20:
		return &SyntaxError{at, "control character"}
	case doc[at] == '{' || doc[at] == '[':
		return &SyntaxError{at, "unexpected or too deep " + string(doc[at])}
	}
	r, _ := utf8.DecodeRune(doc[at:])
	return &SyntaxError{at, "unexpected " + string(r)}
}

func (d *Decoder) document() int {
	i := skipSpace(d.buf, 0)
	if i >= len(d.buf) || d.buf[i] != '{' {
		return ^i
	}
	if i = d.object(d.root, i, maxDepth-1); i < 0 || d.stop {
		return i
	}
	if i = skipSpace(d.buf, i); i < len(d.buf) {
		return ^i
	}
	return i
}

// object reads the object that begins at i into the columns below n.
func (d *Decoder) object(n *node, i, depth int) int {
	b := d.buf
	if i = skipSpace(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1
	}
	for last := -1; ; {
		key, next, flags := member(b, i)
		if next < 0 {
			return next
		}
		if flags&hasEscape != 0 {
			d.key = unescape(d.key[:0], key)
			key = d.key
		}
		var to *node
		to, last = n.step(key, last)
		if to == nil {
			i = skipValue(b, next, depth)
		} else {
			i = d.value(to, next, depth)
		}
		if i < 0 || d.stop {
			return i
		}
		if i < len(b) && b[i] <= ' ' {
			i = skipSpace(b, i)
		}
		switch {
		case i < len(b) && b[i] == ',':
			if i++; i < len(b) && b[i] <= ' ' {
				i = skipSpace(b, i)
			}
		case i < len(b) && b[i] == '}':
			return i + 1
		default:
			return ^i
		}
	}
}

// value reads the value at i into n.
func (d *Decoder) value(n *node, i, depth int) int {
	if i >= len(d.buf) {
		return ^len(d.buf)
	}
	switch c := d.buf[i]; c {
	case '"':
		return d.text(n, i+1)
	case '{', '[':
		if depth == 0 {
			return ^i
		}
		if c == '[' {
			return d.list(n, i, depth-1)
		}
		if n.inner > 0 {
			return d.object(n, i, depth-1)
		}
		d.misfit(n.name, WrongType)
		return skipMembers(d.buf, i, depth-1)
	case 'n':
		return literalEnd(d.buf, i)
	case 't', 'f':
		end := literalEnd(d.buf, i)
		if end >= 0 && d.claim(n) {
			d.fit(n, d.setBool(n.column, c == 't'))
		}
		return end
	}
	end, whole := numberEnd(d.buf, i)
	if end >= 0 && d.claim(n) {
		d.fit(n, d.setNumber(n.column, d.buf[i:end], whole))
	}
	return end
}

func (d *Decoder) list(n *node, i, depth int) int {
	b := d.buf
	if i = skipSpace(b, i+1); i < len(b) && b[i] == ']' {
		return i + 1
	}
	if d.array == 0 && n.column >= 0 {
		d.claim(n)
	}
	d.array++
	defer func() { d.array-- }()
	for {
		if i = d.value(n, i, depth); i < 0 || d.stop {
			return i
		}
		i = skipSpace(b, i)
		switch {
		case i < len(b) && b[i] == ',':
			i = skipSpace(b, i+1)
		case i < len(b) && b[i] == ']':
			return i + 1
		default:
			return ^i
		}
	}
}

func (d *Decoder) text(n *node, i int) int {
	end, flags := stringEnd(d.buf, i)
	if end < 0 {
		return end
	}
	s := d.buf[i:end]
	if d.claim(n) {
		if flags != 0 {
			s = d.clean(n, s, flags)
		}
		d.fit(n, d.setText(n.column, s))
	}
	return end + 1
}

// clean unescapes and makes valid UTF-8.
func (d *Decoder) clean(n *node, s []byte, flags uint8) []byte {
	if flags&hasHigh != 0 && !utf8.Valid(s) {
		d.misfit(n.name, BadText)
		s = []byte(string([]rune(string(s))))
	}
	if flags&hasEscape != 0 {
		d.scratch = unescape(d.scratch[:0], s)
		s = d.scratch
	}
	return s
}

// claim tells whether n is a field, and counts a field that comes a second time.
func (d *Decoder) claim(n *node) bool {
	if n.column < 0 {
		d.misfit(n.name, WrongType)
		return false
	}
	if d.array > 0 {
		return true
	}
	if d.seen[n.column] == d.row {
		d.misfit(n.name, Duplicate)
	}
	d.seen[n.column] = d.row
	return true
}

func (d *Decoder) fit(n *node, ok bool) {
	if !ok {
		d.misfit(n.name, WrongType)
	}
}

func (d *Decoder) misfit(name string, kind MisfitKind) {
	d.misfits[Misfit{Field: name, Kind: kind}]++
}
