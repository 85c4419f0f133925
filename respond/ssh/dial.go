package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"interdict/respond"
)

// dial makes a connection, through jump hosts end to end. With fresh the jump
// hosts are connected to anew too, one connection for all who ask at the same time. ctx bounds the making only.
func (n *Network) dial(ctx context.Context, t Target, fresh bool) (*conn, error) {
	raw, via, err := n.reach(ctx, t, fresh)
	if err != nil {
		return nil, n.explain(ctx, t, Connecting, n.options.Limits.Connect, err)
	}
	c, err := n.handshake(ctx, t, raw, via)
	if err != nil {
		raw.Close()
		if via != nil {
			via.Close()
		}
		return nil, err
	}
	return c, nil
}

// reach opens the way to the host: TCP, or a channel of its jump host. via is
// to be closed after it.
func (n *Network) reach(ctx context.Context, t Target, fresh bool) (net.Conn, io.Closer, error) {
	j, behind := t.jump()
	if !behind {
		c, err := (&net.Dialer{Timeout: n.options.Limits.Connect}).DialContext(ctx, "tcp", t.dial())
		return c, nil, err
	}
	if fresh { // its own phases bound it
		via, err := n.jumpAnew(ctx, j)
		if err != nil {
			return nil, nil, fmt.Errorf("through %s: %w", j.Name, err)
		}
		c, err := via.forward(ctx, t.dial())
		if err != nil {
			_ = via.Close()
			return nil, nil, fmt.Errorf("from %s: %w", j.Name, err)
		}
		return c, via, nil
	}
	for again := false; ; again = true {
		jump, err := n.jump(j).connection(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("through %s: %w", j.Name, err)
		}
		c, err := jump.forward(ctx, t.dial())
		switch {
		case err == nil:
			return c, nil, nil
		case again || jump.over() == nil: // one that was over already is made anew
			return nil, nil, fmt.Errorf("from %s: %w", j.Name, err)
		}
	}
}

// handshake makes a connection of what was dialled.
func (n *Network) handshake(ctx context.Context, t Target, raw net.Conn, via io.Closer) (*conn, error) {
	limits := n.options.Limits
	w := newWatch(func() { raw.Close() })
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	defer stop()
	key, err := n.newKeyCheck(ctx, t, w)
	if err != nil {
		return nil, &Error{Host: t.Name, Phase: Connecting, Err: err}
	}
	l := &login{ctx: ctx, target: t, net: n, watch: w}
	defer l.close()
	config := &ssh.ClientConfig{User: t.User, Auth: l.methods(), HostKeyAlgorithms: key.algorithms(),
		HostKeyCallback: func(name string, remote net.Addr, k ssh.PublicKey) error {
			err := key.check(name, remote, k)
			w.enter(Login, limits.Login)
			return err
		},
		BannerCallback: func(string) error { return nil }, // shown nowhere
		ClientVersion:  "SSH-2.0-interdict",
	}
	w.enter(Version, limits.Version)
	said := &greeted{Conn: raw, said: func() { w.enter(Exchange, limits.KeyExchange) }}
	sc, channels, requests, err := ssh.NewClientConn(said, t.known(), config)
	phase, limit, late := w.stop()
	switch {
	case err == nil && !late && stop():
		return newConn(t, limits, ssh.NewClient(sc, channels, requests), key, addressOf(raw), via), nil
	case err == nil:
		sc.Close()
		err = ctx.Err()
	case key.err != nil:
		err = key.err
	default:
		err = key.hint(err)
	}
	if late {
		err = silent(limit)
	}
	return nil, n.explain(ctx, t, phase, limit, err)
}

func addressOf(c net.Conn) netip.Addr {
	a, _ := netip.ParseAddrPort(c.RemoteAddr().String())
	return a.Addr().Unmap()
}

// explain makes an error that names the phase and says what can be done.
func (n *Network) explain(ctx context.Context, t Target, phase Phase, limit time.Duration, err error) error {
	var refusal *respond.Refusal
	var inner *Error
	var slow net.Error
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.As(err, &inner):
		return &Error{Host: t.Name, Phase: phase, Err: err}
	case ctx.Err() != nil:
		return &Error{Host: t.Name, Phase: phase, Err: ctx.Err()}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &slow) && slow.Timeout():
		return &Error{Host: t.Name, Phase: phase, Err: silent(limit)}
	}
	e := &Error{Host: t.Name, Phase: phase, Err: err}
	if strings.Contains(err.Error(), "unable to authenticate") {
		e.Err = errors.New("none of its ways to log in worked for " + t.User + strings.TrimPrefix(err.Error(), "ssh: handshake failed: ssh: unable to authenticate"))
		e.Hint = "see that `ssh " + t.Name + "` logs in"
	}
	return e
}
