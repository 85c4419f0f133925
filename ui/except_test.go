package ui

import (
	"testing"

	tea "github.com/charmbracelet/bubbletea"
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
	w.shows("HIDDEN BY EXCEPTIONS", "db-3", "Hidden by", "nightly backup, asked bob")
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
