package esql_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"interdict/sources/esql"
	"interdict/sources/esql/exec"
	"interdict/sources/esql/parse"
	"interdict/sources/esql/plan"
	"interdict/sources/frame"
)

// FuzzQuery asks any text of a small table: it ends in rows, in an error about
// the text, or in one that says that it needs too much memory.
func FuzzQuery(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	known := tables{}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for block := range strings.SplitSeq(string(raw), "\n\n") {
			if name, rows, ok := tableOf(f, path, block); ok {
				known[name] = rows
			} else if question, _, ok := strings.Cut(block, "\n----"); ok {
				f.Add(question)
			}
		}
	}
	for _, s := range greedy {
		f.Add(s)
	}
	cat := known.segmented(2)
	f.Fuzz(func(t *testing.T, s string) {
		rows, err := inLittleMemory(cat, s)
		var wrong *parse.Error
		switch {
		case err == nil:
			for i, c := range rows.Columns {
				for r := range rows.Rows {
					if lo, hi := c.Range(r); hi < lo {
						t.Fatalf("row %d of %s has %d to %d", r, rows.Names[i], lo, hi)
					}
					_ = c.Value(r)
				}
			}
		case !errors.As(err, &wrong) && !errors.Is(err, exec.ErrMemory):
			t.Fatalf("%s: %v", s, err)
		}
	})
}

// inLittleMemory runs a query with a bound on its memory that is soon reached.
func inLittleMemory(cat catalog, text string) (*frame.Frame, error) {
	q, err := parse.Parse(text)
	if err != nil {
		return nil, err
	}
	o := exec.Options{Limit: esql.DefaultLimit, Bytes: 8 << 20, Window: exec.Window{From: math.MinInt64, To: math.MaxInt64}}
	var fields []frame.Field
	if from, ok := q.Commands[0].(*parse.From); ok {
		found, ok := cat.Table(from.Patterns)
		if !ok {
			return &frame.Frame{}, nil
		}
		fields, o.Table = found.Fields(), found
	}
	p, err := plan.Check(q, fields, nil, clock)
	if err != nil {
		return nil, err
	}
	result, err := exec.Run(context.Background(), p, o)
	return result.Frame, err
}

// greedy texts want time or memory without end.
var greedy = []string{
	"ROW a = [1,2,3,4,5,6,7,8,9,10]" + strings.Repeat(" | EVAL b = a | MV_EXPAND b", 12),
	"ROW a = [1,2]" + strings.Repeat(" | EVAL a = MV_APPEND(a, a)", 64) + " | EVAL n = MV_COUNT(a)",
	"ROW a = " + strings.Repeat("MV_APPEND([1,2], ", 190) + "3" + strings.Repeat(")", 190),
	"ROW a = " + strings.Repeat("MV_ZIP([\"a\",\"b\"], ", 190) + "\"c\"" + strings.Repeat(")", 190),
	"ROW a = [1,2] | EVAL a = " + strings.Repeat("MV_APPEND(a, ", 190) + "a" + strings.Repeat(")", 190),
	"ROW a = \"xx\"" + strings.Repeat(" | EVAL a = CONCAT(a, a)", 64) + " | EVAL n = LENGTH(a)",
	"ROW a = \"%%\"" + strings.Repeat(" | EVAL a = URL_ENCODE(a)", 64) + " | EVAL n = LENGTH(a)",
	"ROW a = [\"x\", \"y\"]" + strings.Repeat(" | EVAL a = MV_ZIP(a, a)", 64),
	"FROM people" + strings.Repeat(" | EVAL t = REPEAT(CONCAT(name, id::keyword), 100000), u = CONCAT(t, team)", 20) + " | STATS n = count() BY t",
	"ROW a = \"2024-01-01\"::date | STATS c = COUNT(*) BY b = BUCKET(a, 2000000000, \"0001-01-01\", \"9999-01-01\")",
	"ROW a = \"x\" | WHERE a RLIKE \"((a{0,30}){0,30}){0,30}\"",
	"ROW a = \"x\" | WHERE a LIKE \"" + strings.Repeat("*a", 500) + "\"",
	"ROW a = " + strings.Repeat("(", 150) + "1" + strings.Repeat(")", 150),
	"ROW a = 1 | EVAL b = " + strings.Repeat("NOT ", 150) + "true",
	"ROW a = 1" + strings.Repeat(", a = a + 1", 3000),
	"FROM people | WHERE id == 1" + strings.Repeat(" OR id == 2", 4000),
	"FROM people | EVAL x = id" + strings.Repeat(" + id", 9000),
	"FROM people | KEEP " + strings.Repeat("nosuchcolumn, ", 2000) + "id",
	"FROM people | WHERE " + strings.Repeat("x", 100_000) + " == 1",
	"ROW a = 1" + strings.Repeat(" | EVAL a = a", 499),
	"ROW a = \"x\" | GROK a \"" + strings.Repeat("%{IP:a}", 50) + "\"",
	"ROW a = \"x\" | DISSECT a \"" + strings.Repeat("%{a} ", 5000) + "\"",
}
