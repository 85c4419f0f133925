package exec

import (
	"interdict/sources/esql/funcs"
	"interdict/sources/frame"
)

// decided is AND (decided by false) or OR (by true) that computes its right side
// for the rows only that its left side does not decide.
type decided struct {
	*call
	by int64
}

func newDecided(c *call) *decided {
	d := &decided{call: c}
	if c.plan.Def.Name == "or" {
		d.by = 1
	}
	return d
}

func (d *decided) eval(b *batch) funcs.Vec {
	left := d.args[0].eval(b)
	out := &frame.Column{Type: frame.Boolean, Ints: filledInts(d.by, b.n)}
	var open []uint32
	for r := range b.n {
		if v, ok := truth(left, r); !ok || v != d.by {
			open = append(open, uint32(r))
		}
	}
	if len(open) == 0 {
		return funcs.Vec{Column: out}
	}
	right := d.ev.subset(d.args[1], b, open)
	for k, r := range open {
		_, known := truth(left, int(r))
		switch v, ok := truth(right, k); {
		case ok && v == d.by:
		case ok && known:
			out.Ints[r] = 1 - d.by
		default:
			out.Ints[r] = 0
			out.Nulls = out.Nulls.Set(int(r))
		}
	}
	return funcs.Vec{Column: out}
}

// truth is the one value of a row; several are as none.
func truth(v funcs.Vec, row int) (value int64, ok bool) {
	if v.Same {
		row = 0
	}
	lo, hi := v.Range(row)
	if hi-lo != 1 {
		return 0, false
	}
	return v.Ints[lo], true
}

func filledInts(v int64, n int) []int64 {
	out := make([]int64, n)
	if v != 0 {
		for i := range out {
			out[i] = v
		}
	}
	return out
}
