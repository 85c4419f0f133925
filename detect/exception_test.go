package detect

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// nightly is a backup that somebody knows about: two gigabytes at most.
func nightly() *Exception {
	return &Exception{
		ID: "x1", Name: "nightly", Reason: "backup of the database", Author: "ana", MaxBytes: 2_000_000_000, Created: epoch.Add(-time.Hour), Expires: epoch.Add(time.Hour),
		Entries: []Entry{
			{Field: "process.command_line", Values: []string{"rsync -a /srv/* 10.0.4.12::backup"}, Wildcard: true},
			{Field: "process.parent.executable", Values: []string{"/usr/local/bin/nightly"}},
			{Field: "destination.ip", Values: []string{"10.0.4.0/24"}},
		},
	}
}

// backup is what nightly is about, with sent bytes so far.
func backup(sent int64) *scene {
	s := newScene()
	s.exec(700, 1, "/usr/local/bin/nightly").exec(811, 700, "rsync -a /srv/db 10.0.4.12::backup")
	s.open(811, "/srv/db/base.tar", 5_000_000_000).net("connection_attempted", 811, "10.0.4.12:873", 0, 0)
	s.net("transfer", 811, "10.0.4.12:873", sent, 10)
	return s
}

func judged(t *testing.T, s *scene, all ...*Exception) (*Engine, *Snapshot) {
	t.Helper()
	rules, _ := Builtin()
	e, err := New(Options{Rules: rules, Now: func() time.Time { return s.now }})
	if err != nil {
		t.Fatal(err)
	}
	e.SetExceptions(all)
	if err := e.Put(t.Context(), s.batch()); err != nil {
		t.Fatal(err)
	}
	return e, e.Snapshot()
}

func TestAnExceptionHidesWhatItKnowsWithinItsLimits(t *testing.T) {
	s := backup(1000)
	e, snap := judged(t, s, nightly())
	if len(snap.Findings) != 0 || len(snap.Hidden) != 1 || snap.Hidden[0].Exception.ID != "x1" {
		t.Fatalf("%d shown, %d hidden", len(snap.Findings), len(snap.Hidden))
	}
	if f, ok := e.Finding(snap.Hidden[0].ID); !ok || f.Exception == nil {
		t.Error("what is hidden is not found by its id")
	}
	s.net("transfer", 811, "10.0.4.12:873", 2_000_000_001, 10)
	if err := e.Put(t.Context(), s.batch()); err != nil {
		t.Fatal(err)
	}
	if snap = e.Snapshot(); len(snap.Findings) != 1 || !strings.Contains(snap.Findings[0].Breach, "2000000001 bytes, of at most 2000000000") {
		t.Errorf("beyond its limit: %d shown, %d hidden", len(snap.Findings), len(snap.Hidden))
	}
	e.SetExceptions(nil)
	if snap = e.Snapshot(); len(snap.Findings) != 1 || snap.Findings[0].Breach != "" {
		t.Error("an exception that was ended still acts")
	}
}

func TestWhatNoExceptionMayHide(t *testing.T) {
	for name, change := range map[string]func(s *scene){
		"another far end":     func(s *scene) { s.net("connection_attempted", 811, "203.0.113.9:22", 0, 0) },
		"key material":        func(s *scene) { s.open(811, "/srv/keys/id_ed25519", 400) },
		"credentials":         func(s *scene) { s.open(811, "/srv/app/.env", 400) },
		"no far end is known": nil,
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene()
			s.exec(700, 1, "/usr/local/bin/nightly").exec(811, 700, "rsync -a /srv/db 10.0.4.12::backup")
			if change != nil {
				s = backup(1000)
				change(s)
			}
			_, snap := judged(t, s, nightly())
			if len(snap.Findings) != 1 || len(snap.Hidden) != 0 {
				t.Errorf("%d shown, %d hidden", len(snap.Findings), len(snap.Hidden))
			}
		})
	}
	f := &Finding{Transfer: &Transfer{Tool: Process{PID: 5, Name: "x"}, Ancestors: []Process{{Name: ".x.sh", Executable: "/dev/shm/.x.sh", Deleted: true}}}}
	if why := nightly().breach(f); !strings.Contains(why, "no name") {
		t.Errorf("below a deleted file: %q", why)
	}
}

