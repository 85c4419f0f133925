package frame

import (
	"math/bits"
	"net/netip"
	"strconv"
	"time"
)

// Column is one column of a frame. Exactly one of Codes, Ints and Floats holds
// the values, by Type. Readers must not change any of it.
//
// Without Offsets, value i belongs to row i, and a null is code 0 or a set bit
// in Nulls. With Offsets, row i has the values Offsets[i] to Offsets[i+1], an
// empty range is null, and there are no other nulls.
type Column struct {
	Type    Type
	Codes   []uint32 // Keyword, IP, Version
	Dict    *Dict
	Ints    []int64 // Boolean (0, 1), Integer, Long, UnsignedLong, Date, DateNanos
	Floats  []float64
	Nulls   Bitmap   // nil: no nulls. For Ints and Floats without Offsets only.
	Offsets []uint32 // nil: single-valued
}

// Bitmap is a set of row numbers.
type Bitmap []uint64

// Get tells whether row i is in the set; rows past the end are not.
func (b Bitmap) Get(i int) bool { return i>>6 < len(b) && b[i>>6]>>(uint(i)&63)&1 != 0 }

// Set puts row i into the set and returns the bitmap, grown if need be.
func (b Bitmap) Set(i int) Bitmap {
	for i>>6 >= len(b) {
		b = append(b, 0)
	}
	b[i>>6] |= 1 << (uint(i) & 63)
	return b
}

// Count is the size of the set.
func (b Bitmap) Count() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// Range gives the places of row i's values in Codes, Ints or Floats: lo to hi,
// hi not included. It is empty for null.
func (c *Column) Range(i int) (lo, hi int) {
	if c.Offsets != nil {
		return int(c.Offsets[i]), int(c.Offsets[i+1])
	}
	if c.nullAt(i) {
		return i, i
	}
	return i, i + 1
}

func (c *Column) nullAt(i int) bool {
	switch {
	case c.Type == Null:
		return true
	case c.Codes != nil:
		return c.Codes[i] == 0
	default:
		return c.Nulls.Get(i)
	}
}

// IsNull tells whether row i has no value.
func (c *Column) IsNull(i int) bool {
	lo, hi := c.Range(i)
	return lo == hi
}

// Text gives the first value of row i as text, "" for null.
func (c *Column) Text(i int) string {
	lo, hi := c.Range(i)
	if lo == hi {
		return ""
	}
	return c.TextAt(lo)
}

// Texts gives all values of row i as text, nil for null.
func (c *Column) Texts(i int) []string {
	lo, hi := c.Range(i)
	if lo == hi {
		return nil
	}
	out := make([]string, 0, hi-lo)
	for ; lo < hi; lo++ {
		out = append(out, c.TextAt(lo))
	}
	return out
}

// Int gives the first value of row i of an integer, date or boolean column; ok is false for null.
func (c *Column) Int(i int) (v int64, ok bool) {
	lo, hi := c.Range(i)
	if lo == hi || c.Ints == nil {
		return 0, false
	}
	return c.Ints[lo], true
}

// TextAt gives value number k (see [Column.Range]) as Elasticsearch prints it in JSON, without quotes.
func (c *Column) TextAt(k int) string {
	switch c.Type {
	case Keyword, Version:
		return c.Dict.Value(c.Codes[k])
	case IP:
		return AddrText(c.Dict.Value(c.Codes[k]))
	case Boolean:
		return strconv.FormatBool(c.Ints[k] != 0)
	case UnsignedLong:
		return strconv.FormatUint(uint64(c.Ints[k]), 10)
	case Double:
		return strconv.FormatFloat(c.Floats[k], 'g', -1, 64)
	case Date:
		t := time.UnixMilli(c.Ints[k]).UTC()
		if t.Year() > 9999 {
			return t.Format("+2006-01-02T15:04:05.000Z")
		}
		return t.Format("2006-01-02T15:04:05.000Z")
	case DateNanos:
		return nanosText(time.Unix(0, c.Ints[k]))
	case Null:
		return ""
	}
	return strconv.FormatInt(c.Ints[k], 10)
}

// nanosText has three digits of a second at least and those beyond that are not 0.
func nanosText(t time.Time) string {
	const layout = "2006-01-02T15:04:05.000000000"
	s := t.UTC().Format(layout)
	for n := len(layout); n > len(layout)-6 && s[n-1] == '0'; n-- {
		s = s[:n-1]
	}
	return s + "Z"
}

// AddrText is the printed form of an address as an IP dictionary keeps it.
func AddrText(raw string) string {
	a, ok := netip.AddrFromSlice([]byte(raw))
	if !ok {
		return ""
	}
	return a.Unmap().String()
}

// AddrKey is the dictionary form of an address: 16 bytes, IPv4 mapped, zone dropped.
func AddrKey(a netip.Addr) string {
	b := a.WithZone("").As16()
	return string(b[:])
}

// Value gives row i as nil, string, int64, uint64, float64, bool, or a []any of them.
// Dates and addresses are strings.
func (c *Column) Value(i int) any {
	lo, hi := c.Range(i)
	switch hi - lo {
	case 0:
		return nil
	case 1:
		return c.ValueAt(lo)
	}
	out := make([]any, 0, hi-lo)
	for ; lo < hi; lo++ {
		out = append(out, c.ValueAt(lo))
	}
	return out
}

// ValueAt gives value number k (see [Column.Range]) as [Column.Value] does.
func (c *Column) ValueAt(k int) any {
	switch c.Type {
	case Integer, Long:
		return c.Ints[k]
	case UnsignedLong:
		return uint64(c.Ints[k])
	case Boolean:
		return c.Ints[k] != 0
	case Double:
		return c.Floats[k]
	}
	return c.TextAt(k)
}

// Gather gives a column of the given rows, in that order; it shares the dictionary.
func (c *Column) Gather(rows []uint32) *Column {
	out := &Column{Type: c.Type, Dict: c.Dict}
	if c.Offsets == nil {
		out.Codes, out.Ints, out.Floats = pick(c.Codes, rows), pick(c.Ints, rows), pick(c.Floats, rows)
		if c.Nulls != nil {
			for n, r := range rows {
				if c.Nulls.Get(int(r)) {
					out.Nulls = out.Nulls.Set(n)
				}
			}
		}
		return out
	}
	out.Offsets = make([]uint32, 1, len(rows)+1)
	for _, r := range rows {
		out.copyValues(c, int(c.Offsets[r]), int(c.Offsets[r+1]))
		out.Offsets = append(out.Offsets, uint32(out.values()))
	}
	return out
}

func pick[T any](from []T, rows []uint32) []T {
	if from == nil {
		return nil
	}
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = from[r]
	}
	return out
}

func (c *Column) copyValues(from *Column, lo, hi int) {
	switch {
	case from.Type == Null:
	case from.Codes != nil:
		c.Codes = append(c.Codes, from.Codes[lo:hi]...)
	case from.Floats != nil:
		c.Floats = append(c.Floats, from.Floats[lo:hi]...)
	default:
		c.Ints = append(c.Ints, from.Ints[lo:hi]...)
	}
}

func (c *Column) values() int { return len(c.Codes) + len(c.Ints) + len(c.Floats) }
