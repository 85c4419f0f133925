package detect

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Bounds of one transfer.
const (
	maxMembers = 256
	maxPeers   = 256
	maxFiles   = 1024
	lingers    = 30_000 // ms after its end in which late events still count
	quiet      = 5_000  // ms without a byte after which an orphaned connection no longer counts as sending
)

// transfer is what the tracker knows of one.
type transfer struct {
	root    *proc
	served  bool // somebody outside asked for it, through a login service
	members []*proc
	session []*proc
	line    *lineage
	files   map[string]*File
	written []File
	master  string
	pace    pace

	started, endedAt, lastMoved int64 // ms
	moreMembers, moreFiles      int
	moreWritten                 int
	morePeers, lostPeers        int

	dirty  bool
	shown  *Transfer // as of the last time it was not dirty
	bundle bundle    // what the engine made of it
	tally  tallied   // what counts say of it
	alerts []*open   // that were raised for its tool
	led    []*open   // the alerts that show it
	ledIn  uint64    // as of this round of the engine
	frozen bool      // settled: shown is all that is left
}

func (t *transfer) join(p *proc) {
	if t.frozen {
		return
	}
	if len(t.members) >= maxMembers {
		t.makeRoom()
	}
	p.transfer = t
	t.dirty = true
	if len(t.members) >= maxMembers {
		t.moreMembers++
		return
	}
	t.members = append(t.members, p)
	for _, f := range p.flows {
		t.pace.add(f.sent, f.first, f.last)
	}
}

// makeRoom drops members that ended without sending anything.
func (t *transfer) makeRoom() {
	n := len(t.members)
	t.members = slices.DeleteFunc(t.members, func(p *proc) bool {
		return p != t.root && p.endedAt != 0 && len(p.flows) == 0
	})
	t.moreMembers += n - len(t.members)
}

// adopt takes over what p exchanged before it was known to belong here; again
// tells that it served an earlier transfer, whose bytes do not count from now on.
func (t *transfer) adopt(p *proc, again bool) {
	for _, f := range p.flows {
		if again {
			f.base, f.baseIn = f.sent, f.received
		}
	}
}

func (t *transfer) moved(f *flow, more, since, at int64) {
	if t.frozen {
		return
	}
	t.dirty = true
	if more > 0 {
		t.pace.add(more, since, at)
		t.lastMoved = max(t.lastMoved, at)
	}
}

func (t *transfer) read(f File) {
	if t.frozen {
		return
	}
	t.dirty = true
	if old := t.files[f.Path]; old != nil {
		old.Size = max(old.Size, f.Size)
		if old.Sensitive == "" || old.Sensitive == LoginKey {
			old.Sensitive = f.Sensitive
		}
		return
	}
	if len(t.files) >= maxFiles {
		t.moreFiles++
		return
	}
	t.files[f.Path] = &f
}

// alive tells whether the tool runs, or something that it left behind still sends.
func (t *transfer) alive(now int64) bool {
	switch {
	case t.root.endedAt == 0 && t.endedAt != 0: // another took its place
		return false
	case t.root.endedAt == 0:
		return true
	}
	if now-t.lastMoved > quiet || t.lastMoved-now > leapt.Milliseconds() {
		return false
	}
	return slices.ContainsFunc(t.members, func(p *proc) bool { return p.endedAt == 0 && len(p.flows) > 0 })
}

// over tells whether nothing more is to come.
func (t *transfer) over(now int64) bool {
	since := now - max(t.endedAt, t.lastMoved)
	return t.endedAt != 0 && (since > lingers || since < -leapt.Milliseconds())
}

// freeze makes the final account of t and lets go of the rest.
func (k *tracker) freeze(t *transfer, now int64) {
	t.dirty = true
	k.show(t, now)
	if k.settled != nil {
		k.settled(t)
	}
	for _, p := range append(t.members, t.session...) {
		if p.session == t {
			p.session = nil
		}
	}
	t.frozen, t.files, t.written, t.members, t.session = true, nil, nil, nil, nil
}

// outlive notes which ancestors of the tool have ended, also after it.
func (t *transfer) outlive() (changed bool) {
	now := t.line.now()
	if changed = now != t.line; !changed {
		return false
	}
	t.line = now
	if !t.frozen {
		t.dirty = true
		return true
	}
	s := *t.shown
	s.Ancestors, t.shown = now.facts, &s
	return true
}

// show gives t as it is now.
func (k *tracker) show(t *transfer, now int64) *Transfer {
	t.outlive()
	if t.frozen || !t.dirty && t.shown != nil {
		return t.shown
	}
	now = k.timeOn(t, now)
	s := &Transfer{
		Tool: k.process(t.root), Ancestors: t.line.facts, Master: t.master,
		Live: t.alive(now), Started: millis(t.started),
	}
	k.who(t, s)
	k.peers(t, s)
	s.Files = t.list()
	s.Written = slices.Clip(t.written)
	s.Direction = t.direction(s)
	s.Spark = t.pace.spark(now)
	if s.Live {
		s.Rate = t.pace.rate(t.started, now)
	} else {
		s.Ended = millis(max(t.endedAt, t.lastMoved))
	}
	s.Unseen = t.unseen(s)
	t.shown, t.dirty = s, false
	return s
}

