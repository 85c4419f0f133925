package playbooks

import "fmt"

// answerOthers tells on which other hosts the same was seen. What other hosts
// have done for long speaks for it; what began there within a day is related.
func (e *evidence) answerOthers() reply {
	q := e.queries["others"]
	if !q.known() {
		return openFor(q.unasked)
	}
	r := reply{state: OK}
	var related, settled []string
	for i := range q.count() {
		same, host, first := q.text1("same", i), q.text1("host.name", i), q.time("earliest", i)
		text := fmt.Sprintf("same %s on %s since %s, %s", same, orElse(host, "a host without a name"), moment(first, e.before), plural(q.int("runs", i), "run"))
		r.line(same, text)
		if e.before.Sub(first) < enough {
			related = append(related, text)
		} else {
			settled = append(settled, text)
		}
	}
	switch hosts := e.hostsSeen(); {
	case len(related) > 0:
		r.state, r.why = BAD, few(related, 2)
		r.against = append(r.against, "related: "+r.why)
	case len(settled) > 0:
		r.why = few(settled, 2)
		r.supports = append(r.supports, r.why)
	case hosts <= 1:
		r.state, r.why = OPEN, "not known: no other host is seen from here"
	default:
		if e.watched() < enough {
			r.state = OPEN
		}
		r.why = fmt.Sprintf("none of %s %s", e.otherHosts(), e.over())
	}
	if q.doubts() != "" && len(related) == 0 { // where nobody could look it may be
		r.state, r.why = OPEN, r.why+"; not all could be asked"
		r.open = append(r.open, "did the same show up where nobody could look?")
	}
	return r
}

// otherHosts is "237 other hosts, 12 silent": of the silent nothing came in the
// hour before, so what they do now is not known.
func (e *evidence) otherHosts() string {
	text := plural(e.hostsSeen()-1, "other host")
	silent := int64(0)
	for i := range e.everywhere.count() {
		silent += e.everywhere.int("silent", i)
	}
	if silent > 0 {
		text += fmt.Sprintf(" (%s silent)", grouped(silent))
	}
	return text
}

// hostsSeen is how many hosts ran anything in the baseline.
func (e *evidence) hostsSeen() (hosts int64) {
	for i := range e.everywhere.count() {
		hosts += e.everywhere.int("hosts", i)
	}
	return hosts
}
