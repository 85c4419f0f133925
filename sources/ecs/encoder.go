package ecs

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"interdict/sources/frame"
)

// Encoder writes the rows of one frame as nested ECS documents: keys sorted,
// null fields left out, several values as an array. Where one field's name is
// another's object (a and a.b), the longer one is spelled with a dot.
// An Encoder may be used from several goroutines.
type Encoder struct {
	fields []encodedField
}

type encodedField struct {
	col  *frame.Column
	path []string // keys from the root, as JSON strings with their colon
}

// NewEncoder prepares for the rows of f.
func NewEncoder(f *frame.Frame) *Encoder {
	names := make(map[string]bool, len(f.Names))
	for _, n := range f.Names {
		names[n] = true
	}
	e := &Encoder{fields: make([]encodedField, len(f.Names))}
	for i, n := range f.Names {
		e.fields[i] = encodedField{f.Columns[i], documentPath(n, names)}
	}
	slices.SortStableFunc(e.fields, func(a, b encodedField) int { return slices.Compare(a.path, b.path) })
	for i := range e.fields {
		for k, key := range e.fields[i].path {
			e.fields[i].path[k] = string(append(AppendString(nil, key), ':'))
		}
	}
	return e
}

// documentPath splits a field's name at its dots, but not at those behind a
// prefix that is a field itself, and not around empty keys.
func documentPath(name string, names map[string]bool) []string {
	var path []string
	for at, from := 0, 0; ; {
		dot := strings.IndexByte(name[at:], '.')
		if dot <= 0 || at+dot+1 == len(name) || names[name[:at+dot]] || name[at+dot+1] == '.' {
			return append(path, name[from:])
		}
		at += dot
		path = append(path, name[from:at])
		at++
		from = at
	}
}

// Append appends row as one JSON document, without a line end.
func (e *Encoder) Append(dst []byte, row int) []byte {
	dst = append(dst, '{')
	var open []string
	for i := range e.fields {
		f := &e.fields[i]
		if f.col.IsNull(row) {
			continue
		}
		dst, open = openObjects(dst, open, f.path)
		dst = append(dst, f.path[len(f.path)-1]...)
		dst = appendValues(dst, f.col, row)
	}
	for range len(open) + 1 {
		dst = append(dst, '}')
	}
	return dst
}

// openObjects closes and opens objects until path's are open, and puts the comma.
func openObjects(dst []byte, open, path []string) ([]byte, []string) {
	parents := path[:len(path)-1]
	same := 0
	for same < len(open) && same < len(parents) && open[same] == parents[same] {
		same++
	}
	for range open[same:] {
		dst = append(dst, '}')
	}
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	for _, key := range parents[same:] {
		dst = append(append(dst, key...), '{')
	}
	return dst, parents
}

func appendValues(dst []byte, c *frame.Column, row int) []byte {
	lo, hi := c.Range(row)
	if hi-lo == 1 {
		return appendValue(dst, c, lo)
	}
	dst = append(dst, '[')
	for k := lo; k < hi; k++ {
		if k > lo {
			dst = append(dst, ',')
		}
		dst = appendValue(dst, c, k)
	}
	return append(dst, ']')
}

func appendValue(dst []byte, c *frame.Column, k int) []byte {
	switch c.Type {
	case frame.Integer, frame.Long:
		return strconv.AppendInt(dst, c.Ints[k], 10)
	case frame.UnsignedLong:
		return strconv.AppendUint(dst, uint64(c.Ints[k]), 10)
	case frame.Boolean:
		return strconv.AppendBool(dst, c.Ints[k] != 0)
	case frame.Double:
		return appendFloat(dst, c.Floats[k])
	case frame.Date:
		return append(time.UnixMilli(c.Ints[k]).UTC().AppendFormat(append(dst, '"'), "2006-01-02T15:04:05.000Z"), '"')
	}
	return AppendString(dst, c.TextAt(k))
}

// appendFloat keeps a fraction, so that a reader who infers types sees a double.
func appendFloat(dst []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(dst, "null"...)
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, v, 'g', -1, 64)
	for _, c := range dst[from:] {
		if c == '.' || c == 'e' {
			return dst
		}
	}
	return append(dst, ".0"...)
}

// AppendJSON appends a row as one nested ECS document. Who writes many rows of
// one frame takes an [Encoder].
func AppendJSON(dst []byte, f *frame.Frame, row int) []byte {
	return NewEncoder(f).Append(dst, row)
}

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON string. Bytes that are not UTF-8 become U+FFFD.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= 0x20 && c != '"' && c != '\\' {
				i++
				continue
			}
			dst = appendEscape(append(dst, s[from:i]...), c)
			i++
			from = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			dst = append(append(dst, s[from:i]...), "\uFFFD"...)
			from = i + 1
		}
		i += n
	}
	return append(append(dst, s[from:]...), '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
