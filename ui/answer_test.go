package ui

import (
	"errors"
	"strings"
	"testing"

	"interdict/detect"
	"interdict/playbooks"
)

func TestAPersonAnswersAQuestionAndTicksOffAStep(t *testing.T) {
	w := newWorld(t, 120, 40, func(c *Config) {
		c.Assess = fakeAssessor(func(f *detect.Finding) *playbooks.Guide {
			g := guideOf(f)
			g.Checklist = []playbooks.Answer{{ID: "note:1", Question: "Steps", State: playbooks.OPEN, Why: "ask the owner"}}
			return g
		})
	})
	w.press("enter")
	if s := strings.Join(w.screen(), "\n"); !strings.Contains(s, "☐ Steps") || !strings.Contains(s, "ask the owner") {
		t.Fatal(s)
	}
	w.press("end", " ", "enter")
	if s := strings.Join(w.screen(), "\n"); !strings.Contains(s, "say why") || len(w.engine.said) != 0 {
		t.Fatalf("an answer without a reason was taken: %v\n%s", w.engine.said, s)
	}
	w.press("tab", "y", "e", "s", "enter")
	w.press("home", "n", "h", "i", "enter")
	w.press("home", " ", "tab", "tab", "tab", "enter")
	if got := strings.Join(w.engine.said, ";"); got != "note:1 BAD yes;note hi;command  " {
		t.Errorf("%q", got)
	}
}

func TestAnAnswerThatIsNotKeptIsSaid(t *testing.T) {
	w := newWorld(t, 120, 40)
	w.engine.unkept = errors.New("the disk is full")
	w.press("enter", " ", "o", "k", "enter")
	if s := strings.Join(w.screen(), "\n"); !strings.Contains(s, "not kept: the disk is full") {
		t.Error(s)
	}
}
