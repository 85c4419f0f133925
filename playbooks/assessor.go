package playbooks

import (
	"context"
	"time"

	"interdict/detect"
	"interdict/respond"
	"interdict/sources"
)

// Assessor answers the guide. It is safe for concurrent use.
type Assessor struct {
	History  sources.History
	Look     respond.Looker // nil: no machine can be looked at
	Boot     string         // boot id of the machine that Look looks at; "": every finding is of it
	Now      func() time.Time
	Watching time.Time      // since when events are recorded; zero: History alone knows
	Zone     *time.Location // of the machine that Look looks at; nil: time.Local

	// Alerts gives the findings of a host, for "its other alerts"; nil: not known.
	Alerts func(detect.Host) []*detect.Finding
	// Note gives a rule's own note in Markdown; nil or "": none.
	Note func(ruleID string) string
}

// Assess answers all questions about f. It returns by the deadline of ctx or
// its own, whichever is first; what is not answered by then is OPEN.
func (a *Assessor) Assess(ctx context.Context, f *detect.Finding) *Guide {
	return &Guide{AlertID: f.ID, Verdict: Verdict{Word: Unclear, Sending: f.Live()}}
}
