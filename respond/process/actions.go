package process

import (
	"context"

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
}

// NewFreeze stops the target or its tree until it is resumed or killed.
func NewFreeze(target respond.ProcessID, o Options) respond.Action {
	return &action{kind: KindFreeze, target: target, options: o}
}

// NewResume lets what is stopped of the target or its tree run again.
func NewResume(target respond.ProcessID, o Options) respond.Action {
	return &action{kind: KindResume, target: target, options: o}
}

// NewKill ends the target or its tree: everything is stopped first, so that nothing is born meanwhile.
func NewKill(target respond.ProcessID, o Options) respond.Action {
	return &action{kind: KindKill, target: target, options: o}
}

// ActionOf returns a zero action that can finish, verify or undo what the journal holds.
func ActionOf(kind string) (respond.Action, bool) {
	switch kind {
	case KindFreeze, KindResume, KindKill:
		return &action{kind: kind}, true
	}
	return nil, false
}

type action struct {
	kind    string
	target  respond.ProcessID
	options Options
}

func (a *action) Kind() string { return a.kind }

func (a *action) Plan(context.Context, respond.Host) (respond.Plan, error) {
	return respond.Plan{}, respond.ErrUnsupported
}
func (a *action) Apply(context.Context, respond.Host, respond.Plan) (respond.Result, error) {
	return respond.Result{}, respond.ErrUnsupported
}
func (a *action) Verify(context.Context, respond.Host, respond.Result) (respond.Verdict, error) {
	return respond.Verdict{}, respond.ErrUnsupported
}
func (a *action) Undo(context.Context, respond.Host, respond.Result) (respond.Result, error) {
	return respond.Result{}, respond.ErrUnsupported
}
