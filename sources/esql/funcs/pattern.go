package funcs

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"interdict/sources/frame"
)

// patterns are LIKE, RLIKE and IN.
func patterns() []Def {
	text := []Param{{Name: "str", Types: String}, {Name: "pattern", Types: String, Const: true}}
	return []Def{
		{Name: "like", Params: text, Variadic: true, Result: Fixed(frame.Boolean), New: anyOf(Like)},
		{Name: "rlike", Params: text, Variadic: true, Result: Fixed(frame.Boolean), New: anyOf(RLike)},
		{Name: "in", Params: []Param{{Name: "field", Types: Any}, {Name: "inlist", Types: Any}}, Variadic: true, Result: Fixed(frame.Boolean),
			Nulls: true, New: inRow, Check: checkIn},
	}
}

func anyOf(compile func(string) (func(string) bool, error)) func(*Call) (func(*Row), error) {
	return func(c *Call) (func(*Row), error) {
		var all []func(string) bool
		for i := 1; i < len(c.Args); i++ {
			p, ok := c.ConstStr(i)
			if !ok {
				return nil, fmt.Errorf("pattern must be a constant text")
			}
			f, err := compile(p)
			if err != nil {
				return nil, err
			}
			all = append(all, f)
		}
		return func(r *Row) {
			s := r.Str(0)
			for _, f := range all {
				if f(s) {
					r.SetBool(true)
					return
				}
			}
			r.SetBool(false)
		}, nil
	}
}

// Like compiles a LIKE pattern: * is any text, ? one character, \ takes the
// meaning from the next. The usual shapes need no regular expression.
func Like(pattern string) (func(string) bool, error) {
	parts, err := globParts(pattern)
	if err != nil {
		return nil, err
	}
	plain := true
	for _, p := range parts {
		plain = plain && !strings.ContainsRune(p, one)
	}
	if !plain || len(parts) > 3 {
		return globMatcher(parts), nil
	}
	head, tail := parts[0], parts[len(parts)-1]
	switch len(parts) {
	case 1:
		return func(s string) bool { return s == head }, nil
	case 2:
		return func(s string) bool {
			return len(s) >= len(head)+len(tail) && strings.HasPrefix(s, head) && strings.HasSuffix(s, tail)
		}, nil
	}
	middle := parts[1]
	return func(s string) bool {
		return len(s) >= len(head)+len(tail) && strings.HasPrefix(s, head) && strings.HasSuffix(s, tail) &&
			strings.Contains(s[len(head):len(s)-len(tail)], middle)
	}, nil
}

// one stands for ? in the parts of a pattern; it is no character of text.
const one = rune(0x10FFFF)

// globParts cuts a pattern at its stars.
func globParts(pattern string) ([]string, error) {
	parts := []string{""}
	escaped := false
	for _, r := range pattern {
		last := &parts[len(parts)-1]
		switch {
		case escaped:
			if r != '*' && r != '?' && r != '\\' {
				return nil, fmt.Errorf("Invalid pattern for LIKE [%s]: [Invalid sequence - escape character is not followed by special wildcard char]", pattern)
			}
			*last += string(r)
			escaped = false
		case r == '\\':
			escaped = true
		case r == '*':
			if len(parts) == 1 || *last != "" {
				parts = append(parts, "")
			}
		case r == '?':
			*last += string(one)
		default:
			*last += string(r)
		}
	}
	if escaped {
		return nil, fmt.Errorf("Invalid pattern for LIKE [%s]: [Invalid sequence - terminating escape character]", pattern)
	}
	return parts, nil
}

// globMatcher matches parts one after the other, each as early as it fits.
func globMatcher(parts []string) func(string) bool {
	wild := make([]bool, len(parts)) // has a ?
	for i, p := range parts {
		wild[i] = strings.ContainsRune(p, one)
	}
	last := len(parts) - 1
	return func(s string) bool {
		n, ok := len(parts[0]), strings.HasPrefix(s, parts[0])
		if wild[0] {
			n, ok = fits(s, parts[0])
		}
		if !ok || last == 0 {
			return ok && n == len(s)
		}
		s = s[n:]
		for i, p := range parts[1:last] {
			if wild[i+1] {
				s, ok = after(s, p)
			} else {
				_, s, ok = strings.Cut(s, p)
			}
			if !ok {
				return false
			}
		}
		if !wild[last] {
			return strings.HasSuffix(s, parts[last])
		}
		return endsWith(s, parts[last])
	}
}

