package ui

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"interdict/respond"
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

func TestTheOtherScreensAreAsTheyWereDrawn(t *testing.T) {
	w := newWorld(t, 80, 24)
	w.changes.standing = []respond.Standing{{Held: respond.Held{Key: "k", Kind: "frozen", Text: "4 processes from .x.sh 4110 down"}, Op: "op1", Host: "local", HostID: "h1", BootID: "b1", Since: noon.Add(-41 * time.Minute), Actor: respond.Actor{User: "ana", TTY: "/dev/pts/2"}}}
	w.changes.entries = entriesOf(t, freezePlan())
	w.changes.result = respond.Result{Kind: "process.freeze", Summary: "4 of 4 processes stopped in 2 ms", Lines: []respond.Line{{Label: "Left", Text: "0.9 MB more left while it was stopped"}}, Holds: []respond.Held{{Kind: "frozen", Text: "4 processes from .x.sh 4110 down"}}}
	w.changes.verdict = respond.Verdict{State: respond.Holds, Summary: "all 4 are in state T, by pidfd and by /proc", Lines: []respond.Line{{Label: "4121", Text: "scp: stopped"}}}
	w.still = func(_ context.Context, _ respond.Host, s []respond.Standing) (held, over []respond.Standing, err error) {
		return s, nil, nil
	}
	w.do(w.readStanding())
	for i, b := range feedBatches("scp", 40) {
		if i%2 == 0 {
			w.config.Feed.Put(t.Context(), b)
		}
	}
	w.press("2")
	w.golden("events-80x24")
	w.press("3")
	w.golden("journal-80x24")
	w.press("4")
	w.golden("standing-80x24")
	w.press("R")
	w.golden("resume-80x24")
	w.press("esc", "1", "c")
	w.golden("close-80x24")
	w.press("esc", "q")
	w.golden("quit-80x24")
	w.press("esc", "F")
	w.toButton()
	w.golden("arming-80x24")
	w.rest()
	w.press("enter")
	w.golden("outcome-80x24")
	w.press("enter", "/")
	w.write("scp")
	w.golden("filter-80x24")
	w.press("esc", ":")
	w.golden("command-80x24")
}

// entriesOf is a journal of one operation.
func entriesOf(t *testing.T, p respond.Plan) []respond.Entry {
	t.Helper()
	var out []respond.Entry
	add := func(phase respond.Phase, body any) {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, respond.Entry{Seq: int64(len(out) + 1), Op: "0badcafe", Wall: noon.Add(time.Duration(len(out)) * time.Second), Actor: respond.Actor{User: "ana", TTY: "/dev/pts/2"}, Host: "local", Kind: p.Kind, Phase: phase, Body: b})
	}
	add(respond.Approved, p)
	add(respond.Applying, p)
	add(respond.Applied, respond.Outcome{Result: &respond.Result{Version: 1, Kind: p.Kind, Summary: "4 of 4 processes stopped"}})
	add(respond.Verified, respond.Outcome{Verdict: &respond.Verdict{State: respond.Holds, Summary: "all 4 are stopped"}})
	return out
}

func TestAnEmptyConsoleTeaches(t *testing.T) {
	w := newWorld(t, 80, 24)
	w.engine.put()
	w.send(changed{})
	w.golden("empty-80x24")
}
