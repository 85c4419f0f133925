package isolate

import (
	"fmt"
	"strings"
)

// Chains of ours, by the chain that jumps to them.
var chains = [...]struct{ ours, from string }{
	{"INTERDICT_IN", "INPUT"}, {"INTERDICT_OUT", "OUTPUT"}, {"INTERDICT_FWD", "FORWARD"},
}

// iptablesRules is what iptables-restore --noflush loads for one family in one
// step: our chains. The jumps to them are the script's, which knows whether they
// are there.
func iptablesRules(n Note, k kept, family int) string {
	var b strings.Builder
	b.WriteString("*filter\n")
	for _, c := range chains {
		fmt.Fprintf(&b, ":%s - [0:0]\n", c.ours)
	}
	b.WriteString(":INTERDICT_ABOUT - [0:0]\n")
	for _, line := range n.lines() {
		fmt.Fprintf(&b, "-A INTERDICT_ABOUT -m comment --comment %q -j RETURN\n", line)
	}
	for _, r := range k.rules() {
		if is := r.is(); is == 0 || is == family {
			b.WriteString(r.iptables())
		}
	}
	for _, c := range chains {
		fmt.Fprintf(&b, "-A %s -j DROP\n", c.ours)
	}
	return b.String()
}

// iptables writes one rule; a list of icmp types takes one line each.
func (r rule) iptables() string {
	chain, far, near, farPort, iface := "INTERDICT_IN", "-s", "--dport", "--sport", "-i"
	if r.dir == out {
		chain, far, near, farPort, iface = "INTERDICT_OUT", "-d", "--sport", "--dport", "-o"
	}
	s := "-A " + chain
	if r.net.IsValid() {
		s += fmt.Sprintf(" %s %s", far, r.net)
	}
	if r.iface != "" {
		s += fmt.Sprintf(" %s %s", iface, r.iface)
	}
	if r.proto != "" {
		s += " -p " + r.proto
	}
	if r.here != 0 {
		s += fmt.Sprintf(" %s %d", near, r.here)
	}
	if r.there != 0 {
		s += fmt.Sprintf(" %s %d", farPort, r.there)
	}
	if r.answers {
		s += " ! --tcp-flags SYN,ACK SYN"
	}
	verdict := map[bool]string{false: " -j ACCEPT\n", true: " -j DROP\n"}[r.drop]
	if len(r.icmp) == 0 {
		return s + verdict
	}
	var all string
	for _, t := range r.icmp {
		kind := fmt.Sprintf("%s --%s-type %d", s, r.proto, t)
		if r.code >= 0 {
			kind += fmt.Sprintf("/%d", r.code)
		}
		all += kind + verdict
	}
	return all
}
