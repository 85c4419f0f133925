package respond

import (
	"os"
	"os/user"
	"strconv"
	"strings"
)

// Actor is who asked for a change.
type Actor struct {
	User string `json:"user"`           // login name; behind sudo "ana (as root)"
	UID  int    `json:"uid"`            // of the program
	TTY  string `json:"tty,omitempty"`  // terminal of the program
	SSH  string `json:"ssh,omitempty"`  // client address and ports, as SSH_CONNECTION says
	Auto string `json:"auto,omitempty"` // what acted without a person: a playbook, the queue, a right of its own; "" for a person
	// Program is the console itself as PID@START: whether it still runs tells an
	// operation that was cut short from one that is under way.
	Program string `json:"program,omitempty"`
}

// String is for a person: "ana on pts/2 from 10.0.9.5".
func (a Actor) String() string {
	s := a.User
	if a.TTY != "" {
		s += " on " + strings.TrimPrefix(a.TTY, "/dev/")
	}
	if from, _, _ := strings.Cut(a.SSH, " "); from != "" {
		s += " from " + from
	}
	if a.Auto != "" {
		s += ", by itself: " + a.Auto
	}
	return s
}

// CurrentActor is whoever runs this program, as far as the program can tell.
func CurrentActor() Actor {
	a := Actor{UID: os.Getuid(), SSH: os.Getenv("SSH_CONNECTION"), TTY: terminal(), Program: program()}
	a.User = strconv.Itoa(a.UID)
	if u, err := user.LookupId(a.User); err == nil {
		a.User = u.Username
	}
	if login := os.Getenv("SUDO_USER"); login != "" && login != a.User {
		a.User = login + " (as " + a.User + ")"
	}
	return a
}

func terminal() string {
	for _, fd := range []string{"0", "1", "2"} {
		name, err := os.Readlink("/proc/self/fd/" + fd)
		if err == nil && (strings.HasPrefix(name, "/dev/pts/") || strings.HasPrefix(name, "/dev/tty")) {
			return name
		}
	}
	return ""
}

// program is this program's PID@START; "" where there is no /proc.
func program() string {
	start := startOf("/proc/self/stat")
	if start == "" {
		return ""
	}
	return strconv.Itoa(os.Getpid()) + "@" + start
}

// ProgramRuns tells whether the program that is named PID@START, as
// [Actor.Program] names it, still runs on this machine.
func ProgramRuns(name string) bool {
	pid, start, ok := strings.Cut(name, "@")
	if _, err := strconv.ParseUint(pid, 10, 31); err != nil || !ok {
		return false
	}
	return startOf("/proc/"+pid+"/stat") == start
}

// startOf is the start time in what /proc says of a process, in ticks; "" when there is none.
func startOf(path string) string {
	stat, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	end := strings.LastIndex(string(stat), ") ") // a name may hold a parenthesis
	if end < 0 {
		return ""
	}
	fields := strings.Fields(string(stat[end+2:]))
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return ""
	}
	return fields[19]
}
