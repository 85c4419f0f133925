package detect

import (
	"fmt"
	"net/netip"
	"time"
)

// day makes up what is usual on one day.
func (f *fleet) day(n int) {
	at := day0.AddDate(0, 0, n)
	for _, m := range f.hosts {
		if m.joins > n {
			continue
		}
		f.backups(at, m)
		f.configured(at, m)
		f.logs(at, m)
		f.updates(at, m)
		for range 6 { // what else runs
			f.noise(f.within(at, 24*time.Hour), m)
		}
	}
	f.business(at, n)
	f.pipelines(at)
	f.mirrors(at)
	f.partners(at, n)
	f.administrators(at, n)
	if !f.calm {
		f.novelties(at, n)
	}
}

// novelties are what is new on some day and no theft: a database that has grown,
// logs for a vendor, a job that somebody sets up.
func (f *fleet) novelties(at time.Time, n int) {
	m := f.pick("db")
	m.size *= 3
	jump := f.of("bastion")[0]
	sshd := f.start(at.Add(15*time.Hour), jump.sshd, "/usr/sbin/sshd", "sshd: admin1", as("admin1", 1201), logged(1201))
	shell := f.start(at.Add(15*time.Hour+time.Second), sshd, "/usr/bin/bash", "-bash", terminal, in("/home/admin1"))
	f.copyOut(at.Add(15*time.Hour+time.Minute), shell, "/usr/bin/scp", fmt.Sprintf("scp case-%d.log upload@vendor.example:", n), netip.AddrFrom4([4]byte{198, 51, 100, byte(n + 1)}), 4e6,
		map[string]int64{fmt.Sprintf("/home/admin1/case-%d.log", n): 4e6})
	for i := range 2 {
		m, to := f.of("app")[(n*2+i)%len(f.of("app"))], f.of("backup")[0]
		at := at.Add(time.Duration(20+i) * time.Hour)
		sh := f.start(at, m.cron, "/usr/bin/dash", "/bin/sh -c /usr/local/bin/media-sync")
		script := f.start(at.Add(time.Millisecond), sh, "/usr/bin/dash", "/bin/sh /usr/local/bin/media-sync", runs("/usr/local/bin/media-sync"))
		f.copyOut(at.Add(time.Second), script, "/usr/bin/rsync", "rsync -a /srv/media backup@"+to.addr.String()+":/srv/media", to.addr, 80e6, map[string]int64{"/srv/media/a.jpg": 8e6})
	}
}

func (f *fleet) noise(at time.Time, m *machine) {
	lines := []string{"/usr/bin/find /tmp -mtime +7", "/usr/sbin/logrotate /etc/logrotate.conf", "/usr/bin/dpkg-query -W", "/usr/bin/df -h"}
	line := lines[f.r.IntN(len(lines))]
	sh := f.start(at, m.cron, "/usr/bin/dash", "/bin/sh -c "+line)
	f.end(at.Add(time.Second), f.start(at.Add(time.Millisecond), sh, "/usr/bin/find", line))
}

// over is how long bytes take at some 40 MB/s, seconds at the least.
func over(bytes int64) time.Duration {
	return 2*time.Second + time.Duration(bytes/40)*time.Microsecond
}

// copyOut runs rsync or scp, which runs ssh, and has them read and send.
func (f *fleet) copyOut(at time.Time, up *task, exe, line string, far netip.Addr, sent int64, files map[string]int64, change ...func(*task)) *task {
	t := f.start(at, up, exe, line, change...)
	ssh := f.start(at.Add(5*time.Millisecond), t, "/usr/bin/ssh", "ssh -l backup "+far.String())
	for file, size := range files {
		f.reads(at.Add(20*time.Millisecond), t, file, size)
	}
	f.sends(at.Add(30*time.Millisecond), over(sent), ssh, far, 22, false, sent, 4000+sent/200)
	f.end(at.Add(over(sent)+time.Second), ssh)
	f.end(at.Add(over(sent)+time.Second+time.Millisecond), t)
	return t
}

// session is what a host sees of somebody who logs in and has a tool run.
func (f *fleet) session(at time.Time, m *machine, from netip.Addr, user string, uid int, exe, line string, sent, received int64, files map[string]int64) *task {
	sshd := f.start(at, m.sshd, "/usr/sbin/sshd", "sshd: "+user, as(user, uid), logged(int64(uid)))
	up := sshd
	if exe != "/usr/lib/openssh/sftp-server" {
		up = f.start(at.Add(8*time.Millisecond), sshd, "/usr/bin/bash", "bash -c "+line)
	}
	t := f.start(at.Add(10*time.Millisecond), up, exe, line)
	for file, size := range files {
		f.reads(at.Add(30*time.Millisecond), t, file, size)
	}
	takes := over(max(sent, received))
	f.sends(at, takes, sshd, from, 30000+f.r.IntN(30000), true, sent, received)
	f.end(at.Add(takes+time.Second), t)
	f.end(at.Add(takes+2*time.Second), sshd)
	return t
}

