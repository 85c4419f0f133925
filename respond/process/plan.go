package process

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"interdict/respond"
)

func processes(n int) string {
	if n == 1 {
		return "1 process"
	}
	return fmt.Sprintf("%d processes", n)
}

var verbs = map[string]string{KindFreeze: "Freeze", KindResume: "Resume", KindKill: "Kill"}

func (s *survey) title(host string) string {
	n := processes(len(s.members))
	what := s.root.Process.label()
	if s.root.Process != s.target && s.root.Process.ID != s.target.ID {
		what += " down to " + s.target.label()
	}
	return fmt.Sprintf("%s %s on %s: %s", verbs[s.kind], n, host, what)
}

// lines are what a person decides from.
func (s *survey) lines() []respond.Line {
	var lines []respond.Line
	add := func(label, format string, args ...any) {
		lines = append(lines, respond.Line{Label: label, Text: fmt.Sprintf(format, args...)})
	}
	add("Target", "%s, started %s, runs %s", s.target.label(), s.target.ID, cmp.Or(s.target.Exe, "an executable that cannot be read"))
	if s.intent.Tree {
		add("Begins at", "%s: %s", s.root.Process.label(), cmp.Or(s.root.Why, "nothing above it is suspicious"))
	}
	for i, text := range s.drawing() {
		add([]string{"Tree", ""}[min(i, 1)], "%s", text)
	}
	if s.root.Kept != nil {
		add("Goes on", "%s: %s", s.root.Kept.label(), cmp.Or(s.root.KeptWhy, "only the target was asked for"))
	}
	for _, p := range s.root.Above {
		add("", "%s too, above that: %s", p.label(), Untrusted(p))
	}
	for _, text := range s.aside {
		add("Connection", "%s", text)
	}
	if s.kind != KindResume {
		add("Leaves", "%s", s.leaving())
	}
	if s.intent.Cgroup != "" {
		add("By", "the freezer of cgroup %s, which is this tree's alone", s.intent.Cgroup)
	}
	return lines
}

const (
	drawn    = 40  // members drawn
	argsShow = 200 // bytes of a command line
)

// drawing is the members, a line each, indented below their parents.
func (s *survey) drawing() []string {
	member := map[int]bool{}
	for _, p := range s.members {
		member[p.ID.PID] = true
	}
	var out []string
	var draw func(p *Process, depth int)
	draw = func(p *Process, depth int) {
		out = append(out, strings.Repeat("  ", depth)+"└ "+s.describe(p))
		for _, child := range s.members {
			if child.PPID == p.ID.PID && child != p && depth < 64 {
				draw(child, depth+1)
			}
		}
	}
	for _, p := range s.members {
		if !member[p.PPID] {
			draw(p, 0)
		}
	}
	if len(out) > drawn {
		out = append(out[:drawn:drawn], fmt.Sprintf("and %d more", len(out)-drawn))
	}
	return out
}

func (s *survey) describe(p *Process) string {
	text := p.label() + "  " + cut(strings.Join(p.Args, " "), argsShow)
	switch {
	case p.Deleted:
		text += "  (deleted)"
	case p.Memfd:
		text += "  (memfd)"
	}
	return text + map[byte]string{'T': "  already stopped", 't': "  held by a tracer", 'Z': "  ended, not yet collected", 'D': "  waiting in the kernel"}[p.State]
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + fmt.Sprintf("… (%d bytes)", len(s))
}

// leaving says what the kernel sends whatever happens to the processes.
func (s *survey) leaving() string {
	queued := map[netip.AddrPort]int64{}
	var order []netip.AddrPort
	for _, c := range s.facts.Sockets {
		if _, ok := queued[c.Remote]; !ok && c.Queued > 0 {
			order = append(order, c.Remote)
		}
		if c.Queued > 0 {
			queued[c.Remote] += c.Queued
		}
	}
	slices.SortFunc(order, func(a, b netip.AddrPort) int { return int(max(-1, min(1, queued[b]-queued[a]))) })
	var parts []string
	for _, remote := range order {
		parts = append(parts, fmt.Sprintf("%s to %s", bytes(queued[remote]), remote))
	}
	switch {
	case len(parts) > 0:
		return strings.Join(parts, ", ") + " in the kernel's send queue leaves all the same; blocking the destination stops that"
	case len(s.facts.Sockets) == 0:
		return "no TCP connection of these processes was found"
	}
	return "nothing is in the kernel's send queue at this moment; up to some MB may be when it is done"
}

func bytes(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.0f KB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d bytes", n)
}
