package ui

import (
	"net/netip"

	"interdict/detect"
	"interdict/respond"
	"interdict/respond/evidence"
	"interdict/respond/isolate"
)

// mostDestinations bounds what one key blocks at once.
const mostDestinations = 8

// hostAction makes the action of a key: on a process of the finding, or on the
// network of its host.
func hostAction(c Config, a action, f *detect.Finding, target detect.Process) respond.Action {
	switch a {
	case blockIt:
		return isolate.NewBlock(isolate.BlockOptions{By: c.Actor.String(), Places: destinations(f), Shared: c.Shared, Used: c.Users})
	case cutOff:
		o := c.Isolate
		o.By, o.Destinations, o.Used = c.Actor.String(), destinations(f), c.Users
		if target.PID == 0 || !target.Alive() {
			return isolate.NewIsolate(o)
		}
		return &respond.Preceded{Action: isolate.NewIsolate(o), First: []respond.Action{processAction(c, freeze, f, target), capture(c, f, target)}}
	case collect:
		return evidence.NewCollect(evidenceOf(c, f, target))
	}
	return processAction(c, a, f, target)
}

// destinations are the far ends that got something, those that got most first;
// when none did yet, all that are known.
func destinations(f *detect.Finding) []netip.Prefix {
	if f.Transfer == nil {
		return nil
	}
	var sent, all []netip.Prefix
	for _, p := range f.Transfer.Peers {
		a := p.Addr.Unmap().WithZone("")
		if !a.IsValid() || a.IsLoopback() || a.IsUnspecified() {
			continue
		}
		place := netip.PrefixFrom(a, a.BitLen())
		all = append(all, place)
		if p.Sent > 0 {
			sent = append(sent, place)
		}
	}
	if len(sent) == 0 {
		sent = all
	}
	return sent[:min(len(sent), mostDestinations)]
}

// words are how a change is called where it is planned, and how its end is.
type words struct{ verb, button string }

var changeWords = map[action]words{
	freeze: {"FREEZE", "Freeze"}, kill: {"KILL", "Kill"}, blockIt: {"BLOCK", "Block"}, collect: {"EVIDENCE", "Take it"}, cutOff: {"ISOLATE", "Isolate"},
}

// endWords are by the kind of what is held.
var endWords = map[string]words{
	"frozen": {"RESUME", "Resume"}, "isolated": {"RELEASE", "Release"}, "blocked": {"UNBLOCK", "Unblock"}, "rate-capped": {"UNBLOCK", "Unblock"},
}
