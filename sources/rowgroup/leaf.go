package rowgroup

import (
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
	div := int64(1)
	if l.Type == frame.DateNanos {
		div = 1_000_000
	}
	for p := range index.NumPages() {
		if index.NullPage(p) {
			continue
		}
		lo := l.scale.apply(number(index.MinValue(p))) / div
		hi := l.scale.apply(number(index.MaxValue(p)))/div + 1 // rounded up
		if !ok {
			from, to, ok = lo, hi, true
		}
		from, to = min(from, lo), max(to, hi)
	}
	return from, to, ok
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
