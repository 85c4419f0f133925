package detect

import (
	"slices"
	"strings"

	"interdict/sources/ecs"
)

// tracker follows processes and the transfers that they are part of.
type tracker struct {
	*table
	live []*transfer // that have not settled

	counts    *counts           // nil: nothing is counted
	recalling bool              // what is put was counted by an earlier run
	group     func(Host) string // nil: hosts have none
	places    []Place           // files that matter here, beside those that always do
	settled   func(*transfer)   // is told of each before it is let go of; nil: nobody is

	past  []past           // known from the history alone, until the host has told what runs
	hosts map[string]int64 // of past: 0 has told nothing yet, -1 tells, else since when, in ms
}

func newTracker() *tracker { return &tracker{table: newTable()} }

// put follows a batch. It gives the number of executions in it.
func (k *tracker) put(v *view) (judged int64) {
	byCode := v.actions()
	if byCode == nil {
		return 0
	}
	ids := identitiesOf(v)
	sockets := v.cols[ecs.ControlSocket]
	for row := range v.f.Rows {
		at := v.intOr(ecs.Timestamp, row, 0)
		switch what := v.action(byCode, row); what {
		case forked:
			k.started(&ids, row, what, at)
		case executed:
			judged++
			k.started(&ids, row, what, at)
		case running:
			k.started(&ids, row, what, at)
			k.told(v.text(ecs.HostID, row))
		case ended:
			k.exited(&ids, row, at)
		case connected:
			k.sent(&ids, row, at)
		case opened:
			k.read(&ids, row, at)
		case created:
			k.wrote(&ids, row, at)
		}
		if sockets != nil && !sockets.IsNull(row) {
			k.mastered(&ids, row, sockets.Text(row))
		}
	}
	return judged
}

func (k *tracker) started(ids *identities, row int, what action, at int64) {
	p := k.see(ids, row, what, at)
	if p == nil {
		return
	}
	if p.transfer == nil {
		if up := k.all[p.up]; up != nil && up.transfer != nil {
			up.transfer.join(p)
		}
	}
	if what == forked {
		return
	}
	p.opened = nil // by what it ran before
	if t := p.transfer; t != nil && toolAt(ids.view, row) && t.root.facts != nil && t.root.facts.ToolHow == bySession {
		k.supersede(t, at)
	}
	if t := p.transfer; t != nil {
		if p == t.root && k.believe(p) { // the transfer was known by its bytes or files before
			t.line = k.lineageOf(p)
		}
		t.dirty = true
		return
	}
	if toolAt(ids.view, row) {
		k.begin(p, at)
	}
}

// toolAt tells whether row starts a transfer tool of its own, not a helper of one.
func toolAt(v *view, row int) bool {
	if tool := v.text(ecs.ProcessTool, row); tool != "" {
		return v.text(ecs.ProcessToolHow, row) != "inherited"
	}
	if _, ours := v.int(ecs.StartTicks, row); ours {
		return false
	}
	t, ok := ecs.ToolNamed(v.text(ecs.ProcessName, row))
	return ok && t.Always
}

// begin starts a transfer at its tool.
func (k *tracker) begin(p *proc, at int64) {
	k.believe(p)
	facts := k.process(p)
	t := &transfer{root: p, started: at, files: make(map[string]*File), dirty: true}
	if !facts.Started.IsZero() && facts.Started.UnixMilli() < at {
		t.started = facts.Started.UnixMilli()
	}
	t.join(p)
	t.adopt(p, false)
	if serves(&facts) {
		t.served = true
		k.enter(t)
	}
	t.line = k.lineageOf(p)
	k.count(t, &facts)
	k.live = append(k.live, t)
}

// enter finds the login session above an inbound tool. The topmost of several
// services is the listener, which all sessions share; it is not part of any.
func (k *tracker) enter(t *transfer) {
	var chain []*proc
	p := t.root
	for range 8 {
		up := k.all[p.up]
		if up == nil || up == p {
			break
		}
		if loginService(k.process(up).Name) {
			chain = append(chain, up)
		} else if len(chain) > 0 {
			break
		}
		p = up
	}
	least := 1
	if k.process(t.root).ToolHow == bySession {
		least = 0 // it is a session itself
	}
	if n := len(chain); n > least && !perSession(k.process(chain[n-1])) {
		chain = chain[:n-1]
	}
	for _, s := range chain {
		again := s.session != nil
		s.session = t
		t.session = append(t.session, s)
		t.adopt(s, again)
	}
}

func loginService(name string) bool { return strings.HasPrefix(name, "sshd") || name == "dropbear" }

// perSession tells a service that was started for one connection (inetd, socket activation) from a listener.
func perSession(p Process) bool { return hasFlag(p.Args, 'i') || hasFlag(p.Args, 'R') }

func (k *tracker) exited(ids *identities, row int, at int64) {
	p := k.end(ids, row, at)
	if p == nil {
		return
	}
	k.over(p)
}

