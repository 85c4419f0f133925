package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"interdict/respond"
)

// Verify asks twice: the pidfd of each process, and /proc anew.
func (a *action) Verify(ctx context.Context, h respond.Host, r respond.Result) (respond.Verdict, error) {
	d, m, err := remembered(ctx, h, r)
	if errors.Is(err, respond.ErrPlanStale) { // nothing outlives a reboot
		state := respond.Not
		if a.kind == KindKill {
			state = respond.Holds
		}
		return respond.Verdict{State: state, Summary: "the host was started again since: nothing of it is left", Checked: time.Now().UTC()}, nil
	}
	if err != nil {
		return respond.Verdict{}, err
	}
	scope := newScope(d.Roots, d.Tree)
	for _, id := range d.all() {
		scope.known[id] = true
	}
	alive, err := a.alive(ctx, m, d)
	if err != nil {
		return respond.Verdict{}, err
	}
	_, members, err := scope.members(ctx, m)
	if err != nil {
		return respond.Verdict{}, err
	}
	frozen := ""
	if c, err := m.Cgroup(ctx, d.Cgroup); d.Cgroup != "" && err == nil && c.Frozen {
		frozen = d.Cgroup
	}
	return a.judge(alive, members, &sweep{cgroup: frozen}, d), nil
}

// alive asks the pidfds who has not ended. After a kill it waits a moment: the
// last of a process goes after its signal.
func (a *action) alive(ctx context.Context, m Machine, d did) (map[respond.ProcessID]bool, error) {
	if a.kind != KindKill {
		outcomes, err := m.Signal(ctx, Look, d.all()...)
		alive := map[respond.ProcessID]bool{}
		for _, o := range outcomes {
			alive[o.ID] = !o.Gone
		}
		return alive, err
	}
	limited, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	left, err := m.Await(limited, d.all()...)
	alive := map[respond.ProcessID]bool{}
	for _, id := range left {
		alive[id] = true
	}
	return alive, err
}

// judge counts who is as the action wants it, and who is not.
// The pidfd's word counts for those acted on, /proc's for what else belongs.
func (a *action) judge(alive map[respond.ProcessID]bool, members []*Process, s *sweep, d did) respond.Verdict {
	v := respond.Verdict{Checked: time.Now().UTC()}
	acted := d.all()
	as, against := 0, 0
	say := func(p *Process, text string) {
		against++
		v.Lines = append(v.Lines, respond.Line{Label: p.label(), Text: text})
	}
	for _, p := range members {
		stands := p.Stopped() || s.inFrozen(p) || p.startsStopped(members)
		switch {
		case p.Ended() || !alive[p.ID] && slices.Contains(acted, p.ID):
		case a.kind == KindKill:
			say(p, "still lives, in state "+string(rune(p.State)))
		case a.kind == KindFreeze && !stands:
			say(p, "moves, in state "+string(rune(p.State)))
		case a.kind == KindResume && stands && slices.Contains(acted, p.ID):
			say(p, "stands still")
		default:
			as++
		}
	}
	v.State, v.Summary = a.state(as, against, len(acted))
	return v
}

func (a *action) state(as, against, acted int) (respond.State, string) {
	word := map[string]string{KindFreeze: "stand", KindResume: "run", KindKill: "are gone"}[a.kind]
	all := func(n int) string {
		if n == 1 {
			return "it " + map[string]string{KindFreeze: "stands", KindResume: "runs", KindKill: "is gone"}[a.kind]
		}
		return fmt.Sprintf("all %d %s", n, word)
	}
	switch {
	case against == 0 && a.kind == KindKill:
		return respond.Holds, all(acted)
	case against == 0 && as == 0:
		return respond.Holds, "all have ended meanwhile"
	case against == 0:
		return respond.Holds, all(as)
	case as == 0 && (a.kind != KindKill || against >= acted):
		return respond.Not, fmt.Sprintf("none %s: %d do not", word, against)
	}
	return respond.Partly, fmt.Sprintf("%d do not follow", against)
}

// Undo of a freeze resumes exactly what it stopped and is still the same.
func (a *action) Undo(ctx context.Context, h respond.Host, r respond.Result) (respond.Result, error) {
	if a.kind != KindFreeze {
		_, why := undoTexts(a.kind)
		return respond.Result{}, fmt.Errorf("%w: %s", respond.ErrNoUndo, why)
	}
	d, m, err := remembered(ctx, h, r)
	if err != nil && !errors.Is(err, respond.ErrPlanStale) {
		return respond.Result{}, err
	}
	undone := respond.Result{Version: respond.Version, Kind: a.kind, Host: r.Host, Identity: r.Identity, Started: time.Now().UTC()}
	u := undoing{did: did{Roots: d.Roots, Tree: d.Tree}}
	if err == nil {
		err = u.thaw(ctx, m, d)
	} else { // after a reboot there is nothing to resume
		u.ended, err = d.all(), nil
	}
	for _, held := range r.Holds {
		undone.Releases = append(undone.Releases, held.Key)
	}
	if err != nil {
		undone.Releases, undone.Partial = u.releases(r.Identity.BootID), true
	}
	undone.Summary = fmt.Sprintf("%s resumed, %d had ended", processes(len(u.did.all())), len(u.ended))
	undone.Ended = time.Now().UTC()
	body, encodeErr := json.Marshal(u.did)
	undone.Body = body
	return undone, errors.Join(err, encodeErr)
}

type undoing struct {
	did   did
	ended []respond.ProcessID
}

func (u *undoing) thaw(ctx context.Context, m Machine, d did) error {
	if d.Cgroup != "" {
		limited, cancel := context.WithTimeout(ctx, frozenTime)
		defer cancel()
		if err := m.SetFrozen(limited, d.Cgroup, false); err != nil {
			return err
		}
		u.did.Cgroup, u.did.Frozen = d.Cgroup, d.Frozen
	}
	children := slices.Clone(d.Members)
	slices.Reverse(children) // they were stopped top down
	outcomes, err := m.Signal(ctx, Cont, children...)
	for _, o := range outcomes {
		switch {
		case o.Sent:
			u.did.Members = append(u.did.Members, o.ID)
		case o.Gone:
			u.ended = append(u.ended, o.ID)
		default:
			err = errors.Join(err, fmt.Errorf("process %s: %s", o.ID, o.Err))
		}
	}
	return err
}

func (u *undoing) releases(boot string) []string {
	var keys []string
	for _, id := range append(u.did.all(), u.ended...) {
		keys = append(keys, processKey(boot, id))
	}
	if u.did.Cgroup != "" {
		keys = append(keys, cgroupKey(boot, u.did.Cgroup))
	}
	return keys
}

// remembered decodes a result's body and finds the host as it was; ErrPlanStale
// after a reboot.
func remembered(ctx context.Context, h respond.Host, r respond.Result) (did, Machine, error) {
	var d did
	if err := json.Unmarshal(r.Body, &d); err != nil {
		return d, nil, fmt.Errorf("result: %w", err)
	}
	m, identity, err := machine(ctx, h)
	if err != nil {
		return d, nil, err
	}
	return d, m, sameBoot(r.Identity, identity)
}
