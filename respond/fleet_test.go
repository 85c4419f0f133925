package respond_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"interdict/respond"
)

// named is a machine on paper with a name of its own.
type named string

func (n named) Name() string { return string(n) }
func (n named) Identity(context.Context) (respond.Identity, error) {
	return respond.Identity{HostID: "id of " + string(n), BootID: "b"}, nil
}

// crowd is an action on many machines, and what came of it there.
type crowd struct {
	dead map[string]bool // never answer a plan
	bad  map[string]bool // are not as they should be afterwards
	twin map[string]string

	at, most atomic.Int32
	mu       sync.Mutex
	applied  []string
	gate     chan struct{} // what Apply waits for, but for the first, until all have begun; nil: nothing
	all      int
}

func (*crowd) Kind() string           { return "host.isolate" }
func (*crowd) Order() ([]byte, error) { return []byte("{}"), nil }
func (c *crowd) Plan(ctx context.Context, h respond.Host) (respond.Plan, error) {
	if c.dead[h.Name()] {
		<-ctx.Done()
		return respond.Plan{}, ctx.Err()
	}
	id, _ := h.Identity(ctx)
	if other := c.twin[h.Name()]; other != "" {
		id.HostID = "id of " + other
	}
	return respond.Plan{Version: 1, Kind: c.Kind(), Host: h.Name(), Identity: id, Title: "isolate " + h.Name()}, nil
}

func (c *crowd) Apply(_ context.Context, h respond.Host, p respond.Plan) (respond.Result, error) {
	now := c.at.Add(1)
	defer c.at.Add(-1)
	for old := c.most.Load(); now > old && !c.most.CompareAndSwap(old, now); old = c.most.Load() {
	}
	c.mu.Lock()
	c.applied = append(c.applied, h.Name())
	first := len(c.applied) == 1
	if len(c.applied) == c.all {
		close(c.gate)
	}
	c.mu.Unlock()
	if c.gate != nil && !first {
		<-c.gate
	}
	return respond.Result{Version: 1, Kind: c.Kind(), Host: h.Name(), Identity: p.Identity, Summary: "isolated"}, nil
}

func (c *crowd) Verify(_ context.Context, h respond.Host, _ respond.Result) (respond.Verdict, error) {
	if c.bad[h.Name()] {
		return respond.Verdict{State: respond.Not, Summary: "it is not"}, nil
	}
	return respond.Verdict{State: respond.Holds}, nil
}

func (*crowd) Undo(context.Context, respond.Host, respond.Result) (respond.Result, error) {
	return respond.Result{}, respond.ErrNoUndo
}

func (c *crowd) members(n int) (all []*respond.Member) {
	for i := range n {
		name := fmt.Sprintf("web-%d", i)
		all = append(all, &respond.Member{Name: name, Action: c, Find: func(context.Context) (respond.Host, error) { return named(name), nil }})
	}
	return all
}

func steps(members []*respond.Member) string {
	n := map[respond.Step]int{}
	for _, m := range members {
		n[m.Step]++
	}
	var parts []string
	for _, s := range []respond.Step{respond.Done, respond.Denied, respond.Down, respond.Unchanged, respond.Doubtful, respond.Untouched, respond.Ready, respond.Waiting, respond.Planning} {
		if n[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[s], s))
		}
	}
	return strings.Join(parts, ", ")
}

func yes([]*respond.Member) error { return nil }

func TestAFleetBeginsWithOneHostAndTheDeadDelayNobody(t *testing.T) {
	c := &crowd{dead: map[string]bool{"web-3": true, "web-7": true}}
	j := open(t, t.TempDir()).journal(t)
	f := &respond.Fleet{Journal: j, Actor: respond.Actor{User: "ana"}, Patience: 2 * time.Second}
	members := c.members(40)
	if err := f.Run(t.Context(), members, yes); err != nil {
		t.Fatal(err)
	}
	if got := steps(members); got != "38 done, 2 down" {
		t.Error(got)
	}
	if c.applied[0] != "web-0" {
		t.Error("began with", c.applied[0])
	}
	entries, err := j.Entries(t.Context(), 0, 1000)
	if err != nil || len(entries) != 38*4+2 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
	if check, err := j.Verify(t.Context()); err != nil || !check.OK() {
		t.Error(check, err)
	}
}

