package playbooks

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestTheBuiltInPlaybooksAreInOrder(t *testing.T) {
	all, err := BuiltinPlaybooks()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, b := range all {
		ids = append(ids, b.ID)
	}
	for _, id := range []string{"contain-and-preserve", "preserve-only", "block-destination", "ci-stop", "credential-rotation", "watch-after-containment", "escalate", "tell-owner", "hand-over"} {
		if _, err := FindPlaybook(all, id); err != nil {
			t.Errorf("%v among %v", err, ids)
		}
	}
	b, _ := FindPlaybook(all, "contain-and-preserve")
	var steps []string
	for _, stage := range b.Stages {
		for _, s := range stage {
			steps = append(steps, s.ID)
		}
	}
	if got := strings.Join(steps, " "); got != "freeze capture block isolate verify collect kill sweep watch tell-owner/owner tell-owner/call credential-rotation/replace" {
		t.Error(got)
	}
}

func TestWhatIsWrongWithAPlaybookIsSaidWithItsLineAndWhatWasMeant(t *testing.T) {
	head := "version: 1\nid: a\nname: A\nsteps:\n"
	for text, want := range map[string]string{
		"version: 1\nid: a\nname: A\nstep: []\n":                                             `x.yaml: line 4: a playbook has no "step"; did you mean "steps"?`,
		head + "  - id: f\n    do: freze\n":                                                  `x.yaml: line 6: a step cannot do "freze"; did you mean "freeze"?`,
		head + "  - id: f\n    do: freeze\n    on_fail: stop\n":                              `line 7: a step has no "on_fail"`,
		head + "  - id: f\n    do: freeze\n    on_failure: contineu\n":                       `line 7: on_failure is stop, continue or undo, not "contineu"; did you mean "continue"?`,
		head + "  - id: f\n    do: freeze\n  - id: f\n    do: verify\n":                      `line 7: the step "f" is in line 5 already`,
		head + "  - id: f\n    do: freeze\n    when: sendin\n":                               `line 7: when: there is no fact "sendin"; did you mean "sending"?`,
		head + "  - id: f\n    do: freeze\n    when: environment is prod\n":                  `line 7: when: environment is never "prod"`,
		head + "  - id: f\n    do: freeze\n    when: sending and not sending\n":              `line 7: when: it can never hold`,
		head + "  - id: f\n    do: freeze\n    when: risk >= 70 and risk < 50\n":             `line 7: when: it can never hold`,
		head + "  - id: f\n    do: freeze\n    when: direction is out and direction is in\n": `line 7: when: it can never hold`,
		head + "  - id: f\n    do: freeze\n    when: k.done\n  - id: k\n    do: kill\n":      `line 7: when: no step before this one is called "k"`,
		head + "  - id: f\n    do: freeze\n    when: f.done\n":                               `line 7: when: no step before this one is called "f"`,
		head + "  - id: f\n    do: kill\n    approve: start\n":                               `line 7: kill is never done with the start's approval alone`,
		head + "  - id: f\n    do: freeze\n    timeout: 5 minutes\n":                         `line 7: timeout is a time such as 30s`,
		head + "  - id: f\n    do: manual\n":                                                 `line 5: a step that does manual needs a text`,
		head + "  - id: n\n    do: notify\n    text: \"{{.Caze}}\"\n":                        `line 7: the text cannot be filled`,
		head + "  - id: n\n    do: notify\n    text: \"{{.Case\"\n":                          `it can name {{.Case}}, {{.Title}}`,
		head + "  - id: n\n    do: notify\n    text: \"{{range 9999999999}}{{end}}\"\n":      `line 7: the text cannot be filled: a message has no loops`,
		head + "  - id: v\n    do: verify\n    of: [freeze]\n":                               `line 7: no step before this one is called "freeze"`,
		head + "  - playbook: b\n":                                                           `line 5: there is no playbook "b"`,
		head + "  - playbook: a\n":                                                           `line 5: a cycle: a → a`,
		"version: 2\nid: a\nname: A\nsteps:\n  - {id: f, do: freeze}\n":                      `version is 2, this program reads 1`,
		head + "  - id: f\n    do: freeze\n    do: kill\n":                                   `already`,
		head + "\t- x": `x.yaml: `,
	} {
		_, err := AddPlaybooks(nil, map[string][]byte{"x.yaml": []byte(text)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", text, err, want)
		}
	}
}

func TestACycleOverSeveralPlaybooksIsAnErrorAndTheOthersLoad(t *testing.T) {
	book := func(id, includes string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("version: 1\nid: " + id + "\nname: N\nsteps:\n" + includes)}
	}
	all, err := LoadPlaybooks(fstest.MapFS{"a.yaml": book("a", "  - playbook: b\n"), "b.yaml": book("b", "  - playbook: a\n"), "c.yaml": book("c", "  - {id: f, do: freeze}\n"), "d.yaml": book("c", "  - {id: f, do: freeze}\n"), "e.txt": book("e", "")}, nil)
	if err == nil || !strings.Contains(err.Error(), "a cycle: a → b → a") || !strings.Contains(err.Error(), `d.yaml: line 2: the id "c" is that of c.yaml already`) {
		t.Error(err)
	}
	if len(all) != 1 || all[0].ID != "c" {
		t.Errorf("%v", all)
	}
}

func TestConditionsHoldForFacts(t *testing.T) {
	f := Facts{"sending": "yes", "environment": "production", "risk": "73", "direction": "out", "f.done": "yes"}
	for text, want := range map[string]bool{
		"": true, "sending": true, "not sending": false, "environment is production": true, "environment is not ci and risk >= 70": true,
		"risk < 70": false, "risk < 70 or sending": true, "f.done and not f.failed": true, "verdict is unknown": true, "live": false, "not live": true, "not risk >= 80": true,
	} {
		c, err := ParseCondition(text, map[string]int{"f": 1})
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got, why := c.Holds(f); got != want || !got && why == "" {
			t.Errorf("%q: %v (%s)", text, got, why)
		}
	}
}

func FuzzAPlaybookIsReadOrRefused(f *testing.F) {
	all, err := BuiltinPlaybooks()
	if err != nil {
		f.Fatal(err)
	}
	for _, b := range all {
		f.Add([]byte(b.Source))
	}
	f.Add([]byte("version: 1\nid: a\nname: A\nsteps: [&x {parallel: [*x]}]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := AddPlaybooks(nil, map[string][]byte{"x.yaml": text})
		if err == nil && len(got) != 1 {
			t.Errorf("neither read nor refused: %q", text)
		}
	})
}
