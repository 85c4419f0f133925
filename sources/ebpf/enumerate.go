//go:build linux && (amd64 || arm64)

package ebpf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func procPath(pid uint32, name string) string { return fmt.Sprintf("/proc/%d/%s", pid, name) }

// task is a process that is there already.
type task struct {
	r     kernelExecRecord
	s     execStrings
	fresh bool
}

// enumerate looks at all processes that are there. Those that are not known, or
// run something else than is known, are told as already_running, unless they
// began after since: the ring tells of those. What is known and not there any
// more is given up a little later ([events.sweep]), since the record of its end
// may still be on its way.
func (e *events) enumerate(since uint64) {
	at := bootNow()
	tasks := e.kernel.list()
	if len(tasks) == 0 {
		return
	}
	slices.SortFunc(tasks, func(a, b task) int { return int(int64(a.r.Start) - int64(b.r.Start)) }) // parents first
	here := make(map[uint32]uint64, len(tasks))
	for i := range tasks {
		r := &tasks[i].r
		here[r.Pid] = r.Start
		p := e.table.alive[r.Pid]
		if p == nil || p.start != r.Start {
			tasks[i].fresh = true
			e.table.add(r.Pid, r.Start, nil)
		} else if p.image == unknown || r.Ino != 0 && (p.image.file.ino != r.Ino || p.image.file.dev != r.Dev) {
			tasks[i].fresh = true
		}
	}
	for i := range tasks {
		if tasks[i].fresh {
			e.introduce(&tasks[i], since)
		}
	}
	e.missing = at
	for pid, p := range e.table.alive {
		if start, ok := here[pid]; (!ok || start != p.start) && p.start < at {
			p.suspect = at
		}
	}
}

// sweepAfter is how long, on the boot clock, a process may be missing before its end is told without its record.
const sweepAfter = uint64(500 * time.Millisecond)

// sweep tells of the end of processes that a rescan did not find.
func (e *events) sweep() {
	if e.missing == 0 || bootNow() < e.missing+sweepAfter {
		return
	}
	for pid, p := range e.table.alive {
		if p.suspect == e.missing && p.suspect != 0 {
			e.table.end(pid, p.start)
			e.ended(p, e.wall(p.suspect))
		}
	}
	e.missing = 0
}

// introduce gives a process its parent and image, and tells of it.
func (e *events) introduce(t *task, since uint64) {
	p := e.table.find(t.r.Pid, t.r.Start)
	if parent := e.table.find(t.r.Ppid, t.r.Pstart); p.parent == nil && parent != nil && parent != p && t.r.Ppid != 0 {
		p.parent, p.depth = parent, parent.depth+1
		if p.depth > maxDepth {
			p.forget(maxDepth / 2)
		}
	}
	args := readBounded(procPath(t.r.Pid, "cmdline"), argsBytes+1)
	if now, err := startTicks(t.r.Pid); err != nil || now != t.r.Start/tick {
		args = nil // the number is another's by now
	}
	t.r.ArgsTotal = uint32(len(args))
	t.s.args = args[:min(len(args), argsBytes)]
	if t.r.PathCgroup == 0 || e.places[cgroupKey(t.r.PathCgroup, t.r.Flags&execCgroupV1 != 0)] == nil {
		e.placed(cgroupKey(t.r.PathCgroup, t.r.Flags&execCgroupV1 != 0), cgroupPath(t.r.Pid))
	}
	p.image = e.image(p, &t.r, t.s)
	if t.r.Flags&execKthread != 0 {
		p.image.name = "[" + t.r.comm() + "]"
	}
	e.adopt(p, t)
	if t.r.Start > since {
		return
	}
	var env []byte
	if p.interest {
		env = readBounded(procPath(t.r.Pid, "environ"), envBytes)
	}
	e.execution(p, &t.r, t.s, "already_running", "info", e.wall(t.r.Start), allowed(env))
	p.image = p.image.keep()
}

