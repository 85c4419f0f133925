package isolate

import (
	"fmt"
	"strconv"
	"strings"
)

// Names on the host. Nothing of another name is ever changed.
const (
	tableName = "interdict"
	priority  = -320 // before connection tracking and everything that others usually hook
)

// nftRules is the transaction that loads the isolation: ours from before goes in
// the same step. devices are those of which also raw sockets are stopped.
func nftRules(n Note, k kept, devices []string) string {
	var b strings.Builder
	list := k.rules()
	replace(&b, "inet")
	fmt.Fprintf(&b, "table inet %s {\n", tableName)
	b.WriteString("\tcounter cut_in {\n\t}\n\tcounter cut_out {\n\t}\n\tcounter cut_forward {\n\t}\n")
	b.WriteString("\tchain about {\n")
	for _, line := range n.lines() {
		fmt.Fprintf(&b, "\t\treturn comment %q\n", line)
	}
	b.WriteString("\t}\n")
	nftChain(&b, "input", "", list, in)
	nftChain(&b, "output", "", list, out)
	nftChain(&b, "forward", "", nil, in)
	b.WriteString("}\n")
	if len(devices) == 0 {
		return b.String()
	}
	replace(&b, "netdev")
	fmt.Fprintf(&b, "table netdev %s {\n", tableName)
	for i, d := range devices {
		nftChain(&b, "egress_"+strconv.Itoa(i), d, list, out)
	}
	b.WriteString("}\n")
	return b.String()
}

// replace empties our table whether it is there or not.
func replace(b *strings.Builder, family string) {
	fmt.Fprintf(b, "table %s %s\ndelete table %s %s\n", family, tableName, family, tableName)
}

// nftChain writes a chain; device is set for the egress of one.
func nftChain(b *strings.Builder, name, device string, list []rule, dir direction) {
	hook, counter := name, "cut_"+map[string]string{"input": "in", "output": "out"}[name]
	if name == "forward" {
		counter = "cut_forward"
	}
	if device != "" {
		hook = fmt.Sprintf("egress device %q", device)
	}
	fmt.Fprintf(b, "\tchain %s {\n\t\ttype filter hook %s priority %d; policy drop;\n", name, hook, priority)
	if device != "" {
		b.WriteString("\t\tmeta protocol arp accept\n")
	}
	for _, r := range list {
		if r.dir == dir && (device == "" || r.iface == "") {
			b.WriteString("\t\t" + r.nft() + "\n")
		}
	}
	if device != "" {
		b.WriteString("\t\tcounter\n\t}\n")
		return
	}
	fmt.Fprintf(b, "\t\tcounter name %q\n\t}\n", counter)
}

// nft writes one rule.
func (r rule) nft() string {
	far, near := "saddr", "dport"
	farPort, iface := "sport", "iifname"
	if r.dir == out {
		far, near, farPort, iface = "daddr", "sport", "dport", "oifname"
	}
	var w []string
	add := func(format string, args ...any) { w = append(w, fmt.Sprintf(format, args...)) }
	if r.iface != "" {
		add("%s %q", iface, r.iface)
	}
	if r.net.IsValid() {
		add("%s %s %s", map[int]string{4: "ip", 6: "ip6"}[r.is()], far, showNet(r.net))
	}
	if len(r.icmp) > 0 {
		add("%s type { %s }", r.proto, numbers(r.icmp))
		if r.code >= 0 {
			add("%s code %d", r.proto, r.code)
		}
	}
	if r.here != 0 {
		add("%s %s %d", r.proto, near, r.here)
	}
	if r.there != 0 {
		add("%s %s %d", r.proto, farPort, r.there)
	}
	if r.proto != "" && len(r.icmp) == 0 && r.here == 0 && r.there == 0 {
		add("meta l4proto %s", r.proto)
	}
	if r.answers {
		add("tcp flags & (syn | ack) != syn")
	}
	return strings.Join(append(w, map[bool]string{false: "accept", true: "drop"}[r.drop]), " ")
}

func numbers(list []uint8) string {
	out := make([]string, len(list))
	for i, n := range list {
		out[i] = strconv.Itoa(int(n))
	}
	return strings.Join(out, ", ")
}

// deviceName tells whether a name of a network device can stand in a rule set.
// The kernel allows nearly every byte; a name of others is left out and said.
func deviceName(s string) bool {
	if s == "" || len(s) > 15 || s == "lo" {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || strings.IndexByte("._-@:", c) < 0) {
			return false
		}
	}
	return true
}
