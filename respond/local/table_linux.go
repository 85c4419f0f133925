package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"interdict/respond"
	"interdict/respond/process"
)

// Bounds of what is read of one process.
const (
	argsRead   = 8 << 10
	statusRead = 16 << 10
	cgroupRead = 16 << 10
)

// Processes reads /proc once.
func (*Host) Processes(ctx context.Context) (*process.Table, error) {
	boot, err := bootID()
	if err != nil {
		return nil, err
	}
	pids, err := numbers()
	if err != nil {
		return nil, err
	}
	all := make([]process.Process, 0, len(pids))
	for _, pid := range pids {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if p, err := readProcess(pid, boot); err == nil { // else it has ended meanwhile
			all = append(all, p)
		}
	}
	return process.NewTable(all), nil
}

func numbers() ([]int, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list /proc: %w", err)
	}
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// Operator is this program.
func (*Host) Operator(context.Context) ([]respond.ProcessID, error) {
	boot, err := bootID()
	if err != nil {
		return nil, err
	}
	p, err := readProcess(os.Getpid(), boot)
	if err != nil {
		return nil, err
	}
	return []respond.ProcessID{p.ID}, nil
}

// readProcess reads one process through one open /proc/PID, so that nothing of
// another one with the same number gets in.
func readProcess(pid int, boot string) (process.Process, error) {
	d, err := openProc(pid)
	if err != nil {
		return process.Process{}, err
	}
	defer d.close()
	id, st, err := d.identify(boot)
	if err != nil {
		return process.Process{}, err
	}
	p := process.Process{ID: id, PPID: st.ppid, State: st.state, Name: st.name, Session: st.session,
		Kernel: st.flags&flagKernelThread != 0, TTY: terminal(st.tty), Inner: pid}
	d.status(&p)
	if p.Kernel {
		return p, nil
	}
	if b, err := d.read("cmdline", argsRead); err == nil && len(b) > 0 {
		p.Args = strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
	}
	p.Dir = strings.TrimSuffix(d.link("cwd"), deletedMark)
	d.executable(&p)
	d.cgroups(&p)
	return p, nil
}

// status reads user, tracer and the number in the process's own namespace.
func (d procDir) status(p *process.Process) {
	b, err := d.read("status", statusRead)
	if err != nil {
		return
	}
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

const deletedMark = " (deleted)"

// executable tells a deleted file by its link count: a name may end in
// " (deleted)" all by itself.
func (d procDir) executable(p *process.Process) {
	p.Exe = d.link("exe")
	var st unix.Stat_t
	if p.Exe == "" || unix.Fstatat(d.fd, "exe", &st, 0) != nil || st.Nlink > 0 {
		return
	}
	p.Exe = strings.TrimSuffix(p.Exe, deletedMark)
	p.Memfd = strings.HasPrefix(p.Exe, "/memfd:")
	p.Deleted = !p.Memfd
	if !p.Deleted {
		return
	}
	if root, err := d.root(); err == nil {
		defer root.close()
		_, err := root.stat(p.Exe)
		p.Replaced = err == nil
	}
}

var containerID = regexp.MustCompile(`(?:^|[/-])([0-9a-f]{64})(?:\.scope)?(?:/|$)`)

func (d procDir) cgroups(p *process.Process) {
	b, err := d.read("cgroup", cgroupRead)
	if err != nil {
		return
	}
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
			p.FrozenV1 = frozenV1(f[2])
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

func frozenV1(path string) bool {
	b, err := os.ReadFile("/sys/fs/cgroup/freezer" + path + "/freezer.state")
	return err == nil && !strings.HasPrefix(string(b), "THAWED")
}

// terminal names a controlling terminal from its device number as stat has it.
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

// find reads the process that id means, or errGone.
func find(id respond.ProcessID, boot string) (process.Process, error) {
	p, err := readProcess(id.PID, boot)
	if err != nil {
		return process.Process{}, goneOr(err)
	}
	if !p.ID.Same(id) {
		return process.Process{}, errGone
	}
	return p, nil
}

// isGone is for what may end at any moment without that being an error.
func isGone(err error) bool { return errors.Is(err, errGone) }
