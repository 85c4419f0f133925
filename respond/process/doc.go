// Package process freezes, resumes and kills one process or its tree.
//
// A process is meant by identity (boot id, number, start time, and where the
// kernel has it the inode of its pidfd), never by its number: every signal goes
// through a pidfd that was opened first and compared afterwards, so that a
// number which was given to another process in the meantime costs an error and
// never that process its life.
//
// The tree to act on begins at the highest ancestor that nobody vouches for: a
// program or script in a place that anybody can write, deleted, or without a
// name. Stopping only the tool would let the script above it try again. It
// never begins at a service master (init, sshd, cron, a web server, a container
// runtime) or at somebody's login shell; the plan names what keeps running, and why.
//
// A frozen process is a change that stands ([respond.Held]) until it is
// resumed or killed. A kill has no undo.
//
// What is never touched: process 1, kernel threads, the console, its ancestors
// and its session.
package process
