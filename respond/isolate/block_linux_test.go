package isolate

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"interdict/respond"
)

func (l *lab) block(s *shell, o BlockOptions) (respond.Action, respond.Result) {
	l.t.Helper()
	a := NewBlock(o)
	p, err := a.Plan(l.t.Context(), s)
	if err != nil {
		l.t.Fatal(err)
	}
	r, err := a.Apply(l.t.Context(), s, p)
	if err != nil {
		l.t.Fatal(err)
	}
	return a, r
}

func TestABlockCutsOneDestinationBothWaysAndEstablishedFlowsAndIsUndoneExactly(t *testing.T) {
	l := newLab(t)
	sink4, sink6, inside := l.outside.sink("9000"), l.outside.sink("9001"), l.outside.sink("9002")
	l.manager.sink("9000")
	l.host.background("stream", outside4+":9000")
	l.host.background("stream", "["+outside6+"]:9001")
	l.inside.background("stream", outside4+":9002")
	for _, s := range []sink{sink4, sink6, inside} {
		eventually(t, "a transfer", 5*time.Second, func() bool { n, _ := s.got(); return n > 40960 })
	}
	s := l.ssh(host4)
	before := l.ruleset()
	a := NewBlock(BlockOptions{By: "ana", Case: "INC-0012", Places: places(outside4, "2001:db8::/64"), For: time.Hour})
	p, err := a.Plan(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, text(p.Lines), outside4+" in and out, also for containers: 1 connections", "2001:db8::/64 in and out, also for containers: 1 connections", "1 h, then the host's kernel")
	r, err := a.Apply(t.Context(), s, p)
	if err != nil {
		t.Fatal(err)
	}
	if n := s.runs.Load(); n != 2 {
		t.Errorf("%d scripts for the plan and the block", n)
	}
	time.Sleep(100 * time.Millisecond) // what is on the wire arrives
	left4, _ := sink4.got()
	left6, _ := sink6.got()
	leftInside, _ := inside.got()
	blockedWays := []way{{l.host, "tcp", outside4 + ":9000"}, {l.host, "udp", outside4 + ":9000"}, {l.host, "ping", outside4}, {l.host, "tcp", "[" + outside6 + "]:9000"},
		{l.host, "ping", outside6}, {l.outside, "tcp", host4 + ":22"}, {l.outside, "ping", host6}, {l.inside, "tcp", outside4 + ":9002"}, {l.outside, "tcp", host4 + ":8080"}}
	all(t, "blocked", blockedWays, false)
	all(t, "blocked", []way{{l.host, "tcp", manager4 + ":9000"}, {l.host, "tcp", "[" + manager6 + "]:9000"}, {l.manager, "tcp", host4 + ":22"}}, true)
	if n4, _ := sink4.got(); n4 != left4 {
		t.Errorf("the IPv4 transfer moved on by %d bytes", n4-left4)
	}
	if n6, _ := sink6.got(); n6 != left6 {
		t.Errorf("the IPv6 transfer moved on by %d bytes", n6-left6)
	}
	if n, _ := inside.got(); n != leftInside {
		t.Errorf("the container's transfer moved on by %d bytes", n-leftInside)
	}
	l.verdict(a, s, r, respond.Holds)

	// What the host itself says, without any state of ours.
	status, err := Look(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	standing := status.Standing("web-1")
	if len(standing) != 2 || standing[0].Actor.User != "ana" || standing[0].Since.IsZero() {
		t.Fatalf("%+v", standing)
	}
	for _, h := range r.Holds {
		standing = append(standing, respond.Standing{Held: h, Host: "web-1"})
	}
	held, over, err := StillHeld(t.Context(), s, standing)
	if err != nil || len(held) != 4 || len(over) != 0 {
		t.Errorf("%v %v %v", held, over, err)
	}
	if left := time.Until(status.Blocks[0].Until); left < 50*time.Minute || left > time.Hour+time.Minute {
		t.Errorf("ends in %s", left)
	}

	// Bob blocks it again: that is his; ana's undo leaves it, his brings hers back.
	b, r2 := l.block(s, BlockOptions{By: "bob", Places: places(outside4), For: 2 * time.Hour})
	contains(t, text(r2.Lines), "blocked: "+outside4+" by ana")
	u, err := b.Undo(t.Context(), s, r2)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, text(u.Lines), outside4+": can be reached again")
	l.verdict(a, s, r, respond.Holds)
	if u, err = a.Undo(t.Context(), s, r); err != nil {
		t.Fatal(err)
	}
	contains(t, u.Summary, "2 unblocked")
	l.same(before)
	all(t, "unblocked", []way{{l.host, "tcp", outside4 + ":9000"}, {l.host, "tcp", "[" + outside6 + "]:9000"}}, true)
}

