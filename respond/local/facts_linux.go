package local

import (
	"context"
	"fmt"
	"slices"

	"interdict/respond"
	"interdict/respond/process"
	"interdict/respond/process/procfs"
)

// member is one of the processes that facts are read about.
type member struct {
	process.Process
	net     string         // its network namespace
	sockets map[int64]bool // inodes
}

// Facts reads sockets, ssh masters and units of the processes that are still there.
func (*Host) Facts(ctx context.Context, ids ...respond.ProcessID) (process.Facts, error) {
	boot, err := bootID()
	if err != nil {
		return process.Facts{}, err
	}
	var facts process.Facts
	var members []member
	for _, id := range ids {
		p, err := find(id, boot)
		if isGone(err) {
			continue
		}
		if err != nil {
			facts.Unknown = append(facts.Unknown, err.Error())
			continue
		}
		members = append(members, member{Process: p})
	}
	for i := range members {
		if err := members[i].readSockets(); err != nil && !isGone(err) {
			facts.Unknown = append(facts.Unknown, fmt.Sprintf("connections of %s %d: %v", members[i].Name, members[i].ID.PID, err))
		}
	}
	readConnections(members, &facts)
	readMasters(ctx, boot, members, &facts)
	readUnits(ctx, members, &facts)
	return facts, nil
}

func (m *member) readSockets() error {
	d, err := openProc(m.ID.PID)
	if err != nil {
		return goneOr(err)
	}
	defer d.close()
	m.net = d.link("ns/net")
	m.sockets, err = d.sockets()
	return goneOr(err)
}

// sockets are the inodes of the sockets that the process holds.
func (d procDir) sockets() (map[int64]bool, error) {
	f, err := d.open("fd")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	inodes := map[int64]bool{}
	for _, name := range names {
		if inode, ok := procfs.Socket(d.link("fd/" + name)); ok {
			inodes[inode] = true
		}
	}
	return inodes, nil
}

// namespaces groups members by network namespace; one member of each is asked.
func namespaces(members []member) [][]member {
	var groups [][]member
	index := map[string]int{}
	for _, m := range members {
		if len(m.sockets) == 0 {
			continue
		}
		i, ok := index[m.net]
		if !ok {
			i = len(groups)
			index[m.net] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], m)
	}
	return groups
}

// holder is the first member that holds the socket.
func holder(group []member, inode int64) (member, bool) {
	i := slices.IndexFunc(group, func(m member) bool { return m.sockets[inode] })
	if i < 0 {
		return member{}, false
	}
	return group[i], true
}
