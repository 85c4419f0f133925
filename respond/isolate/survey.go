package isolate

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"interdict/respond"
)

// survey is what the probe found, read.
type survey struct {
	facts     facts
	identity  respond.Identity
	tool      string // nft, iptables, iptables-nft or iptables-legacy; "" for none
	manager   netip.AddrPort
	server    netip.AddrPort // this host's end of the operator's connection
	sessions  []session
	services  []service
	onMachine bool // the console runs there
	total     int  // connections to other machines
	standing  string
	about     Note
	armed     bool
	devices   []string // that netdev egress can cover
	skipped   []string // devices that it cannot
}

// operatorUnknown tells whether somebody is logged in from elsewhere, and it may
// be the operator: to keep nobody would lock them out.
func (s *survey) operatorUnknown() bool {
	if s.manager.IsValid() {
		return false
	}
	remote := slices.ContainsFunc(s.facts["who"], func(line string) bool {
		_, from, ok := strings.Cut(line, "(")
		return ok && !strings.HasPrefix(from, ":") && !strings.HasPrefix(from, "tmux")
	})
	return remote || len(s.sessions) > 0
}

// session is a connection to the port that the operator came by.
type session struct{ here, far netip.AddrPort }

// service is a port that somebody listens at.
type service struct {
	port    uint16
	clients int
}

// look runs the probe: one round trip, nothing is changed.
func look(ctx context.Context, h respond.Shell) (*survey, error) {
	f, err := run(ctx, h, probeScript, nil)
	if err != nil {
		return nil, err
	}
	if f.one("end") == "" {
		return nil, fmt.Errorf("the probe was cut off on %s", h.Name())
	}
	s := &survey{facts: f, identity: identityOf(f)}
	if s.identity.BootID == "" {
		return nil, fmt.Errorf("%s does not say which boot it is in", h.Name())
	}
	s.onMachine = !h.Manager().IsValid()
	s.total, _ = strconv.Atoi(f.one("connections"))
	s.tool = s.writer()
	if blind := f["blind"]; len(blind) > 0 && s.tool != "" {
		return nil, fmt.Errorf("could not tell whether %s is isolated already: %s", h.Name(), blind[0])
	}
	s.readConnections()
	s.readOperator(h.Manager())
	s.readDevices()
	if tool, id, ok := strings.Cut(f.one("standing"), " "); ok {
		s.standing, s.about, s.armed = id, readNotes(comments(f["about"])), f.one("armed") == id
		s.tool = tool // what is loaded goes out by what brought it in
	}
	return s, nil
}

func identityOf(f facts) respond.Identity {
	up, _, _ := strings.Cut(f.one("uptime"), " ")
	seconds, _ := strconv.ParseFloat(up, 64)
	return respond.Identity{HostID: f.one("machine"), BootID: f.one("boot"), Hostname: f.one("hostname"), Uptime: time.Duration(seconds * float64(time.Second))}
}

// writer chooses what writes the rules.
func (s *survey) writer() string {
	for _, tool := range []string{"nft", "iptables", "iptables-nft", "iptables-legacy"} {
		if s.facts.has("works", tool) {
			return tool
		}
	}
	return ""
}

// readOperator finds the connection that the operator came by, as this host
// sees it. What the connection itself says counts more than the environment.
func (s *survey) readOperator(manager netip.AddrPort) {
	f := strings.Fields(s.facts.one("ssh"))
	if len(f) == 4 {
		s.manager, s.server = addrPort(f[0], f[1]), addrPort(f[2], f[3])
	}
	if !manager.IsValid() {
		if !slices.ContainsFunc(s.sessions, func(c session) bool { return c.far == s.manager }) {
			s.manager = netip.AddrPort{} // left over in a terminal multiplexer: that connection is gone
		}
		return
	}
	manager = netip.AddrPortFrom(manager.Addr().Unmap().WithZone(""), manager.Port())
	if s.manager != manager {
		s.manager, s.server = manager, netip.AddrPort{}
	}
}

