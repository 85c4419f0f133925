// Package local is the host that is this machine: its identity, its processes
// through pidfd and /proc, and the facts of [respond.Looker].
//
// It changes a machine in two ways only: a signal through a pidfd whose process
// was compared after opening, and the freezer of a cgroup. Everything else is
// read, bounded in time and size; what it reads may be written by an attacker.
// Off Linux every method answers [respond.ErrUnsupported].
package local
