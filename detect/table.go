package detect

import (
	"interdict/sources/ecs"
)

// Bounds of the process table.
const (
	maxProcesses = 1 << 16 // that run
	maxEnded     = 1 << 13 // that ended and may be asked about as parents
	maxYoung     = 1 << 14 // whose event's batch is still held
	youngFor     = 2000    // ms
	youngBytes   = 16 << 20
	remembered   = 2 << 10 // bytes of arguments remembered of a process without a transfer
	maxAncestors = 64
)

// proc is a process of the table. Until it is settled, its facts stay in the
// batch that brought them: most processes end before anybody asks.
type proc struct {
	key, up  key // itself, its parent
	v        *view
	row      int
	weight   int64 // bytes that its batch is thought to hold for it
	forkedAt int64 // ms; set while only the fork was seen
	at       int64 // ms, when the table learned of it
	facts    *Process
	endedAt  int64 // ms; 0 while it runs
	exit     int64 // unknownExit if nobody saw it
	gone     bool  // no longer in the table
	recalled bool  // from the history, and nothing was heard of it since
	hearsay  bool  // known by a child's word alone

	line *lineage // of its last child that is a tool

	transfer *transfer // of which it is a member
	session  *transfer // whose bytes pass through it: the login service above an inbound tool
	flows    []*flow   // what it sent before it belonged to either
	opened   []File    // what it opened before, as the fork of a login service
}

// table follows processes by identity.
type table struct {
	all       map[key]*proc
	ended     ring // in order of their end
	young     ring // not settled, in order of arrival
	held      int64
	order     ring // all, in order of arrival, for the bound
	Forgotten int64
}

func newTable() *table { return &table{all: make(map[key]*proc)} }

// ring is a queue of processes.
type ring struct {
	q    []*proc
	head int
}

func (r *ring) len() int { return len(r.q) - r.head }

func (r *ring) push(p *proc) { r.q = append(r.q, p) }

func (r *ring) first() *proc { return r.q[r.head] }

func (r *ring) pop() *proc {
	p := r.q[r.head]
	r.q[r.head] = nil
	r.head++
	if r.head > len(r.q)/2 && r.head > 1024 {
		r.q = append(r.q[:0], r.q[r.head:]...)
		r.head = 0
	}
	return p
}

// filter drops what is gone from between what is not.
func (r *ring) filter() {
	rest := make([]*proc, 0, r.len()/2)
	for _, p := range r.q[r.head:] {
		if !p.gone {
			rest = append(rest, p)
		}
	}
	r.q, r.head = rest, 0
}

// see notes a fork, an execution, or a process that was there already.
func (t *table) see(ids *identities, row int, what action, at int64) *proc {
	k, ok := ids.process(row)
	if !ok {
		return nil
	}
	p := t.all[k]
	if p == nil {
		p = &proc{key: k}
		t.add(p)
	}
	p.recalled, p.hearsay = false, false
	if up, ok := ids.parent(row); ok && up != k {
		p.up = up
	}
	if what == forked && p.known() {
		return p // the execution overtook it
	}
	p.forkedAt = 0
	if what == forked {
		p.forkedAt = at
	}
	p.hold(t, ids.view, row, at)
	return p
}

// known tells whether more than the fork was seen.
func (p *proc) known() bool { return (p.v != nil || p.facts != nil) && p.forkedAt == 0 }

func (p *proc) hold(t *table, v *view, row int, at int64) {
	if p.v == nil {
		t.young.push(p)
	}
	t.held -= p.weight
	p.weight = 2*v.intOr(ecs.ArgsBytes, row, 0) + 64
	t.held += p.weight
	p.v, p.row, p.facts, p.at = v, row, nil, at
}

