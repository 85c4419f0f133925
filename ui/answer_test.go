package ui

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

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
	w.press("tab", "tab", " ", "enter")
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

func TestAllThatTheGuideSaysBelowItsQuestionsCanBeReached(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 50}} {
		w := newWorld(t, size[0], size[1], func(c *Config) {
			c.Assess = fakeAssessor(func(f *detect.Finding) *playbooks.Guide {
				g := guideOf(f)
				g.Environment = playbooks.Advice{Name: "ci", Implications: []string{"IMPLIES " + strings.Repeat("much ", 40)}, Facts: []playbooks.Line{{Label: "script line", Text: "build.sh:6: curl " + strings.Repeat("x", 300)}}}
				for i := range 9 {
					g.Environment.Actions = append(g.Environment.Actions, fmt.Sprintf("ACTION%d %s", i, strings.Repeat("step ", 40)))
				}
				g.Blind = []string{"BLINDNESS"}
				return g
			})
		})
		w.press("enter", "G")
		w.shows("BLINDNESS")
		seen := ""
		for range 40 {
			seen += ansi.Strip(w.View())
			w.press("k")
		}
		for _, want := range []string{"IMPLIES", "build.sh:6", "in ci: what it means", "ACTION0", "ACTION4", "ACTION8"} {
			if !strings.Contains(seen, want) {
				t.Errorf("%v: %q is never on the screen", size, want)
			}
		}
		w.press("v", "y", "space") // mean nothing there, or the question they mean
		w.fits(w.View())
	}
}
