package respond

import (
	"errors"
	"fmt"
	"strings"
)

// What callers decide on with errors.Is.
var (
	// ErrPlanStale: what the plan or the alert showed is no longer so. Nothing was changed; plan again.
	ErrPlanStale = errors.New("no longer as it was shown")
	// ErrNoUndo: this kind of change cannot be taken back. The plan said so.
	ErrNoUndo = errors.New("cannot be undone")
	// ErrRefused: a safety check forbids it. Nothing was changed. The error is a *Refusal.
	ErrRefused = errors.New("refused")
	// ErrNoSpace: the journal could not be written even with its reserve. Nothing was changed.
	ErrNoSpace = errors.New("no space for the journal")
	// ErrGap: entries are missing from the journal, so that more may be held on hosts than it says.
	ErrGap = errors.New("entries are missing from the journal")
	// ErrNoOperation: the journal was read, and has no entry of it.
	ErrNoOperation = errors.New("no operation")
	// ErrDamaged: the database is not one, or its pages do not fit together. Set it
	// aside, never delete it: the next journal notes that entries are missing.
	ErrDamaged = errors.New("the database is damaged")
	// ErrUnsupported: this host or kernel lacks what the action needs.
	ErrUnsupported = errors.New("not supported here")
	// ErrUnreachable: the host did not answer, or not to its end of the login. Nothing was changed.
	ErrUnreachable = errors.New("cannot be reached")
)

// Reason is one safety check that said no.
type Reason struct {
	Code string `json:"code"` // stable, for programs: "pid-1", "own-session", …
	Text string `json:"text"` // a sentence for a person, naming the process or role
	// Override is what a person must type to go on all the same; "" when nothing may.
	Override string `json:"override,omitempty"`
}

// Refusal carries every reason, not only the first. errors.Is(err, ErrRefused).
type Refusal struct {
	Reasons []Reason `json:"reasons"`
}

// Error lists the reasons.
func (r *Refusal) Error() string {
	texts := make([]string, len(r.Reasons))
	for i, reason := range r.Reasons {
		texts[i] = reason.Text
	}
	return "refused: " + strings.Join(texts, "; ")
}

// Is makes errors.Is(err, ErrRefused) true.
func (r *Refusal) Is(target error) bool { return target == ErrRefused }

// Has tells whether a reason with this code is among them.
func (r *Refusal) Has(code string) bool {
	for _, reason := range r.Reasons {
		if reason.Code == code {
			return true
		}
	}
	return false
}

// Refuse is a Refusal of one reason that nothing overrides.
func Refuse(code, format string, args ...any) *Refusal {
	return &Refusal{Reasons: []Reason{{Code: code, Text: fmt.Sprintf(format, args...)}}}
}

// Stale wraps ErrPlanStale with what is different now.
func Stale(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrPlanStale, fmt.Sprintf(format, args...))
}
