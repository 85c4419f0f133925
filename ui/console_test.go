package ui

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/detect"
)

func (w *world) shows(what ...string) {
	w.t.Helper()
	frame := w.View()
	w.fits(frame)
	for _, s := range what {
		if !strings.Contains(frame, s) {
			w.t.Errorf("%q is not on the screen:\n%s", s, frame)
		}
	}
}

func (w *world) hides(what ...string) {
	w.t.Helper()
	frame := w.View()
	for _, s := range what {
		if strings.Contains(frame, s) {
			w.t.Errorf("%q is on the screen:\n%s", s, frame)
		}
	}
}

// lineOf is the line of the screen on which what stands first.
func (w *world) lineOf(what string) int {
	before, _, _ := strings.Cut(w.View(), what)
	return strings.Count(before, "\n")
}

func another(i int) *detect.Finding {
	f := theft()
	f.ID, f.Host.Name = fmt.Sprintf("N%07d", i), fmt.Sprintf("new-%d", i)
	return f
}

func TestTheCursorStaysWithItsAlertWhileOthersArrive(t *testing.T) {
	w := newWorld(t, 120, 32)
	old := []*detect.Finding{theft(), backup()}
	for i := range 30 {
		f := another(100 + i)
		f.Transfer.Live, f.Transfer.Rate = false, 0
		old = append(old, f)
	}
	w.engine.put(old...)
	w.send(changed{})
	w.press("down")
	if got := w.alerts.selected().ID; got != "3B1TTZZ0" {
		t.Fatalf("on %s", got)
	}
	before := w.lineOf("db-3")
	w.engine.put(append([]*detect.Finding{another(1), another(2), another(3)}, old...)...)
	w.send(changed{})
	if got := w.alerts.selected().ID; got != "3B1TTZZ0" {
		t.Errorf("the cursor went to %s", got)
	}
	w.shows("▲ 3 new above")
	if after := w.lineOf("db-3"); after != before {
		t.Errorf("the row moved from line %d to %d", before, after)
	}
	w.press("g")
	if got := w.alerts.selected().ID; got != "N0000001" {
		t.Errorf("g went to %s", got)
	}
	w.hides("new above")
}

func TestWithoutAKeyTheWorstAlertIsUnderTheCursor(t *testing.T) {
	w := newWorld(t, 120, 32)
	w.engine.put(another(1), theft(), backup())
	w.send(changed{})
	if got := w.alerts.selected().ID; got != "N0000001" {
		t.Errorf("on %s", got)
	}
}

func TestReadOnlyHasNoKeyThatChangesAHost(t *testing.T) {
	w := newWorld(t, 120, 32, func(c *Config) { c.ReadOnly = true })
	w.shows("READ-ONLY")
	w.hides("CHANGES A HOST", "freeze tree")
	for _, where := range []string{"", "enter"} {
		if where != "" {
			w.press(where)
		}
		for _, k := range []string{"F", "K", "R"} {
			w.press(k)
			if w.overlay != nil {
				t.Fatalf("%s opened something", k)
			}
		}
	}
	for _, b := range Keys(true) {
		if b.Danger {
			t.Errorf("%v is there", b)
		}
	}
	for _, c := range w.commands() {
		if c.name == "freeze" || c.name == "kill" || c.name == "resume" {
			t.Errorf(":%s is there", c.name)
		}
	}
	w.press("?", "G")
	w.hides("plan first")
}

func TestNoKeyMeansTwoThingsAndEachHasHelp(t *testing.T) {
	have := map[string]string{}
	for _, b := range Keys(false) {
		if b.Help == "" || len(b.Keys) == 0 || b.Action == "" {
			t.Errorf("%+v is not whole", b)
		}
		for _, k := range b.Keys {
			if other, ok := have[b.Mode+" "+k]; ok {
				t.Errorf("%s in %s is %s and %s", k, b.Mode, other, b.Action)
			}
			have[b.Mode+" "+k] = b.Action
			capital := len(k) == 1 && unicode.IsUpper(rune(k[0]))
			if b.Danger && !capital {
				t.Errorf("%s changes a host and is no capital", k)
			}
			if capital && !b.Danger && b.Action != string(last) {
				t.Errorf("capital %s changes nothing", k)
			}
		}
	}
}

