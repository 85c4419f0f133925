package detect

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/frame"
)

const countingRule = `{"rule_id":"r1","name":"R","type":"esql","language":"esql","severity":"high","risk_score":73,"from":"now-61m","interval":"1h","exceptions_list":[{"list_id":"l1"}],"query":"FROM logs-* // all | of them\n| WHERE process.name == \"rsync\"\n| STATS n = COUNT(*) BY process.name\n| WHERE n < 5"}
{"list_id":"l1","name":"known","type":"detection"}
`

// A rule that wants few rows in a group must not be kept from alerting by rows
// that are excepted: those go before it counts, as in Kibana.
func TestItemsOfARulesListLeaveRowsOutBeforeTheyAreCounted(t *testing.T) {
	now := time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)
	past := executions(now, 4, "rsync -a /srv/ backup:/srv", 2, "rsync -a /etc/ 10.1.2.3:/x")
	for _, c := range []struct {
		item, rows string
	}{
		{``, "0"}, // six are not less than five
		{`{"field":"process.command_line","type":"wildcard","operator":"included","value":"rsync -a /srv/*"}`, "1"},
		{`{"field":"process.command_line","type":"match","operator":"included","value":"rsync -a /srv/ backup:/srv"}`, "1"},
		{`{"field":"process.command_line","type":"match_any","operator":"included","value":["x","rsync -a /srv/ backup:/srv"]}`, "1"},
		{`{"field":"process.command_line","type":"match","operator":"excluded","value":"rsync -a /etc/ 10.1.2.3:/x"}`, "1"},
		{`{"field":"process.args","type":"match","operator":"included","value":"backup:/srv"}`, "1"}, // one of several
		{`{"field":"process.args","type":"wildcard","operator":"included","value":"backup*"},{"field":"host.name","type":"match","operator":"included","value":"a\"b\\"}`, "0"},
		{`{"field":"process.parent.name","type":"exists","operator":"included"}`, "0"}, // no row has it: none is left out
	} {
		text := countingRule
		if c.item != "" {
			text += `{"list_id":"l1","item_id":"i1","name":"nightly","type":"simple","entries":[` + c.item + "]}\n"
		}
		rules, problems := LoadRules(fstest.MapFS{"export.ndjson": {Data: []byte(text)}})
		if len(rules) != 1 || len(rules[0].Exceptions) != 0 {
			t.Fatalf("%+v, %v", rules, problems)
		}
		f, _, err := past.Query(t.Context(), sources.Query{Text: rules[0].Query, Window: rules[0].Window(now), Now: now})
		if err != nil {
			t.Fatalf("%v\n%s", err, rules[0].Query)
		}
		if fmt.Sprint(f.Rows) != c.rows {
			t.Errorf("%s gives %d rows, want %s:\n%s", c.item, f.Rows, c.rows, rules[0].Query)
		}
		if said := fmt.Sprint(problems); c.item != "" && !strings.Contains(said, "before they are counted, as Kibana does") {
			t.Errorf("nobody says what is left out: %s", said)
		}
	}
}

// executions are so many of each command line.
func executions(at time.Time, of ...any) *memory {
	b := frame.NewBuilder(ecs.Fields())
	place := map[string]int{}
	for i, f := range ecs.Fields() {
		place[f.Name] = i
	}
	for i := 0; i < len(of); i += 2 {
		for range of[i].(int) {
			b.Row()
			b.Time(place["@timestamp"], at.Add(-time.Minute))
			b.Keyword(place["process.name"], "rsync")
			b.Keyword(place["process.command_line"], of[i+1].(string))
			for _, arg := range strings.Fields(of[i+1].(string)) {
				b.Keyword(place["process.args"], arg)
			}
		}
	}
	return &memory{frames: []*frame.Frame{b.Build()}}
}
