package ui

import (
	"slices"
	"testing"
)

// others is who looks at what elsewhere.
type others struct {
	at    map[string][]string
	shown []string
}

func (o *others) Show(ids ...string) { o.shown = ids }

func (o *others) Lookers(ids ...string) (who []string) {
	for _, id := range ids {
		who = append(who, o.at[id]...)
	}
	return who
}

func TestWhoElseLooksAtAnAlertStandsInItsRowAndGuideAndWhatIsOpenHereIsTold(t *testing.T) {
	o := &others{at: map[string][]string{theft().ID: {"bob"}}}
	w := newWorld(t, 120, 32, func(c *Config) { c.Presence = o })
	w.shows("bob looks at it")
	w.press("down")
	w.shows("@ ")
	if o.shown != nil {
		t.Errorf("a row under the cursor is told as open: %v", o.shown)
	}
	w.press("up", "enter")
	w.shows("bob looks at it")
	if !slices.Contains(o.shown, theft().ID) {
		t.Errorf("the guide is open and %v is told", o.shown)
	}
	w.press("esc")
	if o.shown != nil {
		t.Errorf("nothing is open and %v is told", o.shown)
	}
}

func TestWhoHasARunOpenLooksAtItsCase(t *testing.T) {
	o := &others{}
	w := newWorld(t, 120, 40, func(c *Config) { c.Presence = o })
	withPlaybooks(t, w)
	k := startedRun(t, w, "preserve-only")
	w.press("i", "p")
	if w.shown != inRun || !slices.Equal(o.shown, []string{k.ID}) {
		t.Errorf("%s is shown and %v is told, not %s", w.shown, o.shown, k.ID)
	}
}
