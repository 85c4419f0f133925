package playbooks

import (
	"fmt"
	"path"
	"strings"
	"time"

	"interdict/detect"
)

// class is one of the classes of transfers that look alike and are no theft.
type class struct {
	name  string
	state State // OK: it is one; BAD: it is not; OPEN: not decided
	why   string
}

func (e *evidence) classes() []class {
	return []class{e.backup(), e.update(), e.trusted(), e.test(), e.announced()}
}

func (e *evidence) answerExpected() reply {
	r := reply{state: OPEN}
	var not, open []string
	for _, c := range e.classes() {
		word := map[State]string{OK: "yes", BAD: "no", OPEN: "not decided"}[c.state]
		r.line(c.name, word+": "+c.why)
		switch c.state {
		case OK:
			if r.state != OK {
				r.why = c.name + ": " + c.why
				r.supports = []string{r.why}
			}
			r.state, r.routine = OK, true
		case BAD:
			not = append(not, c.name)
		default:
			open = append(open, c.name)
		}
	}
	e.habitual(&r)
	if r.state == OPEN {
		r.why = strings.Join(nonEmpty(prefixed("none of: ", strings.Join(not, ", ")), prefixed("not decided: ", strings.Join(open, ", "))), " · ")
		r.open = append(r.open, "expected? "+r.why)
	}
	return r
}

// habitual adds what the counts of transfers say: within the limits of a proven
// routine it counts for the transfer, a broken limit counts against it.
func (e *evidence) habitual(r *reply) {
	h := e.f.Routine
	switch {
	case h == nil:
		return
	case h.Breach != "":
		r.line("habit", "no: "+h.Class+", but "+h.Breach)
		r.against = append(r.against, "limit of a routine: "+h.Class+", but "+h.Breach)
		if r.state == OPEN {
			r.state, r.why = BAD, h.Class+", but "+h.Breach
		}
	case h.Known && e.accused() != "":
		r.line("habit", "not decided: inside the limits of "+h.Class+", but "+e.accused())
	case h.Known:
		fact := fmt.Sprintf("routine %s, inside its limits: %s; %s", h.Class, strings.Join(h.Limits, ", "), h.Proof)
		r.line("habit", "yes: "+fact)
		if r.supports = append(r.supports, fact); r.state == OPEN {
			r.state, r.why = OK, fact
		}
		r.routine = true
	default:
		r.line("habit", "not decided: "+h.Class+": "+strings.Join(h.Limits, ", "))
	}
}

// backup needs the schedule proven, everything that runs vouched for, and a far
// end and volume that are usual: a planted cron line has none of these.
func (e *evidence) backup() class {
	c := class{name: "scheduled backup", state: OPEN}
	_, proof := e.scheduled()
	limits, state := e.usual()
	switch {
	case proof == "" && e.looked.none != "":
		c.why = "schedules could not be read: " + e.looked.none
	case proof == "" && e.looked.cronErr != nil:
		c.why = "not all schedules could be read: " + e.looked.cronErr.Error()
	case proof == "":
		c.state, c.why = BAD, "no timer or cron line is proven to have started it"
	case e.accused() != "":
		c.state, c.why = BAD, "scheduled, but "+e.accused()
	case !e.vouched():
		c.why = "scheduled, but not everything it runs is vouched for"
	case state != OK:
		c.state, c.why = state, "scheduled, but "+limits
	default:
		c.state, c.why = OK, "its schedule is proven; "+limits
	}
	return c
}

// packageManagers update a machine. The name counts in a place of the system
// only, and only for what comes in.
var packageManagers = []string{"apt", "apt-get", "aptitude", "dpkg", "unattended-upgrade", "dnf", "dnf5", "yum", "rpm", "zypper", "pacman", "apk", "snapd", "fwupdmgr", "needrestart"}

func (e *evidence) update() class {
	c := class{name: "automated update", state: BAD, why: "no package manager is among its ancestors"}
	if len(e.ancestors) == 0 {
		return class{c.name, OPEN, "its ancestors are not known"}
	}
	for _, l := range e.chain()[1:] {
		if !isManager(l) || l.p.UserID != "0" {
			continue
		}
		switch {
		case e.accused() != "":
			c.why = "below " + label(l.p) + ", but " + e.accused()
		case e.transfer.Sent > e.transfer.Received:
			c.why = fmt.Sprintf("below %s, but more is sent (%s) than received (%s)", label(l.p), byteCount(e.transfer.Sent), byteCount(e.transfer.Received))
		case !e.vouched():
			c.state, c.why = OPEN, "below "+label(l.p)+", but not everything it runs is vouched for"
		default:
			c.state, c.why = OK, fmt.Sprintf("below %s; %s received, %s sent", label(l.p), byteCount(e.transfer.Received), byteCount(e.transfer.Sent))
		}
		return c
	}
	return c
}

