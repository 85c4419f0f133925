package isolate

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"interdict/respond"
)

func places(texts ...string) []netip.Prefix {
	var list []netip.Prefix
	for _, s := range texts {
		p, err := ParseNet(s)
		if err != nil {
			panic(err)
		}
		list = append(list, p)
	}
	return list
}

func example() (Note, kept) {
	return Note{ID: "0123456789abcdef", By: "ana", At: time.Date(2026, 11, 26, 3, 13, 31, 0, time.UTC), Case: "INC-0012"},
		kept{Managers: places("10.0.9.5", "2001:db8::5"), SSHPort: 2222, Cut: []netip.AddrPort{netip.MustParseAddrPort("10.0.9.5:4711")},
			Out: []Endpoint{{Net: places("10.0.1.10")[0], Proto: "tcp", Port: 9200}}, DHCP: []netip.Addr{netip.MustParseAddr("10.0.0.1")}, DHCP6: true}
}

func TestEveryWriterWritesTheSameList(t *testing.T) {
	n, k := example()
	nft, four, six := nftRules(n, k, []string{"eth0"}), iptablesRules(n, k, 4), iptablesRules(n, k, 6)
	for _, want := range []string{
		"ip saddr 10.0.9.5 tcp dport 2222 tcp sport 4711 drop",
		"ip saddr 10.0.9.5 tcp dport 2222 accept",
		"ip daddr 10.0.9.5 tcp sport 2222 tcp flags & (syn | ack) != syn accept",
		"ip6 saddr 2001:db8::5 tcp dport 2222 accept",
		"ip daddr 10.0.1.10 tcp dport 9200 accept",
		"ip saddr 10.0.1.10 tcp sport 9200 tcp flags & (syn | ack) != syn accept",
		"ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept",
		"icmpv6 type { 133, 134, 135, 136 } accept",
		`type filter hook egress device "eth0" priority -320; policy drop;`,
		`return comment "case INC-0012"`,
	} {
		if !strings.Contains(nft, want) {
			t.Errorf("nft lacks %q:\n%s", want, nft)
		}
	}
	for _, want := range []string{
		"-A INTERDICT_IN -s 10.0.9.5/32 -p tcp --dport 2222 --sport 4711 -j DROP",
		"-A INTERDICT_IN -s 10.0.9.5/32 -p tcp --dport 2222 -j ACCEPT",
		"-A INTERDICT_OUT -d 10.0.9.5/32 -p tcp --sport 2222 ! --tcp-flags SYN,ACK SYN -j ACCEPT",
		"-A INTERDICT_OUT -d 10.0.1.10/32 -p tcp --dport 9200 -j ACCEPT",
		"-A INTERDICT_IN -p icmp --icmp-type 3/4 -j ACCEPT",
		"-A INTERDICT_FWD -j DROP",
	} {
		if !strings.Contains(four, want) {
			t.Errorf("iptables lacks %q:\n%s", want, four)
		}
	}
	if strings.Contains(four, "2001:db8") || strings.Contains(six, "10.0.") || !strings.Contains(six, "-p icmpv6 --icmpv6-type 135 -j ACCEPT") {
		t.Errorf("families are mixed:\n%s\n%s", four, six)
	}
}

func TestNothingOfANoteCanLeaveItsComment(t *testing.T) {
	for _, hostile := range []string{`ana"; } flush ruleset; #`, "a\nb", "$(reboot)", "`id`", "\x1b[2J", strings.Repeat("x", 500), "=== restore", "'", `\"`, ""} {
		n := Note{ID: "0123456789abcdef", By: hostile, Case: hostile, At: time.Now()}
		for _, line := range append(n.lines(), n.line()) {
			if strings.ContainsAny(line, "\"'`$;{}#\\\n\x1b=") || len(line) > 127 {
				t.Errorf("%q", line)
			}
		}
		if got := readNote(n.line()); got.ID != n.ID {
			t.Errorf("%q is read as %+v", n.line(), got)
		}
		if got := readNotes(n.lines()); got.ID != n.ID || got.At.Unix() != n.At.Unix() {
			t.Errorf("%q is read as %+v", n.lines(), got)
		}
	}
}

