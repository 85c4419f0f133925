package ui

import (
	"strings"
	"testing"
	"time"

	"interdict/sources"
)

func TestHowWellIsWatchedIsShownBySourceRuleAndHost(t *testing.T) {
	hosts := func() []sources.Heard {
		return []sources.Heard{
			{Host: "web-1", Events: 1200, Newest: noon.Add(-2 * time.Second), Lag: 1300 * time.Millisecond, Most: 4 * time.Second, Older: 3},
			{Host: "db\x1b[31m-1", Events: 7, Newest: noon.Add(time.Hour), Lag: 90 * time.Second, Most: 90 * time.Second, Late: 2, LateBy: 90 * time.Second, Ahead: 1, AheadBy: time.Hour},
		}
	}
	w := newWorld(t, 120, 40, func(c *Config) {
		c.Sources = []sources.Source{
			fakeSource{"elasticsearch:eu", sources.Stats{About: "prod 8.19.21 basic", Read: 1207, Hosts: hosts}},
			fakeSource{"elasticsearch:us", sources.Stats{Blind: "no answer", Notes: []string{"CANNOT LOOK since 11:00:00: no answer"}}},
		}
	})
	w.press("8")
	w.shows("elasticsearch:eu  ok  prod 8.19.21 basic · 1 207 read", "elasticsearch:us  CANNOT LOOK", "CANNOT LOOK since 11:00:00: no answer", "2 hosts with transfer tools", "1.3 s", "OUT OF ORDER", `db\x1b[31m-1`, "2 ≤ 1m", "1 ≤ 1h")
	screen := plainOf(w.View())
	if strings.Index(screen, `db\x1b`) > strings.Index(screen, "web-1 ") {
		t.Errorf("the host that lags most is not first:\n%s", screen)
	}
	asked := 0
	w.config.Sources = []sources.Source{fakeSource{"elasticsearch:eu", sources.Stats{Hosts: func() []sources.Heard { asked++; return hosts() }}}}
	w.send(second{})
	w.press("down", "up")
	w.View()
	if asked != 1 {
		t.Errorf("all hosts were asked for %d times in a second", asked)
	}
}

func TestAQuestionGoesToTheSourceThatThePersonChose(t *testing.T) {
	w, h, _ := queryWorld(t)
	w.config.Histories = []string{"elasticsearch:eu", "elasticsearch:us"}
	w.press("5", "ctrl+t", "ctrl+t")
	w.shows("the next question goes to elasticsearch:us")
	w.write("ROW a = 1")
	w.press("enter")
	w.shows("elasticsearch:us")
	if len(h.got) != 1 || h.got[0].Source != "elasticsearch:us" {
		t.Errorf("asked %+v", h.got)
	}
	w.press("s", "r")
	w.shows("all 2 sources")
	if len(h.got) != 2 || h.got[1].Source != "" {
		t.Errorf("asked %+v", h.got)
	}
}
