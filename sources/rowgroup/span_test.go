package rowgroup

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

type datedRow struct {
	Milli time.Time  `parquet:"milli,timestamp(millisecond)"`
	Micro time.Time  `parquet:"micro,timestamp(microsecond)"`
	Nano  *time.Time `parquet:"nano,timestamp(nanosecond)"`
	Day   int32      `parquet:"day,date"`
	Text  string     `parquet:"text"`
}

// dated has two row groups, of rows a microsecond before 1970 and on two later days.
func dated(t *testing.T, change func(*format.ColumnChunk)) *File {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[datedRow](&b)
	for _, days := range [][]int64{{0, 1}, {20_000, 20_001}} {
		for _, d := range days {
			at := time.UnixMicro(d*86_400_000_000 - 1)
			row := datedRow{at, at, &at, int32(d), "x"}
			if _, err := w.Write([]datedRow{row, {Milli: at, Micro: at, Day: int32(d)}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	content := refooted(t, b.Bytes(), func(m *format.FileMetaData) {
		for _, g := range m.RowGroups {
			for c := range g.Columns {
				change(&g.Columns[c])
			}
		}
	})
	f, err := Open(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// refooted is a file with another footer.
func refooted(t *testing.T, whole []byte, change func(*format.FileMetaData)) []byte {
	t.Helper()
	n := int(binary.LittleEndian.Uint32(whole[len(whole)-8:]))
	body, footer := whole[:len(whole)-8-n:len(whole)-8-n], whole[len(whole)-8-n:len(whole)-8]
	var meta format.FileMetaData
	if err := thrift.Unmarshal(new(thrift.CompactProtocol), footer, &meta); err != nil {
		t.Fatal(err)
	}
	change(&meta)
	footer, err := thrift.Marshal(new(thrift.CompactProtocol), &meta)
	if err != nil {
		t.Fatal(err)
	}
	return append(binary.LittleEndian.AppendUint32(append(body, footer...), uint32(len(footer))), "PAR1"...)
}

func unindexed(c *format.ColumnChunk) { c.ColumnIndexOffset, c.ColumnIndexLength = 0, 0 }

func TestStatisticsBoundDatesAsAnIndexDoes(t *testing.T) {
	older := func(c *format.ColumnChunk) {
		unindexed(c)
		s := &c.MetaData.Statistics
		s.Min, s.Max, s.MinValue, s.MaxValue = s.MinValue, s.MaxValue, nil, nil
	}
	for what, change := range map[string]func(*format.ColumnChunk){"index": func(*format.ColumnChunk) {}, "statistics": unindexed, "older ones": older} {
		f := dated(t, change)
		for field, before := range map[string]int64{"milli": 1, "micro": 1, "nano": 1, "day": 0} {
			for g, from := range []int64{0, 20_000 * 86_400_000} {
				lo, hi, ok := f.Groups[g].Span(field)
				if want := from - before; !ok || lo != want || hi != want+86_400_000+1 {
					t.Errorf("%s: %s of group %d is from %d to %d, %v", what, field, g, lo, hi, ok)
				}
			}
		}
		if _, _, ok := f.Groups[0].Span("text"); ok {
			t.Errorf("%s: a text is no date", what)
		}
	}
}

func TestStatisticsThatSayNothingBoundNothing(t *testing.T) {
	number := func(n int64) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(n)) }
	for what, s := range map[string]format.Statistics{
		"none":       {},
		"one":        {MinValue: number(1)},
		"short":      {MinValue: []byte{1, 2, 3, 4}, MaxValue: []byte{1, 2, 3, 4}},
		"turned":     {MinValue: number(2), MaxValue: number(1)},
		"of strings": {MinValue: []byte("1970-01-01"), MaxValue: []byte("2026-01-01")},
	} {
		f := dated(t, func(c *format.ColumnChunk) { unindexed(c); c.MetaData.Statistics = s })
		if lo, hi, ok := f.Groups[0].Span("milli"); ok {
			t.Errorf("%s: from %d to %d", what, lo, hi)
		}
	}
	f := dated(t, func(c *format.ColumnChunk) {
		unindexed(c)
		c.MetaData.Statistics = format.Statistics{MinValue: number(0), MaxValue: number(math.MaxInt64)}
	})
	if lo, hi, ok := f.Groups[0].Span("milli"); !ok || !slices.Equal([]int64{lo, hi}, []int64{0, math.MaxInt64}) {
		t.Errorf("the last of all dates: from %d to %d, %v", lo, hi, ok)
	}
}
