package parse

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type kind uint8

const (
	end    kind = iota
	word        // identifier or keyword
	quoted      // `…`
	text        // "…" or """…"""
	integer
	decimal
	symbol
	param     // ?, ?name, ?1
	nameParam // ??, ??name, ??1: the value is the name of a column
	bad       // no token
)

type token struct {
	kind       kind
	text       string // for quoted and text: without quotes and escapes
	pos        Pos
	start, end int // in the query, bytes
	wrong      error
}

// last tells whether no token follows.
func (t token) last() bool { return t.kind == end || t.kind == bad }

type lexer struct {
	src    string
	at     int
	line   int
	column int
}

func (l *lexer) pos() Pos { return Pos{l.line, l.column} }

// advance moves over n bytes.
func (l *lexer) advance(n int) {
	for _, r := range l.src[l.at : l.at+n] {
		if r == '\n' {
			l.line++
			l.column = 1
		} else {
			l.column++
		}
	}
	l.at += n
}

// skip moves over white space and comments.
func (l *lexer) skip() error {
	for l.at < len(l.src) {
		rest := l.src[l.at:]
		r, n := utf8.DecodeRuneInString(rest)
		switch {
		case unicode.IsSpace(r):
			l.advance(n)
		case strings.HasPrefix(rest, "//"):
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest)
			}
			l.advance(n)
		case strings.HasPrefix(rest, "/*"):
			n, err := l.comment(rest)
			if err != nil {
				return err
			}
			l.advance(n)
		default:
			return nil
		}
	}
	return nil
}

// comment gives the length of a block comment, which may hold others.
func (l *lexer) comment(rest string) (int, error) {
	depth := 0
	for i := 0; i < len(rest)-1; {
		switch rest[i : i+2] {
		case "/*":
			depth++
			i += 2
		case "*/":
			depth--
			i += 2
			if depth == 0 {
				return i, nil
			}
		default:
			i++
		}
	}
	return 0, Errorf(Parsing, l.pos(), "comment is not closed")
}

// lex takes the whole text apart. The last token is the end, or one that is bad
// where no token is: what is wrong before it is told of first.
func lex(src string) []token {
	l := &lexer{src: src, line: 1, column: 1}
	var tokens []token
	for {
		err := l.skip()
		var t token
		if err == nil {
			t, err = l.next()
		}
		if err != nil {
			return append(tokens, token{kind: bad, pos: l.pos(), start: l.at, end: l.at, wrong: err})
		}
		tokens = append(tokens, t)
		if t.kind == end {
			return tokens
		}
	}
}

var symbols = []string{"::", "==", "!=", "<=", ">=", "=~", "|", ",", "(", ")", "[", "]", "{", "}", "=", "<", ">", "+", "-", "*", "/", "%", ".", ":", ";"}

func (l *lexer) next() (token, error) {
	t := token{pos: l.pos(), start: l.at}
	if l.at >= len(l.src) {
		t.end = l.at
		return t, nil
	}
	rest := l.src[l.at:]
	var n int
	var err error
	switch c := rest[0]; {
	case c == '"':
		t.kind = text
		t.text, n, err = l.text(rest)
	case c == '`':
		t.kind = quoted
		t.text, n, err = l.backquoted(rest)
	case c == '?':
		t.kind, n = parameter(rest)
		t.text = strings.TrimLeft(rest[:n], "?")
	case c >= '0' && c <= '9', c == '.' && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9':
		t.kind, n = number(rest)
		t.text = rest[:n]
	case wordLength(rest) > 0:
		n = wordLength(rest)
		t.kind, t.text = word, rest[:n]
	default:
		for _, s := range symbols {
			if strings.HasPrefix(rest, s) {
				t.kind, t.text, n = symbol, s, len(s)
				break
			}
		}
		if n == 0 {
			r, _ := utf8.DecodeRuneInString(rest)
			return t, Errorf(Parsing, t.pos, "token recognition error at: '%c'", r)
		}
	}
	if err != nil {
		return t, err
	}
	l.advance(n)
	t.end = l.at
	return t, nil
}

// wordLength is that of the identifier that s begins with; @timestamp is one.
func wordLength(s string) int {
	n := 0
	for i, r := range s {
		letter := r == '_' || r == '@' && i == 0 || r < utf8.RuneSelf && unicode.IsLetter(r)
		if !letter && (i == 0 || r < '0' || r > '9') {
			break
		}
		n = i + utf8.RuneLen(r)
	}
	return n
}

// parameter gives the kind and the length of the parameter that s begins with.
func parameter(s string) (kind, int) {
	k, n := param, 1
	if strings.HasPrefix(s, "??") {
		k, n = nameParam, 2
	}
	if w := wordLength(s[n:]); w > 0 {
		return k, n + w
	}
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return k, n
}

func number(s string) (kind, int) {
	k, i := integer, 0
	digits := func() {
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
	}
	digits()
	if i < len(s) && s[i] == '.' && (i+1 >= len(s) || s[i+1] < 'A') {
		k = decimal
		i++
		digits()
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		j := i + 1
		if j < len(s) && (s[j] == '+' || s[j] == '-') {
			j++
		}
		if j < len(s) && s[j] >= '0' && s[j] <= '9' {
			k, i = decimal, j
			digits()
		}
	}
	return k, i
}

var escapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

// Quote writes a text as a string of ES|QL.
func Quote(s string) string { return `"` + escapes.Replace(s) + `"` }

// text reads a string: """raw""", or "with \" escapes".
func (l *lexer) text(s string) (string, int, error) {
	if strings.HasPrefix(s, `"""`) {
		i := strings.Index(s[3:], `"""`)
		if i < 0 {
			return "", 0, Errorf(Parsing, l.pos(), "string is not closed")
		}
		n := 3 + i + 3
		for n < len(s) && s[n] == '"' && n < 3+i+5 { // up to two quotes may end the text
			n++
		}
		return s[3 : n-3], n, nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; c {
		case '"':
			return b.String(), i + 1, nil
		case '\n', '\r':
			return "", 0, Errorf(Parsing, l.pos(), "string is not closed")
		case '\\':
			i++
			if i >= len(s) {
				break
			}
			escaped, ok := map[byte]byte{'t': '\t', 'n': '\n', 'r': '\r', '"': '"', '\\': '\\'}[s[i]]
			if !ok {
				return "", 0, Errorf(Parsing, l.pos(), "token recognition error at: '\"%s'", s[1:min(i+1, len(s))])
			}
			b.WriteByte(escaped)
		default:
			b.WriteByte(c)
		}
	}
	return "", 0, Errorf(Parsing, l.pos(), "string is not closed")
}

func (l *lexer) backquoted(s string) (string, int, error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '`' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '`' {
			b.WriteByte('`')
			i++
			continue
		}
		return b.String(), i + 1, nil
	}
	return "", 0, Errorf(Parsing, l.pos(), "quoted name is not closed")
}
