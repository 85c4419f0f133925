package isolate

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"interdict/respond"
)

// key names the block as a change that stands: the same place on the same host
// has the same key, whoever blocks it.
func (b Block) key(hostID string) string {
	if b.Rate > 0 {
		return capKey(hostID, b.Place, b.Rate)
	}
	return keyBlocked + hostID + "/" + b.Place.String()
}

func capKey(hostID string, p netip.Prefix, rate int) string {
	return fmt.Sprintf("%s%s/%s/%d", keyCapped, hostID, p, rate)
}

const keyCapped = "rate-capped/"

// Standing is what the host itself says is held there, for whoever has no state
// directory: who did it and since when, as noted on the host.
func (s Status) Standing(host string) []respond.Standing {
	var list []respond.Standing
	add := func(h respond.Held, n Note) {
		list = append(list, respond.Standing{Held: h, Host: host, HostID: s.Identity.HostID, BootID: s.Identity.BootID, Since: n.At, Actor: respond.Actor{User: n.By}})
	}
	if s.State != Not {
		h := held(s.Identity.HostID, host)
		h.Text = s.describe()
		add(h, s.Isolation)
	}
	for _, b := range s.Blocks {
		h := respond.Held{Key: b.key(s.Identity.HostID), Kind: "blocked", Text: showNet(b.Place), Until: b.Until}
		if b.Rate > 0 {
			h.Kind, h.Text = "rate-capped", fmt.Sprintf("%s held to %d kB/s", showNet(b.Place), b.Rate)
		}
		add(h, b.Note)
	}
	return list
}

// StillHeld looks at the host and sorts what the journal says of its network:
// what still stands, and what ended or was taken out by somebody else. Changes of
// other kinds, and of other hosts, are in neither.
func StillHeld(ctx context.Context, h respond.Host, standing []respond.Standing) (held, over []respond.Standing, err error) {
	var mine []respond.Standing
	for _, s := range standing {
		if s.Host == h.Name() && Ours(s.Key) {
			mine = append(mine, s)
		}
	}
	if len(mine) == 0 {
		return nil, nil, nil
	}
	status, err := Look(ctx, h)
	if err != nil {
		return nil, nil, err
	}
	stands := map[string]bool{}
	for _, s := range status.Standing(h.Name()) {
		stands[s.Key] = true
	}
	for _, s := range mine {
		if stands[s.Key] {
			held = append(held, s)
		} else {
			over = append(over, s)
		}
	}
	return held, over, nil
}

// Ours tells whether a key of what is held is one of this package.
func Ours(key string) bool {
	for _, prefix := range []string{keyIsolated, keyBlocked, keyCapped} {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}
