package respond

import (
	"context"
	"io/fs"
	"time"
)

// Near is how far from the asked time a schedule is still told of. Whoever
// judges draws a tighter line; this bounds the answer.
const Near = 10 * time.Minute

// Looker reads facts of one machine that events do not carry. It changes
// nothing, is bounded in time and memory, and is safe for concurrent use. What
// could be read comes back even when the error is not nil: the error then names
// what could not be, which is not the same as nothing being there.
type Looker interface {
	// Schedules returns what was to start, or did start, within Near of around.
	Schedules(ctx context.Context, around time.Time) ([]Schedule, error)
	// Logins returns the sessions of which a part lies between from and to.
	Logins(ctx context.Context, from, to time.Time) ([]Login, error)
	// Origin says where the file at path came from, as process p sees the path.
	// A zero p stands for this machine's own view. While p runs, a file without
	// a name (deleted, memfd) is read through it.
	Origin(ctx context.Context, path string, p ProcessID) (Origin, error)
	// Footholds returns the files that start programs by themselves or let people
	// in and that changed after since, the newest first.
	Footholds(ctx context.Context, since time.Time) ([]Foothold, error)
}

// Foothold is a file by which somebody could come back: of cron, a unit, login
// keys, a login script, what is preloaded.
type Foothold struct {
	Path    string
	Changed time.Time // content or attributes, by the kernel's own clock
}

// Schedule is a cron line or a timer.
type Schedule struct {
	Source  string    // "/etc/cron.d/backup:7" or "systemd timer logrotate.timer"
	Command string    // of cron; of a timer the unit it starts
	User    string    // "" when the source does not say
	Last    time.Time // the newest start at or before the asked time, or noted just after it; zero: unknown
	Next    time.Time // the first one after it; zero: unknown
}

// Distance is how far the nearest start is from t.
func (s Schedule) Distance(t time.Time) time.Duration {
	nearest := time.Duration(1<<63 - 1)
	for _, at := range []time.Time{s.Last, s.Next} {
		if !at.IsZero() {
			nearest = min(nearest, t.Sub(at).Abs())
		}
	}
	return nearest
}

// Login is one session of a person.
type Login struct {
	User string
	Line string    // terminal: "pts/2"
	From string    // where from: a name or address as the machine noted it; "" for its own console
	In   time.Time // zero: before the records begin
	Out  time.Time // zero: still logged in
}

// Origin is where an executable or script came from.
type Origin struct {
	Path    string // as asked
	Package string // that owns it, "openssh-client"; "" when none does
	// PackageAsked names the package databases that were searched. Empty: there
	// was none, and an empty Package says nothing.
	PackageAsked []string

	Size     int64
	Mode     fs.FileMode
	UID, GID int
	Owner    string    // name of UID on this machine, "" when it has none
	Modified time.Time // content; whoever owns the file can set it to anything
	Changed  time.Time // content or attributes; the kernel's own clock

	// Writable says in what way the file or its place can be written by others
	// than root, "" when it cannot: "/dev/shm is open to everybody".
	Writable string
	Deleted  bool // it has no name any more
	Memfd    bool // it never had one
	Replaced bool // deleted, but another file has its name now, as after an upgrade

	SHA256 string // hex; "" when it could not be read, and Unread says why
	Unread string

	Text string // all that it says, if it is a text of 256 KiB at most; else ""

	// Interpreter and Script are set when path is the interpreter that p runs a
	// script with: ask for Script too.
	Interpreter string
	Script      string
}
