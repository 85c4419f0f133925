package detect

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"interdict/sources"
)

// usual is a small fleet that was watched for some days, and the day after.
type usual struct {
	*fleet
	t     *testing.T
	e     *Engine
	clock time.Time
	today time.Time
}

func newUsual(t *testing.T) *usual {
	t.Helper()
	rules, problems := Builtin()
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	u := &usual{fleet: newFleet(3, 12), t: t, clock: day0, today: day0.AddDate(0, 0, 4)}
	u.calm = true
	var err error
	if u.e, err = New(Options{Rules: rules, Now: func() time.Time { return u.clock }}); err != nil {
		t.Fatal(err)
	}
	for n := range 4 {
		u.day(n)
		u.happen()
		closeAll(u.e)
	}
	return u
}

// happen has all that was made up come in.
func (u *usual) happen() {
	ticked := u.clock
	u.batches(arrives, func(at time.Time, b sources.Batch) {
		u.clock = at
		if err := u.e.Put(u.t.Context(), b); err != nil {
			u.t.Fatal(err)
		}
		if at.Sub(ticked) >= 8*time.Minute {
			ticked = at
			u.e.tick(u.t.Context())
		}
	})
	u.clock = u.clock.Add(2 * time.Minute)
	u.e.tick(u.t.Context())
}

// found gives the finding of a tool, and whether it is folded.
func (u *usual) found(tool *task) (f *Finding, folded bool) {
	s := u.e.Snapshot()
	of := func(f *Finding) bool { return f.tool().EntityID == tool.entity() }
	if i := slices.IndexFunc(s.Routine, of); i >= 0 {
		return s.Routine[i], true
	}
	if i := slices.IndexFunc(s.Findings, of); i >= 0 {
		return s.Findings[i], false
	}
	return nil, false
}

func (u *usual) backup(at time.Time, m *machine) *task {
	return u.start(at, m.init, "/usr/bin/bash", "/bin/bash /usr/local/bin/db-backup", unit("db-backup.service"), runs("/usr/local/bin/db-backup"), as("backup", 34))
}

// serverOf is where a host's backups go.
func (u *usual) serverOf(m *machine) netip.Addr { return u.of("backup")[int(m.addr.As4()[3])%3].addr }

func TestWhatRunsAsEverIsFoldedAndSaysWhy(t *testing.T) {
	u := newUsual(t)
	m := u.of("db")[0]
	tool := u.db(u.today.Add(2*time.Hour), m, u.backup(u.today.Add(2*time.Hour), m), u.serverOf(m))
	u.happen()
	f, folded := u.found(tool)
	if f == nil || !folded {
		t.Fatalf("the backup of every night is not folded: %+v", f)
	}
	if r := f.Routine; r.Class != "backup" || !strings.Contains(r.Proof, "db-backup.service") || len(r.Limits) == 0 {
		t.Errorf("%+v", r)
	}
}

