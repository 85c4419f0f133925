package detect

import (
	"path"
	"slices"
	"strings"

	"interdict/sources/ecs"
)

// Two names that the sensor gives the sessions of a login service which send
// data without any tool: by sshd's own sftp, or as what other programs write.
const (
	innerSFTP  = "internal-sftp"
	sshSession = "ssh session"
)

// bySession is how such a session is recognised.
const bySession = "session"

func sessionTool(tool string) bool { return tool == innerSFTP || tool == sshSession }

// beginSession starts a transfer that a login service does by itself. Its tool is
// the process that holds the connection; row is of it, or of its fork that serves sftp.
func (k *tracker) beginSession(p *proc, ids *identities, row int, tool string, at int64) {
	facts := k.process(p)
	if !loginService(facts.Name) {
		return
	}
	facts.Tool, facts.ToolHow = tool, bySession
	if user := ids.first(row, ecs.UserName, ecs.ProcessUserName); user != "" {
		facts.User, facts.UserID = user, ids.first(row, ecs.UserID, ecs.ProcessUserID)
	}
	p.facts = &facts
	k.begin(p, at)
	k.gather(p, p.transfer, at)
}

// gather has what runs below p already, or did lately, join its transfer, with
// the files that it opened.
func (k *tracker) gather(p *proc, t *transfer, at int64) {
	const lately = 60_000 // ms
	below := make(map[key][]*proc)
	for _, q := range k.all {
		if q.transfer == nil && (q.endedAt == 0 || q.endedAt >= at-lately) {
			below[q.up] = append(below[q.up], q)
		}
	}
	for line := []*proc{p}; len(line) > 0; line = line[1:] {
		for _, q := range below[line[0].key] {
			if q.transfer != nil {
				continue
			}
			t.join(q)
			for _, f := range q.opened {
				t.read(f)
				t.serves(innerSFTP)
			}
			q.opened = nil
			line = append(line, q)
		}
	}
}

// serves notes what a session turned out to do.
func (t *transfer) serves(tool string) {
	if f := t.root.facts; f != nil && f.ToolHow == bySession {
		f.Tool = tool
	}
}

// hold keeps a file that a login service's fork opened until its session is known
// to send; what must not leave at all begins a transfer at once.
func (k *tracker) hold(p *proc, ids *identities, row int, f File, at int64) {
	if len(p.opened) < maxFiles {
		p.opened = append(p.opened, f)
	}
	if up := k.all[p.up]; Grave(f.Sensitive) && up != nil && up.transfer == nil && up.session == nil {
		k.beginSession(up, ids, row, innerSFTP, at)
	}
}

// supersede ends the transfer of a session below which a tool was started: what
// is sent from now on is the tool's.
func (k *tracker) supersede(t *transfer, at int64) {
	members := slices.Clone(t.members)
	t.endedAt = max(at, 1)
	k.freeze(t, at)
	for _, p := range members {
		if p.transfer == t {
			p.transfer = nil
			t.adopt(p, true)
		}
	}
	k.live = slices.DeleteFunc(k.live, func(o *transfer) bool { return o == t })
}

// Session tells whether a login service sends by itself, without any tool.
func (t *Transfer) Session() bool { return t.Tool.ToolHow == bySession }

// session is what to call a transfer of a login service by itself: with the
// program that writes, or the place that a port of it leads to.
func (t *Transfer) session() string {
	if t.Tool.Tool == innerSFTP {
		return innerSFTP
	}
	for _, p := range t.Peers {
		if !p.Inbound && p.Received > 0 {
			return sshSession + " (port to " + p.Addr.String() + ")"
		}
	}
	var names []string
	for _, m := range t.Members {
		if m.EntityID != t.Tool.EntityID && !loginService(m.Name) && !shell(m.Name) && !slices.Contains(names, m.Name) {
			names = append(names, path.Base(m.Name))
		}
	}
	if len(names) == 0 {
		return sshSession
	}
	return sshSession + " (" + strings.Join(names[:min(len(names), 3)], ", ") + ")"
}
