package funcs

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// luceneParser reads a pattern.
type luceneParser struct {
	*grammar
	s     string
	at    int
	depth int
}

func (p *luceneParser) whole() (*regular, error) {
	if p.s == "" {
		return p.empty, nil
	}
	l, err := p.union()
	if err == nil && p.at < len(p.s) {
		err = fmt.Errorf("end-of-string expected at position %d", p.at)
	}
	return l, err
}

func (p *luceneParser) is(c byte) bool { return p.at < len(p.s) && p.s[p.at] == c }

func (p *luceneParser) accept(c byte) bool {
	if p.is(c) {
		p.at++
		return true
	}
	return false
}

func (p *luceneParser) union() (*regular, error) {
	if p.depth++; p.depth > 200 {
		return nil, errComplex
	}
	defer func() { p.depth-- }()
	return p.operands('|', union, func() (*regular, error) { return p.operands('&', intersection, p.concat) })
}

func (p *luceneParser) operands(c, op byte, operand func() (*regular, error)) (*regular, error) {
	l, err := operand()
	for err == nil && p.accept(c) {
		var r *regular
		if r, err = operand(); err == nil {
			l = p.several(op, l, r)
		}
	}
	return l, err
}

func (p *luceneParser) concat() (*regular, error) {
	var all []*regular
	for {
		l, err := p.repeat()
		if err != nil {
			return nil, err
		}
		all = append(all, l)
		if p.at >= len(p.s) || p.is('|') || p.is(')') || p.is('&') {
			break
		}
	}
	out := p.empty
	for _, l := range slices.Backward(all) {
		out = p.sequence(l, out)
	}
	if len(p.known) > maxLanguages {
		return nil, errComplex
	}
	return out, nil
}

func (p *luceneParser) repeat() (*regular, error) {
	l, err := p.complemented()
	for err == nil {
		switch {
		case p.accept('?'):
			l = p.several(union, l, p.empty)
		case p.accept('*'):
			l = p.repetition(l)
		case p.accept('+'):
			l = p.sequence(l, p.repetition(l))
		case p.accept('{'):
			l, err = p.times(l)
		default:
			return l, nil
		}
	}
	return l, err
}

// times reads n}, n,} or n,m}.
func (p *luceneParser) times(l *regular) (*regular, error) {
	n, ok := p.digits()
	if !ok {
		return nil, fmt.Errorf("integer expected at position %d", p.at)
	}
	m, bounded := n, true
	if p.accept(',') {
		if m, bounded = p.digits(); !bounded {
			m = n
		}
	}
	switch {
	case !p.accept('}'):
		return nil, fmt.Errorf("expected '}' at position %d", p.at)
	case m < n:
		return nil, fmt.Errorf("invalid repetition range(out of order): %d..%d", n, m)
	case m > 1000:
		return nil, errComplex
	}
	out := p.empty
	if !bounded {
		out = p.repetition(l)
	}
	for i := range m {
		out = p.sequence(l, out)
		if i < m-n {
			out = p.several(union, out, p.empty)
		}
		if len(p.known) > maxLanguages {
			return nil, errComplex
		}
	}
	return out, nil
}

// digits reads a number; ok is false if there is none.
func (p *luceneParser) digits() (n int, ok bool) {
	for p.at < len(p.s) && p.s[p.at] >= '0' && p.s[p.at] <= '9' {
		n, ok = min(n*10+int(p.s[p.at]-'0'), 1<<20), true
		p.at++
	}
	return n, ok
}

func (p *luceneParser) complemented() (*regular, error) {
	if !p.accept('~') {
		return p.simple()
	}
	if p.depth++; p.depth > 200 {
		return nil, errComplex
	}
	defer func() { p.depth-- }()
	l, err := p.complemented()
	if err != nil {
		return nil, err
	}
	return p.complement(l), nil
}

