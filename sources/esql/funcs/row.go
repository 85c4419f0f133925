package funcs

import (
	"fmt"
	"net/netip"

	"interdict/sources/frame"
)

// Len is the number of values of argument a, 0 for null.
func (r *Row) Len(a int) int { return r.n[a] }

// Args is the number of arguments.
func (r *Row) Args() int { return len(r.in) }

// Null tells whether argument a is null.
func (r *Row) Null(a int) bool { return r.n[a] == 0 }

// Type is that of argument a.
func (r *Row) Type(a int) frame.Type { return r.in[a].Type }

// Str is the first value of a keyword, ip or version argument as it is stored.
func (r *Row) Str(a int) string { return r.StrAt(a, 0) }

// Int is the first value of an integer, date or boolean argument.
func (r *Row) Int(a int) int64 { return r.IntAt(a, 0) }

// Float is the first value of any numeric argument.
func (r *Row) Float(a int) float64 { return r.FloatAt(a, 0) }

// Bool is the first value of a boolean argument.
func (r *Row) Bool(a int) bool { return r.IntAt(a, 0) != 0 }

// Addr is the first value of an ip argument.
func (r *Row) Addr(a int) netip.Addr {
	addr, _ := netip.AddrFromSlice([]byte(r.Str(a)))
	return addr.Unmap()
}

// StrAt is value k of argument a.
func (r *Row) StrAt(a, k int) string {
	c := r.in[a].Column
	return c.Dict.Value(c.Codes[r.lo[a]+k])
}

// CodeAt is value k of argument a as a code of its dictionary.
func (r *Row) CodeAt(a, k int) uint32 { return r.in[a].Codes[r.lo[a]+k] }

// IntAt is value k of argument a; a double is cut.
func (r *Row) IntAt(a, k int) int64 {
	c := r.in[a].Column
	if c.Type == frame.Double {
		return int64(c.Floats[r.lo[a]+k])
	}
	return c.Ints[r.lo[a]+k]
}

// FloatAt is value k of argument a.
func (r *Row) FloatAt(a, k int) float64 {
	c := r.in[a].Column
	switch c.Type {
	case frame.Double:
		return c.Floats[r.lo[a]+k]
	case frame.UnsignedLong:
		return float64(uint64(c.Ints[r.lo[a]+k]))
	}
	return float64(c.Ints[r.lo[a]+k])
}

// TextAt is value k of argument a as Elasticsearch prints it.
func (r *Row) TextAt(a, k int) string { return r.in[a].TextAt(r.lo[a] + k) }

// SetStr gives the result a value; a second call gives it another one.
func (r *Row) SetStr(s string) { r.out.addStr(r.row, s) }

// SetInt gives an integer, long, date or boolean value.
func (r *Row) SetInt(v int64) { r.out.addInt(r.row, v) }

// SetFloat gives a double value.
func (r *Row) SetFloat(v float64) { r.out.addFloat(r.row, v) }

// SetBool gives a boolean value.
func (r *Row) SetBool(v bool) {
	if v {
		r.out.addInt(r.row, 1)
	} else {
		r.out.addInt(r.row, 0)
	}
}

// SetFrom gives value k of argument a, which has the result's type or one that widens to it.
func (r *Row) SetFrom(a, k int) {
	switch {
	case r.out.col.Type.Coded():
		r.SetStr(r.StrAt(a, k))
	case r.out.col.Type == frame.Double:
		r.SetFloat(r.FloatAt(a, k))
	default:
		r.SetInt(r.IntAt(a, k))
	}
}

// SetAll gives all values of argument a.
func (r *Row) SetAll(a int) {
	for k := range r.Len(a) {
		r.SetFrom(a, k)
	}
}

// Fail leaves the row null and warns. The message begins with the Java class
// that Elasticsearch names.
func (r *Row) Fail(format string, args ...any) { r.warn(r.row, fmt.Sprintf(format, args...)) }

// MultiValue is the warning of a function that was given several values.
const MultiValue = "java.lang.IllegalArgumentException: single-value function encountered multi-value"

// Eval computes n rows of a call. row is what the definition's Row or New gave.
func Eval(d *Def, c *Call, row func(*Row), in []Vec, n int) *frame.Column {
	c.Made = 0
	if d.Vector != nil {
		if col := d.Vector(c, in, n); col != nil {
			return col
		}
	}
	r := &Row{in: in, lo: make([]int, len(in)), n: make([]int, len(in)), out: NewOut(c.Result, n), warn: c.Warn}
	for i := range n {
		if r.begin(i, d) {
			row(r)
			if r.out.bytes > c.Room && c.Room > 0 {
				break
			}
		}
	}
	c.Made = r.out.bytes
	return r.out.Column()
}

// begin finds the values of row i and tells whether the function is to see it.
func (r *Row) begin(i int, d *Def) bool {
	r.row = i
	empty := false
	null, multi := false, false // null if it comes first: then several values are not warned of
	for a := range r.in {
		v := &r.in[a]
		at := i
		if v.Same {
			at = 0
		}
		lo, hi := v.Range(at)
		r.lo[a], r.n[a] = lo, hi-lo
		null = null || hi == lo && !multi
		multi = multi || hi-lo > 1 && (!null || d.Nulls)
		empty = empty || hi == lo
	}
	if null && !d.Nulls {
		return false
	}
	if multi && !d.Multi {
		r.warn(i, MultiValue)
		return false
	}
	return !empty || d.Nulls
}
