package ui

import (
	"fmt"
	"strings"
	"testing"

	"interdict/detect"
)

// routineOf are transfers that fold.
func routineOf(class string, n int, sent int64) (out []*detect.Finding) {
	for i := range n {
		f := backup()
		f.ID = fmt.Sprintf("R%s%d", class, i)
		f.Transfer.Sent = sent
		f.Routine = &detect.Routine{Class: class, Proof: "started by /usr/local/bin/db-backup in db-backup.service", Known: true,
			Limits: []string{"12 runs on 12 days since 2026-10-20", "at most 2.2 GB out, twice the most before", "1 address that it has gone to before", "reads only where it has read before"}}
		out = append(out, f)
	}
	return out
}

func (w *world) routine() {
	w.engine.mu.Lock()
	w.engine.snap.Routine = append(append(append(routineOf("ansible", 22, 7000), routineOf("backup", 9, 350_000_000)...), routineOf("git", 6, 4000)...), routineOf("log shipping", 4, 6_000_000)...)
	popped := backup()
	popped.Adjusted, popped.Reasons = 82, []detect.Reason{{Name: "limit", Text: "backup, but 3.1 GB went out, of at most 2.2 GB: twice the most before", Risk: 30}, {Name: "volume", Text: "3.1 GB went out", Risk: 5}}
	popped.Routine = &detect.Routine{Class: "backup", Known: true, Breach: "3.1 GB went out, of at most 2.2 GB: twice the most before", Proof: "started by /usr/local/bin/db-backup in db-backup.service"}
	w.engine.snap.Findings[1], w.engine.snap.Version = popped, w.engine.snap.Version+1
	w.engine.mu.Unlock()
	w.send(changed{})
}

func TestRoutineIsOneLineAndABreachIsARowThatNamesTheLimit(t *testing.T) {
	for _, size := range []struct{ w, h int }{{120, 32}, {80, 24}, {59, 14}} {
		name := func(what string) string { return fmt.Sprintf("%s-%dx%d", what, size.w, size.h) }
		w := newWorld(t, size.w, size.h)
		w.routine()
		w.press("down")
		w.golden(name("breach"))
		w.press("down")
		w.golden(name("routine"))
		if w.alerts.selected() != nil {
			t.Error("the line of all that is routine is taken for an alert")
		}
		w.press("F") // and nothing can be done to it
		if w.overlay != nil {
			t.Error("a change of a host was planned for it")
		}
	}
}

func TestEnterOpensWhatIsFoldedAndEscCloses(t *testing.T) {
	w := newWorld(t, 120, 32)
	w.routine()
	w.press("end", "enter")
	if n := len(w.alerts.rows.list); n != 41 {
		t.Fatalf("%d rows are shown of 41", n)
	}
	if f := w.alerts.selected(); f == nil || f.Routine == nil {
		t.Error("no routine transfer is under the cursor")
	}
	w.press("esc")
	if n := len(w.alerts.rows.list); n != 3 {
		t.Errorf("%d rows are shown, not the two alerts and the line", n)
	}
	if !strings.Contains(w.View(), "ansible 22 · backup 9 · git 6 · log shipping 4") {
		t.Error("the line does not count its classes")
	}
}
