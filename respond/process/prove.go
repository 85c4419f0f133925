package process

import (
	"context"

	"interdict/respond"
)

// Prove says by what h is proven to be the host that an alert is of, or refuses.
// It looks at the processes there and changes nothing.
func Prove(ctx context.Context, h respond.Host, c respond.Claim) (by string, err error) {
	m, identity, err := machine(ctx, h)
	if err != nil {
		return "", err
	}
	t, err := m.Processes(ctx)
	if err != nil {
		return "", err
	}
	s := respond.Sighting{Identity: identity}
	if r, ok := h.(respond.Reacher); ok {
		s.Reach = r.Reached()
	}
	if p := t.Find(c.Process); p != nil && c.Process.PID > 0 && !p.Ended() {
		s.Process, s.Exe = p.ID, p.Exe
	}
	return c.Prove(h.Name(), s)
}
