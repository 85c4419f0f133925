package ssh

import (
	"bytes"
	"net"
	"sync"
	"time"
)

// watch bounds the phases of a connection that is being made: when one takes
// too long, the connection is closed, which ends whatever waits on it. A
// deadline on the connection would not do: one through a jump host has none.
type watch struct {
	mu    sync.Mutex
	phase Phase
	limit time.Duration
	timer *time.Timer
	fired bool
	close func()
}

func newWatch(close func()) *watch { return &watch{close: close} }

// enter begins a phase and ends the one before.
func (w *watch) enter(p Phase, limit time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.phase, w.limit = p, limit
	w.arm()
}

func (w *watch) arm() {
	if w.timer != nil {
		w.timer.Stop()
	}
	if w.fired {
		return
	}
	var t *time.Timer
	t = time.AfterFunc(w.limit, func() {
		w.mu.Lock()
		mine := w.timer == t
		w.fired = w.fired || mine
		w.mu.Unlock()
		if mine {
			w.close()
		}
	})
	w.timer = t
}

// person runs f, which asks a person something, without counting its time.
func (w *watch) person(f func()) {
	w.mu.Lock()
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
	w.mu.Unlock()
	f()
	w.mu.Lock()
	w.arm()
	w.mu.Unlock()
}

// stop ends the last phase and tells how far it came, and whether it took too long.
func (w *watch) stop() (Phase, time.Duration, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
	return w.phase, w.limit, w.fired
}

// greeted is a connection that tells when the far end has said its version.
type greeted struct {
	net.Conn
	seen  []byte // of the first bytes; nil once said
	said  func()
	state bool
}

// Read looks at the beginning only.
func (g *greeted) Read(b []byte) (int, error) {
	n, err := g.Conn.Read(b)
	if g.state {
		return n, err
	}
	g.seen = append(g.seen, b[:n]...)
	at := bytes.LastIndex(g.seen, []byte("SSH-"))
	if g.state = at >= 0 && bytes.IndexByte(g.seen[at:], '\n') >= 0 || len(g.seen) > 4096; g.state {
		g.seen = nil
		g.said()
	}
	return n, err
}