func TestAnExceptionEndsByItself(t *testing.T) {
	s := backup(1000)
	e, _ := judged(t, s, nightly())
	s.wait(2 * time.Hour)
	e.tick(t.Context())
	if snap := e.Snapshot(); len(snap.Findings) != 1 || len(snap.Hidden) != 0 {
		t.Errorf("%d shown, %d hidden", len(snap.Findings), len(snap.Hidden))
	}
}

func TestWhatAnEntryFits(t *testing.T) {
	f := &Finding{Alert: Alert{RuleID: "r1", Host: Host{Name: "db-3"}, Process: Process{Name: "rsync", CommandLine: "rsync -a /srv/db h::b", User: "backup"}}}
	for _, c := range []struct {
		e    Entry
		want bool
	}{
		{Entry{Field: "process.name", Values: []string{"scp", "rsync"}}, true},
		{Entry{Field: "process.name", Values: []string{"RSYNC"}}, false},
		{Entry{Field: "process.name", Values: []string{"rsync"}, Not: true}, false},
		{Entry{Field: "process.command_line", Values: []string{"rsync * h::?"}, Wildcard: true}, true},
		{Entry{Field: "process.command_line", Values: []string{"rsync * h::"}, Wildcard: true}, false},
		{Entry{Field: "process.command_line", Values: []string{"rsync * h::?"}}, false},
		{Entry{Field: "user.name", Exists: true}, true},
		{Entry{Field: "user.id", Exists: true}, false},
		{Entry{Field: "user.id", Exists: true, Not: true}, true},
		{Entry{Field: "destination.ip", Values: []string{"10.0.0.0/8"}}, false},
		{Entry{Field: "no.such", Values: []string{"x"}}, false},
	} {
		if got := (&Exception{Entries: []Entry{c.e}}).Fits(f); got != c.want {
			t.Errorf("%+v: %v", c.e, got)
		}
	}
	if (&Exception{}).Fits(f) {
		t.Error("an exception without conditions fits")
	}
	if (&Exception{Rules: []string{"r2"}, Entries: []Entry{{Field: "process.name", Values: []string{"rsync"}}}}).Fits(f) {
		t.Error("an exception of another rule fits")
	}
	if !like("*"+strings.Repeat("a*", 40)+"b", strings.Repeat("a", 5000)+"b") || like(strings.Repeat("*a", 40)+"c", strings.Repeat("a", 5000)) {
		t.Error("many stars")
	}
}

