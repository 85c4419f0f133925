package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"interdict/respond"
)

// did is the body of a result.
type did struct {
	Roots   []respond.ProcessID `json:"roots"`
	Tree    bool                `json:"tree"`
	Members []respond.ProcessID `json:"members"` // signalled
	Frozen  []respond.ProcessID `json:"frozen"`  // held, or let go, by the cgroup alone
	Already []respond.ProcessID `json:"already"` // stood before, by somebody else's doing
	Left    []respond.ProcessID `json:"left"`    // did not follow: still moving, or still alive
	Cgroup  string              `json:"cgroup"`  // frozen or thawed; "" for none
	Notes   []string            `json:"notes"`
}

func (d did) all() []respond.ProcessID { return append(slices.Clone(d.Members), d.Frozen...) }

// Keys of what is held. One process has the same key whoever froze it.
const (
	keyProcess = "frozen/"
	keyCgroup  = "frozen-cgroup/"
)

func processKey(boot string, id respond.ProcessID) string {
	return keyProcess + boot + "/" + id.String()
}
func cgroupKey(boot, path string) string { return keyCgroup + boot + path }

var done = map[string]string{KindFreeze: "frozen", KindResume: "resumed", KindKill: "killed"}

// result says what was done, also when err ended it early. Nothing done gives a
// zero Kind.
func (s *sweep) result(r respond.Result, err error) (respond.Result, error) {
	for id, text := range s.failed {
		err = errors.Join(err, fmt.Errorf("%s: %s", s.name(id), text))
	}
	if len(s.did.Members) == 0 && s.did.Cgroup == "" && err != nil {
		return respond.Result{}, err
	}
	r.Ended = time.Now().UTC()
	r.Partial = err != nil || len(s.did.Left) > 0
	r.Summary = processes(len(s.did.all())) + " " + done[r.Kind]
	add := func(label, text string) { r.Lines = append(r.Lines, respond.Line{Label: label, Text: text}) }
	for _, id := range s.did.all() {
		add(done[r.Kind], s.name(id))
	}
	for _, id := range s.did.Already {
		add("stood before", s.name(id)+": left as it was")
	}
	for _, id := range s.did.Left {
		add("not yet", s.name(id)+map[string]string{
			KindFreeze: ": the signal was sent, it still moves or waits in the kernel",
			KindKill:   ": the signal was sent, it still lives: waiting in the kernel (state D) or in a frozen cgroup of version 1",
		}[r.Kind])
	}
	for _, note := range s.did.Notes {
		add("note", note)
	}
	s.account(&r)
	body, encodeErr := json.Marshal(s.did)
	r.Body = body
	return r, errors.Join(err, encodeErr)
}

func (s *sweep) name(id respond.ProcessID) string {
	if name := s.names[id]; name != "" {
		return name + " (" + id.String() + ")"
	}
	return id.String()
}

// account enters what is held now and what was held before and is not any more.
func (s *sweep) account(r *respond.Result) {
	boot := r.Identity.BootID
	if r.Kind == KindFreeze {
		for _, id := range s.did.all() {
			r.Holds = append(r.Holds, respond.Held{Key: processKey(boot, id), Kind: "frozen", Text: s.name(id)})
		}
		if s.did.Cgroup != "" {
			r.Holds = append(r.Holds, respond.Held{Key: cgroupKey(boot, s.did.Cgroup), Kind: "frozen", Text: "cgroup " + s.did.Cgroup})
		}
		return
	}
	left := map[respond.ProcessID]bool{}
	for _, id := range s.did.Left {
		left[id] = true
	}
	for _, id := range s.did.all() {
		if !left[id] {
			r.Releases = append(r.Releases, processKey(boot, id))
		}
	}
	for _, id := range s.stopped {
		if !slices.Contains(s.did.Members, id) { // a kill that ended half-way
			r.Holds = append(r.Holds, respond.Held{Key: processKey(boot, id), Kind: "frozen", Text: s.name(id)})
		}
	}
	if s.did.Cgroup != "" {
		r.Releases = append(r.Releases, cgroupKey(boot, s.did.Cgroup))
	}
}

// heldProcess reads a key back; false for another kind of change.
func heldProcess(key string) (respond.ProcessID, bool) {
	rest, ok := strings.CutPrefix(key, keyProcess)
	boot, text, found := strings.Cut(rest, "/")
	if !ok || !found {
		return respond.ProcessID{}, false
	}
	id, err := respond.ParseProcessID(text)
	id.BootID = boot
	return id, err == nil
}
