package playbooks

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"interdict/detect"
)

// step is a program that packed, encrypted or deleted something around a transfer.
type step struct {
	at      time.Time
	program string
	command string
	names   string // the payload that its arguments name; "" when it merely ran in the same tree
}

// jobSpan bounds how long before a transfer its tree is looked at: a person's
// shell may have been open for days.
const jobSpan = 6 * time.Hour

// jobFrom is when to begin looking for what was packed.
func (s *subject) jobFrom() time.Time {
	from, oldest := s.jobStart(), s.before.Add(-jobSpan)
	if from.Before(oldest) {
		return oldest
	}
	if from.After(s.before) {
		return s.before
	}
	return from
}

// steps are those of the transfer's own tree, or that name what it reads.
func (e *evidence) steps() (packed, deleted []step) {
	if !e.around.known() {
		return nil, nil
	}
	tree := map[string]bool{}
	head := e.head()
	for _, p := range append([]detect.Process{e.tool}, e.ancestors...) {
		tree[p.EntityID] = p.EntityID != ""
		if p.PID == head.PID {
			break
		}
	}
	for i := range e.around.count() {
		s := step{at: e.around.time("@timestamp", i), program: e.around.text1("process.name", i), command: e.around.text1("process.command_line", i)}
		s.names = e.payloadIn(s.command)
		if e.around.text1("process.entity_id", i) == e.tool.EntityID || s.names == "" && !tree[e.around.text1("process.parent.entity_id", i)] {
			continue
		}
		switch {
		case slices.Contains(deleters, s.program) && s.names != "" && !s.at.Before(e.started()):
			deleted = append(deleted, s)
		case !slices.Contains(deleters, s.program) && !s.at.After(e.started()):
			packed = append(packed, s)
		}
	}
	return packed, deleted
}

// deleters are the programs of the query that delete; the others pack or encrypt.
var deleters = []string{"rm", "shred", "unlink", "wipe", "srm"}

// payloadIn gives the file that is read to be sent and that a command names.
func (e *evidence) payloadIn(command string) string {
	words := strings.Fields(short(command, shapeBytes))
	for _, f := range e.transfer.Payload() {
		for _, w := range words {
			if w == f.Path || path.Base(w) == path.Base(f.Path) && len(path.Base(w)) > 3 {
				return f.Path
			}
		}
	}
	return ""
}

// tellSteps says how the data was made ready and what became of it.
func (e *evidence) tellSteps(r *reply) (why string) {
	if !e.around.known() {
		r.line("packed", "not known: "+e.around.unasked)
		return ""
	}
	packed, deleted := e.steps()
	for _, s := range packed[:min(len(packed), 5)] {
		r.line("packed", fmt.Sprintf("%s %s", clock(s.at), short(s.command, 300)))
	}
	for _, s := range deleted[:min(len(deleted), 5)] {
		r.line("deleted", fmt.Sprintf("%s %s", clock(s.at), short(s.command, 300)))
	}
	if len(packed) == 0 {
		r.line("packed", "nothing in the same tree before it, of programs that pack or encrypt")
	} else {
		why = fmt.Sprintf("packed by %s %s", packed[len(packed)-1].program, clock(packed[len(packed)-1].at))
	}
	if len(deleted) == 0 {
		return why
	}
	d := deleted[0]
	if staged(detect.File{Path: d.names}) {
		r.against = append(r.against, fmt.Sprintf("what it sent was deleted afterwards: %s by %s %s", d.names, d.program, clock(d.at)))
	}
	return strings.Join(nonEmpty(why, "deleted afterwards"), ", ")
}

// queued is what may still wait in the kernel to leave, in bytes.
const queued = 1 << 20

// sentBounds says how much left the host at least, and at most; a most of -1 is
// not known, since not all was counted.
func (e *evidence) sentBounds() (least, most int64) {
	t := e.transfer
	least, most = t.Sent, t.Sent
	if t.Live {
		least = max(t.Sent-queued, 0)
	}
	counted := e.tool.ToolHow == "" || e.tool.ToolHow == "name" || e.tool.ToolHow == "inode" || e.tool.ToolHow == "inherited" || e.transfer.Session()
	if !counted || len(t.Unseen) > 0 || t.Master != "" || len(e.f.Degraded) > 0 {
		most = -1
	}
	return least, most
}

func (e *evidence) sentText() string {
	switch least, most := e.sentBounds(); {
	case most < 0:
		return "sent ≥ " + byteCount(least)
	case byteCount(least) == byteCount(most):
		return "sent " + byteCount(most)
	default:
		return fmt.Sprintf("sent ≥ %s, ≤ %s", byteCount(least), byteCount(most))
	}
}
