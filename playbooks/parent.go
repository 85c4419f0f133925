package playbooks

import (
	"fmt"
	"strings"
)

func (e *evidence) answerParent() reply {
	var r reply
	if len(e.ancestors) == 0 {
		r = openFor("the parent ended before it could be read")
		if p := e.parent(); p != "" {
			r.why = "of the parent only the path is known: " + p
		}
		r.open = append(r.open, "what started it? "+r.why)
		e.judgeChain(&r)
		return r.orBad()
	}
	r.line("chain", e.chainText())
	e.judgeChain(&r)
	e.parentHabit(&r)
	return r.orBad()
}

// chainText is "scp 4121 ◂ .x.sh 4110 ◂ php-fpm 912".
func (e *evidence) chainText() string {
	names := []string{label(e.tool)}
	for _, p := range e.ancestors {
		names = append(names, label(p))
	}
	return strings.Join(names, " ◂ ")
}

// judgeChain brings the judgements of all links together. What speaks against
// files of the chain is one fact, however many files it is about.
func (e *evidence) judgeChain(r *reply) {
	vouched, unsure := true, []string(nil)
	var files, serving []string
	chain := e.chain()
	for _, l := range chain {
		files = append(files, l.against...)
		serving = append(serving, nonEmpty(l.serves)...)
		vouched = vouched && l.vouched
		unsure = append(unsure, l.unsure...)
	}
	tellChain(r, chain)
	if len(files) > 0 {
		r.against = append(r.against, strings.Join(files, "; "))
	}
	r.against = append(r.against, serving...)
	switch {
	case len(r.against) > 0:
		r.state, r.strong = BAD, true
		r.why = strings.Join(r.against, "; ")
	case len(e.ancestors) == 0:
		return
	case !e.reachesTop():
		r.state, r.why = OPEN, "the ancestors are known only up to "+label(e.ancestors[len(e.ancestors)-1])
		r.open = append(r.open, "what started it? "+r.why)
	case vouched:
		e.supportChain(r)
		return
	default:
		r.state, r.why = OPEN, unsure[0]
		r.open = append(r.open, "where does the parent come from? "+unsure[0])
		unsure = unsure[1:]
	}
	for _, u := range unsure {
		r.line("not known", u)
	}
}

// supportChain: what every transfer of the kind has says nothing for this one.
// Whoever fetches does it through the same sshd and sftp-server.
func (e *evidence) supportChain(r *reply) {
	r.state, r.why = OK, e.originText()
	if !e.inbound() {
		r.supports = append(r.supports, fmt.Sprintf("everything from %s down to %s belongs to a package or to root, in places only root can write",
			name(e.ancestors[len(e.ancestors)-1]), name(e.tool)))
	}
}

// tellChain describes the files that are not vouched for and the parent's;
// of the others it names the packages.
func tellChain(r *reply, chain []link) {
	var owned []string
	for i, l := range chain {
		if !l.vouched && l.serves == "" || i == 1 {
			r.lines = append(r.lines, l.told...)
			continue
		}
		for _, o := range l.owned {
			owned = addNew(owned, o)
		}
	}
	r.line("packages", strings.Join(owned, " · "))
}

// reachesTop tells whether the topmost known ancestor has nothing above it: it
// is process 1, or the first process of its container.
func (e *evidence) reachesTop() bool {
	top := e.ancestors[len(e.ancestors)-1]
	return top.PID == 1 || top.PPID == 0
}

func (e *evidence) originText() string {
	p := e.ancestors[0]
	file := p.Executable
	if script := scriptOf(p); script != "" {
		file = script
	}
	o := e.origin(p, file)
	if o != nil && o.Package != "" {
		return fmt.Sprintf("%s, package %s, in a place only root can write", file, o.Package)
	}
	return file + ", root's, in a place only root can write"
}

// parentHabit is how often this parent started this tool before. A script is
// told by its command line's shape, since its interpreter starts everything.
func (e *evidence) parentHabit(r *reply) {
	q := e.queries["parent"]
	if !q.known() {
		r.line("before", q.unasked)
		return
	}
	p := e.ancestors[0]
	shape, script := shapeOf(p.CommandLine), scriptOf(p)
	var total int64
	var same habit
	for i := range q.count() {
		runs := q.int("runs", i)
		total += runs
		command := q.text1("process.parent.command_line", i)
		fits := q.text1("process.parent.executable", i) == p.Executable
		if script != "" {
			fits = fits && strings.Contains(command, script)
		} else if isShell(p) {
			fits = fits && shapeOf(command) == shape
		}
		if fits {
			same.add(runs, q.texts("hosts", i), q.time("earliest", i), q.time("latest", i))
		}
	}
	text := fmt.Sprintf("%s of %s %s runs %s were started by it", grouped(same.runs), grouped(total), toolName(e.tool), e.over())
	r.line("before", text)
	switch {
	case same.Settled() && r.state == OK && !e.inbound():
		r.supports = append(r.supports, "this parent starts it normally: "+text)
	case same.runs == 0 && e.watched() >= enough && r.state != BAD:
		r.state = OPEN
		r.why += "; but " + text
		r.open = append(r.open, "why did this parent start it? "+text)
	}
}
