package main

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"interdict/testdata/bench"
	"interdict/testdata/elasticsearch"
	labs "interdict/testdata/lab"
)

// forward passes connections to an address of a host's network on to a server
// of the machine.
func forward(t *testing.T, n labs.Network, address, to string) {
	t.Helper()
	accept(t, n, address, func(near net.Conn) {
		defer near.Close()
		far, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		go func() { io.Copy(far, near); far.Close() }()
		io.Copy(near, far)
	})
}

// watched is a lab of which a cluster tells that scp runs on web-1, and a console
// in the manager's place that shows it.
func watched(t *testing.T) (*stage, *terminal) {
	node := elasticsearch.Start(t)
	s := newStage(t, labs.Options{})
	h := s.Host("web-1")
	at, err := url.Parse(node.URL)
	if err != nil {
		t.Fatal(err)
	}
	forward(t, s.Manager.Network(), "127.0.0.1:9200", at.Host)
	config, err := os.ReadFile(s.Config())
	if err != nil {
		t.Fatal(err)
	}
	more := "\n[elasticsearch.lab]\nurls = [\"http://127.0.0.1:9200\"]\nevents = \"logs-endpoint.events.*-cut\"\n"
	if err := os.WriteFile(s.Config(), append(config, more...), 0o600); err != nil {
		t.Fatal(err)
	}
	const index = "logs-endpoint.events.process-cut"
	mapping := `{"mappings":{"dynamic_templates":[{"strings":{"match_mapping_type":"string","mapping":{"type":"keyword"}}}],"properties":{"@timestamp":{"type":"date"},"host":{"properties":{"ip":{"type":"ip"}}}}}}`
	event := fmt.Sprintf(`{"@timestamp":%q,"agent":{"id":"lab"},"host":{"id":%q,"boot":{"id":%q},"name":"web-1","ip":["%s"],"os":{"type":"linux"}},"event":{"id":"e1","kind":"event","category":["process"],"type":["start"],"action":"exec","dataset":"endpoint.events.process"},"data_stream":{"dataset":"endpoint.events.process","namespace":"cut"},"process":{"pid":77,"entity_id":"p77","name":"scp","executable":"/usr/bin/scp","command_line":"scp /srv/secret outside:/srv/","args":["scp","/srv/secret","outside:/srv/"],"parent":{"pid":70,"entity_id":"p70","name":"nginx","executable":"/usr/sbin/nginx"}}}`,
		time.Now().UTC().Format(time.RFC3339Nano), strings.TrimSpace(on(t, h, "cat /etc/machine-id")), strings.TrimSpace(on(t, h, "cat /proc/sys/kernel/random/boot_id")), h.V4)
	if err := node.Index(index, mapping, []string{event}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Do("DELETE", "/"+index, "") })
	c := s.command("--source", "elasticsearch:lab")
	console := startTerminal(t, 120, 40, c.Path, c.Args[1:]...)
	console.wait("the alert of web-1", `scp`, `web-1`)
	return s, console
}

// The same from the console, on a terminal: the alert of another host, the key,
// the plan, the proof, and the way back.
func TestThePersonAtTheConsoleCutsAnotherHostOff(t *testing.T) {
	s, console := watched(t)
	h := s.Host("web-1")
	before := rules(t, h)
	arrived := s.copies(h, s.Outside.V4, s.Outside)
	console.press("I")
	t.Log(console.wait("the plan", `ISOLATE on web-1`, `(?s)Right host.*machine id, host key and address\s+agree`, `\[ Isolate \]`))
	console.approve("Isolate")
	t.Log(console.wait("the proof", `isolated and proven`))
	wire, err := h.Watch()
	if err != nil {
		t.Fatal(err)
	}
	quiet, sent := time.Now(), arrived()
	console.press(escape)
	console.wait("what stands", `STANDING.*isolated 1`)
	if c, err := h.Network().Dial("tcp", net.JoinHostPort(s.Outside.V4, "22")); err == nil {
		c.Close()
		t.Error("isolated, and yet it reaches the outside")
	}
	if bad := leaks(wire.Since(quiet)); len(bad) > 0 || arrived() != sent {
		t.Errorf("isolated, and yet %d bytes more arrived: %v", arrived()-sent, bad)
	}
	console.press("R")
	console.approve("Release")
	t.Log(console.wait("the release", `(?i)released`))
	console.press(escape)
	console.wait("that nothing stands", `STANDING none`)
	if after := rules(t, h); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	soon(t, "the transfer goes on", 30*time.Second, func() bool { return arrived() > sent })
	wire.Close()
}

