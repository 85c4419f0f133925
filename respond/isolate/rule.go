package isolate

import "net/netip"

// direction of a rule, as the host sees it.
type direction int

const (
	in direction = iota
	out
)

// rule lets one kind of packet pass, or drops it. It looks at that packet alone
// and at no connection.
type rule struct {
	dir     direction
	iface   string       // only "lo"
	net     netip.Prefix // the far end; invalid: anybody
	family  int          // 4 or 6 where net does not say it and it matters; 0: both
	proto   string       // tcp, udp, icmp, icmpv6; "" for all
	here    uint16       // port of this host; 0: any
	there   uint16       // port of the far end; 0: any
	answers bool         // tcp: no packet that opens a connection
	icmp    []uint8      // types
	code    int          // of icmp; -1: any
	drop    bool
}

// kept is what an isolated host may still do. Everything else is dropped.
type kept struct {
	Managers []netip.Prefix   `json:"managers"` // may open SSH to this host
	SSHPort  uint16           `json:"ssh_port"`
	Cut      []netip.AddrPort `json:"cut,omitempty"` // far ends of SSH sessions that end although their address is a manager's
	Out      []Endpoint       `json:"out,omitempty"`
	DHCP     []netip.Addr     `json:"dhcp,omitempty"` // servers of the leases; the broadcast address comes with the first one
	DHCP6    bool             `json:"dhcp6,omitempty"`
}

// Types of ICMP that keep an interface usable: without neighbour discovery an
// IPv6 session dies within seconds, without "too big" it hangs.
var (
	neighbours = []uint8{133, 134, 135, 136} // router and neighbour, asked and told
	groups     = []uint8{130, 131, 132, 143} // multicast listeners: switches forward neighbour discovery by them
	tooBig     = []uint8{2}
	mustFrag   = []uint8{3} // code 4
)

// rules is the list, first match wins, nothing else passes.
func (k kept) rules() []rule {
	list := []rule{{dir: in, iface: "lo", code: -1}, {dir: out, iface: "lo", code: -1}}
	for _, end := range k.Cut {
		a := netip.PrefixFrom(end.Addr(), end.Addr().BitLen())
		list = append(list,
			rule{dir: in, net: a, proto: "tcp", here: k.SSHPort, there: end.Port(), code: -1, drop: true},
			rule{dir: out, net: a, proto: "tcp", here: k.SSHPort, there: end.Port(), code: -1, drop: true})
	}
	for _, m := range k.Managers {
		list = append(list,
			rule{dir: in, net: m, proto: "tcp", here: k.SSHPort, code: -1},
			rule{dir: out, net: m, proto: "tcp", here: k.SSHPort, answers: true, code: -1})
	}
	for _, dir := range []direction{in, out} {
		list = append(list,
			rule{dir: dir, family: 6, proto: "icmpv6", icmp: neighbours, code: -1},
			rule{dir: dir, family: 6, proto: "icmpv6", icmp: groups, code: -1})
	}
	list = append(list,
		rule{dir: in, family: 6, proto: "icmpv6", icmp: tooBig, code: -1},
		rule{dir: in, family: 4, proto: "icmp", icmp: mustFrag, code: 4})
	for _, e := range k.Out {
		list = append(list,
			rule{dir: out, net: e.Net, proto: e.Proto, there: e.Port, code: -1},
			rule{dir: in, net: e.Net, proto: e.Proto, there: e.Port, answers: e.Proto == "tcp", code: -1})
	}
	return append(list, k.dhcp()...)
}

// dhcp lets a lease be renewed with the servers that gave it.
func (k kept) dhcp() []rule {
	var list []rule
	servers := k.DHCP
	if len(servers) > 0 {
		servers = append(servers[:len(servers):len(servers)], netip.AddrFrom4([4]byte{255, 255, 255, 255}))
	}
	for i, s := range servers {
		p := netip.PrefixFrom(s, s.BitLen())
		list = append(list, rule{dir: out, net: p, proto: "udp", here: 68, there: 67, code: -1})
		if i < len(k.DHCP) {
			list = append(list, rule{dir: in, net: p, proto: "udp", here: 68, there: 67, code: -1})
		}
	}
	if k.DHCP6 {
		link, all := netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("ff02::1:2/128")
		list = append(list,
			rule{dir: out, net: all, proto: "udp", here: 546, there: 547, code: -1},
			rule{dir: out, net: link, proto: "udp", here: 546, there: 547, code: -1},
			rule{dir: in, net: link, proto: "udp", here: 546, there: 547, code: -1})
	}
	return list
}

// is tells the family of a rule; 0 for both.
func (r rule) is() int {
	switch {
	case !r.net.IsValid():
		return r.family
	case r.net.Addr().Is4():
		return 4
	}
	return 6
}