func (p *luceneParser) simple() (*regular, error) {
	switch {
	case p.at >= len(p.s):
		return nil, errors.New("unexpected end-of-string")
	case p.accept('['):
		return p.class()
	case p.accept('.'):
		return p.of(nil, true), nil
	case p.accept('#'):
		return p.none, nil
	case p.accept('@'):
		return p.any, nil
	case p.accept('"'):
		body, rest, found := strings.Cut(p.s[p.at:], `"`)
		if !found {
			return nil, fmt.Errorf("expected '\"' at position %d", len(p.s))
		}
		p.at = len(p.s) - len(rest)
		return p.text(body), nil
	case p.accept('('):
		if p.accept(')') {
			return p.empty, nil
		}
		l, err := p.union()
		if err == nil && !p.accept(')') {
			err = fmt.Errorf("expected ')' at position %d", p.at)
		}
		return l, err
	case p.accept('<'):
		return p.interval()
	case p.is('\\') && p.at+1 < len(p.s):
		if set, other, ok := predefined(p.s[p.at+1]); ok {
			p.at += 2
			return p.of(set, other), nil
		}
	}
	r, err := p.char(true)
	return p.of([]rune{r, r}, false), err
}

// predefined are the classes that letters stand for.
func predefined(c byte) (set []rune, other, ok bool) {
	switch c | 0x20 {
	case 'd':
		set = []rune{'0', '9'}
	case 'w':
		set = []rune{'0', '9', 'A', 'Z', '_', '_', 'a', 'z'}
	case 's':
		set = []rune{'\t', '\n', '\r', '\r', ' ', ' '}
	}
	return set, c < 'a', set != nil
}

// char reads a character, which a backslash may stand before; strict ones are
// then no letter.
func (p *luceneParser) char(strict bool) (rune, error) {
	escaped := p.accept('\\')
	if p.at >= len(p.s) {
		return 0, errors.New("unexpected end-of-string")
	}
	r, size := utf8.DecodeRuneInString(p.s[p.at:])
	if letter := r | 0x20; escaped && strict && letter >= 'a' && letter <= 'z' {
		return 0, fmt.Errorf("invalid character class \\%d", r)
	}
	p.at += size
	return r, nil
}

// class reads what stands in brackets.
func (p *luceneParser) class() (*regular, error) {
	not := p.accept('^')
	var parts []*regular
	for first := true; first || !p.is(']'); first = false {
		if p.is('\\') && p.at+1 < len(p.s) {
			if set, other, ok := predefined(p.s[p.at+1]); ok {
				p.at += 2
				parts = append(parts, p.of(set, other))
				continue
			}
		}
		lo, err := p.char(true)
		hi := lo
		if err == nil && p.accept('-') {
			hi, err = p.char(false)
		}
		switch {
		case err == nil && lo > hi:
			return nil, fmt.Errorf("invalid range: from (%d) cannot be > to (%d)", lo, hi)
		case p.at >= len(p.s):
			return nil, fmt.Errorf("expected ']' at position %d", p.at)
		case err != nil:
			return nil, err
		}
		parts = append(parts, p.of([]rune{lo, hi}, false))
	}
	p.at++
	l := p.several(union, parts...)
	if not {
		l = p.several(intersection, p.of(nil, true), p.complement(l))
	}
	return l, nil
}

// interval reads n-m>: the numbers from n to m. Of the same length they have
// that many digits; else zeros may stand before them.
func (p *luceneParser) interval() (*regular, error) {
	body, rest, found := strings.Cut(p.s[p.at:], ">")
	from, to, ranged := strings.Cut(body, "-")
	lo, err1 := strconv.Atoi(from)
	hi, err2 := strconv.Atoi(to)
	if !found {
		return nil, fmt.Errorf("expected '>' at position %d", len(p.s))
	}
	p.at = len(p.s) - len(rest)
	if !ranged || err1 != nil || err2 != nil {
		return nil, fmt.Errorf("interval syntax error at position %d", p.at-1)
	}
	if lo, hi = min(lo, hi), max(lo, hi); hi-lo > 10000 {
		return nil, errComplex
	}
	var all []*regular
	for n := lo; n <= hi; n++ {
		text := strconv.Itoa(n)
		if len(from) == len(to) {
			text = strings.Repeat("0", max(0, len(from)-len(text))) + text
		}
		all = append(all, p.text(text))
	}
	out := p.several(union, all...)
	if len(from) != len(to) {
		out = p.sequence(p.repetition(p.of([]rune{'0', '0'}, false)), out)
	}
	if len(p.known) > maxLanguages {
		return nil, errComplex
	}
	return out, nil
}
