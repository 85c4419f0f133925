package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	labs "interdict/testdata/lab"
)

// stage is a lab, and somebody at the command line in the manager's place.
type stage struct {
	*labs.Lab
	t       *testing.T
	program string
	state   string
}

func newStage(t *testing.T, o labs.Options) *stage {
	t.Helper()
	l := labs.Start(t, o)
	return &stage{Lab: l, t: t, program: executable(t), state: filepath.Join(t.TempDir(), "state")}
}

// command is the program under test with its arguments.
func (s *stage) command(args ...string) *exec.Cmd {
	return s.Manager.Command(s.program, append([]string{"--config", s.Config(), "--state", s.state}, args...)...)
}

func (s *stage) run(args ...string) (string, error) {
	out, err := s.command(args...).CombinedOutput()
	return string(out), err
}

// does runs what has to work, and to say so.
func (s *stage) does(args []string, words ...string) string {
	s.t.Helper()
	out, err := s.run(args...)
	if err != nil {
		s.t.Fatalf("%v: %v\n%s", args, err, out)
	}
	says(s.t, out, words...)
	return out
}

func says(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q is not in:\n%s", w, text)
		}
	}
}

func on(t *testing.T, h *labs.Host, script string) string {
	t.Helper()
	out, err := h.Sh(script)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// soon waits for what has to come.
func soon(t *testing.T, what string, within time.Duration, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(within); !holds(); waitBriefly() {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", within, what)
		}
	}
}

// isolated tells whether our table is loaded, by an answer of nft and not by the lack of one.
func isolated(t *testing.T, h *labs.Host) bool {
	t.Helper()
	return slices.Contains(strings.Split(on(t, h, "nft list tables"), "\n"), "table inet interdict")
}

// rules are what is loaded on a host, handles and what is ours aside.
func rules(t *testing.T, h *labs.Host) string {
	t.Helper()
	var listing struct {
		Nftables []map[string]map[string]any `json:"nftables"`
	}
	if err := json.Unmarshal([]byte(on(t, h, "nft -s -j list ruleset")), &listing); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, object := range listing.Nftables {
		for kind, o := range object {
			delete(o, "handle")
			if name, _ := o["table"].(string); kind == "metainfo" || strings.HasPrefix(name, "interdict") || kind == "table" && strings.HasPrefix(o["name"].(string), "interdict") {
				continue
			}
			b, err := json.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, kind+" "+string(b))
		}
	}
	return strings.Join(all, "\n")
}

// kept is what the plan keeps: SSH with the manager, and what an interface needs
// to stay one.
func kept(p labs.Packet) bool {
	switch p.Proto {
	case "arp":
		return true
	case "icmp6":
		return p.Type >= 133 && p.Type <= 136 || p.Type >= 130 && p.Type <= 132 || p.Type == 143
	case "tcp":
		to := p.To.Addr().String()
		return p.From.Port() == 22 && (to == "10.77.0.2" || to == "fd77::2")
	}
	return false
}

// leaks are packets that left and that the plan does not keep.
func leaks(packets []labs.Packet) (all []labs.Packet) {
	for _, p := range packets {
		if !kept(p) {
			all = append(all, p)
		}
	}
	return all
}

// length is how long the wire is watched: a minute for a person who asks for it.
func length() time.Duration {
	if s := os.Getenv("INTERDICT_LAB_WATCH"); s != "" {
		if d, err := time.ParseDuration(s); err == nil {
			return d
		}
	}
	return 8 * time.Second
}

// copies starts an scp of a file that is too large to end, and waits until it runs.
func (s *stage) copies(from *labs.Host, to string, far *labs.Host) (arrived func() int64) {
	s.t.Helper()
	name := "/srv/from-" + from.Name() + "-" + strconv.Itoa(len(to))
	on(s.t, from, "[ -e /srv/secret ] || truncate -s 2G /srv/secret")
	c := from.Command("scp", "-q", "-l", "20000", "/srv/secret", to+":"+name)
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	arrived = func() int64 {
		info, err := os.Stat(far.Path(name))
		if err != nil {
			return 0
		}
		return info.Size()
	}
	soon(s.t, "scp to "+to+" runs", 20*time.Second, func() bool { return arrived() > 1<<20 })
	return arrived
}

