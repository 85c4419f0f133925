package ui

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/respond"
	"interdict/sources"
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

// toButton moves from Cancel to the button, typing the host's name on the way.
func (w *world) toButton() {
	w.press("tab")
	w.write("web-1")
	w.press("tab")
}

func TestAPlanIsCarriedOutOnlyWhenArmed(t *testing.T) {
	w := newWorld(t, 120, 32)
	w.press("F")
	w.shows("FREEZE on web-1", "PRODUCTION", "STILL SENDING", "freeze 4 processes", "php-fpm 912 keeps running", "[ Cancel ]")
	w.toButton()
	w.press("enter") // too soon behind the tab
	if len(w.changes.ran) != 0 {
		t.Fatalf("an unarmed key ran %v", w.changes.ran)
	}
	w.shows("not yet")
	w.rest()
	w.changes.result = respond.Result{Kind: "process.freeze", Summary: "4 of 4 stopped", Holds: []respond.Held{{Kind: "frozen", Text: "4 processes"}}}
	w.changes.verdict = respond.Verdict{State: respond.Holds, Summary: "all 4 are stopped"}
	w.changes.standing = []respond.Standing{{Held: respond.Held{Key: "k", Kind: "frozen", Text: "4 processes from .x.sh 4110"}, Op: "op1", Host: "local", HostID: "h1", BootID: "b1", Since: noon}}
	w.press("enter")
	if want := []string{"process.freeze: freeze 4 processes from .x.sh 4110 down"}; fmt.Sprint(w.changes.ran) != fmt.Sprint(want) {
		t.Fatalf("ran %v", w.changes.ran)
	}
	w.shows("VERIFIED: all 4 are stopped", "4 of 4 stopped", "STANDING frozen 1")
	w.press("enter")
	w.shows("FREEZE on web-1: done and verified")
	w.press("q")
	w.shows("QUIT", "4 processes from .x.sh 4110", "It stays like that")
	w.press("esc")
	w.hides("QUIT")
	w.press("q", "q")
	if w.said != "QUIT" {
		t.Error("q, q does not quit")
	}
}

func TestProductionWantsTheHostsName(t *testing.T) {
	w := newWorld(t, 120, 32)
	w.press("K", "tab")
	w.write("web-2")
	w.press("tab")
	w.rest()
	w.press("enter")
	if len(w.changes.ran) != 0 {
		t.Fatalf("ran %v", w.changes.ran)
	}
	w.shows("type the host's name first")
}

func TestInsideAPlanNoLetterIsAShortcut(t *testing.T) {
	w := newWorld(t, 120, 32, func(c *Config) {})
	f := theft()
	f.Host.Environment = "ci"
	w.engine.put(f)
	w.send(changed{})
	w.press("F")
	for r := ' '; r < 0x7f; r++ {
		w.rest()
		w.press(string(r))
	}
	w.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("y\r\nF"), Paste: true})
	w.rest()
	w.shows("FREEZE on web-1")
	if len(w.changes.ran) != 0 {
		t.Fatalf("ran %v", w.changes.ran)
	}
	w.press("enter") // Cancel has the focus
	w.shows("cancelled: nothing was changed")
	if len(w.changes.ran) != 0 {
		t.Fatalf("ran %v", w.changes.ran)
	}
}

func TestAKeyThatWasOnItsWayDoesNotMeetANewPlan(t *testing.T) {
	w := newWorld(t, 120, 32)
	m := w.Model
	_, cmd := m.Update(keyOf("F"))
	d := m.overlay.(*dialog)
	d.focus = onButton // as far as one could get
	d.armed = true
	m.Update(planned{d: d, action: w.act, plan: freezePlan()})
	if d.armed {
		t.Error("armed at the moment at which the plan came")
	}
	_ = cmd
}

func TestRefusalsAreShownWithTheirReasonsAndJournaled(t *testing.T) {
	w := newWorld(t, 120, 32)
	w.act.err = &respond.Refusal{Reasons: []respond.Reason{{Code: "pid-1", Text: "process 1 keeps the machine running"}, {Code: "own-session", Text: "your own session hangs on it"}}}
	w.press("F")
	w.shows("Refused", "process 1 keeps the machine running", "your own session hangs on it", "[ Cancel ]")
	w.hides("[ Freeze ]")
	if len(w.changes.ran) != 1 || !strings.HasPrefix(w.changes.ran[0], "refused:") {
		t.Errorf("journaled %v", w.changes.ran)
	}
}

func TestAStalePlanSaysThatNothingWasChanged(t *testing.T) {
	w := newWorld(t, 120, 32)
	w.changes.err = respond.Stale("pid 4121 has another start time")
	w.press("F")
	w.toButton()
	w.rest()
	w.press("enter")
	w.shows("Stale", "nothing was changed", "another start time")
	w.press("enter")
	w.shows("nothing was changed")
}

func TestWithoutSpaceForTheJournalTheWordsMustBeTyped(t *testing.T) {
	w := newWorld(t, 120, 32)
	w.changes.err = fmt.Errorf("journal: %w", respond.ErrNoSpace)
	w.press("F")
	w.toButton()
	w.rest()
	w.press("enter")
	w.shows("The disk that holds the journal is full")
	w.write("yes")
	w.press("enter")
	w.shows("type exactly: without journal")
	w.press("backspace", "backspace", "backspace")
	w.changes.ran = nil
	w.write("without journal")
	w.press("enter")
	if len(w.changes.ran) != 1 || w.changes.ran[0] != "process.freeze unjournaled: without journal" {
		t.Errorf("ran %v", w.changes.ran)
	}
}

