//go:build linux && (amd64 || arm64)

package ebpf

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"interdict/sources/ecs"
)

// execution writes the row of an execution or of a process that was there.
func (e *events) execution(p *process, r *kernelExecRecord, s execStrings, action, typ string, at time.Time, env []string) {
	b, i := e.builder, p.image
	b.Event(ecs.Process, action, typ, at)
	e.identity(p)
	e.credentials(i)
	e.parent(p)
	e.commandLine(i)
	e.sessions(p)
	e.ids = p.ancestry(e.ids[:0])
	b.Keywords(ecs.ProcessAncestry, e.ids)
	b.Int(ecs.ProcessThreadID, int64(r.Tid))
	b.Keyword(ecs.ProcessTool, i.tool)
	b.Keyword(ecs.ProcessToolHow, i.how)
	if p.interest {
		b.Keyword(ecs.ProcessHashSHA256, e.tools.hashOf(p.pid, i.file, i.executable))
		b.Keywords(ecs.ProcessEnvVars, env)
		if from := sshClient(env); from.IsValid() {
			b.IP(ecs.EntryMetaSourceIP, from)
		}
	}
	b.Keyword(ecs.Filename, e.text(s.filename))
	b.Keyword(ecs.Interpreter, e.text(s.interpreter))
	e.executableFile(r, i)
	e.where(r, i)
}

func (e *events) commandLine(i *image) {
	b := e.builder
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
}

// sessions says which session and process group a process is in, and what let it in.
func (e *events) sessions(p *process) {
	b, i := e.builder, p.image
	if i.pgid != 0 {
		b.Int(ecs.GroupLeaderPID, int64(i.pgid))
	}
	if i.sid != 0 {
		b.Int(ecs.SessionLeaderPID, int64(i.sid))
		if leader := e.table.alive[i.sid]; leader != nil {
			b.Keyword(ecs.SessionLeaderEntityID, leader.entity)
			b.Keyword(ecs.SessionLeaderName, leader.image.name)
		}
	}
	if entry := i.entry; entry != nil {
		b.Int(ecs.EntryLeaderPID, int64(entry.leader.pid))
		b.Keyword(ecs.EntryLeaderEntityID, entry.leader.entity)
		b.Keyword(ecs.EntryLeaderName, entry.leader.image.name)
		b.Keyword(ecs.EntryLeaderExecutable, entry.leader.image.executable)
		b.Keyword(ecs.EntryMetaType, entry.how)
	}
}

// sshClient is the address that a login came from, by its environment.
func sshClient(env []string) netip.Addr {
	for _, v := range env {
		if rest, ok := strings.CutPrefix(v, "SSH_CONNECTION="); ok {
			from, _, _ := strings.Cut(rest, " ")
			a, _ := netip.ParseAddr(from) // invalid leaves the field null
			return a
		}
	}
	return netip.Addr{}
}

// fileText is how the numbers of a file are written.
type fileText struct{ device, inode string }

const maxFileTexts = 8192

func (e *events) fileText(dev uint32, ino uint64) *fileText {
	key := inode{dev: dev, ino: ino}
	t := e.files[key]
	if t == nil {
		if len(e.files) >= maxFileTexts {
			clear(e.files)
		}
		t = &fileText{device: decimal(dev>>20) + ":" + decimal(dev&0xfffff), inode: decimal64(ino)}
		e.files[key] = t
	}
	return t
}

func (e *events) executableFile(r *kernelExecRecord, i *image) {
	if r.Ino == 0 {
		return
	}
	b, t := e.builder, e.fileText(r.Dev, r.Ino)
	b.Keyword(ecs.ExecutableDevice, t.device)
	b.Keyword(ecs.ExecutableInode, t.inode)
	b.Int(ecs.ExecutableLinks, int64(r.Nlink))
	b.Time(ecs.ExecutableCtime, time.Unix(0, r.Ctime))
	if r.Flags&execMemfd != 0 {
		b.Bool(ecs.ExecutableMemfd, true)
	}
}

