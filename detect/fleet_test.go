package detect

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"interdict/sources"
	"interdict/sources/ecs"
)

// fleet makes up what hosts do on some days. It knows how such hosts are run and
// how data is stolen; it knows nothing of how either is recognised.
type fleet struct {
	r      *rand.Rand
	hosts  []*machine
	events []happening
	calm   bool              // nothing is new on any day
	drawn  []stealing        // what is stolen, and how
	truth  map[string]string // entity id of a theft's process to its kind
	kinds  []string          // of thefts, in order
}

type happening struct {
	at    time.Time
	n     int
	write func(b *ecs.Builder)
}

// machine is one host.
type machine struct {
	id, name, boot, role, env string
	addr                      netip.Addr
	pid                       int
	init, sshd, cron          *task
	service                   *task // what it is there for; nil: nothing that serves
	size                      int64 // of what it has to back up
	joins                     int   // the day from which on it does anything
}

// task is a process.
type task struct {
	on                *machine
	pid               int
	start             int64
	exe, line, script string
	user, uid         string
	login             int64
	tty               bool
	cgroup, dir       string
	up                *task
	tool, how         string
	deleted, memfd    bool
	container         string
	env               []string
}

func (t *task) entity() string { return ecs.EntityID(t.on.boot, t.pid, t.start) }

func (f *fleet) tell(at time.Time, write func(b *ecs.Builder)) {
	f.events = append(f.events, happening{at, len(f.events), write})
}

func (f *fleet) host(b *ecs.Builder, m *machine, d ecs.Dataset, action, typ string, at time.Time) {
	b.Event(d, action, typ, at)
	b.Keyword(ecs.HostID, m.id)
	b.Keyword(ecs.AgentID, m.id)
	b.Keyword(ecs.HostName, m.name)
	b.Keyword(ecs.HostBootID, m.boot)
	b.Keyword(ecs.HostOSType, "linux")
	b.Keyword(ecs.LabelsEnvironment, m.env)
}

func (t *task) identity(b *ecs.Builder) {
	b.Int(ecs.ProcessPID, int64(t.pid))
	b.Int(ecs.StartTicks, t.start)
	b.Keyword(ecs.ProcessEntityID, t.entity())
	b.Keyword(ecs.ProcessName, path.Base(t.exe))
	b.Keyword(ecs.ProcessExecutable, t.exe)
	b.Keyword(ecs.ProcessTool, t.tool)
	b.Keyword(ecs.ProcessToolHow, t.how)
	if t.up != nil {
		b.Int(ecs.ParentPID, int64(t.up.pid))
		b.Int(ecs.ParentStartTicks, t.up.start)
		b.Keyword(ecs.ParentEntityID, t.up.entity())
		b.Keyword(ecs.ParentName, path.Base(t.up.exe))
		b.Keyword(ecs.ParentExecutable, t.up.exe)
		b.Keyword(ecs.ParentCommandLine, t.up.line)
	}
}

// start begins a process below another one, which it takes after.
func (f *fleet) start(at time.Time, up *task, exe, line string, change ...func(*task)) *task {
	up.on.pid++
	t := &task{on: up.on, pid: up.on.pid, start: at.UnixNano() - day0.UnixNano() + int64(up.on.pid), exe: exe, line: line, user: up.user, uid: up.uid,
		login: up.login, tty: up.tty, cgroup: up.cgroup, container: up.container, dir: up.dir, up: up}
	if tool, ok := ecs.ToolNamed(path.Base(exe)); ok && (tool.Always || movesFiles(line)) {
		t.tool, t.how = tool.Name, "name"
		if up.tool != "" && tool.Name == "ssh" {
			t.tool, t.how = up.tool, "inherited"
		}
	}
	for _, c := range change {
		c(t)
	}
	f.tell(at, func(b *ecs.Builder) { f.execution(b, t, "exec", at) })
	return t
}

// movesFiles tells whether the sensor takes a line for one that sends or fetches.
func movesFiles(line string) bool {
	for _, w := range []string{" -T ", " -K ", " -d ", " -o ", " -O", "--post-file", " -F ", "-pack ", " cat ", " < ", " s3 cp ", "s_client", " TCP:", " -w "} {
		if strings.Contains(line+" ", w) {
			return true
		}
	}
	return false
}

