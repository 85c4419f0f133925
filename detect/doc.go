// Package detect says whether what happened is bad: rules over the stream of
// events, alerts, and the transfer that an alert is about.
//
// A rule is ES|QL text in Elastic's detection-rule schema ([LoadRules],
// [Builtin]). An [Engine] is a [sources.Sink]: it evaluates every rule on every
// batch as it comes, follows processes and transfers by identity, and answers
// with a [Snapshot] for whoever looks and with every [Change] in order for
// whoever records.
//
// # Live and batch agree
//
// At every moment the rows that a rule holds live ([Engine.Rows]) are the rows
// that its text gives over the same window and the same now(). The leading
// conditions of the text pick rows from a batch; picked rows are kept while
// they are in the window; the text is run again over the kept rows of those
// groups that a batch touched, and over all groups that the clock can have
// changed. A group of more than a thousand rows is judged again when it grew by
// a sixteenth, or at the next tick.
//
// What differs from a scheduled run, on purpose: a final LIMIT and max_signals
// do not cut what is shown live, since a flood of decoys must not hide the one
// that matters. [RuleStatus] says by how much they were exceeded.
//
// A rule that keeps too much, or whose text cannot be split, runs on its
// schedule against History, and its status says so.
//
// # Alerts
//
// An alert's id is a hash of its rule, its group and the first source event
// since the group was last closed. It is raised once, counts what comes again,
// and is never withdrawn: one whose row has gone says why ([Alert.NoLonger]).
//
// Everything is bounded: kept rows, processes, transfers, open alerts. What a
// bound took away is counted and said.
package detect
