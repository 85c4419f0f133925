package local

import (
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"interdict/respond"
	"interdict/respond/process/procfs"
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

func (d procDir) stat() (procfs.Stat, error) {
	b, err := d.read("stat", 4096)
	if err != nil {
		return procfs.Stat{}, err
	}
	st, err := procfs.ParseStat(b)
	if err != nil {
		return procfs.Stat{}, fmt.Errorf("process %d: %w", d.pid, err)
	}
	if st.Several() {
		st.State = d.liveliest(st.State)
	}
	return st, nil
}

// liveliest is the state of the thread that is furthest from stopped and from ended.
func (d procDir) liveliest(state byte) byte {
	for _, tid := range d.names("task") {
		b, err := d.read("task/"+tid+"/stat", 4096)
		if err != nil {
			continue
		}
		if st, err := procfs.ParseStat(b); err == nil {
			state = procfs.Livelier(state, st.State)
		}
	}
	return state
}

// identify opens a pidfd beside d and returns who the process is. d is read
// after the pidfd was opened: that it can be read proves that the number was
// its process's then. Without a pidfd the inode is unknown.
func (d procDir) identify(boot string) (respond.ProcessID, procfs.Stat, error) {
	inode := uint64(0)
	if fd, err := unix.PidfdOpen(d.pid, 0); err == nil {
		inode = pidfdInode(fd)
		unix.Close(fd)
	}
	st, err := d.stat()
	if err != nil {
		return respond.ProcessID{}, procfs.Stat{}, err
	}
	return respond.ProcessID{BootID: boot, PID: d.pid, Start: st.StartTicks * respond.Tick, Inode: inode}, st, nil
}
