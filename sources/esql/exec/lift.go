package exec

import (
	"interdict/sources/esql/funcs"
	"interdict/sources/esql/plan"
	"interdict/sources/frame"
)

// lift computes an expression over one coded column once per dictionary entry
// and spreads the result by code. Columns with several values per row, and
// dictionaries much larger than the rows seen so far, are computed by row.
type lift struct {
	ev    *evaluator
	inner expr
	slot  int
	t     frame.Type

	dict    *frame.Dict
	result  *frame.Column // by code; nil: not computed
	byRow   int           // rows computed one by one, for this dictionary
	table   []uint8       // for conditions, by code: unknown, yes or no
	some    bool          // some entry of the table is yes
	pending map[uint32][]pending
	null    funcs.Vec // the value for null
	hasNull bool

	asked, passed int // rows, by the filter
}

// pending is a warning of an entry, given when a row has the entry.
type pending struct {
	call    *plan.Call
	message string
	as      string
}

const (
	unknown = iota
	yes
	no
)

// eagerEntries is how large a dictionary may be to be computed whole for a condition at once.
const eagerEntries = 1 << 12

func (l *lift) typ() frame.Type { return l.inner.typ() }

func (l *lift) pend(entry uint32, p pending) {
	if l.pending == nil {
		l.pending = map[uint32][]pending{}
	}
	l.pending[entry] = append(l.pending[entry], p)
}

func (l *lift) use(d *frame.Dict) {
	if l.dict != d {
		l.dict, l.result, l.byRow, l.table, l.some, l.pending = d, nil, 0, nil, false, nil
	}
}

// ofNull is the value for rows that have none.
func (l *lift) ofNull() funcs.Vec {
	if !l.hasNull {
		c := full(l.inner.eval(&batch{n: 1, cols: make([]*frame.Column, l.ev.slots)}), 1)
		l.null, l.hasNull = funcs.Vec{Column: c, Same: true}, true
	}
	return l.null
}

func (l *lift) eval(b *batch) funcs.Vec {
	c := b.cols[l.slot]
	if c == nil || c.Dict == nil {
		return l.ofNull()
	}
	if c.Offsets != nil {
		return l.inner.eval(b)
	}
	l.use(c.Dict)
	if l.result == nil {
		n := c.Dict.Len()
		if n > 2*b.n && n > l.byRow {
			l.byRow += b.n
			return l.inner.eval(b)
		}
		l.result = l.entries(allRows(n))
	}
	l.warned(c.Codes, nil)
	if l.ev.made += gathered(l.result, c.Codes); l.ev.made > l.ev.run.o.Bytes {
		l.ev.full = true
		return funcs.Vec{Column: funcs.Nulls(l.result.Type, b.n)}
	}
	return funcs.Vec{Column: l.result.Gather(c.Codes)}
}

// gathered is the memory that rows of several values take.
func gathered(c *frame.Column, rows []uint32) int {
	if c.Offsets == nil {
		return 0
	}
	n := 0
	for _, row := range rows {
		n += 8 * int(c.Offsets[row+1]-c.Offsets[row])
	}
	return n
}

// entries computes the expression for dictionary entries.
func (l *lift) entries(codes []uint32) *frame.Column {
	b := &batch{n: len(codes), cols: make([]*frame.Column, l.ev.slots)}
	b.cols[l.slot] = &frame.Column{Type: l.t, Codes: codes, Dict: l.dict}
	outer, rows := l.ev.lifted, l.ev.rows
	if outer == nil {
		l.ev.lifted, l.ev.rows = l, codes
	}
	v := l.inner.eval(b)
	l.ev.lifted, l.ev.rows = outer, rows
	return full(v, b.n)
}

// warned gives the warnings of the entries that rows have.
func (l *lift) warned(codes []uint32, rows []uint32) {
	if len(l.pending) == 0 {
		return
	}
	give := func(code uint32) {
		if len(l.pending) == 0 {
			return
		}
		for _, p := range l.pending[code] {
			l.ev.run.warnings.add(p.call.Pos, p.call.Source, p.message, p.as)
		}
		delete(l.pending, code)
	}
	if rows == nil {
		for _, code := range codes {
			give(code)
		}
		return
	}
	for _, r := range rows {
		give(codes[r])
	}
}

// codes is the column of a batch, nil unless it has a code a row.
func (l *lift) codes(b *batch) *frame.Column {
	if c := b.cols[l.slot]; c != nil && c.Codes != nil && c.Dict != nil && c.Offsets == nil {
		return c
	}
	return nil
}

// settled tells whether the condition is known for all entries of a column, and
// warns of none.
func (l *lift) settled(c *frame.Column) bool {
	if c == nil || c.Dict.Len() > eagerEntries {
		return false
	}
	l.tabulate(c.Dict)
	return len(l.pending) == 0
}

// share is about which part of the rows passes.
func (l *lift) share() float64 { return (float64(l.passed) + 1) / (float64(l.asked) + 1) }

// tabulate makes the table; a small one is filled at once.
func (l *lift) tabulate(d *frame.Dict) {
	if l.use(d); l.table != nil {
		return
	}
	l.table = make([]uint8, d.Len())
	if len(l.table) <= eagerEntries {
		l.learn(allRows(len(l.table)))
	}
}

// filter keeps those of the rows for which the condition is true. rows may be
// nil for all; the result is written over dst.
func (l *lift) filter(c *frame.Column, rows []uint32, n int, dst []uint32) []uint32 {
	if l.tabulate(c.Dict); len(l.table) > eagerEntries {
		l.learn(l.missing(c.Codes, rows, n))
	}
	k := 0
	if rows == nil {
		dst = grow(dst, n)
		l.asked += n
		for i, code := range c.Codes[:n] {
			dst[k] = uint32(i)
			k += int(l.table[code] & yes)
		}
	} else {
		dst = grow(dst, len(rows))
		l.asked += len(rows)
		for _, r := range rows {
			dst[k] = r
			k += int(l.table[c.Codes[r]] & yes)
		}
	}
	l.passed += k
	l.warned(c.Codes[:n], rows)
	return dst[:k]
}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// missing gives the codes that the rows have and that are not in the table yet.
func (l *lift) missing(codes []uint32, rows []uint32, n int) []uint32 {
	var out []uint32
	see := func(code uint32) {
		if l.table[code] == unknown {
			l.table[code] = no
			out = append(out, code)
		}
	}
	if rows == nil {
		for _, code := range codes[:n] {
			see(code)
		}
		return out
	}
	for _, r := range rows {
		see(codes[r])
	}
	return out
}

func (l *lift) learn(codes []uint32) {
	if len(codes) == 0 {
		return
	}
	v := l.entries(codes)
	for i, code := range codes {
		l.table[code] = no
		if lo, hi := v.Range(i); hi-lo == 1 && v.Ints[lo] != 0 {
			l.table[code], l.some = yes, true
		}
	}
}
