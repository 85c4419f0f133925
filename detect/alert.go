package detect

import (
	"net/netip"
	"strings"
	"time"
)

// Alert says that a rule found something, once per finding however often its
// rows come again. It is a value: a copy stays as it was.
type Alert struct {
	ID       string // hash of rule, group values or _id, and first source event since the last closure
	Thread   string // hash of rule and group values or _id: the same for all alerts about one thing, also when the first event is forgotten
	RuleID   string
	RuleName string
	Severity string // low, medium, high, critical
	Risk     int    // 0 to 100, the rule's
	Tactics  []string

	Raised      time.Time // when the rule found it
	First, Last time.Time // of the source events
	Count       int       // source events

	Host    Host
	Process Process        // of the newest source event; the tool
	To      netip.AddrPort // the destination in the newest of them that has one
	Why     string         // one sentence with the figures: why the rule fired
	Row     []Field        // the rule's own row, in column order

	NoLonger string   // why the rule's row is gone ("no longer matches: 5 of < 5"); "" while it is there
	Degraded []string // what could not be seen around it, a sentence each
	Closed   bool

	CloseReason string // what the analyst said

	folded int // alerts of one process that are shown in this one
}

// Fired is how often the rule found something: rows about one process, as those of
// its bytes and files are, are one finding however many they are.
func (a *Alert) Fired() int {
	for _, f := range a.Row {
		if (f.Name == "process.entity_id" || f.Name == "process.pid") && f.Value != "" && !strings.Contains(f.Value, ", ") {
			return 1 + a.folded
		}
	}
	return a.Count
}

// Field is one column of a rule's row as text.
type Field struct{ Name, Value string }

// Host is the machine of an alert, as its events name it: never something to dial.
type Host struct {
	ID, BootID, Name, AgentID string
	OS, OSType, Kernel        string
	Architecture              string
	Environment               string // ci, staging, production, or ""
	Addresses                 []netip.Addr
}

// Process is one process, by identity, with what the execution event said.
type Process struct {
	EntityID string
	PID      int
	Start    int64  // nanoseconds since boot
	Parent   string // entity id of the parent, "" when unknown
	PPID     int

	Name, Executable, CommandLine, Dir string
	Args                               []string
	Script                             string // what an interpreter runs, as far as it is a file
	Tool, ToolHow                      string // recognised transfer tool and how; "" if none
	User, UserID                       string
	LoginUID                           int64  // -1: nobody logged in, or the event is not of a sensor of ours and does not say
	Entry                              string // how the session began, as the event says: "sshd from 198.51.100.9"; "": by no login that it tells of
	Session                            int64  // audit session; -1: none
	Interactive                        bool
	Container, Cgroup                  string
	SHA256                             string
	Deleted, Memfd                     bool // the executable has no name in the file system any more, or never had
	ArgsBytes                          int64
	Truncated                          bool
	Env                                []string // the allow-listed NAME=VALUE only

	Started, Ended time.Time // Ended is zero while it runs
	ExitCode       int64     // -1: it has ended, and nobody saw how
}

// Alive tells whether no exit was seen.
func (p Process) Alive() bool { return p.Ended.IsZero() }

// Direction of a transfer, seen from this host.
type Direction string

// The directions. Pulled: somebody outside fetches (sftp-server, scp -f, rsync --sender).
const (
	Out    Direction = "out"
	Pulled Direction = "pulled"
	In     Direction = "in"
)

// Transfer is a tool with all that belongs to it: its subtree and, inbound,
// the sshd session that owns the socket. It is a value.
type Transfer struct {
	Direction Direction
	Tool      Process
	Ancestors []Process // parent first, up to PID 1 as far as known
	Members   []Process // the tool, its descendants and, inbound, its sshd
	Peers     []Peer    // where bytes went, largest first
	Files     []File    // read by members, largest first
	Written   []File    // made or overwritten by members, in order; what they hold then is not known
	Sent      int64     // bytes to all peers, as the kernel counted them
	Received  int64
	Rate      float64 // bytes sent per second, over the last seconds; 0 when ended
	Spark     []int64 // bytes sent in each of the last seconds, oldest first
	Live      bool    // a member still runs and holds or may open a connection
	Started   time.Time
	Ended     time.Time
	Master    string   // path of an ssh control socket that owns the connection, outside the tree
	Unseen    []string // what could not be seen of it, a sentence each
}

// Peer is a far end.
type Peer struct {
	Addr           netip.Addr
	Port           int
	Inbound        bool // it connected to us
	Sent, Received int64
	First, Last    time.Time
	Process        string // entity id of the member that holds the connection
}

// File is one that was opened for reading.
type File struct {
	Path      string
	Size      int64
	Sensitive string // key material, credentials, database, archive, …; "" if nothing says so
	At        time.Time
	Process   string
}
