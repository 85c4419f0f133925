package playbooks

import (
	"fmt"
	"slices"
	"strings"

	"interdict/detect"
)

func (e *evidence) answerHost() reply {
	h, r := e.f.Host, reply{state: OK}
	r.why = strings.Join(nonEmpty(h.Name, prefixed("agent ", h.AgentID), h.OS, h.Environment), " · ")
	r.line("machine id", h.ID)
	r.line("boot id", h.BootID)
	if h.ID == "" && h.AgentID == "" {
		r.state, r.why = OPEN, "the event names no machine id and no agent: "+orElse(h.Name, "no name either")
		r.open = append(r.open, "which machine is this?")
	}
	e.hostEvents(&r)
	e.hostAlerts(&r)
	e.elasticLines(&r)
	return r
}

// hostEvents looks for two machines or agents under one identity.
func (e *evidence) hostEvents(r *reply) {
	q := e.queries["host"]
	if !q.known() {
		r.line("events", q.unasked)
		return
	}
	var events int64
	var agents, names []string
	for i := range q.count() {
		events += q.int("events", i)
		agents = addNew(agents, q.text1("agent.id", i))
		names = addNew(names, q.text1("host.name", i))
	}
	if events == 0 {
		r.line("events", "none in the day before")
		return
	}
	r.line("events", fmt.Sprintf("%s in the day before, as %s", plural(events, "event"), orElse(few(names, 3), "no name")))
	for what, all := range map[string][]string{"agents": agents, "names": names} {
		if len(all) > 1 && r.state != BAD {
			r.state = OPEN
			text := fmt.Sprintf("%d %s used this machine id in the day before (%s): a cloned machine, or one that was renamed", len(all), what, few(all, 3))
			r.line("identity", text)
			r.open = append(r.open, "which machine is this? "+text)
		}
	}
}

func addNew(all []string, s string) []string {
	if s == "" || slices.Contains(all, s) {
		return all
	}
	return append(all, s)
}

// hostAlerts counts what else was found on the host in a day. Severe ones speak
// against the transfer: they are about other processes than this one.
func (e *evidence) hostAlerts(r *reply) {
	if !e.others {
		r.line("other alerts", "not known here")
		return
	}
	var severe, rest []string
	for _, f := range e.alerts {
		if f.Closed || f.Last.Before(e.before.Add(-recentSpan)) {
			continue
		}
		text := fmt.Sprintf("%s %s (%s)", f.RuleName, clock(f.First), label(f.Process))
		if f.Severity == "high" || f.Severity == "critical" {
			severe = append(severe, text)
		} else {
			rest = append(rest, text)
		}
	}
	n := int64(len(severe) + len(rest))
	r.why += fmt.Sprintf(" · %s in a day", plural(n, "other alert"))
	for _, t := range append(severe[:min(len(severe), 5)], rest[:min(len(rest), 3)]...) {
		r.line("alert", t)
	}
	if len(severe) > 0 {
		r.state = BAD
		r.against = append(r.against, fmt.Sprintf("%s of high severity on this host within a day: %s", plural(int64(len(severe)), "other alert"), few(severe, 2)))
	}
}

func nonEmpty(all ...string) []string {
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

// expectedOS is what the file-transfer rules are written for.
const expectedOS = "linux"

func (e *evidence) answerSystem() reply {
	h, r := e.f.Host, reply{}
	r.why = strings.Join(nonEmpty(h.OSType, h.Kernel, h.Architecture), " ")
	switch {
	case h.OSType == "":
		r = openFor("the event does not name the operating system")
	case !strings.EqualFold(h.OSType, expectedOS):
		r.state = BAD
		r.why += ": the rule is written for " + expectedOS + ", so what it means here is not known"
		r.against = append(r.against, "the host runs "+h.OSType+", which the rule is not written for")
	default:
		r.state = OK
		r.why += ", as the rule expects"
	}
	r.line("system", h.OS)
	q := e.queries["system"]
	if !q.known() {
		r.line("events", q.unasked)
		return r
	}
	e.systems(&r, h, q)
	return r
}

// systems says when the day's events name another system than this one.
func (e *evidence) systems(r *reply, h detect.Host, q *asked) {
	for i := range q.count() {
		kind, kernel := q.text1("host.os.type", i), q.text1("host.os.kernel", i)
		if kind == h.OSType && kernel == h.Kernel {
			continue
		}
		r.line("also", fmt.Sprintf("%s as %s", plural(q.int("events", i), "event"),
			strings.Join(nonEmpty(kind, q.text1("host.os.full", i), kernel, q.text1("host.architecture", i)), " ")))
		if kind != "" && kind != h.OSType && r.state == OK {
			r.state = OPEN
			r.open = append(r.open, "events of this host name two operating systems: "+h.OSType+" and "+kind)
		}
	}
}
