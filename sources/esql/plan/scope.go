package plan

import (
	"slices"
	"strings"

	"interdict/sources/esql/parse"
)

// scope is the columns that a step sees, in order. Names are distinct.
type scope []Column

func (s scope) find(name string) (Column, bool) {
	for i := range s {
		if s[i].Name == name {
			return s[i], true
		}
	}
	return Column{}, false
}

// without gives the scope without a name.
func (s scope) without(name string) scope {
	return slices.DeleteFunc(slices.Clone(s), func(c Column) bool { return c.Name == name })
}

// put gives the scope with a column at its end, instead of one of that name.
func (s scope) put(c Column) scope { return append(s.without(c.Name), c) }

func (s scope) names() []string {
	out := make([]string, len(s))
	for i := range s {
		out[i] = s[i].Name
	}
	return out
}

// match gives the columns that a pattern names.
func (s scope) match(pattern string) []Column {
	var out []Column
	for _, c := range s {
		if star(pattern, c.Name) {
			out = append(out, c)
		}
	}
	return out
}

// star matches * against any text.
func star(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	last := len(parts) - 1
	if last == 0 {
		return pattern == s
	}
	if !strings.HasPrefix(s, parts[0]) {
		return false
	}
	s = s[len(parts[0]):]
	for _, p := range parts[1:last] {
		i := strings.Index(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return strings.HasSuffix(s, parts[last])
}

// keep picks columns: exact names beat patterns, patterns beat *, and among
// equals the later mention gives the place.
func (c *checker) keep(names []parse.Name) scope {
	var out scope
	rank := map[string]int{}
	for _, n := range names {
		found, prio := c.named(n)
		for _, col := range found {
			if before, ok := rank[col.Name]; ok && before < prio {
				continue
			}
			rank[col.Name] = prio
			out = out.put(col)
		}
	}
	return out
}

func (c *checker) named(n parse.Name) ([]Column, int) {
	switch {
	case n.Pattern && n.Text == "*":
		return c.scope, 4
	case n.Pattern:
		found := c.scope.match(n.Text)
		if len(found) == 0 {
			c.problem(n.Pos, "No matches found for pattern [%s]", n.Text)
		}
		return found, 3
	}
	col, ok := c.column(n.Pos, n.Text)
	if !ok {
		return nil, 0
	}
	return []Column{col}, 1
}

// column finds a name, or says that there is none.
func (c *checker) column(at parse.Pos, name string) (Column, bool) {
	col, ok := c.scope.find(name)
	if !ok {
		hint := ""
		if len(c.problems) < maxHints {
			hint = didYouMean(name, c.scope.names())
		}
		c.problem(at, "Unknown column [%s]%s", name, hint)
	}
	return col, ok
}

// maxHints bounds how many problems get a hint, which costs more than finding them.
const maxHints = 50

func didYouMean(name string, among []string) string {
	near := parse.Near(name, among)
	switch len(near) {
	case 0:
		return ""
	case 1:
		return ", did you mean [" + near[0] + "]?"
	}
	return ", did you mean any of [" + strings.Join(near, ", ") + "]?"
}
