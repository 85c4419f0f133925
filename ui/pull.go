package ui

import (
	"context"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/detect"
)

// frameTime is how often the screen looks at the engine at most.
const frameTime = time.Second / 30

// waits makes the commands that only wait. A test delivers itself what is
// waited for and has none.
type waits interface {
	// after delivers msg when d has passed.
	after(d time.Duration, msg tea.Msg) tea.Cmd
	// signal delivers msg when c gave something, after rest at the earliest.
	signal(ctx context.Context, c <-chan struct{}, rest time.Duration, msg tea.Msg) tea.Cmd
}

type realWaits struct{}

func (realWaits) after(d time.Duration, msg tea.Msg) tea.Cmd {
	return tea.Tick(d, func(time.Time) tea.Msg { return msg })
}

func (realWaits) signal(ctx context.Context, c <-chan struct{}, rest time.Duration, msg tea.Msg) tea.Cmd {
	return func() tea.Msg {
		time.Sleep(rest)
		select {
		case <-c:
			return msg
		case <-ctx.Done():
			return nil
		}
	}
}

// changed says that the engine's snapshot is not the one on the screen.
type changed struct{}

// take pulls, outside of the loop: the engine may be at work on many alerts, and
// no key waits for it. One command pulls or waits for the next change at any time.
func (changed) take(m *Model) tea.Cmd {
	engine := m.config.Engine
	return func() tea.Msg { return pulled{engine.Snapshot()} }
}

// pulled is the engine's newest snapshot.
type pulled struct{ snap *detect.Snapshot }

// take shows it and waits for the next change. The first change shows at once,
// the ones right behind it together.
func (p pulled) take(m *Model) tea.Cmd {
	if p.snap.Version >= m.snap.Version { // a key has pulled meanwhile
		m.put(p.snap)
	}
	return tea.Batch(m.assess(), m.waits.signal(m.ctx, m.config.Engine.Changed(), frameTime, changed{}))
}

// pull takes the snapshot at once, for what a person did.
func (m *Model) pull() { m.put(m.config.Engine.Snapshot()) }

func (m *Model) put(snap *detect.Snapshot) {
	m.snap = snap
	m.alerts.setSnapshot(m)
}

// second is the clock's: ages and rates change without an event.
type second struct{}

func (m *Model) tick() tea.Cmd {
	return m.waits.after(time.Second, second{})
}

func (second) take(m *Model) tea.Cmd {
	return tea.Batch(m.tick(), m.assess(), m.followJournal())
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
