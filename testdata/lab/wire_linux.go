package lab

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Packet is one that left a host: seen at the far end of its cable, whatever the
// host itself thinks that it sends.
type Packet struct {
	At       time.Time // by the kernel's clock, when it came
	Proto    string    // arp, tcp, udp, icmp, icmp6, or a number
	From, To netip.AddrPort
	Type     int // of ICMP; -1 for others
	Size     int
}

func (p Packet) String() string {
	s := fmt.Sprintf("%s %s %s > %s %d bytes", p.At.Format("15:04:05.000"), p.Proto, p.From, p.To, p.Size)
	if p.Type >= 0 {
		s += fmt.Sprintf(" type %d", p.Type)
	}
	return s
}

// Wire is what leaves a host from Watch on, over reboots too.
type Wire struct {
	mu      sync.Mutex
	packets []Packet
	lost    int
	stop    chan struct{}
	ended   chan struct{}
}

// Watch begins to look at a host's cable. Close ends it.
func (h *Host) Watch() (*Wire, error) {
	const all = unix.ETH_P_ALL>>8 | unix.ETH_P_ALL<<8&0xff00 // in network order
	switches := Network(fmt.Sprintf("/proc/%d/ns/net", h.lab.root.pid))
	fd, err := within(switches, func() (int, error) { return unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, all) })
	if err != nil {
		return nil, err
	}
	err = errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20), unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000}))
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	w := &Wire{stop: make(chan struct{}), ended: make(chan struct{})}
	go w.read(fd, h.mac())
	return w, nil
}

func (w *Wire) read(fd int, mac []byte) {
	defer close(w.ended)
	defer unix.Close(fd)
	frame, control := make([]byte, 256), make([]byte, 128)
	for {
		n, oob, flags, from, err := unix.Recvmsg(fd, frame, control, unix.MSG_TRUNC)
		if err != nil {
			select {
			case <-w.stop:
				w.lost = dropped(fd)
				return
			default:
				continue
			}
		}
		link, ok := from.(*unix.SockaddrLinklayer)
		// What is for the router is seen twice, at the port and at the switch: it counts as two.
		if !ok || link.Pkttype == unix.PACKET_OUTGOING || flags&unix.MSG_CTRUNC != 0 || n < 14 || !bytes.Equal(frame[6:12], mac) {
			continue
		}
		p := parse(frame[:min(n, len(frame))])
		p.At, p.Size = stamp(control[:oob]), n
		w.mu.Lock()
		w.packets = append(w.packets, p)
		w.mu.Unlock()
	}
}

func dropped(fd int) int {
	s, err := unix.GetsockoptTpacketStats(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return -1
	}
	return int(s.Drops)
}

func stamp(control []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(control)
	if err == nil {
		for _, m := range messages {
			if m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= 16 {
				return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
			}
		}
	}
	return time.Now()
}

// parse reads what a frame of Ethernet carries.
func parse(frame []byte) Packet {
	p, rest := Packet{Type: -1}, frame[14:]
	var proto byte
	switch kind := binary.BigEndian.Uint16(frame[12:]); {
	case kind == 0x0806:
		p.Proto = "arp"
		return p
	case kind == 0x0800 && len(rest) >= 20:
		proto = rest[9]
		p.From, p.To = address(rest[12:16]), address(rest[16:20])
		rest = rest[min(len(rest), int(rest[0]&15)*4):]
	case kind == 0x86dd && len(rest) >= 40:
		proto = rest[6]
		p.From, p.To = address(rest[8:24]), address(rest[24:40])
		rest = rest[40:]
		for proto == 0 && len(rest) >= 8 { // hop by hop, as multicast listeners have it
			proto, rest = rest[0], rest[min(len(rest), 8+int(rest[1])*8):]
		}
	default:
		p.Proto = fmt.Sprintf("%#04x", kind)
		return p
	}
	p.Proto = fmt.Sprint(proto)
	if name := map[byte]string{1: "icmp", 6: "tcp", 17: "udp", 58: "icmp6"}[proto]; name != "" && len(rest) >= 4 {
		p.Proto = name
		if proto == 1 || proto == 58 {
			p.Type = int(rest[0])
			return p
		}
		p.From = netip.AddrPortFrom(p.From.Addr(), binary.BigEndian.Uint16(rest))
		p.To = netip.AddrPortFrom(p.To.Addr(), binary.BigEndian.Uint16(rest[2:]))
	}
	return p
}

func address(b []byte) netip.AddrPort {
	a, _ := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(a, 0)
}

// Since are the packets that left from a moment on.
func (w *Wire) Since(t time.Time) []Packet {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, p := range w.packets {
		if p.At.After(t) {
			return append([]Packet(nil), w.packets[i:]...)
		}
	}
	return nil
}

// Close ends the looking, and says how many packets it missed.
func (w *Wire) Close() (missed int) {
	close(w.stop)
	<-w.ended
	return w.lost
}
