package process

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"interdict/respond"
)

// Bounds of one action. A process that waits in the kernel outlasts them.
const (
	stopTime   = 5 * time.Second        // until everything stands
	settleTime = 500 * time.Millisecond // for the last signal to act, before what still moves is said to
	killTime   = 5 * time.Second        // until everything is gone
	leastLooks = 4                      // whatever time they take: a host may be slow, or far away
	frozenTime = 2 * time.Second        // for a cgroup to freeze
)

// sweep carries an action out over a scope.
type sweep struct {
	machine Machine
	scope   *scope
	guard   *guard
	sent    map[respond.ProcessID]bool
	failed  map[respond.ProcessID]string
	cgroup  string              // frozen by this sweep
	stopped []respond.ProcessID // by a kill, before it
	ended   []respond.ProcessID // of a plan that was cut off, since it was made
	names   map[respond.ProcessID]string
	did     did
}

// patience is how long an action goes on, and how often it looks at least.
type patience struct {
	until time.Time
	looks int
}

func patient(d time.Duration) *patience { return &patience{until: time.Now().Add(d)} }

// over is asked once after each look.
func (p *patience) over() bool {
	p.looks++
	return p.looks >= leastLooks && time.Now().After(p.until)
}

// recheck makes sure that what was approved is still so.
func (s *sweep) recheck(ctx context.Context, in intent) error {
	if len(in.Roots) == 0 {
		return respond.Stale("the plan names no process")
	}
	operators, err := s.machine.Operator(ctx)
	if err != nil {
		return err
	}
	t, members, err := s.look(ctx)
	if err != nil {
		return err
	}
	s.guard = newGuard(t, append(operators, in.Console...))
	for _, id := range []respond.ProcessID{in.Target, in.Roots[0]} {
		p := t.Find(id)
		if p == nil {
			return missing(t, id)
		}
		if p.Ended() {
			return respond.Stale("%s has ended", p.label())
		}
		if id == in.Roots[0] && p.Exe != in.Exe {
			return respond.Stale("%s runs %s now, not %s", p.label(), p.Exe, in.Exe)
		}
	}
	return s.guard.check(members)
}

// takeUp finds what an Apply that was cut off had done: of the plan's processes,
// who stands or has ended since that was made does so by its doing.
func (s *sweep) takeUp(ctx context.Context, in intent) error {
	operators, err := s.machine.Operator(ctx)
	if err != nil {
		return err
	}
	for _, id := range in.Members {
		s.scope.known[id] = true
	}
	t, members, err := s.look(ctx)
	if err != nil {
		return err
	}
	s.guard = newGuard(t, append(operators, in.Console...))
	for _, id := range in.Members {
		switch p := t.Find(id); {
		case p == nil || p.Ended():
			s.ended = append(s.ended, id)
		case p.State == 'T' && !slices.Contains(in.Stood, id):
			s.sent[id] = true
			s.did.Members = append(s.did.Members, id)
		}
	}
	if c, err := s.machine.Cgroup(ctx, in.Cgroup); in.Cgroup != "" && err == nil && c.Frozen && !in.Frozen {
		s.cgroup, s.did.Cgroup = in.Cgroup, in.Cgroup
	}
	return s.guard.check(members)
}

func (s *sweep) look(ctx context.Context) (*Table, []*Process, error) {
	t, members, err := s.scope.members(ctx, s.machine)
	if s.names == nil {
		s.names = map[respond.ProcessID]string{}
	}
	for _, p := range members {
		s.names[p.ID] = p.label()
	}
	return t, members, err
}

// stop sends SIGSTOP top down and looks again until two readings in a row show
// nothing that moves. One would not do: a child that its parent made before it
// stood can be missing from the reading that shows the parent standing, but not
// from one that began after that.
func (s *sweep) stop(ctx context.Context) error {
	bound := patient(stopTime)
	last, seen := time.Now(), map[respond.ProcessID]bool{}
	for quiet, pause := 0, time.Millisecond; quiet < 2; {
		_, members, err := s.look(ctx)
		if err == nil {
			err = s.guard.check(members)
		}
		if err != nil {
			return err
		}
		moving := s.moving(members)
		s.did.Left = ids(moving)
		if bound.over() {
			return nil
		}
		if len(moving) == 0 {
			quiet++
			continue
		}
		quiet = 0
		for _, p := range moving {
			if !seen[p.ID] {
				seen[p.ID], last, pause = true, time.Now(), time.Millisecond
			}
		}
		if time.Since(last) > settleTime {
			return nil
		}
		if err := s.signal(ctx, Stop, moving); err != nil {
			return err
		}
		if !wait(ctx, pause) {
			return ctx.Err()
		}
		pause = min(2*pause, 20*time.Millisecond)
	}
	return nil
}

// moving are the members that can run. One that stands without our doing is
// noted, so that undo leaves it as it was.
func (s *sweep) moving(members []*Process) []*Process {
	var moving []*Process
	for _, p := range members {
		switch {
		case p.Ended(), s.failed[p.ID] != "":
		case p.State == 'T' || p.State == 't' && s.sent[p.ID]:
			if !s.sent[p.ID] && !slices.Contains(s.did.Frozen, p.ID) {
				s.did.Already = addOnce(s.did.Already, p.ID)
			}
		case s.inFrozen(p):
			s.did.Frozen = addOnce(s.did.Frozen, p.ID)
		case s.sent[p.ID] && p.startsStopped(members):
		default:
			moving = append(moving, p)
		}
	}
	return moving
}

