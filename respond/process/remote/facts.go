package remote

import (
	"context"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"interdict/respond"
	"interdict/respond/process"
	"interdict/respond/process/procfs"
)

// Facts reads sockets, ssh masters and units of the processes that are still there.
func (m Machine) Facts(ctx context.Context, ids ...respond.ProcessID) (process.Facts, error) {
	var facts process.Facts
	if len(ids) == 0 {
		return facts, nil
	}
	n := spelling()
	out, err := m.run(ctx, factsScript, n+"\n"+idLines(ids))
	if err != nil {
		return facts, err
	}
	f, err := parseFiles(out.Stdout, n)
	if err != nil {
		return facts, fmt.Errorf("facts of %s: %w", m.Name(), err)
	}
	members := membersOf(f, f.links(n), ids)
	readTCP(f, members, &facts)
	if err := m.readMasters(ctx, f, members, &facts); err != nil {
		facts.Unknown = append(facts.Unknown, fmt.Sprintf("shared ssh connections: %v", err))
	}
	if err := m.readUnits(ctx, members, &facts); err != nil {
		facts.Unknown = append(facts.Unknown, fmt.Sprintf("whether services restart: %v", err))
	}
	return facts, nil
}

// member is one of the processes that facts are read about.
type member struct {
	process.Process
	sockets map[int64]bool // inodes
}

// membersOf leaves out what has ended, or whose number is another's by now.
func membersOf(f files, links map[string]string, ids []respond.ProcessID) []member {
	var members []member
	for _, id := range ids {
		dir := strconv.Itoa(id.PID)
		st, err := procfs.ParseStat(f[dir+"/stat"])
		if err != nil || st.StartTicks != id.Ticks() {
			continue
		}
		m := member{Process: process.Process{ID: id, Name: st.Name}, sockets: map[int64]bool{}}
		procfs.Cgroups(f[dir+"/cgroup"], &m.Process, func(string) bool { return false })
		for name, to := range links {
			if inode, ok := procfs.Socket(to); ok && strings.HasPrefix(name, dir+"/fd/") {
				m.sockets[inode] = true
			}
		}
		members = append(members, m)
	}
	return members
}

func readTCP(f files, members []member, facts *process.Facts) {
	var order binary.ByteOrder = binary.LittleEndian
	if strings.HasPrefix(strings.TrimSpace(string(f["0/machine"])), "s390") { // the one big-endian Linux left
		order = binary.BigEndian
	}
	for line := range strings.Lines(string(f["0/tcp"])) {
		s, inode, ok := procfs.Connection(line, order)
		i := slices.IndexFunc(members, func(m member) bool { return m.sockets[inode] })
		if ok && i >= 0 {
			s.Process = members[i].ID
			facts.Sockets = append(facts.Sockets, s)
		}
	}
}

// unixSocket is a connected one as ss shows it.
type unixSocket struct {
	path   string
	peer   int64
	owners []int
	known  bool // owners could be read
}

var (
	ssLine  = regexp.MustCompile(`^u_str +ESTAB +\d+ +\d+ +(.*) (\d+) +\* (\d+) *(?:users:\((.*)\))? *$`)
	ssUsers = regexp.MustCompile(`^\("[^"\\]*",pid=\d+,fd=\d+\)(,\("[^"\\]*",pid=\d+,fd=\d+\))*$`)
	ssUser  = regexp.MustCompile(`,pid=(\d+),fd=`)
)

func parseUnix(text string) map[int64]unixSocket {
	all := map[int64]unixSocket{}
	for line := range strings.Lines(text) {
		f := ssLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if f == nil {
			continue
		}
		s := unixSocket{path: f[1]}
		inode, _ := strconv.ParseInt(f[2], 10, 64) // digits
		s.peer, _ = strconv.ParseInt(f[3], 10, 64)
		if s.known = ssUsers.MatchString(f[4]); s.known { // a name could imitate another entry
			for _, u := range ssUser.FindAllStringSubmatch(f[4], -1) {
				if pid, err := strconv.Atoi(u[1]); err == nil {
					s.owners = append(s.owners, pid)
				}
			}
		}
		all[inode] = s
	}
	return all
}

// readMasters finds the ssh processes outside that carry a member's connection:
// the other end of its unix socket, bound to a path.
func (m Machine) readMasters(ctx context.Context, f files, members []member, facts *process.Facts) error {
	text := string(f["0/unix"])
	if strings.TrimSpace(text) == "absent" {
		for _, x := range members {
			if x.Name == "ssh" && len(x.sockets) > 0 {
				return fmt.Errorf("ss is not installed on %s", m.Name())
			}
		}
		return nil
	}
	sockets := parseUnix(text)
	var t *process.Table
	for _, client := range members {
		for inode := range client.sockets {
			end := sockets[sockets[inode].peer]
			if !strings.HasPrefix(end.path, "/") {
				continue
			}
			if t == nil {
				var err error
				if t, err = m.Processes(ctx); err != nil {
					return err
				}
			}
			for _, pid := range end.owners {
				owner, self := t.Number(pid), t.Find(client.ID)
				if owner != nil && self != nil && !isMember(members, pid) && sameProgram(owner, self) {
					facts.Masters = append(facts.Masters, masterOf(owner, end.path, client.ID, members, sockets, t))
				}
			}
		}
	}
	return nil
}

func sameProgram(p, q *process.Process) bool {
	return p.Exe != "" && p.Exe == q.Exe || filepath.Base(p.Exe) == "ssh"
}

func isMember(members []member, pid int) bool {
	return slices.ContainsFunc(members, func(m member) bool { return m.ID.PID == pid })
}

// masterOf tells who else holds a connection to the same control socket.
func masterOf(owner *process.Process, path string, client respond.ProcessID, members []member, sockets map[int64]unixSocket, t *process.Table) process.Master {
	master := process.Master{ID: owner.ID, Path: path, Client: client}
	for _, s := range sockets {
		if s.path != path || !slices.Contains(s.owners, owner.ID.PID) {
			continue
		}
		other := sockets[s.peer]
		master.Unsure = master.Unsure || !other.known
		for _, pid := range other.owners {
			if p := t.Number(pid); p != nil && !isMember(members, pid) && !slices.Contains(master.Others, p.ID) {
				master.Others = append(master.Others, p.ID)
			}
		}
	}
	return master
}

var unitName = regexp.MustCompile(`^[A-Za-z0-9:_.@\\-]+\.service$`)

// readUnits asks systemd about the services in whose cgroups the members are
// and keeps those of which a member is the main process.
func (m Machine) readUnits(ctx context.Context, members []member, facts *process.Facts) error {
	var names []string
	for _, x := range members {
		switch {
		case x.Service == "" || slices.Contains(names, x.Service):
		case strings.Contains(x.Cgroup, "/user@"):
			facts.Unknown = append(facts.Unknown, fmt.Sprintf("whether %s restarts: it is a unit of a user's own systemd", x.Service))
		case unitName.MatchString(x.Service):
			names = append(names, x.Service)
		}
	}
	if len(names) == 0 {
		return nil
	}
	out, err := m.run(ctx, unitScript, strings.Join(names, "\n")+"\n")
	if err != nil {
		return err
	}
	for _, part := range strings.Split("\n"+string(out.Stdout), "\nunit ")[1:] {
		name, show, _ := strings.Cut(part, "\n")
		unit := procfs.Unit(name, []byte(show))
		if unit.Main > 0 && isMember(members, unit.Main) {
			facts.Units = append(facts.Units, unit)
		}
	}
	return nil
}
