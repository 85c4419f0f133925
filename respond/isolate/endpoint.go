package isolate

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Endpoint is a place that a host may talk to: an address or a network, and a
// port of it.
type Endpoint struct {
	Net   netip.Prefix `json:"net"`
	Proto string       `json:"proto"`          // "tcp" or "udp"
	Port  uint16       `json:"port,omitempty"` // 0: every port
	Why   string       `json:"why,omitempty"`  // for the plan: "login: sssd"
}

// String is what ParseEndpoint reads: "10.0.1.10:9200/tcp".
func (e Endpoint) String() string {
	s := showNet(e.Net)
	if e.Port != 0 {
		if e.Net.Addr().Is6() {
			s = "[" + s + "]"
		}
		s += ":" + strconv.Itoa(int(e.Port))
	}
	return s + "/" + e.Proto
}

// ParseEndpoint reads ADDRESS:PORT[/tcp|/udp], as "10.0.1.10:9200",
// "[2001:db8::1]:514/udp" or "10.0.4.0/24:443/tcp". A name is refused: whoever
// calls resolves it, before the host's resolver is cut off.
func ParseEndpoint(s string) (Endpoint, error) {
	e := Endpoint{Proto: "tcp"}
	rest := s
	for _, proto := range []string{"tcp", "udp"} {
		if before, ok := strings.CutSuffix(s, "/"+proto); ok {
			e.Proto, rest = proto, before
		}
	}
	at := strings.LastIndex(rest, ":")
	if at < 0 {
		return Endpoint{}, fmt.Errorf("%q: wants ADDRESS:PORT, as 10.0.1.10:9200 or [2001:db8::1]:514/udp", s)
	}
	port, err := strconv.ParseUint(rest[at+1:], 10, 16)
	if err != nil || port == 0 {
		return Endpoint{}, fmt.Errorf("%q: %q is no port", s, rest[at+1:])
	}
	e.Port = uint16(port)
	host := rest[:at]
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
	} else if strings.Count(host, ":") > 0 {
		return Endpoint{}, fmt.Errorf("%q: write an IPv6 address in brackets, [2001:db8::1]:514", s)
	}
	e.Net, err = ParseNet(host)
	return e, err
}

// ParseNet reads an address or a network. Zones, mapped addresses and networks
// with host bits are refused or made plain, so that one place has one spelling.
func ParseNet(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return single(a)
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is neither an address nor a network: names are not taken here, they may mean another place on the host", s)
	}
	if p.Addr().Is4In6() {
		return netip.Prefix{}, fmt.Errorf("%q: write it as an IPv4 network", s)
	}
	if p.Bits() == 0 {
		return netip.Prefix{}, fmt.Errorf("%q is every address: isolate the host instead", s)
	}
	return p.Masked(), nil
}

// single is the network of one address.
func single(a netip.Addr) (netip.Prefix, error) {
	a = a.Unmap()
	switch {
	case a.Zone() != "":
		return netip.Prefix{}, fmt.Errorf("%s: an address with a zone means something else on every machine", a)
	case a.IsUnspecified(), a.IsMulticast():
		return netip.Prefix{}, fmt.Errorf("%s is no place", a)
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// showNet writes one address without its length.
func showNet(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
