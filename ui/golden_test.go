package ui

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares what is on the screen with testdata/golden/NAME.
func (w *world) golden(name string) {
	w.t.Helper()
	frame := w.View()
	w.fits(frame)
	got := ""
	for _, line := range strings.Split(frame, "\n") {
		got += strings.TrimRight(line, " ") + "\n"
	}
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			w.t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	if got != string(want) {
		w.t.Errorf("%s is not what is on the screen (go test ./ui -update writes it):\n%s", path, got)
	}
}

// fits checks that a frame has as many lines as the window, none of them wider.
func (w *world) fits(frame string) {
	w.t.Helper()
	lines := strings.Split(frame, "\n")
	if len(lines) != w.layout.height {
		w.t.Errorf("%d lines in a window of %d", len(lines), w.layout.height)
	}
	for i, line := range lines {
		if n := ansi.StringWidth(line); n > w.layout.width {
			w.t.Errorf("line %d takes %d cells of %d: %q", i, n, w.layout.width, line)
		}
	}
}

func TestTheScreensAreAsTheyWereDrawn(t *testing.T) {
	for _, size := range []struct{ w, h int }{{120, 32}, {80, 24}, {60, 15}, {59, 14}} {
		name := func(what string) string { return fmt.Sprintf("%s-%dx%d", what, size.w, size.h) }
		w := newWorld(t, size.w, size.h)
		w.golden(name("triage"))
		w.press("enter")
		w.golden(name("guide"))
		w.press("F")
		w.golden(name("freeze"))
		w.press("esc", "?")
		w.golden(name("help"))
	}
}

func TestAnEmptyConsoleTeaches(t *testing.T) {
	w := newWorld(t, 80, 24)
	w.engine.put()
	w.send(changed{})
	w.golden("empty-80x24")
}
