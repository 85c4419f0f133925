package ssh

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"interdict/respond"
	"interdict/respond/isolate"
	bench "interdict/testdata/bench"
)

// subject is a host that can be isolated: a server that answers our scripts as a
// host would on which they work.
type subject struct {
	*server
	name string

	mu sync.Mutex
	id string // of the isolation; "" for none
}

// answer is what a script says there.
func (s *subject) answer(e *served) {
	data, _ := io.ReadAll(e)
	for line := range strings.Lines(string(data)) {
		if id, ok := strings.CutPrefix(line, "id "); ok {
			s.mu.Lock()
			s.id = strings.TrimSpace(id)
			s.mu.Unlock()
			break
		}
	}
	s.mu.Lock()
	id := s.id
	s.mu.Unlock()
	fmt.Fprintf(e.Stderr(), "interdict-ssh 0 192.0.2.7 40022 192.0.2.9 22\n")
	io.WriteString(e, began)
	for _, l := range []string{"machine\tid-" + s.name, "boot\tboot-" + s.name, "hostname\t" + s.name, "uptime\t100.0 1", "uid\t0", "now\t1", "works\tnft", "works\tegress",
		"has\tawk", "has\tsed", "has\trun", "link\teth0 device", "timer\tsystemd", "unreached\t203.0.113.9", "counted\t3", "flows\t1", "tool\tnft"} {
		io.WriteString(e, l+"\n")
	}
	if id != "" {
		fmt.Fprintf(e, "standing\t%s\nintact\tyes\nlisting\tcomment \"id %s\"\n", id, id)
		for _, hook := range []string{"input", "output", "forward"} {
			fmt.Fprintf(e, "listing\thook %s priority -320; policy drop;\n", hook)
		}
	}
	io.WriteString(e, "end\tyes\n")
	e.end(0)
}

// fleet is many of them, some of which accept a connection and say nothing.
type fleet struct {
	subjects []*subject
	dead     []net.Listener
	members  []*respond.Member
	net      *Network
	key      string

	journal *respond.Journal
}

func newFleet(t testing.TB, hosts, dead int, oneWay time.Duration) *fleet {
	t.Helper()
	dir := t.TempDir()
	f := &fleet{net: New(Options{}), key: filepath.Join(dir, "id")}
	writeKey(t, f.key, "")
	t.Cleanup(func() { f.net.Close() })
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "interdict.db")+"?_pragma=busy_timeout(20000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if f.journal, err = respond.OpenJournal(t.Context(), db, dir); err != nil {
		t.Fatal(err)
	}
	action := isolate.NewIsolate(isolate.Options{By: "ana"})
	for i := range hosts {
		name := "web-" + strconv.Itoa(i)
		target := Target{Name: name, Address: "127.0.0.1", User: "root", Keys: []string{f.key}, KnownHosts: []string{filepath.Join(dir, "known-"+name)}}
		if i%max(hosts/max(dead, 1), 1) == 1 && len(f.dead) < dead {
			l, err := net.Listen("tcp", "127.0.0.1:0") // accepted by the kernel, answered by nobody
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			f.dead, target.Port = append(f.dead, l), l.Addr().(*net.TCPAddr).Port
		} else {
			s := &subject{name: name}
			s.server = serve(t, func(v *server) {
				v.exec = s.answer
				if oneWay > 0 {
					v.raw = func(c net.Conn) { v.connection(distance(c, oneWay)) }
				}
			})
			f.subjects, target.Port = append(f.subjects, s), s.port()
			if err := remember(target.KnownHosts[0], target.known(), s.key.PublicKey()); err != nil {
				t.Fatal(err)
			}
		}
		h := f.net.Host(target)
		f.members = append(f.members, &respond.Member{Name: name, Action: action, Find: func(context.Context) (respond.Host, error) { return h, nil }})
	}
	return f
}

func (f *fleet) count(s respond.Step) (n int) {
	for _, m := range f.members {
		if m.Step == s {
			n++
		}
	}
	return n
}

func TestAFleetIsIsolatedInFewRoundTripsAndWaitsForNoDeadHost(t *testing.T) {
	f := newFleet(t, 40, 2, 0)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := 0
	run := &respond.Fleet{Journal: f.journal, Actor: respond.Actor{User: "ana"}, Parallel: 8}
	run.Told = func(m respond.Member) {
		switch m.Step {
		case respond.Done:
			if done++; done == 38 {
				stop() // before the dead ones were given up
			}
		case respond.Down:
			t.Errorf("%s was waited for: %v", m.Name, m.Err)
		}
	}
	_ = run.Run(ctx, f.members, nil)
	if f.count(respond.Done) != 38 || f.count(respond.Untouched) != 2 {
		for _, m := range f.members {
			t.Log(m.Name, m.Step, m.Err, m.Verdict)
		}
		t.Fatal("not all that live are isolated")
	}
	for _, s := range f.subjects {
		s.server.mu.Lock()
		// Plan, rules, proof over a new login, and a last look.
		if len(s.commands) != 4 || s.logins != 2 {
			t.Errorf("%s: %d commands over %d logins", s.name, len(s.commands), s.logins)
		}
		s.server.mu.Unlock()
	}
	if check, err := f.journal.Verify(t.Context()); err != nil || !check.OK() {
		t.Error(check, err)
	}
}

