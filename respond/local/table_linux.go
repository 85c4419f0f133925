package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"interdict/respond"
	"interdict/respond/process"
	"interdict/respond/process/procfs"
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
	p := process.Process{ID: id, PPID: st.PPID, State: st.State, Name: st.Name, Session: st.Session,
		Kernel: st.Kernel, TTY: st.TTY, Inner: pid}
	if b, err := d.read("status", procfs.StatusRead); err == nil {
		procfs.Status(b, &p)
	}
	if p.Kernel {
		return p, nil
	}
	if b, err := d.read("cmdline", procfs.ArgsRead); err == nil {
		p.Args = procfs.Args(b)
	}
	p.Dir = strings.TrimSuffix(d.link("cwd"), procfs.DeletedMark)
	d.executable(&p)
	if b, err := d.read("cgroup", procfs.CgroupRead); err == nil {
		procfs.Cgroups(b, &p, frozenV1)
	}
	return p, nil
}

// executable tells a deleted file by its link count: a name may end in
// " (deleted)" all by itself.
func (d procDir) executable(p *process.Process) {
	p.Exe = d.link("exe")
	var st unix.Stat_t
	if p.Exe == "" || unix.Fstatat(d.fd, "exe", &st, 0) != nil || st.Nlink > 0 {
		return
	}
	procfs.Exe(p.Exe, p)
	if !p.Deleted {
		return
	}
	if root, err := d.root(); err == nil {
		defer root.close()
		_, err := root.stat(p.Exe)
		p.Replaced = err == nil
	}
}

func frozenV1(path string) bool {
	b, err := os.ReadFile("/sys/fs/cgroup/freezer" + path + "/freezer.state")
	return err == nil && !strings.HasPrefix(string(b), "THAWED")
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
