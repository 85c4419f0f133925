package process

import (
	"context"
	"fmt"
	"strings"

	"interdict/respond"
)

// survey is what a plan was made from.
type survey struct {
	kind    string
	intent  intent
	table   *Table
	target  *Process
	root    Root
	members []*Process
	facts   Facts
	aside   []string // what was asked for or found and is not included, a sentence each
}

func (a *action) survey(ctx context.Context, m Machine) (*survey, error) {
	t, err := m.Processes(ctx)
	if err != nil {
		return nil, err
	}
	operators, err := m.Operator(ctx)
	if err != nil {
		return nil, err
	}
	if a.options.Console.PID != 0 {
		operators = append(operators, a.options.Console)
	}
	g := newGuard(t, operators)
	target, err := admissible(t, g, a.target, a.options.NotService)
	if err != nil {
		return nil, err
	}
	s := &survey{kind: a.kind, table: t, target: target, root: Root{Process: target, Why: Untrusted(target), Kept: t.parent(target)}}
	if a.options.Tree {
		s.root = t.findRoot(target, g)
	}
	s.intent = intent{Target: target.ID, Roots: []respond.ProcessID{s.root.Process.ID}, Exe: s.root.Process.Exe, Tree: a.options.Tree, Console: operators}
	s.reach(g, a.options.Reach)
	if err := s.gather(ctx, m); err != nil {
		return nil, err
	}
	if s.includeMasters(g) {
		if err := s.gather(ctx, m); err != nil {
			return nil, err
		}
	}
	if err := g.check(s.members); err != nil {
		return nil, err
	}
	if a.kind == KindResume && !s.anyStopped(ctx, m) {
		return nil, respond.Refuse("not-stopped", "nothing of %s is stopped", s.root.Process.label())
	}
	s.intent.Members = ids(s.members)
	for _, p := range s.members {
		if p.Stopped() {
			s.intent.Stood = append(s.intent.Stood, p.ID)
		}
	}
	s.intent.Cgroup, s.intent.Frozen = ownCgroup(ctx, m, s.root.Process.Cgroup, s.members)
	return s, nil
}

// admissible finds the target and refuses what must not be acted on.
func admissible(t *Table, g *guard, id respond.ProcessID, notService bool) (*Process, error) {
	p := t.Find(id)
	if p == nil {
		return nil, missing(t, id)
	}
	if r := g.reason(p); r != nil {
		return nil, &respond.Refusal{Reasons: []respond.Reason{*r}}
	}
	if p.Ended() {
		return nil, fmt.Errorf("%w: %w", respond.Refuse(CodeEnded, "%s has ended; only its exit status waits for process %d to ask for it", p.label(), p.PPID), respond.ErrPlanStale)
	}
	if kind := master(p); kind != "" && !worker(t, p) && !notService {
		return nil, respond.Refuse(CodeService, "%s runs %s, a %s: stopping it would stop what others use; name the process that it started, or stop the service by its own means; if it is none, --no-service says so", p.label(), p.Exe, kind)
	}
	return p, nil
}

// reach adds processes that are known otherwise to belong.
func (s *survey) reach(g *guard, more []respond.ProcessID) {
	for _, id := range more {
		p := s.table.Find(id)
		switch {
		case p == nil || p.Ended():
			continue // has ended, which is no reason not to go on
		case g.reason(p) != nil:
			s.aside = append(s.aside, "not included: "+g.reason(p).Text)
		case master(p) != "" && !worker(s.table, p):
			s.aside = append(s.aside, fmt.Sprintf("not included: %s is a %s", p.label(), master(p)))
		default:
			s.intent.Roots = append(s.intent.Roots, p.ID)
		}
	}
}

// gather finds members and facts for the roots as they are.
func (s *survey) gather(ctx context.Context, m Machine) error {
	t, members, err := newScope(s.intent.Roots, s.intent.Tree).members(ctx, m)
	if err != nil {
		return err
	}
	if t.Find(s.target.ID) == nil {
		return missing(t, s.target.ID)
	}
	s.table, s.members = t, members
	s.facts, err = m.Facts(ctx, ids(members)...)
	return err
}

// includeMasters adds an ssh that carries the connection when nobody else uses
// it, and names it when somebody does; true when one was added.
func (s *survey) includeMasters(g *guard) (added bool) {
	for _, master := range s.facts.Masters {
		p := s.table.Find(master.ID)
		if p == nil {
			continue
		}
		what := fmt.Sprintf("shared ssh master %s at %s carries the connection", p.label(), master.Path)
		switch {
		case g.reason(p) != nil:
			s.aside = append(s.aside, what+"; not included: "+g.reason(p).Text)
		case len(master.Others) > 0:
			s.aside = append(s.aside, fmt.Sprintf("%s; not included: %d other users: %s", what, len(master.Others), s.labels(master.Others)))
		case master.Unsure:
			s.aside = append(s.aside, what+"; not included: who else uses it could not be found out")
		default:
			s.aside = append(s.aside, what+" and nobody else uses it: included")
			s.intent.Roots = append(s.intent.Roots, p.ID)
			added = true
		}
	}
	return added
}

func (s *survey) labels(list []respond.ProcessID) string {
	var names []string
	for _, id := range list {
		if p := s.table.Find(id); p != nil {
			names = append(names, fmt.Sprintf("%s (user %d)", p.label(), p.UID))
		}
	}
	return strings.Join(names, ", ")
}

func (s *survey) anyStopped(ctx context.Context, m Machine) bool {
	for _, p := range s.members {
		if p.Stopped() {
			return true
		}
	}
	c, err := m.Cgroup(ctx, s.root.Process.Cgroup)
	return err == nil && c.Frozen
}

// ownCgroup is the cgroup when it can be frozen and holds members only, else "";
// and whether it is frozen.
func ownCgroup(ctx context.Context, m Machine, path string, members []*Process) (own string, frozen bool) {
	if path == "" || path == "/" {
		return "", false
	}
	c, err := m.Cgroup(ctx, path)
	if err != nil || !c.Freezable || len(c.Processes) == 0 || !onlyMembers(c, members) {
		return "", false
	}
	return path, c.Frozen
}

func onlyMembers(c Cgroup, members []*Process) bool {
	mine := map[int]bool{}
	for _, p := range members {
		mine[p.ID.PID] = true
	}
	for _, pid := range c.Processes {
		if !mine[pid] {
			return false
		}
	}
	return true
}
