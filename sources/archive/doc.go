// Package archive is the local history: it remembers the events that pass
// through it and answers ES|QL over them.
//
// [Open] gives an [Archive], which is a [sources.Sink] and a [sources.History].
// Events are kept per dataset (process, network, file) in columns:
//
//	chunk       rows that still come in; grows by appending, queries see a snapshot
//	packed      a full chunk: constants once, numbers in as few bits as they need,
//	            entity ids not at all, since they follow from other columns
//	Parquet     131,072 rows or an hour, one file a dataset, readable by DuckDB,
//	            polars and Spark without this program
//
// # Promises
//
// What [Archive.Put] took is in the open segment's log before it returns, and on
// stable storage a second later. After kill -9 the log is replayed. A file is
// written under a temporary name, synced and renamed: a half-written one is never
// taken for a whole one. What turns out to be damaged is set aside as *.corrupt,
// said in [Archive.Stats] and in the Quality of answers, and never deleted.
//
// Rows leave by age and by size only, oldest first ([Config]).
//
// A directory that cannot be written (read-only, full) degrades the archive to
// memory, which is said.
//
// Two processes may open one directory: the first takes the lock and writes, the
// other sees what was written until it opened, keeps its own events in memory,
// says so, and goes on writing when the first has ended.
//
// # Quality of answers
//
// An answer is partial, with reasons, when rows in the query's time range are
// known to be missing: the source lost events, a file was damaged, or the bounds
// deleted older rows. When the range only begins before the archive's first event, nothing that was
// ever seen is missing, and a warning says when the archive begins.
//
// # Layout of the directory
//
//	lock                                        flock of the writer
//	00000007.log                                open segment, generation 7
//	process-00000006-MIN-MAX-ROWS-SUM.parquet   sealed: time range in ms, rows, CRC-32C of the file
//	*.corrupt                                   set aside
//
// The package never looks at what events mean, and never changes or merges them.
package archive