func addrPort(addr, port string) netip.AddrPort {
	a, err := netip.ParseAddr(addr)
	n, bad := strconv.ParseUint(port, 10, 16)
	if err != nil || bad != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Unmap().WithZone(""), uint16(n))
}

func (s *survey) readConnections() {
	for _, line := range s.facts["session"] {
		f := strings.Fields(line)
		if len(f) != 2 {
			continue
		}
		here, far := hexAddrPort(f[0]), hexAddrPort(f[1])
		if here.IsValid() && far.IsValid() {
			s.sessions = append(s.sessions, session{here, far})
		}
	}
	for _, line := range s.facts["listen"] {
		f := strings.Fields(line)
		if len(f) != 2 {
			continue
		}
		port, err := strconv.ParseUint(f[0], 16, 16)
		clients, bad := strconv.Atoi(f[1])
		if err == nil && bad == nil {
			s.services = append(s.services, service{uint16(port), clients})
		}
	}
	slices.SortFunc(s.services, func(a, b service) int { return int(a.port) - int(b.port) })
}

// hexAddrPort reads an end of a connection as /proc/net/tcp writes it: words of
// four bytes in the machine's order. Linux machines that this reaches are little-endian but for s390x.
func hexAddrPort(s string) netip.AddrPort {
	a, p, _ := strings.Cut(s, ":")
	b, err := hex.DecodeString(a)
	port, bad := strconv.ParseUint(p, 16, 16)
	if err != nil || bad != nil || len(b) != 4 && len(b) != 16 {
		return netip.AddrPort{}
	}
	for i := 0; i < len(b); i += 4 {
		slices.Reverse(b[i : i+4])
	}
	addr, _ := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(addr.Unmap(), uint16(port))
}

const mostDevices = 64

// readDevices chooses the devices by which packets leave this machine. A port of
// a bridge with no hardware behind it is a container's.
func (s *survey) readDevices() {
	for _, line := range s.facts["link"] {
		name, flags, _ := strings.Cut(line, " ")
		if name == "lo" {
			continue
		}
		if strings.Contains(flags, " port") && !strings.Contains(flags, " device") {
			continue
		}
		if !deviceName(name) || len(s.devices) >= mostDevices {
			s.skipped = append(s.skipped, name)
			continue
		}
		s.devices = append(s.devices, name)
	}
}

// tunnelled says by what the operator's connection is carried when that would be
// cut; "" for a plain device.
func (s *survey) tunnelled() string {
	f := strings.Fields(s.facts.one("route"))
	for i := 0; i+1 < len(f); i++ {
		if f[i] == "dev" {
			return s.carrier(f[i+1])
		}
	}
	return ""
}

// carriers are kinds of devices of which the packets leave inside of others.
var carriers = []string{"wireguard", "tun", "ipip", "gre", "gretap", "ip6tnl", "sit", "vti", "xfrm", "ppp", "macsec", "vxlan", "geneve", "l2tp"}

func (s *survey) carrier(device string) string {
	for _, line := range s.facts["link"] {
		name, flags, _ := strings.Cut(line, " ")
		if name == device && strings.Contains(flags, " tun") {
			return device + " (tun)"
		}
		for _, kind := range carriers {
			if name == device && slices.Contains(strings.Fields(flags), kind) {
				return device + " (" + kind + ")"
			}
		}
	}
	for _, line := range s.facts["ipd"] {
		f := strings.Fields(line)
		if len(f) < 2 || strings.TrimSuffix(strings.Split(f[1], "@")[0], ":") != device {
			continue
		}
		for _, kind := range carriers {
			if slices.Contains(f[2:], kind) {
				return device + " (" + kind + ")"
			}
		}
	}
	return ""
}

// comments takes the texts out of lines as `comment "by ana"`.
func comments(lines []string) []string {
	var out []string
	for _, line := range lines {
		_, rest, _ := strings.Cut(line, `comment "`)
		if text, _, ok := strings.Cut(rest, `"`); ok {
			out = append(out, text)
		}
	}
	return out
}
