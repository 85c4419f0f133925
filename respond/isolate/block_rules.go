package isolate

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// blockTable is loaded once. The kernel itself takes elements out when their
// time is over. What is dropped: all that comes from a blocked place, all that
// is sent there, also by containers, and also when an address was translated on
// the way.
const blockTable = `table inet interdict_block {
	set host4 {
		type ipv4_addr
		flags timeout
	}
	set host6 {
		type ipv6_addr
		flags timeout
	}
	set net4 {
		type ipv4_addr
		flags interval, timeout
	}
	set net6 {
		type ipv6_addr
		flags interval, timeout
	}
	counter dropped {
	}
	chain before {
		type filter hook prerouting priority -310; policy accept;
		ip saddr @host4 counter name "dropped" drop
		ip6 saddr @host6 counter name "dropped" drop
		ip saddr @net4 counter name "dropped" drop
		ip6 saddr @net6 counter name "dropped" drop
		ip daddr @host4 counter name "dropped" drop
		ip6 daddr @host6 counter name "dropped" drop
		ip daddr @net4 counter name "dropped" drop
		ip6 daddr @net6 counter name "dropped" drop
	}
	chain output {
		type filter hook output priority -310; policy accept;
		ip daddr @host4 counter name "dropped" drop
		ip6 daddr @host6 counter name "dropped" drop
		ip daddr @net4 counter name "dropped" drop
		ip6 daddr @net6 counter name "dropped" drop
	}
	chain after {
		type filter hook postrouting priority 0; policy accept;
		ip daddr @host4 counter name "dropped" drop
		ip6 daddr @host6 counter name "dropped" drop
		ip daddr @net4 counter name "dropped" drop
		ip6 daddr @net6 counter name "dropped" drop
	}
}
`

// setOf is the set that a place belongs in; rate is 0 for what is blocked.
func setOf(p netip.Prefix, rate int) string {
	name := "net"
	if p.IsSingleIP() {
		name = "host"
	}
	name += map[bool]string{true: "4", false: "6"}[p.Addr().Is4()]
	if rate > 0 {
		name += "_" + strconv.Itoa(rate)
	}
	return name
}

// rateTable holds what is sent to places to a rate in kB/s, those of one set
// together. What comes from there is not held up.
func rateTable(rate int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "table inet interdict_block {\n")
	sets := []struct{ name, kind, flags, family string }{
		{"host4", "ipv4_addr", "timeout", "ip"}, {"host6", "ipv6_addr", "timeout", "ip6"},
		{"net4", "ipv4_addr", "interval, timeout", "ip"}, {"net6", "ipv6_addr", "interval, timeout", "ip6"},
	}
	for _, s := range sets {
		fmt.Fprintf(&b, "\tset %s_%d {\n\t\ttype %s\n\t\tflags %s\n\t}\n", s.name, rate, s.kind, s.flags)
	}
	fmt.Fprintf(&b, "\tchain cap_%d {\n\t\ttype filter hook postrouting priority 10; policy accept;\n", rate)
	for _, s := range sets {
		fmt.Fprintf(&b, "\t\t%s daddr @%s_%d limit rate over %d kbytes/second burst %d kbytes counter drop\n", s.family, s.name, rate, rate, rate)
	}
	b.WriteString("\t}\n}\n")
	return b.String()
}

// blockElements blocks places for a time, or holds them to a rate. One that is
// there already gets the new time and note: taken out and put in again in the
// same transaction, since adding it alone keeps the old time on older kernels.
func blockElements(n Note, places []netip.Prefix, length time.Duration, rate int) string {
	var b strings.Builder
	for _, p := range places {
		set := setOf(p, rate)
		element := fmt.Sprintf("%s timeout %ds comment %q", showNet(p), max(int(length.Seconds()), 1), n.line())
		fmt.Fprintf(&b, "add element inet interdict_block %s { %s }\n", set, element)
		fmt.Fprintf(&b, "delete element inet interdict_block %s { %s }\n", set, showNet(p))
		fmt.Fprintf(&b, "add element inet interdict_block %s { %s }\n", set, element)
	}
	return b.String()
}

// hours writes a length as people say it.
func hours(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return d.Round(time.Second).String()
}

// rateOf is the rate of a set of capped places, in kB/s; 0 for a set of blocked ones.
func rateOf(set string) int {
	_, text, ok := strings.Cut(set, "_")
	n, err := strconv.Atoi(text)
	if !ok || err != nil {
		return 0
	}
	return n
}
