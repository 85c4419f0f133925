// Package ebpf is the live source of this machine: a sensor inside the kernel.
//
// It tells of every fork, exec and exit, and of processes of interest, which
// are transfer tools and their descendants, also the destinations, the bytes and
// the files that they open. What runs already when it starts is told first, as
// already_running, so that ancestry is complete from the first second.
//
// It promises that a record which found no room is counted, class by class, and
// that after a loss the picture of running processes is made whole again. It
// never waits inside the kernel, never stops a process and needs neither
// kprobes nor LSM hooks: only BTF tracepoints, an iterator and task storage.
//
// The C is in bpf/, its objects are committed. Outside Linux on amd64 and arm64
// the package compiles and answers [Unsupported].
package ebpf
