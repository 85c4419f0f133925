package process

import (
	"fmt"

	"interdict/respond"
)

// Codes of refusals.
const (
	CodePID1         = "pid-1"
	CodeKernelThread = "kernel-thread"
	CodeConsole      = "console"
	CodeAncestor     = "console-ancestor"
	CodeOwnSession   = "own-session"
	CodeService      = "service-master"
	CodeNotShown     = "not-shown" // also ErrPlanStale
	CodeEnded        = "ended"     // also ErrPlanStale
)

// guard knows what must never be touched on a host.
type guard struct {
	console   map[int]respond.ProcessID // the console and others through which the operator works
	ancestors map[int]respond.ProcessID
	sessions  map[int]bool
}

func newGuard(t *Table, operators []respond.ProcessID) *guard {
	g := &guard{console: map[int]respond.ProcessID{}, ancestors: map[int]respond.ProcessID{}, sessions: map[int]bool{}}
	for _, id := range operators {
		p := t.Find(id)
		if p == nil {
			continue
		}
		g.console[id.PID] = p.ID
		if p.Session > 1 {
			g.sessions[p.Session] = true
		}
		for _, a := range t.ancestors(p) {
			g.ancestors[a.ID.PID] = a.ID
		}
	}
	return g
}

// reason says why p must not be touched; nil when it may be.
func (g *guard) reason(p *Process) *respond.Reason {
	no := func(code, format string, args ...any) *respond.Reason {
		return &respond.Reason{Code: code, Text: fmt.Sprintf(format, args...)}
	}
	switch {
	case p.ID.PID == 1:
		return no(CodePID1, "process 1 is the machine itself")
	case p.Kernel:
		return no(CodeKernelThread, "%s is a thread of the kernel", p.label())
	case g.console[p.ID.PID].Same(p.ID) && p.ID.PID > 0:
		return no(CodeConsole, "%s is what you work with now", p.label())
	case g.ancestors[p.ID.PID].Same(p.ID):
		return no(CodeAncestor, "%s is an ancestor of this console: it would end with it", p.label())
	case g.sessions[p.Session]:
		return no(CodeOwnSession, "%s belongs to the session that you work in", p.label())
	}
	return nil
}

// check refuses when any of the processes must not be touched.
func (g *guard) check(all []*Process) error {
	var refusal respond.Refusal
	for _, p := range all {
		if r := g.reason(p); r != nil {
			refusal.Reasons = append(refusal.Reasons, *r)
		}
	}
	if len(refusal.Reasons) == 0 {
		return nil
	}
	return &refusal
}

// missing is the error for a process that is not, or no longer, the one meant:
// a refusal, and a stale plan.
func missing(t *Table, id respond.ProcessID) error {
	text := fmt.Sprintf("process %s has ended", id)
	code := CodeEnded
	if p := t.Number(id.PID); p != nil && !p.ID.Same(id) {
		code, text = CodeNotShown, fmt.Sprintf("number %d belongs to another process now: %s, not the %s that was shown", id.PID, p.ID, id)
	}
	return fmt.Errorf("%w: %w", respond.Refuse(code, "%s", text), respond.ErrPlanStale)
}

// label is "scp 4121".
func (p *Process) label() string { return fmt.Sprintf("%s %d", p.Name, p.ID.PID) }