func (f *fleet) execution(b *ecs.Builder, t *task, action string, at time.Time) {
	f.host(b, t.on, ecs.Process, action, "start", at)
	t.identity(b)
	b.Keyword(ecs.ProcessCommandLine, t.line)
	b.Keywords(ecs.ProcessArgs, strings.Fields(t.line))
	b.Keyword(ecs.ProcessWorkingDirectory, t.dir)
	b.Keyword(ecs.UserName, t.user)
	b.Keyword(ecs.UserID, t.uid)
	b.Keyword(ecs.CgroupPath, t.cgroup)
	b.Keyword(ecs.ContainerID, t.container)
	b.Keywords(ecs.ProcessEnvVars, t.env)
	b.Bool(ecs.ProcessInteractive, t.tty)
	if t.login >= 0 {
		b.Int(ecs.LoginUID, t.login)
	}
	if t.script != "" {
		b.Keyword(ecs.Filename, t.script)
		b.Keyword(ecs.Interpreter, t.exe)
	}
	b.Bool(ecs.ExecutableMemfd, t.memfd)
	if links := int64(1); true {
		if t.deleted || t.memfd {
			links = 0
		}
		b.Int(ecs.ExecutableLinks, links)
	}
}

func (f *fleet) end(at time.Time, t *task) {
	f.tell(at, func(b *ecs.Builder) {
		f.host(b, t.on, ecs.Process, "end", "end", at)
		t.identity(b)
		b.Int(ecs.ProcessExitCode, 0)
	})
}

// reads has a process open a file.
func (f *fleet) reads(at time.Time, t *task, file string, size int64) {
	f.tell(at, func(b *ecs.Builder) {
		f.host(b, t.on, ecs.File, "open", "access", at)
		t.identity(b)
		b.Keyword(ecs.FilePath, file)
		b.Int(ecs.FileSize, size)
	})
}

// sends has a process exchange bytes with a far end, from at on for as long as it
// takes; inbound: the far end connected.
func (f *fleet) sends(at time.Time, takes time.Duration, t *task, far netip.Addr, port int, inbound bool, sent, received int64) {
	for i, action := range []string{"connection_attempted", "transfer", "disconnect_received"} {
		if inbound && i == 0 {
			action = "connection_accepted"
		}
		when, part := at.Add(takes*time.Duration(i)/2), int64(i)
		f.tell(when, func(b *ecs.Builder) {
			f.host(b, t.on, ecs.Network, action, "connection", when)
			t.identity(b)
			if inbound {
				b.Keyword(ecs.NetworkDirection, "ingress")
				b.IP(ecs.SourceIP, far)
				b.Int(ecs.SourcePort, int64(port))
				b.Int(ecs.SourceBytes, received*part/2)
				b.Int(ecs.DestinationBytes, sent*part/2)
				return
			}
			b.Keyword(ecs.NetworkDirection, "egress")
			b.IP(ecs.DestinationIP, far)
			b.Int(ecs.DestinationPort, int64(port))
			b.Int(ecs.SourceBytes, sent*part/2)
			b.Int(ecs.DestinationBytes, received*part/2)
		})
	}
}

// What a task may be other than its parent.
func as(user string, uid int) func(*task) {
	return func(t *task) { t.user, t.uid = user, fmt.Sprint(uid) }
}
func unit(name string) func(*task)   { return func(t *task) { t.cgroup = "/system.slice/" + name } }
func runs(script string) func(*task) { return func(t *task) { t.script = script } }
func in(dir string) func(*task)      { return func(t *task) { t.dir = dir } }
func logged(uid int64) func(*task) {
	return func(t *task) {
		t.login, t.cgroup = uid, fmt.Sprintf("/user.slice/user-%d.slice/session-%d.scope", uid, t.pid)
	}
}
func terminal(t *task) { t.tty = true }
func known(tool, how string) func(*task) {
	return func(t *task) { t.tool, t.how = tool, how }
}

// day0 is when all hosts had started.
var day0 = time.Date(2026, 10, 26, 0, 0, 0, 0, time.UTC)

