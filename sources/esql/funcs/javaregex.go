package funcs

import (
	"fmt"
	"regexp"
	"strings"
)

// replaceRow makes REPLACE. It keeps what was compiled last, since it rarely
// differs by row.
func replaceRow(c *Call) (func(*Row), error) {
	x := &replacer{}
	if p, ok := c.ConstStr(1); ok {
		if err := x.compile(p); err != nil {
			return nil, fmt.Errorf("invalid regular expression for [%s]: %w", c.Source, err)
		}
	}
	return x.row, nil
}

// replacer is a regular expression and a replacement of Java's.
type replacer struct {
	pattern  string
	re       *regexp.Regexp
	to       string
	template string
	wrong    error        // with the replacement, which matters where something is replaced
	known    memo[string] // of the dictionary of the first argument
}

func (x *replacer) row(r *Row) {
	if err := x.prepare(r.Str(1), r.Str(2)); err != nil {
		r.Fail("%s", err)
		return
	}
	if x.wrong != nil && x.re.MatchString(r.Str(0)) {
		r.Fail("%s", x.wrong)
		return
	}
	out := x.known.at(r, 0, 0)
	if len(out) > maxString {
		r.Fail("java.lang.IllegalArgumentException: Creating strings with more than [%d] bytes is not supported", maxString)
		return
	}
	r.SetStr(out)
}

// prepare makes the replacer ready for a pattern and a replacement.
func (x *replacer) prepare(pattern, to string) error {
	if x.re != nil && x.known.make != nil && pattern == x.pattern && to == x.to {
		return nil
	}
	if err := x.compile(pattern); err != nil {
		return fmt.Errorf("java.util.regex.PatternSyntaxException: %w", err)
	}
	var err error
	x.template, err = goTemplate(to, x.re)
	x.to, x.wrong = to, err
	re, template := x.re, x.template
	x.known = memo[string]{make: func(s string) string { return replaceBounded(re, s, template) }}
	return nil
}

func (x *replacer) compile(pattern string) error {
	if x.re != nil && pattern == x.pattern {
		return nil
	}
	x.re = nil
	text, err := goRegex(pattern)
	if err != nil {
		return err
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return err
	}
	x.pattern, x.re, x.known = pattern, re, memo[string]{}
	return nil
}

// replaceBounded replaces all matches. It stops soon after the result has
// become longer than maxString.
func replaceBounded(re *regexp.Regexp, s, template string) string {
	var b []byte
	last := 0
	for _, m := range re.FindAllStringSubmatchIndex(s, -1) {
		b = append(b, s[last:m[0]]...)
		b = re.ExpandString(b, template, s, m)
		last = m[1]
		if len(b) > maxString {
			return string(b)
		}
	}
	if b == nil {
		return s[last:]
	}
	return string(append(b, s[last:]...))
}

