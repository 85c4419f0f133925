// Package remote looks at and signals the processes of a host that only runs
// scripts: a [process.Machine] over a [respond.Shell].
//
// Each call is one script, constant, in POSIX sh with the tools that every
// Linux has (head, ls, grep, awk, xargs, gzip), BusyBox included. Nothing is
// written to the host.
//
// A signal goes through a pidfd where the host has perl or python3 to ask for
// one. Elsewhere the process is stopped first and looked at again: if its
// number was another's by then, that one is let go at once. A kill is sent only
// to a process that stands and was found to be the one meant.
//
// Command lines are hostile and could imitate whatever separates one file from
// the next in the output. So every path is spelt with a number of "/" and "/."
// that is chosen at random for each call and that a process cannot know, and
// what appears twice all the same is dropped.
package remote
