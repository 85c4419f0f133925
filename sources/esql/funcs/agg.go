package funcs

import "interdict/sources/frame"

// AggDef defines an aggregate.
type AggDef struct {
	Name     string // lower case
	Params   []Param
	Variadic bool
	Result   func(args []frame.Type) frame.Type
	New      func(c *Call) (Aggregator, error)
	Check    func(args []frame.Type) string
}

// Aggregator computes an aggregate for many groups, which are numbered from 0.
type Aggregator interface {
	// Add takes n rows; row i belongs to groups[i]. All groups are below size.
	Add(groups []uint32, size int, in []Vec, n int)
	// Merge takes what another one of the same call saw: its group g is groups[g] here.
	Merge(other Aggregator, groups []uint32, size int)
	// Result has one row for each of n groups.
	Result(n int) *frame.Column
	// Bytes is about the memory held.
	Bytes() int
}

func grown[T any](s []T, n int) []T {
	if n <= len(s) {
		return s
	}
	if n <= cap(s) {
		return s[:n]
	}
	bigger := make([]T, n, max(n, 2*cap(s)))
	copy(bigger, s)
	return bigger
}

// rangeOf gives the places of a row's values.
func rangeOf(v Vec, row int) (lo, hi int) {
	if v.Same {
		row = 0
	}
	return v.Range(row)
}

// each calls f for every value of a column with the group of its row.
func each(groups []uint32, v Vec, n int, f func(group uint32, k int)) {
	for i := range n {
		lo, hi := rangeOf(v, i)
		for ; lo < hi; lo++ {
			f(groups[i], lo)
		}
	}
}
