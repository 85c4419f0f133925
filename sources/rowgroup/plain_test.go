package rowgroup

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"interdict/sources/ecs"
)

type plainRow struct {
	N    int64  `parquet:"n"`
	Kind string `parquet:"kind,dict"`
	Must string `parquet:"must,plain"`
	Deep struct {
		May *string `parquet:"may,plain"`
	} `parquet:"deep,optional"`
}

func plainRows() []plainRow {
	out := make([]plainRow, 3000)
	for i := range out {
		out[i].N, out[i].Kind, out[i].Must = int64(i), fmt.Sprint("kind ", i/700), strings.Repeat("x", i%90)
		if i%7 != 0 && i/100%3 != 1 { // runs of nulls, and single ones
			text := fmt.Sprint("text ", i)
			out[i].Deep.May = &text
		}
	}
	return out
}

func TestTextsOneBehindTheOtherAreReadInWhateverPages(t *testing.T) {
	in := plainRows()
	for _, codec := range []compress.Codec{&parquet.Uncompressed, &parquet.Snappy, &parquet.Gzip, &parquet.Brotli, &parquet.Zstd} {
		for version := 1; version <= 2; version++ {
			var b bytes.Buffer
			if err := parquet.Write(&b, in, parquet.Compression(codec), parquet.DataPageVersion(version), parquet.PageBufferSize(700)); err != nil {
				t.Fatal(err)
			}
			f, err := Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
			if err != nil {
				t.Fatal(err)
			}
			g := f.Groups[0]
			for i := range f.leaves {
				l := &f.leaves[i]
				if pages, err := g.checkPages(l); err != nil || len(pages) < 3 || plain(l, pages) != (l.Name == "must" || l.Name == "deep.may") {
					t.Fatalf("%s: %v, %d pages, plain: %v", l.Name, err, len(pages), plain(l, pages))
				}
			}
			for _, kinds := range []string{"kind 0,kind 1,kind 2,kind 3,kind 4", "kind 1", "kind 0,kind 4"} {
				where := []ecs.Condition{{Field: "kind", Takes: func(v string) bool { return slices.Contains(strings.Split(kinds, ","), v) }}}
				got, err := g.Read(t.Context(), func(string) bool { return true }, where)
				if err != nil {
					t.Fatal(err)
				}
				for r := range got.Rows {
					n, _ := got.Int("n", r)
					want := in[n]
					if must := got.Text("must", r); must != want.Must {
						t.Fatalf("%s, version %d, row %d: %q, want %q", codec, version, n, must, want.Must)
					}
					if may := got.Column("deep.may").Value(r); want.Deep.May == nil && may != nil || want.Deep.May != nil && may != *want.Deep.May {
						t.Fatalf("%s, version %d, row %d: %v", codec, version, n, may)
					}
				}
			}
		}
	}
}

// Pages of a few bytes that say that they have millions of nulls would make as many
// rows, each of them.
func TestPagesOfMoreRowsThanTheGroupAreRefused(t *testing.T) {
	h := format.PageHeader{Type: format.DataPage, UncompressedPageSize: 8, CompressedPageSize: 8,
		DataPageHeader: thrift.New(format.DataPageHeader{NumValues: 1 << 20, Encoding: format.Plain, DefinitionLevelEncoding: format.RLE})}
	page, err := thrift.Marshal(new(thrift.CompactProtocol), &h)
	if err != nil {
		t.Fatal(err)
	}
	page = append(page, 4, 0, 0, 0, 0xfe, 0xff, 0xff, 0x0f) // levels: a run, of more than there may be
	content := forged(t, bytes.Repeat(page, 1000), func(*format.FileMetaData) {})
	if err := read(content); err == nil || !strings.Contains(err.Error(), errRows.Error()) {
		t.Error(err)
	}
}

func TestLevelsThatAreNotThereAreRefused(t *testing.T) {
	for packed, want := range map[string]string{
		"\x08\x01\x03\x05":         "[1 1 1 1 1 0 1 0 0]",
		"\x04\x01":                 errClaims.Error(), // two of nine
		"\x00\x01":                 errClaims.Error(),
		"\x12":                     errClaims.Error(),
		"\x05\x01":                 errClaims.Error(), // two eights, one of them there
		"\xff\xff\xff\xff\xff\xff": errClaims.Error(),
	} {
		levels, err := hybrid(nil, []byte(packed), 1, 9)
		if got := fmt.Sprint(levels); err != nil && err.Error() != want || err == nil && got != want {
			t.Errorf("% x: %s %v", packed, got, err)
		}
	}
}
