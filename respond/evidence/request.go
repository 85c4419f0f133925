package evidence

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"interdict/respond"
)

// request is one line for the script.
type request struct {
	id      int
	kind    string
	args    []string
	cap     int64
	process respond.ProcessID // zero: the host's own
	entry   string            // name in the bundle, without number and endings
	what    string            // for a person
	source  string            // path, or command, on the host
	secret  bool              // only for recipients
}

// line is what the script reads. Everything in it is ours, numbers, or spelt in octal.
func (r request) line() string {
	return strconv.Itoa(r.id) + " " + r.kind + " " + strings.Join(r.args, " ")
}

// describe says of an item what was asked for; one that was never begun is of now.
func (r *request) describe(item *Item) {
	item.What, item.Source = r.what, r.source
	if r.process.PID != 0 {
		item.Process = r.process.String()
	}
	if item.Began.IsZero() {
		item.Began = time.Now().UTC()
		item.Ended = item.Began
	}
}

// octal spells every byte but letters and digits as printf's %b reads it.
func octal(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "\\0%03o", c)
	}
	return b.String()
}

// requestList numbers requests in the order they are made.
type requestList struct {
	all    []request
	limits Limits
	sealed bool // there are recipients
}

// add asks for one byte more than is kept, so that a cut shows.
func (l *requestList) add(r request) {
	if r.secret && !l.sealed {
		return
	}
	r.id = len(l.all) + 1
	for i, a := range r.args {
		if a == "CAP" {
			r.args[i] = strconv.FormatInt(r.cap+1, 10)
		}
	}
	l.all = append(l.all, r)
}

func (l *requestList) host(name, what, source string, more ...string) {
	l.add(request{kind: "host", args: append([]string{"CAP", name}, more...), cap: l.limits.Item, entry: "host-" + name, what: what, source: source})
}

func (l *requestList) of(p respond.ProcessID, kind, entry, what, source string, limit int64, secret bool, more ...string) {
	args := append([]string{strconv.Itoa(p.PID), strconv.FormatInt(p.Ticks(), 10), "CAP"}, more...)
	l.add(request{kind: kind, args: args, cap: limit, process: p, entry: fmt.Sprintf("process-%d-%s", p.PID, entry), what: what + " of process " + p.String(),
		source: fmt.Sprintf(source, p.PID), secret: secret})
}

// proc asks for files below /proc/PID.
func (l *requestList) proc(p respond.ProcessID, secret bool, names ...string) {
	for _, name := range names {
		l.of(p, "proc", strings.ReplaceAll(name, "/", "-"), name, "/proc/%d/"+name, l.limits.Item, secret, name)
	}
}

// requests are all, the most volatile first, as RFC 3227 orders them: what goes
// with a connection, what goes with a process, what goes with a restart, files.
func (in *intent) requests() []request {
	o := in.Options
	l := &requestList{limits: o.Limits.orDefault(), sealed: len(o.Recipients) > 0}
	l.host("clock", "clocks, and whether they are kept in time", "date, /proc/uptime, timedatectl show")
	l.host("stats", "all processes", "/proc/*/stat")
	l.host("commands", "all command lines", "/proc/*/cmdline")
	l.host("exes", "what all processes run", "/proc/*/exe")
	l.host("sockets", "sockets", "ss -anpeiO")
	l.host("nettables", "sockets as the kernel lists them", "/proc/net/{tcp,tcp6,udp,udp6,unix,raw,raw6,packet}")
	l.host("neighbours", "neighbours", "ip neigh")
	l.host("routes", "routes", "ip route show table all")
	l.processes(in)
	if !o.Capture {
		l.rest(in)
	}
	if o.Content {
		for _, m := range in.Members {
			l.of(m.ID, "open", "open", "open files", "/proc/%d/fd", l.limits.File, true)
		}
	}
	for i, f := range o.Files {
		l.file(i, f)
	}
	if o.Packets > 0 {
		args := []string{strconv.Itoa(max(1, int(o.Packets.Seconds()))), "CAP"}
		for _, a := range o.PacketsOf {
			args = append(args, a.Unmap().WithZone("").String())
		}
		l.add(request{kind: "packets", args: args, cap: l.limits.File, entry: "packets.pcap", what: "network traffic", source: "tcpdump -i any -n -U -w -", secret: true})
	}
	return l.all
}

