package playbooks

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"strings"
	"testing"
	"time"

	"interdict/detect"
	"interdict/respond"
	"interdict/sources"
	"interdict/sources/frame"
)

// night is when the staged transfers begin.
var night = time.Date(2026, 3, 4, 3, 12, 33, 0, time.UTC)

// past answers each question with rows that it was given, whatever is asked;
// the queries themselves are proven by the tests over the engine.
type past map[string]*frame.Frame

func (p past) Query(ctx context.Context, q sources.Query) (*frame.Frame, sources.Quality, error) {
	sheet, err := BuiltinSheet()
	if err != nil {
		return nil, sources.Quality{}, err
	}
	for _, question := range sheet.Questions {
		if strings.TrimSpace(question.Query) == q.Text {
			return p.of(question.ID), sources.Quality{}, ctx.Err()
		}
	}
	if strings.TrimSpace(sheet.Around) == q.Text {
		return p.of("around"), sources.Quality{}, ctx.Err()
	}
	return p.of("baseline"), sources.Quality{}, ctx.Err()
}

func (p past) of(id string) *frame.Frame {
	if f := p[id]; f != nil {
		return f
	}
	return &frame.Frame{}
}

// row is one row of an answer: string, int64, []string, time.Time or netip.Addr by column.
type row map[string]any

func rows(all ...row) *frame.Frame {
	b := frame.NewBuilder(nil)
	for _, r := range all {
		b.Row()
		for name, v := range r {
			switch v := v.(type) {
			case string:
				b.Keyword(b.Add(frame.Field{Name: name, Type: frame.Keyword}), v)
			case []string:
				b.Keywords(b.Add(frame.Field{Name: name, Type: frame.Keyword}), v)
			case int:
				b.Int(b.Add(frame.Field{Name: name, Type: frame.Long}), int64(v))
			case time.Time:
				b.Time(b.Add(frame.Field{Name: name, Type: frame.Date}), v)
			case netip.Addr:
				b.IP(b.Add(frame.Field{Name: name, Type: frame.IP}), v)
			}
		}
	}
	return b.Build()
}

func days(n int) time.Time { return night.Add(-time.Duration(n) * 24 * time.Hour) }

func watchedFor(d time.Duration, runs int) *frame.Frame {
	return rows(row{"runs": runs, "hosts": 238, "silent": 12, "earliest": night.Add(-d)})
}

func ran(command string, n, from, to int, hosts ...string) row {
	return row{"process.command_line": command, "runs": n, "hosts": hosts, "earliest": days(from), "latest": days(to)}
}

// ranAround is a program that packs or deletes, started by a process at a time from night.
func ranAround(name, command, parent string, at time.Duration) row {
	return row{"@timestamp": night.Add(at), "process.name": name, "process.command_line": command, "process.entity_id": "of " + command, "process.parent.entity_id": parent}
}

// under adds what started them, and here how many of them ran on this host, near this hour.
func (r row) under(exe, command string) row {
	r["process.parent.executable"], r["process.parent.command_line"] = exe, command
	return r
}

func (r row) here(n, near int, days ...string) row {
	r["here"], r["near"], r["days"] = n, near, days
	return r
}

func went(to string, n, from, to2, most int) row {
	return row{"network.direction": "egress", "source.ip": addr("10.0.2.21"), "destination.ip": addr(to),
		"connections": n, "earliest": days(from), "latest": days(to2), "most": most, "hosts": []string{"web-1"}}
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// machine is a host as a Looker shows it.
type machine struct {
	schedules []respond.Schedule
	logins    []respond.Login
	packages  map[string]string // path to package
	files     map[string]respond.Origin
	footholds []respond.Foothold
	err       error
}

func (m *machine) Footholds(context.Context, time.Time) ([]respond.Foothold, error) {
	return m.footholds, m.err
}

func (m *machine) Schedules(ctx context.Context, around time.Time) ([]respond.Schedule, error) {
	return m.schedules, m.err
}

func (m *machine) Logins(ctx context.Context, from, to time.Time) ([]respond.Login, error) {
	return m.logins, m.err
}

func (m *machine) Origin(ctx context.Context, path string, p respond.ProcessID) (respond.Origin, error) {
	if o, ok := m.files[path]; ok {
		o.Path, o.PackageAsked = path, []string{"dpkg"}
		return o, nil
	}
	if pkg := m.packages[path]; pkg != "" {
		return respond.Origin{Path: path, Package: pkg, PackageAsked: []string{"dpkg"}, Mode: 0o755, Owner: "root",
			Modified: days(90), Changed: days(60), Size: 1000, SHA256: strings.Repeat("a", 64)}, nil
	}
	return respond.Origin{Path: path, PackageAsked: []string{"dpkg"}, Unread: fs.ErrNotExist.Error()}, errors.Join(fs.ErrNotExist)
}

// debian owns what the staged processes run.
var debian = map[string]string{
	"/usr/bin/scp": "openssh-client", "/usr/bin/ssh": "openssh-client", "/usr/sbin/sshd": "openssh-server",
	"/usr/lib/openssh/sftp-server": "openssh-sftp-server", "/usr/bin/dash": "dash", "/usr/bin/bash": "bash",
	"/usr/sbin/php-fpm8.2": "php8.2-fpm", "/usr/lib/systemd/systemd": "systemd", "/usr/sbin/cron": "cron", "/usr/bin/rsync": "rsync",
}

var web1 = detect.Host{ID: "m-web-1", BootID: "boot-1", Name: "web-1", AgentID: "5c1e", OS: "Debian GNU/Linux 12", OSType: "linux",
	Kernel: "6.1.0-18", Architecture: "x86_64", Environment: "production"}

// process makes one that started some seconds before night.
func process1(pid, ppid int, exe, command, user string, before time.Duration) detect.Process {
	uid := map[string]string{"root": "0", "www-data": "33", "bob": "1000", "backup": "34"}[user]
	name := exe[strings.LastIndexByte(exe, '/')+1:]
	return detect.Process{EntityID: "e" + number(int64(pid)), PID: pid, PPID: ppid, Start: int64(pid) * 1e9, Name: name, Executable: exe,
		CommandLine: command, Args: strings.Fields(command), User: user, UserID: uid, LoginUID: -1, Session: -1, Started: night.Add(-before)}
}

func found(t detect.Transfer) *detect.Finding {
	f := &detect.Finding{Alert: detect.Alert{ID: "7Q2M", RuleID: "rare", RuleName: "Rare transfer tool", Severity: "high", Risk: 73,
		First: night, Last: night, Count: 1, Host: web1, Process: t.Tool}, Transfer: &t}
	t.Tool.Tool, t.Tool.ToolHow = t.Tool.Name, "name"
	return f
}

func assessor(h sources.History, look respond.Looker) *Assessor {
	now := night.Add(12 * time.Second)
	return &Assessor{History: h, Look: look, Boot: "boot-1", Now: func() time.Time { return now }, Zone: time.FixedZone("host", 3600), Deadline: time.Minute}
}

func assess(t *testing.T, a *Assessor, f *detect.Finding) *Guide {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return a.Assess(ctx, f)
}
