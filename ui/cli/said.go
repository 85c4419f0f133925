package cli

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"interdict/detect"
	"interdict/playbooks"
)

// said is an engine that knows what people said about its alerts, in earlier
// runs and at other consoles on the same directory, and keeps what is said here.
type said struct {
	*detect.Engine
	cases   *playbooks.Cases // nil: nothing is kept
	by      string
	byAlert bool // by the alert's own id: of a recording all events are there again

	mu    sync.Mutex
	known map[string][]playbooks.Triage // by thread, or by alert
	cased map[string]string             // alert id → case
	seen  map[string]*detect.Finding    // of cases, as they were kept last; listen's alone
	upTo  int64                         // of what was said, this is in known; recall's alone
	mark  string                        // of the triage that is in known; recall's alone
	noted map[[2]string]bool            // exception and alert that it was seen to hide; listen's alone
}

const (
	maxRecalled = 100_000 // cases that are remembered
	sayFor      = 5 * time.Second
	listenEvery = time.Second
	keepEvery   = 3 * time.Second // of an alert in a case that changes
)

func newSaid(cases *playbooks.Cases, by string) *said {
	return &said{cases: cases, by: by, known: map[string][]playbooks.Triage{}}
}

// recall reads what was said since it was last asked, and tells whether there was anything.
func (s *said) recall(ctx context.Context) (more bool, err error) {
	if s.cases == nil {
		return false, nil
	}
	upTo, err := s.cases.Said(ctx)
	if err != nil || upTo == s.upTo {
		return false, err
	}
	all, mark, err := s.cases.Triaged(ctx, s.mark)
	if err != nil {
		return false, err
	}
	all = all[max(0, len(all)-maxRecalled):]
	cased, err := s.cases.InCase(ctx)
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	for _, one := range all {
		s.put(one)
	}
	s.cased = cased
	s.mu.Unlock()
	s.upTo, s.mark = upTo, mark
	return true, s.rule(ctx)
}

// rule has the engine follow the exceptions that are in force. One that cannot
// be read hides nothing.
func (s *said) rule(ctx context.Context) error {
	all, err := s.cases.Exceptions(ctx)
	var inForce []*detect.Exception
	for i := range all {
		if all[i].EndedAt.IsZero() {
			inForce = append(inForce, &all[i].Exception)
		}
	}
	s.SetExceptions(inForce)
	return err
}

// Exceptions gives all that were ever made, the newest first.
func (s *said) Exceptions() (all []playbooks.KnownException, err error) {
	err = s.write(func(ctx context.Context) error {
		all, err = s.cases.Exceptions(ctx)
		return err
	})
	return all, err
}

// Except makes an exception.
func (s *said) Except(x detect.Exception) error {
	return s.write(func(ctx context.Context) error {
		if _, err := s.cases.Except(ctx, x, s.by); err != nil {
			return err
		}
		return s.rule(ctx)
	})
}

// RenewException has one go on until another day.
func (s *said) RenewException(id string, until time.Time) error {
	return s.write(func(ctx context.Context) error {
		if err := s.cases.RenewException(ctx, id, s.by, until); err != nil {
			return err
		}
		return s.rule(ctx)
	})
}

// EndException ends one before its time.
func (s *said) EndException(id string) error {
	return s.write(func(ctx context.Context) error {
		if err := s.cases.EndException(ctx, id, s.by); err != nil {
			return err
		}
		return s.rule(ctx)
	})
}

// count keeps count of what exceptions hide.
func (s *said) count(ctx context.Context) {
	if s.cases == nil {
		return
	}
	noted := map[[2]string]bool{}
	for _, f := range s.Snapshot().Hidden {
		key := [2]string{f.Exception.ID, f.ID}
		if s.noted[key] || s.cases.Hid(ctx, key[0], key[1]) == nil { // else it is tried again
			noted[key] = true
		}
	}
	s.noted = noted
}

func (s *said) key(alert, thread string) string {
	if s.byAlert || thread == "" {
		return alert
	}
	return thread
}

// of gives what was said about an alert and the others of its thread, the newest first.
func (s *said) of(a detect.Alert) []playbooks.Triage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[s.key(a.ID, a.Thread)]
}

// past is what the engine asks before it raises an alert.
func (s *said) past(a detect.Alert) (p detect.Past) {
	for _, one := range s.of(a) {
		switch {
		case one.State == playbooks.Closed && one.UpTo.After(p.ClosedUpTo):
			p.ClosedUpTo = one.UpTo
		case one.State == playbooks.Acknowledged && p.ID == "" && !a.First.After(one.UpTo):
			p.ID = one.AlertID
		}
	}
	return p
}

// InCase names the case that an alert is in; "": none.
func (s *said) InCase(a detect.Alert) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cased[a.ID]
}

