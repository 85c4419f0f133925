package local

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"interdict/respond"
)

// procDir is an open /proc/PID. It stays with its process: once that has ended
// every read fails, also when the number belongs to another process by then.
type procDir struct {
	pid int
	fd  int
}

func openProc(pid int) (procDir, error) {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return procDir{}, fmt.Errorf("process %d: %w", pid, err)
	}
	return procDir{pid: pid, fd: fd}, nil
}

func (d procDir) close() { unix.Close(d.fd) }

func (d procDir) open(name string) (*os.File, error) {
	fd, err := unix.Openat(d.fd, name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("process %d: %s: %w", d.pid, name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// read returns at most limit bytes of a file.
func (d procDir) read(name string, limit int64) ([]byte, error) {
	f, err := d.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return nil, fmt.Errorf("process %d: %s: %w", d.pid, name, err)
	}
	return b, nil
}

func (d procDir) link(name string) string {
	b := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(d.fd, name, b)
	if err != nil {
		return ""
	}
	return string(b[:n])
}

// names lists a directory; what vanishes meanwhile is left out.
func (d procDir) names(name string) []string {
	f, err := d.open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	names, _ := f.Readdirnames(-1) // a process that ends meanwhile has none
	return names
}

// stat is what /proc/PID/stat says, as far as it is used here.
type stat struct {
	name          string
	state         byte
	ppid, session int
	tty           int
	flags         uint64
	threads       int
	startTicks    int64
}

const flagKernelThread = 0x00200000 // PF_KTHREAD

var errStat = errors.New("malformed stat")

// parseStat reads the line. The name may hold anything, ") R 1" too: it ends at
// the last parenthesis.
func parseStat(b []byte) (stat, error) {
	s := string(b)
	from, to := strings.IndexByte(s, '('), strings.LastIndexByte(s, ')')
	if from < 1 || to < from {
		return stat{}, errStat
	}
	f := strings.Fields(s[to+1:])
	if len(f) < 20 || len(f[0]) != 1 {
		return stat{}, errStat
	}
	var bad error
	number := func(text string) int64 {
		n, err := strconv.ParseInt(text, 10, 64)
		bad = errors.Join(bad, err)
		return n
	}
	st := stat{
		name: s[from+1 : to], state: f[0][0],
		ppid: int(number(f[1])), session: int(number(f[3])), tty: int(number(f[4])),
		flags: uint64(number(f[6])), threads: int(number(f[17])), startTicks: number(f[19]),
	}
	if bad != nil {
		return stat{}, errStat
	}
	return st, nil
}

func (d procDir) stat() (stat, error) {
	b, err := d.read("stat", 4096)
	if err != nil {
		return stat{}, err
	}
	st, err := parseStat(b)
	if err != nil {
		return stat{}, fmt.Errorf("process %d: %w", d.pid, err)
	}
	if st.threads > 1 && (st.state == 'T' || st.state == 't' || st.state == 'Z') {
		st.state = d.liveliest(st.state)
	}
	return st, nil
}

// liveliest is the state of the thread that is furthest from stopped and from
// ended: a first thread that has ended, or stopped first, says nothing of the others.
func (d procDir) liveliest(state byte) byte {
	const order = "XZtTDISR"
	best := state
	for _, tid := range d.names("task") {
		b, err := d.read("task/"+tid+"/stat", 4096)
		if err != nil {
			continue
		}
		if st, err := parseStat(b); err == nil && strings.IndexByte(order, st.state) > strings.IndexByte(order, best) {
			best = st.state
		}
	}
	return best
}

// identify opens a pidfd beside d and returns who the process is. d is read
// after the pidfd was opened: that it can be read proves that the number was
// its process's then. Without a pidfd the inode is unknown.
func (d procDir) identify(boot string) (respond.ProcessID, stat, error) {
	inode := uint64(0)
	if fd, err := unix.PidfdOpen(d.pid, 0); err == nil {
		inode = pidfdInode(fd)
		unix.Close(fd)
	}
	st, err := d.stat()
	if err != nil {
		return respond.ProcessID{}, stat{}, err
	}
	return respond.ProcessID{BootID: boot, PID: d.pid, Start: st.startTicks * respond.Tick, Inode: inode}, st, nil
}
