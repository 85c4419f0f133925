package funcs

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"interdict/sources/frame"
)

// jsonPairs asks for a text before each value.
func jsonPairs(args []frame.Type) string {
	if len(args)%2 != 0 {
		return "[%s] must have a value for each key"
	}
	for i := 0; i < len(args); i += 2 {
		if !String.Has(args[i]) {
			return fmt.Sprintf("%sargument of [%%s] must be [string], found value [%%%d] type [%s]", Ordinal(i, len(args)), i, TypeName(args[i]))
		}
	}
	return ""
}

// jsonObject writes an object of keys and values. Without a key there is none.
func jsonObject(r *Row) {
	var b strings.Builder
	for i := 0; i < r.Args(); i += 2 {
		switch {
		case r.Null(i):
			return
		case r.Len(i) > 1:
			r.Fail("java.lang.IllegalArgumentException: json_string keys must be single-valued")
			return
		}
		b.WriteByte("{,"[min(i, 1)])
		quoteJSON(&b, r.Str(i))
		b.WriteByte(':')
		if r.writeJSON(&b, i+1); b.Len() > maxString {
			r.Fail("java.lang.IllegalArgumentException: Creating strings with more than [%d] bytes is not supported", maxString)
			return
		}
	}
	b.WriteByte('}')
	r.SetStr(b.String())
}

// writeJSON writes an argument: several values as an array.
func (r *Row) writeJSON(b *strings.Builder, a int) {
	if r.Null(a) {
		b.WriteString("null")
		return
	}
	if r.Len(a) > 1 {
		b.WriteByte('[')
	}
	for k := range r.Len(a) {
		if k > 0 {
			b.WriteByte(',')
		}
		if text := r.TextAt(a, k); (Numeric | Bool).Has(r.Type(a)) {
			b.WriteString(text)
		} else {
			quoteJSON(b, text)
		}
	}
	if r.Len(a) > 1 {
		b.WriteByte(']')
	}
}

// quoteJSON writes a text in quotes, and escapes only what has to be.
func quoteJSON(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, c := range s {
		if short := strings.IndexRune("\"\\\b\f\n\r\t", c); short >= 0 && c != utf8.RuneError {
			b.WriteByte('\\')
			b.WriteByte(`"\bfnrt`[short])
		} else if c < ' ' {
			fmt.Fprintf(b, `\u%04X`, c)
		} else {
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
}
