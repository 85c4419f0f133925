package cli

import (
	"context"
	"net/netip"

	"interdict/playbooks"
	"interdict/respond/isolate"
)

// users says from this machine's own history who else used a destination; a
// history that cannot be opened is said to be none.
func (c *command) users() isolate.Users {
	ask := func(ctx context.Context, places []netip.Prefix) []string {
		history, closer, err := c.History(ctx, HistoryOptions{StateDir: c.statePath(), Tables: c.config.Tables})
		if err != nil {
			return []string{"who else used it is not known: " + err.Error()}
		}
		defer func() { _ = closer.Close() }() // it was only read
		return playbooks.Users(history, c.Now)(ctx, places)
	}
	return isolate.Once(ask)
}
