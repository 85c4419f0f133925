package process

import (
	"errors"
	"strings"
	"testing"

	"interdict/respond"
)

// made is a process on paper: number, parent, executable, command line.
func made(pid, ppid int, exe, args string) Process {
	p := Process{ID: respond.ProcessID{BootID: "b", PID: pid, Start: int64(pid) * respond.Tick}, PPID: ppid, State: 'S', Exe: exe, Inner: pid, Dir: "/"}
	if args != "" {
		p.Args = strings.Split(args, "|")
	}
	p.Name = exe[strings.LastIndexByte(exe, '/')+1:]
	return p
}

func with(p Process, change func(*Process)) Process { change(&p); return p }

func rootOf(t *testing.T, target int, console int, all ...Process) Root {
	t.Helper()
	table := NewTable(append(all, made(1, 0, "/usr/lib/systemd/systemd", "/sbin/init")))
	var operators []respond.ProcessID
	if console != 0 {
		operators = append(operators, table.Number(console).ID)
	}
	return table.findRoot(table.Number(target), newGuard(table, operators))
}

func TestTheTreeBeginsAtTheHighestUntrustedAncestor(t *testing.T) {
	tty := func(p *Process) { p.TTY, p.Session = "pts/2", p.ID.PID }
	for _, tc := range []struct {
		name         string
		target, root int
		kept         int
		keptWhy      string
		all          []Process
	}{
		{"a script in /dev/shm under a web service", 40, 20, 10, "web service", []Process{
			made(10, 1, "/usr/sbin/php-fpm8.2", "php-fpm: pool www"),
			made(20, 10, "/usr/bin/dash", "sh|-c|/dev/shm/.x.sh"),
			made(30, 20, "/usr/bin/bash", "/bin/bash|/dev/shm/.x.sh"),
			made(40, 30, "/usr/bin/scp", "scp|-q|x|y:")}},
		{"a program of the system between untrusted ones", 40, 20, 10, "job scheduler", []Process{
			made(10, 1, "/usr/sbin/cron", "cron"),
			made(20, 10, "/tmp/a", "/tmp/a"),
			made(30, 20, "/usr/bin/timeout", "timeout|9|scp"),
			made(40, 30, "/usr/bin/scp", "scp")}},
		{"a relative script, by its directory", 40, 30, 20, "pts/2", []Process{
			made(10, 1, "/usr/sbin/sshd", "sshd"),
			with(made(20, 10, "/usr/bin/bash", "-bash"), tty),
			with(made(30, 20, "/usr/bin/python3.11", "python3|-u|./up.py"), func(p *Process) { p.Dir = "/var/tmp" }),
			made(40, 30, "/usr/bin/curl", "curl")}},
		{"somebody's own shell keeps running", 40, 40, 20, "somebody's shell on pts/2", []Process{
			made(10, 1, "/usr/sbin/sshd", "sshd"),
			with(made(20, 10, "/usr/bin/bash", "bash"), tty),
			made(40, 20, "/usr/bin/scp", "scp")}},
		{"a trusted script above is named", 40, 40, 20, "may start this again", []Process{
			made(10, 1, "/usr/sbin/cron", "cron"),
			made(20, 10, "/usr/bin/bash", "bash|/usr/local/bin/backup.sh"),
			made(40, 20, "/usr/bin/rsync", "rsync")}},
		{"a shell that a database started", 40, 20, 10, "database", []Process{
			made(10, 1, "/usr/lib/postgresql/15/bin/postgres", "postgres"),
			made(20, 10, "/usr/bin/dash", "sh|-c|scp x y:"),
			made(40, 20, "/usr/bin/scp", "scp")}},
		{"deleted by an upgrade is no reproach", 40, 40, 20, "may start this again", []Process{
			with(made(20, 1, "/usr/bin/app", "app"), func(p *Process) { p.Deleted, p.Replaced = true, true }),
			made(40, 20, "/usr/bin/scp", "scp")}},
		{"deleted and gone is", 40, 20, 1, "process 1", []Process{
			with(made(20, 1, "/usr/bin/app", "app"), func(p *Process) { p.Deleted = true }),
			made(40, 20, "/usr/bin/scp", "scp")}},
		{"memory only", 40, 20, 1, "process 1", []Process{
			with(made(20, 1, "/memfd:x", "x"), func(p *Process) { p.Memfd = true }),
			made(40, 20, "/usr/bin/scp", "scp")}},
		{"a false nginx in /tmp", 40, 20, 1, "process 1", []Process{
			made(20, 1, "/tmp/nginx", "nginx: worker"),
			made(40, 20, "/usr/bin/scp", "scp")}},
		{"a false nginx at home is no service either", 40, 40, 20, "may start this again", []Process{
			made(20, 1, "/home/bob/nginx", "nginx"),
			made(40, 20, "/usr/bin/scp", "scp")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := rootOf(t, tc.target, 0, tc.all...)
			if r.Process.ID.PID != tc.root || r.Kept == nil || r.Kept.ID.PID != tc.kept || !strings.Contains(r.KeptWhy, tc.keptWhy) {
				t.Errorf("root %s (%s), kept %v: %q", r.Process.label(), r.Why, r.Kept, r.KeptWhy)
			}
		})
	}
}