func TestABlockEndsByItselfWithoutTheConsole(t *testing.T) {
	l := newLab(t)
	l.outside.sink("9000")
	s := l.ssh(host4)
	a, r := l.block(s, BlockOptions{Places: places(outside4), For: 3 * time.Second})
	l.cut()
	time.Sleep(200 * time.Millisecond)
	l.join()
	eventually(t, "the block ends", 10*time.Second, func() bool { return l.host.passes("tcp", outside4+":9000") })
	again := l.ssh(host4)
	l.verdict(a, again, r, respond.Not)
	if _, err := NewUnblock(places(outside4)).Plan(t.Context(), again); err != nil {
		t.Error(err)
	}
}

func TestUnblockTakesOutWhateverAnybodyBlocked(t *testing.T) {
	l := newLab(t)
	l.outside.sink("9000")
	s := l.ssh(host4)
	before := l.ruleset()
	l.block(s, BlockOptions{By: "bob", Places: places(outside4)})
	l.block(s, BlockOptions{By: "eve", Places: places("198.51.100.0/24")})
	a := NewUnblock(places(outside4, "198.51.100.0/24"))
	p, err := a.Plan(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, text(p.Lines), outside4+" by bob", "198.51.100.0/24 by eve")
	r, err := a.Apply(t.Context(), s, p)
	if err != nil {
		t.Fatal(err)
	}
	l.verdict(a, s, r, respond.Holds)
	l.same(before)
}

func TestABlockStaysWhenTheHostIsIsolatedAndReleased(t *testing.T) {
	l := newLab(t)
	s := l.ssh(host4)
	a, r := l.block(s, BlockOptions{By: "ana", Places: places(outside4)})
	iso, _, done := l.isolate(s, Options{By: "ana"})
	if _, err := iso.Undo(t.Context(), s, done); err != nil {
		t.Fatal(err)
	}
	l.verdict(a, s, r, respond.Holds)
}

func TestARateIsHeldAndLets(t *testing.T) {
	l := newLab(t)
	sink := l.outside.sink("9000")
	s := l.ssh(host4)
	before := l.ruleset()
	a, r := l.block(s, BlockOptions{By: "ana", Places: places(outside4), Rate: 20})
	l.host.background("stream", outside4+":9000") // would send about 800 kB/s
	eventually(t, "something passes", 10*time.Second, func() bool { n, _ := sink.got(); return n > 0 })
	began := time.Now()
	from, _ := sink.got()
	time.Sleep(4 * time.Second)
	to, _ := sink.got()
	if rate := float64(to-from) / time.Since(began).Seconds() / 1000; rate > 45 {
		t.Errorf("%.0f kB/s pass", rate)
	}
	l.verdict(a, s, r, respond.Holds)
	if r.Holds[0].Kind != "rate-capped" {
		t.Error(r.Holds)
	}
	if _, err := a.Undo(t.Context(), s, r); err != nil {
		t.Fatal(err)
	}
	l.same(before)
}

func TestABlockIsRefusedWhereItWouldHitOthers(t *testing.T) {
	l := newLab(t)
	l.host.sh("ip route add default via 10.77.0.1; echo nameserver 10.77.0.1 > /etc/resolv.conf")
	s := l.ssh(host4)
	for _, c := range []struct{ place, code, override string }{
		{manager4, "manager", ""}, {"10.77.0.0/24", "manager", ""}, {host4, "own-address", ""}, {"127.0.0.1", "own-address", ""},
		{"10.77.0.1", "gateway", "gateway"}, {"10.77.0.1", "resolver", "resolver"}, {"151.101.1.1", "shared", "Fastly"}, {"192.0.2.0/24", "shared", "our proxy"}, {"100.0.0.0/8", "large", "100.0.0.0/8"},
	} {
		o := BlockOptions{Places: places(c.place), Shared: []Shared{{netip.MustParsePrefix("192.0.2.7/32"), "our proxy"}}}
		_, err := NewBlock(o).Plan(t.Context(), s)
		var refusal *respond.Refusal
		if !errors.As(err, &refusal) || !refusal.Has(c.code) {
			t.Errorf("%s: %v, wanted %s", c.place, err, c.code)
			continue
		}
		if c.override == "" {
			continue
		}
		for _, reason := range refusal.Reasons {
			o.Overrides = append(o.Overrides, reason.Override)
		}
		if _, err := NewBlock(o).Plan(t.Context(), s); err != nil || !strings.Contains(strings.Join(o.Overrides, ","), c.override) {
			t.Errorf("%s overridden with %q: %v", c.place, o.Overrides, err)
		}
	}
}
