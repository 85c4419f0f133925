package ui

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/respond"

	_ "modernc.org/sqlite"
)

// withCases gives a console a place to keep cases in.
func withCases(t *testing.T) func(*Config) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "interdict.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	cases, err := playbooks.OpenCases(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return func(c *Config) {
		c.Cases, c.Actor = cases, respond.Actor{User: "ana"}
	}
}

func TestAKeyOpensTheCaseOfAnAlertAndOthersAreTakenIn(t *testing.T) {
	for _, size := range [][2]int{{120, 32}, {80, 24}, {60, 15}} {
		w := newWorld(t, size[0], size[1], withCases(t))
		other := backup()
		other.Host, other.Transfer.Peers = w.engine.snap.Findings[0].Host, w.engine.snap.Findings[0].Transfer.Peers
		other.First = noon.Add(-200 * 60 * 1e9)
		w.engine.put(theft(), other)
		w.send(changed{})
		w.press("i")
		w.shows("INC-0001")
		w.shows("not known whether contained") // this console has no journal
		w.press("n")
		w.write("asked shop-team")
		w.press("enter")
		w.shows("asked shop-team")
		w.press("a")
		w.shows("ana")
		w.press("+")
		k, err := w.config.Cases.Case(t.Context(), "1")
		if err != nil || len(k.Exhibits) != 2 || k.Assignee != "ana" {
			t.Errorf("%v, %+v", err, k)
		}
		w.fits(w.View())
		w.press("7")
		w.shows("INC-0001")
		w.fits(w.View())
		w.press("o")
		w.shows("HAND-OVER")
		w.press("esc", "enter", "c", "t")
		if k, err := w.config.Cases.Case(t.Context(), "1"); err != nil || k.Reason != "true positive" || w.engine.closed["7Q2M4K9P"] != "true positive" {
			t.Errorf("%v, %+v, %v", err, k, w.engine.closed)
		}
	}
}

func TestAHandOverIsWrittenToAFileWithoutSecrets(t *testing.T) {
	w := newWorld(t, 120, 32, withCases(t))
	f := theft()
	f.RuleName = "\x1b]0;x\aPASSWORD=hunter2 used"
	w.engine.put(f)
	w.send(changed{})
	w.press("i", "7", "o", "w")
	path := filepath.Join(t.TempDir(), "shift.txt")
	w.press("ctrl+u")
	w.write(path)
	w.press("enter")
	b, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(b), "INC-0001") || strings.Contains(string(b), "hunter2") || strings.ContainsRune(string(b), 0x1b) {
		t.Errorf("%v: %s", err, b)
	}
}

func TestAChangeThatWasMadeForAnAlertOpensItsCase(t *testing.T) {
	w := newWorld(t, 120, 32, withCases(t))
	w.changes.result = respond.Result{Kind: "process.freeze", Summary: "4 frozen"}
	w.changes.verdict = respond.Verdict{State: respond.Holds, Summary: "4 of 4 stand"}
	w.press("F", "tab")
	w.write("web-1")
	w.press("tab")
	w.rest()
	w.press("enter")
	if id, err := w.config.Cases.CaseOf(t.Context(), theft()); id != "INC-0001" || err != nil {
		t.Errorf("%q, %v:\n%s", id, err, w.View())
	}
}

func TestWithoutAPlaceToKeepThemThereAreNoCasesAndThatIsSaid(t *testing.T) {
	w := newWorld(t, 80, 24)
	w.press("i")
	w.shows("nothing can be kept")
	w.press("7")
	w.shows("nothing can be kept")
	w.press("o")
	w.engine.put([]*detect.Finding{}...)
	w.send(changed{})
	w.fits(w.View())
}

func TestTheReportOfACaseIsWrittenByAKey(t *testing.T) {
	w := newWorld(t, 120, 32, withCases(t))
	w.press("i")
	for _, name := range []string{"case.html", "case.md"} {
		path := filepath.Join(t.TempDir(), name)
		w.press("w", "ctrl+u")
		w.write(path)
		w.press("enter")
		b, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(b), "203.0.113.9") || !strings.Contains(string(b), "What remains to do") {
			t.Errorf("%v: %s\n%s", err, b, w.View())
		}
	}
	w.press("w", "ctrl+u")
	w.write("case.pdf")
	w.press("enter")
	w.shows("ends in .md or .html")
}
