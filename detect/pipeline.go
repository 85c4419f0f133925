package detect

import (
	"regexp"
	"strconv"
	"strings"

	"interdict/sources/frame"
)

// pipeline is a query's text cut into its commands. It says what the text does
// before and after its first STATS; the engine alone decides what it means.
type pipeline []command

type command struct {
	name string // lower case: from, where, stats
	text string // whole, without the pipe
}

// cut splits a text at its pipes, but not at those in strings, names and comments.
func cut(text string) pipeline {
	var p pipeline
	var b strings.Builder
	flush := func() {
		t := strings.TrimSpace(b.String())
		b.Reset()
		if t != "" {
			name, _, _ := strings.Cut(strings.ToLower(strings.Join(strings.Fields(t), " ")), " ")
			p = append(p, command{name, t})
		}
	}
	for i := 0; i < len(text); {
		n, keep := token(text[i:])
		switch {
		case !keep:
			b.WriteByte(' ')
		case n == 1 && text[i] == '|':
			flush()
		default:
			b.WriteString(text[i : i+n])
		}
		i += n
	}
	flush()
	return p
}

// token gives the length of what s begins with that is not to be cut: a
// string, a quoted name or a comment (which is not kept), else one byte.
func token(s string) (n int, keep bool) {
	quoted := func(open, end string) int {
		for i := len(open); i < len(s); i++ {
			if open == `"` && s[i] == '\\' {
				i++
				continue
			}
			if strings.HasPrefix(s[i:], end) {
				return i + len(end)
			}
		}
		return len(s)
	}
	switch {
	case strings.HasPrefix(s, `"""`):
		return quoted(`"""`, `"""`), true
	case s[0] == '"':
		return quoted(`"`, `"`), true
	case s[0] == '`':
		return quoted("`", "`"), true
	case strings.HasPrefix(s, "//"):
		return quoted("//", "\n"), false
	case strings.HasPrefix(s, "/*"):
		return quoted("/*", "*/"), false
	}
	return 1, true
}

func (p pipeline) String() string {
	parts := make([]string, len(p))
	for i, c := range p {
		parts[i] = c.text
	}
	return strings.Join(parts, "\n| ")
}

var usesNow = regexp.MustCompile(`(?i)\bnow\s*\(`)

// clocked tells whether the text asks for the time.
func (p pipeline) clocked() bool { return usesNow.MatchString(p.String()) }

// prefix gives the commands that pick rows one by one, as far as they can be
// asked of History: FROM without its metadata, and conditions that do not
// depend on the time.
func (p pipeline) prefix() pipeline {
	var out pipeline
	for i, c := range p {
		switch {
		case i == 0 && c.name == "from":
			text, _, _ := cutFold(c.text, " metadata ")
			out = append(out, command{"from", text})
		case i == 0:
			return nil
		case c.name == "where" && !usesNow.MatchString(c.text):
			out = append(out, c)
		case c.name == "where", c.name == "keep":
		default:
			return out
		}
	}
	return out
}

func cutFold(s, sep string) (before, after string, found bool) {
	if i := strings.Index(strings.ToLower(strings.Join(strings.Fields(s), " ")), sep); i >= 0 {
		flat := strings.Join(strings.Fields(s), " ")
		return flat[:i], flat[i+len(sep):], true
	}
	return s, "", false
}

// separable tells whether the groups of the first STATS do not meet again
// further on, other than in the order and number of rows.
func (p pipeline) separable() bool {
	stats := false
	for _, c := range p {
		switch c.name {
		case "stats":
			if stats {
				return false
			}
			stats = true
		case "limit", "sort":
			if !stats {
				return false
			}
		case "inline", "change_point", "fork", "sample":
			return false
		}
	}
	for i, c := range p {
		if c.name == "limit" && i < len(p)-1 && p[i+1].name != "keep" {
			return false
		}
	}
	return stats
}

