package ssh

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"interdict/respond"
)

const (
	flood = 64 << 20        // bytes of one stream after which a run is cut off
	grace = 2 * time.Second // for the rest of the output once the script has ended
)

// stream keeps the first bytes of an output and tells others as they come.
type stream struct {
	mu     sync.Mutex
	kept   []byte
	max    int
	cut    bool
	ended  bool              // nobody wants more: what comes is left in the window
	notify func(kept []byte) // called with what is kept so far; may be nil
	to     io.Writer         // takes all, however much; nil: what is too much ends the run
}

// read reads to the end. ErrFlood ends it early.
func (s *stream) read(from io.Reader) error {
	b := make([]byte, 32<<10)
	for total := 0; ; {
		n, err := from.Read(b)
		if total += n; n > 0 {
			kept, ended, err := s.add(b[:n])
			if ended || err != nil {
				return err
			}
			if s.notify != nil {
				s.notify(kept)
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case total > flood && s.to == nil:
			return ErrFlood
		}
	}
}

// add passes on under the lock, so that nothing is passed on once take was called.
func (s *stream) add(b []byte) (kept []byte, ended bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil, true, nil
	}
	if s.to != nil {
		_, err = s.to.Write(b)
	}
	keep := min(len(b), s.max-len(s.kept))
	s.kept = append(s.kept, b[:keep]...)
	s.cut = s.cut || keep < len(b)
	return s.kept, false, err
}

// take ends the stream and gives what it kept.
func (s *stream) take() ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	return s.kept, s.cut
}

// command is one exec and how its streams are served.
type command struct {
	text   string
	limit  time.Duration
	stdout stream
	stderr stream
	// feed writes the standard input and returns when no more is to be written,
	// or when stop is closed.
	feed func(stdin io.Writer, stop <-chan struct{})
}

// exited is how a command ended.
type exited struct {
	known  bool
	status int
}

// exec runs one command in a session of its own and waits for its end. begun
// tells whether the host may have started it.
func (c *conn) exec(ctx context.Context, cmd *command) (end exited, begun bool, err error) {
	limited, cancel := context.WithTimeout(ctx, cmd.limit+c.limits.Session) // for one that is free
	defer cancel()
	ch, requests, err := c.session(limited)
	if err != nil {
		return exited{}, false, &Error{Host: c.target.Name, Phase: Session, Err: err}
	}
	end, err = c.serve(ctx, cmd, ch, requests)
	if errors.Is(err, ErrNoEnd) { // it may be the connection that is gone
		if _, _, gone := c.client.SendRequest("keepalive@openssh.com", true, nil); gone != nil {
			<-c.ended
		}
	}
	if lost := c.over(); err != nil && lost != nil && ctx.Err() == nil {
		err = lost
	}
	if err != nil {
		err = &Error{Host: c.target.Name, Phase: Running, Err: err}
	}
	return end, true, err
}

// serve sends the exec and moves the streams until the end, a bound or ctx's
// end. It asks for no answer to the exec, which saves a round trip: one that is
// refused shows as a session that ends without a status.
func (c *conn) serve(ctx context.Context, cmd *command, ch ssh.Channel, requests <-chan *ssh.Request) (exited, error) {
	var work sync.WaitGroup
	stop, status, closed := make(chan struct{}), make(chan exited, 1), make(chan struct{})
	defer close(stop)
	work.Go(func() { watchRequests(requests, status); close(closed) })
	if _, err := ch.SendRequest("exec", false, ssh.Marshal(struct{ Command string }{cmd.text})); err != nil {
		c.end(ch, &work)
		return exited{}, err
	}
	read := make(chan error, 2)
	work.Go(func() { read <- cmd.stdout.read(ch) })
	work.Go(func() { read <- cmd.stderr.read(ch.Stderr()) })
	work.Go(func() {
		cmd.feed(ch, stop)
		_ = ch.CloseWrite() // of a session that is closed already
	})
	timer := time.NewTimer(cmd.limit)
	defer timer.Stop()
	end, err := await(ctx, timer.C, status, closed, read)
	if !end.known && err != nil {
		_, _ = ch.SendRequest("signal", false, ssh.Marshal(struct{ Signal string }{"TERM"})) // where the host does that
	}
	c.end(ch, &work)
	if err == nil && !end.known {
		err = ErrNoEnd
	}
	return end, err
}

// await waits for the end: both outputs and the session closed, or a while
// after the status when the host does not close it.
func await(ctx context.Context, limit <-chan time.Time, status <-chan exited, closed <-chan struct{}, read <-chan error) (end exited, err error) {
	var late <-chan time.Time
	for outputs := 2; ; {
		select {
		case end = <-status:
			t := time.NewTimer(grace)
			defer t.Stop()
			late, status = t.C, nil
		case err := <-read:
			if err != nil {
				return end, err
			}
			outputs--
		case <-closed:
			closed = nil
		case <-late:
			return end, nil
		case <-limit:
			err = ErrTimeout
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil && end.known { // it had ended before
			return end, nil
		}
		if err != nil {
			return end, err
		}
		if outputs == 0 && closed == nil && !end.known {
			select { // the last word may have come with the close
			case end = <-status:
			default:
			}
			return end, nil
		}
		if outputs == 0 && end.known {
			return end, nil
		}
	}
}

// end closes the session. It counts as open until the host has closed it too,
// which it may do when the script has ended, or never; nobody waits for that.
func (c *conn) end(ch ssh.Channel, work *sync.WaitGroup) {
	ch.Close()
	c.spawn(func() {
		work.Wait()
		c.release(false)
	})
}

// watchRequests takes the script's end from what the host says of the session.
func watchRequests(requests <-chan *ssh.Request, status chan<- exited) {
	var signals = map[string]int{"HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "BUS": 7, "FPE": 8, "KILL": 9,
		"USR1": 10, "SEGV": 11, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15, "SYS": 31}
	said := false
	say := func(code int) {
		if !said {
			said = true
			status <- exited{known: true, status: code}
		}
	}
	for r := range requests {
		switch r.Type {
		case "exit-status":
			var m struct{ Status uint32 }
			if ssh.Unmarshal(r.Payload, &m) == nil {
				say(int(m.Status & 0xff))
			}
		case "exit-signal":
			var m struct {
				Signal      string
				Core        bool
				Error, Lang string
			}
			if ssh.Unmarshal(r.Payload, &m) == nil {
				say(128 + signals[m.Signal])
			}
		}
		if r.WantReply {
			_ = r.Reply(false, nil)
		}
	}
}

// output is what a run gives back.
func (cmd *command) output(end exited) respond.Output {
	out := respond.Output{Status: end.status}
	var cutOut, cutErr bool
	out.Stdout, cutOut = cmd.stdout.take()
	out.Stderr, cutErr = cmd.stderr.take()
	out.Cut = cutOut || cutErr
	return out
}