func TestOnlyOneSpellingOfAPlaceIsTaken(t *testing.T) {
	for in, want := range map[string]string{"10.0.0.1": "10.0.0.1/32", "10.0.0.9/24": "10.0.0.0/24", "::ffff:10.0.0.1": "10.0.0.1/32", "2001:DB8::1": "2001:db8::1/128"} {
		if p, err := ParseNet(in); err != nil || p.String() != want {
			t.Errorf("%s: %s %v", in, p, err)
		}
	}
	for _, in := range []string{"evil.example", "", "10.0.0.1; flush ruleset", "fe80::1%eth0", "0.0.0.0/0", "::/0", "0.0.0.0", "224.0.0.1", "::ffff:10.0.0.0/104", "10.0.0.1/33"} {
		if p, err := ParseNet(in); err == nil {
			t.Errorf("%q is taken as %s", in, p)
		}
	}
	for in, want := range map[string]string{"10.0.1.10:9200": "10.0.1.10:9200/tcp", "[2001:db8::1]:514/udp": "[2001:db8::1]:514/udp", "10.0.4.0/24:443/tcp": "10.0.4.0/24:443/tcp"} {
		if e, err := ParseEndpoint(in); err != nil || e.String() != want {
			t.Errorf("%s: %s %v", in, e, err)
		}
	}
	for _, in := range []string{"10.0.1.10", "10.0.1.10:0", "10.0.1.10:70000", "2001:db8::1:514", "host:22", ":22", "10.0.1.10:22/icmp"} {
		if e, err := ParseEndpoint(in); err == nil {
			t.Errorf("%q is taken as %s", in, e)
		}
	}
}

func TestANameOfADeviceThatCouldMeanMoreIsLeftOut(t *testing.T) {
	for _, name := range []string{"eth0", "enp3s0f0", "eth0.10", "br-1a2b", "wg0", "veth@x"} {
		if !deviceName(name) {
			t.Error(name, "is left out")
		}
	}
	for _, name := range []string{"", "lo", `e"; drop`, "a b", "a\nb", "-x", "{}", "0123456789abcdef", "ä"} {
		if deviceName(name) {
			t.Errorf("%q is taken", name)
		}
	}
}

func TestASharedListIsReadWithItsLineWhenItIsWrong(t *testing.T) {
	list, err := ParseShared("# ours\n10.1.0.0/16 the proxy\n\n")
	if err != nil || len(list) != 1 || list[0].Owner != "the proxy" {
		t.Error(list, err)
	}
	for _, in := range []string{"10.1.0.0/16", "proxy.example proxy"} {
		if _, err := ParseShared("# ours\n" + in); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%q: %v", in, err)
		}
	}
	if got := owners(places("151.101.1.69")[0], nil); len(got) != 1 || got[0] != "Fastly" {
		t.Error(got)
	}
}

// staged is a survey of a host of which the probe said this beside the usual.
func staged(said string) *survey {
	f := readFacts([]byte("uid\t0\nworks\tnft\nhas\trun\nhas\tawk\nhas\tsed\nend\tyes\n" + said))
	s := &survey{facts: f, tool: "nft"}
	s.readConnections()
	s.readOperator(netip.MustParseAddrPort("10.0.9.5:4711"))
	return s
}

