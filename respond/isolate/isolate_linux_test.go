package isolate

import (
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"interdict/respond"
)

func options() Options {
	return Options{By: "ana", Case: "INC-0012", Destinations: []netip.Prefix{netip.MustParsePrefix(outside4 + "/32"), netip.MustParsePrefix(outside6 + "/128")}}
}

// isolate plans and applies what has to work.
func (l *lab) isolate(s *shell, o Options) (respond.Action, respond.Plan, respond.Result) {
	l.t.Helper()
	a := NewIsolate(o)
	p, err := a.Plan(l.t.Context(), s)
	if err != nil {
		l.t.Fatal(err)
	}
	r, err := a.Apply(l.t.Context(), s, p)
	if err != nil {
		l.t.Fatal(err, r.Lines)
	}
	return a, p, r
}

func (l *lab) verdict(a respond.Action, s *shell, r respond.Result, want respond.State) {
	l.t.Helper()
	if v, err := a.Verify(l.t.Context(), s, r); err != nil || v.State != want {
		l.t.Errorf("%v %v, wanted %s", v, err, want)
	}
}

func (l *lab) same(before string) {
	l.t.Helper()
	if after := l.ruleset(); after != before {
		l.t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// way is a kind of packet from one machine to a place.
type way struct {
	from     *node
	kind, to string
}

// all asks of all ways at once whether they pass, and names those that do not
// do as they should.
func all(t *testing.T, when string, ways []way, pass bool) {
	t.Helper()
	var wait sync.WaitGroup
	for _, w := range ways {
		wait.Go(func() {
			if w.from.passes(w.kind, w.to) != pass {
				t.Errorf("%s: %s to %s: passes is %v", when, w.kind, w.to, !pass)
			}
		})
	}
	wait.Wait()
}

func text(lines []respond.Line) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.Label + ": " + l.Text + "\n")
	}
	return b.String()
}

func contains(t *testing.T, s string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(s, w) {
			t.Errorf("%q is not in:\n%s", w, s)
		}
	}
}

func TestAHostIsIsolatedInTheRoundTripsThatWerePromisedAndGivenBack(t *testing.T) {
	l := newLab(t)
	s := l.ssh(host4)
	before := l.ruleset()
	a := NewIsolate(options())
	p, err := a.Plan(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	l.same(before)
	if n := s.runs.Load(); n != 1 {
		t.Errorf("the plan took %d scripts: a cold connection costs 7 round trips, a script 3", n)
	}
	contains(t, text(p.Lines), "SSH (port 22) from "+manager4, "raw sockets are stopped", outside4+", "+outside6+" STAYS blocked")
	var ran []string
	s.before = func(script respond.Script) { ran = append(ran, script.Name) }
	r, err := a.Apply(t.Context(), s, p)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(ran, " "); got != "isolate.apply isolate.prove" || s.logins.Load() != 1 {
		t.Errorf("%s, %d logins: one script to the rules, one login and one script to the confirmation", got, s.logins.Load())
	}
	contains(t, text(r.Lines), outside4+" 22 is unreachable", "a new one works", "timer off")
	s.before = nil
	l.verdict(a, s, r, respond.Holds)
	status, err := Look(t.Context(), s)
	if err != nil || status.State != Isolated || status.Isolation.By != "ana" || status.Isolation.Case != "INC-0012" || status.Armed != 0 {
		t.Errorf("%+v %v", status, err)
	}
	u, err := a.Undo(t.Context(), s, r)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, u.Summary, "minus ours")
	contains(t, text(u.Lines), "those from before the isolation")
	l.same(before)
	l.verdict(a, s, r, respond.Not)
	if again, err := a.Undo(t.Context(), s, r); err != nil || again.Summary != "nothing of ours was loaded" {
		t.Error("released twice:", again.Summary, err)
	}
	if left := l.host.sh("find /run/interdict -mindepth 1 -not -name lock"); left != "" {
		t.Error("left behind:", left)
	}
}

