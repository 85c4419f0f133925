package detect

import (
	"slices"
	"time"

	"interdict/sources"
)

// Snapshot is what the engine knew at one moment. It is immutable.
type Snapshot struct {
	Version  uint64
	Findings []*Finding // live first, then by risk, then newest first
	Hidden   []*Finding // those that an exception hides, in the same order
	Routine  []*Finding // those that are routine and inside all its limits, in the same order
	Judged   int64      // executions that the rules looked at
	Since    time.Time  // when the engine began to look
	Lost     sources.Loss
	Rules    []RuleStatus
	Closed   int   // alerts closed since then
	Dropped  int64 // transfers with open alerts, and other open alerts, that had to make room for newer ones
}

// Finding is what the rules found out about one transfer, or one alert that
// belongs to none. The alert of the highest risk leads.
type Finding struct {
	Alert
	Also     []Alert       // the other rules' alerts about the same transfer
	Transfer *Transfer     // nil: the alert is not about a transfer that was seen
	Skew     time.Duration // how far the host's clock is ahead of ours, or its events come late; 0: neither
	Others   int           // transfers of the same form that are not routine either: the worst is shown

	Adjusted int      // risk, 0 to 100: the rule's with the reasons
	Reasons  []Reason // what adds most first
	Rarities []Rarity // how often what it is made of occurred before it
	Known    Known    // how much is known to compare with
	Routine  *Routine // nil: of no class
	sum      int      // risk and reasons, also beyond 100

	Exception *Exception // hides it; nil: none does
	Breach    string     // why an exception that fits does not hide it, a sentence; "" when none fits
}

// Live tells whether the transfer still goes on.
func (f *Finding) Live() bool { return f.Transfer != nil && f.Transfer.Live }

// Unseen says what could not be seen around it, a sentence each.
func (f *Finding) Unseen() []string {
	out := slices.Clone(f.Degraded)
	if w := f.clockWord(); w != "" {
		out = append(out, w)
	}
	switch t := f.Transfer; {
	case t == nil:
		return append(out, "no connection or file of it was seen, so what it transferred is not known")
	case t.Master != "":
		out = append(out, "the connection belongs to a shared ssh master ("+t.Master+"), whose other users' bytes cannot be told apart")
	}
	return append(out, f.Transfer.Unseen...)
}

// Alerts gives all of them, the one that leads first.
func (f *Finding) Alerts() []Alert { return append([]Alert{f.Alert}, f.Also...) }

// bundle is a finding as it was last made, and what it was made of.
type bundle struct {
	ranked  *ranked // nil: it was not made yet
	alerts  int
	changes uint64
	ended   int
	ruling  int
}

func (b *bundle) finding() *Finding {
	if b.ranked == nil {
		return nil
	}
	return b.ranked.finding
}

// RuleStatus says how a rule is doing.
type RuleStatus struct {
	Rule    *Rule
	Mode    Mode
	Notes   []string // what is partial, degraded or beyond a limit, a sentence each
	Blind   string   // why it does not see all at present: its last run stopped, or was partial; "" when it does. It is also in Notes.
	Kept    int      // rows kept for it
	Groups  int
	Raised  int64
	LastRun time.Time
}

// Mode is how a rule is evaluated.
type Mode string

// The modes.
const (
	Live      Mode = "live"
	Scheduled Mode = "scheduled" // at its interval, against History
	Off       Mode = "off"       // not at all; the first note says why
)
