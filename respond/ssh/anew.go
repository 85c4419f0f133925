package ssh

import (
	"context"
	"sync"
)

// anew gives connections to one jump host that were begun after they were asked
// for. Who asks while one is being made waits for the next, together with all
// others that came by then: sshd drops logins when more than ten are under way at
// once (MaxStartups), and a fleet behind one jump host would ask for hundreds.
type anew struct {
	mu   sync.Mutex
	busy bool    // one is being made
	next *shared // that those wait for who came meanwhile; nil: nobody
}

// shared is a connection that ends when the last of those who use it closes it.
type shared struct {
	*conn
	done  chan struct{} // closed when it is made, or was not
	err   error
	mu    sync.Mutex
	users int
}

// Close gives up one use.
func (s *shared) Close() error {
	s.mu.Lock()
	s.users--
	last := s.users == 0
	s.mu.Unlock()
	if last && s.conn != nil {
		return s.conn.Close()
	}
	return nil
}

// jumpAnew is a new connection to a jump host, shared with others who asked at the same time.
func (n *Network) jumpAnew(ctx context.Context, t Target) (*shared, error) {
	n.mu.Lock()
	a := n.anew[way(t)]
	if a == nil {
		a = &anew{}
		n.anew[way(t)] = a
	}
	n.mu.Unlock()
	s := a.join(func(s *shared) {
		s.conn, s.err = n.dial(context.WithoutCancel(ctx), t, true) // its phases bound it
	})
	select {
	case <-s.done:
	case <-ctx.Done():
		go func() { <-s.done; _ = s.Close() }()
		return nil, ctx.Err()
	}
	if s.err != nil {
		return nil, s.err
	}
	return s, nil
}

// join gives the connection that is made next.
func (a *anew) join(dial func(*shared)) *shared {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.next == nil {
		a.next = &shared{done: make(chan struct{})}
	}
	s := a.next
	s.users++
	if !a.busy {
		a.begin(dial)
	}
	return s
}

// begin makes the next one, and after it the one that was asked for meanwhile. a.mu is held.
func (a *anew) begin(dial func(*shared)) {
	s := a.next
	a.busy, a.next = true, nil
	go func() {
		dial(s)
		close(s.done)
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.busy = false; a.next != nil {
			a.begin(dial)
		}
	}()
}