func TestNothingPassesButWhatThePlanKept(t *testing.T) {
	for _, address := range []string{host4, host6} {
		t.Run(address, func(t *testing.T) {
			l := newLab(t)
			for _, family := range []string{"ipv4", "ipv6"} { // neighbour entries that expire each second
				l.host.sh("sysctl -qw net." + family + ".neigh.eth0.base_reachable_time_ms=1000 net." + family + ".neigh.eth0.gc_stale_time=1")
				l.manager.sh("sysctl -qw net." + family + ".neigh.eth0.base_reachable_time_ms=1000 net." + family + ".neigh.eth0.gc_stale_time=1")
			}
			sink4, sink6, inside := l.outside.sink("9000"), l.outside.sink("9001"), l.outside.sink("9002")
			l.manager.sink("9000")
			l.host.sink("9000")
			l.inside.sink("80")
			var ways []way
			for _, kind := range []string{"tcp", "udp"} {
				ways = append(ways,
					way{l.host, kind, outside4 + ":9000"}, way{l.host, kind, "[" + outside6 + "]:9000"},
					way{l.host, kind, manager4 + ":9000"}, way{l.host, kind, "[" + manager6 + "]:9000"},
					way{l.outside, kind, host4 + ":9000"}, way{l.outside, kind, "[" + host6 + "]:9000"},
					way{l.manager, kind, host4 + ":9000"}, way{l.manager, kind, "[" + host6 + "]:9000"},
					way{l.host, kind, inside4 + ":80"}, way{l.inside, kind, "172.30.0.1:9000"}, way{l.inside, kind, outside4 + ":9000"})
			}
			ways = append(ways, way{l.outside, "tcp", host4 + ":22"}, way{l.outside, "tcp", "[" + host6 + "]:22"}, way{l.outside, "tcp", host4 + ":8080"},
				way{l.manager, "tcp", host4 + ":8080"}, way{l.outside, "tcp", inside4 + ":80"},
				way{l.host, "ping", outside4}, way{l.host, "ping", outside6}, way{l.outside, "ping", host4}, way{l.outside, "ping", host6}, way{l.inside, "ping", outside4})
			all(t, "before", ways, true)
			mac := l.outside.sh("cat /sys/class/net/eth0/address")
			raw := func() error {
				return l.host.traffic(t.Context(), "raw", "eth0", mac, host4+":9002", outside4+":9002").Run()
			}
			if err := raw(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "a raw socket's datagram", 5*time.Second, func() bool { _, d := inside.got(); return d > 0 })
			l.host.background("stream", outside4+":9000")
			l.host.background("stream", "["+outside6+"]:9001")
			l.inside.background("stream", outside4+":9002")
			for _, s := range []sink{sink4, sink6, inside} {
				eventually(t, "a transfer", 5*time.Second, func() bool { n, _ := s.got(); return n > 40960 })
			}
			s := l.ssh(address)
			a, _, r := l.isolate(s, options())
			contains(t, text(r.Lines), "2 old connections are silent")
			left4, _ := sink4.got()
			left6, _ := sink6.got()
			leftInside, datagrams := inside.got()
			end := time.Now().Add(8 * time.Second)
			all(t, "isolated", ways, false)
			raw()                        // whatever it is told: nothing may arrive
			for time.Now().Before(end) { // sessions live on although neighbours expire
				s2 := l.ssh(address)
				if out, err := s2.exec(t.Context(), "echo here", nil).Output(); err != nil || string(out) != "here\n" {
					t.Fatal("a new login does not work any more:", err)
				}
				time.Sleep(500 * time.Millisecond)
			}
			if n, _ := sink4.got(); n != left4 {
				t.Errorf("the IPv4 transfer moved on by %d bytes", n-left4)
			}
			if n, _ := sink6.got(); n != left6 {
				t.Errorf("the IPv6 transfer moved on by %d bytes", n-left6)
			}
			if n, d := inside.got(); n != leftInside || d != datagrams {
				t.Errorf("the container's transfer moved on by %d bytes, a raw socket by %d datagrams", n-leftInside, d-datagrams)
			}
			l.verdict(a, s, r, respond.Holds)
			if _, err := a.Undo(t.Context(), s, r); err != nil {
				t.Fatal(err)
			}
			all(t, "released", ways, true)
		})
	}
}

