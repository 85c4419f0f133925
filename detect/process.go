package detect

import (
	"net/netip"
	"path"
	"strings"
	"time"

	"interdict/sources/ecs"
)

// processAt reads the process that row is about.
func processAt(v *view, row int) Process {
	ids := identitiesOf(v)
	p := Process{
		PID:         int(v.intOr(ecs.ProcessPID, row, 0)),
		PPID:        int(v.intOr(ecs.ParentPID, row, 0)),
		Start:       v.intOr(ecs.StartTicks, row, 0),
		Name:        v.text(ecs.ProcessName, row),
		Executable:  v.text(ecs.ProcessExecutable, row),
		CommandLine: v.text(ecs.ProcessCommandLine, row),
		Dir:         v.text(ecs.ProcessWorkingDirectory, row),
		Args:        v.texts(ecs.ProcessArgs, row),
		Tool:        v.text(ecs.ProcessTool, row),
		ToolHow:     v.text(ecs.ProcessToolHow, row),
		User:        v.first(row, ecs.UserName, ecs.ProcessUserName),
		UserID:      v.first(row, ecs.UserID, ecs.ProcessUserID),
		LoginUID:    v.intOr(ecs.LoginUID, row, -1),
		Session:     v.intOr(ecs.AuditSession, row, -1),
		Interactive: v.bool(ecs.ProcessInteractive, row),
		Container:   v.text(ecs.ContainerID, row),
		Cgroup:      v.text(ecs.CgroupPath, row),
		SHA256:      v.text(ecs.ProcessHashSHA256, row),
		Memfd:       v.bool(ecs.ExecutableMemfd, row),
		Deleted:     v.intOr(ecs.ExecutableLinks, row, 1) == 0,
		ArgsBytes:   v.intOr(ecs.ArgsBytes, row, 0),
		Truncated:   v.bool(ecs.ProcessCommandLineTruncated, row),
		Env:         v.texts(ecs.ProcessEnvVars, row),
		Started:     v.time(ecs.ProcessStart, row),
		Ended:       v.time(ecs.ProcessEnd, row),
		ExitCode:    v.intOr(ecs.ProcessExitCode, row, 0),
	}
	p.EntityID, p.Parent = ids.names(row)
	p.Entry = entryAt(v, row)
	p.complete(v, row)
	return p
}

// entryAt is how the session began that a process is of, if that was a login.
func entryAt(v *view, row int) string {
	how := v.text(ecs.EntryMetaType, row)
	switch how {
	case "sshd", "ssm", "terminal":
	default: // init, container, …: nobody logged in
		return ""
	}
	if from := v.text(ecs.EntryMetaSourceIP, row); from != "" {
		return how + " from " + from
	}
	return how
}

// scriptOf gives the file that an interpreter runs: as the kernel resolved it
// when the file itself was executed, else the first argument that is no option.
func scriptOf(p *Process, filename, interpreter string) string {
	if interpreter != "" && filename != "" && interpreter != filename {
		return filename
	}
	if !interprets(p.Name) {
		return ""
	}
	for _, a := range p.Args[min(1, len(p.Args)):] {
		switch {
		case strings.HasPrefix(a, "-") && strings.ContainsAny(a, "cem") && !strings.HasPrefix(a, "--"):
			return "" // the program is on the command line
		case a != "" && a[0] != '-' && a[0] != '+':
			return a
		}
	}
	return ""
}

// interprets tells whether a program usually runs scripts.
func interprets(name string) bool {
	if shell(name) {
		return name != "sudo" && name != "su" && name != "env" && name != "nohup" && name != "setsid" && name != "timeout"
	}
	for _, i := range [...]string{"python", "perl", "ruby", "php", "node", "lua"} {
		if rest, ok := strings.CutPrefix(name, i); ok && strings.Trim(rest, "0123456789.") == "" {
			return true
		}
	}
	return false
}