func TestATheftInTheFormOfRoutineIsNotFolded(t *testing.T) {
	u := newUsual(t)
	at := u.today.Add(12 * time.Hour)
	forged := func(t *task) {
		t.env = []string{"CI=true", "GITLAB_CI=true", "GITHUB_ACTIONS=true", "CI_PROJECT_PATH=shop/part-1"}
	}
	customers := map[string]int64{"/srv/app/export/customers.csv": 5e6}
	db, web, app, ci := u.of("db"), u.of("web"), u.of("app"), u.of("ci")
	server := u.serverOf(db[0])

	thefts := map[string]struct {
		tool *task
		says string // in the breach that is named; "": it is of no class, or no habit
	}{}
	add := func(name, says string, tool *task) {
		thefts[name] = struct {
			tool *task
			says string
		}{tool, says}
		at = at.Add(20 * time.Minute)
	}
	add("more than twice the bytes", "twice the most", u.copyOut(at, u.backup(at, db[0]), "/usr/bin/rsync", "rsync -a /var/backups/db/shop-1.sql.gz backup@"+server.String()+":/srv/backup/"+db[0].name,
		server, 40e9, map[string]int64{"/var/backups/db/shop-1.sql.gz": 40e9}))
	add("the backup to somewhere else", "is not where it goes", u.db(at, db[0], u.backup(at, db[0]), u.pick("staging").addr))
	add("the backup of something else", "it reads /srv/app/export", u.copyOut(at, u.backup(at, db[1]), "/usr/bin/rsync", "rsync -a /srv/app/export backup@"+u.serverOf(db[1]).String()+":/srv/backup/x",
		u.serverOf(db[1]), 5e6, customers))
	add("variables of a pipeline without a runner", "", u.copyOut(at, u.start(at, app[0].cron, "/usr/bin/bash", "bash deploy", in("/var/lib/gitlab-runner/builds/1234abcd/0/shop/part-1"), forged),
		"/usr/bin/scp", "scp -q target/part-1.jar deploy@h:/srv/app/releases/", u.outside(), 5e6, customers, forged))
	add("a parent that is called as the backup", "", u.copyOut(at, u.start(at, db[0].init, "/tmp/db-backup", "/usr/local/bin/db-backup", unit("db-backup.service")),
		"/usr/bin/rsync", "rsync -a /var/backups/db/shop-1.sql.gz backup@h:/srv/backup/x", server, 5e6, nil))
	add("a script that is called as the backup", "", u.copyOut(at, u.start(at, db[0].init, "/usr/bin/bash", "/bin/bash /usr/local/bin/db-backup", unit("db-backup.service"), runs("/var/tmp/usr/local/bin/db-backup")),
		"/usr/bin/rsync", "rsync -a /var/backups/db/shop-1.sql.gz backup@h:/srv/backup/x", server, 5e6, nil))
	add("a tool that is called rsync", "", u.copyOut(at, u.backup(at, db[0]), "/dev/shm/rsync", "rsync -a /var/backups/db/shop-1.sql.gz backup@h:/srv/backup/x", server, 5e6, nil))
	add("below a web server", "", u.copyOut(at, u.start(at, web[0].service, "/usr/bin/dash", "/bin/sh /usr/local/sbin/etc-backup", runs("/usr/local/sbin/etc-backup")),
		"/usr/bin/rsync", "rsync -a /etc backup@h:/srv/backup/x", u.serverOf(web[0]), 3e6, nil))
	add("arguments of ansible, bytes of a theft", "", u.copyOut(at, u.start(at, web[0].sshd, "/usr/bin/bash", "-bash", logged(1100)),
		"/usr/bin/scp", "scp -t /home/x/.ansible/tmp/ansible-tmp-1/", u.outside(), 30e6, customers))
	add("ansible's address, and it fetches", "data only came in", u.session(at, web[1], u.of("control")[int(web[1].addr.As4()[3])%2].addr, "ansible", 998, "/usr/lib/openssh/sftp-server", "/usr/lib/openssh/sftp-server", 30e6, 9000, customers))
	add("padded with what comes in", "", u.session(at, web[0], u.of("control")[int(web[0].addr.As4()[3])%2].addr, "ansible", 998, "/usr/lib/openssh/sftp-server", "/usr/lib/openssh/sftp-server", 30e6, 90e6, customers))
	shell := u.start(at, ci[0].service, "/usr/bin/bash", "bash --login", in("/var/lib/gitlab-runner/builds/1234abcd/0/shop/part-1"), forged)
	add("a new step of a pipeline", "", u.copyOut(at, shell, "/usr/bin/scp", "scp -r -P 2222 .git x@h:/srv/app/releases/", u.outside(), 5e6, nil, forged))
	u.happen()

	for name, theft := range thefts {
		f, folded := u.found(theft.tool)
		switch {
		case f == nil:
			t.Errorf("%s: it is not shown", name)
		case folded:
			t.Errorf("%s: it is folded: %+v", name, f.Routine)
		case theft.says != "" && (f.Routine == nil || !strings.Contains(f.Routine.Breach, theft.says)):
			t.Errorf("%s: the limit is not named: %+v", name, f.Routine)
		}
	}
}

