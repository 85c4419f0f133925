package process

import (
	"cmp"
	"fmt"
)

// warnings are what may go wrong or be noticed.
func (s *survey) warnings() []string {
	var all []string
	warn := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for _, p := range s.members {
		s.warnMember(p, warn)
	}
	for _, u := range s.facts.Units {
		if s.kind == KindKill && u.Restart != "" && u.Restart != "no" {
			warn("systemd starts %s again when it is killed (Restart=%s)", u.Name, u.Restart)
		}
		if s.kind == KindFreeze && u.Watchdog {
			warn("systemd kills %s when it falls silent (WatchdogSec=)", u.Name)
		}
	}
	if s.kind == KindFreeze && s.root.Kept != nil && loginShell(s.root.Kept) {
		warn("the shell %s on %s may print that its job was stopped: whoever sits there sees it", s.root.Kept.label(), cmp.Or(s.root.Kept.TTY, "no terminal"))
	}
	if !s.intent.Tree {
		if n := len(s.table.children[s.target.ID.PID]); n > 0 && s.kind != KindResume {
			warn("%d children of %s keep running: only the one process was asked for", n, s.target.label())
		}
	}
	return append(all, s.facts.Unknown...)
}

func (s *survey) warnMember(p *Process, warn func(string, ...any)) {
	switch {
	case p.State == 'D':
		warn("%s waits in the kernel (state D): the signal acts when that ends, not before", p.label())
	case p.Ended():
		warn("%s has ended already; its parent %d has not asked for its exit status", p.label(), p.PPID)
	}
	if p.Tracer != 0 && !s.has(p.Tracer) {
		warn("%s is traced by process %d, which can let it run again", p.label(), p.Tracer)
	}
	if p.ID != s.target.ID && master(p) != "" {
		warn("%s in this tree is a %s", p.label(), master(p))
	}
	if p.FrozenV1 && s.kind == KindKill {
		warn("%s is in a frozen cgroup of version 1: it dies when that is thawed", p.label())
	}
	if p.Container == "" || p.Inner != 1 {
		return
	}
	if s.kind == KindKill {
		warn("%s is the first process of container %s, which ends with it and may be started again", p.label(), p.Container)
	} else {
		warn("%s is the first process of container %s: a liveness probe may kill it while it is frozen", p.label(), p.Container)
	}
}

func (s *survey) has(pid int) bool {
	for _, p := range s.members {
		if p.ID.PID == pid {
			return true
		}
	}
	return false
}
