package detect

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"interdict/sources/ecs"
)

// tallied is what the counts said of a transfer when it began, itself not counted.
type tallied struct {
	counted bool // it is in the counts: it began in this run
	host    uint32
	key     string   // of the host, whose number may be another's by now
	of      []Rarity // tool, parent, command, user, hour
	among   Rarity   // all transfers
	far     []Rarity // its far ends, in the order in which they were met
	met     []netip.Addr
	weighed *Transfer // as of which the rest is
	routine *Routine  // nil: of no class
	learned bool      // it is part of its habit
}

// hourOf is an hour of the week, "Tue 03h", in UTC.
func hourOf(at int64) string { return millis(at).Format("Mon 15h") }

// count looks up how rare a transfer is that begins, and counts it.
func (k *tracker) count(t *transfer, tool *Process) {
	if k.counts == nil || t.root.v == nil {
		return
	}
	v, row := t.root.v, t.root.row
	h := Host{ID: v.text(ecs.HostID, row), Name: v.first(row, ecs.HostName, ecs.HostHostname), AgentID: v.text(ecs.AgentID, row), Environment: v.text(ecs.LabelsEnvironment, row)}
	group := h.Environment
	if k.group != nil {
		group = k.group(h)
	}
	c := k.counts
	host, ok := c.host(h, group, t.started)
	if !ok {
		c.leave()
		return
	}
	parent := ""
	if len(t.line.facts) > 0 {
		parent = pathOf(&t.line.facts[0])
	}
	t.tally = tallied{counted: !k.recalling, host: host, key: c.hosts[host].key(), among: c.look(Transfers, "", host), of: make([]Rarity, 0, 5)}
	for _, one := range [...]struct {
		kind Kind
		text string
	}{{ToolUsed, toolOf(tool)}, {ParentUsed, parent}, {ShapeUsed, c.shape(tool.CommandLine)}, {UserUsed, tool.User}, {HourUsed, hourOf(t.started)}} {
		if one.text != "" {
			r := c.look(one.kind, one.text, host)
			if k.recalling {
				r.less()
			} else {
				c.add(one.kind, one.text, host, t.started, 1, 0)
			}
			t.tally.of = append(t.tally.of, r)
		}
	}
	if !k.recalling {
		c.add(Transfers, "", host, t.started, 1, 0)
	}
}

// less takes one occurrence off: that of a transfer which an earlier run counted.
func (r *Rarity) less() {
	alone := r.Host.Runs == 1
	for _, s := range []*Seen{&r.Host, &r.Group, &r.Anywhere} {
		if s.Runs--; s.Runs <= 0 {
			*s = Seen{}
		} else if alone {
			s.Hosts--
		}
	}
}

// pathOf names a process by its script, else by its executable.
func pathOf(p *Process) string {
	if p.Script != "" {
		return p.Script
	}
	return p.Executable
}

// meet looks up far ends that are new to the transfer, and counts them.
func (c *counts) meet(t *transfer, s *Transfer) {
	for _, p := range s.Peers {
		addr := p.Addr.Unmap()
		if !addr.IsValid() || addr.IsLoopback() || slices.Contains(t.tally.met, addr) || len(t.tally.met) >= 64 {
			continue
		}
		t.tally.met = append(t.tally.met, addr)
		r := c.look(Destination, addr.String(), t.tally.host)
		if !t.tally.counted {
			r.less()
		}
		t.tally.far = append(t.tally.far, r)
		if t.tally.counted {
			c.add(Destination, addr.String(), t.tally.host, p.First.UnixMilli(), 1, 0)
		}
	}
}

// Reason is why the risk of a finding is not that of its rule.
type Reason struct {
	Name string // destination, parent, content …
	Text string // with its numbers and what they are counted among
	Risk int    // what it adds; negative: takes away
	// What was counted, as [CountsQuery] asks for it; a Value of "": nothing was.
	Of    string
	Value string
}

// String is "+20 destination never seen: 0 of 3201 transfers".
func (r Reason) String() string { return fmt.Sprintf("%+d %s", r.Risk, r.Text) }

// weights of the reasons. What is proven of the files that run and are read
// weighs more than what is merely new; what is new weighs as much as the history is long.
const (
	weighsFile    = 30
	weighsSecret  = 22
	weighsContent = 12
	weighsService = 20
	weighsFar     = 18
	weighsLocal   = 15
	weighsHabit   = 8
	weighsLimit   = 30
	weighsBytes   = 10
	high          = 73                 // severity high, as risk
	common        = 5                  // hosts on which something is usual
	enough        = 3 * 24 * time.Hour // of history
)

// weighing is the risk of a finding with the reasons.
type weighing struct {
	*Finding
	c       *counts
	known   Known
	tally   *tallied
	reasons []Reason
}

