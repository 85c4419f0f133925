// Package procfs reads what the files of /proc say, on whichever host they were
// read. Their content is hostile: names and paths may hold any bytes.
package procfs

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"interdict/respond/process"
)

// Bounds of what is read of one process.
const (
	ArgsRead   = 8 << 10
	StatusRead = 16 << 10
	CgroupRead = 16 << 10
	StatRead   = 4 << 10
)

// DeletedMark is what the kernel writes behind the path of a file without a name.
const DeletedMark = " (deleted)"

// Stat is what /proc/PID/stat says, as far as it is used.
type Stat struct {
	PID        int
	Name       string
	State      byte
	PPID       int
	Session    int
	TTY        string // "pts/2"
	Kernel     bool
	Threads    int
	StartTicks int64
}

var errStat = errors.New("malformed stat")

// ParseStat reads the line. The name may hold anything, ") R 1" too: it ends at
// the last parenthesis.
func ParseStat(b []byte) (Stat, error) {
	const kernelThread = 0x00200000 // PF_KTHREAD
	s := string(b)
	from, to := strings.IndexByte(s, '('), strings.LastIndexByte(s, ')')
	if from < 1 || to < from {
		return Stat{}, errStat
	}
	f := strings.Fields(s[to+1:])
	if len(f) < 20 || len(f[0]) != 1 {
		return Stat{}, errStat
	}
	var bad error
	number := func(text string) int64 {
		n, err := strconv.ParseInt(text, 10, 64)
		bad = errors.Join(bad, err)
		return n
	}
	st := Stat{PID: int(number(strings.TrimSpace(s[:from]))), Name: s[from+1 : to], State: f[0][0],
		PPID: int(number(f[1])), Session: int(number(f[3])), TTY: terminal(int(number(f[4]))),
		Kernel: number(f[6])&kernelThread != 0, Threads: int(number(f[17])), StartTicks: number(f[19])}
	if bad != nil {
		return Stat{}, errStat
	}
	return st, nil
}

// Several tells whether the states of the other threads matter: a first thread
// that has ended, or stopped first, says nothing of them.
func (s Stat) Several() bool {
	return s.Threads > 1 && (s.State == 'T' || s.State == 't' || s.State == 'Z')
}

// Livelier is the one of two states that is further from stopped and from ended.
func Livelier(a, b byte) byte {
	const order = "XZtTDISR"
	if strings.IndexByte(order, b) > strings.IndexByte(order, a) {
		return b
	}
	return a
}

// terminal names a controlling terminal from its device number.
func terminal(device int) string {
	major, minor := device>>8&0xfff, device&0xff|device>>12&0xfff00
	switch {
	case device == 0:
		return ""
	case major >= 136 && major <= 143:
		return "pts/" + strconv.Itoa(minor+(major-136)<<8)
	case major == 4 && minor < 64:
		return "tty" + strconv.Itoa(minor)
	case major == 4:
		return "ttyS" + strconv.Itoa(minor-64)
	}
	return fmt.Sprintf("%d:%d", major, minor)
}

// Status reads user, tracer and the number in the process's own namespace.
func Status(b []byte, p *process.Process) {
	for line := range bytes.Lines(b) {
		key, value, _ := strings.Cut(string(line), ":")
		f := strings.Fields(value)
		if len(f) == 0 {
			continue
		}
		switch key {
		case "Uid":
			p.UID, _ = strconv.Atoi(f[0]) // the kernel writes numbers
		case "TracerPid":
			p.Tracer, _ = strconv.Atoi(f[0])
		case "NSpid":
			p.Inner, _ = strconv.Atoi(f[len(f)-1])
		}
	}
}

// Args splits a command line.
func Args(b []byte) []string {
	if len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
}

// Exe takes apart where the link to an executable without a name leads.
func Exe(link string, p *process.Process) {
	p.Exe = strings.TrimSuffix(link, DeletedMark)
	p.Memfd = strings.HasPrefix(p.Exe, "/memfd:")
	p.Deleted = !p.Memfd
}

var containerID = regexp.MustCompile(`(?:^|[/-])([0-9a-f]{64})(?:\.scope)?(?:/|$)`)

// Cgroups reads /proc/PID/cgroup. frozen tells whether a cgroup of the version
// 1 freezer is frozen.
func Cgroups(b []byte, p *process.Process, frozen func(path string) bool) {
	var unit string
	for line := range strings.Lines(string(b)) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(f) < 3 {
			continue
		}
		switch {
		case f[0] == "0":
			p.Cgroup = f[2]
		case f[1] == "name=systemd":
			unit = unitOf(f[2])
		case f[1] == "freezer" && f[2] != "/":
			p.FrozenV1 = frozen(f[2])
		}
		if m := containerID.FindStringSubmatch(f[2]); m != nil {
			p.Container = m[1][:12]
		}
	}
	if p.Service = unitOf(p.Cgroup); p.Service == "" {
		p.Service = unit
	}
}

// unitOf is the innermost service of a cgroup path.
func unitOf(path string) string {
	parts := strings.Split(path, "/")
	for i := len(parts) - 1; i >= 0; i-- {
		if strings.HasSuffix(parts[i], ".service") {
			return parts[i]
		}
	}
	return ""
}

// Connection reads a line of /proc/net/tcp or tcp6 of a host with that byte
// order; heading and listening sockets are none.
func Connection(line string, order binary.ByteOrder) (process.Socket, int64, bool) {
	const listening = "0A"
	f := strings.Fields(line)
	if len(f) < 10 || f[3] == listening {
		return process.Socket{}, 0, false
	}
	local, ok1 := Endpoint(f[1], order)
	remote, ok2 := Endpoint(f[2], order)
	queued, _, _ := strings.Cut(f[4], ":")
	n, err1 := strconv.ParseInt(queued, 16, 64)
	inode, err2 := strconv.ParseInt(f[9], 10, 64)
	if !ok1 || !ok2 || err1 != nil || err2 != nil || inode == 0 {
		return process.Socket{}, 0, false
	}
	return process.Socket{Local: local, Remote: remote, Queued: n}, inode, true
}

// Endpoint reads ADDRESS:PORT in hex, the address as 32-bit words in the host's
// byte order.
func Endpoint(s string, order binary.ByteOrder) (netip.AddrPort, bool) {
	addr, port, _ := strings.Cut(s, ":")
	b, err1 := hex.DecodeString(addr)
	n, err2 := strconv.ParseUint(port, 16, 16)
	if err1 != nil || err2 != nil || (len(b) != 4 && len(b) != 16) {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(b); i += 4 {
		order.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	ip, _ := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(ip.Unmap(), uint16(n)), true
}

// Socket is the inode that a link of /proc/PID/fd names.
func Socket(link string) (int64, bool) {
	text, ok := strings.CutPrefix(link, "socket:[")
	inode, err := strconv.ParseInt(strings.TrimSuffix(text, "]"), 10, 64)
	return inode, ok && err == nil
}

// Unit reads `systemctl show` with MainPID, Restart and WatchdogUSec.
func Unit(name string, show []byte) process.Unit {
	u := process.Unit{Name: name}
	for line := range strings.Lines(string(show)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "MainPID":
			u.Main, _ = strconv.Atoi(value) // 0 matches no process
		case "Restart":
			u.Restart = value
		case "WatchdogUSec":
			u.Watchdog = value != "" && value != "0" && value != "infinity"
		}
	}
	return u
}
