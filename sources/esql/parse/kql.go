package parse

import (
	"fmt"
	"strings"
	"unicode"
)

// Test is a node of a query string: "and", "or" and "not" of others, "all",
// "exists", or Field compared with Value: "is" (a value in which * and ? are
// wildcards), "phrase" (as it is), "<", "<=", ">" or ">=".
type Test struct {
	Op           string
	Field, Value string // Field "" is any text field
	Of           []Test
}

// KQL reads Kibana's query language: field:value, wildcards, ranges, groups,
// and, or, not. Nested queries are refused.
func KQL(s string, _ Node) (Test, error) { return readQuery(s, false) }

// QueryString reads the core of Lucene's: as KQL, with AND, OR, NOT, + and -,
// and [a TO b] ranges.
func QueryString(s string, _ Node) (Test, error) { return readQuery(s, true) }

type queryReader struct {
	rest   string
	lucene bool
	depth  int
}

func readQuery(s string, lucene bool) (Test, error) {
	r := &queryReader{rest: s, lucene: lucene}
	r.space()
	if r.rest == "" {
		return Test{Op: "all"}, nil
	}
	read := r.or
	if lucene {
		read = r.clauses
	}
	t, err := read("")
	if err == nil && r.rest != "" {
		err = r.unexpected()
	}
	return t, err
}

func (r *queryReader) unexpected() error {
	if r.rest == "" {
		return fmt.Errorf("query string ends where a value was expected")
	}
	return fmt.Errorf("query string has an unexpected [%s]", strings.Fields(r.rest + " ")[0])
}

func (r *queryReader) space() { r.rest = strings.TrimLeftFunc(r.rest, unicode.IsSpace) }

// word takes a keyword that stands alone.
func (r *queryReader) word(w string) bool {
	r.space()
	if len(r.rest) < len(w) {
		return false
	}
	head, tail := r.rest[:len(w)], r.rest[len(w):]
	same := head == strings.ToUpper(w) || !r.lucene && strings.EqualFold(head, w)
	if !same || tail != "" && !strings.ContainsRune(" \t\r\n(\"", rune(tail[0])) {
		return false
	}
	r.rest = tail
	r.space()
	return true
}

func (r *queryReader) symbol(s string) bool {
	r.space()
	var ok bool
	if r.rest, ok = strings.CutPrefix(r.rest, s); ok {
		r.space()
	}
	return ok
}

func (r *queryReader) or(field string) (Test, error) {
	t, err := r.and(field)
	for err == nil && r.word("or") {
		var u Test
		if u, err = r.and(field); err == nil {
			t = Test{Op: "or", Of: []Test{t, u}}
		}
	}
	return t, err
}

// more tells whether another term follows in a group.
func (r *queryReader) more() bool { r.space(); return r.rest != "" && r.rest[0] != ')' }

func (r *queryReader) and(field string) (Test, error) {
	t, err := r.not(field)
	for err == nil && r.word("and") {
		var u Test
		if u, err = r.not(field); err == nil {
			t = Test{Op: "and", Of: []Test{t, u}}
		}
	}
	return t, err
}

func (r *queryReader) not(field string) (Test, error) {
	if r.depth++; r.depth > MaxDepth {
		return Test{}, fmt.Errorf("query string nests too deep")
	}
	defer func() { r.depth-- }()
	switch {
	case r.word("not"):
		t, err := r.not(field)
		return Test{Op: "not", Of: []Test{t}}, err
	case r.symbol("("):
		t, err := r.or(field)
		if err == nil && !r.symbol(")") {
			err = r.unexpected()
		}
		return t, err
	}
	return r.test(field)
}

// test reads field:value, a range, or a value alone.
func (r *queryReader) test(field string) (Test, error) {
	value, quoted, err := r.value()
	if err != nil {
		return Test{}, err
	}
	if field == "" && !quoted {
		if r.symbol(":") {
			return r.of(value)
		}
		for _, op := range []string{"<=", ">=", "<", ">"} {
			if !r.lucene && r.symbol(op) {
				limit, _, err := r.value()
				return Test{Op: op, Field: value, Value: limit}, err
			}
		}
	}
	if !quoted {
		value = r.words(value)
	}
	return leaf(field, value, quoted), nil
}

