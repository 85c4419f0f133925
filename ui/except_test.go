package ui

import (
	"fmt"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/detect"
	"interdict/playbooks"
)

func TestAnExceptionIsMadeSeenAndEnded(t *testing.T) {
	w := newWorld(t, 120, 32)
	w.press("down", "x")
	w.shows("EXCEPTION for rsync", "this very command line", "process.command_line is rsync -a /var/lib/db 10.0.4.12::backup", "destination.ip is 10.0.4.12", "in 30 days", "hides 1 of 2 alerts")
	w.press("enter")
	w.shows("say why it is allowed")
	w.write("nightly backup, asked bob")
	w.press("tab", "down", "enter")
	w.shows("hidden 1", "hiding what is like it until 2027-02-01")
	w.hides("db-3")
	w.press("z")
	w.shows("HIDDEN: look at the first 1 today", "db-3", "Hidden by", "nightly backup, asked bob")
	w.press("esc", "6")
	w.shows("in force", "rsync under python3", "nightly backup, asked bob", "2027-02-01", "Hides")
	w.press("d")
	w.shows("has ended", "ended")
}

func TestABreachedExceptionIsSaidWithTheAlert(t *testing.T) {
	w := newWorld(t, 120, 32)
	f := backup()
	f.Breach = `exception "nightly" does not hide it: it sent 3 bytes, of at most 2`
	w.engine.put(f)
	w.send(changed{})
	w.shows("Exception", "does not hide it: it sent 3 bytes")
}

func TestTheFormOfAnExceptionFitsEverySize(t *testing.T) {
	for _, size := range [][2]int{{60, 15}, {80, 24}, {200, 60}} {
		w := newWorld(t, 80, 24)
		w.send(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
		f := theft()
		f.Transfer.Tool.CommandLine = "scp \x1b[2J\u202e 1 2 3 h:"
		w.engine.put(f)
		w.send(changed{})
		w.press("x", "down", "down")
		w.fits(w.View())
		w.press("esc", "6")
		w.fits(w.View())
	}
}

func TestAnExceptionThatEndsSoonIsSaidAndRenewed(t *testing.T) {
	w := newWorld(t, 120, 32)
	w.engine.exceptions = []playbooks.KnownException{{Exception: detect.Exception{ID: "x1", Name: "nightly", Reason: "asked bob", Created: noon, Expires: noon.Add(40 * time.Hour)}}}
	w.do(w.panes[inExcepted].enter(w.Model))
	w.shows("1 exception ends within 3 days: 6 lists them, n there renews one")
	w.press("6", "n")
	w.shows("it goes on until 2026-12-03", "in force")
	w.hides("within 3 days")
}

func TestTheFormSaysWhatItWouldHaveHiddenOfWhatWasTheft(t *testing.T) {
	w := newWorld(t, 120, 32)
	was := backup()
	was.CloseReason = "true positive"
	w.engine.closedOnes = []*detect.Finding{was, theft()}
	w.press("down", "x")
	w.shows("would have hidden 1 of 2 alerts closed in 14 d, of them 1 closed as true positive", "not known: there is no history to ask")
}

func TestAnExceptionThatWouldHideAllAlertsIsRefused(t *testing.T) {
	w := newWorld(t, 120, 32)
	var all []*detect.Finding
	for i := range 6 {
		f := backup()
		f.ID = fmt.Sprint("B", i)
		all = append(all, f)
	}
	w.engine.put(all...)
	w.send(changed{})
	w.press("x")
	w.write("all of them")
	w.press("enter")
	w.shows("it would hide all 6 alerts: choose a narrower one")
	if len(w.engine.exceptions) > 0 {
		t.Error("it was made")
	}
}

func TestFiveHiddenAlertsAreDrawnEachDayAndOthersTheNext(t *testing.T) {
	var all []*detect.Finding
	for i := range 40 {
		f := backup()
		f.ID = fmt.Sprint("B", i)
		all = append(all, f)
	}
	ids := func(at time.Time) string {
		s := ""
		out := sampled(all, at)
		for _, f := range out[:samples] {
			s += f.ID + " "
		}
		if len(out) != len(all) {
			t.Errorf("%d of %d are shown", len(out), len(all))
		}
		return s
	}
	if ids(noon) != ids(noon.Add(time.Hour)) || ids(noon) == ids(noon.Add(24*time.Hour)) {
		t.Errorf("%s, an hour later %s, a day later %s", ids(noon), ids(noon.Add(time.Hour)), ids(noon.Add(24*time.Hour)))
	}
}

func TestTheFormOfAnExceptionShowsWhatItWouldHideAndTheReasonAtEverySize(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}} {
		w := newWorld(t, size[0], size[1])
		f := backup()
		f.Transfer.Tool.CommandLine = "rsync -a /var/lib/db/2026-01 /var/lib/db/2026-02 /var/lib/db/2026-03 /var/lib/db/2026-04 /var/lib/db/2026-05 10.0.4.12::backup"
		w.engine.put(f)
		w.send(changed{})
		w.press("down", "x", "down", "down")
		w.write("asked bob")
		w.shows("Hides", "Never", "Ends", "hides 1 of", "Closed", "Before", "asked bob")
		w.fits(w.View())
	}
}

func TestNoExceptionIsMadeOfWhatNoneMayHide(t *testing.T) {
	w := newWorld(t, 80, 24)
	f := backup()
	f.Transfer.Files = append(f.Transfer.Files, detect.File{Path: "/root/.ssh/id_rsa", Sensitive: "key material"})
	w.engine.put(f)
	w.send(changed{})
	w.press("down", "x")
	w.shows("Not this", "/root/.ssh/id_rsa (key material)", "hides 0 of")
	w.write("nightly")
	w.press("enter")
	w.shows("no exception hides this alert")
	w.press("esc", "6")
	w.shows("there are no exceptions")
}