func TestHostsThatOthersNeedAreRefusedInTheRightWords(t *testing.T) {
	for _, c := range []struct{ name, said, code, words, override string }{
		{"k8s node", "comm\tkubelet\n", "role-kubernetes-node", "started again on other nodes", "kubernetes node"},
		{"etcd", "comm\tetcd\n", "role-etcd", "quorum", "etcd"},
		{"database primary", "postgres\tpostgres: 15/main: walsender repl 10.0.0.2(50000) streaming\n", "role-database-primary", "1 standby follows", "database primary"},
		{"galera", "listen\t11D7 2\n", "role-galera", "quorum", "galera"},
		{"virtual ip", "comm\tkeepalived\n", "role-virtual-ip", "another host takes that over", "virtual ip"},
		{"fencing", "comm\tpacemakerd\n", "role-fencing", "cut its power", "fencing"},
		{"nfs client", "mount\tnfs4 /home\n", "role-network-file-systems", "/home", "network file systems"},
		{"bastion", "ssh\t10.0.9.5 4711 10.0.2.21 22\nsession\t1502000A:0016 0709000A:1000\nsshout\t3\n", "role-jump-host", "3 SSH connections lead on", "jump host"},
	} {
		a := &isolation{}
		reasons := a.refusals(staged(c.said))
		refusal := &respond.Refusal{Reasons: reasons}
		if len(reasons) != 1 || !refusal.Has(c.code) || !strings.Contains(refusal.Error(), c.words) {
			t.Errorf("%s: %v", c.name, refusal)
			continue
		}
		if left := overridable(reasons, []string{c.override}); len(left) != 0 || !errors.Is(refusal, respond.ErrRefused) {
			t.Errorf("%s: %v after the override", c.name, left)
		}
	}
	for _, said := range []string{"", "comm\tredis-server\ncomm\tdockerd\ncomm\tnginx\ndmi\tAmazon EC2\n", "postgres\tpostgres: 15/main: walreceiver streaming\n"} {
		s := staged(said)
		if reasons := (&isolation{}).refusals(s); len(reasons) != 0 {
			t.Errorf("%q is refused: %v", said, reasons)
		}
		if said != "" && !strings.Contains(s.roleText(), "could not tell") {
			t.Error(s.roleText())
		}
	}
}

func TestAnOperatorBehindAMultiplexerIsNotLockedOut(t *testing.T) {
	f := readFacts([]byte("uid\t0\nworks\tnft\nhas\trun\nhas\tawk\nhas\tsed\nssh\t10.0.9.5 4711 10.0.2.21 22\nsession\t1502000A:0016 0709000A:1000\nend\tyes\n"))
	s := &survey{facts: f, tool: "nft", onMachine: true}
	s.readConnections()
	s.readOperator(netip.AddrPort{})
	refusal := &respond.Refusal{Reasons: (&isolation{}).refusals(s)}
	if s.manager.IsValid() || !refusal.Has("operator-unknown") {
		t.Error(s.manager, refusal)
	}
	if left := (&isolation{options: Options{Keep: places("10.0.9.7")}}).refusals(s); len(left) != 0 {
		t.Error(left)
	}
}

func FuzzWhatAHostSays(f *testing.F) {
	f.Add([]byte("uid\t0\nlink\teth0 device type=1\nsession\t1502000A:0016 0709000A:1000\nlisten\t0016 1\nlogin\t10.0.0.1\n"))
	f.Add([]byte("link\t\"; flush ruleset\nresolver\tfe80::1%x\ndhcp\t0.0.0.0\nhostname\t\x1b]0;x\a\n"))
	f.Fuzz(func(t *testing.T, said []byte) {
		s := staged(string(said))
		s.readDevices()
		a := &isolation{options: Options{DNS: true}}
		in := a.intend(s)
		rules := nftRules(in.Note, in.Kept, in.Devices) + iptablesRules(in.Note, in.Kept, 4) + iptablesRules(in.Note, in.Kept, 6)
		for line := range strings.SplitSeq(rules, "\n") {
			if strings.ContainsAny(line, "`$#\\\x1b\r\x00") || strings.Contains(line, "flush") {
				t.Errorf("%q", line)
			}
		}
		a.lines(s, in)
		a.warnings(s, in)
		readStatus(readFacts(said))
	})
}
