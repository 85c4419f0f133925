package local

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"interdict/respond"
	"interdict/respond/process"
)

// readMasters finds the ssh processes outside that carry a member's connection:
// the other end of its unix socket, run by the same program or by one named ssh.
func readMasters(ctx context.Context, boot string, members []member, facts *process.Facts) {
	var found []muxed
	for _, group := range namespaces(members) {
		sockets, err := group[0].unixSockets()
		if err != nil {
			if !isGone(err) {
				facts.Unknown = append(facts.Unknown, fmt.Sprintf("shared ssh connections: %v", err))
			}
			continue
		}
		found = append(found, muxes(group, sockets)...)
	}
	if len(found) == 0 {
		return
	}
	owners, err := socketOwners(ctx, boot)
	if err != nil {
		facts.Unknown = append(facts.Unknown, fmt.Sprintf("shared ssh connections: %v", err))
		return
	}
	for _, m := range found {
		for _, owner := range owners[m.peer] {
			if !isMember(members, owner.ID) && sameProgram(owner, m.client.Process) {
				facts.Masters = append(facts.Masters, m.master(owner, members, owners))
			}
		}
	}
}

// muxed is a member's socket whose other end was bound to a path.
type muxed struct {
	client  member
	peer    int64
	path    string
	sockets map[int64]unixSocket
}

func (m *member) unixSockets() (map[int64]unixSocket, error) {
	d, err := openProc(m.ID.PID)
	if err != nil {
		return nil, goneOr(err)
	}
	defer d.close()
	sockets, err := d.unixSockets()
	return sockets, goneOr(err)
}

func muxes(group []member, sockets map[int64]unixSocket) []muxed {
	var found []muxed
	for _, m := range group {
		for inode := range m.sockets {
			peer := sockets[inode].peer
			if path := sockets[peer].path; peer != 0 && strings.HasPrefix(path, "/") {
				found = append(found, muxed{client: m, peer: peer, path: path, sockets: sockets})
			}
		}
	}
	return found
}

// master tells who else holds a connection to the same control socket.
func (m muxed) master(owner process.Process, members []member, owners map[int64][]process.Process) process.Master {
	master := process.Master{ID: owner.ID, Path: m.path, Client: m.client.ID}
	seen := map[int]bool{}
	for inode, s := range m.sockets {
		if s.path != m.path || s.peer == 0 || !holds(owners[inode], owner.ID) {
			continue
		}
		if len(owners[s.peer]) == 0 {
			master.Unsure = true
		}
		for _, other := range owners[s.peer] {
			if !isMember(members, other.ID) && !seen[other.ID.PID] {
				seen[other.ID.PID] = true
				master.Others = append(master.Others, other.ID)
			}
		}
	}
	return master
}

func holds(owners []process.Process, id respond.ProcessID) bool {
	for _, o := range owners {
		if o.ID.Same(id) {
			return true
		}
	}
	return false
}

func isMember(members []member, id respond.ProcessID) bool {
	for _, m := range members {
		if m.ID.Same(id) {
			return true
		}
	}
	return false
}

func sameProgram(p, q process.Process) bool {
	return p.Exe != "" && p.Exe == q.Exe || filepath.Base(p.Exe) == "ssh" || p.Name == "ssh"
}

// socketOwners maps every socket inode to the processes that hold it.
func socketOwners(ctx context.Context, boot string) (map[int64][]process.Process, error) {
	pids, err := numbers()
	if err != nil {
		return nil, err
	}
	owners := map[int64][]process.Process{}
	for _, pid := range pids {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		d, err := openProc(pid)
		if err != nil {
			continue // has ended
		}
		inodes, err := d.sockets()
		d.close()
		if err != nil || len(inodes) == 0 {
			continue
		}
		p, err := readProcess(pid, boot)
		if err != nil {
			continue
		}
		for inode := range inodes {
			owners[inode] = append(owners[inode], p)
		}
	}
	return owners, nil
}