// weigh gives the reasons of a finding's risk, what adds most first.
func (f *Finding) weigh(c *counts, t *tallied, known Known) []Reason {
	j := &weighing{Finding: f, c: c, known: known, tally: t}
	j.running()
	if f.Transfer.Direction == In && f.Transfer.Received >= f.Transfer.Sent {
		j.add("direction", -15, "it fetches: %s came in, %s went out", humanSize(f.Transfer.Received), humanSize(f.Transfer.Sent))
	} else {
		j.content()
		j.destination()
		j.volume()
	}
	j.habits()
	slices.SortStableFunc(j.reasons, func(a, b Reason) int { return b.Risk - a.Risk })
	return j.reasons
}

func (j *weighing) add(name string, risk int, format string, args ...any) {
	if risk != 0 {
		j.reasons = append(j.reasons, Reason{Name: name, Text: fmt.Sprintf(format, args...), Risk: risk})
	}
}

// counted says of the reasons from the nth on what was counted.
func (j *weighing) counted(from int, kind Kind, value string) {
	for i := from; i < len(j.reasons); i++ {
		j.reasons[i].Of, j.reasons[i].Value = kind.String(), value
	}
}

// running looks at what runs: it needs no history.
func (j *weighing) running() {
	t := j.Transfer
	chain := append([]Process{t.Tool}, t.Ancestors...)
	for i := range chain {
		if why := suspect(&chain[i]); why != "" {
			j.add("program", weighsFile, "%s", why)
			break
		}
	}
	for i := range t.Ancestors {
		if a := &t.Ancestors[i]; faces(a) {
			j.add("service", weighsService, "%s, which serves the network, is above it", a.Label())
			break
		}
	}
	if how := t.Tool.ToolHow; how != "" && how != "name" && how != "inherited" && how != "applet" && how != bySession {
		j.add("disguise", weighsFile, "it is %s by %s, and is called %s", t.Tool.Tool, how, t.Tool.Name)
	}
	if service, ok := login(t); ok && j.Host.Environment == "ci" && j.Risk > high && runner(t) < 0 {
		j.add("login", high-j.Risk, "a login through %s started it, and no runner of jobs is above it", service.Label())
	}
	if place := hidden(t.Tool.CommandLine); place != "" {
		j.add("place", weighsFile/2, "it names a hidden place that anybody can write: %s", place)
	}
}

// content looks at what was read to be sent.
func (j *weighing) content() {
	class, n := j.Transfer.Content()
	switch class {
	case "":
		return
	case "key material", "credentials":
		j.add("content", weighsSecret, "it reads %s, %s", plural(n, "file"), class)
	case "database", "customer data", "mail", "source code", "archive":
		j.add("content", weighsContent, "it reads %s, %s", plural(n, "file"), class)
	}
}

// fresh adds for what is new, by how long is known what is not: nothing at first,
// when all is new, which is said.
func (j *weighing) fresh(name string, weight int, format string, args ...any) {
	known := min(max(j.now().Sub(j.known.Since), 0), enough)
	j.reasons = append(j.reasons, Reason{Name: name, Text: fmt.Sprintf(format, args...), Risk: int(time.Duration(weight) * known / enough)})
}

func (j *weighing) now() time.Time { return j.Last }

func (j *weighing) of() string {
	s := fmt.Sprintf("%s on this host, %d anywhere", plural(int(j.tally.among.Host.Runs), "transfer"), j.tally.among.Anywhere.Runs)
	return s + j.span()
}

// span says how much is known.
func (j *weighing) span() string {
	if age := j.now().Sub(j.known.Since); age < time.Duration(j.known.Days)*24*time.Hour {
		return ", watching for " + about(age)
	}
	return fmt.Sprintf(" in %d d", j.known.Days)
}

func (j *weighing) destination() {
	if peers := j.Transfer.Peers; len(peers) > 0 && !slices.ContainsFunc(peers, func(p Peer) bool { return !p.Addr.Unmap().IsLoopback() }) {
		j.add("destination", -weighsLocal, "it goes to this machine itself; what passes it on from there is a transfer of its own")
	}
	for i, r := range j.tally.far {
		addr, before := j.tally.met[i], len(j.reasons)
		out := "internal"
		weight := weighsFar / 2
		if !Internal(addr) {
			out, weight = "on the internet", weighsFar
		}
		hosts := fmt.Sprintf("%d of %s seen", r.Anywhere.Hosts, plural(j.known.Hosts, "host"))
		if j.known.Silent > 0 {
			hosts += fmt.Sprintf(", %d silent", j.known.Silent)
		}
		switch {
		case r.Anywhere.Runs == 0:
			j.fresh("destination", weight, "%s (%s) never seen: 0 of %s; %s", addr, out, j.of(), hosts)
		case r.Host.Runs == 0 && r.Anywhere.settled() && r.Anywhere.Hosts >= common && Internal(addr):
			j.add("destination", -weighsHabit/2, "%s is new to this host and usual elsewhere: %s", addr, hosts)
		case r.Host.Runs == 0:
			j.fresh("destination", weight/2, "%s (%s) is new to this host: 0 of %s; %s", addr, out, j.of(), hosts)
		case r.Host.settled():
			j.add("destination", -weighsHabit, "%s is usual here: %d of %s", addr, r.Host.Runs, j.of())
		}
		j.counted(before, Destination, addr.String())
		if i == 2 { // three far ends are enough to judge by
			return
		}
	}
}

