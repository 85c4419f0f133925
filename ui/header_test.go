package ui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"interdict/respond"
	"interdict/sources"
)

// Whoever trusts the screen must be told on it, also on a small one, what it does not show.
func TestWhatIsAmissIsSaidWholeOnASmallScreen(t *testing.T) {
	banner := "RECORDED INCIDENT, not this machine: no right to watch the kernel (run as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE)"
	w := newWorld(t, 80, 24, func(c *Config) { c.Banner = banner })
	if screen := strings.Join(strings.Fields(w.View()), " "); !strings.Contains(screen, banner) {
		t.Errorf("how to get the kernel is cut:\n%s", w.View())
	}
	w = newWorld(t, 80, 24, func(c *Config) {
		c.Sources = []sources.Source{fakeSource{"ebpf", sources.Stats{Notes: []string{"STOPPED: the ring is gone"}}}}
		c.Kept = func() sources.Stats {
			return sources.Stats{Notes: []string{"kept in memory only: no space left on device"}}
		}
	})
	w.shows("ebpf: STOPPED: the ring is gone", "history: kept in memory only: no space left on device")
	w.golden("amiss-80x24")
}

func TestAJournalWithAGapNeverSaysThatNothingStands(t *testing.T) {
	w := newWorld(t, 120, 32)
	w.changes.gap = fmt.Errorf("%w: entry 6 was remembered", respond.ErrGap)
	w.press("4")
	w.shows("STANDING unknown", "entry 6 was remembered")
	w.changes.standing = []respond.Standing{{Held: respond.Held{Key: "k", Kind: "frozen", Text: "scp 4121"}, Op: "op1", Host: "local", Since: noon.Add(-time.Minute)}}
	w.press("r")
	w.shows("STANDING frozen 1 (1m) · unknown", "entry 6 was remembered", "scp 4121")
}

func TestATerminalThatDoesNotSayItsSizeIsTakenForAUsualOne(t *testing.T) {
	w := newWorld(t, 0, 0)
	w.shows("STANDING", "SENDING")
	if w.layout.width != 80 || w.layout.height != 24 {
		t.Errorf("it is %d×%d", w.layout.width, w.layout.height)
	}
}
