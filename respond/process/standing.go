package process

import (
	"context"
	"strings"

	"interdict/respond"
)

// StillHeld looks at the host and sorts what the journal says is frozen there:
// what still stands, and what ended or was let go by somebody else. Changes of
// other kinds, and of other hosts, are in neither.
func StillHeld(ctx context.Context, h respond.Host, standing []respond.Standing) (held, over []respond.Standing, err error) {
	m, identity, err := machine(ctx, h)
	if err != nil {
		return nil, nil, err
	}
	t, err := m.Processes(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range standing {
		if s.Host != h.Name() || !strings.HasPrefix(s.Key, keyProcess) && !strings.HasPrefix(s.Key, keyCgroup) {
			continue
		}
		if stands(ctx, m, t, identity.BootID, s.Key) {
			held = append(held, s)
		} else {
			over = append(over, s)
		}
	}
	return held, over, nil
}

func stands(ctx context.Context, m Machine, t *Table, boot, key string) bool {
	if id, ok := heldProcess(key); ok {
		p := t.Find(id)
		return p != nil && !p.Ended() && (p.Stopped() || p.startsStopped(t.children[p.ID.PID]) || inFrozenCgroup(ctx, m, p))
	}
	path, ok := strings.CutPrefix(key, keyCgroup+boot)
	if !ok {
		return false
	}
	c, err := m.Cgroup(ctx, path)
	return err == nil && c.Frozen
}

func inFrozenCgroup(ctx context.Context, m Machine, p *Process) bool {
	c, err := m.Cgroup(ctx, p.Cgroup)
	return err == nil && c.Frozen
}