func leaf(field, value string, quoted bool) Test {
	switch {
	case quoted:
		return Test{Op: "phrase", Field: field, Value: value}
	case value == "*" && field == "*":
		return Test{Op: "all"}
	case value == "*" && field != "":
		return Test{Op: "exists", Field: field}
	}
	return Test{Op: "is", Field: field, Value: value}
}

// of reads what stands after "field:".
func (r *queryReader) of(field string) (Test, error) {
	if r.lucene && field == "_exists_" {
		name, _, err := r.value()
		return Test{Op: "exists", Field: name}, err
	}
	if strings.HasPrefix(r.rest, "{") && !r.lucene {
		return Test{}, fmt.Errorf("nested queries are not supported by this engine")
	}
	if r.lucene {
		if t, ok, err := r.interval(field); ok || err != nil {
			return t, err
		}
		for _, op := range []string{"<=", ">=", "<", ">"} {
			if r.symbol(op) {
				limit, _, err := r.value()
				return Test{Op: op, Field: field, Value: limit}, err
			}
		}
	}
	if r.lucene && strings.HasPrefix(r.rest, "(") {
		return r.group(field)
	}
	if r.symbol("(") {
		t, err := r.or(field)
		if err == nil && !r.symbol(")") {
			err = r.unexpected()
		}
		return t, err
	}
	value, quoted, err := r.value()
	return leaf(field, value, quoted), err
}

// interval reads [a TO b] and {a TO b}.
func (r *queryReader) interval(field string) (Test, bool, error) {
	low := ">="
	switch {
	case r.symbol("["):
	case r.symbol("{"):
		low = ">"
	default:
		return Test{}, false, nil
	}
	from, err := r.bound()
	if err != nil || !r.word("to") {
		return Test{}, true, r.unexpected()
	}
	to, err := r.bound()
	high := "<="
	switch {
	case err != nil:
		return Test{}, true, err
	case r.symbol("}"):
		high = "<"
	case !r.symbol("]"):
		return Test{}, true, r.unexpected()
	}
	t := Test{Op: "exists", Field: field}
	if from != "*" {
		t = Test{Op: low, Field: field, Value: from}
	}
	if to != "*" {
		t = Test{Op: "and", Of: []Test{t, {Op: high, Field: field, Value: to}}}
	}
	return t, true, nil
}

// value reads quoted text, or a word in which \ escapes.
func (r *queryReader) value() (string, bool, error) {
	r.space()
	if strings.HasPrefix(r.rest, `"`) {
		s, err := r.quoted()
		return s, true, err
	}
	var b strings.Builder
	i := 0
loop:
	for ; i < len(r.rest); i++ {
		c := r.rest[i]
		switch {
		case c == '\\' && i+1 < len(r.rest):
			i++
			if r.rest[i] == '*' || r.rest[i] == '?' || r.rest[i] == '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(r.rest[i])
		case strings.IndexByte(" \t\r\n():\"<>{}", c) >= 0, r.lucene && (c == ']' || c == '['):
			break loop
		default:
			b.WriteByte(c)
		}
	}
	r.rest = r.rest[i:]
	if b.Len() == 0 {
		return "", false, r.unexpected()
	}
	return b.String(), false, nil
}

func (r *queryReader) quoted() (string, error) {
	var b strings.Builder
	for i := 1; i < len(r.rest); i++ {
		switch c := r.rest[i]; {
		case c == '\\' && i+1 < len(r.rest):
			i++
			b.WriteByte(r.rest[i])
		case c == '"':
			r.rest = r.rest[i+1:]
			return b.String(), nil
		default:
			b.WriteByte(c)
		}
	}
	return "", fmt.Errorf("query string has an unclosed quote")
}
