// Package replay delivers a recording as if it happened now: a [sources.Source]
// over an NDJSON file of ECS events, plain or compressed with gzip or zstd.
//
// Rows come in the file's order, at recorded speed, a multiple of it, or as fast
// as they are taken ([Config]). A line that is no event is skipped and counted
// as sources.Loss.Malformed, and the first one is quoted with its number in
// Stats().Notes; so are values that did not fit their field. A recording that
// ends in the middle is played to there, and that is said. A file in which no
// line at all is an event is an error.
//
// Rules ask with now(). With [Config].AsNow all dates of the recording are moved
// by one amount, so that it happens now and not when it was recorded; at any
// speed but the recorded one the last event is the one that happens now, so that
// none lies in the future.
//
// [Incident] is the recording that the program carries in itself.
package replay