// backups: databases by a timer, others' /etc by cron.
func (f *fleet) backups(at time.Time, m *machine) {
	server := f.of("backup")[int(m.addr.As4()[3])%3]
	switch {
	case m.role == "db":
		at := f.within(at.Add(2*time.Hour), 40*time.Minute)
		script := f.start(at, m.init, "/usr/bin/bash", "/bin/bash /usr/local/bin/db-backup", unit("db-backup.service"), runs("/usr/local/bin/db-backup"), as("backup", 34))
		f.db(at.Add(time.Second), m, script, server.addr)
	case m.role == "app" || m.role == "web":
		at := f.within(at.Add(4*time.Hour), time.Hour)
		sh := f.start(at, m.cron, "/usr/bin/dash", "/bin/sh -c /usr/local/sbin/etc-backup")
		script := f.start(at.Add(time.Millisecond), sh, "/usr/bin/dash", "/bin/sh /usr/local/sbin/etc-backup", runs("/usr/local/sbin/etc-backup"))
		sent := f.about(3e6, 0.2)
		f.copyOut(at.Add(time.Second), script, "/usr/bin/rsync", "rsync -a /etc backup@"+server.addr.String()+":/srv/backup/"+m.name, server.addr, sent,
			map[string]int64{"/etc/ssl/private/host.key": 1700, "/etc/shadow": 1400, "/etc/nginx/nginx.conf": 3000})
	}
}

func (f *fleet) db(at time.Time, m *machine, script *task, to netip.Addr) *task {
	m.size = f.about(m.size, 0.06)
	file := "/var/backups/db/shop-" + at.Format("20060102") + ".sql.gz"
	return f.copyOut(at, script, "/usr/bin/rsync", "rsync -a "+file+" backup@"+to.String()+":/srv/backup/"+m.name, to, m.size, map[string]int64{file: m.size})
}

// configured is the daily run of ansible: the controller's sftp, the host's sftp-server.
func (f *fleet) configured(at time.Time, m *machine) {
	if m.role == "control" {
		return
	}
	c := f.of("control")[int(m.addr.As4()[3])%2]
	at = f.within(at.Add(9*time.Hour), 3*time.Hour)
	play := f.start(at, c.cron, "/usr/bin/python3.11", "/usr/bin/python3 /usr/bin/ansible-playbook site.yml -l "+m.name, runs("/usr/bin/ansible-playbook"), as("ansible", 998), in("/srv/ansible"))
	for i := range 1 + f.r.IntN(3) {
		at := at.Add(time.Duration(i+1) * 8 * time.Second)
		sent := f.about(280_000, 0.3)
		f.copyOut(at, play, "/usr/bin/sftp", "sftp -b - -C "+m.addr.String(), m.addr, sent, map[string]int64{fmt.Sprintf("/srv/ansible/.cache/AnsiballZ_%d.py", f.r.IntN(1000)): sent})
		f.session(at.Add(100*time.Millisecond), m, c.addr, "ansible", 998, "/usr/lib/openssh/sftp-server", "/usr/lib/openssh/sftp-server", 6000+f.r.Int64N(3000), sent, nil)
	}
	f.end(at.Add(time.Minute), play)
}

// logs are shipped by a timer every four hours.
func (f *fleet) logs(at time.Time, m *machine) {
	if m.role != "web" {
		return
	}
	for h := 0; h < 24; h += 4 {
		at := f.within(at.Add(time.Duration(h)*time.Hour), 10*time.Minute)
		sent := f.about(6e6, 0.5)
		f.ship(at, m, sent, map[string]int64{"/var/log/nginx/access.log.1": sent, "/var/log/nginx/error.log.1": 20000})
	}
}

// ship has the logs of a web server shipped once.
func (f *fleet) ship(at time.Time, m *machine, sent int64, files map[string]int64, change ...func(*task)) *task {
	to := f.store(m)
	return f.copyOut(at.Add(time.Second), f.shipper(at, m, change...), "/usr/bin/rsync", "rsync -az /var/log/nginx/ logs@"+to.String()+":/srv/logs/"+m.name+"/", to, sent, files)
}

