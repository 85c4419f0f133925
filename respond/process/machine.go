package process

import (
	"context"
	"net/netip"

	"interdict/respond"
)

// Machine is what this package asks of a host. Each call is one round trip, so
// that a host behind SSH can answer it with one command. Implementations are
// safe for concurrent use.
type Machine interface {
	respond.Host
	// Processes reads all processes once. It is no atomic picture: what forks
	// meanwhile may be missing, what is there is read consistently.
	Processes(ctx context.Context) (*Table, error)
	// Signal sends sig to each process in order, if it is still the one that is
	// meant, and never to another. Signal 0 only looks. The outcomes are in the
	// order of ids; the error says that the host could not be asked.
	Signal(ctx context.Context, sig Signal, ids ...respond.ProcessID) ([]Outcome, error)
	// Await returns when all have ended, or at the deadline of ctx those that
	// have not: that is no error.
	Await(ctx context.Context, ids ...respond.ProcessID) ([]respond.ProcessID, error)
	// Facts reads what a plan says about these processes beyond the table.
	Facts(ctx context.Context, ids ...respond.ProcessID) (Facts, error)
	// Cgroup reads a cgroup of version 2 by its path as the table has it.
	Cgroup(ctx context.Context, path string) (Cgroup, error)
	// SetFrozen freezes or thaws a cgroup of version 2 and waits until it is.
	SetFrozen(ctx context.Context, path string, frozen bool) error
	// Operator returns the processes on that host through which the operator
	// works: this program, or behind SSH the session it came by.
	Operator(ctx context.Context) ([]respond.ProcessID, error)
}

// Signal is what may be sent.
type Signal int

// The signals, by the numbers that Linux gives them on every architecture Go runs on but MIPS.
const (
	Look Signal = 0
	Kill Signal = 9
	Cont Signal = 18
	Stop Signal = 19
)

// Outcome of a signal to one process.
type Outcome struct {
	ID   respond.ProcessID
	Sent bool
	// Gone: it has ended, or its number belongs to another process now.
	Gone bool
	Err  string // why it was not sent although it is there
}

// Facts are what a plan says beyond the table.
type Facts struct {
	Sockets []Socket
	Masters []Master
	Units   []Unit
	Unknown []string // what could not be found out, a sentence each
}

// Socket is a connection that one of the processes holds.
type Socket struct {
	Process respond.ProcessID
	Local   netip.AddrPort
	Remote  netip.AddrPort
	Queued  int64 // bytes the far end has not confirmed: they leave whatever happens to the process
}

// Master is an ssh process that carries the connection of one of the processes
// (ControlMaster) without being among them.
type Master struct {
	ID     respond.ProcessID
	Path   string              // of its control socket
	Client respond.ProcessID   // the process that uses it
	Others []respond.ProcessID // others that use it now
	Unsure bool                // who else uses it could not be found out
}

// Unit is a systemd service of which one of the processes is the main one.
type Unit struct {
	Name     string
	Main     int    // its main process
	Restart  string // "no", "always", "on-failure", …
	Watchdog bool   // systemd kills it when it falls silent
}

// Cgroup of version 2.
type Cgroup struct {
	Processes []int // in it and below it
	Frozen    bool
	Freezable bool // not the root, and the kernel can
}
