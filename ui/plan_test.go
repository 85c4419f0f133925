package ui

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/respond"
)

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

func TestWhatIsHeldIsLookedAtOnItsHost(t *testing.T) {
	w := newWorld(t, 120, 32)
	for _, op := range []string{"op1", "op1", "op2", "op3"} {
		w.changes.standing = append(w.changes.standing, respond.Standing{Held: respond.Held{Key: op, Kind: "frozen", Text: "a process"}, Op: op, Host: "local", Since: noon})
	}
	w.still = func(_ context.Context, _ respond.Host, s []respond.Standing) (held, over []respond.Standing, err error) {
		switch s[0].Op {
		case "op1":
			return s[:1], s[1:], nil
		case "op2":
			return nil, s, nil
		}
		return nil, nil, errors.New("no answer")
	}
	w.press("4")
	w.shows("1 of 2 stand", "over: R writes", "not looked: n", "hosts were looked at 03:12:45Z")
}

func TestWhatIsFrozenIsOneThingAndSaysSoInItsRow(t *testing.T) {
	w := newWorld(t, 120, 32)
	for _, key := range []string{"frozen/b1/4121@412100", "frozen/b1/4110@411000", "frozen/b1/4122@412200"} {
		w.changes.standing = append(w.changes.standing, respond.Standing{Held: respond.Held{Key: key, Kind: "frozen", Text: key}, Op: "op1", Host: "local", HostID: "h1", BootID: "b1", Since: noon})
	}
	all := w.changes.standing
	w.changes.standing = all[:2]
	w.do(w.readStanding())
	w.shows("▌ SENDING", "STILL SENDING", "1 sending now") // its ssh goes on
	w.changes.standing = all
	w.do(w.readStanding())
	w.shows("▌ FROZEN", "STANDING frozen 1", "LIKELY THEFT, FROZEN", "it is frozen: K kills the tree", "0 sending now", "customers.tar.gz · frozen")
	w.press("4")
	w.shows("3: frozen/b1/4121@412100, frozen/b1/4110@411000")
}

// A script that starts short transfers again and again is stopped between two of them.
func TestWhatHasEndedIsStoppedAtWhatWouldStartItAgain(t *testing.T) {
	w := newWorld(t, 120, 32)
	f := theft()
	f.Transfer.Live, f.Transfer.Tool.Ended = false, noon
	w.engine.put(f)
	w.pull()
	w.press("K")
	if w.act.target.Name != ".x.sh" {
		t.Errorf("the plan is about %s", w.act.target.Name)
	}
}

// follow lets as much time go by as it takes until the journal is looked at.
func (w *world) follow() {
	for range followEvery {
		w.send(second{})
	}
}

func TestWhatSomebodyElseFrozeIsOnTheScreenWithoutAKey(t *testing.T) {
	w := newWorld(t, 120, 40)
	w.shows("STANDING none")
	w.changes.standing = []respond.Standing{{Held: respond.Held{Kind: "frozen", Text: "scp 4121"}, Op: "1", Host: "web-1", Since: noon}}
	w.follow()
	w.shows("STANDING none") // the journal has not grown
	w.changes.entries = []respond.Entry{{Seq: 7, Op: "1", Kind: "process.freeze", Phase: respond.Applied}}
	w.follow()
	w.shows("STANDING frozen 1")
	w.changes.entries, w.changes.standing = append(w.changes.entries, respond.Entry{Seq: 8, Op: "1", Kind: "process.freeze", Phase: respond.Undone}), nil
	w.follow()
	w.shows("STANDING none")
}

func TestWhatIsHeldIsLookedAtAgainWhenItCouldNotBeRead(t *testing.T) {
	w := newWorld(t, 120, 40)
	w.changes.entries = []respond.Entry{{Seq: 7, Op: "1", Kind: "process.freeze", Phase: respond.Applied}}
	w.changes.gap = errors.New("disk I/O error")
	w.follow()
	w.shows("STANDING unknown")
	w.changes.gap = nil
	w.changes.standing = []respond.Standing{{Held: respond.Held{Kind: "frozen", Text: "scp 4121"}, Op: "1", Host: "web-1", Since: noon}}
	w.follow()
	w.shows("STANDING frozen 1")
}
