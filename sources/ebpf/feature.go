package ebpf

import (
	"log/slog"

	"interdict/sources/ecs"
)

// Config says what to watch. The zero value watches the whole machine.
type Config struct {
	Scope     string       // version 2 cgroup to stay inside of: absolute, or below the cgroup mount; "" watches everything
	RingBytes int          // of kernel memory for records, a power of two; 0 is 32 MiB
	Host      ecs.Host     // zero: this machine is asked
	Log       *slog.Logger // nil: nothing is logged
}

// DefaultRingBytes holds about two seconds of executions at the rate at which
// two cores can execute at all.
const DefaultRingBytes = 32 << 20

// Unsupported says what this machine lacks to be watched.
type Unsupported struct {
	Missing string // what is not there or not allowed
	Hint    string // how to get it
	Err     error
}

// Error gives what is missing, and the hint.
func (u *Unsupported) Error() string {
	s := u.Missing
	if u.Err != nil {
		s += ": " + u.Err.Error()
	}
	if u.Hint != "" {
		s += " (" + u.Hint + ")"
	}
	return s
}

// Unwrap gives the cause.
func (u *Unsupported) Unwrap() error { return u.Err }

// State tells how well something works.
type State string

// The states. Fallback: by another way, with what that costs in Detail.
const (
	Yes      State = "yes"
	No       State = "no"
	Fallback State = "fallback"
)

// Feature is one thing that the sensor wants of the kernel.
type Feature struct {
	Name   string
	State  State
	Detail string
	Hint   string // what to do about it; "" when nothing need be done
}
