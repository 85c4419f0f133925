package ecs

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf8"
)

// SyntaxError says where a JSON document cannot be read.
type SyntaxError struct {
	Offset int // bytes from the document's beginning
	What   string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s at byte %d", e.What, e.Offset+1) }

// The scanner reads RFC 8259 strictly, in place and without recursion of its
// own. Its functions take the place to read from and give the place after what
// they read, or a negative number: ^place of the error.

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// What a string contains beside plain ASCII.
const (
	hasEscape = 1 << iota
	hasHigh
)

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n') {
		i++
	}
	return i
}

// stringEnd gives the place of the closing quote of a string whose first
// character is at i.
func stringEnd(b []byte, i int) (end int, flags uint8) {
	for i < len(b) {
		if i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			quote := w ^ ones*'"'
			slash := w ^ ones*'\\'
			hit := ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*0x20)&^w) & highs
			if hit == 0 {
				if w&highs != 0 {
					flags |= hasHigh
				}
				i += 8
				continue
			}
			if w&highs&(hit&-hit-1) != 0 {
				flags |= hasHigh
			}
			i += bits.TrailingZeros64(hit) >> 3
		}
		switch c := b[i]; {
		case c == '"':
			return i, flags
		case c == '\\':
			flags |= hasEscape
			if i = escapeEnd(b, i); i < 0 {
				return i, flags
			}
		case c < 0x20:
			return ^i, flags
		default:
			if c >= 0x80 {
				flags |= hasHigh
			}
			i++
		}
	}
	return ^len(b), flags
}

func escapeEnd(b []byte, i int) int {
	if i+1 >= len(b) {
		return ^len(b)
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		if _, ok := hex4(b, i+2); ok {
			return i + 6
		}
	}
	return ^i
}

func hex4(b []byte, i int) (rune, bool) {
	if i+4 > len(b) {
		return 0, false
	}
	var r rune
	for _, c := range b[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unescape appends the meaning of a string's inside, which stringEnd has
// accepted, to dst. Half a surrogate pair becomes U+FFFD.
func unescape(dst, s []byte) []byte {
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			dst = append(dst, s[i])
			i++
			continue
		}
		if s[i+1] == 'u' {
			r, n := unescapeRune(s, i)
			dst = utf8.AppendRune(dst, r)
			i += n
			continue
		}
		dst = append(dst, unescaped[s[i+1]])
		i += 2
	}
	return dst
}

var unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func unescapeRune(s []byte, i int) (r rune, n int) {
	r, _ = hex4(s, i+2)
	if r < 0xD800 || r > 0xDFFF {
		return r, 6
	}
	if r < 0xDC00 && i+8 < len(s) && s[i+6] == '\\' && s[i+7] == 'u' {
		if low, ok := hex4(s, i+8); ok && low >= 0xDC00 && low <= 0xDFFF {
			return (r-0xD800)<<10 + (low - 0xDC00) + 0x10000, 12
		}
	}
	return utf8.RuneError, 6
}

// numberEnd gives the place after a number; whole tells that it has neither
// fraction nor exponent.
func numberEnd(b []byte, i int) (end int, whole bool) {
	if i < len(b) && b[i] == '-' {
		i++
	}
	start := i
	i = digits(b, i)
	if i == start || i > start+1 && b[start] == '0' {
		return ^start, false
	}
	whole = true
	if i < len(b) && b[i] == '.' {
		whole = false
		if j := digits(b, i+1); j > i+1 {
			i = j
		} else {
			return ^i, false
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		whole = false
		j := i + 1
		if j < len(b) && (b[j] == '+' || b[j] == '-') {
			j++
		}
		if i = digits(b, j); i == j {
			return ^j, false
		}
	}
	return i, whole
}

func digits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

// literalEnd gives the place after null, true or false.
func literalEnd(b []byte, i int) int {
	word := "null"
	switch b[i] {
	case 't':
		word = "true"
	case 'f':
		word = "false"
	}
	if i+len(word) > len(b) || string(b[i:i+len(word)]) != word {
		return ^i
	}
	return i + len(word)
}

// skipValue gives the place after any value. depth is how many levels it may nest.
func skipValue(b []byte, i, depth int) int {
	if i >= len(b) {
		return ^len(b)
	}
	switch b[i] {
	case '"':
		if i, _ = stringEnd(b, i+1); i < 0 {
			return i
		}
		return i + 1
	case '{', '[':
		if depth == 0 {
			return ^i
		}
		return skipMembers(b, i, depth-1)
	case 'n', 't', 'f':
		return literalEnd(b, i)
	}
	i, _ = numberEnd(b, i)
	return i
}

// skipMembers gives the place after the object or array that begins at i.
func skipMembers(b []byte, i, depth int) int {
	object := b[i] == '{'
	closing := b[i] + 2
	if i = skipSpace(b, i+1); i < len(b) && b[i] == closing {
		return i + 1
	}
	for {
		if object {
			_, next, _ := member(b, i)
			if next < 0 {
				return next
			}
			i = next
		}
		if i = skipValue(b, i, depth); i < 0 {
			return i
		}
		i = skipSpace(b, i)
		switch {
		case i < len(b) && b[i] == ',':
			i = skipSpace(b, i+1)
		case i < len(b) && b[i] == closing:
			return i + 1
		default:
			return ^i
		}
	}
}

// member reads a key and its colon; next is the place of the value. The key is
// what stands between the quotes.
func member(b []byte, i int) (key []byte, next int, flags uint8) {
	if i >= len(b) || b[i] != '"' {
		return nil, ^i, 0
	}
	end, flags := stringEnd(b, i+1)
	if end < 0 {
		return nil, end, 0
	}
	key = b[i+1 : end]
	if i = end + 1; i < len(b) && b[i] != ':' {
		i = skipSpace(b, i)
	}
	if i >= len(b) || b[i] != ':' {
		return nil, ^i, 0
	}
	if i++; i < len(b) && b[i] <= ' ' {
		i = skipSpace(b, i)
	}
	return key, i, flags
}
