package respond

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Step is how far one host of a fleet has come.
type Step string

// The steps, in order; those from Done on are ends.
const (
	Waiting   Step = "waiting"
	Planning  Step = "planning"
	Ready     Step = "planned"
	Changing  Step = "changing"
	Done      Step = "done"      // changed, and verified
	Denied    Step = "refused"   // by a safety check; nothing was changed there
	Down      Step = "down"      // could not be reached; nothing was changed there
	Unchanged Step = "failed"    // it went wrong, and nothing was changed there
	Doubtful  Step = "doubtful"  // changed in part, or nobody could look: look there
	Untouched Step = "untouched" // nothing was begun there
)

// Ended tells whether nothing more happens there by itself.
func (s Step) Ended() bool {
	switch s {
	case Waiting, Planning, Ready, Changing:
		return false
	}
	return true
}

// Member is one host of a fleet. Name, Find and Action are given; the rest is
// what came of it.
type Member struct {
	Name   string
	Find   func(context.Context) (Host, error) // connects to nothing
	Action Action

	Host    Host
	Step    Step
	Plan    Plan // given with a kind: what was approved already, which is not planned again
	Result  Result
	Verdict Verdict
	Err     error
	Took    time.Duration // of the change
}

// Fleet carries changes out on many hosts at once.
//
// One host is changed and verified first; when that does not end as Done, no
// other is begun. A host that is slow or dead delays no other: it gives its
// place away after Patience, and is not waited for when nearly all others have
// been planned. Each host's change is journaled as one operation of its own.
type Fleet struct {
	Journal  *Journal
	Actor    Actor
	Parallel int           // hosts that are worked on at once; 0: 256
	Patience time.Duration // after which a host does not count among those any more; 0: 5 s
	Limit    time.Duration // of each host's plan, and again of its change; 0: four minutes
	// Vet refuses a host whose identity says that it is not the one that is meant; nil: none is.
	Vet      func(ctx context.Context, name string, id Identity, kind string) error
	Told     func(m Member) // after each step, one at a time; nil: nobody is told
	Approval *Approval      // of a second person, for the journal
	Again    bool           // it was tried before: that a host is still down is not journaled anew

	mu    sync.Mutex
	slots chan struct{}
	moved chan struct{} // something was planned, or ended
	ids   map[string]*Member
}

const (
	fleetParallel = 256
	fleetPatience = 5 * time.Second
	fleetLimit    = 4 * time.Minute // an isolation has two for its proof
	ahead         = time.Second     // for a host that was to be first, once another is planned
)

// ErrFirst: the host that was to be proven first was not, so no other was begun.
var ErrFirst = errors.New("the first host was not proven, nothing was begun on the others")

// Run plans on all members, has approve say yes to what was planned, changes the
// first one, and then the others. Without approve a host is changed as soon as
// it is planned, the first one proven. An error of approve ends it with nothing
// changed. What became of each host stands in its member, whatever the error.
func (f *Fleet) Run(ctx context.Context, members []*Member, approve func([]*Member) error) error {
	f.slots = make(chan struct{}, cmp.Or(f.Parallel, fleetParallel))
	f.moved = make(chan struct{}, 1)
	f.ids = map[string]*Member{}
	planning, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var work sync.WaitGroup
	planned := make([]chan struct{}, len(members))
	for i, m := range members {
		planned[i] = make(chan struct{})
		m.Step = Waiting
		work.Go(func() {
			f.plan(planning, m)
			close(planned[i])
		})
	}
	first, err := f.approved(ctx, members, approve, stop)
	if err == nil && first != nil {
		f.change(ctx, first)
		if first.Step != Done {
			err = fmt.Errorf("%s: %w", first.Name, ErrFirst)
		}
	}
	if err != nil {
		stop(err)
	}
	for i, m := range members {
		if m == first {
			continue
		}
		work.Go(func() {
			<-planned[i]
			f.follow(ctx, m, err)
		})
	}
	work.Wait()
	return err
}

