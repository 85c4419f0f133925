package playbooks

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// habit is how often something was seen, and when.
type habit struct {
	runs        int64
	hosts       []string
	first, last time.Time
}

func (h *habit) add(runs int64, hosts []string, first, last time.Time) {
	h.runs += runs
	for _, host := range hosts {
		if !slices.Contains(h.hosts, host) {
			h.hosts = append(h.hosts, host)
		}
	}
	if h.first.IsZero() || !first.IsZero() && first.Before(h.first) {
		h.first = first
	}
	if last.After(h.last) {
		h.last = last
	}
}

// settled tells a habit from somebody who repeats himself until it looks like
// one: three times and more, over more than a day.
func (h *habit) Settled() bool { return h.runs >= 3 && h.last.Sub(h.first) >= enough }

// commands are the command lines of the same tool before, by shape.
type commands struct {
	total    int64
	capped   bool
	like     habit  // of the same shape
	exact    int64  // the very same
	nearest  string // command line of another shape that shares most
	likeness float64
	nearHits habit
}

// compare goes through the answer to question "command".
func compare(q *asked, command string) commands {
	var c commands
	shape := shapeOf(command)
	for i := range q.count() {
		line, runs := q.text1("process.command_line", i), q.int("runs", i)
		c.total += runs
		if line == command {
			c.exact += runs
		}
		other := shapeOf(line)
		if other == shape {
			c.like.add(runs, q.texts("hosts", i), q.time("earliest", i), q.time("latest", i))
			continue
		}
		if l := likeness(shape, other); l > c.likeness {
			c.nearest, c.likeness, c.nearHits = line, l, habit{}
			c.nearHits.add(runs, q.texts("hosts", i), q.time("earliest", i), q.time("latest", i))
		}
	}
	c.capped = q.count() >= 10_000
	return c
}

func (e *evidence) answerCommand() reply {
	if e.tool.CommandLine == "" {
		return openFor("the command line is not known")
	}
	q, r := e.queries["command"], reply{}
	r.line("command", short(e.tool.CommandLine, 2000))
	if e.tool.Truncated {
		r.line("cut", fmt.Sprintf("the arguments are %s; what is beyond what was read is not known", byteCount(e.tool.ArgsBytes)))
	}
	hidden := hiddenPlace(e.tool.CommandLine)
	if hidden != "" {
		r.against = append(r.against, "names a hidden place that anybody can write: "+hidden)
	}
	if e.tool.ToolHow != "" && e.tool.ToolHow != "name" && e.tool.ToolHow != "inherited" && !e.transfer.Session() {
		r.line("recognised", fmt.Sprintf("as %s by %s, though it is called %s", e.tool.Tool, e.tool.ToolHow, e.tool.Name))
	}
	if !q.known() {
		r.state, r.why = OPEN, q.unasked
		return r.orBad()
	}
	c := compare(q, e.tool.CommandLine)
	e.describeCommands(&r, c)
	e.decideCommand(&r, c)
	return r.orBad()
}

func (e *evidence) describeCommands(r *reply, c commands) {
	r.line("shape", shapeOf(e.tool.CommandLine))
	if c.like.runs > 0 {
		r.line("like it", fmt.Sprintf("%s on %s, %s the very same, last %s", times(c.like.runs), hostsOf(c.like.hosts),
			grouped(c.exact), moment(c.like.last, e.before)))
	}
	if c.nearest != "" && c.likeness >= 0.4 && !c.like.Settled() {
		r.line("nearest", fmt.Sprintf("%s (%s, %s)", short(c.nearest, 160), hostsOf(c.nearHits.hosts), times(c.nearHits.runs)))
	}
	if c.capped {
		r.line("limit", "there are more different command lines than were compared; the counts are lower bounds")
	}
}

func (e *evidence) decideCommand(r *reply, c commands) {
	of := fmt.Sprintf("%s of %s %s runs %s", grouped(c.like.runs), grouped(c.total), toolName(e.tool), e.over())
	switch {
	case c.like.Settled():
		r.state, r.why = OK, "like "+of+", first "+moment(c.like.first, e.before)
		if !e.inbound() { // whoever fetches, the command is the same
			r.supports = append(r.supports, "commands like it are normal here: "+of)
		}
	case e.watched() < enough:
		r.state, r.why = OPEN, "too little is known to compare with: "+of+" are like it"
		r.open = append(r.open, "is the command normal here? "+of+" are like it")
	case c.like.runs == 0 && c.total == 0:
		r.state, r.why = BAD, fmt.Sprintf("%s never ran before: 0 runs %s", toolName(e.tool), e.over())
		r.against = append(r.against, r.why)
	case c.like.runs == 0:
		r.state, r.why = BAD, of+" are like it"
		r.against = append(r.against, "no command like it before: "+of)
	default:
		r.state, r.why = OPEN, of+" are like it: too few, or all within a day"
		r.open = append(r.open, "is the command normal here? "+of+" are like it")
	}
}

// orBad makes the answer BAD when something speaks against it whatever history says.
func (r reply) orBad() reply {
	if len(r.against) > 0 && r.state != BAD {
		r.state = BAD
		r.why = strings.TrimSuffix(r.against[0]+"; "+r.why, "; ")
	}
	return r
}

// hiddenPlace gives a path with a hidden part below a place that anybody can write.
func hiddenPlace(command string) string {
	for _, w := range strings.Fields(short(command, shapeBytes)) {
		if i := strings.IndexByte(w, '/'); i >= 0 {
			w = w[i:]
		}
		for _, place := range []string{"/tmp/", "/var/tmp/", "/dev/shm/", "/run/shm/"} {
			if strings.HasPrefix(w, place) && strings.Contains(w, "/.") {
				return w
			}
		}
	}
	return ""
}

func times(n int64) string {
	if n == 1 {
		return "once"
	}
	return grouped(n) + " times"
}

func hostsOf(hosts []string) string {
	if len(hosts) == 0 {
		return "an unnamed host"
	}
	slices.Sort(hosts)
	return few(hosts, 3)
}
