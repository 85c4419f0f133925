package rowgroup

import (
	"bytes"
	"context"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/parquet-go/parquet-go"

	"interdict/sources/ecs"
)

// FuzzAFileIsReadOrRefused: whatever a file says of itself, reading it ends in
// rows or an error, with bounded memory.
func FuzzAFileIsReadOrRefused(f *testing.F) {
	for i, options := range [][]parquet.WriterOption{
		{parquet.Compression(&parquet.Snappy)}, {parquet.PageBufferSize(64)}, {parquet.DataPageVersion(1)}, {parquet.Compression(&parquet.Zstd)},
	} {
		var b bytes.Buffer
		w := parquet.NewGenericWriter[sievedRow](&b, options...)
		if _, err := w.Write(sievedRows(rand.New(rand.NewPCG(1, uint64(i))), 40)); err != nil {
			f.Fatal(err)
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	for version := 1; version <= 2; version++ {
		var b bytes.Buffer
		if err := parquet.Write(&b, plainRows()[:40], parquet.DataPageVersion(version), parquet.PageBufferSize(64)); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	where := []ecs.Condition{{Field: "coded", Takes: func(v string) bool { return v == "c0" }}, {Field: "text", Takes: func(v string) bool { return v == "text-1" }}}
	f.Fuzz(func(t *testing.T, content []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		file, err := Open(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return
		}
		for _, g := range file.Groups {
			g.Span("n")
			for _, conditions := range [][]ecs.Condition{nil, where} {
				if f, err := g.Read(context.Background(), func(string) bool { return true }, conditions); err == nil {
					for _, c := range f.Columns {
						if f.Rows > 0 {
							c.Range(f.Rows - 1)
						}
					}
				}
			}
		}
		if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 4<<30 {
			t.Errorf("%d bytes were taken for a file of %d", after.TotalAlloc-before.TotalAlloc, len(content))
		}
	})
}
