//go:build linux && (amd64 || arm64)

package ebpf

import (
	"errors"
	"path/filepath"
	"strings"
)

func (e *events) exec(raw []byte, flags uint8) error {
	r, rest, err := fixed[kernelExecRecord](raw)
	if err != nil {
		return err
	}
	s, err := r.split(rest)
	if err != nil {
		return err
	}
	gathered := e.gather(&r)
	if r.Flags&execArgsParts != 0 {
		s.args = gathered.args
	}
	p := e.table.seen(r.Pid, r.Start, r.Ppid, r.Pstart)
	p.interest = flags&headerInterest != 0
	p.image = e.image(p, &r, s)
	p.reset()
	e.recognise(p, &r)
	env := gathered.env
	if p.interest && len(env) == 0 {
		env = readBounded(procPath(r.Pid, "environ"), envBytes)
	}
	e.execution(p, &r, s, "exec", "start", e.wall(r.H.Time), allowed(env))
	p.image = p.image.keep()
	return nil
}

// image is what the record says the process runs.
func (e *events) image(p *process, r *kernelExecRecord, s execStrings) *image {
	line, args := arguments(s.args)
	i := &image{
		executable: e.executable(r, s.exe), args: args, commandLine: line, argsBytes: int64(r.ArgsTotal),
		truncated: len(s.args) < int(r.ArgsTotal), cwd: e.path(s.cwd, r.Flags&execCwdCut != 0),
		uid: r.Uid, gid: r.Gid, euid: r.Euid, loginUID: orNone(r.Loginuid), audit: orNone(r.Sessionid),
		tty: r.Tty, sid: r.Sid, pgid: r.Pgid, place: e.placeOf(r),
		file: inode{dev: r.Dev, ino: r.Ino, ctime: r.Ctime},
	}
	if len(s.cwd) == 0 && r.Flags&execKthread != 0 {
		i.cwd = ""
	}
	i.name = nameOf(i.executable, r.comm())
	i.entry = p.entryOf(i)
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
	id, how := e.judge(p, r)
	if id == 0 || int(id) > len(e.tools.all) {
		return
	}
	tool := e.tools.all[id-1]
	late := r.How != howName && r.How != howInode
	if late {
		e.followLate(p, id, &how)
	}
	args := p.image.args
	if how == byApplet || strings.HasPrefix(how, byLoader) {
		args = argsFrom(args, tool.Name)
	}
	if tool.Always || moves(tool.Name, args) && !p.helps(e.tools) {
		p.image.tool, p.image.how = tool.Name, how
	}
	if login := e.noteServed(p); login != nil && late && e.kernel != nil {
		_ = e.kernel.follow(login.pid, login.start, stateInterest|stateNoInherit|stateSession, id) // counted already, or gone
	}
}

// helps tells whether a process works for a transfer tool above it: rsync's ssh.
func (p *process) helps(t *toolTable) bool {
	if p.parent == nil {
		return false
	}
	id := t.named(p.parent.inherited())
	return id != 0 && t.all[id-1].Always
}

// judge finds the tool: what the kernel recognised, checked where a number may
// have been given to another file since, or what only user space can see.
func (e *events) judge(p *process, r *kernelExecRecord) (id uint16, how string) {
	i := p.image
	switch r.How {
	case howName:
		if e.tools.installedAs(i.executable, r.Tool) {
			e.learn(i.file, r.Tool)
		}
		return r.Tool, byName
	case howInode:
		if id, how := e.tools.confirm(r.Pid, i.file, i.executable, r.Tool); id != 0 {
			return id, how
		}
		e.forget(i.file)
		return 0, ""
	}
	if id, how = e.tools.byArguments(i.name, i.args, i.cwd); id != 0 || r.Ino == 0 {
		return id, how
	}
	if id = e.tools.look(r.Pid, i.file, i.executable).tool; id == 0 {
		return 0, ""
	}
	e.learn(i.file, id)
	return id, byContent
}

// learn has the kernel know a file next time.
func (e *events) learn(file inode, id uint16) {
	if e.kernel == nil || !e.tools.learn(file, id) {
		return
	}
	_ = e.kernel.knowInode(file, kernelTool{Id: id, Flags: toolFlags(e.tools.all[id-1].Name)}) // else user space recognises it again
}

func (e *events) forget(file inode) {
	e.tools.forget(file)
	if e.kernel != nil {
		_ = e.kernel.knowInode(file, kernelTool{}) // it is looked at again, which costs little
	}
}

// followLate has the kernel follow a process that runs already, and what it
// started meanwhile.
func (e *events) followLate(p *process, id uint16, how *string) {
	if e.kernel == nil {
		return
	}
	err := e.kernel.follow(p.pid, p.start, stateInterest, id)
	if err != nil && !errors.Is(err, errFollowed) {
		*how += ", not followed: " + err.Error()
		return
	}
	p.interest, p.late = true, true
	for _, c := range e.table.alive {
		if c.parent == p && !c.interest && e.kernel.follow(c.pid, c.start, stateInterest, id) == nil {
			c.interest, c.late = true, true
		}
	}
}

// serves tells whether a tool runs for somebody who logged in from outside.
func serves(tool string, args []string) bool {
	switch toolFlags(tool) {
	case toolInbound:
		return true
	case toolInboundArgs:
		return has(args, "-f", "-t", "--server")
	}
	return false
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

// noteServed remembers for which tool a login service works, so that its bytes bear the tool's name.
func (e *events) noteServed(p *process) (login *process) {
	if !serves(p.image.tool, p.image.args) {
		return nil
	}
	a := p.parent
	for range 4 {
		if a == nil {
			break
		}
		if isLogin(a.image.name) {
			a.served, a.late = p.image.tool, true
			return a
		}
		a = a.parent
	}
	return nil
}
