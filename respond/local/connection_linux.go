package local

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"interdict/respond/process"
	"interdict/respond/process/procfs"
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
		s, inode, ok := procfs.Connection(lines.Text(), binary.NativeEndian)
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