// keep has cases end with what was seen last of their alerts.
func (s *said) keep(ctx context.Context) {
	seen := map[string]*detect.Finding{} // what was closed is not held on to
	for _, f := range s.Snapshot().Findings {
		if s.InCase(f.Alert) == "" {
			continue
		}
		if s.seen[f.ID] == f || s.cases.See(ctx, f, nil) == nil { // else it is tried again
			seen[f.ID] = f
		}
	}
	s.seen = seen
}

// Taken tells who looks at an alert; "": nobody.
func (s *said) Taken(a detect.Alert) string {
	for _, one := range s.of(a) {
		if one.AlertID == a.ID && one.State == playbooks.Acknowledged {
			return one.By
		}
	}
	return ""
}

// Ack takes an alert. One that somebody else has is left to them, and the error names them.
func (s *said) Ack(a detect.Alert) error {
	err := s.write(func(ctx context.Context) error { return s.cases.Ack(ctx, a, s.by) })
	if s.cases == nil || err == nil {
		s.add(playbooks.Triage{AlertID: a.ID, Thread: a.Thread, State: playbooks.Acknowledged, UpTo: a.Last})
	}
	return err
}

// Close closes an alert.
func (s *said) Close(a detect.Alert, reason string) error {
	var about map[string][]string
	if f, ok := s.Finding(a.ID); ok {
		about = f.Fields()
	}
	if closed, ok := s.Engine.Close(a.ID, reason); ok {
		a = closed
	}
	s.add(playbooks.Triage{AlertID: a.ID, Thread: a.Thread, State: playbooks.Closed, Reason: reason, UpTo: a.Last})
	return s.write(func(ctx context.Context) error { return s.cases.CloseAbout(ctx, a, about, s.by, reason) })
}

// ClosedLike counts what an exception would have hidden of what people closed.
func (s *said) ClosedLike(x *detect.Exception, since time.Time) (n playbooks.ClosedLike, err error) {
	err = s.write(func(ctx context.Context) error {
		n, err = s.cases.ClosedLike(ctx, x, since)
		return err
	})
	return n, err
}

// Answer keeps a person's answer to a question of the guide; "" takes it back.
func (s *said) Answer(a detect.Alert, question string, state playbooks.State, why string) error {
	return s.write(func(ctx context.Context) error {
		if state == "" {
			return s.withdraw(ctx, a, question)
		}
		return s.cases.Answer(ctx, a.ID, question, s.by, state, why)
	})
}

// withdraw gives a question back, whichever alert of the finding led when it was answered.
func (s *said) withdraw(ctx context.Context, a detect.Alert, question string) error {
	all := []detect.Alert{a}
	if f, ok := s.Finding(a.ID); ok {
		all = f.Alerts()
	}
	for _, one := range all {
		said, err := s.cases.Answers(ctx, one.ID)
		if err != nil {
			return err
		}
		if _, ok := said[question]; ok {
			if err := s.cases.Withdraw(ctx, one.ID, question, s.by); err != nil {
				return err
			}
		}
	}
	return nil
}

// Note keeps what a person says about an alert.
func (s *said) Note(a detect.Alert, text string) error {
	return s.write(func(ctx context.Context) error { return s.cases.Note(ctx, a.ID, s.by, text) })
}

var errNotKept = errors.New("nothing can be kept: the next run will not know it")

func (s *said) write(what func(context.Context) error) error {
	if s.cases == nil {
		return errNotKept
	}
	ctx, cancel := context.WithTimeout(context.Background(), sayFor)
	defer cancel()
	return what(ctx)
}

// add knows it at once, before recall reads it back.
func (s *said) add(c playbooks.Triage) {
	c.By = s.by
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(c)
}

// put makes it the newest of its thread.
func (s *said) put(c playbooks.Triage) {
	key := s.key(c.AlertID, c.Thread)
	all := slices.DeleteFunc(slices.Clone(s.known[key]), func(o playbooks.Triage) bool { return o.AlertID == c.AlertID })
	s.known[key] = slices.Insert(all, 0, c)
}

// listen takes over what is said at other consoles, until ctx ends.
func (s *said) listen(ctx context.Context) {
	t := time.NewTicker(listenEvery)
	kept := time.Now()
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if more, err := s.recall(ctx); more && err == nil { // what cannot be read now can be later
				s.follow()
			}
			s.count(ctx)
			if s.cases != nil && time.Since(kept) >= keepEvery {
				s.keep(ctx)
				kept = time.Now()
			}
		}
	}
}

// follow closes here what was closed elsewhere.
func (s *said) follow() {
	for _, f := range s.Snapshot().Findings {
		for _, a := range f.Alerts() {
			if past := s.past(a); !past.ClosedUpTo.IsZero() && !a.Last.After(past.ClosedUpTo) {
				s.Engine.Close(a.ID, "at another console")
			}
		}
	}
}
