package esql_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"interdict/sources"
	"interdict/sources/esql"
	"interdict/sources/frame"
)

// TestGroupsOfManyTextsAreTheSameWhoeverHasThemInADictionary groups by two keys
// whose combinations are mostly new in the first two tables, and then known: so
// texts are compared, and later interned. Empty texts and nulls are not the same.
func TestGroupsOfManyTextsAreTheSameWhoeverHasThemInADictionary(t *testing.T) {
	const rows = 9000
	known, want := tables{}, map[string]int{}
	var order []string
	for name, textOf := range map[string]func(r int) int{
		"t1": func(r int) int { return r },
		"t2": func(r int) int { return r + rows/2 },
		"t3": func(r int) int { return r % 100 },
	} {
		b := frame.NewBuilder([]frame.Field{{Name: "who", Type: frame.Keyword}, {Name: "what", Type: frame.Keyword}})
		for r := range rows {
			b.Row()
			b.Keyword(0, fmt.Sprint("user ", textOf(r)%7))
			switch n := textOf(r); {
			case n%50 == 0:
			case n%50 == 1:
				b.Keyword(1, "")
			default:
				b.Keyword(1, fmt.Sprint("does ", n))
			}
		}
		known[name] = b.Build()
	}
	for _, name := range []string{"t1", "t2", "t3"} {
		for r := range rows {
			key := fmt.Sprint(known[name].Column("who").Value(r), " ", known[name].Column("what").Value(r))
			if want[key]++; want[key] == 1 {
				order = append(order, key)
			}
		}
	}
	for i, key := range order {
		order[i] = fmt.Sprint(key, " ", want[key])
	}
	if len(order) < 10_000 {
		t.Fatalf("%d groups are too few to try this", len(order))
	}
	for _, segment := range []int{1 << 20, 700} {
		f, _, err := esql.Run(t.Context(), esql.With(known.segmented(segment), known), sources.Query{Text: `FROM t* | STATS c = COUNT(*) BY who, what | SORT c | STATS all = COUNT(*), rows = SUM(c) `})
		if err != nil {
			t.Fatal(err)
		}
		if groups, _ := f.Int("all", 0); groups != int64(len(order)) {
			t.Errorf("%d groups, %d wanted", groups, len(order))
		}
		if n, _ := f.Int("rows", 0); n != 3*rows {
			t.Errorf("%d rows in them, %d wanted", n, 3*rows)
		}
		f, _, err = esql.Run(t.Context(), esql.With(known.segmented(segment), known), sources.Query{Text: `FROM t* | STATS c = COUNT(*) BY who, what | LIMIT 10000`})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for r := range f.Rows {
			got = append(got, fmt.Sprint(f.Column("who").Value(r), " ", f.Column("what").Value(r), " ", f.Column("c").Value(r)))
		}
		if d := cmp.Diff(order[:10_000], got); d != "" {
			t.Errorf("segments of %d rows: (-want +got)\n%s", segment, d)
		}
	}
}
