package respond

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Version is that of Plan and Result as this program writes them. A reader
// refuses what is newer.
const Version = 1

// Host is a machine to act on: this one, or one behind SSH. What an action
// needs beyond it is declared by the action's package and asserted there.
// Implementations are safe for concurrent use.
type Host interface {
	// Name is the inventory's name; "local" is this machine.
	Name() string
	// Identity asks the machine anew at every call: a reboot between two calls
	// shows as another BootID.
	Identity(ctx context.Context) (Identity, error)
}

// Identity is what a machine says it is.
type Identity struct {
	HostID   string        `json:"host_id"`  // /etc/machine-id; cloned images share it
	BootID   string        `json:"boot_id"`  // /proc/sys/kernel/random/boot_id
	Hostname string        `json:"hostname"` // the kernel's
	Uptime   time.Duration `json:"uptime"`   // CLOCK_BOOTTIME: since boot, suspend included
}

// Action is one kind of change. Plan needs the action's own fields; Apply,
// Verify and Undo work from the plan or result alone, so that a zero action of
// the right kind can finish or undo what the journal holds.
type Action interface {
	// Kind names the change, as "process.freeze".
	Kind() string
	// Plan looks and changes nothing. An error that wraps ErrRefused says why
	// this must not be done, ErrPlanStale that the target is not what was shown.
	Plan(ctx context.Context, h Host) (Plan, error)
	// Apply checks that the plan still holds, else ErrPlanStale, and carries it
	// out. A Result that comes with an error says what was changed all the same
	// (its Holds are true); one with a zero Kind says that nothing was.
	Apply(ctx context.Context, h Host, p Plan) (Result, error)
	// Verify looks from outside whether the result holds now. Changes nothing.
	Verify(ctx context.Context, h Host, r Result) (Verdict, error)
	// Undo takes back exactly what the result says was changed; ErrNoUndo where
	// that cannot be, which the plan had said.
	Undo(ctx context.Context, h Host, r Result) (Result, error)
}

// Finisher is an action that can go on with an Apply whose program ended in the
// middle: from the plan and a look at the host it tells what was done already,
// does the rest, and its result says all of it. ErrPlanStale as Apply's.
type Finisher interface {
	Action
	Finish(ctx context.Context, h Host, p Plan) (Result, error)
}

// Plan is what a person approves. It is a value and survives as JSON.
type Plan struct {
	Version  int       `json:"version"`
	Kind     string    `json:"kind"`
	Host     string    `json:"host"` // Host.Name
	Identity Identity  `json:"identity"`
	Made     time.Time `json:"made"` // UTC

	Title    string   `json:"title"`    // one line: what will be done to what
	Lines    []Line   `json:"lines"`    // what the person decides from, in order
	Warnings []string `json:"warnings"` // what may go wrong or be noticed, a sentence each
	Undo     string   `json:"undo"`     // how it is taken back; "" when it cannot be
	NoUndo   string   `json:"no_undo"`  // why it cannot be taken back; "" when it can

	First    []Plan    `json:"first,omitempty"`    // carried out before it, each as an operation of its own
	Approval *Approval `json:"approval,omitempty"` // by a second person; nil: none was needed

	Body json.RawMessage `json:"body"` // the kind's own, versioned with it
}

// Line is one labelled statement; Text may be long and hostile.
type Line struct {
	Label string `json:"label"`
	Text  string `json:"text"`
}

// Result is what was done. It is a value and survives as JSON.
type Result struct {
	Version  int       `json:"version"`
	Kind     string    `json:"kind"`
	Host     string    `json:"host"`
	Identity Identity  `json:"identity"`
	Started  time.Time `json:"started"` // UTC
	Ended    time.Time `json:"ended"`   // UTC

	Summary  string   `json:"summary"` // one line: what was done, with figures
	Lines    []Line   `json:"lines"`
	Partial  bool     `json:"partial"`            // not all of the plan could be done; Lines say what
	Holds    []Held   `json:"holds,omitempty"`    // what this leaves changed on the host
	Releases []string `json:"releases,omitempty"` // keys of earlier Holds that this ended

	Body json.RawMessage `json:"body"`
}

// Held is a change that stands on a host until it is released.
type Held struct {
	Key   string    `json:"key"`   // names the change; the same change has the same key
	Kind  string    `json:"kind"`  // "frozen", "blocked", "isolated", …
	Text  string    `json:"text"`  // what is held, for a person
	Until time.Time `json:"until"` // when the host ends it by itself; zero: never
}

// State is what a verification found.
type State string

// The states. Unknown is loud: it means that nobody could look.
const (
	Holds   State = "holds"
	Partly  State = "partly"
	Not     State = "not"
	Unknown State = "unknown"
)

// Verdict is the outcome of a verification at one moment.
type Verdict struct {
	State   State     `json:"state"`
	Summary string    `json:"summary"`
	Lines   []Line    `json:"lines,omitempty"`
	Checked time.Time `json:"checked"` // UTC
}

// OK tells whether the change holds whole.
func (v Verdict) OK() bool { return v.State == Holds }

// DecodePlan reads a plan from the journal, or refuses one from a newer program.
func DecodePlan(b []byte) (Plan, error) {
	var p Plan
	if err := json.Unmarshal(b, &p); err != nil {
		return Plan{}, fmt.Errorf("plan: %w", err)
	}
	return p, known("plan", p.Version, p.Kind)
}

// DecodeResult reads a result from the journal, or refuses one from a newer program.
func DecodeResult(b []byte) (Result, error) {
	var r Result
	if err := json.Unmarshal(b, &r); err != nil {
		return Result{}, fmt.Errorf("result: %w", err)
	}
	return r, known("result", r.Version, r.Kind)
}

func known(what string, version int, kind string) error {
	if version < 1 || version > Version {
		return fmt.Errorf("%s has version %d, this program knows 1 to %d: use a newer one", what, version, Version)
	}
	if kind == "" {
		return fmt.Errorf("%s has no kind", what)
	}
	return nil
}
