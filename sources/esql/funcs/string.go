package funcs

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"interdict/sources/frame"
)

// maxString bounds the text that one function call may make.
const maxString = 1 << 20

// texts are the functions of text.
func texts() []Def {
	str := func(names ...string) []Param {
		var p []Param
		for _, n := range names {
			p = append(p, Param{Name: n, Types: String})
		}
		return p
	}
	word := func(name string, f func(string) string) Def {
		return Def{Name: name, Params: str("string"), Result: Fixed(frame.Keyword), Row: func(r *Row) { r.SetStr(f(r.Str(0))) }}
	}
	test := func(name string, f func(s, t string) bool) Def {
		return Def{Name: name, Params: str("str", "other"), Result: Fixed(frame.Boolean), Row: func(r *Row) { r.SetBool(f(r.Str(0), r.Str(1))) }}
	}
	return []Def{
		word("to_lower", strings.ToLower), word("to_upper", strings.ToUpper),
		word("trim", strings.TrimSpace),
		test("starts_with", strings.HasPrefix), test("ends_with", strings.HasSuffix), test("contains", strings.Contains),
		{Name: "length", Params: str("string"), Result: Fixed(frame.Integer), Row: func(r *Row) { r.SetInt(int64(utf8.RuneCountInString(r.Str(0)))) }},
		{Name: "concat", Params: str("string1", "string2"), Variadic: true, Result: Fixed(frame.Keyword), Row: concatRow},
		{Name: "space", Params: []Param{{Name: "number", Types: Int}}, Result: Fixed(frame.Keyword), Row: func(r *Row) { repeat(r, " ", r.Int(0)) }},
		{Name: "locate", Params: append(str("string", "substring"), Param{Name: "start", Types: Int, Optional: true}), Result: Fixed(frame.Integer), Row: locateRow},
		{Name: "replace", Params: str("string", "regex", "newString"), Result: Fixed(frame.Keyword), New: replaceRow},
		{Name: "split", Params: str("string", "delim"), Result: Fixed(frame.Keyword), Row: splitRow},
		{Name: "substring", Params: append(str("string"), Param{Name: "start", Types: Int}, Param{Name: "length", Types: Int, Optional: true}), Result: Fixed(frame.Keyword), Row: substringRow},
	}
}

func concatRow(r *Row) {
	n := 0
	for a := range r.Args() {
		n += len(r.Str(a))
	}
	if n > maxString {
		r.Fail("java.lang.IllegalArgumentException: concatenating more than [%d] bytes is not supported", maxString)
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

// locateRow counts code points from 1; 0 is not found.
func locateRow(r *Row) {
	s, from := r.Str(0), 0
	if r.Args() > 2 {
		for n := r.Int(2); n > 1 && from < len(s); n-- {
			_, size := utf8.DecodeRuneInString(s[from:])
			from += size
		}
	}
	at := strings.Index(s[from:], r.Str(1))
	if at < 0 {
		r.SetInt(0)
		return
	}
	r.SetInt(int64(utf8.RuneCountInString(s[:from+at])) + 1)
}

func splitRow(r *Row) {
	delim := r.Str(1)
	if delim == "" {
		r.SetStr(r.Str(0))
		return
	}
	for part := range strings.SplitSeq(r.Str(0), delim) {
		r.SetStr(part)
	}
}

// substringRow takes code points; start counts from 1, or from the end when negative.
func substringRow(r *Row) {
	s := []rune(r.Str(0))
	start := r.Int(1)
	if start > 0 {
		start--
	} else if start < 0 {
		start = max(0, int64(len(s))+start)
	}
	end := int64(len(s))
	if r.Args() > 2 {
		n := r.Int(2)
		if n < 0 {
			r.Fail("java.lang.IllegalArgumentException: Length parameter cannot be negative, found [%d]", n)
			return
		}
		end = min(end, start+n)
	}
	if start >= end {
		r.SetStr("")
		return
	}
	r.SetStr(string(s[start:end]))
}

// replaceRow keeps the expression compiled last: it rarely differs by row.
func replaceRow(c *Call) (func(*Row), error) {
	var re *regexp.Regexp
	pattern, replacement, template := "", "", ""
	compile := func(p string) error {
		var err error
		if re == nil || p != pattern {
			pattern = p
			re, err = regexp.Compile(p)
		}
		return err
	}
	if p, ok := c.ConstStr(1); ok {
		if err := compile(p); err != nil {
			return nil, fmt.Errorf("Invalid regex pattern [%s]: %w", p, err)
		}
	}
	return func(r *Row) {
		if err := compile(r.Str(1)); err != nil {
			re = nil
			r.Fail("java.util.regex.PatternSyntaxException: %s", err)
			return
		}
		if to := r.Str(2); to != replacement || template == "" {
			replacement, template = to, javaTemplate(to)
		}
		out := re.ReplaceAllString(r.Str(0), template)
		if len(out) > maxString {
			r.Fail("java.lang.IllegalArgumentException: Creating strings with more than [%d] bytes is not supported", maxString)
			return
		}
		r.SetStr(out)
	}, nil
}

// javaTemplate turns Java's replacement text ($1, \$) into Go's.
func javaTemplate(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			i++
			if s[i] == '$' {
				b.WriteByte('$')
			}
			b.WriteByte(s[i])
		case c == '$' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
			i++
			b.WriteString("${" + s[i:i+1] + "}")
		case c == '$' && i+1 < len(s) && s[i+1] == '{':
			b.WriteByte('$')
		case c == '$':
			b.WriteString("$$")
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
