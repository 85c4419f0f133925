package respond

import (
	"fmt"
	"strconv"
	"strings"
)

// Tick is the resolution, in nanoseconds, at which start times are compared:
// USER_HZ is 100 on every architecture that Go runs Linux on, and field 22 of
// /proc/PID/stat counts in it.
const Tick = 10_000_000

// ProcessID names one process for ever. A number alone is given to another
// process sooner or later; together with the boot and the start time it is not,
// as far as one tick tells apart; where the kernel numbers its pidfds (6.9), the
// inode tells apart the rest.
type ProcessID struct {
	HostID string `json:"host_id"`         // "" when unknown: not compared
	BootID string `json:"boot_id"`         // "" when unknown: not compared
	PID    int    `json:"pid"`             // in the host's first pid namespace
	Start  int64  `json:"start"`           // ns since boot (start_boottime); exact from the sensor, whole ticks from /proc
	Inode  uint64 `json:"inode,omitempty"` // of its pidfd, never given twice in one boot; 0 when unknown: not compared
}

// Same tells whether both name the same process: number and start tick equal,
// and host, boot and inode where both know them.
func (p ProcessID) Same(q ProcessID) bool {
	return p.PID == q.PID && p.Ticks() == q.Ticks() &&
		agree(p.BootID, q.BootID) && agree(p.HostID, q.HostID) && agree(p.Inode, q.Inode)
}

func agree[T comparable](a, b T) bool {
	var unknown T
	return a == unknown || b == unknown || a == b
}

// Ticks is the start time as /proc/PID/stat writes it.
func (p ProcessID) Ticks() int64 { return p.Start / Tick }

// String is PID@START with START in ticks since boot: what a person can compare
// with field 22 of /proc/PID/stat, and the same whoever reported the process.
func (p ProcessID) String() string {
	return strconv.Itoa(p.PID) + "@" + strconv.FormatInt(p.Ticks(), 10)
}

// ParseProcessID reads PID@START, START in ticks since boot. Host and boot stay
// unknown: whoever plans fills them in from the host that is asked.
func ParseProcessID(s string) (ProcessID, error) {
	number, start, ok := strings.Cut(s, "@")
	if !ok {
		return ProcessID{}, fmt.Errorf("process %q: a number alone may mean another process by now; write PID@START as alerts and `interdict standing` show it", s)
	}
	pid, err := strconv.ParseInt(number, 10, 32)
	if err != nil || pid < 1 || number[0] == '+' {
		return ProcessID{}, fmt.Errorf("process %q: %q is no process number", s, number)
	}
	ticks, err := strconv.ParseInt(start, 10, 64)
	if err != nil || ticks < 0 || ticks > (1<<63-1)/Tick || start[0] == '+' {
		return ProcessID{}, fmt.Errorf("process %q: %q is no start time in clock ticks since boot", s, start)
	}
	return ProcessID{PID: int(pid), Start: ticks * Tick}, nil
}
