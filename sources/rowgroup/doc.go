// Package rowgroup reads row groups of Parquet files as frames.
//
// Text stays codes: a dictionary of the file becomes that of the column. A
// [Group] is read for conditions ([ecs.Condition]): where no entry of a
// dictionary passes, no row is read, and pages that have no row that is wanted
// are passed over. A damaged file is an error, never a panic.
//
// The package knows nothing of what columns mean. The archive and files are
// read with it.
package rowgroup
