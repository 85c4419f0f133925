package ui

import (
	"net/netip"
	"testing"

	"interdict/detect"
	"interdict/respond"
	"interdict/respond/evidence"
	"interdict/respond/isolate"
)

func TestBlockAndIsolateOpenTheirPlans(t *testing.T) {
	w := newWorld(t, 120, 32)
	w.press("I")
	w.shows("ISOLATE on web-1", "PRODUCTION", "[ Isolate ]", "[ Cancel ]")
	w.press("esc")
	w.press("B")
	w.shows("BLOCK on web-1", "[ Block ]")
}

func TestEvidenceIsPlannedReadOnlyTooAndWantsNoNameTyped(t *testing.T) {
	w := newWorld(t, 120, 32, func(c *Config) { c.ReadOnly = true })
	w.press("e")
	w.shows("EVIDENCE on web-1", "[ Take it ]", "[ Cancel ]")
	if (Config{}).typed("production", evidence.KindCollect) {
		t.Error("to look wants the host's name typed")
	}
	w.press("esc")
	w.press("I")
	w.hides("ISOLATE on web-1")
}

func TestWhereTheDataGoesIsWhatABlockBlocks(t *testing.T) {
	f := theft()
	f.Transfer.Peers = []detect.Peer{
		{Addr: netip.MustParseAddr("::ffff:203.0.113.9"), Sent: 5}, {Addr: netip.MustParseAddr("198.51.100.7")}, {Addr: netip.MustParseAddr("127.0.0.1"), Sent: 9},
	}
	if got := destinations(f); len(got) != 1 || got[0].String() != "203.0.113.9/32" {
		t.Error(got)
	}
	f.Transfer.Peers[0].Sent = 0
	if got := destinations(f); len(got) != 2 {
		t.Error("nothing was sent yet, so all are meant:", got)
	}
	if a := hostAction(Config{}, blockIt, f, tool(f)); a.Kind() != isolate.KindBlock {
		t.Error(a.Kind())
	}
	if a := hostAction(Config{}, cutOff, f, tool(f)); a.Kind() != isolate.KindIsolate {
		t.Error(a.Kind())
	}
	if a := hostAction(Config{}, collect, f, tool(f)); a.Kind() != evidence.KindCollect {
		t.Error(a.Kind())
	}
	if a := hostAction(Config{}, kill, f, tool(f)); a.Kind() != "process.kill" {
		t.Error(a.Kind())
	}
}

func TestABlockWithoutADestinationSaysSo(t *testing.T) {
	w := newWorld(t, 120, 32)
	f := theft()
	f.Transfer.Peers = nil
	w.engine.put(f)
	w.send(changed{})
	w.press("B")
	w.shows("where the data goes is not known")
	w.hides("BLOCK on web-1")
}

func TestARefusalSaysWhatOverridesIt(t *testing.T) {
	w := newWorld(t, 120, 32)
	w.act.err = &respond.Refusal{Reasons: []respond.Reason{{Code: "role-etcd", Text: "a member of an etcd cluster", Override: "etcd"}}}
	w.press("I")
	w.shows("a member of an etcd cluster", `--override "etcd"`)
}
