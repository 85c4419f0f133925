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
}

// recall gives the evidence for s, asking only if it is not remembered or being
// asked for at this moment. The subject in what it gives is s.
func (m *memory) recall(ctx context.Context, s *subject, ask func() *evidence) *evidence {
	key := s.key()
	for {
		r, mine := m.claim(s.f.ID, key)
		if mine {
			e := ask()
			m.mu.Lock()
			if r.e, r.at = e, time.Now(); ctx.Err() != nil {
				r.e = nil
			}
			m.mu.Unlock()
			close(r.done)
			return e
		}
		select {
		case <-r.done:
			if r.e != nil {
				e := *r.e
				e.subject = s
				return &e
			}
		case <-ctx.Done():
			return ask() // which says of each question that it was called off
		}
	}
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
