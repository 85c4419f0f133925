package ssh

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"interdict/respond"
)

// server is an SSH server in this process that does what a test wants of it.
type server struct {
	t        testing.TB
	listener net.Listener
	key      ssh.Signer
	config   *ssh.ServerConfig
	allow    int    // sessions at once; 0: any number
	path     string // PATH of what it runs, before the usual one
	// exec serves one exec; nil runs it with sh, as sshd does.
	exec func(s *served)
	// session is called when a session opens; may be nil.
	session func(*ssh.ServerConn)
	// raw takes a connection before SSH; nil: SSH.
	raw func(net.Conn)

	work     sync.WaitGroup
	mu       sync.Mutex
	conns    []net.Conn
	commands []string // executed
	asked    []string // requests of sessions and kinds of channels, in order
	logins   int
	open     int
	silent   bool // answers nothing any more
}

// served is one exec.
type served struct {
	ssh.Channel
	server  *server
	command string
	env     []string
}

func newSigner(t testing.TB) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// serve starts a server that lets anybody in with any key, changed by prepare.
func serve(t testing.TB, prepare func(*server)) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, listener: l, key: newSigner(t)}
	s.config = &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, nil }}
	if prepare != nil {
		prepare(s)
	}
	s.config.AddHostKey(s.key)
	s.work.Go(s.accept)
	t.Cleanup(s.stop)
	return s
}

func (s *server) stop() {
	s.listener.Close()
	s.cut()
	s.work.Wait()
}

// cut closes all connections there are.
func (s *server) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.Close()
	}
	s.conns = nil
}

func (s *server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns = append(s.conns, c)
		s.mu.Unlock()
		s.work.Go(func() {
			if s.raw != nil {
				s.raw(c)
				return
			}
			s.connection(c)
		})
	}
}

func (s *server) connection(raw net.Conn) {
	defer raw.Close()
	c, channels, requests, err := ssh.NewServerConn(raw, s.config)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.logins++
	s.mu.Unlock()
	s.work.Go(func() {
		for r := range requests {
			s.mu.Lock()
			silent := s.silent
			s.mu.Unlock()
			if r.WantReply && !silent {
				r.Reply(false, nil)
			}
		}
	})
	for ch := range channels {
		s.work.Go(func() { s.channel(c, ch) })
	}
}

func (s *server) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, what)
}

func (s *server) channel(c *ssh.ServerConn, n ssh.NewChannel) {
	s.note(n.ChannelType())
	switch n.ChannelType() {
	case "direct-tcpip":
		s.forward(n)
		return
	case "session":
	default:
		n.Reject(ssh.UnknownChannelType, "")
		return
	}
	s.mu.Lock()
	silent, full := s.silent, s.allow > 0 && s.open >= s.allow
	if !full {
		s.open++
	}
	s.mu.Unlock()
	if silent {
		return
	}
	if full {
		n.Reject(ssh.Prohibited, "open failed")
		return
	}
	ch, requests, err := n.Accept()
	if err != nil {
		return
	}
	if s.session != nil {
		s.session(c)
	}
	for r := range requests {
		if s.note(r.Type); r.Type != "exec" {
			continue
		}
		var m struct{ Command string }
		ssh.Unmarshal(r.Payload, &m)
		s.mu.Lock()
		s.commands = append(s.commands, m.Command)
		s.mu.Unlock()
		e := &served{Channel: ch, server: s, command: m.Command, env: []string{"SSH_CONNECTION=192.0.2.7 40022 192.0.2.9 22"}}
		s.work.Go(func() {
			if s.exec != nil {
				s.exec(e)
			} else {
				e.end(e.run())
			}
			s.mu.Lock()
			s.open--
			s.mu.Unlock()
			ch.Close()
		})
	}
}

// run runs the command as sshd does and gives its status.
func (e *served) run() int {
	c := exec.Command("/bin/sh", "-c", e.command)
	c.Env = append(e.env, "PATH="+e.server.path+os.Getenv("PATH"))
	c.Stdout, c.Stderr = e, e.Stderr()
	in, err := c.StdinPipe()
	if err != nil {
		return 255
	}
	if err := c.Start(); err != nil {
		return 255
	}
	go func() { io.Copy(in, e); in.Close() }()
	c.Wait()
	return c.ProcessState.ExitCode()
}

func (e *served) end(status int) {
	e.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(status)}))
}

func (s *server) forward(n ssh.NewChannel) {
	var to struct {
		Host  string
		Port  uint32
		From  string
		FPort uint32
	}
	ssh.Unmarshal(n.ExtraData(), &to)
	c, err := net.Dial("tcp", net.JoinHostPort(to.Host, fmt.Sprint(to.Port)))
	if err != nil {
		n.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	ch, requests, err := n.Accept()
	if err != nil {
		c.Close()
		return
	}
	go ssh.DiscardRequests(requests)
	s.mu.Lock()
	s.conns = append(s.conns, c)
	s.mu.Unlock()
	s.work.Go(func() { io.Copy(c, ch); c.Close() })
	io.Copy(ch, c)
	ch.Close()
	c.Close()
}

func (s *server) port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// target is the server as a host named name, its key known.
func (s *server) target(name string) Target {
	s.t.Helper()
	dir := s.t.TempDir()
	t := Target{Name: name, Address: "127.0.0.1", Port: s.port(), User: "ana", KnownHosts: []string{filepath.Join(dir, "known_hosts")}, Keys: []string{filepath.Join(dir, "id")}}
	if err := remember(t.KnownHosts[0], t.known(), s.key.PublicKey()); err != nil {
		s.t.Fatal(err)
	}
	writeKey(s.t, t.Keys[0], "")
	return t
}

// writeKey makes a key pair and gives its public half.
func writeKey(t testing.TB, path, passphrase string) ssh.PublicKey {
	t.Helper()
	out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", path).CombinedOutput()
	if err != nil {
		t.Skipf("no ssh-keygen: %v: %s", err, out)
	}
	b, err := os.ReadFile(path + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	pub, _, _, _, err := ssh.ParseAuthorizedKey(b)
	if err != nil {
		t.Fatal(err)
	}
	return pub
}

// short are limits that a test can wait for.
var short = Limits{Connect: 5 * time.Second, Version: time.Second, KeyExchange: time.Second, Login: 2 * time.Second, Session: time.Second, Alive: time.Second}

// host is the target over a network of its own that is closed at the end.
func host(t *testing.T, target Target, ask respond.Asker) *Host {
	t.Helper()
	n := New(Options{Ask: ask, Limits: short})
	t.Cleanup(func() { n.Close() })
	return n.Host(target)
}

// person answers questions.
type person struct {
	trust   bool
	secrets []string // in order; the last one again

	mu     sync.Mutex
	asked  []respond.SecretQuestion
	keys   []respond.UnknownKey
	before func()
}

func (p *person) Trust(_ context.Context, q respond.UnknownKey) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = append(p.keys, q)
	return p.trust, nil
}

func (p *person) Secret(_ context.Context, q respond.SecretQuestion) ([]byte, error) {
	if p.before != nil {
		p.before()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i := min(len(p.asked), len(p.secrets)-1)
	p.asked = append(p.asked, q)
	if i < 0 {
		return nil, fmt.Errorf("nobody knows the %s", q.For)
	}
	return []byte(p.secrets[i]), nil
}
