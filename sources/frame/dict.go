package frame

import "sync"

// Dict maps the codes of a column to their values. Code 0 is reserved and
// means null. A Dict that belongs to a Frame is immutable and safe for
// concurrent use.
type Dict struct {
	values []string
	once   sync.Once
	index  map[string]uint32
}

// NewDict makes a dictionary of the given distinct values; values[0] gets code 1.
func NewDict(values []string) *Dict {
	return &Dict{values: append(make([]string, 1, len(values)+1), values...)}
}

// Len is the number of codes, the null code included: valid codes are below it.
func (d *Dict) Len() int { return len(d.values) }

// Value gives the value of a code. The value of code 0 is "".
func (d *Dict) Value(code uint32) string { return d.values[code] }

// Code finds a value. The first call indexes the dictionary.
func (d *Dict) Code(value string) (uint32, bool) {
	d.once.Do(func() {
		if d.index != nil {
			return
		}
		index := make(map[string]uint32, len(d.values))
		for i, v := range d.values[1:] {
			index[v] = uint32(i + 1)
		}
		d.index = index
	})
	c, ok := d.index[value]
	return c, ok
}

// dictBuilder grows; view gives an immutable Dict of what it holds now.
type dictBuilder struct {
	values []string
	index  map[string]uint32
	last   uint32 // what codeOf gave: columns repeat themselves
}

func newDictBuilder() *dictBuilder {
	return &dictBuilder{values: make([]string, 1, 16), index: make(map[string]uint32, 16)}
}

func (d *dictBuilder) code(v string) uint32 {
	if c, ok := d.index[v]; ok {
		return c
	}
	c := uint32(len(d.values))
	d.values = append(d.values, v)
	d.index[v] = c
	return c
}

// codeOf is code for text that is only copied when it is new.
func (d *dictBuilder) codeOf(v []byte) uint32 {
	if d.last != 0 && d.values[d.last] == string(v) {
		return d.last
	}
	c, ok := d.index[string(v)]
	if !ok {
		c = d.code(string(v))
	}
	d.last = c
	return c
}

func (d *dictBuilder) view() *Dict {
	n := len(d.values)
	return &Dict{values: d.values[:n:n]}
}
