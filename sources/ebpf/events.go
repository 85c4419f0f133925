//go:build linux && (amd64 || arm64)

package ebpf

import (
	"encoding/binary"
	"path/filepath"
	"strings"
	"time"

	"interdict/sources/ecs"
)

// events turns records into rows. One goroutine.
type events struct {
	builder   *ecs.Builder
	programs  *programs
	tools     *toolTable
	table     *table
	names     *names
	cgroups   map[uint64]string
	parts     map[uint32]*parts
	offset    time.Duration // boot clock to wall clock
	malformed int64
}

// parts of a command line and an environment that came before their execution.
type parts struct {
	start     uint64
	args, env []byte
}

// maxParts bounds executions whose parts came and whose record did not;
// maxCgroups the paths that are remembered.
const (
	maxParts   = 1024
	maxCgroups = 16384
)

func newEvents(host ecs.Host, p *programs, tools *toolTable) *events {
	return &events{builder: ecs.NewBuilder(host), programs: p, tools: tools, table: newTable(host.BootID), names: newNames(),
		cgroups: map[uint64]string{}, parts: map[uint32]*parts{}, offset: bootOffset()}
}

func (e *events) takeMalformed() int64 {
	n := e.malformed
	e.malformed = 0
	return n
}

// decode takes the records of a slab, each behind its length.
func (e *events) decode(raw []byte) {
	e.offset = bootOffset() // the wall clock may have been set
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
}