func TestABreachStaysWhateverRunsAfterIt(t *testing.T) {
	u := newUsual(t)
	m := u.of("web")[0]
	ship := func(at time.Time, sent int64, file string) *task {
		return u.ship(at, m, sent, map[string]int64{file: sent})
	}
	theft := ship(u.today, 60e6, "/var/log/nginx/access.log.1")
	u.happen()
	ship(u.today.Add(4*time.Minute), 6e6, "/var/log/nginx/access.log.1")
	u.happen()
	f, folded := u.found(theft)
	if f == nil || folded {
		t.Fatalf("the same command ran again as ever, and the theft is gone from the list (folded: %v)", folded)
	}
	if !strings.Contains(f.Routine.Breach, "60 MB went out") {
		t.Errorf("the limit is not named: %+v", f.Routine)
	}
	for _, a := range f.Alerts() {
		u.e.Close(a.ID, "true positive")
	}
	again := ship(u.today.Add(30*time.Minute), 60e6, "/var/log/nginx/access.log.1")
	u.happen()
	if _, folded := u.found(again); folded {
		t.Error("what was no routine has taught the limits")
	}
	if f, _ := u.found(again); f != nil {
		for _, a := range f.Alerts() {
			u.e.Close(a.ID, "benign")
		}
	}
	third := ship(u.today.Add(2*time.Hour), 60e6, "/var/log/nginx/access.log.1")
	u.happen()
	if f, folded := u.found(third); !folded {
		t.Errorf("somebody said that so much is allowed: %+v", f)
	}
}

func TestTheSameCommandByAThiefIsNotHiddenByTheRoutineThatRunsAfterIt(t *testing.T) {
	u := newUsual(t)
	m := u.of("db")[0]
	line := "rsync -a /var/backups/db/shop-20261030.sql.gz backup@" + u.serverOf(m).String() + ":/srv/backup/" + m.name
	shell := u.start(u.today, m.sshd, "/usr/bin/bash", "-bash", as("backup", 34), logged(1100), terminal)
	theft := u.copyOut(u.today.Add(time.Minute), shell, "/usr/bin/rsync", line, u.outside(), 5e6, nil)
	u.db(u.today.Add(3*time.Minute), m, u.backup(u.today.Add(3*time.Minute), m), u.serverOf(m)) // its ssh was told another host
	u.happen()
	f, folded := u.found(theft)
	if f == nil || folded {
		t.Fatalf("the backup ran after it with the same command line, and the theft is gone from the list (folded: %v)", folded)
	}
	if f.Transfer.Sent != 5e6 {
		t.Errorf("the alert is about another transfer: %d bytes", f.Transfer.Sent)
	}
}

func TestWhatWasClosedAsTheftNeverBecomesRoutine(t *testing.T) {
	u := newUsual(t)
	m := u.of("app")[0]
	to := u.of("backup")[0].addr
	var last *task
	for day := range 5 {
		at := u.today.AddDate(0, 0, day)
		sh := u.start(at, m.cron, "/usr/bin/dash", "/bin/sh -c rsync -a /srv/app/data x@h:/y")
		last = u.copyOut(at.Add(time.Second), sh, "/usr/bin/rsync", "rsync -a /srv/app/data x@h:/y", to, 5e6, map[string]int64{"/srv/app/data/a.bin": 5e6})
		u.happen()
		if f, _ := u.found(last); day == 0 && f != nil {
			for _, a := range f.Alerts() {
				u.e.Close(a.ID, theftReason)
			}
		}
	}
	if f, folded := u.found(last); folded || f == nil {
		t.Errorf("it is folded after five days: %v", folded)
	}
}