func isManager(l link) bool {
	for _, m := range packageManagers {
		if path.Base(l.p.Executable) == m || path.Base(l.script) == m && strings.HasPrefix(l.script, "/usr/") {
			return true
		}
	}
	return false
}

// trusted needs far ends inside, each with a habit of more than a day on this
// very host, within twice what went there at once before, and nothing grave.
func (e *evidence) trusted() class {
	c := class{name: "trusted transfer"}
	for _, p := range e.far() {
		if !detect.Internal(p.Addr) {
			return class{c.name, BAD, peerName(p) + " is not an internal address"}
		}
	}
	limits, state := e.usual()
	c.state, c.why = state, limits
	switch {
	case state == OK && e.accused() != "":
		c.state, c.why = BAD, "usual, but "+e.accused()
	case state == OK && e.secrets() != "":
		c.state, c.why = BAD, "usual, but it reads "+e.secrets()
	case state == OK && !e.vouched():
		c.state, c.why = OPEN, "usual, but not everything it runs is vouched for"
	}
	return c
}

// secrets names key material or credentials among what is read.
func (e *evidence) secrets() string {
	for _, f := range e.transfer.Files {
		if f.Sensitive == "key material" || f.Sensitive == "credentials" {
			return f.Path + " (" + f.Sensitive + ")"
		}
	}
	return ""
}

// usual tells whether far ends and volume are what this host is used to.
func (e *evidence) usual() (string, State) {
	q, far := e.queries["expected"], e.far()
	switch {
	case len(far) == 0:
		return "no far end was seen", OPEN
	case !q.known():
		return q.unasked, OPEN
	}
	peers, _ := history(q)
	var texts []string
	for _, p := range far {
		k := peers[p.Addr.Unmap()]
		switch {
		case k == nil && e.watched() >= enough:
			return fmt.Sprintf("%s is new to this host: 0 connections %s", peerName(p), e.over()), BAD
		case k == nil || !k.Settled():
			return fmt.Sprintf("%s is not yet usual here (%s)", peerName(p), e.over()), OPEN
		case p.Sent > 2*k.most:
			return fmt.Sprintf("%s went to %s, more than twice the most before (%s)", byteCount(p.Sent), peerName(p), byteCount(k.most)), BAD
		}
		texts = append(texts, fmt.Sprintf("%s: %s connections since %s, %s of at most %s before", peerName(p), grouped(k.runs), k.first.UTC().Format(time.DateOnly), byteCount(p.Sent), byteCount(k.most)))
	}
	return strings.Join(texts, "; "), OK
}

// test takes the environment from the configuration of whoever runs this, not
// from the host.
func (e *evidence) test() class {
	c := class{name: "test or development host"}
	switch env := e.f.Host.Environment; env {
	case "development", "dev", "test", "testing", "staging":
		c.state, c.why = OK, "the host is configured as "+env
		if e.accused() != "" {
			c.state, c.why = OPEN, c.why+", but "+e.accused()
		} else if e.secrets() != "" {
			c.state, c.why = OPEN, c.why+", but it reads "+e.secrets()
		}
	case "":
		c.state, c.why = OPEN, "no environment is configured for this host"
	case "ci":
		c.state, c.why = BAD, "a CI host, where a transfer must be part of the pipeline"
	default:
		c.state, c.why = BAD, "the host is configured as "+env
	}
	return c
}

// announced needs a window that names who moves the data or where to. One that
// names hosts alone explains the hour, which the question of the time says.
func (e *evidence) announced() class {
	c := class{name: "announced by a user", state: OPEN}
	for _, w := range e.windows() {
		if !w.fits(e.users(), e.far()) {
			continue
		}
		switch c.why = w.describe(e.started()); {
		case e.accused() != "":
			c.why += ", but " + e.accused()
		case e.secrets() != "":
			c.why += ", but it reads " + e.secrets()
		default:
			c.state = OK
		}
		return c
	}
	c.why = "nothing announced is recorded for it; ask " + e.whom()
	if e.windowErr != nil {
		c.why = "not all that was announced could be read: " + e.windowErr.Error()
	}
	return c
}

// whom is who can say more.
func (e *evidence) whom() string {
	return orElse(e.entry.Owner, "whoever is responsible for "+orElse(e.f.Host.Name, "the host"))
}

// accused is the first thing that speaks against what runs; "" when nothing does.
func (e *evidence) accused() string {
	for _, l := range e.chain() {
		if len(l.against) > 0 {
			return l.against[0]
		}
		if l.serves != "" {
			return l.serves
		}
	}
	return ""
}

// vouched tells whether everything from the tool up is vouched for.
func (e *evidence) vouched() bool {
	if len(e.ancestors) == 0 {
		return false
	}
	for _, l := range e.chain() {
		if !l.vouched {
			return false
		}
	}
	return true
}