// lastPacket starts a transfer from a host, calls cut, which says when it began,
// and gives how long after that its last packet left.
func lastPacket(t *testing.T, s *stage, wire *labs.Wire, cut func() time.Time) float64 {
	t.Helper()
	c, err := s.Host("web-1").Network().Dial("tcp", net.JoinHostPort(s.Outside.V4, "9000"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() {
		b := make([]byte, 512)
		for {
			if _, err := c.Write(b); err != nil {
				return
			}
			<-time.After(time.Millisecond)
		}
	}()
	<-time.After(200 * time.Millisecond)
	key := cut()
	last, port := key, c.LocalAddr().(*net.TCPAddr).Port
	for _, p := range wire.Since(key) {
		if p.Proto == "tcp" && int(p.From.Port()) == port {
			last = p.At
		}
	}
	return milliseconds(last.Sub(key))
}

// From the key that approves to the last packet of a running transfer that is not
// the alert's own, which stops as it is frozen; the console is connected as it is
// when an alert is looked at. What is captured first is in it. Beside that, the bare
// rules over a connection of ssh that is there already.
func TestMeasureRespondFromKeyToLastPacket(t *testing.T) {
	bench.Wanted(t)
	const samples = 12
	s, console := watched(t)
	accept(t, s.Outside.Network(), ":9000", func(c net.Conn) { io.Copy(io.Discard, c); c.Close() })
	wire, err := s.Host("web-1").Watch()
	if err != nil {
		t.Fatal(err)
	}
	defer wire.Close()
	ssh := "ssh -F " + s.SSHConfig() + " -S " + filepath.Join(t.TempDir(), "master") + " web-1 "
	on(t, s.Manager, strings.Replace(ssh, "web-1", "-M -f -N web-1", 1)+"</dev/null >/dev/null 2>&1")
	var ours, bare []float64
	for range samples {
		ours = append(ours, lastPacket(t, s, wire, func() time.Time {
			console.press("I")
			console.wait("the plan", `\[ Isolate \]`)
			console.press(tab)
			<-time.After(time.Second) // the dialog arms 400 ms after the last key
			key := time.Now()
			console.press(enter)
			console.wait("the proof", `isolated and proven`)
			return key
		}))
		console.press(escape)
		console.wait("what stands", `STANDING.*isolated 1`)
		console.press("R")
		console.approve("Release")
		console.wait("the release", `(?i)released`)
		console.press(escape)
		console.wait("that nothing stands", `STANDING none`)
		bare = append(bare, lastPacket(t, s, wire, func() time.Time {
			key := time.Now()
			on(t, s.Manager, ssh+`"nft add table inet bare; nft 'add chain inet bare out { type filter hook output priority 0; policy drop; }; add rule inet bare out tcp sport 22 accept'"`)
			<-time.After(time.Second)
			on(t, s.Manager, ssh+`"nft delete table inet bare"`)
			return key
		}))
	}
	on(t, s.Manager, strings.Replace(ssh, "web-1", "-O exit web-1", 1)+"2>&1")
	for _, q := range []float64{0.5, 0.99} {
		bench.Tell(t, bench.Figure{Name: fmt.Sprintf("key to last packet of a transfer, %d times, p%.0f", samples, 100*q), Value: bench.Quantile(ours, q), Unit: "ms",
			Peer: "a bare drop rule over a warm connection of ssh", PeerValue: bench.Quantile(bare, q)})
	}
}