func TestAHostThatIsNotConfirmedRestoresItselfAndKeepsTheBlock(t *testing.T) {
	l := newLab(t)
	l.outside.sink("9000")
	l.manager.sink("9000")
	s := l.ssh(host4)
	before := l.ruleset()
	o := options()
	o.Within = 10 * time.Second
	a := NewIsolate(o)
	p, err := a.Plan(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	s.before = func(script respond.Script) {
		if script.Name == "isolate.prove" {
			l.cut() // the rules are in, and nobody confirms
		}
	}
	type outcome struct {
		r   respond.Result
		err error
	}
	ended := make(chan outcome)
	go func() {
		r, err := a.Apply(t.Context(), s, p)
		ended <- outcome{r, err}
	}()
	eventually(t, "rules are in", 20*time.Second, l.isolated)
	in := time.Now()
	eventually(t, "the host restores itself", o.Within+5*time.Second, func() bool { return !l.isolated() })
	t.Logf("restored %.1f s after the rules came in, promised within %s and 5 s", time.Since(in).Seconds(), o.Within)
	blocked := l.host.sh("nft -s list table inet interdict_block")
	contains(t, blocked, outside4+" timeout 1d", outside6+" timeout 1d", "ana INC-0012")
	l.host.sh("nft delete table inet interdict_block")
	l.same(before)
	out := <-ended
	if out.err == nil {
		t.Fatal("no error:", out.r.Summary)
	}
	l.join()
	s.before = nil
	t.Log(out.r.Summary, "|", out.err)
}

func TestAConsoleThatComesBackInTimeIsToldThatTheHostRestoredItself(t *testing.T) {
	l := newLab(t)
	l.outside.sink("9000")
	l.manager.sink("9000")
	s := l.ssh(host4)
	before := l.ruleset()
	o := options()
	o.Within = 10 * time.Second
	a := NewIsolate(o)
	p, err := a.Plan(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	cut := false
	s.before = func(script respond.Script) {
		if script.Name == "isolate.prove" && !cut {
			cut = true
			l.cut()
			go func() {
				time.Sleep(o.Within + time.Second)
				l.join()
			}()
		}
	}
	r, err := a.Apply(t.Context(), s, p)
	if err == nil {
		t.Fatal("no error:", r.Summary)
	}
	contains(t, r.Summary, "ROLLED BACK", outside4+", "+outside6+" still blocked")
	if len(r.Holds) != 2 || r.Holds[0].Kind != "blocked" || r.Holds[0].Until.IsZero() {
		t.Errorf("%+v", r.Holds)
	}
	if l.host.passes("tcp", outside4+":9000") || !l.host.passes("tcp", manager4+":9000") {
		t.Error("only the destination must be blocked")
	}
	fresh := l.ssh(host4)
	status, err := Look(t.Context(), fresh)
	if err != nil || status.State != Not || len(status.Blocks) != 2 || status.Blocks[0].By != "ana" {
		t.Errorf("%+v %v", status, err)
	}
	u, err := a.Undo(t.Context(), fresh, r)
	if err != nil || len(u.Releases) != 2 {
		t.Error(u, err)
	}
	l.same(before)
}

func TestForeignRulesThatWouldCutUsLeadBack(t *testing.T) {
	l := newLab(t)
	s := l.ssh(host4)
	l.host.sh("nft 'table inet theirs { chain in { type filter hook input priority 0; policy accept; tcp dport 22 tcp flags & (syn|ack) == syn drop; }; }'")
	before := l.ruleset()
	o := options()
	o.Within = 10 * time.Second
	a := NewIsolate(o)
	p, err := a.Plan(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	r, err := a.Apply(t.Context(), s, p)
	if err == nil {
		t.Fatal("isolated although no new login works:", r.Summary)
	}
	contains(t, r.Summary, "ROLLED BACK", "still blocked")
	eventually(t, "the host is itself again", 10*time.Second, func() bool { return !l.isolated() })
	l.host.sh("nft delete table inet interdict_block")
	l.same(before)
}

func TestWhatStoodBeforeStandsAgainWhenTheProofFails(t *testing.T) {
	l := newLab(t)
	s := l.ssh(host4)
	_, _, first := l.isolate(s, Options{By: "bob"})
	before := l.ruleset()
	o := options()
	o.Destinations = []netip.Prefix{netip.MustParsePrefix(outside4 + "/32")}
	o.Allow = []Endpoint{{Net: o.Destinations[0], Proto: "tcp", Port: 22}} // so that it can be reached: no proof
	l.outside.sink("22")
	a := NewIsolate(o)
	p, err := a.Plan(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, p.Title, "replaces the rules of bob")
	r, err := a.Apply(t.Context(), s, p)
	if err == nil {
		t.Fatal("proven although the place can be reached")
	}
	contains(t, r.Summary, "ROLLED BACK")
	contains(t, text(r.Lines), outside4+" 22 could be reached")
	l.host.sh("nft delete table inet interdict_block")
	l.same(before)
	l.verdict(NewIsolate(Options{}), s, first, respond.Holds)
}

func TestTwoConsolesAreSafe(t *testing.T) {
	l := newLab(t)
	s, other := l.ssh(host4), l.ssh(host4)
	mine, theirs := NewIsolate(Options{By: "ana"}), NewIsolate(Options{By: "bob"})
	p, err := mine.Plan(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	q, err := theirs.Plan(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	type outcome struct {
		r   respond.Result
		err error
	}
	ended := make(chan outcome, 2)
	for _, run := range []func() (respond.Result, error){
		func() (respond.Result, error) { return mine.Apply(t.Context(), s, p) },
		func() (respond.Result, error) { return theirs.Apply(t.Context(), other, q) },
	} {
		go func() { r, err := run(); ended <- outcome{r, err} }()
	}
	a, b := <-ended, <-ended
	if (a.err == nil) == (b.err == nil) || !errors.Is(errors.Join(a.err, b.err), respond.ErrPlanStale) {
		t.Fatalf("one must win and one be stale: %v, %v", a.err, b.err)
	}
	winner := a
	if a.err != nil {
		winner = b
	}
	l.verdict(mine, s, winner.r, respond.Holds)
	// Somebody else releases it, without any state of the console that isolated.
	third := l.ssh(host4)
	rel := NewRelease()
	plan, err := rel.Plan(t.Context(), third)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, text(plan.Lines), "isolated by")
	if _, err := rel.Apply(t.Context(), third, plan); err != nil {
		t.Fatal(err)
	}
	l.verdict(mine, third, winner.r, respond.Not)
}

func TestWhatOthersChangeMeanwhileIsKeptAndListed(t *testing.T) {
	l := newLab(t)
	l.host.sh("nft 'table inet fail2ban { set bad { type ipv4_addr; elements = { 198.51.100.7 }; }; }'")
	s := l.ssh(host4)
	a, _, r := l.isolate(s, options())
	l.host.sh("nft add element inet fail2ban bad { 198.51.100.8 }; nft add table inet late; nft delete table ip dockerish")
	meanwhile := l.ruleset()
	u, err := a.Undo(t.Context(), s, r)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, text(u.Lines), "came: table inet late", "went: table ip dockerish", "198.51.100.8")
	contains(t, u.Summary, "minus ours")
	if after := l.ruleset(); strings.Contains(after, "interdict") || !strings.Contains(after, "198.51.100.8") || !strings.Contains(meanwhile, "table inet late") || !strings.Contains(after, "table inet late") || strings.Contains(after, "dockerish") {
		t.Error(after)
	}
}

func TestTamperingShows(t *testing.T) {
	l := newLab(t)
	s := l.ssh(host4)
	a, _, r := l.isolate(s, options())
	for _, c := range []struct {
		do    string
		state State
	}{
		{"nft insert rule inet interdict output ip daddr 203.0.113.10 accept", Tampered},
		{"nft delete table netdev interdict", Tampered},
		{"nft 'chain inet interdict output { policy accept; }'", Partly},
		{"nft flush ruleset", Tampered},
	} {
		l.host.sh(c.do)
		status, err := Look(t.Context(), s)
		if err != nil || status.State != c.state {
			t.Errorf("%s: %s (%s) %v", c.do, status.State, status.Why, err)
		}
		v, err := a.Verify(t.Context(), s, r)
		if err != nil || v.OK() {
			t.Errorf("%s: %v %v", c.do, v, err)
		}
	}
}

func TestEveryWriterCutsAndGivesBack(t *testing.T) {
	for _, c := range []struct{ name, hide, by string }{
		{"iptables-nft", "/usr/sbin/nft", "iptables-restore"},
		{"iptables-legacy", "/usr/sbin/nft /usr/sbin/xtables-nft-multi", "iptables-legacy-restore"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t)
			sink := l.outside.sink("9000")
			l.host.sh("sysctl -qw net.ipv6.neigh.eth0.base_reachable_time_ms=1000; : > /run/o/none")
			before := l.ruleset()
			l.host.sh("for f in " + c.hide + "; do mount --bind /run/o/none $f; done")
			l.host.background("stream", outside4+":9000")
			eventually(t, "a transfer", 5*time.Second, func() bool { n, _ := sink.got(); return n > 40960 })
			s := l.ssh(host6)
			a, p, r := l.isolate(s, options())
			contains(t, text(p.Lines), c.by)
			left, _ := sink.got()
			for _, to := range []string{outside4 + ":9000", "[" + outside6 + "]:9000"} {
				if l.host.passes("tcp", to) || l.host.passes("udp", to) || l.inside.passes("tcp", outside4+":9000") || l.outside.passes("tcp", host4+":22") {
					t.Error(to, "passes")
				}
			}
			time.Sleep(2 * time.Second)
			l.verdict(a, l.ssh(host6), r, respond.Holds)
			if n, _ := sink.got(); n != left {
				t.Errorf("the transfer moved on by %d bytes", n-left)
			}
			// Loaded again it stands once, and a failed proof brings the first back.
			o := options()
			o.Destinations, o.Allow = nil, nil
			l.isolate(s, o)
			u, err := NewRelease().Plan(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			res, err := NewRelease().Apply(t.Context(), s, u)
			if err != nil {
				t.Fatal(err)
			}
			contains(t, res.Summary, "minus ours")
			if !l.host.passes("tcp", outside4+":9000") {
				t.Error("does not pass after the release")
			}
			l.host.sh("for f in " + c.hide + "; do umount $f; done")
			_ = before
			if after := l.ruleset(); strings.Contains(after, "INTERDICT") {
				t.Error(after)
			}
		})
	}
}

func TestWithoutAnythingThatWritesRulesItIsRefusedWithTheReason(t *testing.T) {
	l := newLab(t)
	l.host.sh(": > /run/o/none; for f in /usr/sbin/nft /usr/sbin/xtables-nft-multi /usr/sbin/xtables-legacy-multi; do mount --bind /run/o/none $f; done")
	_, err := NewIsolate(options()).Plan(t.Context(), l.ssh(host4))
	var refusal *respond.Refusal
	if !errors.As(err, &refusal) || !refusal.Has("no-firewall") {
		t.Fatal(err)
	}
	contains(t, err.Error(), "nft is not installed")
}

func TestNothingIsLeftWhenLoadingFailsHalfWay(t *testing.T) {
	l := newLab(t)
	l.host.sh(`cp /usr/sbin/nft /run/o/real; cat > /run/o/nft <<'X'
#!/bin/sh
case "$*" in "-f "*) echo "Error: No space left on device" >&2; exit 1;; esac
exec /run/o/real "$@"
X
chmod +x /run/o/nft; mount --bind /run/o/nft /usr/sbin/nft`)
	s := l.ssh(host4)
	a := NewIsolate(options())
	p, err := a.Plan(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	r, err := a.Apply(t.Context(), s, p)
	if err == nil || r.Kind != "" {
		t.Fatal(r.Summary, err)
	}
	contains(t, err.Error(), "nothing was changed", "No space left")
	l.host.sh("umount /usr/sbin/nft; ! nft list table inet interdict")
	eventually(t, "no timer is left", 5*time.Second, func() bool {
		_, err := l.host.try("for c in /proc/[0-9]*/cmdline; do ! tr '\\0' ' ' <$c | grep -q '[i]n.restore' || exit 1; done")
		return err == nil
	})
	if left := l.host.sh("find /run/interdict -mindepth 1 -not -name lock"); left != "" {
		t.Error("left behind:", left)
	}
}
