package playbooks

import (
	"fmt"
	"slices"
	"strings"
)

func (e *evidence) answerParent() reply {
	var r reply
	if len(e.ancestors) == 0 {
		r = openFor("the parent ended before it could be read")
		if p := e.parent(); p != "" {
			r.why = "of the parent only the path is known: " + p
		}
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

func (e *evidence) judgeChain(r *reply) {
	vouched, unsure := true, []string(nil)
	for _, l := range e.chain() {
		r.against = append(r.against, l.against...)
		r.lines = append(r.lines, l.told...)
		vouched = vouched && l.vouched
		unsure = append(unsure, l.unsure...)
	}
	slices.Sort(r.against)
	r.against = slices.Compact(r.against)
	switch {
	case len(r.against) > 0:
		r.state, r.strong = BAD, true
		r.why = strings.Join(r.against, "; ")
		for _, u := range unsure {
			r.line("not known", u)
		}
	case len(e.ancestors) == 0:
	case e.ancestors[len(e.ancestors)-1].PID != 1 && !vouchedRoot(e):
		r.state, r.why = OPEN, "the ancestors are known only up to "+label(e.ancestors[len(e.ancestors)-1])
	case vouched:
		r.state, r.why = OK, e.originText()
		r.supports = append(r.supports, "everything from "+name(e.ancestors[len(e.ancestors)-1])+" down to "+name(e.tool)+" belongs to a package or to root, in places only root can write")
	default:
		r.state, r.why = OPEN, first(unsure)
		for _, u := range unsure[min(1, len(unsure)):] {
			r.line("not known", u)
		}
		r.open = append(r.open, "where does the parent come from? "+first(unsure))
	}
}

// vouchedRoot tells whether the topmost known ancestor is the first process of
// its container or was started by the kernel: nothing is above it.
func vouchedRoot(e *evidence) bool {
	top := e.ancestors[len(e.ancestors)-1]
	return top.PPID == 0
}

func first(all []string) string {
	if len(all) == 0 {
		return "nothing is known of it"
	}
	return all[0]
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
			same.add(runs, q.texts("hosts", i), q.time("first", i), q.time("last", i))
		}
	}
	text := fmt.Sprintf("%s of %s %s runs %s were started by it", grouped(same.runs), grouped(total), toolName(e.tool), e.over())
	r.line("before", text)
	switch {
	case same.settled() && r.state == OK:
		r.supports = append(r.supports, "this parent starts it normally: "+text)
	case same.runs == 0 && e.watched() >= enough && r.state != BAD:
		r.state = OPEN
		r.why += "; but " + text
		r.open = append(r.open, "why did this parent start it? "+text)
	}
}
