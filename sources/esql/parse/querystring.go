package parse

import (
	"fmt"
	"strings"
)

// clause is a part of one of Lucene's groups, and what is asked of it.
type clause struct {
	test  Test
	asked int
}

const (
	should = iota // one of these at least, where nothing must
	must
	mustNot
)

// clauses reads a group of Lucene's. There is no precedence: AND asks for both
// its sides, NOT and - against what follows, and what is left may be missing
// where something is asked for.
func (r *queryReader) clauses(field string) (Test, error) {
	if r.depth++; r.depth > MaxDepth {
		return Test{}, fmt.Errorf("query string nests too deep")
	}
	defer func() { r.depth-- }()
	var list []clause
	for len(list) == 0 || r.more() {
		and := false
		if len(list) > 0 {
			and = r.word("and") || r.symbol("&&")
			if !and && !r.word("or") {
				r.symbol("||")
			}
		}
		c := clause{}
		switch {
		case r.word("not") || r.symbol("-") || r.symbol("!"):
			c.asked = mustNot
		case r.symbol("+") || and:
			c.asked = must
		}
		var err error
		if c.test, err = r.group(field); err != nil {
			return Test{}, err
		}
		if last := len(list) - 1; and && list[last].asked == should {
			list[last].asked = must
		}
		list = append(list, c)
	}
	return together(list), nil
}

// group reads parentheses, or a test.
func (r *queryReader) group(field string) (Test, error) {
	if !r.symbol("(") {
		return r.test(field)
	}
	t, err := r.clauses(field)
	if err == nil && !r.symbol(")") {
		err = r.unexpected()
	}
	return t, err
}

func together(list []clause) Test {
	var all, some []Test
	for _, c := range list {
		switch c.asked {
		case must:
			all = append(all, c.test)
		case should:
			some = append(some, c.test)
		}
	}
	if len(all) == 0 && len(some) > 0 {
		all = []Test{combined("or", some)}
	}
	for _, c := range list {
		if c.asked == mustNot {
			all = append(all, Test{Op: "not", Of: []Test{c.test}})
		}
	}
	return combined("and", all)
}

func combined(op string, tests []Test) Test {
	out := tests[0]
	for _, t := range tests[1:] {
		out = Test{Op: op, Of: []Test{out, t}}
	}
	return out
}

// words joins the plain words that follow one of the same field: a keyword
// field has them as one text.
func (r *queryReader) words(value string) string {
	for r.lucene && !strings.ContainsAny(value, "*?") {
		before := r.rest
		if r.word("and") || r.word("or") || r.word("not") || !r.more() || strings.ContainsRune(`+-!&|"(`, rune(r.rest[0])) {
			r.rest = before
			break
		}
		next, _, err := r.value()
		if err != nil || strings.ContainsAny(next, "*?") || r.symbol(":") {
			r.rest = before
			break
		}
		value += " " + next
	}
	return value
}

// bound reads an end of a range, which ends with white space or a bracket.
func (r *queryReader) bound() (string, error) {
	if r.space(); strings.HasPrefix(r.rest, `"`) {
		return r.quoted()
	}
	n := strings.IndexAny(r.rest, " \t\r\n]}")
	if n <= 0 {
		return "", r.unexpected()
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s, nil
}