func TestAnUntrustedAncestorBeyondAServiceIsNamedAndLeft(t *testing.T) {
	r := rootOf(t, 40, 0, made(10, 1, "/tmp/x", "x"), made(20, 10, "/usr/sbin/nginx", "nginx"), made(40, 20, "/dev/shm/y", "y"))
	if r.Process.ID.PID != 40 || len(r.Above) != 1 || r.Above[0].ID.PID != 10 {
		t.Errorf("%+v", r)
	}
}

func TestTheConsoleAndWhatIsAboveItBoundTheTree(t *testing.T) {
	r := rootOf(t, 40, 30, made(10, 1, "/tmp/go-build/test", "test"), made(30, 10, "/tmp/interdict", "interdict"), made(20, 10, "/usr/bin/bash", "bash|/dev/shm/x.sh"), made(40, 20, "/usr/bin/scp", "scp"))
	if r.Process.ID.PID != 20 || r.Kept.ID.PID != 10 || !strings.Contains(r.KeptWhy, "ancestor of this console") || len(r.Above) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestAServiceIsRefusedAndItsWorkerIsNot(t *testing.T) {
	table := NewTable([]Process{
		made(1, 0, "/usr/lib/systemd/systemd", "init"),
		made(10, 1, "/usr/sbin/sshd", "sshd"), made(20, 10, "/usr/lib/openssh/sshd-session", "sshd-session: bob"),
		made(30, 1, "/usr/sbin/php-fpm8.2", "master"), made(40, 30, "/usr/sbin/php-fpm8.2", "pool")})
	g := newGuard(table, nil)
	for pid, refused := range map[int]bool{10: true, 20: false, 30: true, 40: false} {
		_, err := admissible(table, g, table.Number(pid).ID, false)
		var refusal *respond.Refusal
		if got := errors.As(err, &refusal) && refusal.Has(CodeService); got != refused {
			t.Errorf("%d: %v", pid, err)
		}
		if _, err := admissible(table, g, table.Number(pid).ID, true); err != nil {
			t.Errorf("a thief that is called like a service is out of reach: %v", err)
		}
	}
	if _, err := admissible(table, g, table.Number(1).ID, true); err == nil {
		t.Error("process 1 is not")
	}
}

// Numbers that pass on within one tick of the clock can make two processes
// look like each other's parents.
func TestATableWithALoopInItComesToAnEnd(t *testing.T) {
	a, b := made(20, 30, "/tmp/a", "a"), made(30, 20, "/tmp/b", "b")
	a.ID.Start, b.ID.Start = 7*respond.Tick, 7*respond.Tick
	table := NewTable([]Process{a, b})
	g := newGuard(table, []respond.ProcessID{a.ID})
	if len(g.ancestors) == 0 {
		t.Error("what may be an ancestor of the console is not protected")
	}
	if r := table.findRoot(table.Number(20), newGuard(table, nil)); r.Process == nil {
		t.Error("no root")
	}
}

func TestAnInterpretersScriptIsFound(t *testing.T) {
	for args, want := range map[string]string{
		"/bin/bash|/bin/sh|/srv/a.sh|x":      "/srv/a.sh",
		"/bin/bash|bash|-e|-x|a.sh":          "/work/a.sh",
		"/bin/bash|bash|--norc|a.sh":         "/work/a.sh",
		"/bin/bash|bash|-o|pipefail|a.sh":    "/work/a.sh",
		"/bin/bash|bash|--|-odd.sh":          "/work/-odd.sh",
		"/bin/bash|bash|-ec|scp a b:":        "",
		"/bin/bash|-bash":                    "",
		"/bin/bash|bash|-s|x":                "",
		"/usr/bin/python3.11|python3|-c|x":   "",
		"/usr/bin/python3|python3|-m|http":   "",
		"/usr/bin/python3|python3|-W|e|a.py": "/work/a.py",
		"/usr/bin/perl|perl|-w|/tmp/a.pl":    "/tmp/a.pl",
		"/usr/bin/php8.2|php|-f|a.php":       "/work/a.php",
		"/bin/busybox|busybox|sh|a.sh":       "/work/a.sh",
		"/bin/busybox|busybox|nc|a":          "",
		"/bin/busybox|sh|a.sh":               "/work/a.sh",
		"/usr/bin/scp|scp|a|b:":              "",
	} {
		exe, rest, _ := strings.Cut(args, "|")
		p := made(9, 1, exe, rest)
		p.Dir = "/work"
		if got := Script(&p); got != want {
			t.Errorf("%s: %q, want %q", args, got, want)
		}
	}
}

func FuzzACommandLineIsTakenApartWithoutHarm(f *testing.F) {
	f.Add("/bin/sh", "sh|-c")
	f.Add("/bin/busybox", "busybox|sh|--")
	f.Fuzz(func(t *testing.T, exe, args string) {
		p := Process{Exe: exe, Args: strings.Split(args, "|"), Dir: "/x"}
		Untrusted(&p)
		Script(&p)
		master(&p)
		loginShell(&p)
	})
}
