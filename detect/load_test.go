package detect

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

const plain = `[metadata]
maturity = "production"
[rule]
rule_id = "r1"
name = "R"
type = "esql"
language = "esql"
severity = "low"
risk_score = 21
interval = "1h"
from = "now-61m"
query = '''
FROM logs-endpoint.events.process-*
| WHERE process.name == "scp"
'''
`

func load(t *testing.T, name, text string) (*Rule, []Problem) {
	t.Helper()
	rules, problems := LoadRules(fstest.MapFS{name: {Data: []byte(text)}})
	if len(rules) == 0 {
		return nil, problems
	}
	return rules[0], problems
}

func TestARuleFileIsReadWithItsTimes(t *testing.T) {
	r, problems := load(t, "r.toml", plain)
	if r == nil || len(problems) > 0 {
		t.Fatal(problems)
	}
	if r.Interval != time.Hour || r.Lookback != 61*time.Minute || r.Risk != 21 || r.Line != 13 || r.MaxSignals != 100 {
		t.Errorf("got %+v", r)
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.UTC)
	if w := r.Window(now); w.From != now.Truncate(time.Millisecond).Add(-61*time.Minute) || w.To.Sub(w.From) != 61*time.Minute+time.Millisecond {
		t.Errorf("window %v", w)
	}
}

func TestWhatIsWrongWithARuleFileIsSaidWithItsLine(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"syntax", `risk_score = 21`, `risk_score = `, "r.toml:9:"},
		{"type", `name = "R"`, `name = 7`, "r.toml:5:"},
		{"severity", `severity = "low"`, `severity = "lov"`, `r.toml:8: severity: "lov" is none of`},
		{"risk", `risk_score = 21`, `risk_score = 101`, "r.toml:9: risk_score: 101"},
		{"interval", `interval = "1h"`, `interval = "1x"`, `r.toml:10: interval: "1x"`},
		{"from", `from = "now-61m"`, `from = "61m"`, `r.toml:11: from: "61m"`},
		{"id", `rule_id = "r1"`, `rule_id = ""`, "r.toml:4: rule_id: is missing"},
		{"query", `| WHERE process.name == "scp"`, `| WHERE process.name = = "scp"`, "r.toml:14:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, problems := load(t, "r.toml", strings.Replace(plain, c.old, c.new, 1))
			if r != nil || len(problems) == 0 || problems[0].Warning || !strings.HasPrefix(problems[0].Error(), c.want) {
				t.Errorf("got %v and %v, want %s", r, problems, c.want)
			}
		})
	}
}

func TestFieldsThatDoNotConcernUsAreWarnedOfAndTheRuleLoads(t *testing.T) {
	text := strings.Replace(plain, `name = "R"`, "name = \"R\"\nbuilding_block_type = \"default\"\nseverty = \"low\"\nauthor = [\"x\"]", 1)
	r, problems := load(t, "r.toml", text)
	if r == nil || len(problems) != 2 {
		t.Fatalf("got %v, %v", r, problems)
	}
	for i, want := range []string{"r.toml:6:1: rule.building_block_type is not used", "r.toml:7:1: rule.severty is not used, did you mean severity?"} {
		if p := problems[i]; !p.Warning || !strings.HasPrefix(p.Error(), want) {
			t.Errorf("got %v, want %s", p, want)
		}
	}
}

func TestARuleInAnotherLanguageIsListedWithItsName(t *testing.T) {
	text := strings.NewReplacer(`type = "esql"`, `type = "eql"`, `language = "esql"`, `language = "eql"`).Replace(plain)
	r, problems := load(t, "r.toml", text)
	if r == nil || r.Unsupported == "" || len(problems) != 1 || !problems[0].Warning || !strings.Contains(problems[0].Text, `"R"`) {
		t.Fatalf("got %+v, %v", r, problems)
	}
	e, err := New(Options{Rules: []*Rule{r}})
	if err != nil {
		t.Fatal(err)
	}
	if s := e.Snapshot().Rules[0]; s.Mode != Off || len(s.Notes) == 0 {
		t.Errorf("status %+v", s)
	}
}

