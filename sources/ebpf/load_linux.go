//go:build amd64 || arm64

package ebpf

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"
)

// programs are the loaded and attached kernel side.
type programs struct {
	have       abilities
	collection *ebpf.Collection
	attached   uint64 // boot time from which everything is told
	scoped     bool   // to one cgroup
	links      []io.Closer
	ring       *ringbuf.Reader
	tasks      *link.Iter // nil: /proc is read instead
}

// load loads, fills the tables of tools and attaches. Events begin to come.
func load(config Config, tools *toolTable) (*programs, error) {
	types, err := kernelTypes()
	if err != nil {
		return nil, err
	}
	p := &programs{have: probe(types)}
	spec, err := p.spec(config)
	if err != nil {
		return nil, err
	}
	p.collection, err = ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{Programs: ebpf.ProgramOptions{KernelTypes: types}})
	if err != nil {
		return nil, refused("the kernel refused the sensor's programs", err)
	}
	if err := p.start(tools); err != nil {
		_ = p.close()
		return nil, err
	}
	return p, nil
}

func refused(what string, err error) error {
	u := &Unsupported{Missing: what, Err: err}
	if errors.Is(err, os.ErrPermission) {
		u.Hint = "run as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE; a locked-down kernel may refuse even that"
	}
	return u
}

// spec is the object fitted to this kernel.
func (p *programs) spec(config Config) (*ebpf.CollectionSpec, error) {
	spec, err := loadKernel()
	if err != nil {
		return nil, fmt.Errorf("ebpf: embedded object: %w", err)
	}
	ring := config.RingBytes
	if ring == 0 {
		ring = DefaultRingBytes
	}
	spec.Maps[kernelMapRing].MaxEntries = uint32(ring)
	scope, err := cgroupID(config.Scope)
	if err != nil {
		return nil, err
	}
	own := pidNamespace()
	if own != 0 && !p.have.taskStorage {
		return nil, &Unsupported{Missing: "a kernel that follows processes by themselves: in a container this one knows them by other numbers", Hint: "run it on the host itself, or on Linux 5.12 or newer"}
	}
	p.scoped = scope != 0
	for name, value := range map[string]any{
		kernelVarHaveAtomics: p.have.atomics, kernelVarHaveTaskStorage: p.have.taskStorage,
		kernelVarHaveGroupDead: p.have.groupDead, kernelVarHaveSockLength: p.have.sockLength, kernelVarScope: scope,
		kernelVarCgroupRoot: cgroupRoot(), kernelVarPidNamespace: own,
	} {
		if err := spec.Variables[name].Set(value); err != nil {
			return nil, fmt.Errorf("ebpf: %s: %w", name, err)
		}
	}
	if !p.have.taskStorage {
		tasks := spec.Maps[kernelMapTasks]
		tasks.Type, tasks.Flags, tasks.MaxEntries = ebpf.Hash, 0, 1
		tasks.Key, tasks.Value = nil, nil
	}
	if !p.have.sockLength {
		delete(spec.Programs, kernelProgOnSend)
		delete(spec.Programs, kernelProgOnReceive)
	}
	return spec, nil
}

// cgroupID is the version 2 id of a cgroup, which is its directory's inode number.
func cgroupID(path string) (uint64, error) {
	if path == "" {
		return 0, nil
	}
	tried := []string{path}
	if !strings.HasPrefix(path, "/sys/fs/cgroup") {
		tried = []string{filepath.Join("/sys/fs/cgroup", path), filepath.Join("/sys/fs/cgroup/unified", path)}
	}
	for _, dir := range tried {
		var st unix.Stat_t
		if unix.Stat(filepath.Join(dir, "cgroup.procs"), &st) == nil && unix.Stat(dir, &st) == nil {
			return st.Ino, nil
		}
	}
	return 0, fmt.Errorf("ebpf: scope %q is no version 2 cgroup of this machine", path)
}

// cgroupRoot is the version 2 cgroup that is this program's first, as in a
// container; 0 when none is mounted.
func cgroupRoot() uint64 {
	for _, dir := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		if id, err := cgroupID(dir); err == nil {
			return id
		}
	}
	return 0
}

// firstPIDs is the number that the kernel gives the first process namespace.
const firstPIDs = 0xeffffffc

// pidNamespace is the number of the process namespace that this program is in,
// 0 in the first: in a container processes have other numbers than the kernel's own.
func pidNamespace() uint32 {
	var st unix.Stat_t
	if unix.Stat("/proc/self/ns/pid", &st) != nil || st.Ino == firstPIDs {
		return 0
	}
	return uint32(st.Ino)
}

