package ui

import (
	"strings"
	"testing"

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
