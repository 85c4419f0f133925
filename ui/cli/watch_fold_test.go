package cli

import (
	"bufio"
	"bytes"
	"strings"
	"testing"

	"interdict/detect"
)

func TestWatchFoldsWhatIsRoutineAndPrintsItWhenALimitBreaks(t *testing.T) {
	routine := &detect.Finding{Alert: detect.Alert{ID: "A1", Severity: "medium"}, Routine: &detect.Routine{Class: "backup", Known: true}}
	hidden := &detect.Finding{Alert: detect.Alert{ID: "A2"}, Exception: &detect.Exception{ID: "x"}}
	broken := &detect.Finding{Alert: detect.Alert{ID: "A1", Severity: "medium"}, Routine: &detect.Routine{Class: "backup", Known: true, Breach: "9 GB went out"},
		Reasons: []detect.Reason{{Name: "limit", Text: "backup, but 9 GB went out", Risk: 30}}}
	for _, all := range []bool{false, true} {
		var out bytes.Buffer
		w := &alertWriter{to: bufio.NewWriter(&out), worst: -1, all: all, held: map[string]bool{}}
		for _, f := range []*detect.Finding{routine, hidden} {
			w.raised(f, f.Alert)
		}
		if got := strings.Count(out.String(), "\n"); got != map[bool]int{false: 0, true: 2}[all] || !all && w.folded(&detect.Snapshot{Routine: []*detect.Finding{routine}}) != "hidden by exceptions, or over 1 · routine backup 1" {
			t.Errorf("all %v: %d lines, folded %q", all, got, w.folded(&detect.Snapshot{Routine: []*detect.Finding{routine}}))
		}
		w.look(&detect.Snapshot{Findings: []*detect.Finding{broken}})
		w.look(&detect.Snapshot{Findings: []*detect.Finding{broken}}) // once
		if !all && (strings.Count(out.String(), "\n") != 1 || !strings.Contains(out.String(), `"breach":"9 GB went out"`) || !strings.Contains(out.String(), `"risk":30`)) {
			t.Errorf("after the limit broke: %s", out.String())
		}
	}
}
