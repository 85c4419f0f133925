package ui

import (
	"fmt"
	"sync"
	"sync/atomic"

	"interdict/detect"
	"interdict/respond/evidence"
)

// taking is how far evidence is: told by what takes it, read by the screen. The
// zero value was told nothing yet. Neither waits for the other.
type taking struct {
	last atomic.Pointer[evidence.Progress]
}

func (t *taking) told(p evidence.Progress) { t.last.Store(&p) }

// String is "" before anything was told.
func (t *taking) String() string {
	p := t.last.Load()
	if p == nil {
		return ""
	}
	return fmt.Sprintf("%d of %d, %s: %s", p.Done, p.Of, size(p.Bytes), p.Now)
}

// Takings are those of the steps of playbooks that this program carries out. nil
// tells nothing.
type Takings struct{ steps sync.Map } // takingStep to *taking

type takingStep struct{ incident, alert, step string }

// begin is where a step about one of these alerts tells of itself. Its first word
// stands in place of what an earlier one told: who only plans it says none, and one
// that is under way goes on being shown.
func (t *Takings) begin(incident, step string, alerts []detect.Alert) func(evidence.Progress) {
	if t == nil {
		return nil
	}
	one := &taking{}
	return func(p evidence.Progress) {
		if one.last.Swap(&p) != nil {
			return
		}
		for _, a := range alerts {
			t.steps.Store(takingStep{incident, a.ID, step}, one)
		}
	}
}

// of is how far a step is; "" when nothing is known of it.
func (t *Takings) of(incident, alert, step string) string {
	if t == nil {
		return ""
	}
	if one, ok := t.steps.Load(takingStep{incident, alert, step}); ok {
		return one.(*taking).String()
	}
	return ""
}
