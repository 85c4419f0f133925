package playbooks

import (
	"path"
	"strconv"
	"strings"
	"time"

	"interdict/detect"
	"interdict/respond"
	"interdict/respond/process"
)

// Baseline is how far back counts go, and recent how far "today" does.
const (
	baselineSpan = 14 * 24 * time.Hour
	recentSpan   = 24 * time.Hour
)

// subject is what a guide is about: the finding taken apart.
type subject struct {
	f         *detect.Finding
	tool      detect.Process
	ancestors []detect.Process // parent first
	transfer  detect.Transfer  // zero when none was seen
	before    time.Time        // when it began: nothing of it is in the baseline
	now       time.Time
}

func newSubject(f *detect.Finding, now time.Time) *subject {
	s := &subject{f: f, tool: f.Process, now: now}
	if f.Transfer != nil {
		s.transfer = *f.Transfer
		s.ancestors = f.Transfer.Ancestors
		if f.Transfer.Tool.PID != 0 {
			s.tool = f.Transfer.Tool
		}
	}
	s.before = s.began()
	return s
}

// began is the earliest moment of the transfer that is known: inbound, the
// connection is older than the tool.
func (s *subject) began() time.Time {
	t := s.f.First
	earlier := func(u time.Time) {
		if !u.IsZero() && (t.IsZero() || u.Before(t)) {
			t = u
		}
	}
	earlier(s.tool.Started)
	earlier(s.transfer.Started)
	for _, p := range s.transfer.Peers {
		earlier(p.First)
	}
	if t.IsZero() {
		t = s.now
	}
	return t.Truncate(time.Millisecond)
}

// inbound tells whether the tool was started for somebody who connected to us.
func (s *subject) inbound() bool { return s.transfer.Direction == detect.Pulled }

// started is when the tool was run.
func (s *subject) started() time.Time {
	if s.tool.Started.IsZero() {
		return s.before
	}
	return s.tool.Started
}

// parent is the executable of what started the tool, "" when unknown.
func (s *subject) parent() string {
	if len(s.ancestors) > 0 {
		return s.ancestors[0].Executable
	}
	for _, f := range s.f.Row {
		if f.Name == "process.parent.executable" {
			return f.Value
		}
	}
	return ""
}

// values are the parameters' values, those that are known.
func (s *subject) values() map[string]any {
	v := map[string]any{
		"from": s.before.Add(-baselineSpan), "before": s.before,
		"recent": s.before.Add(-recentSpan), "now": s.now, "sha256": s.suspect(), "far": "::", "person": s.person(),
		"lately": s.before.Add(-time.Hour), "job": s.jobFrom(), "here": orElse(s.f.Host.ID, "none"), "minute": int64(s.before.UTC().Hour()*60 + s.before.UTC().Minute()),
	}
	if far := s.far(); len(far) > 0 {
		v["far"] = far[0].Addr.Unmap().String()
	}
	for name, text := range map[string]string{
		"name": s.tool.Name, "tool": toolName(s.tool), "executable": s.tool.Executable, "command": s.tool.CommandLine,
		"parent": s.parent(), "host_id": s.f.Host.ID, "host_name": s.f.Host.Name, "agent_id": s.f.Host.AgentID,
		"user": s.tool.User, "entity": s.tool.EntityID,
	} {
		if text != "" {
			v[name] = text
		}
	}
	return v
}

// person is the account that it runs as, or that logged in, when that is a
// person's: those of the system run on every host.
func (s *subject) person() string {
	if uid, err := strconv.Atoi(s.tool.UserID); err == nil && uid >= 1000 && uid < 60000 && s.tool.User != "" {
		return s.tool.User
	}
	if s.loginUID() >= 1000 && s.loginName() != "" {
		return s.loginName()
	}
	return "none"
}

// suspect is the hash of the program that nobody vouches for, nearest to the
// tool; "none" when all are vouched for or no hash is known: that of /usr/bin/scp
// is the same everywhere and says nothing.
func (s *subject) suspect() string {
	for _, p := range append([]detect.Process{s.tool}, s.ancestors...) {
		if p.SHA256 != "" && untrusted(p) != "" {
			return p.SHA256
		}
	}
	return "none"
}

// toolName is which tool p is, whatever it is called.
func toolName(p detect.Process) string {
	if p.Tool != "" {
		return p.Tool
	}
	return p.Name
}

// label is "scp 4121": a script goes by its own name, not by its interpreter's.
func label(p detect.Process) string { return name(p) + " " + number(int64(p.PID)) }

func name(p detect.Process) string {
	if script := scriptOf(p); script != "" {
		return path.Base(script)
	}
	if p.Name != "" {
		return p.Name
	}
	return path.Base(p.Executable)
}

// seenAs is p as package process knows processes.
func seenAs(p detect.Process) *process.Process {
	seen := &process.Process{ID: respond.ProcessID{PID: p.PID, Start: p.Start}, PPID: p.PPID, Name: p.Name, Args: p.Args,
		Dir: p.Dir, Exe: p.Executable, Deleted: p.Deleted, Memfd: p.Memfd, Cgroup: p.Cgroup, Container: p.Container}
	if p.Interactive {
		seen.TTY = "a terminal"
	}
	return seen
}

// scriptOf is the script that p runs, by its whole path where that is known:
// as the kernel resolved it, else as the arguments have it.
func scriptOf(p detect.Process) string {
	script := p.Script
	if script == "" {
		return process.Script(seenAs(p))
	}
	if path.IsAbs(script) || p.Dir == "" {
		return script
	}
	return path.Join(p.Dir, script)
}

// untrusted says why nobody vouches for what p runs, by its own file and by
// the script that the kernel resolved, whatever the arguments claim.
func untrusted(p detect.Process) string {
	seen := seenAs(p)
	if why := process.Untrusted(seen); why != "" || p.Script == "" {
		return why
	}
	seen.Args = []string{p.Name, scriptOf(p)}
	return process.Untrusted(seen)
}

func (s *subject) identity(p detect.Process) respond.ProcessID {
	return respond.ProcessID{HostID: s.f.Host.ID, BootID: s.f.Host.BootID, PID: p.PID, Start: p.Start}
}

// shells run other programs; an ancestor that is one says little by itself.
func isShell(p detect.Process) bool {
	switch strings.TrimRight(path.Base(p.Executable), "0123456789.") {
	case "sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "busybox":
		return true
	}
	return false
}
