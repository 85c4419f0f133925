//go:build linux && (amd64 || arm64)

package ebpf

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"interdict/sources/ecs"
)

func procPath(pid uint32, name string) string { return fmt.Sprintf("/proc/%d/%s", pid, name) }

// enumerate tells of all processes that are there and not known, parents before
// children as far as numbers allow, and forgets those that have gone.
func (e *events) enumerate() {
	tasks := e.list()
	here := make(map[uint32]uint64, len(tasks))
	for i := range tasks {
		here[tasks[i].r.Pid] = tasks[i].r.Start
	}
	for pid, p := range e.table.alive {
		if start, ok := here[pid]; len(tasks) > 0 && (!ok || start != p.start) {
			delete(e.table.alive, pid)
		}
	}
	// First all of them, so that each finds its parent.
	for i := range tasks {
		if r := &tasks[i].r; e.table.find(r.Pid, r.Start) == nil {
			tasks[i].fresh = true
			e.table.add(r.Pid, r.Start, nil)
		}
	}
	for i := range tasks {
		if tasks[i].fresh {
			e.introduce(&tasks[i])
		}
	}
	for i := range tasks {
		if tasks[i].fresh {
			e.tell(&tasks[i])
		}
	}
}

// task is a process that is there already.
type task struct {
	r     kernelExecRecord
	s     execStrings
	fresh bool
}

// introduce gives a process its parent and its image.
func (e *events) introduce(t *task) {
	p := e.table.find(t.r.Pid, t.r.Start)
	if p == nil {
		return
	}
	if parent := e.table.find(t.r.Ppid, t.r.Pstart); parent != p {
		p.parent = parent
	}
	args := readBounded(procPath(t.r.Pid, "cmdline"), argsBytes)
	if now, err := startTicks(t.r.Pid); err != nil || now != t.r.Start/tick {
		args = nil // the number is another's by now
	}
	t.s.args, t.r.ArgsTotal = args, uint32(len(args))
	p.image = e.image(&t.r, t.s)
	p.image.truncated = len(args) == argsBytes
	p.image.cgroupPath = cgroupPath(t.r.Pid)
	p.image.container, p.image.pod = containerOf(p.image.cgroupPath)
	if t.r.Flags&execKthread != 0 {
		p.image.name = "[" + t.r.comm() + "]"
	}
	if tool := e.tools.named(p.image.name); tool != 0 {
		t.r.Tool, t.r.How = tool, howName
		p.interest = e.programs.follow(t.r.Pid, t.r.Start, tool) == nil
	}
	e.recognise(p, &t.r)
}

func (e *events) tell(t *task) {
	p := e.table.find(t.r.Pid, t.r.Start)
	if p == nil {
		return
	}
	e.execution(p, &t.r, t.s, "already_running", "info", e.wall(t.r.Start))
	if p.interest {
		e.builder.Keywords(ecs.ProcessEnvVars, allowed(readBounded(procPath(t.r.Pid, "environ"), envBytes)))
	}
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

// list asks the kernel for its tasks, or /proc where that cannot be.
func (e *events) list() []task {
	if e.programs.tasks != nil {
		if it, err := e.programs.tasks.Open(); err == nil {
			defer it.Close()
			if all, err := readTasks(it); err == nil {
				return all
			}
		}
	}
	return listProc()
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
	comm := readBounded(procPath(pid, "comm"), 16)
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
