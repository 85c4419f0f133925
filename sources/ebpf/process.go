//go:build linux && (amd64 || arm64)

package ebpf

import (
	"path/filepath"
	"strings"

	"interdict/sources/ecs"
)

// process is one that was seen. Children keep their parent reachable, so that
// ancestry outlives the ancestors.
type process struct {
	pid    uint32
	start  uint64 // ns since boot
	entity string
	parent *process
	depth  int // of known ancestors, at most
	image  *image

	interest bool
	late     bool     // followed only after it may have opened connections
	served   string   // the tool that it serves as the login service above it, or by itself
	inner    *process // of a login service: its fork that serves sftp
	terminal bool     // a login service: somebody has a terminal through it
	became   uint32   // the user that it changed to without executing anything, and one; 0: none
	control  string   // the control socket through which others use its connection
	flows    map[flowKey]*flow
	suspect  uint64 // when a rescan did not find it, boot clock; 0: it was there
}

// image is what a process runs since its last exec. It is shared by what it
// forks and does not change once it is told.
type image struct {
	name, executable string
	commandLine      string
	args             []string
	argsBytes        int64 // true length
	truncated        bool
	cwd              string
	uid, gid, euid   uint32
	loginUID, audit  int64 // -1: none
	tty              uint32
	sid, pgid        uint32
	place            *place
	file             inode
	tool, how        string
	entry            *entry
}

// place is a cgroup and what its path says.
type place struct {
	id             uint64
	path           string
	container, pod string
}

var nowhere = &place{}

// The bounds of what is remembered. A chain of processes that each start the
// next one and end must not grow for ever; a parent's command line is kept to
// show it, so its first part will do.
const (
	maxDepth   = 64
	keptLine   = 4096
	keptGone   = 4096 // processes that ended, for records that come after
	maxEntries = 20   // ancestors told in one row, as Elastic Defend does
)

// table knows the processes that are there, by number, and some that were.
type table struct {
	bootID string
	alive  map[uint32]*process
	gone   map[uint32]*process
	queue  [keptGone]*process // those in gone, oldest at next
	next   int
}

func newTable(bootID string) *table {
	return &table{bootID: bootID, alive: make(map[uint32]*process, 1024), gone: make(map[uint32]*process, keptGone)}
}

// find gives the process if it is the one that started then, also when it has ended.
func (t *table) find(pid uint32, start uint64) *process {
	if p := t.alive[pid]; p != nil && p.start == start {
		return p
	}
	if p := t.gone[pid]; p != nil && p.start == start {
		return p
	}
	return nil
}

// add makes a process, which takes the place of an earlier one with its number.
func (t *table) add(pid uint32, start uint64, parent *process) *process {
	p := &process{pid: pid, start: start, entity: ecs.EntityID(t.bootID, int(pid), int64(start)), image: unknown}
	if parent != nil {
		p.parent, p.depth, p.image = parent, parent.depth+1, parent.image
	}
	if p.depth > maxDepth {
		p.forget(maxDepth / 2)
	}
	t.alive[pid] = p
	return p
}

var unknown = &image{loginUID: -1, audit: -1, place: nowhere}

// forget cuts the ancestors beyond keep.
func (p *process) forget(keep int) {
	a := p
	for range keep {
		if a.parent == nil {
			break
		}
		a = a.parent
	}
	a.parent = nil
	p.depth = keep
}

// seen gives the process, making it when its beginning was not seen.
func (t *table) seen(pid uint32, start uint64, ppid uint32, pstart uint64) *process {
	if p := t.find(pid, start); p != nil {
		return p
	}
	return t.add(pid, start, t.find(ppid, pstart))
}

// end takes a process out; nil when it has ended before. Its children keep it,
// and for a while late records find it.
func (t *table) end(pid uint32, start uint64) *process {
	p := t.alive[pid]
	switch {
	case p != nil && p.start == start:
		delete(t.alive, pid)
	case t.find(pid, start) != nil:
		return nil
	default:
		p = t.add(pid, start, nil)
		delete(t.alive, pid)
	}
	if old := t.queue[t.next]; old != nil && t.gone[old.pid] == old {
		delete(t.gone, old.pid)
	}
	t.queue[t.next], t.gone[pid] = p, p
	t.next = (t.next + 1) % keptGone
	return p
}

// ancestry appends the entity ids of the known ancestors to ids, parent first.
func (p *process) ancestry(ids []string) []string {
	for a := p.parent; a != nil && len(ids) < maxEntries; a = a.parent {
		ids = append(ids, a.entity)
	}
	return ids
}

// inherited is the tool on whose behalf a process of interest runs.
func (p *process) inherited() string {
	for a := p; a != nil; a = a.parent {
		if a.served != "" {
			return a.served
		}
		if a.image.tool != "" {
			return a.image.tool
		}
		if !a.interest {
			break
		}
	}
	return ""
}

// keep is the image without what only its own row needs.
func (i *image) keep() *image {
	if len(i.commandLine) <= keptLine {
		return i
	}
	short := *i
	short.commandLine = strings.Clone(i.commandLine[:keptLine])
	short.args = nil
	return &short
}

// nameOf is what process.name says: the executable's, without its directory.
func nameOf(executable, comm string) string {
	if rest, ok := strings.CutPrefix(executable, "memfd:"); ok {
		return rest
	}
	if executable == "" || executable == "/" {
		return comm
	}
	return executable[strings.LastIndexByte(executable, '/')+1:]
}

// containerOf finds container and pod in a cgroup path, as Docker, containerd,
// CRI-O, Podman and Kubernetes name them.
func containerOf(path string) (container, pod string) {
	for segment := range strings.SplitSeq(path, "/") {
		name := strings.TrimSuffix(strings.TrimSuffix(segment, ".scope"), ".slice")
		if i := strings.LastIndexByte(name, '-'); i >= 0 && isID(name[i+1:]) {
			name = name[i+1:]
		}
		if isID(name) {
			container = name
		}
		if i := strings.LastIndex(name, "pod"); i >= 0 && strings.Contains(path, "kubepods") && len(name)-i-3 == 36 {
			pod = strings.ReplaceAll(name[i+3:], "_", "-")
		}
	}
	return container, pod
}

// isID tells whether s is 64 hex digits.
func isID(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// entry is how the session that a process belongs to came in.
type entry struct {
	leader *process
	how    string // sshd, init, terminal, container
}

// entryOf finds the entry of a process that runs i now: what a login service or
// init started begins one, everything else belongs to its parent's.
func (p *process) entryOf(i *image) *entry {
	a := p.parent
	switch {
	case a == nil:
		return nil
	case isLogin(a.image.name) && !isLogin(i.name):
		return &entry{leader: p, how: "sshd"}
	case a.image.name == "login" || a.image.name == "agetty":
		return &entry{leader: p, how: "terminal"}
	case i.place.container != "" && a.image.place.container != i.place.container:
		return &entry{leader: p, how: "container"}
	case a.pid == 1 && a.parent == nil:
		return &entry{leader: p, how: "init"}
	}
	return a.image.entry
}

// isLogin tells whether a program lets people in over the network.
func isLogin(name string) bool {
	name = filepath.Base(name)
	return strings.HasPrefix(name, "sshd") || name == "dropbear"
}
