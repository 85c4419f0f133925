package exec

import (
	"cmp"
	"slices"
	"strings"

	"interdict/sources/esql/funcs"
	"interdict/sources/frame"
)

// stored gives a column as an index keeps it: the values of a row in ascending
// order, and text, addresses and versions once each. A column that is so
// already is given back itself.
func stored(c *frame.Column) *frame.Column {
	if c == nil || c.Offsets == nil {
		return c
	}
	order := ordering(c)
	least := 0 // how far two neighbours must be apart
	if c.Type.Coded() {
		least = 1
	}
	rows := len(c.Offsets) - 1
	first := 0
	for ; first < rows; first++ {
		lo, hi := c.Range(first)
		if !ascending(lo, hi, order, least) {
			break
		}
	}
	if first == rows {
		return c
	}
	out := &frame.Column{Type: c.Type, Dict: c.Dict, Offsets: make([]uint32, 1, rows+1)}
	var places []int
	for row := range rows {
		places = places[:0]
		for lo, hi := c.Range(row); lo < hi; lo++ {
			places = append(places, lo)
		}
		slices.SortStableFunc(places, order)
		if least > 0 {
			places = slices.CompactFunc(places, func(a, b int) bool { return order(a, b) == 0 })
		}
		for _, k := range places {
			switch {
			case c.Codes != nil:
				out.Codes = append(out.Codes, c.Codes[k])
			case c.Floats != nil:
				out.Floats = append(out.Floats, c.Floats[k])
			default:
				out.Ints = append(out.Ints, c.Ints[k])
			}
		}
		out.Offsets = append(out.Offsets, uint32(len(out.Codes)+len(out.Floats)+len(out.Ints)))
	}
	return out
}

// ordering compares two values of a column by their places.
func ordering(c *frame.Column) func(a, b int) int {
	switch {
	case c.Type == frame.Version:
		return func(a, b int) int {
			return funcs.CompareVersions(c.Dict.Value(c.Codes[a]), c.Dict.Value(c.Codes[b]))
		}
	case c.Codes != nil:
		return func(a, b int) int {
			if c.Codes[a] == c.Codes[b] {
				return 0
			}
			return strings.Compare(c.Dict.Value(c.Codes[a]), c.Dict.Value(c.Codes[b]))
		}
	case c.Floats != nil:
		return func(a, b int) int { return cmp.Compare(c.Floats[a], c.Floats[b]) }
	case c.Type == frame.UnsignedLong:
		return func(a, b int) int { return cmp.Compare(uint64(c.Ints[a]), uint64(c.Ints[b])) }
	}
	return func(a, b int) int { return cmp.Compare(c.Ints[a], c.Ints[b]) }
}

func ascending(lo, hi int, order func(a, b int) int, least int) bool {
	for ; lo+1 < hi; lo++ {
		if order(lo+1, lo) < least {
			return false
		}
	}
	return true
}