func (t *table) add(p *proc) {
	t.all[p.key] = p
	t.order.push(p)
	for t.order.len() > 0 && (t.order.first().gone || len(t.all)-t.ended.len() > maxProcesses) {
		old := t.order.pop()
		if !old.gone && old.endedAt == 0 {
			t.Forgotten++
			t.forget(old)
		}
	}
	if t.order.len() > 2*len(t.all)+1024 {
		t.order.filter()
	}
}

func (t *table) forget(p *proc) {
	p.gone = true
	if t.all[p.key] == p {
		delete(t.all, p.key)
	}
}

// end notes an exit. It gives the process, if the table knew it.
func (t *table) end(ids *identities, row int, at int64) *proc {
	k, ok := ids.process(row)
	if !ok {
		return nil
	}
	p := t.all[k]
	if p == nil || p.endedAt != 0 {
		return nil
	}
	t.finish(p, at, ids.intOr(ecs.ProcessExitCode, row, unknownExit))
	return p
}

// unknownExit is the exit code of a process whose end was not seen.
const unknownExit = -1

func (t *table) finish(p *proc, at, code int64) {
	p.endedAt = max(at, 1)
	p.exit = code
	if p.facts != nil {
		p.facts.Ended, p.facts.ExitCode = millis(at), p.exit
	}
	t.ended.push(p)
	for t.ended.len() > maxEnded {
		t.forget(t.ended.pop())
	}
}

// settle lets go of batches: of what is old, and of what is beyond the bounds.
func (t *table) settle(now int64) {
	over := t.young.len() > maxYoung || t.held > youngBytes
	for t.young.len() > 0 {
		p := t.young.first()
		if !over && p.at > now-youngFor && p.at <= now {
			break
		}
		if over && t.young.len() < maxYoung/2 && t.held < youngBytes/2 {
			break
		}
		t.young.pop()
		t.held -= p.weight
		p.weight = 0
		if !p.gone || p.transfer != nil {
			t.process(p)
			if p.transfer == nil {
				p.facts.shorten(remembered)
			}
		}
		p.v = nil
	}
}

// process gives the facts of p. A process of which only the fork was seen is its parent's image.
func (t *table) process(p *proc) Process {
	if p.facts == nil {
		f := Process{LoginUID: -1, Session: -1}
		if p.v != nil {
			f = processAt(p.v, p.row)
		}
		if p.forkedAt != 0 && f.Name == "" {
			f = t.image(p, f)
		}
		if p.endedAt != 0 {
			f.Ended, f.ExitCode = millis(p.endedAt), p.exit
		}
		p.facts = &f
	}
	return *p.facts
}

func (t *table) image(p *proc, f Process) Process {
	up := t.all[p.up]
	if up == nil || up.forkedAt != 0 && up.facts == nil {
		return f
	}
	of := t.process(up)
	of.EntityID, of.PID, of.PPID, of.Start, of.Parent = f.EntityID, f.PID, f.PPID, f.Start, f.Parent
	of.Started, of.Ended, of.ExitCode = f.Started, f.Ended, 0
	of.Tool, of.ToolHow = "", ""
	return of
}

// believe takes a process's word for a parent of which the table knows nothing, or
// only by an event that said less. It tells whether something was learned.
func (t *table) believe(p *proc) (learned bool) {
	up := t.all[p.up]
	if p.v == nil || p.up == (key{}) || up != nil && (!up.hearsay || up.facts.CommandLine != "") {
		return false
	}
	facts, ok := parentAt(p.v, p.row)
	switch {
	case !ok || up != nil && facts.CommandLine == "":
		return false
	case up == nil:
		up = &proc{key: p.up, at: p.at, hearsay: true}
		t.add(up)
	case up.endedAt != 0:
		facts.Ended, facts.ExitCode = millis(up.endedAt), up.exit
	}
	up.facts = &facts
	return true
}

// find gives a process by its entity id.
func (t *table) find(entityID string) *proc {
	if entityID == "" {
		return nil
	}
	return t.all[keyOfEntity(entityID)]
}
