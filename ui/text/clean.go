package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMarks is how many combining marks one character may carry before the rest
// is spelled out: languages need up to three, stacks of them paint over other lines.
const maxMarks = 3

// Clean makes control, direction, invisible and look-alike-space characters and
// bytes that are no UTF-8 visible. What it gives is one line, holds only
// characters that a terminal prints, and cleaning it again changes nothing. A
// backslash stays as it is: the text \x1b and the byte look the same here.
func Clean(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	marks, base := 0, false
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
			marks, base = 0, true
		case joins(r) && base && marks < maxMarks:
			b.WriteString(s[i : i+n])
			marks++
		case joins(r) || hidden(r):
			spell(&b, r)
			marks, base = 0, true
		default:
			b.WriteRune(r)
			marks, base = 0, r != ' '
		}
		i += n
	}
	return b.String()
}

// plain is the fast path: printable ASCII needs nothing.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

func spell(b *strings.Builder, r rune) {
	switch {
	case r == '\n':
		b.WriteString(`\n`)
	case r == '\t':
		b.WriteString(`\t`)
	case r == '\r':
		b.WriteString(`\r`)
	case r < 0x80:
		fmt.Fprintf(b, `\x%02x`, r)
	default:
		fmt.Fprintf(b, "<U+%04X>", r)
	}
}

// joins tells whether r is drawn onto the character before it.
func joins(r rune) bool {
	return r >= 0x300 && unicode.In(r, unicode.Mn, unicode.Me, unicode.Mc)
}

// hidden tells whether r is anything but a character with ink and a place of
// its own, or the ASCII space.
func hidden(r rune) bool {
	if r < 0x7f {
		return r < 0x20
	}
	if !unicode.IsGraphic(r) || unicode.In(r, unicode.Zs, unicode.Zl, unicode.Zp, unicode.Cf, unicode.Co) {
		return true
	}
	return unicode.Is(odd, r)
}

// odd characters are graphic by category and all the same empty, or change how
// their neighbours are joined, about which terminals disagree.
var odd = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x034f, Hi: 0x034f, Stride: 1}, // combining grapheme joiner
		{Lo: 0x0d4e, Hi: 0x0d4e, Stride: 1}, // joins the character after it
		{Lo: 0x115f, Hi: 0x1160, Stride: 1}, // Hangul fillers
		{Lo: 0x1100, Hi: 0x11ff, Stride: 1}, // Hangul parts, which join
		{Lo: 0x17b4, Hi: 0x17b5, Stride: 1}, // Khmer, empty
		{Lo: 0x2800, Hi: 0x2800, Stride: 1}, // braille blank
		{Lo: 0x3164, Hi: 0x3164, Stride: 1}, // Hangul filler
		{Lo: 0xa960, Hi: 0xa97c, Stride: 1}, // Hangul parts
		{Lo: 0xd7b0, Hi: 0xd7fb, Stride: 1}, // Hangul parts
		{Lo: 0xfe00, Hi: 0xfe0f, Stride: 1}, // variation selectors
		{Lo: 0xffa0, Hi: 0xffa0, Stride: 1}, // Hangul filler
		{Lo: 0xfffc, Hi: 0xfffc, Stride: 1}, // object replacement
	},
	R32: []unicode.Range32{
		{Lo: 0x111c2, Hi: 0x111c3, Stride: 1}, // these join the character after them
		{Lo: 0x1193f, Hi: 0x1193f, Stride: 1},
		{Lo: 0x11941, Hi: 0x11941, Stride: 1},
		{Lo: 0x11a3a, Hi: 0x11a3a, Stride: 1},
		{Lo: 0x11a84, Hi: 0x11a89, Stride: 1},
		{Lo: 0x11d46, Hi: 0x11d46, Stride: 1},
		{Lo: 0x11f02, Hi: 0x11f02, Stride: 1},
		{Lo: 0x113d1, Hi: 0x113d1, Stride: 1},
		{Lo: 0x1f1e6, Hi: 0x1f1ff, Stride: 1}, // letters that pair up to flags
		{Lo: 0x1f3fb, Hi: 0x1f3ff, Stride: 1}, // skin tones
		{Lo: 0xe0100, Hi: 0xe01ef, Stride: 1}, // variation selectors
	},
}

// CleanLines is [Clean] for text of several lines: line ends stay.
func CleanLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = Clean(lines[i])
	}
	return strings.Join(lines, "\n")
}