// fits gives the length of what a part matches at the begin of s.
func fits(s, part string) (int, bool) {
	n := 0
	for _, want := range part {
		r, size := utf8.DecodeRuneInString(s[n:])
		if size == 0 || want != one && r != want {
			return 0, false
		}
		n += size
	}
	return n, true
}

func after(s, part string) (string, bool) {
	for {
		if n, ok := fits(s, part); ok {
			return s[n:], true
		}
		_, size := utf8.DecodeRuneInString(s)
		if size == 0 {
			return "", false
		}
		s = s[size:]
	}
}

func endsWith(s, part string) bool {
	at := len(s)
	for range utf8.RuneCountInString(part) {
		_, size := utf8.DecodeLastRuneInString(s[:at])
		if size == 0 {
			return false
		}
		at -= size
	}
	n, ok := fits(s[at:], part)
	return ok && n == len(s)-at
}

// RLike compiles a pattern of Lucene's regular expressions, which match the whole text.
func RLike(pattern string) (func(string) bool, error) {
	m, err := newMatcher(pattern)
	if err != nil {
		return nil, fmt.Errorf("Invalid regex pattern for RLIKE [%s]: [%w]", pattern, err)
	}
	return m.match, nil
}

func checkIn(t []frame.Type) string {
	if len(t) == 2 {
		return checkComparison(t, true)
	}
	for i, b := range t[1:] {
		if !Comparable(t[0], b) || t[0] != b && b != frame.Null && (t[0] == frame.UnsignedLong || b == frame.UnsignedLong) {
			return fmt.Sprintf("%s argument of [%%s] must be [%s], found value [%%%d] type [%s]", place(i+1), TypeName(t[0]), i+1, TypeName(b))
		}
	}
	return ""
}

// place is 1st, 2nd, 3rd, 4th.
func place(n int) string {
	switch {
	case n%100/10 != 1 && n%10 == 1:
		return fmt.Sprint(n, "st")
	case n%100/10 != 1 && n%10 == 2:
		return fmt.Sprint(n, "nd")
	case n%100/10 != 1 && n%10 == 3:
		return fmt.Sprint(n, "rd")
	}
	return fmt.Sprint(n, "th")
}

// inRow makes IN: true if one is equal; else null if the list has a null.
func inRow(c *Call) (func(*Row), error) {
	if f := inSet(c); f != nil {
		return f, nil
	}
	return func(r *Row) {
		if r.Null(0) {
			return
		}
		null := false
		for i := 1; i < r.Args(); i++ {
			if r.Null(i) {
				null = true
			} else if equalAt(r, i) {
				r.SetBool(true)
				return
			}
		}
		if !null {
			r.SetBool(false)
		}
	}, nil
}

func equalAt(r *Row, i int) bool {
	pair := Row{in: []Vec{r.in[0], r.in[i]}, lo: []int{r.lo[0], r.lo[i]}, n: []int{1, 1}}
	return compareAt(&pair, r.Type(0), r.Type(i)) == 0
}

// inSet is IN over constant text of the same type.
func inSet(c *Call) func(*Row) {
	if !c.Args[0].Type.Coded() || c.Args[0].Type == frame.Version {
		return nil
	}
	set, null := map[string]bool{}, false
	for _, a := range c.Args[1:] {
		if a.Const == nil {
			return nil
		}
		lo, hi := a.Const.Range(0)
		switch {
		case hi == lo:
			null = true
		case a.Type != c.Args[0].Type || hi-lo > 1:
			return nil
		default:
			set[a.Const.Dict.Value(a.Const.Codes[lo])] = true
		}
	}
	return func(r *Row) {
		if r.Null(0) {
			return
		}
		if set[r.Str(0)] {
			r.SetBool(true)
		} else if !null {
			r.SetBool(false)
		}
	}
}
