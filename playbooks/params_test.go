package playbooks

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/sources"
)

func TestParametersAreFoundOutsideOfStringsAndComments(t *testing.T) {
	text := "WHERE a == ?name AND b == \"?no\\\"?no\" // ?no\n/* ?no */ AND c == \"\"\"?no\"\"\" AND `?no` == ?tool"
	var got []string
	for _, u := range uses(text) {
		got = append(got, u.name)
	}
	if diff := cmp.Diff([]string{"name", "tool"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAValueIsWrittenAsALiteralThatCannotEnd(t *testing.T) {
	at := time.Date(2026, 3, 4, 3, 12, 33, 7e6, time.UTC)
	params := []sources.Param{{Name: "command", Value: "scp \"; | DROP x\\\n?from"}, {Name: "from", Value: at}}
	got := writeOut("WHERE c == ?command AND @timestamp >= ?from", params)
	want := `WHERE c == "scp \"; | DROP x\\\n?from" AND @timestamp >= "2026-03-04T03:12:33.007Z"`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAQuestionWithoutItsValueIsNotAsked(t *testing.T) {
	if _, missing := bind("WHERE host.id == ?host_id", map[string]any{"name": "scp"}); missing != "host_id" {
		t.Errorf("missing %q", missing)
	}
}