func TestTwoRulesOfOneIDAreNotBothLoaded(t *testing.T) {
	rules, problems := LoadRules(fstest.MapFS{"a.toml": {Data: []byte(plain)}, "sub/b.toml": {Data: []byte(plain)}, "c.txt": {Data: []byte("no rule")}})
	if len(rules) != 1 || len(problems) != 1 || !strings.Contains(problems[0].Text, "a.toml") {
		t.Errorf("got %v, %v", rules, problems)
	}
}

func TestKibanasExportLoadsRuleByRule(t *testing.T) {
	text := `{"id":"x","rule_id":"r1","name":"R","type":"esql","language":"esql","severity":"high","risk_score":73,"from":"now-9m","interval":"5m","enabled":true,"exceptions_list":[],"actions":[{"id":"a"}],"future":{"a":1},"output_index":"x","max_signals":50,"query":"FROM logs-* | WHERE process.name == \"scp\"","threat":[{"framework":"MITRE ATT&CK","tactic":{"id":"TA0010","name":"Exfiltration","reference":"x"},"technique":[]}],"alert_suppression":{"group_by":["host.name"],"duration":{"unit":"h","value":6}}}
not json
{"rule_id":"r2","name":"Q","type":"query","language":"kuery","severity":"low","risk_score":1,"query":"x:y"}
{"exported_count":2,"exported_rules_count":2}
`
	rules, problems := LoadRules(fstest.MapFS{"export.ndjson": {Data: []byte(text)}})
	if len(rules) != 2 {
		t.Fatalf("got %v, %v", rules, problems)
	}
	r := rules[0]
	if r.Severity != "high" || r.MaxSignals != 50 || r.Tactics[0] != "Exfiltration" || r.Suppression.For != 6*time.Hour || r.Lookback != 9*time.Minute {
		t.Errorf("got %+v", r)
	}
	var said []string
	for _, p := range problems {
		said = append(said, p.Error())
	}
	all := strings.Join(said, "\n")
	for _, want := range []string{"export.ndjson:1: actions is not used", "export.ndjson:1: future is not used", "export.ndjson:2: not a JSON object", `export.ndjson:3: "Q" is listed but not run`} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is missing in:\n%s", want, all)
		}
	}
	if strings.Contains(all, "output_index") {
		t.Errorf("what Kibana writes down for itself concerns nobody:\n%s", all)
	}
}

func TestTheRulesThatComeWithTheProgramAreWhole(t *testing.T) {
	rules, problems := Builtin()
	for _, p := range problems {
		t.Error(p)
	}
	if len(rules) < 8 {
		t.Errorf("%d rules", len(rules))
	}
	for _, r := range rules {
		if r.Note == "" || r.Why == "" || len(r.Tactics) == 0 || strings.TrimSuffix(r.File, ".toml") != strings.ReplaceAll(r.ID, "-", "_") {
			t.Errorf("%s (%s) lacks something", r.ID, r.File)
		}
	}
}

func TestEveryRuleFindsWhatItShouldAndLeavesNearMissesAlone(t *testing.T) {
	rules, _ := Builtin()
	finds, misses := make(map[string]int), make(map[string]int)
	for _, r := range TestRules(BuiltinFS()) {
		if !r.OK {
			t.Errorf("%s:%d: %s\n%s", r.File, r.Line, r.Name, r.Diff)
		}
		if r.Alerts > 0 {
			finds[r.Rule]++
		} else {
			misses[r.Rule]++
		}
	}
	for _, r := range rules {
		if finds[r.Name] < 1 || misses[r.Name] < 3 {
			t.Errorf("%s has %d tests that find and %d near misses", r.Name, finds[r.Name], misses[r.Name])
		}
	}
}

func FuzzLoadRules(f *testing.F) {
	f.Add("r.toml", plain)
	f.Add("r.ndjson", `{"rule_id":"r1","name":"R","type":"esql","severity":"high","risk_score":73,"query":"FROM x"}`)
	f.Fuzz(func(t *testing.T, name, text string) {
		for _, ext := range []string{".toml", ".ndjson"} {
			LoadRules(fstest.MapFS{"r" + ext: {Data: []byte(text)}})
		}
		for _, s := range scripts(text) {
			s.run(&Rule{ID: "x", Language: "kuery", Unsupported: "no"})
		}
	})
}
