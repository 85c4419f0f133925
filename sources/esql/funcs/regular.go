package funcs

import (
	"errors"
	"fmt"
	"slices"
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
	set   []rune                   // of a character: pairs of first and last
	ascii *[utf8.RuneSelf]*regular // derivatives that are known
	other bool                     // of a character: those that are not in the set
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

// moved gives a language of another grammar in this one.
func (g *grammar) moved(l *regular, done map[*regular]*regular) *regular {
	if to := done[l]; to != nil {
		return to
	}
	parts := make([]*regular, len(l.parts))
	for i, p := range l.parts {
		parts[i] = g.moved(p, done)
	}
	var to *regular
	switch l.op {
	case noText:
		to = g.none
	case emptyText:
		to = g.empty
	case character:
		to = g.of(l.set, l.other)
	case sequence:
		to = g.sequence(parts[0], parts[1])
	case complement:
		to = g.complement(parts[0])
	case repetition:
		to = g.repetition(parts[0])
	default:
		to = g.several(l.op, parts...)
	}
	done[l] = to
	return to
}

// matcher remembers derivatives, for several goroutines.
type matcher struct {
	mu    sync.Mutex
	g     *grammar
	start *regular
	next  map[follow]*regular
}

type follow struct {
	from *regular
	r    rune
}

// newMatcher compiles a pattern of Lucene's regular expressions.
func newMatcher(source string) (*matcher, error) {
	p := &luceneParser{grammar: newGrammar(), s: source}
	start, err := p.whole()
	return &matcher{g: p.grammar, start: start, next: map[follow]*regular{}}, err
}

func (m *matcher) match(s string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.start
	for _, r := range s {
		if len(m.g.known) > 2*maxLanguages {
			at = m.forget(at)
		}
		if at = m.follow(at, r); at == m.g.none {
			return false
		}
	}
	return at.empty
}

// follow is the derivative, which it remembers.
func (m *matcher) follow(at *regular, r rune) *regular {
	if r < utf8.RuneSelf {
		if at.ascii == nil {
			at.ascii = new([utf8.RuneSelf]*regular)
		}
		if at.ascii[r] == nil {
			at.ascii[r] = m.g.after(at, r)
		}
		return at.ascii[r]
	}
	to, ok := m.next[follow{at, r}]
	if !ok {
		to = m.g.after(at, r)
		m.next[follow{at, r}] = to
	}
	return to
}

// forget keeps only what is needed to go on from a language, which it gives.
func (m *matcher) forget(at *regular) *regular {
	m.g, m.next = newGrammar(), map[follow]*regular{}
	done := map[*regular]*regular{}
	m.start = m.g.moved(m.start, done)
	return m.g.moved(at, done)
}
