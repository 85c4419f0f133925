package local

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"interdict/respond/process"
)

// tcpRead bounds what is read of a table of connections: some 200,000 lines.
const tcpRead = 32 << 20

// readConnections finds the members' TCP connections and what waits in their
// send queues.
func readConnections(members []member, facts *process.Facts) {
	for _, group := range namespaces(members) {
		for _, name := range []string{"net/tcp", "net/tcp6"} {
			if err := group[0].connections(name, group, facts); err != nil && !isGone(err) {
				facts.Unknown = append(facts.Unknown, fmt.Sprintf("send queues: %v", err))
			}
		}
	}
}

func (m member) connections(name string, group []member, facts *process.Facts) error {
	d, err := openProc(m.ID.PID)
	if err != nil {
		return goneOr(err)
	}
	defer d.close()
	f, err := d.open(name)
	if err != nil {
		return goneOr(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, tcpRead))
	for lines.Scan() {
		s, inode, ok := parseConnection(lines.Text())
		if !ok {
			continue
		}
		if owner, ok := holder(group, inode); ok {
			s.Process = owner.ID
			facts.Sockets = append(facts.Sockets, s)
		}
	}
	return lines.Err()
}

// parseConnection reads a line of /proc/net/tcp or tcp6; heading and listening
// sockets are none.
func parseConnection(line string) (process.Socket, int64, bool) {
	const listening = "0A"
	f := strings.Fields(line)
	if len(f) < 10 || f[3] == listening {
		return process.Socket{}, 0, false
	}
	local, ok1 := parseEndpoint(f[1])
	remote, ok2 := parseEndpoint(f[2])
	queued, _, _ := strings.Cut(f[4], ":")
	n, err1 := strconv.ParseInt(queued, 16, 64)
	inode, err2 := strconv.ParseInt(f[9], 10, 64)
	if !ok1 || !ok2 || err1 != nil || err2 != nil || inode == 0 {
		return process.Socket{}, 0, false
	}
	return process.Socket{Local: local, Remote: remote, Queued: n}, inode, true
}

// parseEndpoint reads ADDRESS:PORT in hex, the address as 32-bit words of this
// machine's byte order.
func parseEndpoint(s string) (netip.AddrPort, bool) {
	addr, port, _ := strings.Cut(s, ":")
	b, err1 := hex.DecodeString(addr)
	n, err2 := strconv.ParseUint(port, 16, 16)
	if err1 != nil || err2 != nil || (len(b) != 4 && len(b) != 16) {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(b); i += 4 {
		binary.NativeEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	ip, _ := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(ip.Unmap(), uint16(n)), true
}
