package rowgroup

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"interdict/sources/frame"
)

// leaf is a column of a file, under its dotted name.
type leaf struct {
	frame.Field
	column *parquet.Column
	scale  scale
}

// scale makes a stored integer a value of the leaf's type: times mul, divided by div.
type scale struct{ mul, div int64 }

// leafName drops the levels that the format wants around list elements.
func leafName(c *parquet.Column) string {
	name := strings.Join(c.Path(), ".")
	if c.MaxRepetitionLevel() == 0 {
		return name
	}
	for _, around := range []string{".list.element", ".list.item", ".list.array_element", ".bag.array_element", ".bag.array", ".array"} {
		if cut, ok := strings.CutSuffix(name, around); ok {
			return cut
		}
	}
	return name
}

func leafType(c *parquet.Column) (frame.Type, scale) {
	plain := scale{1, 1}
	logical := format.LogicalTypeValue(nil)
	if l := c.Type().LogicalType(); l != nil {
		logical = l.Value
	}
	switch kind := c.Type().Kind(); kind {
	case parquet.Boolean:
		return frame.Boolean, plain
	case parquet.Float, parquet.Double:
		return frame.Double, plain
	case parquet.Int96:
		return frame.DateNanos, plain
	case parquet.ByteArray:
		if _, decimal := logical.(*format.DecimalType); !decimal {
			return frame.Keyword, plain
		}
	case parquet.Int32, parquet.Int64:
		return integerType(kind, logical)
	}
	return frame.Null, plain
}

func integerType(kind parquet.Kind, logical format.LogicalTypeValue) (frame.Type, scale) {
	plain := scale{1, 1}
	switch l := logical.(type) {
	case *format.TimestampType:
		switch l.Unit.Value.(type) {
		case *format.MicroSeconds:
			return frame.Date, scale{1, 1000}
		case *format.NanoSeconds:
			return frame.DateNanos, plain
		}
		return frame.Date, plain
	case *format.DateType:
		return frame.Date, scale{86_400_000, 1}
	case *format.DecimalType:
		return frame.Null, plain
	case *format.IntType:
		if !l.IsSigned && l.BitWidth == 64 {
			return frame.UnsignedLong, plain
		}
		if !l.IsSigned && l.BitWidth == 32 {
			return frame.Long, plain
		}
	}
	if kind == parquet.Int32 {
		return frame.Integer, plain
	}
	return frame.Long, plain
}

func (l *leaf) bounds(index parquet.ColumnIndex) (from, to int64, ok bool) {
	for p := range index.NumPages() {
		if index.NullPage(p) {
			continue
		}
		lo, hi := l.milliseconds(number(index.MinValue(p)), number(index.MaxValue(p)))
		if !ok {
			from, to, ok = lo, hi, true
		}
		from, to = min(from, lo), max(to, hi)
	}
	return from, to, ok
}

// stated is bounds by the statistics of a column chunk. Dates are ordered as signed
// numbers are, so that the older of their two kinds says the same.
func (l *leaf) stated(s *format.Statistics) (from, to int64, ok bool) {
	least, known := l.plain(s.MinValue, s.Min)
	most, also := l.plain(s.MaxValue, s.Max)
	if !known || !also || least > most {
		return 0, 0, false
	}
	from, to = l.milliseconds(least, most)
	return from, to, true
}

// plain is the first of several numbers that is there, as statistics have them.
func (l *leaf) plain(of ...[]byte) (int64, bool) {
	for _, b := range of {
		switch kind := l.column.Type().Kind(); {
		case kind == parquet.Int32 && len(b) == 4:
			return int64(int32(binary.LittleEndian.Uint32(b))), true
		case kind == parquet.Int64 && len(b) == 8:
			return int64(binary.LittleEndian.Uint64(b)), true
		}
	}
	return 0, false
}

// milliseconds are those from which on and before which dates are, by stored numbers.
func (l *leaf) milliseconds(least, most int64) (from, to int64) {
	nanos := scale{1, 1}
	if l.Type == frame.DateNanos {
		nanos.div = 1_000_000
	}
	from, to = nanos.apply(l.scale.apply(least)), nanos.apply(l.scale.apply(most))
	if to < math.MaxInt64 {
		to++
	}
	return from, to
}

func number(v parquet.Value) int64 {
	if v.Kind() == parquet.Int32 {
		return int64(v.Int32())
	}
	return v.Int64()
}

func (s scale) apply(v int64) int64 {
	if s.div == 1 {
		return v * s.mul
	}
	q := v / s.div
	if v%s.div < 0 {
		q-- // towards the past, as a clock that is read late
	}
	return q
}
