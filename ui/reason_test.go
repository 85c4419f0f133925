package ui

import (
	"errors"
	"strings"
	"testing"
)

func TestWhoTakesAnAlertIsSeenAndWhoComesLaterIsTold(t *testing.T) {
	w := newWorld(t, 120, 40)
	w.press("a")
	if screen := w.View(); w.engine.taken["8XFILES0"] != "ana" || !strings.Contains(screen, "taken by ana") {
		t.Errorf("%v:\n%s", w.engine.taken, screen)
	}
	w.engine.taken["7Q2M4K9P"] = "bob"
	w.press("a")
	if screen := w.View(); !strings.Contains(screen, "somebody else has it: bob") {
		t.Errorf("bob has it:\n%s", screen)
	}
}

func TestAClosureThatCannotBeKeptIsSaid(t *testing.T) {
	w := newWorld(t, 80, 24)
	w.engine.unkept = errors.New("database or disk is full")
	w.press("c", "b")
	if screen := w.View(); !strings.Contains(screen, "database or disk is full") {
		t.Error(screen)
	}
}