func (e *events) record(raw []byte) error {
	kind, flags := recordKind(raw)
	interest := flags&headerInterest != 0
	switch kind {
	case recordFork:
		return e.fork(raw)
	case recordExec:
		return e.exec(raw, interest)
	case recordExit:
		return e.exit(raw)
	case recordArgs, recordEnv:
		return e.part(raw, kind)
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

// wall is the wall-clock time of a boot-clock time.
func (e *events) wall(boot uint64) time.Time {
	return time.Unix(0, int64(boot)+int64(e.offset))
}

func (e *events) fork(raw []byte) error {
	r, _, err := fixed[kernelForkRecord](raw)
	if err != nil {
		return err
	}
	parent := e.table.find(r.Ppid, r.Pstart)
	if parent == nil {
		parent = e.table.add(r.Ppid, r.Pstart, nil)
	}
	p := e.table.add(r.Pid, r.Start, parent)
	e.builder.Event(processEvents, "fork", "start", e.wall(r.H.Time))
	e.identity(p)
	e.parent(p)
	return nil
}

func (e *events) exit(raw []byte) error {
	r, _, err := fixed[kernelExitRecord](raw)
	if err != nil {
		return err
	}
	p := e.table.end(r.Pid, r.Start)
	if p == nil {
		p = &process{pid: r.Pid, start: r.Start, entity: ecs.EntityID(e.table.bootID, int(r.Pid), int64(r.Start)), image: &image{}}
	}
	delete(e.parts, r.Pid)
	b := e.builder
	b.Event(processEvents, "end", "end", e.wall(r.H.Time))
	e.identity(p)
	b.Time(ecs.ProcessEnd, e.wall(r.H.Time))
	b.Int(ecs.ProcessExitCode, exitCode(r.Code))
	if p.parent != nil {
		b.Keyword(ecs.ParentEntityID, p.parent.entity)
	}
	return nil
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

func (e *events) cgroup(raw []byte) error {
	r, rest, err := fixed[kernelCgroupRecord](raw)
	if err != nil || int(r.PathLen) > len(rest) {
		return errRecord
	}
	if len(e.cgroups) >= maxCgroups {
		clear(e.cgroups)
	}
	e.cgroups[cgroupKey(r.Id, r.V1 != 0)] = path(rest[:r.PathLen], false)
	return nil
}

func cgroupKey(id uint64, v1 bool) uint64 {
	if v1 {
		return id ^ 1<<63
	}
	return id
}

func (e *events) exec(raw []byte, interest bool) error {
	r, rest, err := fixed[kernelExecRecord](raw)
	if err != nil {
		return err
	}
	s, err := r.split(rest)
	if err != nil {
		return err
	}
	p := e.table.seen(r.Pid, r.Start, r.Ppid, r.Pstart)
	gathered := e.gather(&r)
	if r.Flags&execArgsParts != 0 {
		s.args = gathered.args
	}
	p.image = e.image(&r, s)
	p.interest = interest
	e.recognise(p, &r)
	env := gathered.env
	if p.interest && !interest {
		env = readBounded(procPath(r.Pid, "environ"), envBytes)
	}
	e.execution(p, &r, s, "exec", "start", e.wall(r.H.Time))
	e.builder.Keywords(ecs.ProcessEnvVars, allowed(env))
	return nil
}

// gather takes what came in parts before the record.
func (e *events) gather(r *kernelExecRecord) parts {
	p := e.parts[r.Pid]
	if p == nil || p.start != r.Start {
		return parts{}
	}
	delete(e.parts, r.Pid)
	return *p
}

// image is what the record says the process runs.
func (e *events) image(r *kernelExecRecord, s execStrings) *image {
	args := arguments(s.args)
	i := &image{
		executable: r.executablePath(s.exe), args: args, commandLine: strings.Join(args, " "), argsBytes: int64(r.ArgsTotal),
		truncated: len(s.args) < int(r.ArgsTotal), cwd: path(s.cwd, false),
		uid: r.Uid, gid: r.Gid, euid: r.Euid, loginUID: orNone(r.Loginuid), audit: orNone(r.Sessionid),
		tty: r.Tty, cgroup: r.Cgroup, cgroupPath: e.cgroups[cgroupKey(r.PathCgroup, r.Flags&execCgroupV1 != 0)],
		deleted: r.Nlink == 0 && len(s.exe) > 0,
	}
	i.name = nameOf(i.executable, r.comm())
	if i.cgroupPath != "" {
		i.container, i.pod = containerOf(i.cgroupPath)
	}
	return i
}

// orNone turns the kernel's "unset" into -1.
func orNone(v uint32) int64 {
	if v == ^uint32(0) {
		return -1
	}
	return int64(v)
}

// recognise says which tool it is and how that is known, and has the kernel
// follow one that only user space recognised.
func (e *events) recognise(p *process, r *kernelExecRecord) {
	exe := inode{dev: r.Dev, ino: r.Ino, ctime: r.Ctime}
	id, how := uint16(0), ""
	switch r.How {
	case howName:
		id, how = r.Tool, byName
	case howInode:
		id, how = r.Tool, byInode
	default:
		if id, how = e.tools.byArguments(p.image.name, p.image.args); id == 0 && r.Ino != 0 {
			id, how = e.tools.look(r.Pid, exe).tool, byContent
		}
		if id != 0 {
			p.interest = true
			if err := e.programs.follow(r.Pid, r.Start, id); err != nil {
				how += ", not followed: " + err.Error()
			}
		}
	}
	if id == 0 || int(id) > len(e.tools.all) {
		return
	}
	tool := e.tools.all[id-1]
	args := p.image.args
	if how == byApplet || strings.HasPrefix(how, byLoader) {
		args = argsFrom(args, tool.Name)
	}
	if tool.Always || moves(tool.Name, args) {
		p.image.tool, p.image.how = tool.Name, how
	}
}

// argsFrom leaves out what stands before the tool's own name.
func argsFrom(args []string, name string) []string {
	for i, a := range args {
		if filepath.Base(a) == name {
			return args[i:]
		}
	}
	return args
}

// execution writes the row of an execution or of a process that was there.
func (e *events) execution(p *process, r *kernelExecRecord, s execStrings, action, typ string, at time.Time) {
	b, i := e.builder, p.image
	b.Event(processEvents, action, typ, at)
	e.identity(p)
	e.credentials(i)
	e.parent(p)
	b.Keyword(ecs.ProcessCommandLine, i.commandLine)
	b.Keywords(ecs.ProcessArgs, i.args)
	b.Int(ecs.ProcessArgsCount, int64(len(i.args)))
	b.Int(ecs.ArgsBytes, i.argsBytes)
	if i.truncated {
		b.Bool(ecs.ProcessCommandLineTruncated, true)
	}
	b.Keyword(ecs.ProcessWorkingDirectory, i.cwd)
	b.Bool(ecs.ProcessInteractive, i.tty != 0)
	if i.tty != 0 {
		b.Int(ecs.ProcessTTYMajor, int64(i.tty>>20))
		b.Int(ecs.ProcessTTYMinor, int64(i.tty&0xfffff))
	}
	b.Keywords(ecs.ProcessAncestry, p.ancestry())
	b.Keyword(ecs.ProcessTool, i.tool)
	b.Keyword(ecs.ProcessToolHow, i.how)
	if p.interest && r.Ino != 0 {
		b.Keyword(ecs.ProcessHashSHA256, e.tools.hashOf(r.Pid, inode{dev: r.Dev, ino: r.Ino, ctime: r.Ctime}))
	}
	b.Keyword(ecs.Filename, text(s.filename))
	b.Keyword(ecs.Interpreter, text(s.interpreter))
	e.file0(r)
	e.place(r, i)
}

// file0 describes the executable's file.
func (e *events) file0(r *kernelExecRecord) {
	b := e.builder
	if r.Ino == 0 {
		return
	}
	b.Keyword(ecs.ExecutableDevice, decimal(r.Dev>>20)+":"+decimal(r.Dev&0xfffff))
	b.Keyword(ecs.ExecutableInode, decimal64(r.Ino))
	b.Int(ecs.ExecutableLinks, int64(r.Nlink))
	b.Time(ecs.ExecutableCtime, time.Unix(0, r.Ctime))
	if r.Flags&execMemfd != 0 {
		b.Bool(ecs.ExecutableMemfd, true)
	}
}

// place says in which cgroup, container and namespaces a process is.
func (e *events) place(r *kernelExecRecord, i *image) {
	b := e.builder
	b.Int(ecs.CgroupID, int64(i.cgroup))
	b.Keyword(ecs.CgroupPath, i.cgroupPath)
	b.Keyword(ecs.ContainerID, i.container)
	if i.pod != "" {
		b.Keyword(ecs.OrchestratorResourceType, "pod")
		b.Keyword(ecs.OrchestratorResourceName, i.pod)
	}
	b.Int(ecs.PIDNamespace, int64(r.Pidns))
	b.Int(ecs.MountNamespace, int64(r.Mntns))
	b.Int(ecs.NetworkNamespace, int64(r.Netns))
}

// identity names the process of a row, whatever the row tells of it.
func (e *events) identity(p *process) {
	b, i := e.builder, p.image
	b.Int(ecs.ProcessPID, int64(p.pid))
	b.Keyword(ecs.ProcessEntityID, p.entity)
	b.Int(ecs.StartTicks, int64(p.start))
	b.Time(ecs.ProcessStart, e.wall(p.start))
	b.Keyword(ecs.ProcessName, i.name)
	b.Keyword(ecs.ProcessExecutable, i.executable)
}

func (e *events) credentials(i *image) {
	b := e.builder
	uid, user := decimal(i.uid), e.names.user(i.uid)
	b.Keyword(ecs.UserID, uid)
	b.Keyword(ecs.UserName, user)
	b.Keyword(ecs.ProcessUserID, uid)
	b.Keyword(ecs.ProcessUserName, user)
	b.Keyword(ecs.GroupID, decimal(i.gid))
	b.Keyword(ecs.GroupName, e.names.group(i.gid))
	b.Keyword(ecs.UserEffectiveID, decimal(i.euid))
	b.Keyword(ecs.UserEffectiveName, e.names.user(i.euid))
	b.Int(ecs.LoginUID, i.loginUID)
	b.Int(ecs.AuditSession, i.audit)
}

func (e *events) parent(p *process) {
	a := p.parent
	if a == nil {
		return
	}
	b, i := e.builder, a.image
	b.Int(ecs.ParentPID, int64(a.pid))
	b.Keyword(ecs.ParentEntityID, a.entity)
	b.Int(ecs.ParentStartTicks, int64(a.start))
	b.Time(ecs.ParentStart, e.wall(a.start))
	b.Keyword(ecs.ParentName, i.name)
	b.Keyword(ecs.ParentExecutable, i.executable)
	b.Keyword(ecs.ParentCommandLine, i.commandLine)
	b.Keyword(ecs.ParentWorkingDirectory, i.cwd)
	if i.name != "" {
		b.Keyword(ecs.ParentUserID, decimal(i.uid))
		b.Keyword(ecs.ParentUserName, e.names.user(i.uid))
		b.Bool(ecs.ParentInteractive, i.tty != 0)
	}
}
