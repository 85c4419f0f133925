package ui

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"interdict/detect"
	"interdict/respond"
)

// What a finding says in words. All of it is untrusted and unfitted.

// liveWord says whether it is still going on.
func liveWord(f *detect.Finding) string {
	switch t := f.Transfer; {
	case t != nil && t.Live && t.Rate > 0:
		return "SENDING"
	case t != nil && t.Live:
		return "open" // connected or able to connect, and nothing moves
	case t == nil && f.Process.Alive():
		return "running"
	}
	code := f.Process.ExitCode
	if f.Transfer != nil {
		code = f.Transfer.Tool.ExitCode
	}
	if f.Transfer != nil && f.Transfer.Session() {
		return "ended" // how a login service ends says nothing of what it sent
	}
	if code < 0 {
		return "ended ?" // nobody saw how
	}
	return "ended " + strconv.FormatInt(code, 10)
}

func sendingNow(f *detect.Finding) bool {
	return f.Transfer != nil && f.Transfer.Live && f.Transfer.Rate > 0
}

var severities = map[string]string{"critical": "CRIT", "high": "high", "medium": "med", "low": "low"}

func riskWord(f *detect.Finding) string {
	if len(f.Reasons) > 0 {
		return severities[severity(f)]
	}
	if w, ok := severities[f.Severity]; ok {
		return w
	}
	return f.Severity
}

// severity is the rule's, or that of the risk with its reasons, as Kibana divides it.
func severity(f *detect.Finding) string {
	switch {
	case len(f.Reasons) == 0:
		return f.Severity
	case f.Adjusted >= 74:
		return "critical"
	case f.Adjusted >= 48:
		return "high"
	case f.Adjusted >= 22:
		return "medium"
	}
	return "low"
}

// reasonsWord is the risk with what makes it: "95: 47 by the rule, +30 …".
func reasonsWord(f *detect.Finding) string {
	if len(f.Reasons) == 0 {
		return ""
	}
	parts := []string{fmt.Sprintf("%d: the rule's %d", f.Adjusted, f.Risk)}
	for _, r := range f.Reasons {
		parts = append(parts, r.String())
	}
	if p := f.Known.Partial; p != "" {
		parts = append(parts, p)
	}
	return strings.Join(parts, " · ")
}

// routineSays is the class of routine that a finding is of, and the limit that it broke.
func routineSays(f *detect.Finding) string {
	r := f.Routine
	switch {
	case r == nil:
		return ""
	case r.Breach != "":
		return r.Class + ", but " + r.Breach + " · " + r.Proof
	}
	return r.Class + " · " + r.Proof + " · " + strings.Join(r.Limits, ", ")
}

func riskRole(f *detect.Finding) role {
	switch severity(f) {
	case "critical", "high":
		return critical
	case "medium":
		return warning
	}
	return normal
}

// hostWord is host and environment, and how often the alert fired.
func hostWord(f *detect.Finding) string {
	s := f.Host.Name
	if s == "" {
		s = "(no name)"
	}
	if e := environment(f.Host); e != "" {
		s += " " + e
	}
	if n := f.Fired(); n > 1 {
		s += " ×" + strconv.Itoa(n)
	}
	return s
}

func environment(h detect.Host) string {
	switch h.Environment {
	case "production":
		return "prod"
	case "staging":
		return "stag"
	}
	return h.Environment
}

// tool is the process that the alert is about.
func tool(f *detect.Finding) detect.Process {
	if f.Transfer != nil {
		return f.Transfer.Tool
	}
	return f.Process
}

// what reads tool ◂ parent ◂ first interesting ancestor.
func what(f *detect.Finding) string {
	if f.Transfer == nil {
		return strings.Join(append([]string{name(f.Process)}, fromRow(f)...), " ◂ ")
	}
	s := f.Transfer.What()
	if r := f.Routine; r != nil && r.Breach != "" {
		s = r.Class + ", BUT " + r.Breach + ": " + s
	}
	if f.Transfer.Direction == detect.Pulled {
		s = "PULL " + s
		if user := f.Transfer.Tool.User; user != "" {
			s += " (" + user + ")"
		}
	}
	return s
}

func name(p detect.Process) string {
	switch {
	case p.Label() != "":
		return p.Label()
	case p.Executable != "":
		return path.Base(p.Executable)
	}
	return "(unknown)"
}

func fromRow(f *detect.Finding) []string {
	for _, c := range f.Row {
		if c.Value != "" && (c.Name == "process.parent.name" || c.Name == "process.parent.executable") {
			return []string{path.Base(c.Value)}
		}
	}
	return nil
}

// peerWord is where the data went, or who fetched it.
func peerWord(f *detect.Finding) string {
	t := f.Transfer
	if t == nil || len(t.Peers) == 0 {
		return "?"
	}
	p := t.Peers[0]
	s := p.Addr.String() + ":" + strconv.Itoa(p.Port)
	if p.Inbound {
		s = "by " + p.Addr.String()
	}
	if n := farEnds(t) - 1; n > 0 {
		s += fmt.Sprintf(" +%d", n)
	}
	return s
}