// attempts are tried at once from all sides; passed are those that got through.
func (s *stage) attempts(h *labs.Host) (passed []string) {
	var mu sync.Mutex
	var wait sync.WaitGroup
	try := func(what string, from labs.Network, network, address string) {
		wait.Go(func() {
			c, err := from.Dial(network, address)
			if err != nil {
				return
			}
			defer c.Close()
			if network == "udp" {
				c.SetDeadline(time.Now().Add(time.Second))
				if _, err := c.Write([]byte("hello")); err != nil {
					return
				}
				if _, err := c.Read(make([]byte, 8)); err != nil {
					return
				}
			}
			mu.Lock()
			defer mu.Unlock()
			passed = append(passed, fmt.Sprintf("%s: %s %s", what, network, address))
		})
	}
	for _, network := range []string{"tcp", "udp"} {
		for _, far := range []*labs.Host{s.Outside, s.Host("db-3"), s.Manager} {
			for _, address := range []string{far.V4, far.V6} {
				try("out", h.Network(), network, net.JoinHostPort(address, "9000"))
			}
			for _, address := range []string{h.V4, h.V6} {
				try("in from "+far.Name(), far.Network(), network, net.JoinHostPort(address, "9000"))
			}
		}
		try("from the container", h.Container(), network, net.JoinHostPort(s.Outside.V4, "9000"))
	}
	for _, address := range []string{h.V4, h.V6} {
		try("to the published port", s.Outside.Network(), "tcp", net.JoinHostPort(address, "8080"))
		try("another's SSH", s.Host("db-3").Network(), "tcp", net.JoinHostPort(address, "22"))
	}
	wait.Wait()
	slices.Sort(passed)
	return passed
}

// serve takes connections and answers datagrams at port 9000 of hosts, and takes
// connections at port 80 of a container, until the test ends.
func serve(t *testing.T, hosts ...*labs.Host) {
	t.Helper()
	for _, h := range hosts {
		listen(t, h.Network(), ":9000")
		u, err := h.Network().ListenPacket("udp", ":9000")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { u.Close() })
		go func() {
			b := make([]byte, 64)
			for {
				n, from, err := u.ReadFrom(b)
				if err != nil {
					return
				}
				u.WriteTo(b[:n], from)
			}
		}()
	}
	listen(t, hosts[0].Container(), ":80")
}

func listen(t *testing.T, n labs.Network, address string) {
	t.Helper()
	accept(t, n, address, func(c net.Conn) { c.Close() })
}

// accept hands each connection to an address of a network to take, until the test ends.
func accept(t *testing.T, n labs.Network, address string, take func(net.Conn)) {
	t.Helper()
	l, err := n.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go take(c)
		}
	}()
}

