package rowgroup

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// pageOf is a page of 8 values that says that it unpacks to 100 bytes. levels
// stand before what is packed, in the newer form of a page.
func pageOf(t *testing.T, packed []byte, levels int32) []byte {
	t.Helper()
	h := format.PageHeader{CompressedPageSize: int32(len(packed)), UncompressedPageSize: 100}
	if levels == 0 {
		h.DataPageHeader = thrift.New(format.DataPageHeader{NumValues: 8})
	} else {
		h.Type = format.DataPageV2
		h.DataPageHeaderV2 = thrift.New(format.DataPageHeaderV2{NumValues: 8, DefinitionLevelsByteLength: levels})
	}
	return headed(t, h, packed)
}

// headed is a page as it stands in a file.
func headed(t *testing.T, h format.PageHeader, content []byte) []byte {
	t.Helper()
	b, err := thrift.Marshal(new(thrift.CompactProtocol), &h)
	if err != nil {
		t.Fatal(err)
	}
	return append(b, content...)
}

func packedBy(t *testing.T, c compress.Codec, b []byte) []byte {
	t.Helper()
	out, err := c.Encode(nil, b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// streamed is zstd of which the frame does not say how much it holds; every is
// how many bytes a block of it has.
func streamed(t *testing.T, b []byte, every int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	for ; len(b) > 0; b = b[min(every, len(b)):] {
		w.Write(b[:min(every, len(b))])
		w.Flush()
	}
	w.Close()
	return out.Bytes()
}

// Each of these pages has a few kilobytes and says 100 bytes; 64 million come out.
func TestAPageThatUnpacksToMoreThanItSaysIsRefusedBeforeMemoryIsTakenForIt(t *testing.T) {
	bomb := make([]byte, 64<<20)
	whole := packedBy(t, &parquet.Zstd, bomb)
	lying := bytes.Clone(whole)
	if at := bytes.Index(lying[:16], binary.LittleEndian.AppendUint32(nil, uint32(len(bomb)))); at < 0 {
		t.Fatal("the frame does not say what it holds")
	} else {
		binary.LittleEndian.PutUint32(lying[at:], 90)
	}
	for what, c := range map[string]struct {
		codec  compress.Codec
		packed []byte
		levels int32
		says   string
	}{
		"snappy":              {&parquet.Snappy, packedBy(t, &parquet.Snappy, bomb), 0, "more than the 100 bytes"},
		"snappy, not there":   {&parquet.Snappy, []byte("\xff\xff\xff\xff\x0f"), 0, "more than the 100 bytes"},
		"gzip":                {&parquet.Gzip, packedBy(t, &parquet.Gzip, bomb), 0, "more than the 100 bytes"},
		"brotli":              {&parquet.Brotli, packedBy(t, &parquet.Brotli, bomb), 0, "more than the 100 bytes"},
		"zstd":                {&parquet.Zstd, whole, 0, "more than the 100 bytes"},
		"zstd, behind levels": {&parquet.Zstd, append([]byte{1, 2, 3}, whole...), 3, "more than the 100 bytes"},
		"zstd, unsaid":        {&parquet.Zstd, streamed(t, bomb, 1<<20), 0, "more than the 100 bytes"},
		"zstd, a lie":         {&parquet.Zstd, lying, 0, "frame size"},
		"lz4":                 {&parquet.Lz4Raw, []byte("\x10a\x09\x00\x00"), 0, errLZ4.Error()},
		"more levels than it": {&parquet.Zstd, whole[:10], 11, errClaims.Error()},
	} {
		content := forged(t, pageOf(t, c.packed, c.levels), func(*format.FileMetaData) {}, parquet.Compression(c.codec))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := read(content)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", what, err, c.says)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 24<<20 {
			t.Errorf("%s: %d bytes were taken", what, n)
		}
	}
}

func TestAHeaderThatSaysTwiceHowItIsPackedIsRefused(t *testing.T) {
	header := pageOf(t, []byte{1}, 1)
	size := []byte{0xc8, 0x01} // 100
	if p, err := readPage(header); err != nil || p.unpacked != 100 || p.levels != 1 {
		t.Fatal(p, err)
	}
	at := bytes.Index(header, size) + len(size)
	again := append([]byte{0x05, 0x04}, size...) // field 2, by its number
	if _, err := readPage(slices.Insert(bytes.Clone(header), at, again...)); !errors.Is(err, errClaims) {
		t.Error(err)
	}
}

// The library passes over fields of another kind than it looks for, and over what
// stands in the header of a page of another form.
func TestAHeaderThatCanBeReadInTwoWaysIsNotBelieved(t *testing.T) {
	of := func(h format.PageHeader) []byte {
		h.Type, h.CompressedPageSize, h.UncompressedPageSize = format.DataPageV2, 1, 100
		h.DataPageHeaderV2 = thrift.New(format.DataPageHeaderV2{NumValues: 8, IsCompressed: thrift.New(false)})
		b, err := thrift.Marshal(new(thrift.CompactProtocol), &h)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	header := of(format.PageHeader{})
	if p, err := readPage(header); err != nil || !p.plain {
		t.Fatal(p, err)
	}
	at := bytes.Index(header, []byte{0x15, 0x00, 0x12}) // the last of the levels, and the field that says that nothing is packed
	if at < 0 {
		t.Fatalf("% x", header)
	}
	number := slices.Replace(bytes.Clone(header), at+2, at+3, 0x15, 0x00) // 0, where a truth is looked for
	if p, err := readPage(number); err != nil || p.plain {
		t.Error("a number was taken for a truth:", p, err)
	}
	for what, h := range map[string]format.PageHeader{
		"a dictionary as well":     {DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{NumValues: 8})},
		"a page of the older form": {DataPageHeader: thrift.New(format.DataPageHeader{NumValues: 8})},
	} {
		if _, err := readPage(of(h)); !errors.Is(err, errClaims) {
			t.Errorf("%s: %v", what, err)
		}
	}
	around := slices.Insert(bytes.Clone(header), 2, bytes.Repeat([]byte{0xf1}, 1<<16/15)...) // fields up to the largest number, and on
	if _, err := readPage(around); !errors.Is(err, errClaims) {
		t.Error("numbers of fields went around:", err)
	}
}

func TestADictionaryThatIsSaidToStandBehindTheDataIsLookedAt(t *testing.T) {
	bomb := pageOf(t, packedBy(t, &parquet.Zstd, make([]byte, 64<<20)), 0)
	err := read(forged(t, bomb, func(m *format.FileMetaData) {
		c := &m.RowGroups[0].Columns[0].MetaData
		c.DictionaryPageOffset, c.DataPageOffset = c.DataPageOffset, 4
	}, parquet.Compression(&parquet.Zstd)))
	if err == nil || !strings.Contains(err.Error(), "more than the 100 bytes") {
		t.Error(err)
	}
}

// What honest programs write is read, by every codec and in both forms of pages.
func TestPagesOfEveryCodecAreRead(t *testing.T) {
	want := ""
	for _, codec := range []compress.Codec{&parquet.Uncompressed, &parquet.Snappy, &parquet.Gzip, &parquet.Brotli, &parquet.Zstd} {
		for _, version := range []int{1, 2} {
			var b bytes.Buffer
			w := parquet.NewGenericWriter[sievedRow](&b, parquet.Compression(codec), parquet.DataPageVersion(version))
			if _, err := w.Write(sievedRows(rand.New(rand.NewPCG(1, 1)), 3000)); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			got := texts(t, b.Bytes())
			if want == "" {
				want = got
			}
			if got != want {
				t.Errorf("%s, version %d: other values", codec, version)
			}
		}
	}
}

// texts are all values of a file.
func texts(t *testing.T, content []byte) string {
	t.Helper()
	f, err := Open(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, g := range f.Groups {
		rows, err := g.Read(t.Context(), func(string) bool { return true }, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range rows.Columns {
			for i := range rows.Rows {
				fmt.Fprintln(&b, c.Texts(i))
			}
		}
	}
	return b.String()
}

// Frames that do not say what they hold are bounded by their blocks, or counted.
func TestHonestPagesOfZstdAreTakenHoweverTheyWereWritten(t *testing.T) {
	text := bytes.Repeat([]byte("scp -r /srv/data backup@203.0.113.7:/in "), 20_000)
	for _, every := range []int{len(text), 128 << 10, 1000} {
		packed := streamed(t, text, every)
		for most, ok := range map[int]bool{len(text): true, len(text) / 2: false} {
			err := checkPacked(&parquet.Zstd, sectionOf(packed), int64(most))
			if (err == nil) != ok {
				t.Errorf("blocks of %d, %d said of %d: %v", every, most, len(text), err)
			}
		}
	}
}

func sectionOf(b []byte) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(b), 0, int64(len(b)))
}
