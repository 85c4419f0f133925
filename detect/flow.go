package detect

import (
	"net/netip"

	"interdict/sources/ecs"
)

// flow is what one process exchanged with one far end. Events carry totals, so
// a late or repeated one changes nothing.
type flow struct {
	owner          *proc
	addr           netip.Addr
	port           int
	inbound        bool
	sent, received int64
	base, baseIn   int64 // totals when the transfer began; what was before is not its
	first, last    int64 // ms
	moved          int64 // ms of the last event in which sent grew
	closed         bool
}

// flowAt reads a network event.
func flowAt(v *view, row int, at int64) flow {
	f := flow{first: at, last: at, moved: at}
	out, back := v.intOr(ecs.SourceBytes, row, 0), v.intOr(ecs.DestinationBytes, row, 0)
	far, port := ecs.DestinationIP, ecs.DestinationPort
	f.sent, f.received = out, back
	if d := v.text(ecs.NetworkDirection, row); d == "ingress" || d == "inbound" {
		far, port, f.inbound = ecs.SourceIP, ecs.SourcePort, true
		f.sent, f.received = back, out
	}
	f.addr, _ = netip.ParseAddr(v.text(far, row))
	f.port = int(v.intOr(port, row, 0))
	f.closed = v.text(ecs.EventAction, row) == "disconnect_received"
	return f
}

func (f *flow) same(g *flow) bool {
	return f.addr == g.addr && f.port == g.port && f.inbound == g.inbound && f.owner == g.owner
}

// update takes newer totals. It gives how much more was sent, and since when.
func (f *flow) update(g *flow) (more, since int64) {
	since = f.moved
	if g.sent > f.sent {
		more = g.sent - f.sent
		f.sent, f.moved = g.sent, g.last
	}
	f.received = max(f.received, g.received)
	f.first, f.last = min(f.first, g.first), max(f.last, g.last)
	f.closed = g.closed || f.closed && g.last < f.last
	return more, since
}

func (f *flow) peer(entity string) Peer {
	return Peer{
		Addr: f.addr, Port: f.port, Inbound: f.inbound, Process: entity,
		Sent: f.sent - f.base, Received: f.received - f.baseIn,
		First: millis(f.first), Last: millis(f.last),
	}
}

// pace is bytes sent by second.
type pace struct {
	secs [16]int64
	now  int64 // second that the newest slot is for
}

// sparkSeconds is how many whole seconds a spark shows; rateSeconds, over how many a rate is taken.
const (
	sparkSeconds = 12
	rateSeconds  = 5
)

// advance makes room up to the given second; one that is far back is of a clock that was set.
func (p *pace) advance(sec int64) {
	if sec-p.now >= int64(len(p.secs)) || p.now-sec > leapt.Milliseconds()/1000 {
		p.secs, p.now = [16]int64{}, sec
		return
	}
	for p.now < sec {
		p.now++
		p.secs[p.now&15] = 0
	}
}

// add spreads bytes evenly over the time since the event before.
func (p *pace) add(bytes, since, at int64) {
	from, to := since/1000, at/1000
	from = min(max(from, to-sparkSeconds), to)
	if to > p.now { // else it is late, which sets no clock back
		p.advance(to)
	}
	n := to - from
	if n == 0 {
		p.put(to, bytes)
		return
	}
	for s := from + 1; s < to; s++ {
		p.put(s, bytes/n)
	}
	p.put(to, bytes-bytes/n*(n-1))
}

func (p *pace) put(sec, bytes int64) {
	if sec <= p.now && p.now-sec < int64(len(p.secs)) {
		p.secs[sec&15] += bytes
	}
}

// spark gives the whole seconds before at, oldest first.
func (p *pace) spark(at int64) []int64 {
	p.advance(at / 1000)
	out := make([]int64, sparkSeconds)
	for i := range out {
		if sec := at/1000 - sparkSeconds + int64(i); p.now-sec < int64(len(p.secs)) && sec <= p.now {
			out[i] = p.secs[sec&15]
		}
	}
	return out
}

// rate is bytes a second over the last seconds of a transfer that began at start.
func (p *pace) rate(start, at int64) float64 {
	p.advance(at / 1000)
	n := min(rateSeconds, max(1, at/1000-start/1000))
	var sum int64
	for i := range n {
		if sec := at/1000 - 1 - i; p.now-sec < int64(len(p.secs)) {
			sum += p.secs[sec&15]
		}
	}
	if at/1000 <= start/1000+1 { // too young for a whole second
		sum += p.secs[at/1000&15]
	}
	return float64(sum) / float64(n)
}

// idle tells whether no second that a spark shows has bytes.
func (p *pace) idle(at int64) bool {
	p.advance(at / 1000)
	return p.secs == [16]int64{}
}