// farEnds counts different ones: several processes of a login speak to the same.
func farEnds(t *detect.Transfer) int {
	all := map[string]bool{}
	for _, p := range t.Peers {
		if p.Inbound {
			all[p.Addr.String()] = true
		} else {
			all[netip.AddrPortFrom(p.Addr, uint16(p.Port)).String()] = true
		}
	}
	return len(all)
}

// aimsWord is what the arguments call the far ends, when they say more than an address.
func aimsWord(f *detect.Finding) string {
	if f.Transfer == nil {
		return ""
	}
	var all []string
	for _, a := range f.Transfer.Aims() {
		all = append(all, a.String())
	}
	return strings.Join(all, " · ")
}

func outWord(f *detect.Finding) string {
	switch t := f.Transfer; {
	case t == nil:
		return "?"
	case t.Direction == detect.In:
		return "in " + size(t.Received)
	default:
		return size(t.Sent)
	}
}

func contentWord(f *detect.Finding) string {
	if f.Transfer != nil {
		if class, n := f.Transfer.Content(); n > 0 {
			return class
		}
	}
	return "?"
}

func age(f *detect.Finding, now time.Time) string { return span(now.Sub(f.At())) }

func (m *Model) hostHeading(h detect.Host) string {
	parts := []string{h.Name}
	if h.Environment != "" {
		parts = append(parts, h.Environment)
	}
	if h.OS != "" {
		parts = append(parts, h.OS)
	}
	if source := m.sourceOf(h); source != "" {
		parts = append(parts, source)
	}
	return strings.Join(parts, " · ")
}

// sourceOf names the one of several sources that a host is known from; "": there is one, or it is not known.
func (m *Model) sourceOf(h detect.Host) string {
	if m.config.Source == nil {
		return ""
	}
	return m.config.Source(h)
}

// identity is how a process is named to whatever acts on it.
func identity(h detect.Host, p detect.Process) respond.ProcessID {
	return respond.ProcessID{HostID: h.ID, BootID: h.BootID, PID: p.PID, Start: p.Start}
}

// reach are the members of a transfer besides its tool.
func reach(f *detect.Finding) []respond.ProcessID {
	if f.Transfer == nil {
		return nil
	}
	var out []respond.ProcessID
	for _, p := range f.Transfer.Members {
		if p.Alive() && p.EntityID != f.Transfer.Tool.EntityID {
			out = append(out, identity(f.Host, p))
		}
	}
	return out
}

// leftWord says how much has left, of what, how fast, and when it is whole.
func leftWord(f *detect.Finding) string {
	t := f.Transfer
	if t == nil {
		return "not seen: no connection of this process was counted"
	}
	if t.Direction == detect.In {
		return size(t.Received) + " received"
	}
	s := size(t.Sent)
	if all := t.Payload(); len(all) > 0 && all[0].Size > 0 {
		s += " of " + size(all[0].Size) + " " + path.Base(all[0].Path)
	} else {
		s += " sent"
	}
	if t.Rate <= 0 {
		return s
	}
	s += " · " + size(int64(t.Rate)) + "/s"
	if rest := whole(t); rest > 0 {
		s += " · ~" + span(rest) + " left"
	}
	return s
}

// whole is how long the largest file still takes at the present rate; 0 when that cannot be said.
func whole(t *detect.Transfer) time.Duration {
	all := t.Payload()
	if len(all) == 0 || all[0].Size <= t.Sent || t.Rate <= 0 {
		return 0
	}
	return time.Duration(float64(all[0].Size-t.Sent) / t.Rate * float64(time.Second))
}

func whoWord(f *detect.Finding) string {
	p := tool(f)
	s := p.User
	if s == "" {
		s = "uid " + p.UserID
	} else if p.UserID != "" {
		s += " (" + p.UserID + ")"
	}
	switch {
	case p.LoginUID < 0 && p.Entry != "":
		s += ", a login through " + p.Entry
	case p.LoginUID < 0 && p.Start == 0:
		s += ", whether somebody logged in is not told"
	case p.LoginUID < 0:
		s += ", no login"
	case p.Interactive:
		s += ", at a terminal"
	default:
		s += fmt.Sprintf(", login uid %d", p.LoginUID)
	}
	if p.Container != "" {
		s += " · container " + p.Container
	}
	return s
}

// treeWord is the line of ancestors from the top, the tool, and what it started.
func treeWord(f *detect.Finding) string {
	p := tool(f)
	var parts []string
	if f.Transfer == nil {
		return numbered(p)
	}
	for _, a := range slices.Backward(f.Transfer.Ancestors) {
		parts = append(parts, numbered(a))
	}
	parts = append(parts, numbered(p))
	for _, c := range f.Transfer.Members {
		if c.EntityID != p.EntityID {
			parts = append(parts, numbered(c))
		}
	}
	s := strings.Join(parts, " ─ ")
	if len(f.Transfer.Peers) > 0 {
		s += " → " + peerWord(f)
	}
	return s
}

func numbered(p detect.Process) string {
	s := name(p) + " " + strconv.Itoa(p.PID)
	switch {
	case p.Memfd:
		s += " (memory only)"
	case p.Deleted:
		s += " (deleted)"
	}
	return s
}
