//go:build linux && (amd64 || arm64)

package ebpf

import (
	"net/netip"
	"strconv"

	"interdict/sources/ecs"
)

// flowKey is a destination of a process.
type flowKey struct {
	peer  netip.AddrPort
	proto uint8
}

// flow is what went to and came from one destination. The kernel side counts in
// epochs: a new one begins when the destination's place was needed meanwhile.
type flow struct {
	epoch          uint32
	sent, received uint64    // of this epoch
	before         [2]uint64 // of earlier ones
	connected      bool      // by this process
}

// take adds a record and gives the totals. Records of one epoch may overtake
// one another, since threads count on several CPUs.
func (f *flow) take(epoch uint32, tx, rx uint64) (sent, received uint64, grown bool) {
	switch {
	case int32(epoch-f.epoch) < 0:
		return f.before[0] + f.sent, f.before[1] + f.received, false // of an epoch that was closed with its final totals
	case epoch != f.epoch:
		f.before[0] += f.sent
		f.before[1] += f.received
		f.epoch, f.sent, f.received = epoch, 0, 0
	}
	grown = tx > f.sent || rx > f.received
	f.sent, f.received = max(f.sent, tx), max(f.received, rx)
	return f.before[0] + f.sent, f.before[1] + f.received, grown
}

// maxFlows bounds the destinations that are remembered of one process.
const maxFlows = 4096

func (p *process) flow(key flowKey) *flow {
	if p.flows == nil {
		p.flows = map[flowKey]*flow{}
	}
	f := p.flows[key]
	if f == nil {
		if len(p.flows) >= maxFlows {
			clear(p.flows)
		}
		f = &flow{}
		p.flows[key] = f
	}
	return f
}

// ends are both sides of a connection.
type ends struct {
	local, remote netip.AddrPort
	family, proto uint8
}

func (e *events) net(raw []byte) error {
	r, _, err := fixed[kernelNetRecord](raw)
	if err != nil || r.Family != 4 && r.Family != 6 {
		return errRecord
	}
	p := e.table.seen(r.Pid, r.Start, 0, 0)
	c := ends{end(r.Family, r.Laddr, r.Lport), end(r.Family, r.Raddr, r.Rport), r.Family, r.Proto}
	p.turn(r.Uid)
	f := p.flow(flowKey{c.remote, c.proto})
	sent, received, _ := f.take(r.Epoch, r.Tx, r.Rx)
	f.connected = f.connected || r.Flags&destConnected != 0
	e.moving[p] = r.Kind != netFinal
	e.transfer(p, c, f, r.Kind, sent, received, r.H.Time)
	return nil
}

// transfer writes the row of a connection's totals.
func (e *events) transfer(p *process, c ends, f *flow, kind uint8, sent, received, at uint64) {
	action, typ := "transfer", "info"
	switch kind {
	case netConnect:
		action, typ = "connection_attempted", "start"
	case netFinal:
		action, typ = "disconnect_received", "end"
	}
	inbound := !f.connected && p.inbound(c)
	if inbound {
		p.sends(sent)
	}
	b := e.builder
	b.Event(ecs.Network, action, typ, e.wall(at))
	e.subject(p)
	source, destination, toDestination, toSource, direction := c.local, c.remote, sent, received, "egress"
	if inbound {
		source, destination, toDestination, toSource, direction = c.remote, c.local, received, sent, "ingress"
	}
	b.Keyword(ecs.NetworkDirection, direction)
	b.IP(ecs.SourceIP, source.Addr())
	b.Keyword(ecs.SourceAddress, source.Addr().String())
	b.Int(ecs.SourcePort, int64(source.Port()))
	b.Int(ecs.SourceBytes, int64(toDestination))
	b.IP(ecs.DestinationIP, destination.Addr())
	b.Keyword(ecs.DestinationAddress, destination.Addr().String())
	b.Int(ecs.DestinationPort, int64(destination.Port()))
	b.Int(ecs.DestinationBytes, int64(toSource))
	b.Int(ecs.NetworkBytes, int64(sent+received))
	b.Keyword(ecs.NetworkTransport, transport(c.proto))
	family := "ipv6"
	if c.remote.Addr().Is4() {
		family = "ipv4"
	}
	b.Keyword(ecs.NetworkType, family)
	b.Bool(ecs.Live, kind != netFinal)
	b.Keyword(ecs.ControlSocket, p.control)
}

func end(family uint8, addr [16]uint8, port uint16) netip.AddrPort {
	if family == 4 {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(addr[:4])), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(addr).Unmap(), port)
}

// The protocols by their numbers in IP.
const (
	tcp = 6
	udp = 17
)

func transport(proto uint8) string {
	switch proto {
	case tcp:
		return "tcp"
	case udp:
		return "udp"
	}
	return strconv.Itoa(int(proto))
}

// inbound tells whether the far end connected to us, when we were not seen to
// connect. A process that was followed from its start would have been seen; of
// others the side with the lower port is the service. A login service is one by
// what it served and not by its name, which a thief may give to his tool.
func (p *process) inbound(c ends) bool {
	if c.proto == tcp && !p.late || isLogin(p.image.name) && p.served != "" {
		return true
	}
	return c.local.Port() != 0 && c.local.Port() < c.remote.Port()
}

// refresh tells of bytes that the kernel side counted but did not tell yet, as
// it tells only when something moves: a transfer that stands still must not
// look smaller than it is.
func (e *events) refresh() {
	for p, open := range e.moving {
		if !open || e.table.alive[p.pid] != p {
			delete(e.moving, p)
			continue
		}
		st, err := e.kernel.state(p.pid, p.start)
		if err != nil {
			delete(e.moving, p)
			continue
		}
		for i := range st.Dest {
			e.refreshed(p, &st.Dest[i])
		}
	}
}

func (e *events) refreshed(p *process, d *kernelDest) {
	if d.Key == 0 || d.Epoch == 0 || d.Family != 4 && d.Family != 6 {
		return
	}
	c := ends{end(d.Family, d.Laddr, d.Lport), end(d.Family, d.Raddr, d.Rport), d.Family, d.Proto}
	f := p.flow(flowKey{c.remote, c.proto})
	if sent, received, grown := f.take(d.Epoch, d.Tx, d.Rx); grown {
		e.transfer(p, c, f, netProgress, sent, received, bootNow())
	}
}