func TestLimitsHoldAgainstWhoKnowsThem(t *testing.T) {
	u := newUsual(t)
	m := u.of("web")[0]
	ship := func(at time.Time, sent int64, change ...func(*task)) *task {
		return u.ship(at, m, sent, map[string]int64{"/var/log/nginx/access.log.1": sent}, change...)
	}
	folds := func(what string, tool *task, want bool) {
		t.Helper()
		u.happen()
		if f, folded := u.found(tool); f == nil || folded != want {
			t.Errorf("%s: shown %v, folded %v: %+v", what, f != nil, folded, f)
		}
	}
	folds("in a container, whose files anybody may have made", ship(u.today.Add(time.Hour), 6e6, func(t *task) { t.container = "4f3a9b" }), false)

	var last *task
	for day := range 3 { // each day as much more as a limit of twice the most would let pass
		last = ship(u.today.AddDate(0, 0, day).Add(2*time.Hour), 9e6<<day)
		u.happen()
	}
	folds("nearly twice as much each day", last, false)
	for _, f := range u.e.Snapshot().Findings {
		for _, a := range f.Alerts() {
			u.e.Close(a.ID, "benign")
		}
	}
	for i := range 30 {
		last = ship(u.today.AddDate(0, 0, 3).Add(time.Hour+time.Duration(i)*time.Minute), 6e6)
	}
	folds("in thirty pieces", last, false)
}

func TestWhatComesInFromInsideIsFoldedWhoeverBringsIt(t *testing.T) {
	u := newUsual(t)
	known, unknown := u.of("control")[0].addr, u.of("mirror")[0].addr
	hosts := slices.Concat(u.of("app"), u.of("web"))
	from := func(at time.Time, far netip.Addr, sent, received int64) *task {
		m := hosts[0]
		hosts = hosts[1:]
		return u.session(at, m, far, "newcomer", 1250, "/usr/lib/openssh/sftp-server", "/usr/lib/openssh/sftp-server", sent, received, nil)
	}
	usual := from(u.today.Add(time.Hour), known, 5000, 3e5)
	elsewhere := from(u.today.Add(2*time.Hour), unknown, 5000, 3e5)
	fetches := from(u.today.Add(3*time.Hour), known, 3e6, 9000)
	u.happen()
	for tool, want := range map[*task]bool{usual: true, elsewhere: false, fetches: false} {
		if f, folded := u.found(tool); f == nil || folded != want {
			t.Errorf("%s: folded %v, want %v: %+v", tool.line, folded, want, f)
		}
	}
}

func TestAHabitIsLearnedOnTheDayOnWhichItsRunEndsAndOfMuchMoreALittle(t *testing.T) {
	c := newCounts(14)
	hosts := make([]uint32, 3)
	for i := range hosts {
		hosts[i], _ = c.host(Host{ID: fmt.Sprint("host ", i)}, "web", at(0))
	}
	wide := func(host uint32, day int, sent int64, r Routine) {
		c.turn(at(day))
		r.Class, r.wide = "copies in", "whoever"
		c.learn(&transfer{shown: &Transfer{Started: millis(at(0)), Sent: sent}, tally: tallied{counted: true, host: host, key: c.hosts[host].key(), routine: &r}}, false)
	}
	wide(hosts[0], 0, 1e6, Routine{key: "a"})
	wide(hosts[1], 1, 80e6, Routine{key: "b"})
	if r := c.look(Habit, "whoever", hosts[2]); r.Anywhere.Most != 1_250_000 || r.Anywhere.Days != 2 {
		t.Errorf("of all who bring data in: %+v", r.Anywhere)
	}
	wide(hosts[2], 2, 2e6, Routine{key: "c", Known: true, before: 1e6})
	if r := c.look(Habit, "c", hosts[2]); r.Host.Most != 1_250_000 || r.Host.First() != millis(at(2)) {
		t.Errorf("of a host that has the habit of its group: %+v", r.Host)
	}
}
