package respond_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"interdict/respond"
)

func inventory(t *testing.T, sources ...[]respond.HostEntry) *respond.Inventory {
	t.Helper()
	v, err := respond.NewInventory(sources...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func refusal(t *testing.T, err error, code string) {
	t.Helper()
	var r *respond.Refusal
	if !errors.As(err, &r) || !r.Has(code) {
		t.Errorf("not refused as %s: %v", code, err)
	}
}

const (
	idA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	idB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func TestAnAlertsHostIsFoundByAgentThenMachineIDThenName(t *testing.T) {
	v := inventory(t, []respond.HostEntry{{Name: "web-1", AgentIDs: []string{"agent-1"}}, {Name: "web-2", HostID: idB}, {Name: "db-1"}})
	for want, c := range map[string]respond.Claim{
		"web-1": {AgentID: "agent-1", Name: "db-1"},
		"web-2": {AgentID: "agent-9", HostID: idB, Name: "db-1"},
		"db-1":  {HostID: idA, Name: "DB-1"},
	} {
		if e, err := v.Match(c); err != nil || e.Name != want {
			t.Errorf("%s: %q %v", want, e.Name, err)
		}
	}
}

func TestANameThatAnEventCarriesIsNeverDialledUnlessListed(t *testing.T) {
	v := inventory(t, []respond.HostEntry{{Name: "web-1"}})
	for _, name := range []string{"", "10.0.0.5", "web-1.evil.example", "-oProxyCommand=x", "web-1\n"} {
		_, err := v.Match(respond.Claim{Name: name})
		refusal(t, err, respond.CodeNotListed)
	}
}

func TestAMachineIDOfTwoHostsIsRefused(t *testing.T) {
	v := inventory(t, []respond.HostEntry{{Name: "web-1", HostID: idA}, {Name: "web-2", HostID: idA}, {Name: "db-1"}, {Name: "db-2"}})
	_, err := v.Match(respond.Claim{HostID: idA, Name: "web-1"})
	refusal(t, err, respond.CodeAmbiguous)
	refusal(t, v.Vet("web-1", respond.Identity{HostID: idA}, nil), respond.CodeCloned)
	refusal(t, v.Vet("db-1", respond.Identity{HostID: idB}, []string{"db-1", "db-2"}), respond.CodeCloned)
	if err := v.Vet("db-1", respond.Identity{HostID: idB}, []string{"db-1", "its-old-name"}); err != nil {
		t.Errorf("a host that was given a new name: %v", err)
	}
	refusal(t, v.Vet("web-2", respond.Identity{HostID: idB}, nil), respond.CodeWrongHost)
	_, err = v.Match(respond.Claim{HostID: idB, Name: "web-2"})
	refusal(t, err, respond.CodeWrongHost)
}

func TestAHostIsProvenByTheProcessOrByAllThreeTogether(t *testing.T) {
	here := netip.MustParseAddr("10.0.0.5")
	p := respond.ProcessID{BootID: "boot", PID: 42, Start: 700 * respond.Tick}
	c := respond.Claim{HostID: idA, BootID: "boot", Process: p, Exe: "/usr/bin/scp", Addresses: []netip.Addr{here}}
	seen := respond.Sighting{Identity: respond.Identity{HostID: idA, BootID: "boot"}, Process: p, Exe: "/usr/bin/scp"}
	if by, err := c.Prove("web-1", seen); err != nil || !strings.Contains(by, "42@700") {
		t.Errorf("%q %v", by, err)
	}
	machine := seen
	machine.Process, machine.Exe, machine.Reach = respond.ProcessID{}, "", respond.Reach{Address: here, Key: "SHA256:x"}
	if by, err := c.Prove("web-1", machine); err != nil || !strings.Contains(by, "agree") {
		t.Errorf("%q %v", by, err)
	}
	for what, change := range map[string]func(*respond.Sighting){
		"another address":     func(s *respond.Sighting) { s.Reach.Address = netip.MustParseAddr("10.0.0.6") },
		"behind a jump host":  func(s *respond.Sighting) { s.Reach.Address = netip.Addr{} },
		"a key just accepted": func(s *respond.Sighting) { s.Reach.Asked = true },
		"no machine id":       func(s *respond.Sighting) { s.Identity.HostID = "" },
		"another program":     func(s *respond.Sighting) { s.Process, s.Exe, s.Reach = p, "/bin/sh", respond.Reach{} },
		"another start":       func(s *respond.Sighting) { s.Process.PID, s.Exe, s.Reach = 43, "/usr/bin/scp", respond.Reach{} },
	} {
		s := machine
		change(&s)
		_, err := c.Prove("web-1", s)
		if err == nil {
			t.Errorf("%s: proven", what)
			continue
		}
		refusal(t, err, respond.CodeUnproven)
	}
	seen.Identity.HostID = idB
	_, err := c.Prove("web-1", seen)
	refusal(t, err, respond.CodeWrongHost)
}

func TestOneNameInSeveralSourcesIsOneHost(t *testing.T) {
	v := inventory(t,
		[]respond.HostEntry{{Name: "web-1", Owner: "ana", Labels: map[string]string{"tier": "front"}, Source: "config.toml"}},
		[]respond.HostEntry{{Name: "web-1", Owner: "bob", Address: "10.0.0.5", Port: 2222, Groups: []string{"web"}, Labels: map[string]string{"tier": "x", "rack": "7"}}, {Name: "web-2", Groups: []string{"web"}}})
	e, ok := v.Find("web-1")
	if !ok || e.Owner != "ana" || e.Address != "10.0.0.5" || e.Port != 2222 || e.Labels["tier"] != "front" || e.Labels["rack"] != "7" || e.Source != "config.toml" {
		t.Errorf("%+v", e)
	}
	if g := v.Group("web"); len(g) != 2 || len(v.Entries()) != 2 {
		t.Errorf("%+v", g)
	}
}

func TestAnEntryThatCannotBeOneIsRefusedWithItsSource(t *testing.T) {
	for _, e := range []respond.HostEntry{{Name: "-oProxyCommand=x"}, {Name: "a b"}, {Name: "local"}, {Name: ""}, {Name: "a", Address: "-x"}, {Name: "a", Port: 70000},
		{Name: "a", Environment: "prod"}, {Name: "a", Criticality: "very"}, {Name: "a", Allow: []string{"kill"}}} {
		e.Source = "hosts.json"
		if _, err := respond.NewInventory([]respond.HostEntry{e}); err == nil || !strings.Contains(err.Error(), "hosts.json") {
			t.Errorf("%+v: %v", e, err)
		}
	}
}

func TestAnsiblesInventoryIsRead(t *testing.T) {
	entries, err := respond.ReadAnsible("hosts.json", []byte(`{
		"_meta": {"hostvars": {
			"web-1": {"ansible_host": "10.0.0.5", "ansible_port": 2222, "ansible_user": "ops", "ansible_ssh_private_key_file": "~/.ssh/ops",
				"ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o ProxyJump=ana@bastion:2200,inner", "interdict_owner": "web team",
				"interdict_allow": ["freeze"], "interdict_host_id": "`+idA+`", "anything": {"else": [1]}},
			"db-1": {"ansible_port": "22", "interdict_environment": "staging"}}},
		"all": {"children": ["ungrouped", "production", "loop"]},
		"production": {"children": ["web"]}, "web": {"hosts": ["web-1"]}, "loop": {"children": ["loop"], "hosts": ["db-1"]},
		"ungrouped": {"hosts": ["lone"]}}`))
	if err != nil || len(entries) != 3 {
		t.Fatalf("%+v %v", entries, err)
	}
	db, lone, web := entries[0], entries[1], entries[2]
	if web.Address != "10.0.0.5" || web.Port != 2222 || web.User != "ops" || web.Environment != "production" || web.Owner != "web team" || web.HostID != idA ||
		!slices.Equal(web.Jump, []string{"ana@bastion:2200", "inner"}) || !slices.Equal(web.Groups, []string{"production", "web"}) || !slices.Equal(web.Allow, []string{"freeze"}) {
		t.Errorf("%+v", web)
	}
	if db.Name != "db-1" || db.Port != 22 || db.Environment != "staging" || lone.Name != "lone" || len(lone.Groups) != 0 {
		t.Errorf("%+v %+v", db, lone)
	}
	for _, bad := range []string{"", "[]", `{"_meta": 7}`} {
		if _, err := respond.ReadAnsible("hosts.json", []byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