// Label is what to call the process: its script, if it is an interpreter, else its name.
func (p *Process) Label() string {
	if p.Script != "" {
		return path.Base(p.Script)
	}
	return p.Name
}

// names gives the entity ids of the process and its parent as the sensor wrote
// them, or as they follow from the identity.
func (ids *identities) names(row int) (process, parent string) {
	process, parent = ids.text(ecs.ProcessEntityID, row), ids.text(ecs.ParentEntityID, row)
	if k, ok := ids.process(row); ok && process == "" {
		process = k.entity()
	}
	if k, ok := ids.parent(row); ok && parent == "" {
		parent = k.entity()
	}
	return process, parent
}

// complete fills what follows from the rest.
func (p *Process) complete(v *view, row int) {
	if p.Name == "" && p.Executable != "" {
		p.Name = path.Base(p.Executable)
	}
	if p.CommandLine == "" && len(p.Args) > 0 {
		p.CommandLine = strings.Join(p.Args, " ")
	}
	p.Script = scriptOf(p, v.text(ecs.Filename, row), v.text(ecs.Interpreter, row))
	if p.Started.IsZero() {
		p.Started = v.time(ecs.Timestamp, row)
	}
	if _, local := v.int(ecs.StartTicks, row); !local && p.Tool == "" {
		if t, ok := ecs.ToolNamed(p.Name); ok && t.Always {
			p.Tool, p.ToolHow = t.Name, "name"
		}
	}
}

// parentAt reads what row says of the parent, for when no event of its own was seen.
func parentAt(v *view, row int) (Process, bool) {
	p := Process{
		PID:         int(v.intOr(ecs.ParentPID, row, 0)),
		Start:       v.intOr(ecs.ParentStartTicks, row, 0),
		Name:        v.text(ecs.ParentName, row),
		Executable:  v.text(ecs.ParentExecutable, row),
		CommandLine: v.text(ecs.ParentCommandLine, row),
		Dir:         v.text(ecs.ParentWorkingDirectory, row),
		Args:        v.texts(ecs.ParentArgs, row),
		User:        v.text(ecs.ParentUserName, row),
		UserID:      v.text(ecs.ParentUserID, row),
		Started:     v.time(ecs.ParentStart, row),
		LoginUID:    -1, Session: -1,
	}
	ids := identitiesOf(v)
	_, p.EntityID = ids.names(row)
	if len(p.Args) == 0 {
		p.Args = strings.Fields(p.CommandLine)
	}
	p.Script = scriptOf(&p, "", "")
	return p, p.PID != 0 || p.Name != ""
}

// shorten bounds what a process that nobody asked about costs to remember.
func (p *Process) shorten(limit int) {
	if len(p.CommandLine) > limit {
		p.CommandLine, p.Truncated = strings.Clone(p.CommandLine[:limit]), true
	}
	n := 0
	for i, a := range p.Args {
		if n += len(a); n > limit {
			p.Args, p.Truncated = append([]string(nil), p.Args[:i]...), true
			return
		}
	}
}

func hostAt(v *view, row int) Host {
	h := Host{
		ID:           v.text(ecs.HostID, row),
		BootID:       v.text(ecs.HostBootID, row),
		Name:         v.first(row, ecs.HostName, ecs.HostHostname),
		AgentID:      v.text(ecs.AgentID, row),
		OS:           v.first(row, ecs.HostOSFull, ecs.HostOSName),
		OSType:       v.text(ecs.HostOSType, row),
		Kernel:       v.text(ecs.HostOSKernel, row),
		Architecture: v.text(ecs.HostArchitecture, row),
		Environment:  v.text(ecs.LabelsEnvironment, row),
	}
	for _, text := range v.texts(ecs.HostIP, row) {
		if a, err := netip.ParseAddr(text); err == nil {
			h.Addresses = append(h.Addresses, a.Unmap())
		}
	}
	return h
}

func millis(n int64) time.Time { return time.UnixMilli(n).UTC() }