func (k *tracker) who(t *transfer, s *Transfer) {
	s.Members = make([]Process, 0, len(t.members)+len(t.session))
	for _, p := range t.members {
		s.Members = append(s.Members, k.process(p))
	}
	for _, p := range t.session {
		s.Members = append(s.Members, k.process(p))
	}
}

func (k *tracker) peers(t *transfer, s *Transfer) {
	t.morePeers = 0
	for _, p := range append(slices.Clone(t.members), t.session...) {
		for _, f := range p.flows {
			peer := f.peer(k.process(p).EntityID)
			s.Sent += peer.Sent
			s.Received += peer.Received
			s.Peers = append(s.Peers, peer)
		}
	}
	sort.SliceStable(s.Peers, func(i, j int) bool {
		return s.Peers[i].Sent+s.Peers[i].Received > s.Peers[j].Sent+s.Peers[j].Received
	})
	if n := len(s.Peers); n > maxPeers {
		t.morePeers, s.Peers = n-maxPeers, s.Peers[:maxPeers:maxPeers]
	}
}

func (t *transfer) list() []File {
	files := make([]File, 0, len(t.files))
	for _, f := range t.files {
		files = append(files, *f)
	}
	sort.Slice(files, func(i, j int) bool {
		if files[i].Size != files[j].Size {
			return files[i].Size > files[j].Size
		}
		return files[i].Path < files[j].Path
	})
	return files
}

func (t *transfer) direction(s *Transfer) Direction {
	if d := asked(&s.Tool); d != "" && !(d == In && s.Sent > 2*s.Received+handshake) { // what is to be sent may stand in a file that arguments name
		return d
	}
	inbound := t.served || slices.ContainsFunc(s.Peers, func(p Peer) bool { return p.Inbound })
	return measured(s.Sent, s.Received, inbound)
}

func (t *transfer) unseen(s *Transfer) []string {
	var out []string
	say := func(n int, what string) {
		if n > 0 {
			out = append(out, fmt.Sprintf("%d more %s are not listed", n, what))
		}
	}
	say(t.moreMembers, "processes")
	say(t.moreFiles, "files")
	say(t.moreWritten, "written files")
	say(t.morePeers, "destinations")
	if t.lostPeers > 0 {
		out = append(out, "a process spoke to more destinations than are followed: bytes are missing")
	}
	if t.master != "" {
		out = append(out, "its bytes go through the ssh master at "+t.master+", which is outside of this tree")
	}
	if s.Tool.Truncated {
		out = append(out, "the command line is cut")
	}
	if t.served && len(t.session) == 0 && s.Tool.ToolHow != bySession {
		out = append(out, "the login service above it was not seen, so its bytes and far end are not known")
	}
	if t.root.endedAt != 0 && !s.Live {
		for _, m := range s.Members {
			if m.Alive() && !loginService(m.Name) {
				out = append(out, fmt.Sprintf("%s %d is still there and may send again", m.Name, m.PID))
				break
			}
		}
	}
	return out
}

// Content gives the class that says most about what was read to be sent, and
// how many files have one. Keys that ssh logs in with do not count.
func (t *Transfer) Content() (class string, n int) {
	best := len(sensitive)
	for _, f := range t.Files {
		if f.Sensitive == "" || f.Sensitive == LoginKey {
			continue
		}
		n++
		for i := range sensitive[:best] {
			if sensitive[i].class == f.Sensitive {
				best = i
			}
		}
	}
	if best < len(sensitive) {
		class = sensitive[best].class
	}
	return class, n
}

// Payload are the files that were read to be sent: a key that ssh logs in with is none.
func (t *Transfer) Payload() []File {
	return slices.DeleteFunc(slices.Clone(t.Files), func(f File) bool { return f.Sensitive == LoginKey })
}

// What names the tool under its parent and the first ancestor that is neither
// a shell nor init: "scp ◂ .x.sh ◂ php-fpm".
func (t *Transfer) What() string {
	parts := []string{t.Tool.Name}
	if t.Session() {
		parts[0] = t.session()
	}
	for i, a := range t.Ancestors {
		if a.PID == 1 || loginService(a.Name) && len(parts) > 1 && parts[len(parts)-1] == a.Label() {
			break // the listener above a session
		}
		if i == 0 || a.Script != "" || !shell(a.Name) {
			parts = append(parts, a.Label())
		}
		if len(parts) == 3 {
			break
		}
	}
	return strings.Join(parts, " ◂ ")
}

func shell(name string) bool {
	switch name {
	case "sh", "bash", "dash", "zsh", "ksh", "fish", "tcsh", "csh", "ash", "sudo", "su", "env", "nohup", "setsid", "timeout":
		return true
	}
	return false
}
