package frame

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var schema = []Field{{"k", Keyword}, {"n", Long}, {"f", Double}, {"ip", IP}, {"b", Boolean}}

func TestSnapshotStaysAsItWasWhileTheBuilderGrows(t *testing.T) {
	b := NewBuilder(schema)
	var want []string
	var snaps []*Frame
	rnd := rand.New(rand.NewPCG(1, 2))
	for r := range 300 {
		b.Row()
		for range rnd.IntN(3) {
			b.Keyword(0, fmt.Sprint("v", rnd.IntN(20)))
		}
		if rnd.IntN(2) == 0 {
			b.Int(1, int64(r))
		}
		if rnd.IntN(5) == 0 {
			b.Float(2, float64(r)/4)
		}
		if rnd.IntN(50) == 0 {
			b.IP(3, netip.MustParseAddr("203.0.113.9"))
		}
		if r%37 == 0 {
			s := b.Snapshot()
			snaps, want = append(snaps, s), append(want, dump(s))
		}
	}
	for i, s := range snaps {
		if diff := cmp.Diff(want[i], dump(s)); diff != "" {
			t.Fatalf("snapshot %d changed: %s", i, diff)
		}
	}
}

func TestAppendGivesTheRowsOfBothFrames(t *testing.T) {
	one, two := NewBuilder(schema), NewBuilder(schema)
	one.Row()
	one.Keyword(0, "a")
	one.Row()
	two.Row()
	two.Keywords(0, []string{"b", "a"})
	two.Bool(4, true)
	f1, f2 := one.Build(), two.Build()
	all := NewBuilder(nil)
	all.Append(f1)
	all.Append(f2)
	got := all.Snapshot()
	want := "k=a b=<nil> |k=<nil> b=<nil> |k=[b a] b=true |"
	if dump(got) != want {
		t.Errorf("got %q, want %q", dump(got), want)
	}
	if dump(got.Gather([]uint32{2, 0})) != "k=[b a] b=true |k=a b=<nil> |" {
		t.Errorf("gathered %q", dump(got.Gather([]uint32{2, 0})))
	}
}

func TestDropRowTakesBackAllThatWasSet(t *testing.T) {
	b := NewBuilder(schema)
	b.Row()
	b.Keyword(0, "a")
	b.Row()
	b.Keywords(0, []string{"x", "y"})
	b.Int(1, 7)
	b.DropRow()
	b.Row()
	b.Int(1, 8)
	if got := dump(b.Build()); got != "k=a n=<nil> |k=<nil> n=8 |" {
		t.Errorf("got %q", got)
	}
}

func dump(f *Frame) string {
	s := ""
	for r := range f.Rows {
		for i, c := range f.Columns {
			s += fmt.Sprintf("%s=%v ", f.Names[i], c.Value(r))
		}
		s += "|"
	}
	return s
}
