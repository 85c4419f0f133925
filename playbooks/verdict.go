package playbooks

import (
	"fmt"
	"slices"

	"interdict/detect"
	"interdict/respond/process"
)

// verdict weighs the replies. One strong fact and another make a likely theft, as
// do four weaker ones with nothing to explain them. Routine needs a class that
// is proven and nothing against it. Data that comes in is never a theft.
func (s *subject) verdict(replies []reply) Verdict {
	v := Verdict{Word: Unclear, Sending: s.sending()}
	strong, routine := false, false
	for _, r := range replies {
		v.Against = append(v.Against, r.against...)
		v.For = append(v.For, r.supports...)
		v.Open = append(v.Open, r.open...)
		strong = strong || r.strong
		routine = routine || r.routine
	}
	switch n := len(v.Against); {
	case s.transfer.Direction == detect.In && n > 0:
	case strong && n >= 2, n >= 4 && len(v.For) == 0:
		v.Word = Theft
	case routine && n == 0:
		v.Word = Routine
	}
	return v
}

func (s *subject) sending() bool {
	return s.f.Transfer != nil && s.transfer.Live && s.transfer.Direction != detect.In
}

// blind says what is not known of this finding beside what the finding itself says.
func (s *subject) blind(e *evidence) []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if s.tool.Truncated {
		add("the arguments of %s were cut: they are %s long", label(s.tool), byteCount(s.tool.ArgsBytes))
	}
	for _, id := range sortedKeys(e.queries) {
		if d := e.queries[id].doubts(); d != "" {
			add("question %q: %s", id, d)
		}
	}
	out = append(out, "never seen here: what is inside TLS or ssh, what the far end kept")
	return out
}

// stop says which processes to act on: from the highest untrusted ancestor
// down, never a service or a person's shell.
func (s *subject) stop() (text string, root detect.Process) {
	if s.f.Transfer == nil && s.tool.PID == 0 {
		return "", root
	}
	if s.f.Transfer != nil && !s.transfer.Live || s.f.Transfer == nil && !s.tool.Alive() {
		return s.ended()
	}
	var kept string
	root, kept = s.root()
	members := s.below(root)
	text = fmt.Sprintf("freeze or kill %s", label(root))
	if len(members) > 1 {
		var names []string
		for _, p := range members {
			names = append(names, label(p))
		}
		text = fmt.Sprintf("freeze or kill the tree of %s: %s (%s)", label(root), plural(int64(len(members)), "process"), few(names, 5))
	}
	if kept != "" {
		text += "; " + kept
	}
	if s.inbound() {
		text += "; as long as it does, whoever fetches can begin again"
	}
	if s.transfer.Master != "" {
		text += "; the ssh master at " + s.transfer.Master + " carries the connection and must be stopped too"
	}
	return text + "; what is queued in the kernel, about 1 MB, still leaves", root
}

// ended says that nothing is left to stop, but for what may start it again.
func (s *subject) ended() (text string, root detect.Process) {
	text = "nothing sends any more"
	if !s.tool.Ended.IsZero() {
		text = fmt.Sprintf("%s ended %s with status %d", label(s.tool), clock(s.tool.Ended), s.tool.ExitCode)
		if s.tool.ExitCode < 0 {
			text = fmt.Sprintf("%s ended after %s, unseen", label(s.tool), clock(s.tool.Ended))
		}
	}
	root, _ = s.root()
	if root.PID == s.tool.PID || !root.Alive() {
		return text, detect.Process{}
	}
	return text + fmt.Sprintf("; %s above it still runs and can start it again: freeze or kill its tree", label(root)), root
}

// root is where the tree to act on begins, and what is said about its parent.
// What has ended leads no further up: process 1 has what it started by now.
func (s *subject) root() (root detect.Process, kept string) {
	byPID := map[int]detect.Process{}
	var all []process.Process
	up := s.ancestors
	if i := slices.IndexFunc(up, func(p detect.Process) bool { return !p.Alive() }); i >= 0 {
		up = up[:i]
	}
	for _, p := range append(append([]detect.Process{s.tool}, up...), s.transfer.Members...) {
		if _, ok := byPID[p.PID]; !ok {
			byPID[p.PID] = p
			all = append(all, *seenAs(p))
		}
	}
	t := process.NewTable(all)
	r := t.RootOf(t.Number(s.tool.PID))
	if r.Kept != nil {
		kept = label(byPID[r.Kept.ID.PID]) + " keeps running"
		if r.KeptWhy != "" {
			kept += " (" + r.KeptWhy + ")"
		}
	}
	return byPID[r.Process.ID.PID], kept
}

// below are the living processes from root down that are known.
func (s *subject) below(root detect.Process) []detect.Process {
	out := []detect.Process{root}
	in := map[int]bool{root.PID: true}
	rest := append(append([]detect.Process{s.tool}, s.ancestors...), s.transfer.Members...)
	for grown := true; grown; {
		grown = false
		for _, p := range rest {
			if in[p.PPID] && !in[p.PID] && p.Alive() {
				in[p.PID], grown = true, true
				out = append(out, p)
			}
		}
	}
	return out
}