// shipper is the script that a timer starts to ship logs.
func (f *fleet) shipper(at time.Time, m *machine, change ...func(*task)) *task {
	return f.start(at, m.init, "/usr/bin/dash", "/bin/sh /usr/libexec/log-ship", append([]func(*task){unit("log-ship.service"), runs("/usr/libexec/log-ship"), as("logship", 997)}, change...)...)
}

// store is where the logs of a host go.
func (f *fleet) store(m *machine) netip.Addr { return f.of("logs")[int(m.addr.As4()[3])%2].addr }

func (f *fleet) updates(at time.Time, m *machine) {
	if m.role != "app" {
		return
	}
	at = f.within(at.Add(6*time.Hour), time.Hour)
	apt := f.start(at, m.init, "/usr/bin/python3.11", "/usr/bin/python3 /usr/bin/unattended-upgrade", unit("apt-daily-upgrade.service"), runs("/usr/bin/unattended-upgrade"))
	curl := f.start(at.Add(time.Second), apt, "/usr/bin/curl", "curl -fsS https://packages.example/agent.deb -o /var/cache/agent.deb")
	size := f.about(24e6, 0.1)
	f.sends(at.Add(2*time.Second), over(size), curl, netip.MustParseAddr("192.0.2.80"), 443, false, 3000, size)
	f.end(at.Add(over(size)+3*time.Second), curl)
	f.end(at.Add(over(size)+4*time.Second), apt)
}

// pipelines fetch the sources and copy what they built to where it runs.
func (f *fleet) pipelines(at time.Time) {
	git := f.of("git")[0]
	for i, m := range f.of("ci") {
		for range 8 {
			at := f.within(at.Add(7*time.Hour), 12*time.Hour)
			repo := (i + f.r.IntN(2)) % 12
			shell, dir := f.job(at, m, repo)
			fetch := f.start(at.Add(time.Second), shell, "/usr/bin/git", "git fetch origin")
			ssh := f.start(at.Add(time.Second+5*time.Millisecond), fetch, "/usr/bin/ssh", fmt.Sprintf("ssh git@git.internal git-upload-pack 'shop/part-%d.git'", repo))
			received := f.about(900_000, 0.9)
			f.sends(at.Add(time.Second+10*time.Millisecond), 3*time.Second, ssh, git.addr, 22, false, 4000+f.r.Int64N(20000), received)
			f.end(at.Add(5*time.Second), ssh)
			f.end(at.Add(5*time.Second), fetch)
			if f.r.IntN(3) == 0 {
				f.deploy(at.Add(2*time.Minute), m, shell, dir, repo)
			}
			f.end(at.Add(5*time.Minute), shell)
		}
	}
}

// job is the shell of a pipeline's job, and the directory that it works in.
func (f *fleet) job(at time.Time, m *machine, repo int, change ...func(*task)) (shell *task, dir string) {
	dir = fmt.Sprintf("/var/lib/gitlab-runner/builds/%08x/0/shop/part-%d", f.r.Uint32(), repo)
	return f.start(at, m.service, "/usr/bin/bash", "bash --login", append([]func(*task){in(dir)}, change...)...), dir
}

func (f *fleet) deploy(at time.Time, m *machine, shell *task, dir string, repo int) {
	apps := f.of("app")
	for k := range 2 {
		to := apps[(repo*2+k)%len(apps)]
		sent := f.about(40e6, 0.2)
		f.copyOut(at, shell, "/usr/bin/scp", fmt.Sprintf("scp -q target/part-%d.jar deploy@%s:/srv/app/releases/", repo, to.addr), to.addr, sent,
			map[string]int64{dir + fmt.Sprintf("/target/part-%d.jar", repo): sent})
		f.session(at.Add(100*time.Millisecond), to, m.addr, "deploy", 1100, "/usr/bin/scp", "scp -t /srv/app/releases/", 5000, sent, nil)
		at = at.Add(30 * time.Second)
	}
}