// processes asks for what a kill would destroy: for all of them what is small,
// then the executables, each once, then memory.
func (l *requestList) processes(in *intent) {
	for _, m := range in.Members {
		l.proc(m.ID, false, "stat", "status", "cmdline")
		l.of(m.ID, "links", "links", "executable, directory, root and namespaces", "/proc/%d/{exe,cwd,root,ns}", l.limits.Item, false)
		l.of(m.ID, "fds", "fds", "what it has open", "/proc/%d/{fd,fdinfo}", l.limits.Item, false)
		l.proc(m.ID, false, "maps", "environ", "net/tcp", "net/tcp6", "net/udp", "net/unix", "mountinfo", "cgroup", "limits", "io", "wchan", "syscall", "stack")
	}
	var have []string
	for _, m := range in.Members {
		if m.Inode == "" || !slices.Contains(have, m.Inode) {
			have = append(have, m.Inode)
			l.of(m.ID, "exe", "exe", "executable", "/proc/%d/exe", l.limits.Exe, false)
		}
	}
	if in.Options.Memory {
		for _, m := range in.Members {
			l.of(m.ID, "memory", "memory", "memory", "/proc/%d/mem", l.limits.Memory, true)
		}
	}
}

// rest is what neither a kill nor an isolation destroys.
func (l *requestList) rest(in *intent) {
	o := in.Options
	l.host("ps", "all processes, to be read", "ps auxww")
	l.host("sessions", "who is logged in", "who -a")
	l.host("logind", "sessions of systemd", "loginctl list-sessions")
	l.host("nft", "firewall: nftables", "nft list ruleset")
	l.host("iptables", "firewall: iptables", "iptables-save")
	l.host("ip6tables", "firewall: ip6tables", "ip6tables-save")
	l.host("rules", "routing rules", "ip rule")
	l.host("links", "network devices", "ip -s -d addr")
	l.host("resolver", "name resolution", "/etc/resolv.conf, /etc/hosts")
	l.host("modules", "kernel modules", "/proc/modules")
	l.host("bpf", "loaded eBPF programs", "bpftool prog show")
	l.host("mounts", "mounts", "/proc/mounts")
	l.host("tmp", "files of temporary directories, by name", "find /tmp /var/tmp /dev/shm")
	l.host("journal", "log of the window", "journalctl", strconv.FormatInt(o.From.Unix(), 10), strconv.FormatInt(o.To.Unix(), 10))
	l.host("auth", "ends of the log files", "tail /var/log/{auth.log,secure,syslog,messages}")
	l.host("audit", "end of the audit log", "tail /var/log/audit/audit.log")
	l.host("logins", "logins", "last -w -F")
	l.host("refused", "refused logins", "lastb -w -F")
	l.host("cron", "cron", "/etc/cron*, /var/spool/cron")
	l.host("timers", "timers", "systemctl list-timers --all")
	l.host("units", "services", "systemctl list-units --type=service --all")
	l.host("users", "users", "/etc/passwd")
	l.host("groups", "groups", "/etc/group")
	l.host("release", "the system", "/etc/os-release")
	l.host("uname", "the kernel", "uname -a")
	for _, m := range in.Members {
		l.of(m.ID, "owner", "package", "package that owns the executable", "dpkg-query -S, rpm -qf or apk info -W of /proc/%d/exe", l.limits.Item, false)
	}
	for _, uid := range in.users() {
		u := strconv.Itoa(uid)
		l.add(request{kind: "keys", args: []string{u, "CAP"}, cap: l.limits.Item, entry: "user-" + u + "-ssh-keys", what: "fingerprints of the SSH keys of user " + u, source: "ssh-keygen -lf ~/.ssh/*"})
		for _, name := range []string{".bash_history", ".zsh_history", ".ash_history", ".sh_history", ".local/share/fish/fish_history"} {
			l.add(request{kind: "home", args: []string{u, "CAP", name}, cap: l.limits.Item, entry: "user-" + u + "-" + strings.TrimLeft(name[strings.LastIndexByte(name, '/')+1:], "."),
				what: "shell history of user " + u, source: "~/" + name, secret: true})
		}
	}
}

func (l *requestList) file(i int, f File) {
	args := []string{strconv.Itoa(f.Process.PID), strconv.FormatInt(f.Process.Ticks(), 10), "CAP", octal(f.Path)}
	l.add(request{kind: "file", args: args, cap: l.limits.File, process: f.Process, entry: fmt.Sprintf("file-%d", i+1), what: "transferred file", source: f.Path, secret: true})
}
