package process

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"interdict/respond"
)

// The kinds.
const (
	KindFreeze = "process.freeze"
	KindResume = "process.resume"
	KindKill   = "process.kill"
)

// Options of an action.
type Options struct {
	Tree    bool                // the whole tree from its untrusted root, not only the target
	Console respond.ProcessID   // never touched, with its ancestors; besides what Machine.Operator says
	Reach   []respond.ProcessID // members known otherwise: an ssh that owns the connection
	// NotService: the target is no service, whatever it is called: it was seen to
	// be a transfer tool, or a person says so. A program called nginx is refused otherwise.
	NotService bool
}

// NewFreeze stops the target or its tree until it is resumed or killed.
func NewFreeze(target respond.ProcessID, o Options) respond.Action {
	return &action{kind: KindFreeze, target: target, options: o}
}

// NewResume lets what is stopped of the target or its tree run again.
func NewResume(target respond.ProcessID, o Options) respond.Action {
	return &action{kind: KindResume, target: target, options: o}
}

// NewKill ends the target or its tree. Everything is stopped first, so that
// nothing is born meanwhile.
func NewKill(target respond.ProcessID, o Options) respond.Action {
	return &action{kind: KindKill, target: target, options: o}
}

// ActionOf returns a zero action that can finish, verify or undo what the
// journal holds; false for a kind of another package.
func ActionOf(kind string) (respond.Action, bool) {
	switch kind {
	case KindFreeze, KindResume, KindKill:
		return &action{kind: kind}, true
	}
	return nil, false
}

// order is what an action was asked for.
type order struct {
	Target  respond.ProcessID
	Options Options
}

// Order is what was asked for.
func (a *action) Order() ([]byte, error) { return json.Marshal(order{a.target, a.options}) }

// FromOrder makes an action again from its Order; false for a kind of another package.
func FromOrder(kind string, b []byte) (respond.Action, bool) {
	var o order
	if _, ours := ActionOf(kind); !ours || json.Unmarshal(b, &o) != nil {
		return nil, false
	}
	return &action{kind: kind, target: o.Target, options: o.Options}, true
}

type action struct {
	kind    string
	target  respond.ProcessID
	options Options
}

// Kind is one of the three.
func (a *action) Kind() string { return a.kind }

// Plan looks and changes nothing.
func (a *action) Plan(ctx context.Context, h respond.Host) (respond.Plan, error) {
	m, identity, err := machine(ctx, h)
	if err != nil {
		return respond.Plan{}, err
	}
	s, err := a.survey(ctx, m)
	if err != nil {
		return respond.Plan{}, err
	}
	body, err := json.Marshal(s.intent)
	if err != nil {
		return respond.Plan{}, err
	}
	p := respond.Plan{Version: respond.Version, Kind: a.kind, Host: h.Name(), Identity: identity, Made: time.Now().UTC(),
		Title: s.title(h.Name()), Lines: s.lines(), Warnings: s.warnings(), Body: body}
	p.Undo, p.NoUndo = undoTexts(a.kind)
	return p, nil
}

func undoTexts(kind string) (undo, noUndo string) {
	switch kind {
	case KindFreeze:
		return "resume exactly the processes that this stops, those that are still the same", ""
	case KindResume:
		return "", "what runs has run on: freeze it again instead"
	}
	return "", "a process that was killed is gone, and so is what it held in memory: freeze it and collect evidence first"
}

// Apply looks again and does what still holds of the plan: the roots must be
// the same, what descends from them by now is reached too.
func (a *action) Apply(ctx context.Context, h respond.Host, p respond.Plan) (respond.Result, error) {
	return a.carry(ctx, h, p, (*sweep).recheck)
}

// Finish goes on with what an Apply that was cut off began.
func (a *action) Finish(ctx context.Context, h respond.Host, p respond.Plan) (respond.Result, error) {
	return a.carry(ctx, h, p, (*sweep).takeUp)
}

// carry does what is left of a plan after a look at the host.
func (a *action) carry(ctx context.Context, h respond.Host, p respond.Plan, look func(*sweep, context.Context, intent) error) (respond.Result, error) {
	var in intent
	if err := json.Unmarshal(p.Body, &in); err != nil {
		return respond.Result{}, fmt.Errorf("plan: %w", err)
	}
	m, identity, err := machine(ctx, h)
	if err != nil {
		return respond.Result{}, err
	}
	if err := sameBoot(p.Identity, identity); err != nil {
		return respond.Result{}, err
	}
	s := &sweep{machine: m, scope: newScope(in.Roots, in.Tree), sent: map[respond.ProcessID]bool{}, failed: map[respond.ProcessID]string{}}
	if err := look(s, ctx, in); err != nil {
		return respond.Result{}, err
	}
	s.did.Roots, s.did.Tree = in.Roots, in.Tree
	r := respond.Result{Version: respond.Version, Kind: a.kind, Host: h.Name(), Identity: identity, Started: time.Now().UTC()}
	switch a.kind {
	case KindFreeze:
		err = s.freeze(ctx, in.Cgroup)
	case KindResume:
		err = s.resume(ctx, in.Cgroup)
	case KindKill:
		err = s.kill(ctx, in.Cgroup)
	}
	return s.result(r, err)
}

func machine(ctx context.Context, h respond.Host) (Machine, respond.Identity, error) {
	m, ok := h.(Machine)
	if !ok {
		return nil, respond.Identity{}, fmt.Errorf("processes on %s: %w", h.Name(), respond.ErrUnsupported)
	}
	identity, err := h.Identity(ctx)
	return m, identity, err
}

func sameBoot(then, now respond.Identity) error {
	switch {
	case then.BootID != now.BootID:
		return respond.Stale("the host was started again since")
	case then.HostID != now.HostID:
		return respond.Stale("this is another machine: id %s, not %s", now.HostID, then.HostID)
	}
	return nil
}

// intent is the body of a plan.
type intent struct {
	Target  respond.ProcessID   `json:"target"`
	Roots   []respond.ProcessID `json:"roots"` // the tree's first, then others that were reached
	Exe     string              `json:"exe"`   // of the first root
	Tree    bool                `json:"tree"`
	Console []respond.ProcessID `json:"console"` // never touched
	Members []respond.ProcessID `json:"members"` // when it was planned
	Stood   []respond.ProcessID `json:"stood"`   // of these, by somebody else's doing
	Cgroup  string              `json:"cgroup"`  // that the tree has to itself; "" for none
	Frozen  bool                `json:"frozen"`  // it was, by somebody else's doing
}