// mirrors fetch at night and serve whoever asks.
func (f *fleet) mirrors(at time.Time) {
	for _, m := range f.of("mirror") {
		night := f.within(at.Add(3*time.Hour), 30*time.Minute)
		script := f.start(night, m.init, "/usr/bin/dash", "/bin/sh /usr/local/bin/mirror-sync", unit("mirror-sync.service"), runs("/usr/local/bin/mirror-sync"), as("mirror", 996))
		pull := f.start(night.Add(time.Second), script, "/usr/bin/rsync", "rsync -rtlv rsync://192.0.2.40/debian/ /srv/mirror/debian/")
		size := f.about(3e9, 0.8)
		f.sends(night.Add(2*time.Second), over(size), pull, netip.MustParseAddr("192.0.2.40"), 873, false, 9e5, size)
		f.end(night.Add(over(size)+5*time.Second), pull)
		f.end(night.Add(over(size)+6*time.Second), script)
		for range 20 {
			at := f.within(at, 24*time.Hour)
			daemon := f.start(at, m.init, "/usr/bin/rsync", "/usr/bin/rsync --daemon --no-detach", unit(fmt.Sprintf("rsync@%d.service", f.r.IntN(9999))))
			sent := f.about(50e6, 0.9)
			f.reads(at.Add(time.Second), daemon, "/srv/mirror/debian/pool/main/x.deb", sent)
			f.sends(at, over(sent), daemon, netip.AddrFrom4([4]byte{100, 64, byte(f.r.IntN(250)), byte(f.r.IntN(250))}), 40000, true, sent, 60000)
			f.end(at.Add(over(sent)+2*time.Second), daemon)
		}
	}
}

// partners fetch a report over sftp every morning.
func (f *fleet) partners(at time.Time, n int) {
	for i, m := range f.of("staging")[:2] {
		at := f.within(at.Add(8*time.Hour), 10*time.Minute)
		f.session(at, m, netip.AddrFrom4([4]byte{100, 70, 0, byte(i + 5)}), fmt.Sprintf("partner%d", i), 1300+i, "/usr/lib/openssh/sftp-server", "/usr/lib/openssh/sftp-server",
			f.about(8e6, 0.2), 8000, map[string]int64{fmt.Sprintf("/srv/sftp/partner%d/report-%d.csv", i, n): 8e6})
	}
}

// administrators do what is never twice the same, from a bastion.
func (f *fleet) administrators(at time.Time, n int) {
	for admin := range max(len(f.hosts)/70, 2) {
		for range 1 + f.r.IntN(2) {
			f.administrator(f.within(at.Add(8*time.Hour), 9*time.Hour), admin)
		}
	}
}

func (f *fleet) administrator(at time.Time, admin int) {
	m, jump := f.hosts[f.r.IntN(len(f.hosts))], f.of("bastion")[admin%2]
	user, uid := fmt.Sprintf("admin%d", admin), 1200+admin
	home := f.start(at, jump.sshd, "/usr/sbin/sshd", "sshd: "+user, as(user, uid), logged(int64(uid)))
	shell := f.start(at.Add(time.Second), home, "/usr/bin/bash", "-bash", terminal, in("/home/"+user))
	at = at.Add(time.Minute)
	size := f.about(2e6, 0.9)
	switch f.r.IntN(3) {
	case 0: // a tool or a fix to a host
		file := fmt.Sprintf("/home/%s/fix-%d.sh", user, f.r.IntN(1000))
		f.copyOut(at, shell, "/usr/bin/scp", "scp "+file+" "+user+"@"+m.addr.String()+":", m.addr, 30000, map[string]int64{file: 30000})
		f.session(at.Add(100*time.Millisecond), m, jump.addr, user, uid, "/usr/bin/scp", "scp -t .", 4000, 34000, nil)
	case 1: // a log from a host
		t := f.start(at, shell, "/usr/bin/scp", "scp "+user+"@"+m.addr.String()+":/var/log/syslog .")
		ssh := f.start(at.Add(5*time.Millisecond), t, "/usr/bin/ssh", "ssh "+m.addr.String())
		f.sends(at.Add(10*time.Millisecond), over(size), ssh, m.addr, 22, false, 5000, size)
		f.end(at.Add(over(size)+time.Second), ssh)
		f.end(at.Add(over(size)+time.Second), t)
		f.session(at.Add(100*time.Millisecond), m, jump.addr, user, uid, "/usr/bin/scp", "scp -f /var/log/syslog", size, 5000, map[string]int64{"/var/log/syslog": size})
	default: // a directory from here to there
		t := f.copyOut(at, shell, "/usr/bin/rsync", "rsync -av runbooks/ "+user+"@"+m.addr.String()+":runbooks/", m.addr, size, map[string]int64{"/home/" + user + "/runbooks/restore.md": 9000})
		_ = t
		f.session(at.Add(100*time.Millisecond), m, jump.addr, user, uid, "/usr/bin/rsync", "rsync --server -vlogDtpre.iLsfxC . runbooks/", 6000, size, nil)
	}
	f.end(at.Add(time.Hour), shell)
}
