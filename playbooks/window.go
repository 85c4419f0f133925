package playbooks

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"interdict/detect"
	"interdict/respond"
)

// Window is a span of time for which somebody announced that hosts would be
// changed or data be moved. It explains; it proves nothing of who used it.
type Window struct {
	From, To time.Time
	What     string         // "release 4.2"
	By       string         // who announced it; "" unknown
	Hosts    []string       // names of hosts or groups; none: every host
	Users    []string       // who works in it; none: whoever
	Far      []netip.Prefix // where data goes; none: it is about hosts, not about a transfer
	Source   string         // where it stands: "configuration", a calendar's path
}

// Check says why w cannot be one.
func (w *Window) Check() error {
	switch {
	case w.From.IsZero() || w.To.IsZero():
		return fmt.Errorf("the window %q needs both from and to", w.What)
	case !w.From.Before(w.To):
		return fmt.Errorf("the window %q ends before it begins", w.What)
	case strings.TrimSpace(w.What) == "":
		return errors.New("a window needs to say what it is for")
	}
	return nil
}

// Covers tells whether at is in w and w is for the host.
func (w *Window) Covers(at time.Time, h detect.Host, groups []string) bool {
	if at.Before(w.From) || !at.Before(w.To) {
		return false
	}
	return len(w.Hosts) == 0 || slices.ContainsFunc(w.Hosts, func(name string) bool {
		return strings.EqualFold(name, h.Name) && name != "" || slices.Contains(groups, name)
	})
}

// fits tells whether w announces a transfer to all of these far ends by one of
// these users. A window that names neither announces no transfer.
func (w *Window) fits(users []string, far []detect.Peer) bool {
	if len(w.Users) == 0 && len(w.Far) == 0 {
		return false
	}
	if len(w.Users) > 0 && !slices.ContainsFunc(users, func(u string) bool { return slices.Contains(w.Users, u) }) {
		return false
	}
	return len(w.Far) == 0 || len(far) > 0 && !slices.ContainsFunc(far, func(p detect.Peer) bool {
		return !slices.ContainsFunc(w.Far, func(x netip.Prefix) bool { return x.Contains(p.Addr.Unmap()) })
	})
}

// describe is "release 4.2, 02:00 to 04:00, announced by ana (/etc/…/changes.ics)".
func (w *Window) describe(at time.Time) string {
	s := fmt.Sprintf("%s, %s to %s UTC", short(w.What, 120), moment(w.From, at), moment(w.To, at))
	if w.By != "" {
		s += ", announced by " + w.By
	}
	return s + prefixed(" — ", w.Source)
}

// windows are those that cover the start, for this host.
func (e *evidence) windows() (out []Window) {
	for _, w := range e.announcedFor {
		if w.Covers(e.started(), e.f.Host, e.entry.Groups) {
			out = append(out, w)
		}
	}
	return out
}

// users are all names that the transfer goes under: the tool's, and of who logged in.
func (e *evidence) users() []string {
	return nonEmpty(e.tool.User, e.loginName())
}

// Entry finds what the inventory says of a host; false: it is not listed.
type Entry func(detect.Host) (respond.HostEntry, bool)
