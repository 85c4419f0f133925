// Package files answers ES|QL over files: NDJSON, CSV and Parquet, plain or
// compressed with gzip or zstd, by name, directory, glob or from standard input.
// It is what `interdict query --from` asks, and where look-up tables come from.
//
// # What FROM matches
//
// A row of ECS belongs to the index "logs-DATASET-NAMESPACE" that its data_stream
// fields name (or event.dataset, and then namespace default), a row of an
// exported search hit to the hit's _index, and any other to an index that has
// the name of its file without endings.
//
// # Fields
//
// Fields of the catalogue (package ecs) have its types, others what their values
// look like ([ecs.Inference]). The fields of an NDJSON file are found in samples
// of it; when a query names a field that no sample had, the whole file is looked
// through before the answer is "unknown". A table that holds ECS events has all
// fields of the catalogue, so that a rule may name one that no event has.
//
// # Promises
//
// A line or value that cannot be read is left out and counted, the first line is
// quoted with its number, and the answer is partial. A file that cannot be
// opened, or ends early, likewise. Only columns that a query names are decoded,
// so only trouble in these is seen; a line that a condition of the query rules
// out is not checked to its end. Plain NDJSON and Parquet are read where they
// are; compressed NDJSON and standard input are read once, kept as compressed
// blocks, beyond 64 MiB in a temporary file. CSV is held in memory.
package files
