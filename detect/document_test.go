package detect

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"interdict/sources/ecs"
)

func TestAnAlertIsAnECSDocumentThatTheCatalogueReadsBack(t *testing.T) {
	s := theft()
	k := follow(s)
	tr := k.transferOf(t, s.entity(4121), s.now)
	a := Alert{
		ID: "7Q2M", RuleID: "r", RuleName: "Rare\u202e", Severity: "high", Risk: 73, Tactics: []string{"Exfiltration"}, Raised: epoch, First: epoch, Last: epoch,
		Count: 2, Why: "a \"b\"\x1b[31m\xff", Process: tr.Tool, Host: Host{ID: "m1", Name: "web-1", BootID: boot, OSType: "linux", Environment: "production"},
		Row: []Field{{"cc", "1"}}, NoLonger: "no longer matches: 5 of < 5",
	}
	f := &Finding{Alert: a, Transfer: tr}
	doc := f.AppendJSON(nil)
	if strings.ContainsAny(string(doc), "\n\x1b") || !json.Valid(doc) {
		t.Fatalf("not one line of JSON: %s", doc)
	}
	d := ecs.NewDecoder(ecs.DecoderOptions{})
	if err := d.Document(doc); err != nil {
		t.Fatal(err)
	}
	if m := d.Misfits(); len(m) > 0 {
		t.Errorf("misfits: %+v", m)
	}
	row := d.Build()
	for name, want := range map[string]string{
		"@timestamp": "2026-03-04T03:12:33.000Z", "event.kind": "signal", "kibana.alert.uuid": "7Q2M", "kibana.alert.severity": "high",
		"kibana.alert.risk_score": "73", "kibana.alert.rule.name": "Rare\u202e", "kibana.alert.reason": "a \"b\"\x1b[31m\uFFFD",
		"kibana.alert.workflow_status": "open", "rule.id": "r", "host.name": "web-1", "host.boot.id": boot, "labels.environment": "production",
		"process.pid": "4121", "process.entity_id": s.entity(4121), "process.name": "scp", "interdict.tool": "scp",
	} {
		if got := row.Text(name, 0); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	var all struct {
		Interdict struct {
			Transfer struct {
				Direction string
				Sent      int64
				Peers     []struct{ Address string }
				Files     []struct{ Path, Sensitive string }
			}
			Alert struct {
				NoLonger string `json:"no_longer"`
			}
		}
	}
	if err := json.Unmarshal(doc, &all); err != nil {
		t.Fatal(err)
	}
	if x := all.Interdict; x.Transfer.Sent != 48_000_000 || x.Transfer.Direction != "out" || x.Transfer.Peers[0].Address != "203.0.113.9" ||
		x.Transfer.Files[0].Sensitive != "customer data" || x.Alert.NoLonger != a.NoLonger {
		t.Errorf("got %+v", x)
	}
	a.To = netip.MustParseAddrPort("203.0.113.9:22")
	if bare := string(a.AppendJSON(nil)); !strings.Contains(bare, `"destination":{"ip":"203.0.113.9","port":22}`) {
		t.Errorf("where it went: %s", bare)
	}
	if bare := a.AppendJSON([]byte("x")); bare[0] != 'x' || !json.Valid(bare[1:]) || strings.Contains(string(bare), `"transfer"`) {
		t.Errorf("alone: %s", bare)
	}
}
