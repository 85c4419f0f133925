// Package respond changes hosts, and nothing else in this program does.
//
// Every change is an [Action] and takes the same road: a [Plan] that a person
// can read and that changes nothing, an approval, Apply, which looks again and
// gives up with [ErrPlanStale] when the plan no longer holds, Verify, which
// looks from outside, and Undo. [Run] walks that road and writes each step to
// the [Journal] before it is taken and after.
//
// Promises:
//   - Nothing is applied that was not written and flushed to the journal first,
//     unless a person typed an [Override], and then the chain says so.
//   - A process is a [ProcessID], never a bare number.
//   - Plan and Result are versioned JSON with a kind, so that an action can be
//     finished or undone from the journal alone, by another program run.
//   - An applied change is never called done before Verify said [Holds].
//
// It never dials a host, decides what is bad, or writes to a terminal. Texts in
// plans and results may carry bytes that an attacker chose; whoever shows them
// makes them harmless.
package respond
