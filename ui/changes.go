package ui

import (
	"context"
	"errors"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/respond"
	"interdict/respond/process"
)

// changes is what the console does to hosts and reads of what was done.
type changes interface {
	Run(ctx context.Context, a respond.Action, h respond.Host, p respond.Plan) (respond.Result, respond.Verdict, error)
	RunUnjournaled(ctx context.Context, typed string, a respond.Action, h respond.Host, p respond.Plan) (respond.Result, respond.Verdict, error)
	Undo(ctx context.Context, a respond.Action, h respond.Host, op string, r respond.Result) (respond.Result, error)
	Refused(ctx context.Context, a respond.Action, h respond.Host, err error) error
	Standing(ctx context.Context) ([]respond.Standing, error)
	Entries(ctx context.Context, after int64, limit int) ([]respond.Entry, error)
	Operation(ctx context.Context, op string) (respond.Operation, error)
}

// journaled is changes with a real journal.
type journaled struct {
	*respond.Journal
	actor respond.Actor
}

func (j *journaled) Run(ctx context.Context, a respond.Action, h respond.Host, p respond.Plan) (respond.Result, respond.Verdict, error) {
	return respond.Run(ctx, j.Journal, j.actor, a, h, p)
}

func (j *journaled) RunUnjournaled(ctx context.Context, typed string, a respond.Action, h respond.Host, p respond.Plan) (respond.Result, respond.Verdict, error) {
	o := respond.Override{By: j.actor.User, Typed: typed, Reason: "no space for the journal"}
	return respond.RunUnjournaled(ctx, j.Journal, j.actor, o, a, h, p)
}

func (j *journaled) Undo(ctx context.Context, a respond.Action, h respond.Host, op string, r respond.Result) (respond.Result, error) {
	return respond.Undo(ctx, j.Journal, j.actor, a, h, op, r)
}

func (j *journaled) Refused(ctx context.Context, a respond.Action, h respond.Host, err error) error {
	return respond.RecordRefusal(ctx, j.Journal, j.actor, a, h, err)
}

// actionOf makes the action of a key for a finding and a process of it.
type actionOf func(c Config, a action, f *detect.Finding, target detect.Process) respond.Action

func processAction(c Config, a action, f *detect.Finding, target detect.Process) respond.Action {
	o := process.Options{Tree: true, Reach: reach(f), NotService: target.Tool != ""}
	if id, err := respond.ParseProcessID(c.Actor.Program); err == nil {
		o.Console = id
	}
	if a == kill {
		return process.NewKill(identity(f.Host, target), o)
	}
	return process.NewFreeze(identity(f.Host, target), o)
}

// target is what to act on: the tool, or when that has ended what would start it again.
func target(f *detect.Finding, g *playbooks.Guide) detect.Process {
	if p := tool(f); p.Alive() || g == nil || g.Root.PID == 0 {
		return p
	}
	return g.Root
}

// actOn does what a key means for one finding.
func (m *Model) actOn(f *detect.Finding, a action) tea.Cmd {
	switch a {
	case closeIt:
		m.overlay = &reasonMenu{finding: f}
	case caseOf:
		return m.caseFor(f)
	case playbook:
		return m.openBooks(f)
	case blockIt:
		if len(destinations(f)) == 0 {
			m.warn("where the data goes is not known: `interdict block` takes an address")
			return nil
		}
		fallthrough
	case freeze, kill, cutOff, collect:
		if h, ok := m.reachable(a, f.Host); ok {
			return m.openPlan(f, a, h)
		}
	case resume:
		return m.resumeOn(f)
	}
	return nil
}

// reachable finds the host, or says why nothing can be done there. To look is
// no change.
func (m *Model) reachable(a action, d detect.Host) (respond.Host, bool) {
	switch {
	case m.config.ReadOnly && a != collect:
		m.warn("read-only: nothing here changes a host")
	case m.changes == nil:
		m.warn("nothing can be changed: there is no journal to write it to first")
	case m.config.Host == nil:
		m.warn("nothing can be changed: no host can be reached from here")
	default:
		h, err := m.config.Host(d)
		if err == nil {
			return h, true
		}
		m.warn(d.Name + " cannot be acted on: " + err.Error())
	}
	return nil, false
}

// resumeOn takes back the one thing that is held on the host, or shows the list to choose from.
func (m *Model) resumeOn(f *detect.Finding) tea.Cmd {
	var held []respond.Standing
	for _, s := range m.standing {
		if s.HostID == f.Host.ID || f.Host.ID == "" {
			held = append(held, s)
		}
	}
	switch len(held) {
	case 0:
		m.say("nothing is held on " + f.Host.Name)
		return nil
	case 1:
		return m.openUndo(held[0])
	}
	m.say("several things are held there: choose one, R takes it back")
	return m.show(inStanding)
}

// readStanding asks the journal what is still held.
func (m *Model) readStanding() tea.Cmd {
	if m.changes == nil {
		return nil
	}
	c := m.changes
	return m.ask(10*time.Second, func(ctx context.Context) tea.Msg {
		all, err := c.Standing(ctx)
		return stood{all, err}
	})
}

// followEvery is how many seconds may go by until what others changed is seen:
// what begins by itself, and another console on the same directory.
const followEvery = 2

// followJournal reads what is held again when the journal has grown.
func (m *Model) followJournal() tea.Cmd {
	if m.ticks++; m.changes == nil || m.reading || m.ticks%followEvery != 0 {
		return nil
	}
	m.reading = true
	c, after := m.changes, m.written
	return m.ask(10*time.Second, func(ctx context.Context) tea.Msg {
		newer, err := readEntries(ctx, c, after)
		if err == nil && len(newer) == 0 {
			return followed{upTo: after}
		}
		all, blind := c.Standing(ctx)
		switch {
		case blind != nil && !errors.Is(blind, respond.ErrGap):
			after = 0 // nothing that is shown is sure: it is read again
		case err == nil:
			after = newer[len(newer)-1].Seq
		}
		return followed{after, true, stood{all, blind}}
	})
}

type followed struct {
	upTo  int64
	more  bool
	stood stood
}

func (f followed) take(m *Model) tea.Cmd {
	m.reading, m.written = false, f.upTo
	if !f.more {
		return nil
	}
	return f.stood.take(m)
}

type stood struct {
	all []respond.Standing
	err error
}

func (s stood) take(m *Model) tea.Cmd {
	m.blindOn = ""
	if s.err != nil {
		m.blindOn = s.err.Error()
		if !errors.Is(s.err, respond.ErrGap) {
			return nil
		}
	}
	m.raw, m.frozen = s.all, frozenKeys(s.all)
	m.standing = byOperation(s.all)
	m.panes[inStanding].(*standingPane).set(m.standing)
	if m.shown == inStanding {
		return m.lookAtHosts()
	}
	return nil
}
