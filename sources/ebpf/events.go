//go:build linux && (amd64 || arm64)

package ebpf

import (
	"encoding/binary"
	"strings"
	"time"

	"interdict/sources/ecs"
)

// events turns records into rows. One goroutine.
type events struct {
	builder *ecs.Builder
	kernel  kernel
	tools   *toolTable
	table   *table
	names   *names
	places  map[uint64]*place
	paths   map[string]string // as the kernel writes them → as people do
	texts   map[string]string // names as called
	files   map[inode]*fileText
	parts   map[uint32]*parts
	offset  time.Duration // boot clock to wall clock
	latest  uint64        // boot time of the newest record

	sequence  []uint32 // next number expected of each CPU
	gaps      int64    // numbers that did not come: they must be as many as the kernel counted lost
	malformed int64
	ids       []string // scratch of ancestry
	missing   uint64   // boot time of the rescan whose missing processes are not yet given up
	moving    map[*process]bool
}

// kernel is what events ask of the loaded programs.
type kernel interface {
	// follow makes a process of interest that the kernel side did not recognise.
	follow(pid uint32, start uint64, flags uint32, tool uint16) error
	// state gives what the kernel side has counted for a process.
	state(pid uint32, start uint64) (kernelTaskState, error)
	// knowInode has the kernel recognise a file as a tool from now on, or with tool 0 no longer.
	knowInode(file inode, tool kernelTool) error
	// list gives the processes that are there.
	list() []task
}

// parts of a command line and an environment that came before their execution.
type parts struct {
	start     uint64
	args, env []byte
}

// Bounds of what is remembered: executions whose parts came and whose record
// did not, in bytes; cgroups; paths and files, which are forgotten all at once.
const (
	maxParts  = 64
	maxPlaces = 16384
	maxPaths  = 16384
)

func newEvents(host ecs.Host, k kernel, tools *toolTable) *events {
	return &events{builder: ecs.NewBuilder(host), kernel: k, tools: tools, table: newTable(host.BootID), names: newNames(),
		places: map[uint64]*place{}, paths: map[string]string{}, texts: map[string]string{}, files: map[inode]*fileText{}, parts: map[uint32]*parts{},
		offset: bootOffset(), moving: map[*process]bool{}}
}

func (e *events) takeMalformed() int64 {
	n := e.malformed
	e.malformed = 0
	return n
}

// decode takes the records of a slab, each behind its length.
func (e *events) decode(raw []byte) {
	e.offset = bootOffset() // the wall clock may have been set
	e.names.expire(time.Now())
	e.tools.now = bootNow()
	for len(raw) >= 4 {
		n := binary.LittleEndian.Uint32(raw)
		raw = raw[4:]
		if uint64(n) > uint64(len(raw)) {
			e.malformed++
			return
		}
		if err := e.record(raw[:n:n]); err != nil {
			e.malformed++
		}
		raw = raw[n:]
	}
	if len(raw) > 0 {
		e.malformed++
	}
}

func (e *events) record(raw []byte) error {
	h, err := headerOf(raw)
	if err != nil {
		return err
	}
	e.count(h)
	e.latest = max(e.latest, h.Time)
	switch h.Type {
	case recordFork:
		return e.fork(raw)
	case recordExec:
		return e.exec(raw, h.Flags)
	case recordExit:
		return e.exit(raw)
	case recordArgs, recordEnv:
		return e.part(raw, h.Type)
	case recordCgroup:
		return e.cgroup(raw)
	case recordNet:
		return e.net(raw)
	case recordFile:
		return e.file(raw)
	case recordUnix:
		return e.unix(raw)
	}
	return errRecord
}

// maxCPUs is more than a kernel can have.
const maxCPUs = 8192

// count checks the numbers of a CPU's records. One that comes late, since
// another program preempted its own, closes the gap that it left.
func (e *events) count(h header) {
	if h.CPU >= maxCPUs {
		return
	}
	for int(h.CPU) >= len(e.sequence) {
		e.sequence = append(e.sequence, 0)
	}
	next := &e.sequence[h.CPU]
	switch ahead := int32(h.Seq - *next); {
	case ahead >= 0:
		e.gaps += int64(ahead)
		*next = h.Seq + 1
	default:
		e.gaps--
	}
}

// wall is the wall-clock time of a boot-clock time.
func (e *events) wall(boot uint64) time.Time {
	return time.Unix(0, int64(boot)+int64(e.offset))
}

func (e *events) fork(raw []byte) error {
	r, _, err := fixed[kernelForkRecord](raw)
	if err != nil {
		return err
	}
	var parent *process // none: it is outside of this program's process namespace
	if r.Ppid != 0 {
		parent = e.table.seen(r.Ppid, r.Pstart, 0, 0)
	}
	p := e.table.find(r.Pid, r.Start)
	if p == nil { // not so when a rescan was faster
		p = e.table.add(r.Pid, r.Start, parent)
	}
	p.interest = p.interest || r.H.Flags&headerInterest != 0
	e.builder.Event(ecs.Process, "fork", "start", e.wall(r.H.Time))
	e.identity(p)
	e.user(p.image)
	e.builder.Keyword(ecs.ProcessCommandLine, p.image.commandLine)
	e.parent(p)
	return nil
}

