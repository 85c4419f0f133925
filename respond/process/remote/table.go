package remote

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"interdict/respond"
	"interdict/respond/process"
	"interdict/respond/process/procfs"
)

// argsRead bounds what is read of a command line: less than on this machine,
// since it crosses a network.
const argsRead = 4 << 10

// Processes reads all processes in one script. When command lines make it more
// than a script may print, which somebody can do on purpose, it reads all but those.
func (m Machine) Processes(ctx context.Context) (*process.Table, error) {
	t, err := m.processes(ctx, argsRead)
	if errors.Is(err, errUnfinished) {
		t, err = m.processes(ctx, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("processes of %s: %w", m.Name(), err)
	}
	return t, nil
}

func (m Machine) processes(ctx context.Context, args int) (*process.Table, error) {
	n := spelling()
	out, err := m.run(ctx, tableScript, fmt.Sprintf("%s\n%d\n", n, args))
	if err != nil {
		return nil, err
	}
	f, err := parseFiles(out.Stdout, n)
	if err != nil {
		return nil, err
	}
	t := table{files: f, links: f.links(n), gone: f.marked("gone", "gone", n), replaced: f.marked("gone", "replaced", n),
		boot: strings.TrimSpace(string(f["0/boot"])), frozen: map[string]bool{}}
	prefix, suffix := "/sys"+n+"/fs/cgroup/freezer", "/freezer.state"
	for l := range strings.Lines(string(f["0/frozen"])) {
		if path, ok := strings.CutPrefix(strings.TrimSuffix(l, "\n"), prefix); ok {
			t.frozen[strings.TrimSuffix(path, suffix)] = true
		}
	}
	t.readThreads()
	var all []process.Process
	for name := range f {
		if number, ok := strings.CutSuffix(name, "/stat"); ok {
			if pid, err := strconv.Atoi(number); err == nil {
				if p, ok := t.process(pid); ok {
					all = append(all, p)
				}
			}
		}
	}
	if len(all) == 0 {
		return nil, errors.New("none were shown")
	}
	return process.NewTable(all), nil
}

// table is the output of one script.
type table struct {
	files
	links          map[string]string
	gone, replaced map[int]bool
	frozen         map[string]bool // cgroups of version 1
	threads        map[int]byte    // the liveliest state, where there are several that matter
	boot           string
}

func (t *table) readThreads() {
	t.threads = map[int]byte{}
	for name, content := range t.files {
		pid, rest, ok := strings.Cut(name, "/task/")
		number, err := strconv.Atoi(pid)
		if !ok || err != nil || !strings.HasSuffix(rest, "/stat") {
			continue
		}
		if st, err := procfs.ParseStat(content); err == nil {
			if have, ok := t.threads[number]; ok {
				st.State = procfs.Livelier(have, st.State)
			}
			t.threads[number] = st.State
		}
	}
}

// process puts one together; false when it began or ended while it was read.
func (t *table) process(pid int) (process.Process, bool) {
	dir := strconv.Itoa(pid)
	st, err1 := procfs.ParseStat(t.files[dir+"/stat"])
	again, err2 := procfs.ParseStat(t.files["again/"+dir+"/stat"])
	if err1 != nil || err2 != nil || st.PID != pid || st.StartTicks != again.StartTicks {
		return process.Process{}, false
	}
	p := process.Process{ID: respond.ProcessID{BootID: t.boot, PID: pid, Start: st.StartTicks * respond.Tick},
		PPID: st.PPID, State: st.State, Name: st.Name, Session: st.Session, Kernel: st.Kernel, TTY: st.TTY, Inner: pid}
	if liveliest, ok := t.threads[pid]; ok && st.Several() {
		p.State = procfs.Livelier(p.State, liveliest)
	}
	procfs.Status(t.files[dir+"/status"], &p)
	if p.Kernel {
		return p, true
	}
	p.Args = procfs.Args(t.files[dir+"/cmdline"])
	p.Dir = strings.TrimSuffix(t.links[dir+"/cwd"], procfs.DeletedMark)
	if p.Exe = t.links[dir+"/exe"]; t.gone[pid] {
		procfs.Exe(p.Exe, &p)
		p.Replaced = p.Deleted && t.replaced[pid]
	}
	procfs.Cgroups(t.files[dir+"/cgroup"], &p, func(path string) bool { return t.frozen[path] })
	return p, true
}
