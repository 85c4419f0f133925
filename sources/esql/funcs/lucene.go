package funcs

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// regular is what a pattern matches. It is matched by its derivatives: that by
// a character is what may follow it. Complement and intersection, which Go's
// expressions have not, are easy so. Languages that a grammar made and that
// have the same form are the same pointer.
type regular struct {
	op    byte
	id    int
	empty bool // has the empty text
	parts []*regular
	set   []rune // of a character: pairs of first and last
	other bool   // of a character: those that are not in the set
}

// The forms of languages. A character is one of a set.
const (
	noText       = '0'
	emptyText    = 'e'
	character    = 'c'
	sequence     = '.'
	union        = '|'
	intersection = '&'
	complement   = '~'
	repetition   = '*'
)

// grammar makes languages.
type grammar struct {
	known map[string]*regular
	none  *regular
	empty *regular
	any   *regular // any text
}

// maxLanguages bounds what a pattern may become.
const maxLanguages = 1 << 14

var errComplex = errors.New("the pattern is too complex")

func newGrammar() *grammar {
	g := &grammar{known: map[string]*regular{}}
	g.none, g.empty = g.intern(&regular{op: noText}), g.intern(&regular{op: emptyText, empty: true})
	g.any = g.intern(&regular{op: repetition, empty: true, parts: []*regular{g.of(nil, true)}})
	return g
}

func (g *grammar) intern(l *regular) *regular {
	var key strings.Builder
	fmt.Fprintf(&key, "%c%t%v", l.op, l.other, l.set)
	for _, p := range l.parts {
		fmt.Fprintf(&key, ",%d", p.id)
	}
	if k := g.known[key.String()]; k != nil {
		return k
	}
	l.id = len(g.known)
	g.known[key.String()] = l
	return l
}

func (g *grammar) of(set []rune, other bool) *regular {
	return g.intern(&regular{op: character, set: set, other: other})
}

func (g *grammar) text(s string) *regular {
	out := g.empty
	for len(s) > 0 {
		r, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
		out = g.sequence(g.of([]rune{r, r}, false), out)
	}
	return out
}

func (g *grammar) sequence(a, b *regular) *regular {
	switch {
	case a == g.none || b == g.none:
		return g.none
	case a == g.empty:
		return b
	case b == g.empty:
		return a
	case a.op == sequence:
		return g.sequence(a.parts[0], g.sequence(a.parts[1], b))
	}
	return g.intern(&regular{op: sequence, empty: a.empty && b.empty, parts: []*regular{a, b}})
}

// several is the union or the intersection: in order, without repetition.
func (g *grammar) several(op byte, of ...*regular) *regular {
	neutral, final := g.none, g.any
	if op == intersection {
		neutral, final = g.any, g.none
	}
	var parts []*regular
	for _, l := range of {
		if l.op == op {
			parts = append(parts, l.parts...)
		} else if l != neutral {
			parts = append(parts, l)
		}
	}
	slices.SortFunc(parts, func(a, b *regular) int { return a.id - b.id })
	parts = slices.Compact(parts)
	switch {
	case slices.Contains(parts, final):
		return final
	case len(parts) == 0:
		return neutral
	case len(parts) == 1:
		return parts[0]
	}
	out := &regular{op: op, parts: parts, empty: op == intersection}
	for _, p := range parts {
		if p.empty == (op == union) {
			out.empty = p.empty
		}
	}
	return g.intern(out)
}

func (g *grammar) complement(a *regular) *regular {
	switch {
	case a.op == complement:
		return a.parts[0]
	case a == g.none:
		return g.any
	case a == g.any:
		return g.none
	}
	return g.intern(&regular{op: complement, empty: !a.empty, parts: []*regular{a}})
}

func (g *grammar) repetition(a *regular) *regular {
	if a.op == repetition || a == g.empty {
		return a
	}
	if a == g.none {
		return g.empty
	}
	return g.intern(&regular{op: repetition, empty: true, parts: []*regular{a}})
}