func (s *sweep) inFrozen(p *Process) bool {
	return s.cgroup != "" && (p.Cgroup == s.cgroup || strings.HasPrefix(p.Cgroup, s.cgroup+"/"))
}

func addOnce(list []respond.ProcessID, id respond.ProcessID) []respond.ProcessID {
	if slices.Contains(list, id) {
		return list
	}
	return append(list, id)
}

func (s *sweep) signal(ctx context.Context, sig Signal, to []*Process) error {
	outcomes, err := s.machine.Signal(ctx, sig, ids(to)...)
	for _, o := range outcomes {
		switch {
		case o.Sent && !s.sent[o.ID]:
			s.sent[o.ID] = true
			s.did.Members = append(s.did.Members, o.ID)
		case o.Err != "":
			s.failed[o.ID] = o.Err
		}
	}
	return err
}

// freeze stops the scope, by its own cgroup where it has one.
func (s *sweep) freeze(ctx context.Context, cgroup string) error {
	s.freezeCgroup(ctx, cgroup)
	return s.stop(ctx)
}

// freezeCgroup freezes it if it is still the tree's alone and nobody else froze
// it, and looks again afterwards: a stranger inside gets it thawed.
func (s *sweep) freezeCgroup(ctx context.Context, cgroup string) {
	if cgroup == "" || !s.owns(ctx, cgroup) {
		return
	}
	if c, err := s.machine.Cgroup(ctx, cgroup); err != nil || c.Frozen {
		return
	}
	limited, cancel := context.WithTimeout(ctx, frozenTime)
	defer cancel()
	if s.machine.SetFrozen(limited, cgroup, true) == nil && s.owns(ctx, cgroup) {
		s.cgroup, s.did.Cgroup = cgroup, cgroup
		return
	}
	thaw, done := context.WithTimeout(context.WithoutCancel(ctx), frozenTime)
	defer done()
	if err := s.machine.SetFrozen(thaw, cgroup, false); err != nil {
		s.did.Notes = append(s.did.Notes, fmt.Sprintf("cgroup %s could not be thawed again: %v", cgroup, err))
	}
}

func (s *sweep) owns(ctx context.Context, cgroup string) bool {
	_, members, err := s.look(ctx)
	if err != nil {
		return false
	}
	own, _ := ownCgroup(ctx, s.machine, cgroup, members)
	return own != ""
}

// kill stops the scope first, so that nothing is born while it dies. Once that
// is done it is carried through, also when ctx ends: half a kill is a freeze.
func (s *sweep) kill(ctx context.Context, cgroup string) error {
	s.freezeCgroup(ctx, cgroup)
	err := s.stop(ctx)
	ctx = context.WithoutCancel(ctx)
	s.stopped = s.did.Members
	s.did.Members, s.did.Already, s.did.Frozen, s.sent = nil, nil, nil, map[respond.ProcessID]bool{}
	owned := cgroup != "" && (s.cgroup != "" || s.owns(ctx, cgroup))
	err = errors.Join(err, s.killAll(ctx))
	s.did.Members = append(s.ended, s.did.Members...)
	if owned { // a frozen one would hold whatever is started in it next
		thaw, done := context.WithTimeout(context.WithoutCancel(ctx), frozenTime)
		defer done()
		s.did.Cgroup = cgroup
		err = errors.Join(err, s.machine.SetFrozen(thaw, cgroup, false))
	}
	return err
}

func (s *sweep) killAll(ctx context.Context) error {
	bound := patient(killTime)
	for quiet := 0; quiet < 2; {
		_, members, err := s.look(ctx)
		if err == nil {
			err = s.guard.check(members)
		}
		if err != nil {
			return err
		}
		alive := slices.DeleteFunc(members, func(p *Process) bool { return p.Ended() || s.failed[p.ID] != "" })
		if s.did.Left = ids(alive); len(alive) == 0 {
			quiet++
			continue
		}
		if bound.over() {
			return nil
		}
		quiet = 0
		if err := s.signal(ctx, Kill, alive); err != nil {
			return err
		}
		limited, done := context.WithTimeout(ctx, settleTime)
		_, err = s.machine.Await(limited, ids(alive)...)
		done()
		if err != nil {
			return err
		}
	}
	return nil
}

// resume lets children run before their parents, who might wait for them.
func (s *sweep) resume(ctx context.Context, cgroup string) error {
	if c, err := s.machine.Cgroup(ctx, cgroup); cgroup != "" && err == nil && c.Frozen {
		limited, cancel := context.WithTimeout(ctx, frozenTime)
		defer cancel()
		if err := s.machine.SetFrozen(limited, cgroup, false); err != nil {
			return err
		}
		s.did.Cgroup = cgroup
	}
	_, members, err := s.look(ctx)
	if err != nil {
		return err
	}
	s.cgroup = s.did.Cgroup
	for _, p := range members {
		if s.inFrozen(p) {
			s.did.Frozen = append(s.did.Frozen, p.ID)
		}
	}
	stopped := slices.DeleteFunc(members, func(p *Process) bool { return !p.Stopped() })
	slices.Reverse(stopped)
	return s.signal(ctx, Cont, stopped)
}

// wait pauses between two readings; false when ctx ended meanwhile.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