func TestAnExceptionThatWouldHideEverythingIsRefused(t *testing.T) {
	for name, entries := range map[string][]Entry{
		"nothing":         nil,
		"a host":          {{Field: "host.name", Values: []string{"web-1"}}},
		"any name":        {{Field: "process.name", Values: []string{"*"}, Wildcard: true}},
		"a letter":        {{Field: "process.executable", Values: []string{"/*s*"}, Wildcard: true}},
		"letters apart":   {{Field: "process.command_line", Values: []string{"*-*?*a*"}, Wildcard: true}},
		"half of all":     {{Field: "destination.ip", Values: []string{"128.0.0.0/1"}}},
		"root":            {{Field: "user.name", Values: []string{"root"}}},
		"every address":   {{Field: "destination.ip", Values: []string{"0.0.0.0/0"}}},
		"only exclusions": {{Field: "process.name", Values: []string{"scp"}, Not: true}},
		"existence":       {{Field: "process.name", Exists: true}},
		"a strange field": {{Field: "process.pid", Values: []string{"1"}}},
		"no value":        {{Field: "process.name"}},
	} {
		if err := (&Exception{Entries: entries}).Check(); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if err := nightly().Check(); err != nil {
		t.Error(err)
	}
}

func TestAnExceptionIsAnItemOfAnElasticListAndBack(t *testing.T) {
	want := nightly()
	want.Entries = append(want.Entries, Entry{Field: "user.name", Values: []string{"a", "b"}, Not: true}, Entry{Field: "container.id", Exists: true, Not: true})
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Exception
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(&got)
	if err != nil || string(again) != string(text) {
		t.Errorf("%s\n%s\n%v", text, again, err)
	}
}

func TestTheListsOfKibanasExportBelongToTheirRules(t *testing.T) {
	text := `{"rule_id":"r1","name":"R","type":"esql","language":"esql","severity":"high","risk_score":73,"exceptions_list":[{"list_id":"l1"},{"list_id":"l2"}],"query":"FROM logs-* | WHERE process.name == \"rsync\""}
{"list_id":"l1","name":"known","type":"detection"}
{"list_id":"l1","item_id":"i1","name":"nightly","type":"simple","entries":[{"field":"process.command_line","type":"wildcard","operator":"included","value":"rsync -a /srv/*"}],"expire_time":"2099-01-01T00:00:00Z"}
{"list_id":"l1","item_id":"i2","name":"by list","type":"simple","entries":[{"field":"process.name","type":"list","operator":"included","list":{"id":"x","type":"keyword"}}]}
{"exported_count":1}
`
	rules, problems := LoadRules(fstest.MapFS{"export.ndjson": {Data: []byte(text)}})
	if len(rules) != 1 || len(rules[0].Exceptions) != 1 || rules[0].Exceptions[0].Rules[0] != "r1" {
		t.Fatalf("%+v, %v", rules, problems)
	}
	said := ""
	for _, p := range problems {
		said += p.Error() + "\n"
	}
	for _, want := range []string{`"nightly" is compared with alerts, not with rows before they are counted: it ends on a day`, `exception "by list"`, "not supported", "exception list l2 is not in the file"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not said:\n%s", want, said)
		}
	}
}

func TestAnItemWithAMistakeIsRefusedInWords(t *testing.T) {
	for item, want := range map[string]string{
		`{"name":"n","entrys":[]}`: `there is no key "entrys", did you mean entries?`,
		`{"name":"n","entries":[{"field":"process.name","typ":"match","operator":"included","value":"scp"}]}`:                                                                                                           `there is no key "typ", did you mean type?`,
		`{"name":"n","entries":[{"field":"process.nam","type":"match","operator":"included","value":"scp"}]}`:                                                                                                           `"process.nam" cannot be compared with an alert, did you mean process.name; there are`,
		`{"name":"n","entries":[{"field":"process.name","type":"match","operator":"included","value":"scp"},{"field":"process.name","type":"match","operator":"included","value":"sftp"}]}`:                             `no alert fits both`,
		`{"name":"n","entries":[{"field":"process.name","type":"match","operator":"included","value":"scp"},{"field":"process.name","type":"match_any","operator":"excluded","value":["sftp","scp"]}]}`:                 `no alert fits both`,
		`{"name":"n","entries":[{"field":"process.name","type":"match","operator":"included","value":"scp"},{"field":"process.name","type":"exists","operator":"excluded"}]}`:                                           `no alert fits both`,
		`{"name":"n","entries":[{"field":"process.name","type":"match_any","operator":"included","value":["scp","sftp"]},{"field":"process.name","type":"match","operator":"excluded","value":"scp"}]}`:                 ``,
		`{"name":"n","entries":[{"field":"destination.ip","type":"match","operator":"included","value":"10.0.0.0/8"},{"field":"destination.ip","type":"match","operator":"included","value":"10.1.0.0/16"}]}`:           ``,
		`{"name":"n","entries":[{"field":"process.command_line","type":"wildcard","operator":"included","value":"scp *"},{"field":"process.command_line","type":"wildcard","operator":"excluded","value":"* /etc/*"}]}`: ``,
	} {
		var x Exception
		err := json.Unmarshal([]byte(item), &x)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", item, err)
		}
	}
}