// adopt has the kernel follow a tool that runs already, or the child of one.
func (e *events) adopt(p *process, t *task) {
	if tool := e.tools.named(p.image.name); tool != 0 {
		t.r.Tool, t.r.How = tool, howName
		p.interest = e.followed(p, stateInterest, tool)
	} else if isLogin(p.image.name) {
		e.followed(p, stateLogin, 0)
		p.late = true
	} else if a := p.parent; a != nil && a.interest {
		p.interest = e.followed(p, stateInterest, 0)
	}
	p.late = p.late || p.interest
	e.recognise(p, &t.r)
	if login := e.noteServed(p); login != nil {
		e.followed(login, stateInterest|stateNoInherit|stateSession, e.tools.named(p.image.tool))
	}
}

func (e *events) followed(p *process, flags uint32, tool uint16) bool {
	err := e.kernel.follow(p.pid, p.start, flags, tool)
	return err == nil || errors.Is(err, errFollowed)
}

// cgroupPath is the path of /proc/PID/cgroup that says most.
func cgroupPath(pid uint32) string {
	best := ""
	for line := range linesOf(readBounded(procPath(pid, "cgroup"), 16<<10)) {
		for range 2 { // hierarchy:controllers:path
			i := 0
			for i < len(line) && line[i] != ':' {
				i++
			}
			line = line[min(i+1, len(line)):]
		}
		if len(line) > len(best) {
			best = line
		}
	}
	return best
}

// readTasks takes the iterator's records apart.
func readTasks(from io.Reader) ([]task, error) {
	raw, err := io.ReadAll(from)
	if err != nil {
		return nil, err
	}
	var all []task
	for len(raw) > 0 {
		r, rest, err := fixed[kernelExecRecord](raw)
		if err != nil || r.H.Type != recordTask {
			return all, errRecord
		}
		s, err := r.split(rest)
		if err != nil {
			return all, err
		}
		all = append(all, task{r: r, s: s})
		raw = rest[len(s.exe)+len(s.cwd):]
	}
	return all, nil
}

// withParents adds the parents that the iterator left out though they are there:
// some hardened kernels hide process 1 from it. Their children know when they started.
func withParents(all []task) []task {
	here := make(map[uint32]bool, len(all))
	for i := range all {
		here[all[i].r.Pid] = true
	}
	for i := 0; i < len(all); i++ {
		pid, start := all[i].r.Ppid, all[i].r.Pstart
		if pid == 0 || here[pid] {
			continue
		}
		here[pid] = true
		if t, ok := procTask(pid); ok && t.r.Start == start/tick*tick {
			t.r.Start = start
			all = append(all, t)
		}
	}
	return all
}

// listProc is the same from /proc, with start times in whole ticks.
func listProc() []task {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var all []task
	for _, d := range entries {
		pid, err := strconv.ParseUint(d.Name(), 10, 32)
		if err != nil {
			continue
		}
		if t, ok := procTask(uint32(pid)); ok {
			all = append(all, t)
		}
	}
	return all
}

func procTask(pid uint32) (task, bool) {
	start, err := startTicks(pid)
	if err != nil {
		return task{}, false
	}
	t := task{}
	t.r.Pid, t.r.Start = pid, start*tick
	t.r.Loginuid, t.r.Sessionid = ^uint32(0), ^uint32(0)
	status := readBounded(procPath(pid, "status"), 8<<10)
	t.r.Ppid = statusNumber(status, "PPid:")
	t.r.Uid, t.r.Gid = statusNumber(status, "Uid:"), statusNumber(status, "Gid:")
	t.r.Euid = t.r.Uid
	if pstart, err := startTicks(t.r.Ppid); err == nil {
		t.r.Pstart = pstart * tick
	}
	comm := bytes.TrimSuffix(readBounded(procPath(pid, "comm"), 16), []byte("\n"))
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&t.r.Comm[0])), len(t.r.Comm)), comm)
	var st unix.Stat_t
	if unix.Stat(procPath(pid, "exe"), &st) == nil {
		t.r.Ino, t.r.Dev, t.r.Nlink, t.r.Ctime = st.Ino, kernelDev(st.Dev), uint32(st.Nlink), st.Ctim.Nano()
	}
	exe, _ := os.Readlink(procPath(pid, "exe")) // nothing for kernel threads
	cwd, _ := os.Readlink(procPath(pid, "cwd"))
	t.s.exe, t.s.cwd = leafUp(exe), leafUp(cwd)
	return t, true
}
