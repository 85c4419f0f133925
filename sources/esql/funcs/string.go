package funcs

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"

	"interdict/sources/frame"
)

// maxString bounds the text that one function call may make.
const maxString = 1 << 20

// texts are the functions of text.
func texts() []Def {
	return append(textShapes(), textParts()...)
}

// textShapes give a text in another form, or one number or truth about it.
func textShapes() []Def {
	return []Def{
		{Name: "to_lower", Params: strs("str"), Result: Fixed(frame.Keyword), Multi: true, New: eachValue(lower)},
		{Name: "to_upper", Params: strs("str"), Result: Fixed(frame.Keyword), Multi: true, New: eachValue(upper)},
		shape("trim", func(s string) string { return strings.TrimFunc(s, javaSpace) }),
		shape("ltrim", func(s string) string { return strings.TrimLeftFunc(s, javaSpace) }),
		shape("rtrim", func(s string) string { return strings.TrimRightFunc(s, javaSpace) }),
		shape("reverse", reverse),
		size("length", utf8.RuneCountInString),
		size("byte_length", func(s string) int { return len(s) }),
		size("bit_length", func(s string) int { return 8 * len(s) }),
		test("starts_with", "prefix", strings.HasPrefix),
		test("ends_with", "suffix", strings.HasSuffix),
		test("contains", "substring", strings.Contains),
	}
}

// textParts take texts apart and put them together.
func textParts() []Def {
	number := Param{Name: "number", Types: Int}
	length := Param{Name: "length", Types: Int}
	return []Def{
		{Name: "concat", Params: strs("string1", "string2"), Variadic: true, Result: Fixed(frame.Keyword), Row: concatRow},
		{Name: "repeat", Params: append(strs("string"), number), Result: Fixed(frame.Keyword), Row: func(r *Row) { repeat(r, r.Str(0), r.Int(1)) }},
		{Name: "space", Params: []Param{number}, Result: Fixed(frame.Keyword), Row: func(r *Row) { repeat(r, " ", r.Int(0)) }},
		{Name: "locate", Params: append(strs("string", "substring"), Param{Name: "start", Types: Int, Optional: true}), Result: Fixed(frame.Integer), Row: locateRow},
		{Name: "replace", Params: strs("string", "regex", "newString"), Result: Fixed(frame.Keyword), New: replaceRow},
		{Name: "split", Params: strs("string", "delim"), Result: Fixed(frame.Keyword), Row: splitRow},
		{Name: "substring", Params: append(strs("string"), Param{Name: "start", Types: Int}, Param{Name: "length", Types: Int, Optional: true}),
			Result: Fixed(frame.Keyword), Row: substringRow},
		{Name: "left", Params: append(strs("string"), length), Result: Fixed(frame.Keyword), Row: func(r *Row) {
			s := r.Str(0)
			r.SetStr(s[:skipRunes(s, r.Int(1))])
		}},
		{Name: "right", Params: append(strs("string"), length), Result: Fixed(frame.Keyword), Row: func(r *Row) {
			s := r.Str(0)
			r.SetStr(s[skipRunes(s, int64(max(0, int32(utf8.RuneCountInString(s))-int32(r.Int(1))))):]) // 32 bits overflow there too
		}},
	}
}

// strs are parameters that take text.
func strs(names ...string) []Param {
	params := make([]Param, 0, len(names)+1)
	for _, n := range names {
		params = append(params, Param{Name: n, Types: String})
	}
	return params
}

// shape is a word that is null, not text, of null.
func shape(name string, f func(string) string) Def {
	d := word(name, f)
	d.Result = Same
	return d
}

func word(name string, f func(string) string) Def {
	return Def{Name: name, Params: strs("string"), Result: Fixed(frame.Keyword), New: eachValue(f)}
}

func size(name string, f func(string) int) Def {
	return Def{Name: name, Params: strs("string"), Result: Fixed(frame.Integer), Row: func(r *Row) { r.SetInt(int64(f(r.Str(0)))) }}
}

func test(name, other string, f func(s, t string) bool) Def {
	return Def{Name: name, Params: strs("str", other), Result: Fixed(frame.Boolean), Row: func(r *Row) { r.SetBool(f(r.Str(0), r.Str(1))) }}
}

// eachValue makes the function of every value of the first argument, computed
// once for each value of its dictionary.
func eachValue(f func(string) string) func(*Call) (func(*Row), error) {
	return func(*Call) (func(*Row), error) {
		known := memo[string]{make: f}
		return func(r *Row) {
			for k := range r.Len(0) {
				r.SetStr(known.at(r, 0, k))
			}
		}, nil
	}
}

