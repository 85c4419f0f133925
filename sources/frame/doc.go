// Package frame holds rows of events as typed columns.
//
// A [Frame] is what every part of the program passes along: a source builds it
// once, and the archive, the rules and the screen read the same memory. It is
// immutable once built, so readers need no locks. Text is kept as codes into a
// per-frame dictionary ([Dict]), which makes equality, LIKE and grouping a
// matter of small integers. The types are those of ES|QL.
//
// A [Builder] is the only way to make one row by row; it is not safe for
// concurrent use, but a [Builder.Snapshot] of it stays valid and immutable
// while the builder goes on growing.
//
// The package knows nothing of field names, of time or of I/O.
package frame