// The whole of it, on hosts with systemd: somebody copies data to two other
// machines, the host is cut off, stays so over a restart of its firewall and of
// itself, and is given back.
func TestAHostIsCutOffStaysSoOverRestartsAndIsGivenBackAsItWas(t *testing.T) {
	s := newStage(t, labs.Options{Hosts: 3, Container: true})
	h, login := s.Host("web-1"), func(to string) string {
		return on(t, s.Manager, "ssh -o ConnectTimeout=5 -F "+s.SSHConfig()+" "+to+" hostname")
	}
	for _, n := range []*labs.Host{h, s.Manager} { // neighbours that are forgotten each second
		on(t, n, "for f in ipv4 ipv6; do cd /proc/sys/net/$f/neigh/eth0; echo 1000 >base_reachable_time_ms; echo 1 >gc_stale_time; done")
	}
	serve(t, h, s.Outside, s.Host("db-3"), s.Manager)
	all := 2*(3*2+3*2+1) + 4
	if passed := s.attempts(h); len(passed) != all {
		t.Fatalf("before, %d of %d ways are open: %q", len(passed), all, passed)
	}
	before := rules(t, h)
	wire, err := h.Watch()
	if err != nil {
		t.Fatal(err)
	}
	four, six := s.copies(h, s.Host("db-3").V4, s.Host("db-3")), s.copies(h, "["+s.Host("ci-17").V6+"]", s.Host("ci-17"))

	t.Log(s.does([]string{"isolate", "web-1", "--dest", s.Outside.V4, "--keep", s.Manager.V6, "--survive", "--case", "INC-0012", "--yes"},
		"SSH (port 22) from 10.77.0.2, fd77::2", "isolated and proven", "survives", "systemd", "verified: holds"))
	quiet := time.Now()
	sent4, sent6 := four(), six()
	if passed := s.attempts(h); len(passed) > 0 {
		t.Errorf("isolated, and yet: %q", passed)
	}
	for time.Since(quiet) < length() {
		if out := login("web-1") + login("web-1-v6"); out != "web-1\nweb-1\n" {
			t.Errorf("a new login: %q", out)
		}
	}
	tell := func(when string, from time.Time) {
		t.Helper()
		packets := wire.Since(from)
		if bad := leaks(packets); len(bad) > 0 {
			t.Errorf("%s: %d of %d packets left that the plan does not keep: %v", when, len(bad), len(packets), bad[:min(len(bad), 10)])
		}
	}
	tell("isolated", quiet)
	if four() != sent4 || six() != sent6 {
		t.Errorf("the transfers moved on by %d and %d bytes", four()-sent4, six()-sent6)
	}

	for _, verb := range []string{"restart", "stop", "start"} {
		began := time.Now()
		on(t, h, "systemctl "+verb+" nftables")
		back := time.Now()
		if !isolated(t, h) {
			t.Errorf("%s nftables: the rules are not back when it is done", verb)
		}
		gone := leaks(wire.Since(began))
		t.Logf("%s nftables: %d packets left before the rules were back: %v", verb, len(gone), gone)
		if passed := s.attempts(h); len(passed) > 0 {
			t.Errorf("%s nftables, and yet: %q", verb, passed)
		}
		tell(verb+" nftables", back)
	}

	reboot := time.Now()
	if err := h.Reboot(); err != nil {
		t.Fatal(err)
	}
	serve(t, h)
	if passed := s.attempts(h); len(passed) > 0 {
		t.Errorf("after a restart of the host, and yet: %q", passed)
	}
	tell("since the host was started again", h.Booted())
	gone := leaks(wire.Since(reboot))
	t.Logf("%d packets left while the host went down: %v", len(gone), gone)
	s.does([]string{"status", "web-1"}, "web-1  isolated", "INC-0012")

	on(t, h, "nft add element inet site bad { 198.51.100.8 }")
	t.Log(s.does([]string{"release", "web-1", "--yes"}, "minus ours", "198.51.100.8", "verified: "))
	if after := rules(t, h); strings.ReplaceAll(after, `,"198.51.100.8"`, "") != before || after == before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	if passed := s.attempts(h); len(passed) != all {
		t.Errorf("given back, only %d of %d ways are open: %q", len(passed), all, passed)
	}
	if left := on(t, h, "find /etc/interdict /etc/systemd/system /run/interdict -name '*interdict*' 2>/dev/null || true"); left != "/run/interdict\n" {
		t.Errorf("left behind: %s", left)
	}
	if missed := wire.Close(); missed != 0 {
		t.Errorf("%d packets were not seen", missed)
	}
	s.does([]string{"journal", "verify"}, "whole: ")
}

// seen waits for what a script on a host finds. Asked for often, as the moment may be short.
func seen(t *testing.T, h *labs.Host, what, script string) {
	t.Helper()
	soon(t, h.Name()+": "+what, 30*time.Second, func() bool {
		_, err := h.Sh(script)
		return err == nil
	})
}