// memo keeps what was computed from the values of one dictionary.
type memo[T any] struct {
	make func(string) T
	dict *frame.Dict
	got  map[uint32]T
}

// at is the result for value k of argument a, which is text or an address.
func (m *memo[T]) at(r *Row, a, k int) T {
	if dict := r.in[a].Dict; m.dict != dict {
		m.dict, m.got = dict, map[uint32]T{}
	}
	code := r.CodeAt(a, k)
	v, ok := m.got[code]
	if !ok {
		v = m.make(m.dict.Value(code))
		m.got[code] = v
	}
	return v
}

// upper and lower also know the letters that become several, and the sigma that ends a word.
func upper(s string) string {
	if ascii(s) {
		return strings.ToUpper(s)
	}
	return cases.Upper(language.Und).String(s)
}

func lower(s string) string {
	if ascii(s) {
		return strings.ToLower(s)
	}
	return cases.Lower(language.Und).String(s)
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// javaSpace is Java's Character.isWhitespace: no spaces that forbid a line break.
func javaSpace(r rune) bool {
	switch {
	case r >= '\t' && r <= '\r', r >= 0x1c && r <= ' ':
		return true
	case r == 0xa0, r == 0x2007, r == 0x202f:
		return false
	}
	return r > 0x7f && unicode.In(r, unicode.Zs, unicode.Zl, unicode.Zp)
}

// reverse keeps a letter's combining marks, joiners and modifiers behind it.
func reverse(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for end := len(s); end > 0; {
		start := end
		for {
			r, width := utf8.DecodeLastRuneInString(s[:start])
			start -= width
			if start == 0 || !joins(r) && !strings.HasSuffix(s[:start], "\u200d") {
				break
			}
		}
		b.WriteString(s[start:end])
		end = start
	}
	return b.String()
}

func joins(r rune) bool {
	return r == 0x200d || r >= 0x1f3fb && r <= 0x1f3ff || r > 0x7f && unicode.In(r, unicode.Mn, unicode.Me, unicode.Mc)
}

func concatRow(r *Row) {
	n := 0
	for a := range r.Args() {
		n += len(r.Str(a))
	}
	if n > maxString {
		r.Fail("org.elasticsearch.xpack.esql.EsqlClientException: concatenating more than [%d] bytes is not supported", maxString)
		return
	}
	b := make([]byte, 0, n)
	for a := range r.Args() {
		b = append(b, r.Str(a)...)
	}
	r.SetStr(string(b))
}

func repeat(r *Row, s string, n int64) {
	switch {
	case n < 0:
		r.Fail("java.lang.IllegalArgumentException: Number parameter cannot be negative, found [%d]", n)
	case n*int64(len(s)) > maxString:
		r.Fail("java.lang.IllegalArgumentException: Creating repeated strings with more than [%d] bytes is not supported", maxString)
	default:
		r.SetStr(strings.Repeat(s, int(n)))
	}
}

// skipRunes is the place in s after n code points.
func skipRunes(s string, n int64) int {
	at := 0
	for ; n > 0 && at < len(s); n-- {
		_, width := utf8.DecodeRuneInString(s[at:])
		at += width
	}
	return at
}

// startOf is the place of code point start, which counts from 1 (0 is the same)
// or, negative, from the end.
func startOf(s string, start int64) int {
	if start < 0 {
		start += int64(utf8.RuneCountInString(s)) + 1
	}
	return skipRunes(s, start-1)
}

// locateRow counts code points from 1; 0 is not found.
func locateRow(r *Row) {
	s, from := r.Str(0), 0
	if r.Args() > 2 {
		from = startOf(s, r.Int(2))
	}
	at := strings.Index(s[from:], r.Str(1))
	if at < 0 {
		r.SetInt(0)
		return
	}
	r.SetInt(int64(utf8.RuneCountInString(s[:from+at])) + 1)
}

// splitRow keeps empty parts. The delimiter is one byte, as in Elasticsearch.
func splitRow(r *Row) {
	delim := r.Str(1)
	if len(delim) != 1 {
		r.Fail("java.lang.IllegalArgumentException: delimiter must be single byte for now")
		return
	}
	for part := range strings.SplitSeq(r.Str(0), delim) {
		r.SetStr(part)
	}
}

func substringRow(r *Row) {
	s := r.Str(0)
	s = s[startOf(s, r.Int(1)):]
	if r.Args() > 2 {
		n := r.Int(2)
		if n < 0 {
			r.Fail("java.lang.IllegalArgumentException: Length parameter cannot be negative, found [%d]", n)
			return
		}
		s = s[:skipRunes(s, n)]
	}
	r.SetStr(s)
}