func (p *programs) start(tools *toolTable) error {
	if err := p.teach(tools); err != nil {
		return fmt.Errorf("ebpf: table of tools: %w", err)
	}
	ring, err := ringbuf.NewReader(p.collection.Maps[kernelMapRing])
	if err != nil {
		return fmt.Errorf("ebpf: ring: %w", err)
	}
	p.ring = ring
	// Whoever attaches first sees first: exits before forks, so that no process stays for ever.
	for _, name := range []string{kernelProgOnExit, kernelProgOnExec, kernelProgOnFork, kernelProgOnSyscall, kernelProgOnTcpState, kernelProgOnSend, kernelProgOnReceive} {
		program := p.collection.Programs[name]
		if program == nil {
			continue
		}
		l, err := link.AttachTracing(link.TracingOptions{Program: program})
		if err != nil {
			return refused("the kernel refused to attach "+name, err)
		}
		p.links = append(p.links, l)
	}
	p.attached = bootNow()
	if it, err := link.AttachIter(link.IterOptions{Program: p.collection.Programs[kernelProgEnumerate]}); err == nil {
		p.tasks = it
		p.links = append(p.links, it)
	}
	return nil
}

func (p *programs) close() error {
	var errs []error
	for _, l := range p.links {
		errs = append(errs, l.Close())
	}
	if p.ring != nil {
		errs = append(errs, p.ring.Close())
	}
	p.collection.Close()
	return errors.Join(errs...)
}

// counters are the sums over all CPUs.
func (p *programs) counters() (kernelCounters, error) {
	var each []kernelCounters
	var sum kernelCounters
	if err := p.collection.Maps[kernelMapCpuCounters].Lookup(uint32(0), &each); err != nil {
		return sum, fmt.Errorf("ebpf: counters: %w", err)
	}
	for _, c := range each {
		for class := range sum.Seen {
			sum.Seen[class] += c.Seen[class]
			sum.Sent[class] += c.Sent[class]
			sum.LostRing[class] += c.LostRing[class]
			sum.LostScratch[class] += c.LostScratch[class]
		}
		sum.LostState += c.LostState
		sum.Faults += c.Faults
	}
	return sum, nil
}

// teach puts names and files of tools into the kernel's maps.
func (p *programs) teach(t *toolTable) error {
	names := p.collection.Maps[kernelMapToolNames]
	for i, tool := range t.all {
		value := kernelTool{Id: uint16(i + 1), Flags: toolFlags(tool.Name)}
		if err := names.Put(nameKey(tool.Name), &value); err != nil {
			return err
		}
	}
	for _, name := range lookNames {
		if err := names.Put(nameKey(name), &kernelTool{Flags: toolLook}); err != nil {
			return err
		}
	}
	for _, at := range t.installed {
		if err := p.knowInode(at.file, kernelTool{Id: at.tool, Flags: toolFlags(t.all[at.tool-1].Name)}); err != nil {
			return err
		}
	}
	return nil
}

// lookNames are what a task is called (15 bytes at most) that may run a tool by its arguments.
var lookNames = []string{"busybox", "busybox.static", "toybox", "ld-linux-x86-64", "ld-linux-aarch6", "ld-musl-x86_64.", "ld-musl-aarch64", "ld.so"}

func nameKey(name string) *kernelToolName {
	var key kernelToolName
	for i := range min(len(name), len(key.Name)-1) {
		key.Name[i] = int8(name[i])
	}
	return &key
}

// knowInode has the kernel recognise a file as a tool; without an id, no longer.
func (p *programs) knowInode(file inode, tool kernelTool) error {
	inodes, key := p.collection.Maps[kernelMapToolInodes], &kernelToolInode{Ino: file.ino, Dev: file.dev}
	if tool.Id == 0 {
		return inodes.Delete(key)
	}
	return inodes.Put(key, &tool)
}

// errFollowed says that a process is of interest already.
var errFollowed = errors.New("followed already")

// follow makes a process of interest that the kernel side did not recognise.
func (p *programs) follow(pid uint32, start uint64, flags uint32, tool uint16) error {
	state := kernelTaskState{Flags: flags, Pid: pid, Start: start, Tool: tool}
	err := p.withTask(pid, start, func(m *ebpf.Map, key any) error { return m.Update(key, &state, ebpf.UpdateNoExist) })
	if errors.Is(err, ebpf.ErrKeyExist) {
		return errFollowed
	}
	return err
}

// state gives what the kernel side has counted for a process.
func (p *programs) state(pid uint32, start uint64) (st kernelTaskState, err error) {
	err = p.withTask(pid, start, func(m *ebpf.Map, key any) error { return m.Lookup(key, &st) })
	return st, err
}

// withTask gives do the map and key of a process, by a pidfd where it can: then
// the number cannot be given to another process meanwhile.
func (p *programs) withTask(pid uint32, start uint64, do func(m *ebpf.Map, key any) error) error {
	fd, err := unix.PidfdOpen(int(pid), 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if now, err := startTicks(pid); err != nil || now != start/tick {
		return errors.New("the process has ended")
	}
	if !p.have.taskStorage {
		return do(p.collection.Maps[kernelMapTasksByPid], pid)
	}
	return do(p.collection.Maps[kernelMapTasks], uint32(fd))
}

// list asks the kernel for its tasks, or /proc where that cannot be.
func (p *programs) list() []task {
	if p.tasks != nil {
		if it, err := p.tasks.Open(); err == nil {
			defer it.Close()
			if all, err := readTasks(it); err == nil {
				if p.scoped { // parents outside the scope are left out on purpose
					return all
				}
				return withParents(all)
			}
		}
	}
	return listProc()
}
