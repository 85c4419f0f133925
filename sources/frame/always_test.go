package frame

import (
	"slices"
	"testing"
)

func TestAlwaysIsInEveryRowThatSetsNothing(t *testing.T) {
	b := NewBuilder([]Field{{"one", Keyword}, {"two", Keyword}, {"n", Long}})
	b.Always(0, "a")
	b.Always(1, "x", "y")
	rows := func(f *Frame, name string) (out []string) {
		for r := range f.Rows {
			out = append(append(out, f.Column(name).Texts(r)...), "|")
		}
		return out
	}
	check := func(f *Frame, name string, want ...string) {
		t.Helper()
		if got := rows(f, name); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	b.Row()
	b.Row()
	first := b.Build()
	for range 3 {
		b.Row()
		b.Int(2, 7)
	}
	b.Keyword(0, "other")
	second := b.Build()
	check(first, "one", "a", "|", "a", "|")
	check(first, "two", "x", "y", "|", "x", "y", "|")
	check(second, "one", "a", "|", "a", "|", "other", "|")
	check(second, "two", "x", "y", "|", "x", "y", "|", "x", "y", "|")
	if first.Column("two").Dict != second.Column("two").Dict {
		t.Error("frames do not share the dictionary of what is always the same")
	}
	if empty := b.Build(); len(empty.Columns) != 0 {
		t.Errorf("a frame without rows has columns %q", empty.Names)
	}
}
