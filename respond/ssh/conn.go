package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// conn is one connection that was logged in to.
type conn struct {
	target  Target
	limits  Limits
	client  *ssh.Client
	via     io.Closer // what carries it and is its own; nil
	address netip.Addr
	key     string // fingerprint of the host key
	asked   bool   // a person accepted it in this run

	ended chan struct{} // closed when it is over
	work  sync.WaitGroup

	mu      sync.Mutex
	closing bool
	root    bool  // the login is root's
	why     error // why it is over
	open    int   // sessions
	limit   int   // of sessions, as far as is known
	freed   chan struct{}
	manager netip.AddrPort // as the host said last
}

func newConn(t Target, limits Limits, client *ssh.Client, key *keyCheck, address netip.Addr, via io.Closer) *conn {
	c := &conn{target: t, limits: limits, client: client, via: via, address: address, key: ssh.FingerprintSHA256(key.shown), asked: key.asked,
		ended: make(chan struct{}), limit: limits.Sessions, freed: make(chan struct{})}
	c.spawn(func() {
		err := client.Wait()
		c.mu.Lock()
		if c.why == nil {
			c.why = fmt.Errorf("%w: %w", ErrLost, err)
		}
		c.mu.Unlock()
		close(c.ended)
		if c.via != nil {
			c.via.Close()
		}
	})
	c.spawn(c.keepAlive)
	return c
}

// Close ends it and everything on it, and waits for that.
func (c *conn) Close() error {
	c.giveUp(errClosed)
	c.mu.Lock()
	c.closing = true
	c.mu.Unlock()
	c.work.Wait()
	return nil
}

// spawn starts what Close waits for; what is started after that ends by itself,
// since the connection is gone.
func (c *conn) spawn(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		go f()
		return
	}
	c.work.Go(f)
}

func (c *conn) giveUp(why error) {
	c.mu.Lock()
	if c.why == nil {
		c.why = why
	}
	c.mu.Unlock()
	c.client.Close()
}

// over says why the connection is no more; nil while it is.
func (c *conn) over() error {
	select {
	case <-c.ended:
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.why
	default:
		return nil
	}
}

// keepAlive asks for a sign of life, and gives up a connection without one.
func (c *conn) keepAlive() {
	tick := time.NewTicker(c.limits.Alive)
	defer tick.Stop()
	for {
		select {
		case <-c.ended:
			return
		case <-tick.C:
		}
		answer := make(chan error, 1)
		c.spawn(func() {
			_, _, err := c.client.SendRequest("keepalive@openssh.com", true, nil)
			answer <- err
		})
		timer := time.NewTimer(c.limits.Alive)
		select {
		case <-c.ended:
		case <-answer:
		case <-timer.C:
			c.giveUp(fmt.Errorf("%w: no sign of life for %s", ErrLost, c.limits.Alive))
		}
		timer.Stop()
	}
}

// session opens a session when one is free. A host that refuses one may not
// have noticed yet that another has ended: it is asked again for a while. One
// that goes on refusing while others are open allows no more than those.
func (c *conn) session(ctx context.Context) (ssh.Channel, <-chan *ssh.Request, error) {
	for try, pause := 1, 10*time.Millisecond; ; try, pause = try+1, min(2*pause, longestPause) {
		if err := c.take(ctx); err != nil {
			return nil, nil, err
		}
		ch, requests, err := c.openChannel(ctx)
		if err == nil {
			return ch, requests, nil
		}
		var refused *ssh.OpenChannelError
		others := c.release(errors.As(err, &refused) && try >= surelyRefused)
		if !errors.As(err, &refused) || try == mostTries && others == 0 {
			return nil, nil, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

const (
	longestPause  = 200 * time.Millisecond
	surelyRefused = 3
	mostTries     = 12
)

// take waits until one more session may be open.
func (c *conn) take(ctx context.Context) error {
	for {
		c.mu.Lock()
		if c.open < c.limit {
			c.open++
			c.mu.Unlock()
			return nil
		}
		freed := c.freed
		c.mu.Unlock()
		select {
		case <-freed:
		case <-c.ended:
			return c.over()
		case <-ctx.Done():
			return fmt.Errorf("all sessions of the connection are in use: %w", ctx.Err())
		}
	}
}

// release gives one back; refused tells that there was not to be one more. It
// returns how many others are open.
func (c *conn) release(refused bool) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
	if refused && c.open > 0 {
		c.limit = min(c.limit, c.open)
	}
	close(c.freed)
	c.freed = make(chan struct{})
	return c.open
}

// openChannel is bounded: a connection that does not answer it is given up.
func (c *conn) openChannel(ctx context.Context) (ssh.Channel, <-chan *ssh.Request, error) {
	type opened struct {
		ch       ssh.Channel
		requests <-chan *ssh.Request
		err      error
	}
	answer := make(chan opened, 1)
	c.spawn(func() {
		ch, requests, err := c.client.OpenChannel("session", nil)
		answer <- opened{ch, requests, err}
	})
	timer := time.NewTimer(c.limits.Session)
	defer timer.Stop()
	select {
	case o := <-answer:
		if o.err != nil && c.over() == nil {
			var refused *ssh.OpenChannelError
			if !errors.As(o.err, &refused) { // what fails otherwise fails with the connection
				<-c.ended
			}
		}
		if lost := c.over(); o.err != nil && lost != nil {
			return nil, nil, lost
		}
		return o.ch, o.requests, o.err
	case <-ctx.Done():
		c.spawn(func() { // one that opens late is closed
			if o := <-answer; o.err == nil {
				o.ch.Close()
				for range o.requests {
				}
			}
		})
		return nil, nil, ctx.Err()
	case <-timer.C:
		c.giveUp(fmt.Errorf("%w: %w", ErrLost, silent(c.limits.Session)))
		return nil, nil, silent(c.limits.Session)
	}
}

// forward opens a way from this host to an address.
func (c *conn) forward(ctx context.Context, address string) (net.Conn, error) {
	limited, cancel := context.WithTimeout(ctx, c.limits.Connect)
	defer cancel()
	to, err := c.client.DialContext(limited, "tcp", address)
	var refused *ssh.OpenChannelError
	if err != nil && limited.Err() == nil && !errors.As(err, &refused) { // what fails otherwise fails with the connection
		select {
		case <-c.ended:
			return nil, c.over()
		case <-limited.Done():
		}
	}
	return to, err
}