func TestAnAlertIsClosedWithTwoKeys(t *testing.T) {
	w := newWorld(t, 80, 24)
	w.press("c")
	w.shows("CLOSE  scp ◂ .x.sh", "closing the alert does not stop it", "false-positive")
	w.press("b")
	if w.engine.closed["7Q2M4K9P"] != "benign" || w.engine.closed["8XFILES0"] != "benign" {
		t.Errorf("closed %v", w.engine.closed)
	}
	w.hides("web-1 prod")
}

func TestFilteringNarrowsAsOneTypesAndEscGoesBack(t *testing.T) {
	w := newWorld(t, 80, 24)
	w.press("/")
	w.write("rsync")
	w.shows("db-3", `filter "rsync" hides 1`)
	w.hides("web-1 prod")
	w.press("esc")
	w.shows("web-1 prod", "db-3")
	w.press("/")
	w.write("nothing like it")
	w.press("enter")
	w.shows("hides all 2 alerts")
	w.press("esc")
	w.shows("web-1 prod")
}

func TestKeysThatComeTogetherAreTakenOneByOne(t *testing.T) {
	w := newWorld(t, 80, 24)
	w.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("jk/rsync")})
	w.shows("/ rsync")
	w.hides("web-1 prod")
	w.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("2"), Alt: true}) // esc and 2
	w.shows("nothing yet")
	w.press("1")
	w.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("/q"), Paste: true})
	w.shows("web-1 prod")
}

func TestCommandsCompleteAndAct(t *testing.T) {
	w := newWorld(t, 80, 24)
	w.press(":")
	w.write("jo")
	w.press("tab", "enter")
	if w.shown != inJournal {
		t.Errorf("in %s", w.shown)
	}
	w.press(":")
	w.write("sort newest")
	w.press("enter")
	if w.alerts.order != 1 {
		t.Errorf("order %d", w.alerts.order)
	}
	w.press(":")
	w.write("nonsense\x1b")
	w.press("enter")
	w.shows("no command")
}

func TestAnAnswerThatComesTooLateIsDropped(t *testing.T) {
	w := newWorld(t, 80, 24)
	w.press("F")
	d := w.overlay.(*dialog)
	w.press("esc")
	w.send(planned{d: d, action: w.act, plan: freezePlan()})
	if w.overlay != nil {
		t.Error("the dialog came back")
	}
}

func TestAnyWindowHoldsItsFrame(t *testing.T) {
	w := newWorld(t, 120, 32)
	r := rand.New(rand.NewPCG(1, 2))
	keys := []string{"enter", "esc", "2", "3", "4", "1", "?", "down", "G", "g", "F", "tab", "c", "/", ":", "x", "q", "pgdown", "v", "K"}
	for range 1500 {
		w.Update(tea.WindowSizeMsg{Width: r.IntN(200), Height: r.IntN(60)})
		if r.IntN(2) == 0 {
			w.Update(keyOf(keys[r.IntN(len(keys))]))
		}
		if w.layout.width > 0 && w.layout.height > 0 {
			w.fits(w.View())
		}
	}
}

func TestNothingIsMadeAnewWhileNothingChanges(t *testing.T) {
	w := newWorld(t, 120, 32)
	before := w.View()
	w.Update(struct{}{})
	if w.dirty {
		t.Error("a message of nobody marks the screen dirty")
	}
	w.engine.put(backup())
	w.send(changed{})
	w.config.Now = func() time.Time { return noon.Add(2 * time.Hour) }
	w.send(changed{})
	idle := w.View()
	w.config.Now = func() time.Time { return noon.Add(2*time.Hour + 10*time.Second) }
	w.Update(second{})
	if w.View() != idle {
		t.Errorf("ten idle seconds changed the screen:\n%s\n%s", idle, w.View())
	}
	if before == idle {
		t.Error("the test looks at nothing")
	}
}
