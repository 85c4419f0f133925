// Package exec runs plans over segments of rows.
//
// A plan is cut into phases at the steps that need all rows (STATS, SORT,
// LIMIT, INLINE STATS). A phase streams chunks of a segment through its steps;
// workers take chunks in order, each with an evaluator and partial aggregates
// of its own, which are merged at the end. Columns are read only if a later
// step needs them, and rows are dropped before they are copied.
//
// Text is a code into a dictionary, so an expression over one text column is
// computed once per dictionary entry, not once per row. Its warnings are kept
// by entry and given only for entries that a row has.
//
// Memory is counted and bounded per run; a context that ends is noticed between
// chunks.
package exec