// follow changes what was planned once the first one is proven.
func (f *Fleet) follow(ctx context.Context, m *Member, no error) {
	switch {
	case !f.is(m, Ready):
	case no != nil:
		f.step(m, Untouched, nil)
	default:
		f.change(ctx, m)
	}
}

// approved waits for plans and gives the host to begin with; nil when there is none.
func (f *Fleet) approved(ctx context.Context, members []*Member, approve func([]*Member) error, stop func(error)) (*Member, error) {
	if approve == nil {
		return f.firstReady(ctx, members), ctx.Err()
	}
	f.awaitPlans(ctx, members)
	stop(errLate) // who has not answered by now is not part of what is approved
	f.await(ctx, func() (bool, time.Duration) { return f.count(members, Waiting, Planning) == 0, 0 })
	ready := f.ready(members)
	if len(ready) == 0 || ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err := approve(ready); err != nil {
		return nil, err
	}
	return ready[0], nil
}

// awaitPlans waits until all are planned or have ended; of the last fifth not longer
// than Patience after the others.
func (f *Fleet) awaitPlans(ctx context.Context, members []*Member) {
	var late time.Time
	f.await(ctx, func() (bool, time.Duration) {
		open := f.count(members, Waiting, Planning)
		if open == 0 || open*5 > len(members) {
			return open == 0, 0
		}
		if late.IsZero() {
			late = time.Now().Add(f.patience())
		}
		return !time.Now().Before(late), time.Until(late)
	})
}

// firstReady waits for the first plan, and a moment for one that stands before it.
func (f *Fleet) firstReady(ctx context.Context, members []*Member) *Member {
	var late time.Time
	var first *Member
	f.await(ctx, func() (bool, time.Duration) {
		ready := f.ready(members)
		if len(ready) == 0 {
			return f.count(members, Waiting, Planning) == 0, 0
		}
		if late.IsZero() {
			late = time.Now().Add(min(ahead, f.patience()))
		}
		first = ready[0]
		return f.ahead(members, first) == 0 || !time.Now().Before(late), time.Until(late)
	})
	return first
}

// await asks again whenever a member moved, and after the time that done gives.
func (f *Fleet) await(ctx context.Context, done func() (bool, time.Duration)) {
	for {
		is, again := done()
		if is {
			return
		}
		var timer <-chan time.Time
		if again > 0 {
			timer = time.After(again)
		}
		select {
		case <-f.moved:
		case <-timer:
		case <-ctx.Done():
			return
		}
	}
}

func (f *Fleet) ready(members []*Member) (list []*Member) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range members {
		if m.Step == Ready {
			list = append(list, m)
		}
	}
	return list
}

func (f *Fleet) is(m *Member, s Step) bool { return f.count([]*Member{m}, s) == 1 }

func (f *Fleet) count(members []*Member, steps ...Step) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range members {
		for _, s := range steps {
			if m.Step == s {
				n++
			}
		}
	}
	return n
}

// ahead counts those before m that are still being planned.
func (f *Fleet) ahead(members []*Member, m *Member) int {
	for i := range members {
		if members[i] == m {
			return f.count(members[:i], Waiting, Planning)
		}
	}
	return 0
}

// plan looks at one host and changes nothing.
func (f *Fleet) plan(ctx context.Context, m *Member) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(f.Limit, fleetLimit))
	defer cancel()
	leave, err := f.enter(ctx)
	defer leave()
	if err == nil {
		f.step(m, Planning, nil)
		err = f.look(ctx, m)
	}
	switch {
	case err == nil:
		f.step(m, Ready, nil)
		return
	case errors.Is(context.Cause(ctx), errLate), errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		f.step(m, Down, fmt.Errorf("%w: %w", ErrUnreachable, context.Cause(ctx)))
	case ctx.Err() != nil:
		f.step(m, Untouched, nil)
		return
	default:
		f.step(m, endOf(err), err)
	}
	f.noteRefusal(ctx, m)
}

var errLate = errors.New("it had not answered when the others were long planned")