// over tells the transfers of a process that it has ended.
func (k *tracker) over(p *proc) {
	for _, t := range []*transfer{p.transfer, p.session} {
		if t != nil {
			t.dirty = true
			if p == t.root {
				t.endedAt = p.endedAt
			}
		}
	}
}

// owner gives the process of a network or file event, made up from the event if no other told of it.
func (k *tracker) owner(ids *identities, row int, at int64) *proc {
	key, ok := ids.process(row)
	if !ok {
		return nil
	}
	if p := k.all[key]; p != nil {
		return p
	}
	p := k.see(ids, row, running, at)
	if up := k.all[p.up]; up != nil && up.transfer != nil {
		up.transfer.join(p)
	} else if toolAt(ids.view, row) && !sessionTool(ids.text(ecs.ProcessTool, row)) {
		k.begin(p, at)
	}
	return p
}

// How many far ends of one process are remembered, outside of transfers and within one.
const (
	maxLoose = 32
	maxFlows = 4096
)

func (k *tracker) sent(ids *identities, row int, at int64) {
	p := k.owner(ids, row, at)
	if p == nil {
		return
	}
	f := flowAt(ids.view, row, at)
	f.owner = p
	if !f.addr.IsValid() {
		return
	}
	known := p.flow(&f)
	var more, since int64
	if known != nil {
		more, since = known.update(&f)
	} else {
		known, more, since = &f, f.sent, at
		if !p.remember(known) {
			return
		}
	}
	if p.belongs() == nil && f.inbound {
		if tool := ids.text(ecs.ProcessTool, row); sessionTool(tool) {
			k.beginSession(p, ids, row, tool, at)
			return
		}
	}
	if t := p.belongs(); t != nil {
		t.moved(known, more, since, at)
	}
}

// belongs gives the transfer whose bytes p's are.
func (p *proc) belongs() *transfer {
	if p.transfer != nil {
		return p.transfer
	}
	return p.session
}

// remember makes room for a far end: of a process outside of transfers the
// oldest goes, within one the new is only counted.
func (p *proc) remember(f *flow) bool {
	t := p.belongs()
	switch {
	case t == nil && len(p.flows) >= maxLoose:
		p.flows = append(p.flows[:0], p.flows[1:]...)
	case t != nil && len(p.flows) >= maxFlows:
		t.lostPeers++
		t.dirty = true
		return false
	}
	p.flows = append(p.flows, f)
	return true
}

func (p *proc) flow(f *flow) *flow {
	for _, g := range p.flows {
		if g.same(f) {
			return g
		}
	}
	return nil
}

func (k *tracker) read(ids *identities, row int, at int64) {
	p := k.owner(ids, row, at)
	inner := ids.text(ecs.ProcessTool, row) == innerSFTP
	if p == nil || p.transfer == nil && !inner {
		return
	}
	file := File{Path: ids.text(ecs.FilePath, row), Size: ids.intOr(ecs.FileSize, row, 0), At: millis(at)}
	facts := k.process(p)
	if file.Path == "" || surrounding(file.Path, facts.CommandLine) && kindByPlace(k.places, file.Path) == "" {
		return
	}
	class := k.kind(file.Path)
	file.Sensitive, file.Process = readBy(&facts, file.Path, class), facts.EntityID
	if inner {
		file.Sensitive = class // what it opens as a user is for the user
	}
	if file.Sensitive == "" && (settings(&facts, file.Path) || p.transfer != nil && p != p.transfer.root && facts.Name == "ssh" && ofSystem(&facts)) {
		return // what ssh reads for another tool is how to get there
	}
	if p.transfer == nil {
		k.hold(p, ids, row, file, at)
		return
	}
	if inner {
		p.transfer.serves(innerSFTP)
	}
	p.transfer.read(file)
}

// mastered notes the control socket through which a member reaches the connection of another ssh.
func (k *tracker) mastered(ids *identities, row int, socket string) {
	key, ok := ids.process(row)
	if !ok {
		return
	}
	if p := k.all[key]; p != nil && p.transfer != nil {
		p.transfer.master, p.transfer.dirty = socket, true
	}
}

// tick lets go of what is settled. It tells whether something that is shown changes with the clock.
func (k *tracker) tick(now int64) (moving bool) {
	k.settle(now)
	moving = k.vanish(now)
	rest := k.live[:0]
	for _, t := range k.live {
		there := k.timeOn(t, now)
		if t.over(there) {
			moving = moving || t.dirty
			k.freeze(t, now)
			continue
		}
		if t.outlive() || !t.pace.idle(there) || t.shown != nil && t.shown.Live != t.alive(there) {
			t.dirty, moving = true, true
		}
		rest = append(rest, t)
	}
	clear(k.live[len(rest):])
	k.live = rest
	return moving
}

// dirty tells whether a transfer changed since it was last shown.
func (k *tracker) dirty() bool {
	return slices.ContainsFunc(k.live, func(t *transfer) bool { return t.dirty })
}
