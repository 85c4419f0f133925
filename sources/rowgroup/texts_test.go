package rowgroup

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"interdict/sources/ecs"
	"interdict/sources/frame"
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
				if pages, err := g.checkPages(l); err != nil || len(pages) < 3 || ofTexts(l, pages) != (l.Name != "n") {
					t.Fatalf("%s: %v, %d pages, of texts: %v", l.Name, err, len(pages), ofTexts(l, pages))
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
	page := headed(t, h, []byte{4, 0, 0, 0, 0xfe, 0xff, 0xff, 0x0f}) // levels: a run, of more than there may be
	content := forged(t, bytes.Repeat(page, 1000), func(*format.FileMetaData) {})
	if err := read(content); err == nil || !strings.Contains(err.Error(), errRows.Error()) {
		t.Error(err)
	}
}

func TestPackedNumbersAreReadAsFarAsTheyAreThere(t *testing.T) {
	damaged := errClaims.Error()
	for _, c := range []struct {
		packed string
		width  int
		want   string
	}{
		{"\x08\x01\x03\x05", 1, "[1 1 1 1 1 0 1 0 0]"},
		{"\x04\x01", 1, "[1 1]"},
		{"\x04\x01\x02", 9, "[513 513]"},
		{"\x03\x88\xc6\xfa", 3, "[0 1 2 3 4 5 6 7]"},
		{"\x05", 0, "[0 0 0 0 0 0 0 0 0]"},
		{"\xfe\xff\xff\xff\xff\xff\x7f\x01", 1, "[1 1 1 1 1 1 1 1 1]"},
		{"\x00\x01", 1, damaged},
		{"\x12", 1, damaged},
		{"\x04\x01", 9, damaged},
		{"\x05\x01", 1, damaged}, // two eights, one of them there
		{"\xff\xff\xff\xff\xff\xff", 1, damaged},
	} {
		numbers, err := hybrid(nil, []byte(c.packed), c.width, 9)
		if got := fmt.Sprint(numbers); err != nil && err.Error() != c.want || err == nil && got != c.want {
			t.Errorf("% x: %s %v, want %s", c.packed, got, err, c.want)
		}
	}
}

func TestAPageCannotNameTheEntryThatStandsForNull(t *testing.T) {
	for last, want := range map[string]string{"\x7f": "<nil>", "\xff": errClaims.Error()} {
		if _, err := codes(nil, []byte("\x20\x04\xff\xff\xff"+last), 2); fmt.Sprint(err) != want {
			t.Errorf("% x: %v, want %s", last, err, want)
		}
	}
}

// An entry that no dictionary has would be asked for long after the file was read.
func TestAnEntryThatTheDictionaryDoesNotHaveIsDamage(t *testing.T) {
	var b bytes.Buffer
	if err := parquet.Write(&b, plainRows()[:40], parquet.DataPageVersion(1)); err != nil {
		t.Fatal(err)
	}
	f, err := Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	l := &f.leaves[slices.IndexFunc(f.leaves, func(l leaf) bool { return l.Name == "kind" })]
	for code, want := range map[uint32]string{0: "<nil>", 7: errClaims.Error(), math.MaxInt32: errClaims.Error()} {
		for _, before := range []bool{false, true} { // a page without a dictionary makes the codes our own
			fill := newFiller(l, 2, nil)
			err := func() (err error) {
				defer damaged(&err)
				if before {
					if err := fill.plainTexts(nil, []byte("\x01\x00\x00\x00x"), 1); err != nil {
						return err
					}
				}
				if err := fill.coded(frame.NewDict([]string{"scp"}), nil, []uint32{code}, 1); err != nil {
					return err
				}
				_, err = fill.column(fill.rows)
				return err
			}()
			if got := fmt.Sprint(err); got != want && !(before && code > 0 && strings.HasPrefix(got, "damaged: ")) {
				t.Errorf("entry %d: %v, want %s", code, err, want)
			}
		}
	}
}

// unpacked is a page of values that are not packed.
func unpacked(t *testing.T, h format.PageHeader, content string) []byte {
	t.Helper()
	h.UncompressedPageSize, h.CompressedPageSize = int32(len(content)), int32(len(content))
	return headed(t, h, []byte(content))
}

// withPlain is a file of 40 rows whose column "plain", which may be null, has these pages.
func withPlain(t *testing.T, pages []byte, change func(*format.ColumnMetaData)) *Group {
	t.Helper()
	content := forged(t, pages, func(meta *format.FileMetaData) {
		columns := meta.RowGroups[0].Columns
		for i := range columns {
			if at := &columns[i].MetaData; slices.Equal(at.PathInSchema, []string{"plain"}) {
				at.DataPageOffset, at.DictionaryPageOffset, at.TotalCompressedSize = columns[0].MetaData.DataPageOffset, 0, columns[0].MetaData.TotalCompressedSize
				change(at)
			}
		}
	})
	f, err := Open(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	return f.Groups[0]
}

// allAreX reads the column "plain" of 40 rows, each of which is to be "x".
func allAreX(t *testing.T, g *Group, where ...ecs.Condition) {
	t.Helper()
	f, err := g.Read(t.Context(), func(name string) bool { return name == "plain" }, where)
	if err != nil || f.Rows != 40 {
		t.Fatalf("%v, %d rows", err, f.Rows)
	}
	for r := range f.Rows {
		if v := f.Column("plain").Value(r); v != "x" {
			t.Fatalf("row %d: %v", r, v)
		}
	}
}

// Such files were seen: https://github.com/apache/parquet-testing/pull/24.
func TestLevelsOfRepetitionThatAColumnDoesNotHaveArePassedOver(t *testing.T) {
	header := format.PageHeader{Type: format.DataPageV2, DataPageHeaderV2: thrift.New(format.DataPageHeaderV2{
		NumValues: 40, NumRows: 40, Encoding: format.Plain, DefinitionLevelsByteLength: 2, RepetitionLevelsByteLength: 2})}
	page := unpacked(t, header, "\x50\x00\x50\x01"+strings.Repeat("\x01\x00\x00\x00x", 40)) // a run of zeros, then one of values that are there
	allAreX(t, withPlain(t, page, func(*format.ColumnMetaData) {}))
}

func TestThePagesThemselvesTellWhetherAllTextsAreInTheDictionary(t *testing.T) {
	dict := unpacked(t, format.PageHeader{Type: format.DictionaryPage, DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{NumValues: 1, Encoding: format.Plain})},
		"\x01\x00\x00\x00a")
	page := unpacked(t, format.PageHeader{Type: format.DataPageV2, DataPageHeaderV2: thrift.New(format.DataPageHeaderV2{
		NumValues: 40, NumRows: 40, Encoding: format.Plain, DefinitionLevelsByteLength: 2})}, "\x50\x01"+strings.Repeat("\x01\x00\x00\x00x", 40))
	g := withPlain(t, append(dict, page...), func(c *format.ColumnMetaData) {
		c.Encoding, c.EncodingStats = []format.Encoding{format.RLEDictionary}, nil // which is not true
	})
	allAreX(t, g, ecs.Condition{Field: "plain", Takes: func(v string) bool { return v == "x" }})
}
