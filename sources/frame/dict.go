package frame

import "sync"

// Dict maps the codes of a column to their values. Code 0 is reserved and
// means null. A Dict that belongs to a Frame is immutable and safe for
// concurrent use.
type Dict struct {
	values []string // by code; nil: parts of text
	text   string
	starts []uint32 // by code, and where the last ends
	once   sync.Once
	index  map[string]uint32
}

// NewDict makes a dictionary of the given distinct values; values[0] gets code 1.
func NewDict(values []string) *Dict {
	return DictOf(append(make([]string, 1, len(values)+1), values...))
}

// DictOf makes a dictionary of the values of all codes, that of code 0 being "".
// The values belong to it from then on; more may be appended to them.
func DictOf(values []string) *Dict { return &Dict{values: values[:len(values):len(values)]} }

// DictOfText makes a dictionary whose values are parts of a text of less than 4
// GiB: the value of a code goes from starts[code] to starts[code+1], and that of
// code 0 is empty. Nothing in it has to be looked at by who collects garbage.
func DictOfText(text string, starts []uint32) *Dict { return &Dict{text: text, starts: starts} }

// Len is the number of codes, the null code included: valid codes are below it.
func (d *Dict) Len() int {
	if d.values == nil {
		return len(d.starts) - 1
	}
	return len(d.values)
}

// Value gives the value of a code. The value of code 0 is "".
func (d *Dict) Value(code uint32) string {
	if d.values == nil {
		return d.text[d.starts[code]:d.starts[code+1]]
	}
	return d.values[code]
}

// Code finds a value. The first call indexes the dictionary.
func (d *Dict) Code(value string) (uint32, bool) {
	d.once.Do(func() {
		if d.index != nil {
			return
		}
		index := make(map[string]uint32, d.Len())
		for code := uint32(1); code < uint32(d.Len()); code++ {
			index[d.Value(code)] = code
		}
		d.index = index
	})
	c, ok := d.index[value]
	return c, ok
}

// fewValues are found faster by looking at each than by a map.
const fewValues = 8

// dictBuilder grows; view gives an immutable Dict of what it holds now.
type dictBuilder struct {
	values []string
	index  map[string]uint32 // nil up to fewValues
	last   uint32            // neighbouring rows often have the same value
}

func newDictBuilder() *dictBuilder {
	return &dictBuilder{values: make([]string, 1, 4)}
}

func (d *dictBuilder) code(v string) uint32 {
	if d.last != 0 && d.values[d.last] == v {
		return d.last
	}
	c, ok := d.find(v)
	if !ok {
		c = d.add(v)
	}
	d.last = c
	return c
}

// codeOf is code for text that is only copied when it is new.
func (d *dictBuilder) codeOf(v []byte) uint32 {
	if d.last != 0 && d.values[d.last] == string(v) {
		return d.last
	}
	if d.index != nil {
		if c, ok := d.index[string(v)]; ok {
			d.last = c
			return c
		}
		return d.code(string(v))
	}
	for i := 1; i < len(d.values); i++ {
		if d.values[i] == string(v) {
			d.last = uint32(i)
			return d.last
		}
	}
	return d.code(string(v))
}

func (d *dictBuilder) find(v string) (uint32, bool) {
	if d.index != nil {
		c, ok := d.index[v]
		return c, ok
	}
	for i := 1; i < len(d.values); i++ {
		if d.values[i] == v {
			return uint32(i), true
		}
	}
	return 0, false
}

func (d *dictBuilder) add(v string) uint32 {
	c := uint32(len(d.values))
	d.values = append(d.values, v)
	switch {
	case d.index != nil:
		d.index[v] = c
	case len(d.values) > fewValues:
		d.index = make(map[string]uint32, 4*fewValues)
		for i, v := range d.values[1:] {
			d.index[v] = uint32(i + 1)
		}
	}
	return c
}

func (d *dictBuilder) view() *Dict {
	n := len(d.values)
	return &Dict{values: d.values[:n:n]}
}
