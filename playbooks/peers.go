package playbooks

import (
	"net/netip"

	"interdict/detect"
)

// known is what history has about one far end.
type known struct {
	habit
	most int64 // bytes on the largest connection, in the transfer's direction
}

// history goes through an answer by far end: who they are, and how many
// connections there were in all.
func history(q *asked) (peers map[netip.Addr]*known, total int64) {
	peers = map[netip.Addr]*known{}
	for i := range q.count() {
		inbound := q.text1("network.direction", i) == "ingress"
		column, bytes := "destination.ip", "most"
		if inbound {
			column, bytes = "source.ip", "back"
		}
		runs := q.int("connections", i)
		total += runs
		addr, err := netip.ParseAddr(q.text1(column, i))
		if err != nil {
			continue
		}
		k := peers[addr.Unmap()]
		if k == nil {
			k = &known{}
			peers[addr.Unmap()] = k
		}
		k.add(runs, q.texts("hosts", i), q.time("earliest", i), q.time("latest", i))
		if v, ok := q.rows.Int(bytes, i); ok {
			k.most = max(k.most, v)
		}
	}
	return peers, total
}

// far are the ends that data goes to, or may go to. Loopback leaves nothing.
func (s *subject) far() (out []detect.Peer) {
	at := map[string]int{} // several processes of a login speak to the same far end
	for _, p := range s.transfer.Peers {
		if !p.Addr.IsValid() || p.Addr.Unmap().IsLoopback() {
			continue
		}
		if i, ok := at[peerName(p)]; ok {
			out[i].Sent, out[i].Received = out[i].Sent+p.Sent, out[i].Received+p.Received
			continue
		}
		at[peerName(p)] = len(out)
		out = append(out, p)
	}
	return out
}

// peerName is "203.0.113.9:22"; of one that connected to us the port says nothing.
func peerName(p detect.Peer) string {
	if p.Inbound || p.Port == 0 {
		return p.Addr.Unmap().String()
	}
	return netip.AddrPortFrom(p.Addr.Unmap(), uint16(p.Port)).String()
}
