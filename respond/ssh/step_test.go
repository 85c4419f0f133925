package ssh

import (
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
)

func TestNothingIsAskedOfAHostButSessionsAndExecs(t *testing.T) {
	s := serve(t, nil)
	h := host(t, s.target("web-1"), nil)
	for range 2 {
		if _, err := h.Run(t.Context(), echo, nil); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"session", "exec", "session", "exec"}; !slices.Equal(s.asked, want) {
		t.Errorf("%q", s.asked)
	}
}

func TestAHostThatOpensChannelsToUsIsRefusedThem(t *testing.T) {
	refused := make(chan error, 3)
	s := serve(t, func(s *server) {
		s.session = func(c *ssh.ServerConn) {
			for _, kind := range []string{"auth-agent@openssh.com", "x11", "forwarded-tcpip"} {
				payload := ssh.Marshal(struct {
					Addr  string
					Port  uint32
					From  string
					FPort uint32
				}{"127.0.0.1", 22, "127.0.0.1", 9})
				_, _, err := c.OpenChannel(kind, payload)
				refused <- err
			}
		}
	})
	if _, err := host(t, s.target("web-1"), nil).Run(t.Context(), echo, nil); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		var no *ssh.OpenChannelError
		if err := <-refused; !errors.As(err, &no) {
			t.Errorf("a channel to us was not refused: %v", err)
		}
	}
}

func TestAKeyAndAPasswordTogether(t *testing.T) {
	s := serve(t, func(s *server) {
		s.config.PublicKeyCallback = func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) {
			return nil, &ssh.PartialSuccessError{Next: ssh.ServerAuthCallbacks{PasswordCallback: func(_ ssh.ConnMetadata, p []byte) (*ssh.Permissions, error) {
				if string(p) == "secret" {
					return nil, nil
				}
				return nil, errors.New("no")
			}}}
		}
	})
	if _, err := host(t, s.target("web-1"), &person{secrets: []string{"secret"}}).Run(t.Context(), echo, nil); err != nil {
		t.Error(err)
	}
	if _, err := host(t, s.target("web-1"), nil).Run(t.Context(), echo, nil); err == nil {
		t.Error("a key alone was enough")
	}
}

// cutter passes connections on and cuts each once the host has said so much.
type cutter struct {
	listener net.Listener
	to       string
	after    int64
	work     sync.WaitGroup
}

func cutAfter(t *testing.T, to string, after int64) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{listener: l, to: to, after: after}
	c.work.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			c.work.Go(func() { c.pass(near) })
		}
	})
	t.Cleanup(func() { l.Close(); c.work.Wait() })
	return c
}

func (c *cutter) pass(near net.Conn) {
	far, err := net.Dial("tcp", c.to)
	if err != nil {
		near.Close()
		return
	}
	var both sync.WaitGroup
	both.Go(func() { io.Copy(far, near); far.Close() })
	io.CopyN(near, far, c.after)
	near.Close()
	far.Close()
	both.Wait()
}

func TestALinkThatIsCutAnywhereEndsInAnErrorThatSaysHowFarItCame(t *testing.T) {
	s := serve(t, nil)
	seen := map[Phase]bool{}
	for after := int64(0); ; after += 97 {
		c := cutAfter(t, s.listener.Addr().String(), after)
		target := s.target("web-1")
		target.Port = c.listener.Addr().(*net.TCPAddr).Port
		knownLine(t, target, pattern(target)+" "+text(s.key.PublicKey()))
		_, err := host(t, target, nil).Run(t.Context(), echo, nil)
		var e *Error
		switch {
		case err == nil && after > 0:
			if len(seen) < 4 {
				t.Errorf("cut in these phases only: %v", seen)
			}
			return
		case !errors.As(err, &e):
			t.Fatalf("after %d bytes: %v", after, err)
		case !strings.Contains(err.Error(), "web-1"):
			t.Errorf("after %d bytes: %v", after, err)
		}
		seen[e.Phase] = true
	}
}

func TestAJumpHostWhoseLinkIsCutEndsTheRunBehindIt(t *testing.T) {
	running := make(chan struct{}, 1)
	inner := serve(t, func(s *server) {
		s.exec = func(e *served) {
			io.WriteString(e, began)
			select {
			case running <- struct{}{}:
			default:
			}
			io.Copy(io.Discard, e)
			e.end(7)
		}
	})
	jump := serve(t, nil)
	target := inner.target("db-1")
	target.Jumps = []Target{jump.target("bastion")}
	h := host(t, target, nil)
	result := make(chan error, 1)
	go func() {
		_, err := h.Run(t.Context(), echo, make([]byte, 64<<20))
		result <- err
	}()
	<-running
	jump.cut()
	if err := <-result; !errors.Is(err, ErrLost) {
		t.Errorf("%v", err)
	}
	if out, err := h.Run(t.Context(), echo, nil); err != nil || out.Status != 7 {
		t.Errorf("afterwards: %v %v", out.Status, err)
	}
}