// Forty hosts behind one jump host ask it for new logins at once, of which sshd
// would let ten begin.
func TestNewLoginsThroughOneJumpHostAreFew(t *testing.T) {
	f := newFleet(t, 40, 0, 0)
	var mu sync.Mutex
	under, most := 0, 0
	jump := serve(t, func(s *server) {
		s.raw = func(c net.Conn) {
			mu.Lock()
			under++
			most = max(most, under)
			mu.Unlock()
			s.connection(&leaving{Conn: c, leave: func() { mu.Lock(); under--; mu.Unlock() }})
		}
	})
	via := jump.target("jump")
	for i, m := range f.members {
		h := f.net.Host(Target{Name: m.Name, Address: "127.0.0.1", User: "root", Port: f.subjects[i].port(), Keys: []string{f.key},
			KnownHosts: []string{f.net.hosts[i].target.KnownHosts[0]}, Jumps: []Target{via}})
		m.Find = func(context.Context) (respond.Host, error) { return h, nil }
	}
	run := &respond.Fleet{Journal: f.journal, Actor: respond.Actor{User: "ana"}}
	if err := run.Run(t.Context(), f.members, nil); err != nil || f.count(respond.Done) != 40 {
		t.Fatal(err, f.count(respond.Done))
	}
	jump.mu.Lock()
	defer jump.mu.Unlock()
	if most > 10 {
		t.Errorf("%d connections to the jump host at once", most)
	}
	t.Logf("%d logins at the jump host for 40 hosts, %d connections at once", jump.logins, most)
}

// leaving is a connection that tells when it is closed.
type leaving struct {
	net.Conn
	once  sync.Once
	leave func()
}

func (l *leaving) Close() error {
	l.once.Do(l.leave)
	return l.Conn.Close()
}

// TestMeasureAFleet isolates hosts that are 100 ms away, one of twenty dead. HOSTS
// is how many; the default is 500.
func TestMeasureAFleet(t *testing.T) {
	bench.Wanted(t)
	hosts, _ := strconv.Atoi(os.Getenv("HOSTS"))
	if hosts == 0 {
		hosts = 500
	}
	rest := func(dead int) (first, rest time.Duration, perHost float64) {
		f := newFleet(t, hosts, dead, 50*time.Millisecond)
		defer f.net.Close()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		began, live, done := time.Now(), hosts-dead, 0
		var proven time.Time
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		run := &respond.Fleet{Journal: f.journal, Actor: respond.Actor{User: "ana"}}
		run.Told = func(m respond.Member) {
			if m.Step != respond.Done {
				return
			}
			if done++; done == 1 {
				proven = time.Now()
			}
			if done == live {
				rest = time.Since(proven)
				stop()
			}
		}
		used := cpuUsed()
		_ = run.Run(ctx, f.members, nil)
		if dead == 0 {
			bench.Tell(t, bench.Figure{Name: "CPU of both ends of all of it", Value: (cpuUsed() - used).Seconds(), Unit: "s"})
		}
		if f.count(respond.Done) != live {
			for _, m := range f.members {
				if m.Step != respond.Done {
					t.Log(m.Name, m.Step, m.Err)
				}
			}
			t.Fatalf("%d of %d are isolated", f.count(respond.Done), live)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		perHost = float64(after.HeapInuse-before.HeapInuse+after.StackInuse-before.StackInuse) / float64(live) / 1024
		if dead == 0 {
			compare(t, f, rest)
		}
		return proven.Sub(began), rest, perHost
	}
	first, all, memory := rest(0)
	bench.Tell(t, bench.Figure{Name: "the first host isolated and proven", Value: first.Seconds(), Unit: "s"})
	bench.Tell(t, bench.Figure{Name: fmt.Sprintf("the other hosts of %d, 100 ms away, once the first is proven", hosts), Value: all.Seconds(), Unit: "s", Peer: "stated", PeerValue: 10, Most: 1})
	bench.Tell(t, bench.Figure{Name: "memory of a connection, both ends, and the line between", Value: memory, Unit: "KiB"})
	_, slowed, _ := rest(hosts / 20)
	bench.Tell(t, bench.Figure{Name: "the same with one of twenty dead", Value: slowed.Seconds(), Unit: "s", Peer: "none dead", PeerValue: all.Seconds(), Most: 1.25})
}

// cpuUsed is what this process has used of all processors.
func cpuUsed() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// compare has another tool run one bare command on the same hosts.
func compare(t *testing.T, f *fleet, ours time.Duration) {
	program := ""
	for _, name := range []string{"parallel-ssh", "pssh"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
		}
	}
	if program == "" {
		t.Log("no pssh here to compare with; ansible is not compared: its modules want Python on the host")
		return
	}
	for _, s := range f.subjects {
		s.server.exec = func(e *served) { io.Copy(io.Discard, e); e.end(0) }
	}
	list := filepath.Join(t.TempDir(), "hosts")
	w, err := os.Create(list)
	if err != nil {
		t.Fatal(err)
	}
	b := bufio.NewWriter(w)
	for _, s := range f.subjects {
		fmt.Fprintf(b, "root@127.0.0.1:%d\n", s.port())
	}
	b.Flush()
	w.Close()
	began := time.Now()
	out, err := exec.Command(program, "-h", list, "-p", "128", "-t", "60", "-O", "IdentityFile="+f.key, "-O", "StrictHostKeyChecking=no",
		"-O", "UserKnownHostsFile=/dev/null", "true").CombinedOutput()
	if err != nil {
		t.Logf("%v: %.2000s", err, out)
	}
	bench.Tell(t, bench.Figure{Name: "isolated and proven, beside a bare command", Value: ours.Seconds(), Unit: "s", Peer: "pssh -p 128 true", PeerValue: time.Since(began).Seconds()})
}
