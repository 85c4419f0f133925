package rowgroup

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"interdict/sources/ecs"
	"interdict/sources/frame"
)

type sievedRow struct {
	N     int64    `parquet:"n"`
	Some  *int64   `parquet:"some"`
	Coded *string  `parquet:"coded,dict"`
	Plain *string  `parquet:"plain"`
	Text  string   `parquet:"text"`
	Both  string   `parquet:"both,dict"`
	List  []string `parquet:"list,dict"`
}

// sievedRows have runs of one value, so that pages differ in what they hold.
func sievedRows(rnd *rand.Rand, n int) []sievedRow {
	out := make([]sievedRow, n)
	for i := range out {
		r := sievedRow{N: int64(i), Text: fmt.Sprint("text-", i%37), Both: "same"}
		if rnd.IntN(4) > 0 {
			coded, plain, some := fmt.Sprint("c", i/200), fmt.Sprint("p", i%11), int64(i*3)
			r.Coded, r.Plain, r.Some = &coded, &plain, &some
		}
		for range rnd.IntN(3) {
			r.List = append(r.List, fmt.Sprint("l", rnd.IntN(9)))
		}
		out[i] = r
	}
	return out
}

func opened(t *testing.T, path string) *File {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(file, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestConditionsLeaveOutRowsOfParquetThatCannotMatchAndNoOthers(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	in := sievedRows(rnd, 3000)
	path := filepath.Join(t.TempDir(), "s.parquet")
	// Pages of some hundred bytes, several row groups.
	if err := parquet.WriteFile(path, in, parquet.PageBufferSize(512), parquet.MaxRowsPerRowGroup(1100)); err != nil {
		t.Fatal(err)
	}
	f := opened(t, path)
	all := func(string) bool { return true }
	b := frame.NewBuilder(f.Fields())
	for _, g := range f.Groups {
		part, err := g.Read(t.Context(), all, nil)
		if err != nil || part.Rows != g.Rows() {
			t.Fatal(part, err)
		}
		b.Append(part)
	}
	whole := b.Build()
	for range 300 {
		var where []ecs.Condition
		for range 1 + rnd.IntN(3) {
			name := []string{"coded", "plain", "text", "both", "list"}[rnd.IntN(5)]
			values := whole.Column(name).Texts(rnd.IntN(whole.Rows))
			values = append(values, whole.Column(name).Texts(rnd.IntN(whole.Rows))...)
			if rnd.IntN(9) == 0 {
				values = []string{"none"}
			}
			where = append(where, ecs.Condition{Field: name, Takes: func(v string) bool { return slices.Contains(values, v) }})
		}
		got := map[string]string{}
		last := -1
		for _, g := range f.Groups {
			f, err := g.Read(t.Context(), all, where)
			if err != nil {
				t.Fatal(err)
			}
			for r := range f.Rows {
				n, _ := f.Int("n", r)
				if int(n) <= last {
					t.Fatalf("row %d comes after %d", n, last)
				}
				last = int(n)
				for _, name := range whole.Names {
					was, is := fmt.Sprint(whole.Column(name).Value(int(n))), "<nil>"
					if c := f.Column(name); c != nil {
						is = fmt.Sprint(c.Value(r))
					}
					if was != is {
						t.Fatalf("row %d has %s %s, want %s", n, name, is, was)
					}
				}
				got[fmt.Sprint(n)] = ""
			}
		}
		for r := range whole.Rows {
			if _, there := got[fmt.Sprint(r)]; !there && !slices.ContainsFunc(where, func(c ecs.Condition) bool {
				return !slices.ContainsFunc(whole.Column(c.Field).Texts(r), c.Takes)
			}) {
				t.Fatalf("row %d is missing", r)
			}
		}
	}
}

// Pages without nulls before and behind those that have some.
func TestNullsStandInTheirRowsWhateverPagesComeBefore(t *testing.T) {
	type row struct {
		Int  *int64   `parquet:"int"`
		Real *float64 `parquet:"real"`
		Text *string  `parquet:"text"`
	}
	in := make([]row, 3000)
	for i := range in {
		if i < 1000 || i >= 2000 || i%3 > 0 {
			n, x, s := int64(i), float64(i)/2, fmt.Sprint("text-", i)
			in[i] = row{&n, &x, &s}
		}
	}
	path := filepath.Join(t.TempDir(), "n.parquet")
	if err := parquet.WriteFile(path, in, parquet.PageBufferSize(512)); err != nil {
		t.Fatal(err)
	}
	f, err := opened(t, path).Groups[0].Read(t.Context(), func(string) bool { return true }, nil)
	if err != nil || f.Rows != len(in) {
		t.Fatal(f, err)
	}
	for i, want := range in {
		n, x, s := f.Column("int").Value(i), f.Column("real").Value(i), f.Column("text").Value(i)
		if want.Int == nil && (n != nil || x != nil || s != nil) || want.Int != nil && (n != *want.Int || x != *want.Real || s != *want.Text) {
			t.Fatalf("row %d is %v, %v, %v", i, n, x, s)
		}
	}
}

func TestPagesWithoutWantedRowsAreNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.parquet")
	if err := parquet.WriteFile(path, sievedRows(rand.New(rand.NewPCG(1, 2)), 3000), parquet.PageBufferSize(512)); err != nil {
		t.Fatal(err)
	}
	f := opened(t, path)
	g := f.Groups[0]
	i := slices.IndexFunc(f.leaves, func(l leaf) bool { return l.Name == "n" })
	chunk := g.group.ColumnChunks()[f.leaves[i].column.Index()]
	begin, err := g.checkPages(&f.leaves[i])
	if err != nil {
		t.Fatal(err)
	}
	ends := g.pageEnds(chunk, begin)
	if unseen := g.pageEnds(chunk, begin[:len(begin)-1]); len(ends) < 2 || unseen != nil {
		t.Fatalf("pages end at %v; with one that nobody looked at, at %v", ends, unseen)
	}
	pages := chunk.Pages()
	defer pages.Close()
	fill := newFiller(&f.leaves[i], 3000, []uint32{2000})
	if err := skipPages(pages, fill, ends); err != nil {
		t.Fatal(err)
	}
	if fill.rows == 0 || fill.rows > 2000 || !slices.Contains(ends, fill.rows) {
		t.Errorf("reading goes on at row %d, pages end at %v", fill.rows, ends)
	}
	c, err := g.column(&f.leaves[i], []uint32{3, 2000, 2999}, nil)
	if err != nil || fmt.Sprint(c.Ints) != "[3 2000 2999]" {
		t.Errorf("%v %v", c, err)
	}
}

func TestOfTwoColumnsOfOneNameTheSecondBoundsNothing(t *testing.T) {
	type row struct {
		Deep struct {
			At string `parquet:"at"`
		} `parquet:"deep"`
		At time.Time `parquet:"deep.at,timestamp"`
	}
	var b bytes.Buffer
	if err := parquet.Write(&b, []row{{At: time.UnixMilli(1)}}); err != nil {
		t.Fatal(err)
	}
	f, err := Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if fields := f.Fields(); len(fields) != 2 || fields[0] != (frame.Field{Name: "deep.at", Type: frame.Keyword}) || fields[1].Name != fields[0].Name {
		t.Fatal(fields)
	}
	if from, to, ok := f.Groups[0].Span("deep.at"); ok {
		t.Errorf("%d to %d", from, to)
	}
}