// roles of hosts, in parts of a hundred of the fleet; those that there are few of come by number.
var roles = []struct {
	name, env, service string
	parts, number      int
}{
	{"backup", "production", "", 0, 3}, {"logs", "production", "", 0, 2}, {"git", "production", "", 0, 1}, {"control", "production", "", 0, 2},
	{"bastion", "production", "", 0, 2}, {"mirror", "production", "", 0, 2},
	{"ci", "ci", "/usr/bin/gitlab-runner", 4, 0}, {"db", "production", "/usr/lib/postgresql/16/bin/postgres", 12, 0},
	{"app", "production", "/usr/bin/java", 30, 0}, {"staging", "staging", "/usr/sbin/nginx", 8, 0}, {"web", "production", "/usr/sbin/php-fpm8.2", 46, 0},
}

func newFleet(seed uint64, hosts int) *fleet {
	f := &fleet{r: rand.New(rand.NewPCG(seed, 7)), truth: map[string]string{}}
	for _, role := range roles {
		n := role.number
		if n == 0 {
			n = max(hosts*role.parts/100, 2)
		}
		for i := range n {
			f.add(fmt.Sprintf("%s-%d", role.name, i+1), role.name, role.env, role.service)
		}
	}
	return f
}

func (f *fleet) add(name, role, env, service string) {
	n := len(f.hosts) + 1
	m := &machine{id: fmt.Sprintf("m%04d", n), name: name, boot: fmt.Sprintf("00000000-0000-4000-8000-%012d", n), role: role, env: env,
		addr: netip.AddrFrom4([4]byte{10, byte(len(role)), byte(n / 200), byte(n%200 + 10)}), pid: 800 + f.r.IntN(20000), size: 1e6 + f.r.Int64N(4e9)}
	standing := func(pid int, up *task, exe, line string, change ...func(*task)) *task {
		t := &task{on: m, pid: pid, start: int64(pid) * 1e6, exe: exe, line: line, user: "root", uid: "0", login: -1, up: up}
		for _, c := range change {
			c(t)
		}
		f.tell(day0, func(b *ecs.Builder) { f.execution(b, t, "already_running", day0) })
		return t
	}
	m.init = standing(1, nil, "/usr/lib/systemd/systemd", "/sbin/init")
	m.sshd = standing(500, m.init, "/usr/sbin/sshd", "sshd: /usr/sbin/sshd -D", unit("ssh.service"))
	m.cron = standing(510, m.init, "/usr/sbin/cron", "/usr/sbin/cron -f", unit("cron.service"))
	if service != "" {
		name := path.Base(service)
		user := map[string]string{"ci": "gitlab-runner", "db": "postgres", "app": "app", "web": "www-data", "staging": "www-data"}[role]
		m.service = standing(600, m.init, service, service, unit(name+".service"), as(user, 900+len(role)))
	}
	f.hosts = append(f.hosts, m)
}

// of gives the hosts of a role.
func (f *fleet) of(role string) (out []*machine) {
	for _, m := range f.hosts {
		if m.role == role {
			out = append(out, m)
		}
	}
	return out
}

func (f *fleet) pick(role string) *machine {
	all := f.of(role)
	return all[f.r.IntN(len(all))]
}

// about is n, more or less by a part.
func (f *fleet) about(n int64, part float64) int64 {
	return int64(float64(n) * (1 + part*(2*f.r.Float64()-1)))
}

func (f *fleet) within(at time.Time, span time.Duration) time.Time {
	return at.Add(time.Duration(f.r.Int64N(int64(span)))).Truncate(time.Millisecond)
}

// batches gives what happened so far, in order, by steps of time, and forgets it.
func (f *fleet) batches(step time.Duration, put func(at time.Time, b sources.Batch)) {
	slices.SortStableFunc(f.events, func(a, b happening) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return a.n - b.n
	})
	b := ecs.NewBuilder(ecs.Host{})
	for i, e := range f.events {
		e.write(b)
		if i == len(f.events)-1 || !f.events[i+1].at.Before(e.at.Truncate(step).Add(step)) {
			put(e.at, sources.Batch{Events: b.Build(), Read: e.at})
		}
	}
	f.events = nil
}