func (f *Fleet) look(ctx context.Context, m *Member) (err error) {
	if m.Host, err = m.Find(ctx); err != nil || m.Plan.Kind != "" {
		return err
	}
	p, err := m.Action.Plan(ctx, m.Host)
	if err == nil && f.Vet != nil {
		err = f.Vet(ctx, m.Name, p.Identity, m.Action.Kind())
	}
	if err == nil {
		err = f.alone(m, p)
	}
	return err
}

// alone keeps the plan, unless another member showed the same machine id: which
// of the two is meant cannot be told, and neither is changed.
func (f *Fleet) alone(m *Member, p Plan) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	twin := f.ids[p.Identity.HostID]
	if twin == nil || p.Identity.HostID == "" {
		f.ids[p.Identity.HostID] = m
		m.Plan = p
		return nil
	}
	same := func(a, b *Member) error {
		return Refuse(CodeCloned, "the machine id %s of %s is that of %s too: one is a copy of the other, or both names mean one host", p.Identity.HostID, a.Name, b.Name)
	}
	if twin.Step == Ready || twin.Step == Planning {
		f.told(twin, Denied, same(twin, m))
	}
	return same(m, twin)
}

// noteRefusal journals why a host got no plan. One that cannot be reached is not
// asked again who it is.
func (f *Fleet) noteRefusal(ctx context.Context, m *Member) {
	if f.Again && m.Step == Down {
		return
	}
	h := m.Host
	if h == nil || m.Step == Down {
		h = unmet(m.Name)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if err := RecordRefusal(ctx, f.Journal, f.Actor, m.Action, h, m.Err); err != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		m.Err = errors.Join(m.Err, err)
	}
}

// unmet is a host of which only the name is known.
type unmet string

func (u unmet) Name() string { return string(u) }
func (u unmet) Identity(context.Context) (Identity, error) {
	return Identity{}, ErrUnreachable
}

// change carries the plan out and looks whether it holds.
func (f *Fleet) change(ctx context.Context, m *Member) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(f.Limit, fleetLimit))
	defer cancel()
	leave, err := f.enter(ctx)
	defer leave()
	if err != nil {
		f.step(m, Untouched, err)
		return
	}
	if f.step(m, Changing, nil); !f.is(m, Changing) {
		return
	}
	began := time.Now()
	p := m.Plan
	p.Approval = f.Approval
	result, verdict, err := Run(ctx, f.Journal, f.Actor, m.Action, m.Host, p)
	f.mu.Lock()
	m.Result, m.Verdict, m.Took = result, verdict, time.Since(began)
	f.mu.Unlock()
	switch {
	case err == nil && verdict.OK() && !result.Partial:
		f.step(m, Done, nil)
	case result.Kind == "":
		f.step(m, endOf(err), err)
	default:
		f.step(m, Doubtful, err)
	}
}

// enter waits for a place among those that are worked on. It is given back by
// leave, or by itself after Patience.
func (f *Fleet) enter(ctx context.Context) (leave func(), err error) {
	select {
	case f.slots <- struct{}{}:
	case <-ctx.Done():
		return func() {}, ctx.Err()
	}
	var once sync.Once
	free := func() { once.Do(func() { <-f.slots }) }
	late := time.AfterFunc(f.patience(), free)
	return func() { late.Stop(); free() }, nil
}

func (f *Fleet) patience() time.Duration { return cmp.Or(f.Patience, fleetPatience) }

// step moves a member on and tells of it.
func (f *Fleet) step(m *Member, to Step, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m.Step != Denied { // a twin of it may have ended it
		f.told(m, to, err)
	}
}

func (f *Fleet) told(m *Member, to Step, err error) {
	m.Step, m.Err = to, err
	if f.Told != nil {
		f.Told(*m)
	}
	select {
	case f.moved <- struct{}{}:
	default:
	}
}

// endOf names the end that an error before any change is.
func endOf(err error) Step {
	switch {
	case errors.Is(err, ErrRefused), errors.Is(err, ErrPlanStale):
		return Denied
	case errors.Is(err, ErrUnreachable):
		return Down
	}
	return Unchanged
}
