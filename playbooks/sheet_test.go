package playbooks

import (
	"strings"
	"testing"

	"interdict/detect"
)

func TestTheEmbeddedGuideAsksNineQuestionsAndKnowsThreeEnvironments(t *testing.T) {
	s, err := BuiltinSheet()
	if err != nil {
		t.Fatal(err)
	}
	ids := ""
	for i, q := range s.Questions {
		ids += q.ID + " "
		if q.Number != i+1 || q.Asks == "" || q.Query == "" {
			t.Errorf("question %d is not whole: %+v", i, q)
		}
	}
	if ids != "command parent host time system expected left others credentials " {
		t.Error(ids)
	}
	for _, name := range []string{"ci", "staging", "production"} {
		if e := s.Environments[name]; len(e.Implications) < 2 || len(e.Actions) < 3 {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func TestAWrongGuideIsRefusedWithTheLine(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":       {"version: 1\nquestons: []\n", "g.yaml: line 2: field questons not found"},
		"no yaml":           {"version: 1\n\t- x\n", "g.yaml: line 2"},
		"another version":   {"version: 9\n", "g.yaml: line 1: version is 9"},
		"unknown parameter": {"version: 1\nquestions:\n  - id: a\n    number: 1\n    title: A\n    query: |\n      FROM x\n      | WHERE a == ?nmae\n", "g.yaml: line 8: nothing fills ?nmae"},
		"one line query":    {"version: 1\nquestions:\n  - id: a\n    number: 1\n    title: A\n    query: FROM x | WHERE a == ?nmae\n", "g.yaml: line 6: nothing fills ?nmae"},
		"no ES|QL":          {"version: 1\nquestions:\n  - id: a\n    number: 1\n    title: A\n    query: |\n      FROM x\n      | WHER a == 1\n", "g.yaml: line 8: the query: mismatched input"},
		"same id":           {"version: 1\nquestions:\n  - {id: a, number: 1, title: A}\n  - {id: a, number: 2, title: B}\n", "g.yaml: line 4: question \"a\" was asked in line 3 already"},
		"same number":       {"version: 1\nquestions:\n  - {id: a, number: 1, title: A}\n  - {id: b, number: 1, title: B}\n", "g.yaml: line 4: number 1 was given in line 3 already"},
		"no title":          {"version: 1\nquestions:\n  - {id: a, number: 1}\n", "needs id, number"},
		"two documents":     {"version: 1\n---\nversion: 1\n", "more than one document"},
	} {
		_, err := ParseSheet("g.yaml", []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestARulesOwnGuideTakesTheRestFromTheEmbeddedOne(t *testing.T) {
	s, err := ParseRuleSheet("mine.guide.yaml", []byte("version: 1\nname: mine\nquestions:\n  - {id: left, number: 1}\n  - {id: own, number: 2, title: Own, query: FROM x}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Baseline == "" || len(s.Environments) != 3 || s.Questions[0].Title != "What left" || s.Questions[0].Query == "" || s.Questions[1].Query != "FROM x" {
		t.Errorf("%+v", s)
	}
	rules := []*detect.Rule{{ID: "a", File: "a.toml", Guide: "version: 1\nquestions:\n  - {id: odd, number: 1}\n"},
		{ID: "b", File: "b.toml", Guide: "version: 1\nquestions:\n  - {id: left, number: 1}\n"}, {ID: "c", File: "c.toml"}}
	sheets, err := RuleSheets(rules)
	if len(sheets) != 1 || sheets["b"] == nil || err == nil || !strings.Contains(err.Error(), "a.guide.yaml: line 3") {
		t.Errorf("%v, %v", sheets, err)
	}
}

func TestTheStepsOfANoteBecomeAChecklist(t *testing.T) {
	steps := ParseNote("## Triage and analysis\n\nText that explains.\n\n### Steps\n- Look at **the parent**\n  and where it came from.\n\n```\n- not a step\n```\n1. Ask `who`.\n")
	want := []Step{{"Steps", "Look at the parent and where it came from."}, {"Steps", "Ask who."}}
	if len(steps) != 2 || steps[0] != want[0] || steps[1] != want[1] {
		t.Errorf("got %q", steps)
	}
}
