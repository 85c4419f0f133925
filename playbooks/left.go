package playbooks

import (
	"fmt"
	"path"
	"strings"

	"interdict/detect"
)

func (e *evidence) answerLeft() reply {
	var r reply
	if e.f.Transfer == nil {
		return openFor("no transfer was seen: neither files nor bytes are known")
	}
	read := e.filesRead(&r)
	sent := e.bytesSent(&r)
	where := e.destination(&r)
	e.named(&r)
	r.why = strings.Join(nonEmpty(read, e.tellSteps(&r), sent, where), " · ")
	incoming := e.transfer.Direction == detect.In
	switch {
	case incoming && len(r.against) > 0:
		r.against = nil
		r.state, r.why = OPEN, e.received()+r.why
	case incoming:
		r.state, r.why = OK, e.received()+r.why
	case len(r.against) > 0:
		r.state = BAD
	case len(r.open) > 0:
		r.state = OPEN
	default:
		r.state = OK
	}
	r.line("received", "how much arrived at the far end is not known")
	return r
}

func (e *evidence) received() string {
	return "data comes in, " + byteCount(e.transfer.Received) + "; "
}

const maxFileLines = 14

// filesRead names what was read, the sensitive first to be counted against it.
func (e *evidence) filesRead(r *reply) string {
	var total, graveBytes int64
	var graves []string
	sent := 0
	for _, f := range e.transfer.Files {
		if f.Sensitive == detect.LoginKey {
			r.line("login key", f.Path+": read to log in, not to be sent")
			continue
		}
		sent++
		total += f.Size
		text := fmt.Sprintf("%s, %s", f.Path, byteCount(f.Size))
		if f.Sensitive != "" {
			text += ", " + f.Sensitive
		}
		if staged(f) {
			text += ", staged in a place that anybody can write"
		}
		if len(r.lines) < maxFileLines {
			r.line("read", text)
		}
		if detect.Grave(f.Sensitive) {
			graves = append(graves, fmt.Sprintf("%s (%s)", f.Path, f.Sensitive))
			graveBytes += f.Size
		}
	}
	for _, f := range e.transfer.Written[:min(len(e.transfer.Written), 5)] {
		r.line("wrote", f.Path)
	}
	if n := len(e.transfer.Written); sent == 0 && n > 0 && e.transfer.Direction == detect.In {
		return "wrote " + plural(int64(n), "file")
	}
	if sent == 0 {
		return "no file was seen being read"
	}
	if len(graves) > 0 && e.f.Routine.Folds() && e.secrets() == "" {
		r.line("usual", "it has read there in each of its runs before, and went to the same places")
	} else if len(graves) > 0 {
		r.against = append(r.against, fmt.Sprintf("reads %s, %s", few(graves, 2), byteCount(graveBytes)))
	}
	for _, f := range e.transfer.Files {
		if staged(f) && f.Sensitive == "archive" {
			r.against = append(r.against, fmt.Sprintf("sends an archive staged in a place that anybody can write: %s, %s", f.Path, byteCount(f.Size)))
			break
		}
	}
	text := fmt.Sprintf("read %s, %s", plural(int64(sent), "file"), byteCount(total))
	for _, f := range e.transfer.Payload() {
		if staged(f) {
			return text + fmt.Sprintf(" · staged %s, %s", path.Base(f.Path), byteCount(f.Size))
		}
	}
	return text
}

func staged(f detect.File) bool {
	for _, place := range []string{"/tmp/", "/var/tmp/", "/dev/shm/", "/run/shm/"} {
		if strings.HasPrefix(f.Path, place) {
			return true
		}
	}
	return false
}

func (e *evidence) bytesSent(r *reply) string {
	t := e.transfer
	for i, p := range e.far() {
		if i < 5 {
			way := "to"
			if p.Inbound {
				way = "fetched by"
			}
			r.line("sent", fmt.Sprintf("%s %s %s, %s came back", byteCount(p.Sent), way, peerName(p), byteCount(p.Received)))
		}
	}
	if t.Sent == 0 && len(t.Peers) == 0 {
		return "no connection was seen"
	}
	text := e.sentText()
	if t.Live && t.Rate > 0 {
		text += fmt.Sprintf(" at %s/s", byteCount(int64(t.Rate)))
	}
	return text
}

// destination says whether the far ends are known here.
func (e *evidence) destination(r *reply) string {
	q := e.queries["left"]
	far := e.far()
	if len(far) == 0 {
		if len(e.transfer.Peers) > 0 {
			return "this machine itself is the far end"
		}
		r.open = append(r.open, "where does it go? no connection was seen")
		return ""
	}
	if !q.known() {
		r.line("far end", q.unasked)
		r.open = append(r.open, "is "+peerName(far[0])+" known? "+q.unasked)
		return "whether " + peerName(far[0]) + " is known could not be asked"
	}
	peers, total := history(q)
	texts := []string{}
	for _, p := range far[:min(len(far), 3)] {
		texts = append(texts, e.knownOrNew(r, p, peers[p.Addr.Unmap()], total))
	}
	if len(far) > 3 {
		texts = append(texts, fmt.Sprintf("%d far ends more", len(far)-3))
	}
	return strings.Join(texts, "; ")
}

// named tells what arguments and names say of the far ends.
func (e *evidence) named(r *reply) {
	for _, a := range e.transfer.Aims() {
		r.line("named", a.String())
	}
	for _, file := range e.transfer.Lists() {
		if file == "-" {
			file = "its standard input"
		}
		r.line("told by", file+", which says more of what is sent or where to, and is not read here")
	}
	for _, p := range e.far()[:min(len(e.far()), maxNamed)] {
		if name := e.names[p.Addr.Unmap()]; name != "" {
			r.line("name", p.Addr.Unmap().String()+" is "+name)
		}
	}
}

func (e *evidence) knownOrNew(r *reply, p detect.Peer, k *known, total int64) string {
	if k == nil {
		k = &known{}
	}
	where := peerName(p)
	of := fmt.Sprintf("%s of %s transfer connections %s", grouped(k.runs), grouped(total), e.over())
	switch {
	case k.Settled():
		r.line("far end", fmt.Sprintf("%s is known: %s, from %s", where, of, hostsOf(k.hosts)))
		r.supports = append(r.supports, where+" is known here: "+of)
		return where + " known"
	case e.watched() < enough:
		r.line("far end", where+": "+of)
		r.open = append(r.open, "is "+where+" known? "+of)
		return fmt.Sprintf("%s: %s", where, of)
	case k.runs == 0:
		r.line("far end", where+" is new: "+of)
		r.against = append(r.against, fmt.Sprintf("%s was never seen: %s", where, of))
		r.strong = r.strong || e.readsGrave() && !detect.Internal(p.Addr)
		return where + " new"
	}
	r.line("far end", fmt.Sprintf("%s: %s, first %s", where, of, moment(k.first, e.before)))
	r.open = append(r.open, fmt.Sprintf("is %s expected? only %s", where, of))
	return where + " hardly known"
}

func (e *evidence) readsGrave() bool {
	for _, f := range e.transfer.Files {
		if detect.Grave(f.Sensitive) {
			return true
		}
	}
	return false
}