// Whatever happens to the console or to the link to it before the host confirms:
// the host is itself again within its timer and 5 s, or isolated and proven.
func TestAConsoleThatIsKilledOrCutOffAtAnyStepLeavesTheHostsAsTheyWereOrProven(t *testing.T) {
	const within = 10 * time.Second
	moments := []struct{ host, when, script string }{
		{"web-1", "the rules are in and the link is cut", "nft list table inet interdict"},
		{"db-3", "the timer is armed", "ls /run/interdict/*/armed"},
		{"ci-17", "the rules are in", "nft list table inet interdict"},
		{"host-4", "the proof runs", "ls /run/interdict/*/flows.1"},
	}
	s := newStage(t, labs.Options{Hosts: len(moments)})
	var consoles sync.WaitGroup
	for _, m := range moments {
		h, own := s.Host(m.host), *s
		own.state = filepath.Join(t.TempDir(), m.host)
		consoles.Go(func() {
			before := rules(t, h)
			console := own.command("isolate", m.host, "--dest", s.Outside.V4, "--within", within.String(), "--yes")
			if err := console.Start(); err != nil {
				t.Error(err)
				return
			}
			seen(t, h, m.when, m.script)
			if m.host == "web-1" {
				if err := h.Cut(); err != nil {
					t.Error(err)
				}
			} else {
				console.Process.Kill()
				console.Wait()
			}
			soon(t, m.host+" is itself again", within+5*time.Second, func() bool {
				return !isolated(t, h) && strings.TrimSpace(on(t, h, "ls /run/interdict/*/armed 2>/dev/null || true")) == ""
			})
			if after := rules(t, h); after != before {
				t.Errorf("%s: before:\n%s\nafter:\n%s", m.host, before, after)
			}
			if err := h.Restore(); err != nil {
				t.Error(err)
			}
			if m.host == "web-1" {
				if err := console.Wait(); err == nil {
					t.Error("the console says that it isolated a host that it was cut off from")
				}
			}
			status, err := own.run("status", m.host)
			if err != nil || strings.Contains(status, "isolated by") || m.when != "the timer is armed" && !strings.Contains(status, s.Outside.V4) {
				t.Errorf("%s: %v\n%s", m.host, err, status)
			}
			journal, err := own.run("journal", "show")
			if err != nil || !strings.Contains(journal, "isolate") {
				t.Errorf("%s: %v\n%s", m.host, err, journal)
			}
			t.Logf("%s, %s:\n%s%s", m.host, m.when, status, journal)
		})
	}
	consoles.Wait()
}

func TestHostsThatOthersNeedAndHostsThatAreCopiesAreRefusedInWords(t *testing.T) {
	s := newStage(t, labs.Options{Hosts: 4})
	staged := map[string]struct {
		script string
		words  []string
	}{
		"web-1": {"cp /bin/sleep /usr/local/bin/kubelet; systemd-run -q /usr/local/bin/kubelet 1000", []string{"kubernetes node", "its pods are started again on other nodes"}},
		"db-3":  {`systemd-run -q bash -c 'exec -a "postgres: walsender replica 10.77.0.13(40000) streaming 0/3000060" sleep 1000'`, []string{"database primary", "1 standby follows it"}},
	}
	for name, c := range staged {
		on(t, s.Host(name), c.script)
	}
	// Somebody goes on from ci-17 to another host.
	jump := s.Host("db-3").Command("ssh", "ci-17", "ssh host-4 sleep 1000")
	if err := jump.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { jump.Process.Kill(); jump.Wait() })
	seen(t, s.Host("host-4"), "somebody came through ci-17", "ss -tnH state established | grep -qE '10.77.0.13|fd77::13'")
	staged["ci-17"] = struct {
		script string
		words  []string
	}{"", []string{"jump host", "others may reach hosts through it"}}
	for name, c := range staged {
		before := rules(t, s.Host(name))
		out, err := s.run("isolate", name, "--yes")
		if code := exitCode(err); code != 3 {
			t.Errorf("%s: exit code %d, want 3: refused\n%s", name, code, out)
		}
		says(t, out, c.words...)
		t.Log(out)
		if isolated(t, s.Host(name)) || rules(t, s.Host(name)) != before {
			t.Errorf("%s was changed", name)
		}
	}
	s.does([]string{"isolate", "ci-17", "--override", "jump host", "--yes"}, "OVERRIDDEN jump host", "isolated and proven")

	// An image that was cloned with its id: host-4 is looked at first, then its copy.
	s.does([]string{"block", s.Outside.V4, "host-4", "--for", "1h", "--yes"}, "verified: holds")
	on(t, s.Host("web-1"), "rm /etc/machine-id; echo "+strings.TrimSpace(on(t, s.Host("host-4"), "cat /etc/machine-id"))+" >/etc/machine-id")
	for _, name := range []string{"web-1", "host-4"} {
		out, err := s.run("isolate", name, "--override", "kubernetes node", "--yes")
		if code := exitCode(err); code != 3 {
			t.Errorf("%s: exit code %d, want 3: refused\n%s", name, code, out)
		}
		says(t, out, "one is a copy of the other", "systemd-machine-id-setup")
		t.Log(out)
	}
	s.does([]string{"unblock", s.Outside.V4, "host-4", "--yes"}, "verified: holds") // giving back is never refused
}

func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}
