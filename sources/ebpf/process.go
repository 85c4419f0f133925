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
	depth  int // of known ancestors
	image  *image

	interest bool
	flows    map[flowKey]*flow
}

// image is what a process runs since its last exec.
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
	cgroup           uint64
	cgroupPath       string
	container, pod   string
	deleted          bool
	tool, how        string
}

// maxDepth bounds how many ancestors are remembered: a chain of processes that
// each start the next one and end must not grow for ever.
const maxDepth = 64

// table knows the processes that are there, by number.
type table struct {
	bootID string
	alive  map[uint32]*process
}

func newTable(bootID string) *table {
	return &table{bootID: bootID, alive: make(map[uint32]*process, 1024)}
}

// find gives the process if it is the one that started then.
func (t *table) find(pid uint32, start uint64) *process {
	if p := t.alive[pid]; p != nil && p.start == start {
		return p
	}
	return nil
}

// add makes a process, which takes the place of an earlier one with its number.
func (t *table) add(pid uint32, start uint64, parent *process) *process {
	p := &process{pid: pid, start: start, entity: ecs.EntityID(t.bootID, int(pid), int64(start)), image: &image{loginUID: -1, audit: -1}}
	if parent != nil {
		p.parent, p.depth, p.image = parent, parent.depth+1, parent.image
	}
	if p.depth > maxDepth {
		p.forget(maxDepth / 2)
	}
	t.alive[pid] = p
	return p
}

// forget cuts the ancestors beyond keep.
func (p *process) forget(keep int) {
	a := p
	for range keep {
		a = a.parent
	}
	a.parent = nil
	p.depth = keep
}

// seen gives the process, making it when its fork was not seen.
func (t *table) seen(pid uint32, start uint64, ppid uint32, pstart uint64) *process {
	if p := t.find(pid, start); p != nil {
		return p
	}
	return t.add(pid, start, t.find(ppid, pstart))
}

// end takes a process out. Its children keep it.
func (t *table) end(pid uint32, start uint64) *process {
	p := t.find(pid, start)
	if p != nil {
		delete(t.alive, pid)
	}
	return p
}

// ancestry is the entity ids of all known ancestors, parent first.
func (p *process) ancestry() []string {
	var ids []string
	for a := p.parent; a != nil && len(ids) < maxDepth; a = a.parent {
		ids = append(ids, a.entity)
	}
	return ids
}

// nameOf is what process.name says: the executable's, without its directory.
func nameOf(executable, comm string) string {
	if rest, ok := strings.CutPrefix(executable, "memfd:"); ok {
		return rest
	}
	if executable == "" || executable == "/" {
		return comm
	}
	return filepath.Base(executable)
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
		if i := strings.Index(name, "pod"); i >= 0 && strings.Contains(path, "kubepods") && len(name)-i-3 == 36 {
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
