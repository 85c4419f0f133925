package parse

import (
	"errors"
	"strings"
	"testing"
)

// FuzzParse reads any text: it ends in a tree whose nodes have places in the
// text, or in an error that has one.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`FROM logs-*, -x METADATA _id, _index | WHERE a.b == "x" AND NOT c IN (1, 2.5, ?p) | STATS n = COUNT(*) WHERE d > 1, MAX(e) BY f, g = BUCKET(h, 1 hour) | SORT n DESC NULLS LAST | LIMIT 10`,
		"ROW a = [1, -2], `b c` = \"\"\"x\"y\"\"\", d = null::integer | EVAL e = CASE(a > 1, \"\\\"\", d), f = 1 day + 2 hours /* x /* y */ */ // z",
		`FROM a | DISSECT m "%{x} %{+y}" APPEND_SEPARATOR = "-" | GROK n "%{WORD:w}", "z" | MV_EXPAND x | ENRICH p ON k WITH q = r | LOOKUP JOIN t ON k, l | RENAME a AS b, c = d | KEEP a*, b | DROP c.*`,
		`FROM a | WHERE x LIKE ("a*", "b?") OR y NOT RLIKE ".*" OR z : "m" OR q IS NOT NULL OR MATCH(t, "u", {"operator": "AND"}) | INLINE STATS s = SUM(v) | FORK (WHERE a) (LIMIT 1)`,
		`SHOW INFO`, `ROW ?? | KEEP ??c, ?1`, strings.Repeat("(", 300), "ROW a = " + strings.Repeat("-", 300) + "1", "ROW a = " + strings.Repeat("1+", 20000) + "1", "FROM a" + strings.Repeat("|LIMIT 1", 600),
		"ROW a = 99999999999999999999, b = 1e400", "\"", "`", "/*", "?", "FROM \xff", "ROW é = 1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := Parse(s, Param{Name: "p", Value: "v"}, Param{Value: 3})
		if err != nil {
			placed(t, s, err)
			return
		}
		for _, c := range q.Commands {
			if at := c.At(); at.Line < 1 || at.Column < 1 {
				t.Fatalf("%s stands nowhere", c.Keyword())
			}
		}
	})
}

func placed(t *testing.T, s string, err error) {
	t.Helper()
	var wrong *Error
	if !errors.As(err, &wrong) || len(wrong.Problems) == 0 {
		t.Fatalf("an error of another kind: %v", err)
	}
	lines := strings.Split(s, "\n")
	for _, p := range wrong.Problems {
		if p.Line < 1 || p.Line > len(lines) || p.Column < 1 || p.Column > len([]rune(lines[p.Line-1]))+1 {
			t.Fatalf("%v is outside of the text", p)
		}
	}
}

// FuzzQueryStrings reads any text as KQL and as Lucene's.
func FuzzQueryStrings(f *testing.F) {
	for _, s := range []string{`a: b and not (c: "d e" or f >= 3)`, `x:[1 TO 5} OR -y:z*`, `_exists_:a +b !c`, `a: (b or "c")`, `a\:b : \*`, "a:{b:c}", strings.Repeat("(", 500), "not not not", `"`, ":", "*:*"} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, s string) {
		_, _ = KQL(s, Node{})
		_, _ = QueryString(s, Node{})
	})
}
