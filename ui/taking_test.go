package ui

import (
	"strings"
	"testing"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/respond"
	"interdict/respond/evidence"
)

func TestEvidenceByAKeyShowsHowFarItIs(t *testing.T) {
	for _, size := range [][2]int{{120, 40}, {80, 24}, {60, 15}} {
		w := newWorld(t, size[0], size[1])
		var given Config
		w.Model.action = func(c Config, _ action, _ *detect.Finding, _ detect.Process) respond.Action {
			given = c
			return w.act
		}
		w.press("e")
		d := w.overlay.(*dialog)
		d.out = &outcome{d: d, began: noon}
		w.shows("Under way")
		w.hides("Evidence")
		given.Evidence.Progress(evidence.Progress{Done: 3, Of: 54, Bytes: 2_000_000, Now: "memory of \x1b]0;x\a" + strings.Repeat("long ", 60)})
		w.send(second{})
		w.shows("3 of 54, 2.0 MB", `\x1b]0;x`)
		if strings.ContainsAny(w.View(), "\x1b\a") {
			t.Error("what the host wrote came to the terminal")
		}
	}
}

func TestEvidenceByAKeyIsAwareSinceItsCaseIs(t *testing.T) {
	w := newWorld(t, 120, 40)
	withPlaybooks(t, w)
	ctx := t.Context()
	nothing := func(evidence.Progress) {}
	if c := w.config.asKnown(ctx, theft(), nothing); !c.Evidence.AwareSince.Equal(noon) {
		t.Errorf("nobody said that they know of it, so it is now: %v", c.Evidence.AwareSince)
	}
	k, err := w.config.Cases.OpenCase(ctx, theft(), nil, "ana")
	if err != nil {
		t.Fatal(err)
	}
	w.engine.inCase = k.ID
	b, err := w.config.Cases.Brief(ctx, w.config.Journal, k)
	if err != nil || b.Aware().IsZero() {
		t.Fatal(b.Aware(), err)
	}
	c := w.config.asKnown(ctx, theft(), nothing)
	if c.Evidence.Case != k.ID || !c.Evidence.AwareSince.Equal(b.Aware()) {
		t.Errorf("%s since %v, not since %v", c.Evidence.Case, c.Evidence.AwareSince, b.Aware())
	}
	w.engine.inCase = "INC-0404"
	if c := w.config.asKnown(ctx, theft(), nothing); !c.Evidence.AwareSince.IsZero() {
		t.Errorf("of a case that cannot be read: %v", c.Evidence.AwareSince)
	}
}

func TestARunShowsHowFarTheEvidenceOfItsStepIs(t *testing.T) {
	w := newWorld(t, 120, 40, func(c *Config) { c.Takings = &Takings{} })
	withPlaybooks(t, w)
	k := startedRun(t, w, "preserve-only")
	w.press("i", "p")
	p := w.panes[inRun].(*runPane)
	p.going, p.at = true, 0
	step := &p.run.Steps[0]
	step.State, step.Began = playbooks.StepRuns, noon
	told := w.config.Takings.begin(k.ID, step.ID, theft().Alerts())
	told(evidence.Progress{Done: 9, Of: 54, Bytes: 1_000_000, Now: "routes"})
	w.send(second{})
	w.shows("under way since", "9 of 54, 1.0 MB: routes")
	w.config.Takings.begin("INC-0404", step.ID, theft().Alerts())(evidence.Progress{Done: 1, Of: 2})
	w.send(second{})
	w.shows("9 of 54")
	again := w.config.Takings.begin(k.ID, step.ID, theft().Alerts()) // a plan that is looked at meanwhile
	told(evidence.Progress{Done: 10, Of: 54, Bytes: 1_000_000, Now: "modules"})
	w.send(second{})
	w.shows("10 of 54, 1.0 MB: modules")
	again(evidence.Progress{Done: 1, Of: 55, Now: "clock"})
	w.send(second{})
	w.shows("1 of 55")
}