func (e *events) exit(raw []byte) error {
	r, _, err := fixed[kernelExitRecord](raw)
	if err != nil {
		return err
	}
	delete(e.parts, r.Pid)
	p := e.table.end(r.Pid, r.Start)
	if p == nil {
		return nil // its last two threads ended at once and both were told
	}
	e.ended(p, e.wall(r.H.Time))
	e.builder.Int(ecs.ProcessExitCode, exitCode(r.Code))
	return nil
}

// ended writes the row of a process that is no more.
func (e *events) ended(p *process, at time.Time) {
	delete(e.moving, p)
	e.builder.Event(ecs.Process, "end", "end", at)
	e.identity(p)
	e.user(p.image)
	e.tool(p) // else a sensor that ships what tools do would not ship their end
	e.builder.Time(ecs.ProcessEnd, at)
	if p.parent != nil {
		e.builder.Int(ecs.ParentPID, int64(p.parent.pid))
		e.builder.Int(ecs.ParentStartTicks, int64(p.parent.start))
		e.builder.Keyword(ecs.ParentEntityID, p.parent.entity)
	}
}

// exitCode is what a shell would say: the code, or 128 and the signal.
func exitCode(status uint32) int64 {
	if sig := status & 0x7f; sig != 0 {
		return 128 + int64(sig)
	}
	return int64(status >> 8 & 0xff)
}

func (e *events) part(raw []byte, kind uint8) error {
	r, _, err := fixed[kernelPartRecord](raw)
	if err != nil || r.Len > partBytes {
		return errRecord
	}
	p := e.parts[r.Pid]
	if p == nil || p.start != r.Start || r.Offset == 0 && kind == recordArgs {
		if len(e.parts) >= maxParts {
			clear(e.parts)
		}
		p = &parts{start: r.Start}
		e.parts[r.Pid] = p
	}
	into, most := &p.args, argsBytes
	if kind == recordEnv {
		into, most = &p.env, envBytes
	}
	if int(r.Offset) != len(*into) || len(*into)+int(r.Len) > most {
		return nil // one before it was lost: what is there ends here, and the record's true length tells
	}
	data := raw[len(raw)-partBytes:]
	*into = append(*into, data[:r.Len]...)
	return nil
}

// gather takes what came in parts before the record.
func (e *events) gather(r *kernelExecRecord) parts {
	if len(e.parts) == 0 {
		return parts{}
	}
	p := e.parts[r.Pid]
	if p == nil || p.start != r.Start {
		return parts{}
	}
	delete(e.parts, r.Pid)
	return *p
}

func (e *events) cgroup(raw []byte) error {
	r, rest, err := fixed[kernelCgroupRecord](raw)
	if err != nil || int64(r.PathLen) > int64(len(rest)) {
		return errRecord
	}
	e.placed(cgroupKey(r.Id, r.V1 != 0), path(rest[:r.PathLen], false))
	return nil
}

func (e *events) placed(key uint64, path string) *place {
	if len(e.places) >= maxPlaces {
		clear(e.places)
	}
	p := &place{id: key &^ (1 << 63), path: path}
	p.container, p.pod = containerOf(path)
	e.places[key] = p
	return p
}

// placeOf finds the cgroup of an execution; one whose record was lost is asked for.
func (e *events) placeOf(r *kernelExecRecord) *place {
	key := cgroupKey(r.PathCgroup, r.Flags&execCgroupV1 != 0)
	if p := e.places[key]; p != nil {
		return p
	}
	path := cgroupPath(r.Pid)
	if path == "" {
		return nowhere
	}
	return e.placed(key, path)
}

func cgroupKey(id uint64, v1 bool) uint64 {
	if v1 {
		return id ^ 1<<63
	}
	return id
}

// path is path, remembered.
func (e *events) path(names []byte, cut bool) string {
	if s, ok := e.paths[string(names)]; ok && !cut {
		return s
	}
	s := path(names, cut)
	if cut {
		return s
	}
	if len(e.paths) >= maxPaths {
		clear(e.paths)
	}
	e.paths[string(names)] = s
	return s
}

// text is text, remembered: the same names are called again and again.
func (e *events) text(b []byte) string {
	if s, ok := e.texts[string(b)]; ok {
		return s
	}
	if len(e.texts) >= maxPaths {
		clear(e.texts)
	}
	s := text(b)
	e.texts[string(b)] = s
	return s
}

// executable is the path of what runs, where a file without a directory keeps its bare name.
func (e *events) executable(r *kernelExecRecord, names []byte) string {
	switch {
	case len(names) == 0:
		return ""
	case r.Flags&execMemfd != 0:
		return strings.TrimPrefix(path(names, false), "/")
	}
	return e.path(names, r.Flags&execExeCut != 0)
}
