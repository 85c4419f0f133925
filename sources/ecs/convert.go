package ecs

import (
	"bytes"

	"interdict/sources/frame"
)

// Convert gives a column in another type, value by value as a document's would
// be read; what does not fit is left out and counted. The same type gives c itself.
func Convert(name string, c *frame.Column, to frame.Type) (*frame.Column, []Misfit) {
	if c.Type == to || c.Type == frame.Null {
		return c, nil
	}
	if c.Type == frame.Integer && to == frame.Long { // kept alike, and always fits
		as := *c
		as.Type = to
		return &as, nil
	}
	d := NewDecoder(DecoderOptions{Fields: []frame.Field{{Name: name, Type: to}}})
	n := max(len(c.Codes), len(c.Ints), len(c.Floats))
	coded := c.Codes != nil
	if coded {
		n = c.Dict.Len() - 1
	}
	var text []byte
	for k := range n {
		d.Row()
		if coded {
			text = append(text[:0], c.Dict.Value(uint32(k+1))...)
		} else {
			text = append(text[:0], c.TextAt(k)...)
		}
		if to != frame.Keyword {
			text = bytes.TrimSpace(text)
		}
		d.Text(0, text)
	}
	values := d.Build().Column(name)
	if values == nil {
		values = &frame.Column{Type: frame.Null}
	}
	return scatter(name, c, values, coded)
}

// scatter puts converted values where c has theirs. values has one row a
// dictionary entry of c, or one a value.
func scatter(name string, c, values *frame.Column, coded bool) (*frame.Column, []Misfit) {
	rows := columnRows(c)
	places := make([]uint32, 0, rows)
	offsets := make([]uint32, 1, rows+1)
	var wrong int64
	for r := range rows {
		lo, hi := c.Range(r)
		for k := lo; k < hi; k++ {
			at := k
			if coded {
				at = int(c.Codes[k]) - 1
			}
			if values.IsNull(at) {
				wrong++
				continue
			}
			places = append(places, uint32(at))
		}
		offsets = append(offsets, uint32(len(places)))
	}
	out := values.Gather(places)
	if out.Offsets == nil {
		out.Nulls = nil
		if c.Offsets != nil || len(places) < rows { // else each row has one
			out.Offsets = offsets
		}
	}
	if wrong == 0 {
		return out, nil
	}
	return out, []Misfit{{Field: name, Kind: WrongType, Count: wrong}}
}

func columnRows(c *frame.Column) int {
	if c.Offsets != nil {
		return len(c.Offsets) - 1
	}
	return max(len(c.Codes), len(c.Ints), len(c.Floats))
}