// volume is more than what is routine: see [Routine].
func (j *weighing) volume() {
	if r := j.Routine; r != nil && r.Breach != "" {
		before := len(j.reasons)
		j.add("limit", weighsLimit, "%s, but %s", r.Class, r.Breach)
		j.counted(before, Habit, r.key)
	}
	if sent := j.Transfer.Sent; sent >= 100_000_000 {
		j.add("volume", weighsBytes/2, "%s went out", humanSize(sent))
	}
}

// habits looks at who, what and when.
func (j *weighing) habits() {
	for _, r := range j.tally.of {
		name, what, weight, before := "", "", weighsHabit, len(j.reasons)
		switch r.Kind {
		case ParentUsed:
			name, what = "parent", "started by "+r.Value
		case ShapeUsed:
			name, what = "command", "commands like it"
		case UserUsed:
			name, what, weight = "user", "by "+r.Value, weighsHabit/2
		case HourUsed:
			name, what, weight = "hour", "in this hour of the week ("+r.Value+")", 3
		case ToolUsed:
			name, what, weight = "tool", r.Value, weighsHabit/2
		}
		if r.Kind == HourUsed && j.now().Sub(j.known.Since) < 7*24*time.Hour {
			continue // not every hour of a week has been
		}
		switch {
		case r.Host.Runs == 0 && r.Anywhere.settled() && r.Anywhere.Hosts >= common:
			j.add(name, -weight/2, "%s: never on this host, usual elsewhere: %d on %s", what, r.Anywhere.Runs, plural(int(r.Anywhere.Hosts), "host"))
		case r.Host.Runs == 0 && r.Anywhere.Runs == 0:
			j.fresh(name, weight, "%s: never, of %s", what, j.of())
		case r.Host.Runs == 0:
			j.fresh(name, weight/2, "%s: never on this host, %d anywhere, of %s", what, r.Anywhere.Runs, j.of())
		case r.Host.settled():
			j.add(name, -weight, "%s: %d, of %s", what, r.Host.Runs, j.of())
		}
		j.counted(before, r.Kind, r.Value)
	}
}

// about is a duration as people say it.
func about(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d d", int(d.Hours())/24)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if strings.HasSuffix(noun, "s") {
		noun += "e"
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Internal tells an address that is not reached over the internet.
func Internal(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast()
}

// hidden gives a path with a hidden part below a place that anybody can write.
func hidden(command string) string {
	for w := range strings.FieldsSeq(command[:min(len(command), shapeBytes)]) {
		i := strings.IndexByte(w, '/')
		if i < 0 {
			continue
		}
		if w = w[i:]; writable(w) && strings.Contains(w, "/.") {
			return w
		}
	}
	return ""
}

// writable tells a path below a place that anybody can write.
func writable(file string) bool {
	for _, place := range [...]string{"/tmp/", "/var/tmp/", "/dev/shm/", "/run/shm/", "/run/user/", "/var/lock/", "/run/lock/", "/dev/mqueue/"} {
		if strings.HasPrefix(file, place) {
			return true
		}
	}
	return false
}

// suspect says why nobody vouches for what a process runs, by what the kernel told of it.
func suspect(p *Process) string {
	switch {
	case p.Memfd:
		return p.Label() + " runs from memory only"
	case p.Deleted:
		return p.Label() + " ran from " + p.Executable + ", deleted"
	case writable(p.Executable):
		return p.Label() + " ran from " + p.Executable
	case writable(p.Script):
		return "script " + p.Script + " is in a place that anybody can write"
	case strings.HasPrefix(path.Base(p.Executable), ".") || strings.HasPrefix(path.Base(p.Script), ".") && p.Script != "":
		return p.Label() + " is hidden: " + pathOf(p)
	}
	return ""
}

// services that answer strangers: what they start, a stranger may have started.
var services = []string{"nginx", "apache2", "httpd", "lighttpd", "caddy", "php-fpm", "php-cgi", "java", "tomcat", "node", "gunicorn", "uwsgi", "puma", "unicorn",
	"postgres", "mysqld", "mariadbd", "redis-server", "mongod", "memcached", "named", "smbd", "exim4", "master", "dovecot", "vsftpd", "proftpd", "grafana", "gitea"}

// faces tells whether a process is such a service, by its own name.
func faces(p *Process) bool {
	name := strings.TrimRight(p.Name, "0123456789.-")
	return name != "" && (slices.Contains(services, name) || strings.HasPrefix(name, "php-fpm"))
}
