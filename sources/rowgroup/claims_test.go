package rowgroup

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// forged is a file whose footer was changed; page, when there is one, takes the
// place of the first column's pages.
func forged(t *testing.T, page []byte, change func(*format.FileMetaData), options ...parquet.WriterOption) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[sievedRow](&b, options...)
	if _, err := w.Write(sievedRows(rand.New(rand.NewPCG(1, 1)), 40)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	whole := b.Bytes()
	if page == nil {
		return refooted(t, whole, change)
	}
	n := int(binary.LittleEndian.Uint32(whole[len(whole)-8:]))
	body := slices.Concat(whole[:len(whole)-8-n], page, whole[len(whole)-8-n:])
	return refooted(t, body, func(m *format.FileMetaData) {
		c := &m.RowGroups[0].Columns[0].MetaData
		c.DataPageOffset, c.DictionaryPageOffset, c.TotalCompressedSize = int64(len(whole)-8-n), 0, int64(len(page))
		change(m)
	})
}

func read(content []byte) error {
	f, err := Open(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return err
	}
	for _, g := range f.Groups {
		if _, err := g.Read(context.Background(), func(string) bool { return true }, nil); err != nil {
			return err
		}
	}
	return nil
}

// Each of these has a few kilobytes and says that it has gigabytes. A program
// that asks for so much memory is ended where it is not there.
func TestAFileThatClaimsMoreThanItHasIsRefused(t *testing.T) {
	if err := read(forged(t, nil, func(*format.FileMetaData) {})); err != nil {
		t.Fatalf("what nobody forged: %v", err)
	}
	list := binary.AppendUvarint([]byte("PAR1\x15\x02\x19\xfc"), math.MaxInt32) // a schema of so many elements
	list = append(binary.LittleEndian.AppendUint32(list, uint32(len(list)-4)), "PAR1"...)
	header := func(h format.PageHeader) []byte {
		h.CompressedPageSize = 3
		b, err := thrift.Marshal(new(thrift.CompactProtocol), &h)
		if err != nil {
			t.Fatal(err)
		}
		return append(b, 1, 2, 3)
	}
	nothing := func(*format.FileMetaData) {}
	blob := append(binary.AppendUvarint([]byte{0x18}, 10_000), make([]byte, 10_001)...) // a structure of a long text
	for what, c := range map[string]struct {
		content []byte
		says    string
	}{
		"elements":      {list, errClaims.Error()},
		"footer":        {append([]byte("PAR1"), "\xff\xff\xff\x7fPAR1"...), errClaims.Error()},
		"rows":          {forged(t, nil, func(m *format.FileMetaData) { m.RowGroups[0].NumRows = 1 << 31 }), "a row group of 2147483648 rows"},
		"fewer than no": {forged(t, nil, func(m *format.FileMetaData) { m.RowGroups[0].NumRows = -1 }), "num_rows=-1"},
		"index":         {forged(t, nil, func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].OffsetIndexLength = math.MaxInt32 }), errClaims.Error()},
		"indices": {forged(t, blob, func(m *format.FileMetaData) {
			at := m.RowGroups[0].Columns[0].MetaData.DataPageOffset
			for i := range m.RowGroups[0].Columns {
				c := &m.RowGroups[0].Columns[i]
				c.OffsetIndexOffset, c.OffsetIndexLength = at, int32(len(blob))
			}
		}), errClaims.Error()},
		"column":         {forged(t, nil, func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].MetaData.TotalCompressedSize = 1 << 60 }), errClaims.Error()},
		"values":         {forged(t, header(format.PageHeader{UncompressedPageSize: 3, DataPageHeader: thrift.New(format.DataPageHeader{NumValues: math.MaxInt32})}), nothing), "a page of 3 bytes and 2147483647 values"},
		"bytes of pages": {forged(t, header(format.PageHeader{UncompressedPageSize: math.MaxInt32, DataPageHeader: thrift.New(format.DataPageHeader{NumValues: 1})}), nothing), "a page of 2147483647 bytes"},
	} {
		if err := read(c.content); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", what, err, c.says)
		}
	}
}

// hole is a file of which only the end was ever written.
type hole struct {
	size int64
	end  string
	most int // bytes that were read at once
}

func (h *hole) ReadAt(b []byte, at int64) (int, error) {
	h.most = max(h.most, len(b))
	clear(b)
	if from := at - h.size + int64(len(h.end)); from >= 0 {
		copy(b, h.end[from:])
	}
	return len(b), nil
}

func TestAFooterOfGigabytesIsRefusedBeforeItIsRead(t *testing.T) {
	h := &hole{size: 5 << 30, end: string(binary.LittleEndian.AppendUint32(nil, math.MaxUint32)) + "PAR1"}
	_, err := Open(h, h.size)
	if want := fmt.Sprintf("a footer of %d bytes", uint32(math.MaxUint32)); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
	if h.most > 8 {
		t.Errorf("%d bytes were read at once", h.most)
	}
}
