package grid

import (
	"fmt"
	"slices"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

type list []string

func (l list) Len() int        { return len(l) }
func (l list) ID(i int) string { return l[i] }
func (l list) Index(id string) (int, bool) {
	i := slices.Index(l, id)
	return i, i >= 0
}

func under(t *testing.T, g *Grid[string], want string, line int) {
	t.Helper()
	id, ok := g.Cursor()
	lo, _ := g.Visible()
	if !ok || id != want || g.Index()-lo != line {
		t.Errorf("cursor on %q (%v) at line %d, want %q at line %d", id, ok, g.Index()-lo, want, line)
	}
}

func TestTheCursorStaysWithItsRowWhileOthersArrive(t *testing.T) {
	g := New[string](list{"a", "b", "c", "d", "e"}, Top)
	g.SetHeight(3)
	g.Move(1)
	under(t, g, "b", 1)
	g.SetRows(list{"x", "y", "z", "a", "b", "c", "d", "e"})
	under(t, g, "b", 1)
	if g.Above() != 3 {
		t.Errorf("%d new above, want 3", g.Above())
	}
	g.First()
	under(t, g, "x", 0)
	if g.Above() != 0 || !g.Following() {
		t.Errorf("at the top: %d above, following %v", g.Above(), g.Following())
	}
}

func TestAFollowingGridStaysAtItsEnd(t *testing.T) {
	top := New[string](list{"a"}, Top)
	top.SetRows(list{"b", "a"})
	under(t, top, "b", 0)
	bottom := New[string](list{"a", "b"}, Bottom)
	bottom.SetHeight(2)
	bottom.SetRows(list{"a", "b", "c"})
	under(t, bottom, "c", 1)
	bottom.Move(-1)
	bottom.SetRows(list{"a", "b", "c", "d"})
	under(t, bottom, "b", 0)
	bottom.Last()
	bottom.SetRows(list{"b", "c", "d", "e"})
	under(t, bottom, "e", 1)
}

func TestARowThatLeavesGivesItsPlaceToTheNext(t *testing.T) {
	g := New[string](list{"a", "b", "c"}, Top)
	g.SetHeight(3)
	g.Move(1)
	g.SetRows(list{"a", "c"})
	under(t, g, "c", 1)
	g.SetRows(list{})
	if _, ok := g.Cursor(); ok {
		t.Error("a cursor without rows")
	}
	g.Move(3)
	g.SetRows(list{"n"})
	under(t, g, "n", 0)
}

func TestColumnsNeverTakeMoreThanTheirWidth(t *testing.T) {
	columns := []Column{{Title: "LIVE", Width: 8}, {Title: "HOST", Width: 10, Flex: 1}, {Title: "WHAT", Width: 12, Flex: 2}, {Title: "AGE", Width: 4, Right: true, Drop: 1}}
	cells := []Cell{{Text: "SENDING"}, {Text: "日本日本日本日本"}, {Text: "\x1b[2Jscp"}, {Text: "12s"}}
	for width := 0; width < 140; width++ {
		line := Line(columns, Fit(columns, width), cells)
		if n := ansi.StringWidth(line); n > width || (width >= 40 && n != width) {
			t.Fatalf("width %d: line of %d cells: %q", width, n, line)
		}
	}
}

type million struct{ n, from int }

func (m million) Len() int                 { return m.n }
func (m million) ID(i int) int             { return m.from + i }
func (m million) Index(id int) (int, bool) { return id - m.from, id >= m.from && id < m.from+m.n }

// A frame of 45 rows out of a million, with a key and an arrival before each.
func BenchmarkMillionRows(b *testing.B) {
	columns := []Column{{Width: 12}, {Width: 8, Right: true}, {Width: 20, Flex: 1}, {Width: 30, Flex: 2}}
	rows := million{n: 1_000_000}
	g := New[int](rows, Bottom)
	g.SetHeight(45)
	cells := make([]Cell, len(columns))
	for b.Loop() {
		rows.from++
		g.SetRows(rows)
		g.Move(-1)
		widths := Fit(columns, 160)
		lo, hi := g.Visible()
		for i := lo; i < hi; i++ {
			id := rows.ID(i)
			cells[0].Text, cells[1].Text = "12:00:00.000", fmt.Sprint(id)
			cells[2].Text, cells[3].Text = "/usr/bin/scp", "scp -q /tmp/customers.tar.gz deploy@203.0.113.9:in/"
			_ = Line(columns, widths, cells)
		}
	}
}