// Without a question the first one is changed as soon as it is planned, the others
// after it, and who never answers is given up by its own time alone.
func TestWithoutAQuestionNobodyWaitsForTheDeadToBePlanned(t *testing.T) {
	c := &crowd{dead: map[string]bool{"web-0": true}}
	f := &respond.Fleet{Journal: open(t, t.TempDir()).journal(t), Patience: 1}
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	members, done := c.members(9), 0
	f.Told = func(m respond.Member) {
		if m.Step == respond.Done {
			if done++; done == 8 {
				giveUp() // all but the dead one are done, which still did not answer
			}
		}
	}
	_ = f.Run(ctx, members, nil)
	if got := steps(members); got != "8 done, 1 untouched" {
		t.Error(got)
	}
}

func TestNoOtherHostIsBegunWhenTheFirstIsNotProven(t *testing.T) {
	c := &crowd{bad: map[string]bool{"web-0": true}}
	f := &respond.Fleet{Journal: open(t, t.TempDir()).journal(t)}
	members := c.members(5)
	if err := f.Run(t.Context(), members, yes); !errors.Is(err, respond.ErrFirst) {
		t.Error(err)
	}
	if got := steps(members); got != "1 doubtful, 4 untouched" || len(c.applied) != 1 {
		t.Error(got, c.applied)
	}
}

func TestAnotherHostIsNoReasonToStop(t *testing.T) {
	c := &crowd{bad: map[string]bool{"web-2": true}}
	f := &respond.Fleet{Journal: open(t, t.TempDir()).journal(t)}
	members := c.members(5)
	if err := f.Run(t.Context(), members, yes); err != nil || steps(members) != "4 done, 1 doubtful" {
		t.Error(err, steps(members))
	}
}

func TestNothingIsChangedWithoutAYes(t *testing.T) {
	c := &crowd{}
	j := open(t, t.TempDir()).journal(t)
	members := c.members(3)
	no := errors.New("no")
	if err := (&respond.Fleet{Journal: j}).Run(t.Context(), members, func(ready []*respond.Member) error {
		if len(ready) != 3 || ready[0].Plan.Title != "isolate web-0" {
			t.Error(ready)
		}
		return no
	}); !errors.Is(err, no) || len(c.applied) != 0 || steps(members) != "3 untouched" {
		t.Error(err, c.applied, steps(members))
	}
	if n := len(mustEntries(t, j)); n != 0 {
		t.Error(n, "entries")
	}
}

func TestTwoNamesOfOneMachineAreBothRefused(t *testing.T) {
	c := &crowd{twin: map[string]string{"web-2": "web-1"}}
	members := c.members(4)
	if err := (&respond.Fleet{Journal: open(t, t.TempDir()).journal(t)}).Run(t.Context(), members, yes); err != nil || steps(members) != "2 done, 2 refused" {
		t.Error(err, steps(members))
	}
	for _, name := range c.applied {
		if name == "web-1" || name == "web-2" {
			t.Error("changed", name)
		}
	}
}

// A host whose change does not end gives its place to another.
func TestNoMoreHostsThanAllowedAreWorkedOnUnlessOneIsSlow(t *testing.T) {
	c := &crowd{}
	members := c.members(30)
	if err := (&respond.Fleet{Journal: open(t, t.TempDir()).journal(t), Parallel: 3}).Run(t.Context(), members, yes); err != nil || c.most.Load() > 3 {
		t.Error(err, c.most.Load())
	}
	slow := &crowd{gate: make(chan struct{}), all: 30}
	members = slow.members(30)
	f := &respond.Fleet{Journal: open(t, t.TempDir()).journal(t), Parallel: 3, Patience: 1}
	if err := f.Run(t.Context(), members, nil); err != nil || steps(members) != "30 done" {
		t.Error(err, steps(members))
	}
}

func TestWhatWasBegunIsNotLeftWhenThePersonStops(t *testing.T) {
	c := &crowd{}
	ctx, stop := context.WithCancel(t.Context())
	f := &respond.Fleet{Journal: open(t, t.TempDir()).journal(t), Parallel: 1}
	f.Told = func(m respond.Member) {
		if m.Step == respond.Done && m.Name == "web-0" {
			stop()
		}
	}
	members := c.members(4)
	_ = f.Run(ctx, members, yes)
	if got := steps(members); !strings.HasPrefix(got, "1 done") || strings.Contains(got, "changing") {
		t.Error(got)
	}
}
