package process

import (
	"slices"

	"interdict/respond"
)

// Process is one process as a host showed it.
type Process struct {
	ID      respond.ProcessID
	PPID    int
	State   byte // as /proc/PID/stat: R S D T t Z …; of several threads the liveliest
	Name    string
	Args    []string // bounded
	Dir     string   // working directory
	Exe     string   // path of the executable, without " (deleted)"; "" when it cannot be read
	Deleted bool     // the executable has no name any more
	Memfd   bool     // it never had one
	// Replaced: deleted, but another file has its name, as after an upgrade.
	Replaced  bool
	Kernel    bool // a kernel thread
	UID       int
	Session   int    // number of the session's first process; 0: the kernel's
	TTY       string // "pts/2"; "" without
	Cgroup    string // path in version 2; "" when unknown
	Container string // id, short; "" for none
	Service   string // innermost systemd unit; "" for none
	Inner     int    // number inside its own pid namespace; ID.PID when it has none of its own
	Tracer    int    // of a debugger; 0 for none
	FrozenV1  bool   // in a frozen cgroup of version 1, where a kill waits for the thaw
}

// Table is all processes of a host at about one moment. It is for one goroutine.
type Table struct {
	byPID    map[int]*Process
	children map[int][]*Process // by parent, in the order they were read
	sessions map[int][]*Process // made when first asked for
}

// NewTable takes the processes over.
func NewTable(all []Process) *Table {
	t := &Table{byPID: make(map[int]*Process, len(all)), children: map[int][]*Process{}}
	for i := range all {
		p := &all[i]
		t.byPID[p.ID.PID] = p
		t.children[p.PPID] = append(t.children[p.PPID], p)
	}
	return t
}

// Find returns the process if it is still there and the same, else nil.
func (t *Table) Find(id respond.ProcessID) *Process {
	if p := t.byPID[id.PID]; p != nil && p.ID.Same(id) {
		return p
	}
	return nil
}

// Number returns whatever process has the number now; nil for none.
func (t *Table) Number(pid int) *Process { return t.byPID[pid] }

// Len is the number of processes.
func (t *Table) Len() int { return len(t.byPID) }

// Stopped tells whether it cannot run: stopped, or held by a tracer.
func (p *Process) Stopped() bool { return p.State == 'T' || p.State == 't' }

// startsStopped tells whether p waits in the kernel for a child that it is
// starting (vfork: the child still runs p's program) and that stands: then p
// stands too, and has its own stop signal to meet when that ends.
func (p *Process) startsStopped(among []*Process) bool {
	return p.State == 'D' && slices.ContainsFunc(among, func(c *Process) bool {
		return c.PPID == p.ID.PID && c.Stopped() && c.Exe == p.Exe && slices.Equal(c.Args, p.Args)
	})
}

// Ended tells whether nothing of it runs any more: only its exit status is left.
func (p *Process) Ended() bool { return p.State == 'Z' || p.State == 'X' }
