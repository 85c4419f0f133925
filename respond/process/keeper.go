package process

import (
	"cmp"
	"fmt"
	"strings"
)

// masters start other people's work: what stops with one is far more than the
// theft. Names are without version, and count in a place of the system only.
var masters = map[string]string{
	"systemd": "service manager", "init": "service manager", "runit": "service manager", "runsvdir": "service manager",
	"runsv": "service manager", "s6-svscan": "service manager", "s6-supervise": "service manager", "supervisord": "service manager",
	"tini": "service manager", "dumb-init": "service manager", "docker-init": "service manager", "openrc-run": "service manager",
	"sshd": "login service", "sshd-session": "login service", "sshd-auth": "login service", "dropbear": "login service",
	"login": "login service", "agetty": "login service", "tmux": "terminal server", "screen": "terminal server",
	"cron": "job scheduler", "crond": "job scheduler", "atd": "job scheduler", "anacron": "job scheduler", "inetd": "network service", "xinetd": "network service",
	"nginx": "web service", "apache": "web service", "httpd": "web service", "lighttpd": "web service", "caddy": "web service",
	"haproxy": "web service", "php-fpm": "web service", "uwsgi": "web service", "java": "application server",
	"postgres": "database", "mysqld": "database", "mariadbd": "database", "mongod": "database", "redis-server": "database",
	"dockerd": "container runtime", "containerd": "container runtime", "containerd-shim": "container runtime", "containerd-shim-runc-v": "container runtime",
	"conmon": "container runtime", "crio": "container runtime", "podman": "container runtime", "runc": "container runtime", "crun": "container runtime", "kubelet": "container runtime",
	"gitlab-runner": "CI runner", "Runner.Listener": "CI runner", "Runner.Worker": "CI runner", "buildkite-agent": "CI runner",
}

// master says what kind of service p is; "" for none. Only a program of the
// system is one: a file called sshd in /tmp or in somebody's home is not.
func master(p *Process) string {
	if p.ID.PID == 1 {
		return "service manager"
	}
	if below(p.Exe, systemPlaces) == "" || Untrusted(p) != "" {
		return ""
	}
	return masters[program(p.Exe)]
}

// worker tells whether p is a service process that another one of the same
// program keeps, as php-fpm's pool or the sshd of one session.
func worker(t *Table, p *Process) bool {
	parent := t.Number(p.PPID)
	return parent != nil && parent.ID.PID != 1 && master(parent) != "" && master(parent) == master(p) &&
		(parent.Exe == p.Exe || master(p) == "login service")
}

// loginShell tells whether p is a person's shell at a terminal.
func loginShell(p *Process) bool {
	if !shells[program(p.Exe)] || len(p.Args) == 0 {
		return false
	}
	in, _ := invoked(p)
	return strings.HasPrefix(p.Args[0], "-") || p.TTY != "" && in.script == "" && in.inline == ""
}

// webShell tells whether p is a shell that a service started to run a command.
func webShell(t *Table, p *Process) string {
	parent := t.Number(p.PPID)
	if parent == nil || !shells[program(p.Exe)] || p.TTY != "" {
		return ""
	}
	switch kind := master(parent); kind {
	case "web service", "application server", "database":
		return fmt.Sprintf("a shell that the %s %s started", kind, parent.Name)
	}
	return ""
}

// Root is where the tree to act on begins, and why.
type Root struct {
	Process *Process
	Why     string   // what speaks against it; "" when it is the target itself and nothing does
	Kept    *Process // its parent, which keeps running; nil when unknown
	KeptWhy string
	// Above are untrusted ancestors on the far side of what is kept.
	Above []*Process
}

// findRoot walks from the target to its highest untrusted ancestor this side of
// a service, a person's shell, or what the guard protects.
func (t *Table) findRoot(target *Process, g *guard) Root {
	r := Root{Process: target, Why: Untrusted(target)}
	beyond, stop := false, (*Process)(nil)
	for _, p := range t.ancestors(target) {
		why := Untrusted(p)
		if why == "" {
			why = webShell(t, p)
		}
		if beyond {
			if why != "" && g.reason(p) == nil {
				r.Above = append(r.Above, p)
			}
			continue
		}
		if reason := g.keeps(p); reason != "" {
			beyond, stop, r.KeptWhy = true, p, reason
			continue
		}
		if why != "" {
			r.Process, r.Why = p, why
		}
	}
	r.Kept = t.parent(r.Process)
	if r.Kept != nil && r.Kept != stop {
		r.KeptWhy = "nothing speaks against it, but it may start this again"
	}
	return r
}

// ancestors are p's parent and so on to the top. A table that is no atomic
// picture may show a loop, which is gone round once.
func (t *Table) ancestors(p *Process) (all []*Process) {
	for a := t.parent(p); a != nil && len(all) < len(t.byPID); a = t.parent(a) {
		all = append(all, a)
	}
	return all
}

// parent is p's parent; nil at the top, and where a number has passed on.
func (t *Table) parent(p *Process) *Process {
	parent := t.byPID[p.PPID]
	if parent == nil || parent == p || parent.ID.Ticks() > p.ID.Ticks() {
		return nil
	}
	return parent
}

// keeps says why p is not acted on though something below it is; "" when it may be.
func (g *guard) keeps(p *Process) string {
	switch reason := g.reason(p); {
	case reason != nil:
		return reason.Text
	case master(p) != "":
		return "a " + master(p) + ": stopping it would stop what others use"
	case loginShell(p) && Untrusted(p) == "":
		return "somebody's shell on " + cmp.Or(p.TTY, "no terminal")
	}
	return ""
}