// after is the derivative by a character.
func (g *grammar) after(l *regular, r rune) *regular {
	switch l.op {
	case character:
		in := l.other
		for i := 0; i < len(l.set); i += 2 {
			if r >= l.set[i] && r <= l.set[i+1] {
				in = !l.other
			}
		}
		if in {
			return g.empty
		}
	case sequence:
		out := g.sequence(g.after(l.parts[0], r), l.parts[1])
		if l.parts[0].empty {
			return g.several(union, out, g.after(l.parts[1], r))
		}
		return out
	case union, intersection:
		parts := make([]*regular, len(l.parts))
		for i, p := range l.parts {
			parts[i] = g.after(p, r)
		}
		return g.several(l.op, parts...)
	case complement:
		return g.complement(g.after(l.parts[0], r))
	case repetition:
		return g.sequence(g.after(l.parts[0], r), l)
	}
	return g.none
}

// matcher remembers derivatives, for several goroutines.
type matcher struct {
	mu     sync.Mutex
	source string
	g      *grammar
	start  *regular
	next   map[follow]*regular
}

type follow struct {
	from *regular
	r    rune
}

// newMatcher compiles a pattern of Lucene's regular expressions.
func newMatcher(source string) (*matcher, error) {
	m := &matcher{source: source}
	return m, m.reset()
}

// reset forgets what was remembered.
func (m *matcher) reset() (err error) {
	p := &luceneParser{grammar: newGrammar(), s: m.source}
	m.g, m.next = p.grammar, map[follow]*regular{}
	m.start, err = p.whole()
	return err
}

func (m *matcher) match(s string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.start
	for _, r := range s {
		if len(m.g.known) > 4*maxLanguages { // begin anew, with the same pattern
			if m.reset() != nil {
				return false
			}
			return m.slow(s)
		}
		to, ok := m.next[follow{at, r}]
		if !ok {
			to = m.g.after(at, r)
			m.next[follow{at, r}] = to
		}
		if at = to; at == m.g.none {
			return false
		}
	}
	return at.empty
}

// slow matches a text that makes more languages than are remembered.
func (m *matcher) slow(s string) bool {
	at := m.start
	for _, r := range s {
		if at = m.g.after(at, r); at == m.g.none {
			break
		}
	}
	return at.empty
}

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
	body, rest, found := strings.Cut(p.s[p.at:], "}")
	if !found {
		return nil, fmt.Errorf("expected '}' at position %d", len(p.s))
	}
	least, most, ranged := strings.Cut(body, ",")
	n, err := strconv.Atoi(least)
	if err != nil {
		return nil, fmt.Errorf("integer expected at position %d", p.at)
	}
	m := n
	if ranged && most != "" {
		if m, err = strconv.Atoi(most); err != nil {
			return nil, fmt.Errorf("integer expected at position %d", p.at+len(least)+1)
		}
		if m < n {
			return nil, fmt.Errorf("invalid repetition range(out of order): %d..%d", n, m)
		}
	}
	if m > 1000 {
		return nil, errComplex
	}
	p.at = len(p.s) - len(rest)
	out := p.empty
	if ranged && most == "" {
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
	r, err := p.char()
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

func (p *luceneParser) char() (rune, error) {
	p.accept('\\')
	if p.at >= len(p.s) {
		return 0, errors.New("unexpected end-of-string")
	}
	r, size := utf8.DecodeRuneInString(p.s[p.at:])
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
		lo, err := p.char()
		hi := lo
		if err == nil && p.accept('-') {
			if p.is(']') {
				parts = append(parts, p.of([]rune{'-', '-'}, false))
			} else {
				hi, err = p.char()
			}
		}
		switch {
		case err != nil || p.at >= len(p.s):
			return nil, fmt.Errorf("expected ']' at position %d", p.at)
		case lo > hi:
			return nil, fmt.Errorf("invalid range: from (%d) cannot be > to (%d)", lo, hi)
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
