package ui

import (
	"context"
	"time"

	tea "github.com/charmbracelet/bubbletea"
)

// frameTime is how often the screen looks at the engine at most.
const frameTime = time.Second / 30

// changed says that the engine's snapshot is not the one on the screen.
type changed struct{}

// waitForChange waits outside of the loop; one is on its way at any time.
func (m *Model) waitForChange() tea.Cmd {
	ctx, c := m.ctx, m.config.Engine.Changed()
	return func() tea.Msg {
		select {
		case <-c:
			return changed{}
		case <-ctx.Done():
			return nil
		}
	}
}

func (changed) take(m *Model) tea.Cmd {
	m.pull()
	wait := m.waitForChange()
	return tea.Batch(m.assess(), func() tea.Msg {
		time.Sleep(frameTime) // the first change shows at once, the ones behind it together
		return wait()
	})
}

// pull takes the snapshot. It is cheap and never waits.
func (m *Model) pull() {
	m.snap = m.config.Engine.Snapshot()
	m.alerts.setSnapshot(m)
}

// second is the clock's: ages and rates change without an event.
type second struct{}

func (m *Model) tick() tea.Cmd {
	return tea.Tick(time.Second, func(time.Time) tea.Msg { return second{} })
}

func (second) take(m *Model) tea.Cmd {
	return tea.Batch(m.tick(), m.assess())
}

// ask runs f outside of the loop with a deadline and delivers what it gives.
func (m *Model) ask(limit time.Duration, f func(ctx context.Context) tea.Msg) tea.Cmd {
	parent := m.ctx
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(parent, limit)
		defer cancel()
		return f(ctx)
	}
}
