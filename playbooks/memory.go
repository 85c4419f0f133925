package playbooks

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	remembered = 10 * time.Second
	maxMemory  = 64 // findings
)

// memory keeps what was asked for a short while, one entry a finding. The zero
// value is empty.
type memory struct {
	mu      sync.Mutex
	entries map[string]*recollection
}

// recollection is closed over when done; e is nil when asking was called off.
type recollection struct {
	key  string
	done chan struct{}
	at   time.Time
	e    *evidence
	g    *gathering // nil until it has begun
}

// recall gives the evidence for s, asking only if it is not remembered or being
// asked for at this moment. The subject in what it gives is s. With a patience it
// gives what is known by then, and asking goes on until ctx ends.
func (m *memory) recall(ctx context.Context, s *subject, patience time.Duration, begin func() *gathering) *evidence {
	key := s.key()
	var late <-chan time.Time
	if patience > 0 {
		t := time.NewTicker(patience)
		defer t.Stop()
		late = t.C
	}
	for {
		r, mine := m.claim(s.f.ID, key)
		if mine {
			g := begin()
			m.mu.Lock()
			r.g = g
			m.mu.Unlock()
			if patience == 0 {
				m.finish(ctx, r)
				return g.soFar().of(s)
			}
			go m.finish(ctx, r) // ends by the deadlines of what is asked
		}
		for waits := true; waits; {
			select {
			case <-r.done:
				if mine || r.e != nil {
					return r.g.soFar().of(s)
				}
				waits = false // it was called off
			case <-late:
				m.mu.Lock()
				g := r.g
				m.mu.Unlock()
				if g != nil {
					return g.soFar().of(s)
				}
			case <-ctx.Done():
				g := begin() // which says of each question that it was called off
				g.Wait()
				return g.soFar()
			}
		}
	}
}

// finish waits until all was asked.
func (m *memory) finish(ctx context.Context, r *recollection) {
	r.g.Wait()
	m.mu.Lock()
	if r.at = time.Now(); ctx.Err() == nil {
		r.e = r.g.soFar()
	}
	m.mu.Unlock()
	close(r.done)
}

// of is the evidence for a newer state of the same finding.
func (e *evidence) of(s *subject) *evidence {
	e.subject = s
	return e
}

// claim finds a recollection, or makes one that the caller must fill.
func (m *memory) claim(id, key string) (r *recollection, mine bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r = m.entries[id]; r != nil && r.key == key && !r.old() {
		return r, false
	}
	if m.entries == nil || len(m.entries) >= maxMemory {
		m.entries = map[string]*recollection{}
	}
	r = &recollection{key: key, done: make(chan struct{})}
	m.entries[id] = r
	return r, true
}

func (r *recollection) old() bool {
	select {
	case <-r.done:
		return r.e == nil || time.Since(r.at) > remembered
	default:
		return false
	}
}

// key changes when something changes that is asked about. Byte counts and
// far ends are not: they are compared with what history said about all.
func (s *subject) key() string {
	ids := []string{s.f.RuleID, s.tool.EntityID, s.tool.CommandLine, s.tool.Executable, s.before.String(), s.tool.Ended.String()}
	for _, p := range s.ancestors {
		ids = append(ids, p.EntityID, p.Executable)
	}
	for _, a := range s.f.Also {
		ids = append(ids, a.ID)
	}
	return fmt.Sprintf("%q", slices.Clip(ids))
}