// goRegex turns Java's syntax into Go's where they differ and both can say it.
// Look-around, back references, possessive quantifiers and intersections of
// classes have no counterpart: regexp.Compile or goRegex refuses them.
func goRegex(p string) (string, error) {
	for _, around := range []string{"(?=", "(?!", "(?<=", "(?<!"} {
		if strings.Contains(p, around) {
			return "", fmt.Errorf("look-around [%s] is not supported by this engine", around)
		}
	}
	var b strings.Builder
	depth := 0 // of character classes
	atom := 0  // where in b the last thing that can be repeated begins
	repeated := false
	for i := 0; i < len(p); i++ {
		c := p[i]
		before := repeated // says how often something stands
		repeated = strings.IndexByte("*+?}", c) >= 0
		if depth == 0 && strings.IndexByte("*+?{}", c) < 0 {
			atom = b.Len()
		}
		switch {
		case c == '\\' && i+1 < len(p):
			n, text, err := goEscape(p[i+1:], depth > 0)
			if err != nil {
				return "", err
			}
			b.WriteString(text)
			i += n
		case c == '+' && depth == 0 && before:
			if !plainlyPossessive(b.String()[atom:], p[i+1:]) {
				return "", fmt.Errorf("a possessive quantifier is not supported here: %s", p)
			}
		case c == '{' && depth == 0 && !javaRepetition.MatchString(p[i:]):
			return "", illegalRepetition(p, i)
		case c == '[' && depth == 0:
			depth = 1
			b.WriteByte(c)
			rest := p[i+1:]
			if strings.HasPrefix(rest, "^") {
				i++
				rest = rest[1:]
				b.WriteByte('^')
			}
			if strings.HasPrefix(rest, "]") { // comes first, so it is a member
				i++
				b.WriteString(`\]`)
			}
		case c == '[':
			return "", fmt.Errorf("a character class inside another one is not supported: %s", p)
		case c == '&' && depth > 0 && strings.HasPrefix(p[i:], "&&"):
			return "", fmt.Errorf("an intersection of character classes is not supported: %s", p)
		case c == ']' && depth > 0:
			depth = 0
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

// javaRepetition is how often something stands, and open one without its end;
// Java takes no other brace.
var (
	javaRepetition = regexp.MustCompile(`^\{\d+(,\d*)?\}`)
	open           = regexp.MustCompile(`^\{\d+(,\d*)?$`)
)

// illegalRepetition says as Java does what is wrong with the { at i.
func illegalRepetition(p string, i int) error {
	if open.MatchString(p[i:]) {
		return fmt.Errorf("Unclosed counted closure near index %d\n%s", len(p), p)
	}
	mark := ""
	if i+1 < len(p) {
		mark = "\n" + strings.Repeat(" ", i+1) + "^"
	}
	return fmt.Errorf("Illegal repetition near index %d\n%s%s", i+1, p, mark)
}

// plainlyPossessive tells whether a repetition that gives nothing back is the
// same as one that does: the character after it is none that it takes.
func plainlyPossessive(repeated, next string) bool {
	next, escaped := strings.CutPrefix(next, `\`)
	if next == "" || letterOrDigit(next[0]) || !escaped && strings.IndexByte("[(.$^|)", next[0]) >= 0 {
		return false
	}
	one := strings.TrimRight(repeated, "*+?")
	re, err := regexp.Compile(`^(?:` + one + `)$`)
	return err == nil && !re.MatchString(next[:1])
}

// javaClasses are what Java's letters stand for inside of a class.
var javaClasses = map[byte]string{
	's': `\s\x0b`,
	'h': `\t \x{a0}\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}`,
	'v': `\n\x0b\f\r\x{85}\x{2028}\x{2029}`,
}

// goEscape turns what follows a backslash; n is how much of it was read.
func goEscape(p string, class bool) (n int, text string, err error) {
	c := p[0]
	if members, ok := javaClasses[c]; ok {
		if class {
			return 1, members, nil
		}
		return 1, "[" + members + "]", nil
	}
	switch c {
	case 'S':
		if !class {
			return 1, `[^\s\x0b]`, nil
		}
	case 'Z':
		return 1, `\n?\z`, nil
	case 'e':
		return 1, `\x1b`, nil
	case 'R':
		return 1, `(?:\r\n|[\n\x0b\f\r\x{85}\x{2028}\x{2029}])`, nil
	case 'u':
		if len(p) >= 5 && hexDigits(p[1:5]) {
			return 5, `\x{` + p[1:5] + `}`, nil
		}
	case 'p', 'P':
		if n, text, ok := posixClass(p, class); ok {
			return n, text, nil
		}
		return braced(p)
	case 'x':
		return braced(p)
	case 'Q':
		body, _, found := strings.Cut(p[1:], `\E`)
		if !found {
			return len(p), regexp.QuoteMeta(body), nil
		}
		return 1 + len(body) + 2, regexp.QuoteMeta(body), nil
	}
	switch {
	case c >= 0x80: // stands for itself
		return 0, "", nil
	case !letterOrDigit(c) && class:
		return 1, `\` + p[:1], nil
	case !letterOrDigit(c):
		return 1, regexp.QuoteMeta(p[:1]), nil
	}
	return 1, `\` + p[:1], nil
}

// braced leaves p{L} and x{41} as they are: these braces repeat nothing.
func braced(p string) (n int, text string, err error) {
	n = 1
	if strings.HasPrefix(p[1:], "{") {
		n = strings.IndexByte(p, '}') + 1
	}
	if n == 0 {
		return 0, "", fmt.Errorf("a brace is not closed: %s", p)
	}
	return n, `\` + p[:n], nil
}

// posixClass reads p{Alpha} and its like.
func posixClass(p string, class bool) (n int, text string, ok bool) {
	for _, name := range []string{"Lower", "Upper", "ASCII", "Alpha", "Digit", "Alnum", "Punct", "Graph", "Print", "Blank", "Cntrl", "XDigit", "Space"} {
		if !strings.HasPrefix(p[1:], "{"+name+"}") {
			continue
		}
		not := ""
		if p[0] == 'P' {
			not = "^"
		}
		text = "[:" + not + strings.ToLower(name) + ":]"
		if !class {
			text = "[" + text + "]"
		}
		return len(name) + 3, text, true
	}
	return 0, "", false
}

func letterOrDigit(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func hexDigits(s string) bool {
	for i := range len(s) {
		if strings.IndexByte("0123456789abcdefABCDEF", s[i]) < 0 {
			return false
		}
	}
	return true
}

// goTemplate turns Java's replacement ($1, ${name}, \$) into Go's. As in Java, a
// number takes digits as long as there is such a group.
func goTemplate(s string, re *regexp.Regexp) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			if i++; i == len(s) {
				return "", fmt.Errorf("java.lang.IllegalArgumentException: character to be escaped is missing")
			}
			b.WriteString(strings.ReplaceAll(s[i:i+1], "$", "$$"))
		case c == '$':
			n, group, err := groupRef(s[i+1:], re)
			if err != nil {
				return "", err
			}
			b.WriteString("${" + group + "}")
			i += n
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

func groupRef(s string, re *regexp.Regexp) (n int, group string, err error) {
	if strings.HasPrefix(s, "{") {
		name, _, found := strings.Cut(s[1:], "}")
		if !found || re.SubexpIndex(name) < 0 {
			return 0, "", fmt.Errorf("java.lang.IllegalArgumentException: No group with name {%s}", name)
		}
		return len(name) + 2, name, nil
	}
	number := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		next := number*10 + int(s[n]-'0')
		if n > 0 && next > re.NumSubexp() {
			break
		}
		number = next
		n++
	}
	switch {
	case n == 0:
		return 0, "", fmt.Errorf("java.lang.IllegalArgumentException: Illegal group reference")
	case number > re.NumSubexp():
		return 0, "", fmt.Errorf("java.lang.IndexOutOfBoundsException: No group %d", number)
	}
	return n, fmt.Sprint(number), nil
}
