package detect

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestATextIsCutAtItsPipesOnly(t *testing.T) {
	text := "FROM a // | not here\n| WHERE x == \"a|b\\\"|\" AND y == \"\"\"|\"\"\" /* | */\n| EVAL `a|b` = 1"
	var got []string
	for _, c := range cut(text) {
		got = append(got, c.name+": "+c.text)
	}
	want := []string{"from: FROM a", "where: WHERE x == \"a|b\\\"|\" AND y == \"\"\"|\"\"\"", "eval: EVAL `a|b` = 1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestThePrefixIsWhatPicksRowsWhateverTheTime(t *testing.T) {
	p := cut(seedText)
	want := "from logs-endpoint.events.process-*\n| " + p[3].text
	if got := p.prefix().String(); got != want {
		t.Errorf("got %s", got)
	}
	if got := cut("FROM a  METADATA _id | MV_EXPAND b | WHERE b == 1").prefix().String(); got != "FROM a" {
		t.Errorf("got %s", got)
	}
	if !p.clocked() || cut("FROM a | WHERE nowhere(1) == 2").clocked() {
		t.Error("now() is not seen")
	}
}

func TestFiguresAreWhatWasCountedAgainstItsLimits(t *testing.T) {
	text, limits, ok := cut(seedText).figures()
	if !ok || text != cut(seedText)[:5].String() {
		t.Errorf("text is %s", text)
	}
	if diff := cmp.Diff([]condition{{name: "agent_count", op: "==", value: "1"}, {name: "cc", op: "<", value: "5"}}, limits, cmp.AllowUnexported(condition{})); diff != "" {
		t.Error(diff)
	}
	for _, c := range []struct {
		condition
		value string
		want  bool
	}{{condition{name: "", op: "<", value: "5"}, "5", false}, {condition{name: "", op: "<=", value: "5"}, "5", true}, {condition{name: "", op: "==", value: "a"}, "a", true}, {condition{name: "", op: "!=", value: "1"}, "2", true}, {condition{name: "", op: ">", value: "9"}, "10", true}} {
		if got, known := c.holds(c.value); !known || got != c.want {
			t.Errorf("%s %s %s is %v", c.value, c.op, c.condition.value, got)
		}
	}
}

func TestGroupsThatMeetAgainAreNotJudgedApart(t *testing.T) {
	for text, want := range map[string]bool{
		seedText: true,
		"FROM a | STATS n = COUNT() BY b | SORT n | LIMIT 3 | KEEP n":                 true,
		"FROM a | STATS n = COUNT() BY b | SORT n | LIMIT 3 | WHERE n > 1":            false,
		"FROM a | LIMIT 3 | STATS n = COUNT() BY b":                                   false,
		"FROM a | STATS n = COUNT() BY b | STATS m = MAX(n)":                          false,
		"FROM a | INLINE STATS n = COUNT() BY b | STATS m = MAX(n) BY c":              false,
		"FROM a | WHERE b == 1":                                                       false,
		"FROM a | EVAL x = 1 | STATS n = COUNT() BY b | WHERE n < 5 | EVAL y = n + 1": true,
	} {
		if got := cut(text).separable(); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestConditionsThatNoEventFitsAreFound(t *testing.T) {
	for where, want := range map[string]int{
		`process.name == "scp" AND process.name == "sftp"`:                           1,
		`process.name == "scp" AND event.action == "exec" AND process.name != "scp"`: 1,
		`bytes > 5 AND bytes < 5`:                                                    1,
		`bytes >= 5 AND bytes <= 5`:                                                  0,
		`bytes > 5 AND bytes < 9 AND bytes == 10`:                                    1,
		`process.name == "scp" OR process.name == "sftp"`:                            0,
		`process.name == "scp" AND NOT process.name == "x"`:                          0,
		`process.name == "scp" AND process.name == "scp"`:                            0,
		`process.name != "scp" AND process.name != "sftp"`:                           0,
		`process.name IN ("a") AND process.name LIKE "b*"`:                           0,
		`process.name == "scp" | WHERE process.name == "b"`:                          0,
		`host.name > "10" AND host.name < "9"`:                                       0, // as texts they are
		`host.name == "10" AND host.name < "9"`:                                      0,
	} {
		if got := cut("FROM a | WHERE " + where).impossible(); len(got) != want {
			t.Errorf("%s: %v", where, got)
		}
	}
	text := "[rule]\nrule_id = \"i\"\nname = \"I\"\ndescription = \"x\"\ntype = \"esql\"\nlanguage = \"esql\"\nseverity = \"low\"\nrisk_score = 21\n" +
		"query = '''\nFROM logs-*\n| WHERE process.name == \"scp\"\n  AND process.name == \"sftp\"\n'''\n"
	good := strings.Replace(strings.Replace(text, "\"i\"", "\"g\"", 1), "\"sftp\"", "\"scp\"", 1)
	rules, problems := LoadRules(fstest.MapFS{"a.toml": {Data: []byte(text)}, "b.toml": {Data: []byte(good)}})
	if len(rules) != 1 || rules[0].ID != "g" || len(problems) != 1 || !strings.Contains(problems[0].Error(), `a.toml:12: query: no event fits both process.name == scp and process.name == sftp: is OR meant?`) {
		t.Errorf("%d rules, %v", len(rules), problems)
	}
}