// where says in which cgroup, container and namespaces a process is.
func (e *events) where(r *kernelExecRecord, i *image) {
	b := e.builder
	if r.Cgroup != 0 {
		b.Int(ecs.CgroupID, int64(r.Cgroup))
	}
	e.container(i)
	if r.Pidns != 0 { // not known from /proc
		b.Int(ecs.PIDNamespace, int64(r.Pidns))
		b.Int(ecs.MountNamespace, int64(r.Mntns))
		b.Int(ecs.NetworkNamespace, int64(r.Netns))
	}
}

func (e *events) container(i *image) {
	b := e.builder
	b.Keyword(ecs.CgroupPath, i.place.path)
	b.Keyword(ecs.ContainerID, i.place.container)
	if i.place.pod != "" {
		b.Keyword(ecs.OrchestratorResourceType, "pod")
		b.Keyword(ecs.OrchestratorResourceName, i.place.pod)
	}
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

// user says whose process it is.
func (e *events) user(i *image) {
	if i == unknown {
		return
	}
	u := e.names.user(i.uid)
	e.builder.Keyword(ecs.UserID, u.id)
	e.builder.Keyword(ecs.UserName, u.name)
}

func (e *events) credentials(i *image) {
	b := e.builder
	e.user(i)
	u, g, eff := e.names.user(i.uid), e.names.group(i.gid), e.names.user(i.euid)
	b.Keyword(ecs.ProcessUserID, u.id)
	b.Keyword(ecs.ProcessUserName, u.name)
	b.Keyword(ecs.GroupID, g.id)
	b.Keyword(ecs.GroupName, g.name)
	b.Keyword(ecs.UserEffectiveID, eff.id)
	b.Keyword(ecs.UserEffectiveName, eff.name)
	if i.loginUID >= 0 {
		b.Int(ecs.LoginUID, i.loginUID)
		b.Int(ecs.AuditSession, i.audit)
	}
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
	if i == unknown {
		return
	}
	u := e.names.user(i.uid)
	b.Keyword(ecs.ParentName, i.name)
	b.Keyword(ecs.ParentExecutable, i.executable)
	b.Keyword(ecs.ParentCommandLine, i.commandLine)
	b.Keywords(ecs.ParentArgs, i.args)
	b.Int(ecs.ParentArgsCount, int64(len(i.args)))
	b.Keyword(ecs.ParentWorkingDirectory, i.cwd)
	b.Keyword(ecs.ParentUserID, u.id)
	b.Keyword(ecs.ParentUserName, u.name)
	b.Bool(ecs.ParentInteractive, i.tty != 0)
}

// subject describes the process of a network or file row: what it runs, for
// whom, and the tool on whose behalf.
func (e *events) subject(p *process) {
	b, i := e.builder, p.image
	e.identity(p)
	if p.became != 0 {
		u := e.names.user(p.became - 1)
		b.Keyword(ecs.UserID, u.id)
		b.Keyword(ecs.UserName, u.name)
	} else {
		e.user(i)
	}
	b.Keyword(ecs.ProcessCommandLine, i.commandLine)
	b.Keywords(ecs.ProcessArgs, i.args)
	b.Keyword(ecs.ProcessWorkingDirectory, i.cwd)
	e.container(i)
	if a := p.parent; a != nil {
		b.Int(ecs.ParentPID, int64(a.pid))
		b.Keyword(ecs.ParentEntityID, a.entity)
		b.Int(ecs.ParentStartTicks, int64(a.start))
		b.Keyword(ecs.ParentName, a.image.name)
		b.Keyword(ecs.ParentExecutable, a.image.executable)
	}
	e.tool(p)
}

// tool says on behalf of which tool a process works, if it does.
func (e *events) tool(p *process) {
	b, i := e.builder, p.image
	if i.tool != "" {
		b.Keyword(ecs.ProcessTool, i.tool)
		b.Keyword(ecs.ProcessToolHow, i.how)
	} else if tool := p.inherited(); tool != "" {
		how := "inherited"
		if tool == innerSFTP || tool == sshSession {
			how = "session"
		}
		b.Keyword(ecs.ProcessTool, tool)
		b.Keyword(ecs.ProcessToolHow, how)
	}
}

func decimal64(n uint64) string { return strconv.FormatUint(n, 10) }