func TestWhatIsFrozenIsResumedThroughAPlan(t *testing.T) {
	w := newWorld(t, 120, 32)
	w.changes.standing = []respond.Standing{{Held: respond.Held{Key: "k", Kind: "frozen", Text: "4 processes"}, Op: "op1", Host: "local", HostID: "h1", BootID: "b1", Since: noon}}
	w.changes.op = respond.Operation{Op: "op1", Kind: "process.freeze", Result: &respond.Result{Version: 1, Kind: "process.freeze", Summary: "4 of 4 stopped"}}
	w.do(w.readStanding())
	w.press("R")
	w.shows("RESUME on local", "4 processes", "goes on at once")
	w.toButtonOf("local")
	w.press("enter")
	if fmt.Sprint(w.changes.ran) != "[undo op1]" {
		t.Errorf("ran %v", w.changes.ran)
	}
}

func (w *world) toButtonOf(host string) {
	w.press("tab")
	w.write(host)
	w.press("tab")
	w.rest()
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
	if w.engine.closed["7Q2M4K9P"] != "benign" {
		t.Errorf("closed %v", w.engine.closed)
	}
	w.hides("web-1 prod")
}

func TestFilteringNarrowsAsOneTypesAndEscGoesBack(t *testing.T) {
	w := newWorld(t, 80, 24)
	w.press("/")
	w.write("rsync")
	w.shows("db-3")
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

// hostile stands in for every text that comes from outside.
const hostile = "\x1b[2J\x1b]0;owned\a\x1b]52;c;QQ==\a\u009b31m\r\n\t\x08\u202egnp.exe\u200b\xff日本語"

func TestHostileTextNeverReachesTheTerminalRaw(t *testing.T) {
	f := theft()
	for _, s := range []*string{&f.ID, &f.RuleName, &f.Severity, &f.Why, &f.Host.Name, &f.Host.OS, &f.Host.Environment, &f.NoLonger} {
		*s = hostile
	}
	f.Degraded = []string{hostile}
	evil := detect.Process{EntityID: "x", PID: 7, Name: hostile, Executable: hostile, CommandLine: hostile, User: hostile, UserID: hostile, Container: hostile}
	f.Process, f.Transfer.Tool, f.Transfer.Master = evil, evil, hostile
	f.Transfer.Ancestors, f.Transfer.Members = []detect.Process{evil, evil}, []detect.Process{evil, evil}
	f.Transfer.Files = []detect.File{{Path: hostile, Size: 9, Sensitive: hostile}}
	f.Transfer.Unseen = []string{hostile}
	g := &playbooks.Guide{AlertID: f.ID, Stop: hostile, Blind: []string{hostile}, Checklist: []playbooks.Step{{Text: hostile}},
		Verdict:     playbooks.Verdict{Word: hostile, Against: []string{hostile}, For: []string{hostile}, Open: []string{hostile}},
		Environment: playbooks.Advice{Name: hostile, Implications: []string{hostile}, Actions: []string{hostile}},
		Answers:     []playbooks.Answer{{Number: 1, Question: hostile, State: hostile, Why: hostile, Query: hostile, Evidence: []playbooks.Line{{Label: hostile, Text: hostile}}}}}
	p := respond.Plan{Title: hostile, Undo: hostile, NoUndo: hostile, Warnings: []string{hostile}, Lines: []respond.Line{{Label: hostile, Text: hostile}}}
	for _, size := range []struct{ w, h int }{{120, 32}, {80, 24}, {60, 15}, {40, 6}} {
		w := newWorld(t, size.w, size.h, func(c *Config) {
			c.Theme, c.Banner = "dark", hostile
			c.Assess = fakeAssessor(func(*detect.Finding) *playbooks.Guide { return g })
			c.Sources = []sources.Source{fakeSource{name: hostile}}
		})
		w.act.plan = p
		w.engine.put(f)
		w.changes.standing = []respond.Standing{{Held: respond.Held{Key: "k", Kind: "frozen", Text: hostile}, Op: hostile, Host: hostile, Since: noon, Actor: respond.Actor{User: hostile}}}
		w.changes.entries = []respond.Entry{{Seq: 1, Op: hostile, Host: hostile, Kind: hostile, Phase: respond.Failed, Actor: respond.Actor{User: hostile}, Body: []byte(`{"error":"\u001b[2J\u202e"}`)}}
		w.changes.err = errors.New(hostile)
		w.do(w.readStanding())
		for _, b := range feedBatches(hostile, 3) {
			w.config.Feed.Put(t.Context(), b)
		}
		w.send(changed{})
		raw := func(when string) {
			w.fits(w.View())
			for _, r := range plainOf(styleless(w.View())) {
				if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
					t.Fatalf("%s at %dx%d: %U on the screen", when, size.w, size.h, r)
				}
			}
		}
		raw("triage")
		for _, keys := range [][]string{{"enter"}, {"enter", "v"}, {"F"}, {"tab"}, {"esc"}, {"c"}, {"esc"}, {"1"}, {"2"}, {"3"}, {"enter"}, {"4"}, {"?"}, {"G"}, {"1", "/"}, {"esc"}, {":"}, {"esc"}, {"q"}} {
			w.press(keys...)
			raw(strings.Join(keys, " "))
		}
	}
}

// styleless takes away the styles that the theme put there, and no other sequence.
func styleless(s string) string {
	var b strings.Builder
	for s != "" {
		if n := styleLength(s); n > 0 {
			s = s[n:]
			continue
		}
		b.WriteByte(s[0])
		s = s[1:]
	}
	return b.String()
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