// figures gives the text up to the conditions on what STATS counted, and the
// conditions; ok is false when there is nothing of the kind.
func (p pipeline) figures() (text string, conditions []condition, ok bool) {
	stats := -1
	for i, c := range p {
		switch {
		case c.name == "stats" && stats < 0:
			stats = i
		case c.name == "where" && stats >= 0:
			return p[:i].String(), conditionsOf(c.text[len("where"):]), true
		}
	}
	if stats < 0 {
		return "", nil, false
	}
	return p[:stats+1].String(), nil, true
}

// condition is "name op value", as the text has it.
type condition struct {
	name, op, value string
	quoted          bool
}

var (
	conjunction = regexp.MustCompile(`(?i)\s+and\s+`)
	comparison  = regexp.MustCompile("^[\\s(]*`?([A-Za-z_@][\\w.@]*)`?\\s*(==|!=|<=|>=|<|>)\\s*(-?[0-9.]+|\"[^\"]*\")[\\s)]*$")
)

// conditionsOf reads a WHERE as far as it is made of plain comparisons.
func conditionsOf(where string) []condition {
	var out []condition
	for _, part := range conjunction.Split(where, -1) {
		if m := comparison.FindStringSubmatch(part); m != nil {
			out = append(out, condition{m[1], m[2], strings.Trim(m[3], `"`), m[3][0] == '"'})
		}
	}
	return out
}

// value gives what the figures say for the condition's name.
func (c condition) of(f *frame.Frame, row int) (string, bool) {
	col := f.Column(c.name)
	if col == nil || col.IsNull(row) {
		return "", false
	}
	return col.Text(row), true
}

// holds compares; known is false when the condition is not about numbers that can be compared here.
func (c condition) holds(value string) (holds, known bool) {
	a, errA := strconv.ParseFloat(value, 64)
	b, errB := strconv.ParseFloat(c.value, 64)
	if errA != nil || errB != nil {
		switch c.op {
		case "==":
			return value == c.value, true
		case "!=":
			return value != c.value, true
		}
		return false, false
	}
	switch c.op {
	case "==":
		return a == b, true
	case "!=":
		return a != b, true
	case "<":
		return a < b, true
	case "<=":
		return a <= b, true
	case ">":
		return a > b, true
	}
	return a >= b, true
}

// alternatives are words by which not all comparisons of a WHERE must hold.
var alternatives = regexp.MustCompile(`(?i)\b(or|not|case)\b`)

// impossible gives pairs of plain comparisons of one WHERE that no row fits both of.
func (p pipeline) impossible() (out [][2]condition) {
	for _, c := range p {
		if c.name != "where" || alternatives.MatchString(c.text) {
			continue
		}
		all := conditionsOf(c.text[len("where"):])
		for i, b := range all {
			for _, a := range all[:i] {
				if a.excludes(b) {
					out = append(out, [2]condition{a, b})
				}
			}
		}
	}
	return out
}

func (c condition) text() string { return c.name + " " + c.op + " " + c.value }

func (c condition) orders() bool { return c.op[0] == '<' || c.op[0] == '>' }

// excludes tells whether no value fits both.
func (c condition) excludes(o condition) bool {
	if c.name != o.name || c.orders() && c.quoted || o.orders() && o.quoted { // texts, of which "10" comes before "9"
		return false
	}
	for _, pair := range [2][2]condition{{c, o}, {o, c}} {
		one, other := pair[0], pair[1]
		if one.op == "==" {
			if holds, known := other.holds(one.value); known && !holds {
				return true
			}
		}
		low, err := strconv.ParseFloat(one.value, 64)
		high, bad := strconv.ParseFloat(other.value, 64)
		if err == nil && bad == nil && strings.HasPrefix(one.op, ">") && strings.HasPrefix(other.op, "<") &&
			(low > high || low == high && (one.op == ">" || other.op == "<")) {
			return true
		}
	}
	return false
}
