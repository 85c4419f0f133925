// Package funcs holds the functions, operators and aggregates of ES|QL: their
// names, the types that they take and give, and what they compute.
//
// # How to add a scalar function
//
// Find the file of its family (string.go, math.go, date.go, ip.go, mv.go, …) and
// add a [Def] to the list that the family's function returns. registry.go joins
// the families. Most functions look at one value per argument:
//
//	{
//		Name:   "repeat",
//		Params: []Param{{Name: "string", Types: String}, {Name: "number", Types: Whole}},
//		Result: Fixed(frame.Keyword),
//		Row: func(r *Row) {
//			if r.Int(1) < 0 {
//				r.Fail("java.lang.IllegalArgumentException: Number parameter cannot be negative, found [%d]", r.Int(1))
//				return
//			}
//			r.SetStr(strings.Repeat(r.Str(0), int(r.Int(1))))
//		},
//	},
//
// Shared code does the rest: a null argument gives null, a multi-valued one
// gives null and Elasticsearch's warning, so Row is called for rows only in
// which each argument has exactly one value. A row that Row leaves unset is
// null. [Row.Fail] makes it null and warns.
//
// Whole values. With Multi set, Row sees all values of every argument:
// [Row.Len] is 0 for null, and [Row.StrAt] and its siblings give value number k.
// Setting several values makes a multi-valued result. mv.go has examples.
//
// Constants. What depends on constant arguments only (compiling a regular
// expression, reading a list of networks) is done once, in New, which gives
// the Row function for one place in one query: [Call.Const] gives a constant
// argument's value. An error from New is a verification error at the call. New
// is called for every worker, so what it makes may keep state.
//
// Types. Params list the types accepted; null is always accepted, and where
// text is not accepted a constant text is converted to a date, address, version
// or boolean if the parameter takes that. Result computes the type from those
// of the arguments, after these conversions; [Fixed] and [SameAs] make one.
// Params after Optional ones must be optional too; with Variadic the last one
// repeats. A parameter with Const must be a constant.
//
// # How to add an aggregate
//
// Add an [AggDef] to the list in agg_*.go. New gives an [Aggregator], which
// takes arguments of many rows with the number of each row's group, can take
// in another Aggregator that saw other rows, and gives one column with a row
// per group.
package funcs
