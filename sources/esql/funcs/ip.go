package funcs

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"interdict/sources/frame"
)

// addresses are the functions of IP addresses.
func addresses() []Def {
	return []Def{
		{Name: "cidr_match", Params: []Param{{Name: "ip", Types: IP}, {Name: "blockX", Types: String}}, Variadic: true, Result: Fixed(frame.Boolean), Multi: true, New: cidrRow},
		{Name: "ip_prefix", Params: []Param{{Name: "ip", Types: IP}, {Name: "prefixLengthV4", Types: Int}, {Name: "prefixLengthV6", Types: Int}},
			Result: Fixed(frame.IP), Row: prefixRow},
		{Name: "network_direction", Params: []Param{{Name: "source_ip", Types: IP}, {Name: "destination_ip", Types: IP}, {Name: "internal_networks", Types: String}},
			Result: Fixed(frame.Keyword), Multi: true, Row: directionRow},
	}
}

// networks are blocks of addresses. IPv4 is mapped into IPv6, as in the
// dictionaries of addresses, so that ::/0 is everything.
type networks []netip.Prefix

func (n networks) contain(key string) bool {
	a, ok := netip.AddrFromSlice([]byte(key))
	return ok && slices.ContainsFunc(n, func(p netip.Prefix) bool { return p.Contains(a) })
}

// parseNetwork reads a block or one address.
func parseNetwork(s string) (netip.Prefix, error) {
	address, length, block := strings.Cut(s, "/")
	a, err := netip.ParseAddr(address)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("'%s' is not an IP string literal.", s)
	}
	bits := 128
	if block {
		p, err := netip.ParsePrefix(a.String() + "/" + length)
		if err != nil {
			return netip.Prefix{}, fmt.Errorf("'%s' is not an IP string literal.", s)
		}
		bits = p.Bits() + 128 - a.BitLen()
	}
	return netip.PrefixFrom(netip.AddrFrom16(a.As16()), bits).Masked(), nil
}

func cidrRow(c *Call) (func(*Row), error) {
	var nets networks
	for _, arg := range c.Args[1:] {
		if arg.Const == nil || len(arg.Const.Texts(0)) != 1 {
			return cidrSlow, nil
		}
		for _, s := range arg.Const.Texts(0) {
			p, err := parseNetwork(s)
			if err != nil {
				return nil, err
			}
			nets = append(nets, p)
		}
	}
	known := memo[bool]{make: nets.contain}
	return func(r *Row) {
		if onlyOne(r, 0) {
			r.SetBool(known.at(r, 0, 0))
		}
	}, nil
}

// cidrSlow reads the blocks in every row, up to the first that fits.
func cidrSlow(r *Row) {
	for a := range r.Args() {
		if !onlyOne(r, a) {
			return
		}
	}
	for a := 1; a < r.Args(); a++ {
		for k := range r.Len(a) {
			p, err := parseNetwork(r.StrAt(a, k))
			if err != nil {
				r.Fail("java.lang.IllegalArgumentException: %s", err)
				return
			}
			if (networks{p}).contain(r.Str(0)) {
				r.SetBool(true)
				return
			}
		}
	}
	r.SetBool(false)
}

// prefixRow keeps the leading bits of an address.
func prefixRow(r *Row) {
	for a, most := range []int64{32, 128} {
		if n := r.Int(a + 1); n < 0 || n > most {
			r.Fail("java.lang.IllegalArgumentException: Prefix length v%d must be in range [0, %d], found %d", 4+2*a, most, n)
			return
		}
	}
	a, bits := r.Addr(0), r.Int(1)
	if a.Is6() {
		bits = r.Int(2)
	}
	p, err := a.Prefix(int(bits))
	if err != nil {
		return
	}
	r.SetStr(frame.AddrKey(p.Addr()))
}

// directionRow names the way of a connection, seen from the internal networks.
func directionRow(r *Row) {
	if !onlyOne(r, 0, 1) {
		return
	}
	from, err := internal(r, 0)
	if err != nil {
		r.Fail("java.lang.IllegalArgumentException: %s", err)
		return
	}
	to, _ := internal(r, 1)
	switch {
	case from && to:
		r.SetStr("internal")
	case from:
		r.SetStr("outbound")
	case to:
		r.SetStr("inbound")
	default:
		r.SetStr("external")
	}
}

// internal tells whether address a is in one of the networks. All of these are
// read, so that a wrong one shows whatever the address.
func internal(r *Row, a int) (bool, error) {
	in := false
	for k := range r.Len(2) {
		ok, err := inNetwork(r.Addr(a), r.Str(a), r.StrAt(2, k))
		if err != nil {
			return false, err
		}
		in = in || ok
	}
	return in, nil
}

// inNetwork takes a block or a range by its name.
func inNetwork(a netip.Addr, key, network string) (bool, error) {
	switch network {
	case "loopback":
		return a.IsLoopback(), nil
	case "unicast", "global_unicast":
		return a.IsGlobalUnicast(), nil
	case "multicast":
		return a.IsMulticast(), nil
	case "interface_local_multicast":
		return a.IsInterfaceLocalMulticast(), nil
	case "link_local_unicast":
		return a.IsLinkLocalUnicast(), nil
	case "link_local_multicast":
		return a.IsLinkLocalMulticast(), nil
	case "private":
		return a.IsPrivate(), nil
	case "public":
		return !a.IsPrivate() && !a.IsLoopback() && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLinkLocalUnicast(), nil
	case "unspecified":
		return a.IsUnspecified(), nil
	}
	p, err := parseNetwork(network)
	return err == nil && networks{p}.contain(key), err
}
