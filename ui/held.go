package ui

import (
	"context"
	"fmt"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/detect"
	"interdict/respond"
	"interdict/respond/evidence"
	"interdict/respond/isolate"
	"interdict/respond/process"
)

// heldFunc looks at a host for what still stands there; stillHeld is one.
type heldFunc func(context.Context, respond.Host, []respond.Standing) (held, over []respond.Standing, err error)

// lookedAt is what the hosts said of what the journal says is held.
type lookedAt struct {
	state map[string]string // by operation
	at    time.Time
}

// lookAtHosts asks the hosts whether what is held stands there. It changes nothing.
func (m *Model) lookAtHosts() tea.Cmd {
	if m.config.Host == nil || len(m.raw) == 0 {
		return nil
	}
	raw, host, still := m.raw, m.config.Host, m.still
	if still == nil {
		still = stillHeld
	}
	return m.ask(planLimit, func(ctx context.Context) tea.Msg {
		out := lookedAt{state: map[string]string{}}
		for op, parts := range splitByOperation(raw) {
			out.state[op] = lookAt(ctx, host, still, parts)
		}
		return out
	})
}

func splitByOperation(all []respond.Standing) map[string][]respond.Standing {
	out := map[string][]respond.Standing{}
	for _, s := range all {
		out[s.Op] = append(out[s.Op], s)
	}
	return out
}

// lookAt says in words how much of what one operation holds still stands.
func lookAt(ctx context.Context, host func(detect.Host) (respond.Host, error), still heldFunc, parts []respond.Standing) string {
	s := parts[0]
	h, err := host(detect.Host{ID: s.HostID, BootID: s.BootID, Name: s.Host})
	if err != nil {
		return "not looked: " + err.Error()
	}
	held, over, err := still(ctx, h, parts)
	switch {
	case err != nil:
		return "not looked: " + err.Error()
	case len(held) == len(parts):
		return "stands"
	case len(over) == len(parts):
		return "over: R writes that down"
	}
	return fmt.Sprintf("%d of %d stand", len(held), len(parts))
}

func (l lookedAt) take(m *Model) tea.Cmd {
	l.at = m.now()
	m.looks = l
	return nil
}

// stateOf is what a host said of one operation, as far as it was asked.
func (m *Model) stateOf(op string) string {
	if s, ok := m.looks.state[op]; ok {
		return s
	}
	return "not looked"
}

// stillHeld asks each kind of change for its own.
func stillHeld(ctx context.Context, h respond.Host, standing []respond.Standing) (held, over []respond.Standing, err error) {
	var network, processes []respond.Standing
	for _, s := range standing {
		if isolate.Ours(s.Key) {
			network = append(network, s)
		} else {
			processes = append(processes, s)
		}
	}
	if held, over, err = isolate.StillHeld(ctx, h, network); err != nil || len(processes) == 0 {
		return held, over, err
	}
	more, gone, err := process.StillHeld(ctx, h, processes)
	return append(held, more...), append(over, gone...), err
}

// ActionOf returns a zero action of a kind that the journal names; false for a
// kind that this program does not know.
func ActionOf(kind string) (respond.Action, bool) {
	if a, ok := process.ActionOf(kind); ok {
		return a, true
	}
	if a, ok := evidence.ActionOf(kind); ok {
		return a, true
	}
	return isolate.ActionOf(kind)
}
