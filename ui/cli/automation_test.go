package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/respond"
)

// alone is automation over a journal on paper.
func alone(spent *int, said *[]string) *automation {
	return &automation{
		config: Config{Environment: "staging", Automation: AutomationConfig{PerHour: 3}, Playbooks: PlaybooksConfig{Automatic: "stop-it"},
			Rights: map[string]RightsConfig{"ci": {Alone: []string{"freeze", "block"}}, "staging": {Alone: []string{"block"}}}},
		spent:    func(context.Context, time.Time) (int, error) { return *spent, nil },
		degraded: func() string { return "" }, now: time.Now, note: func(s string) { *said = append(*said, s) },
	}
}

func TestNothingIsDoneByItselfUnlessHostAndEnvironmentBothSaySo(t *testing.T) {
	spent, said := 0, []string(nil)
	a := alone(&spent, &said)
	both := []string{"freeze", "block"}
	for _, c := range []struct {
		environment string
		entry       []string
		want        string
	}{
		{"ci", both, "[freeze block]"}, {"ci", []string{"block"}, "[block]"}, {"ci", nil, "[]"},
		{"staging", both, "[block]"}, {"production", both, "[]"}, {"", both, "[block]"}, // this console's own environment
	} {
		if got := fmt.Sprint(a.allowed(c.environment, c.entry)); got != c.want {
			t.Errorf("%q with %v: %s", c.environment, c.entry, got)
		}
	}
	if !a.on() || (&automation{}).on() {
		t.Error("on")
	}
}

func TestTheBreakerStaysOpenAlsoWhenTheHourIsOver(t *testing.T) {
	spent, said := 2, []string(nil)
	a := alone(&spent, &said)
	may := func() bool { return len(a.allowed("ci", []string{"freeze"})) > 0 }
	if !may() {
		t.Error("two of three are not too many")
	}
	spent = 3
	if may() {
		t.Error("a fourth one")
	}
	a.tell()
	if len(said) != 1 || !strings.HasPrefix(said[0], "automation STOPPED: 3 changes in an hour, of at most 3") {
		t.Error(said)
	}
	spent = 0
	if may() {
		t.Error("it began again by itself")
	}
	b := alone(&spent, &said)
	b.spent = func(context.Context, time.Time) (int, error) { return 0, errors.New("no journal") }
	if len(b.allowed("ci", []string{"freeze"})) > 0 {
		t.Error("what was done in the last hour is not known")
	}
}

func TestNothingIsDoneByItselfOnDegradedData(t *testing.T) {
	spent, said := 0, []string(nil)
	a := alone(&spent, &said)
	whole := &playbooks.Guide{Answers: []playbooks.Answer{{Question: "Command line"}}}
	finding := func(degraded ...string) *detect.Finding {
		return &detect.Finding{Alert: detect.Alert{RuleName: "Copy", Host: detect.Host{Name: "web-1"}, Degraded: degraded}}
	}
	if !a.may(finding(), whole) || len(said) != 0 {
		t.Error(said)
	}
	partial := &playbooks.Guide{Answers: []playbooks.Answer{{Question: "Command line", Evidence: []playbooks.Line{{Label: "partial", Text: "1 of 3 shards failed"}}}}}
	if a.may(finding("7 events were lost"), whole) || a.may(finding(), partial) {
		t.Error("it would have acted")
	}
	a.degraded = func() string { return "ebpf: it has ended" }
	if a.may(finding(), whole) {
		t.Error("it would have acted")
	}
	if got := strings.Join(said, "\n"); !strings.Contains(got, "7 events were lost") || !strings.Contains(got, "1 of 3 shards failed") || !strings.Contains(got, "it has ended") || !strings.Contains(got, "Copy on web-1") {
		t.Error(got)
	}
}

func TestOnlyWhatNoPersonFrozeIsLetGoAfterItsTime(t *testing.T) {
	now := time.Now()
	held := func(op, kind, auto string, age time.Duration) respond.Standing {
		return respond.Standing{Held: respond.Held{Kind: kind}, Op: op, Since: now.Add(-age), Actor: respond.Actor{User: "ana", Auto: auto}}
	}
	got := overdue([]respond.Standing{
		held("a", "frozen", "stop-it", time.Hour), held("a", "frozen", "stop-it", time.Hour), held("b", "frozen", "", time.Hour),
		held("c", "frozen", "stop-it", time.Minute), held("d", "isolated", "stop-it", time.Hour), held("e", "frozen", respond.AutoQueue, time.Hour),
	}, now, 30*time.Minute)
	if len(got) != 1 || got[0].Op != "a" {
		t.Errorf("%+v", got)
	}
}
