package process

import (
	"context"
	"slices"

	"interdict/respond"
)

// scope is which processes an action reaches: roots and, for a tree, all that
// descends from them.
type scope struct {
	roots []respond.ProcessID
	tree  bool
	known map[respond.ProcessID]bool // found to belong at any time: they stay, whatever their parent is later
}

func newScope(roots []respond.ProcessID, tree bool) *scope {
	s := &scope{roots: roots, tree: tree, known: map[respond.ProcessID]bool{}}
	for _, id := range roots {
		s.known[id] = true
	}
	return s
}

// members reads the table anew and returns who belongs, top down. What is new
// counts only after the process that it is said to come from was seen alive and
// the same once more: the table is no atomic picture, and a number may have
// passed to another process while it was read.
func (s *scope) members(ctx context.Context, m Machine) (*Table, []*Process, error) {
	t, err := m.Processes(ctx)
	if err != nil {
		return nil, nil, err
	}
	found, origin := s.walk(t)
	var fresh []respond.ProcessID
	for _, p := range found {
		if !s.known[p.ID] {
			fresh = append(fresh, origin[p.ID])
		}
	}
	if len(fresh) == 0 {
		return t, found, nil
	}
	outcomes, err := m.Signal(ctx, Look, fresh...)
	if err != nil {
		return nil, nil, err
	}
	doubtful := map[respond.ProcessID]bool{}
	for _, o := range outcomes {
		if o.Gone {
			doubtful[o.ID] = true
		}
	}
	kept := found[:0]
	for _, p := range found {
		from := origin[p.ID]
		if !s.known[p.ID] && doubtful[from] {
			doubtful[p.ID] = true
			continue
		}
		s.known[p.ID] = true
		kept = append(kept, p)
	}
	return t, kept, nil
}

// walk goes breadth first from roots and known members and tells from which
// process each was reached: its parent, or the first of its session.
func (s *scope) walk(t *Table) (found []*Process, origin map[respond.ProcessID]respond.ProcessID) {
	origin = map[respond.ProcessID]respond.ProcessID{}
	reach := func(p *Process, from respond.ProcessID) {
		if _, ok := origin[p.ID]; !ok {
			origin[p.ID] = from
			found = append(found, p)
		}
	}
	for _, id := range s.roots {
		if p := t.Find(id); p != nil {
			reach(p, p.ID)
		}
	}
	for i := 0; ; i++ {
		if i == len(found) { // then what lost its parents
			for _, p := range t.inOrder() {
				if s.known[p.ID] {
					reach(p, p.ID)
				}
			}
			if i == len(found) {
				return found, origin
			}
		}
		if !s.tree {
			continue
		}
		for _, child := range t.children[found[i].ID.PID] {
			if child.ID.Ticks() >= found[i].ID.Ticks() && child.ID.PID != found[i].ID.PID {
				reach(child, found[i].ID)
			}
		}
		for _, p := range t.session(found[i].ID.PID) {
			reach(p, found[i].ID)
		}
	}
}

// session returns the processes of the session that pid began: they descend
// from it, whoever their parent is now.
func (t *Table) session(pid int) []*Process {
	if t.sessions == nil {
		t.sessions = map[int][]*Process{}
		for _, p := range t.inOrder() {
			t.sessions[p.Session] = append(t.sessions[p.Session], p)
		}
	}
	return t.sessions[pid]
}

func (t *Table) inOrder() []*Process {
	all := make([]*Process, 0, len(t.byPID))
	for _, p := range t.byPID {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *Process) int { return a.ID.PID - b.ID.PID })
	return all
}

func ids(all []*Process) []respond.ProcessID {
	list := make([]respond.ProcessID, len(all))
	for i, p := range all {
		list[i] = p.ID
	}
	return list
}
