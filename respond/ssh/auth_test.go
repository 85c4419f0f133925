package ssh

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// only lets in who shows one of the keys.
func only(keys ...ssh.PublicKey) func(*server) {
	return func(s *server) {
		s.config.PublicKeyCallback = func(_ ssh.ConnMetadata, shown ssh.PublicKey) (*ssh.Permissions, error) {
			for _, k := range keys {
				if bytes.Equal(k.Marshal(), shown.Marshal()) {
					return nil, nil
				}
			}
			return nil, errors.New("not that one")
		}
	}
}

func TestAnEncryptedKeyIsOpenedOnceWhenItIsWanted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "id")
	s := serve(t, only(writeKey(t, path, "open sesame")))
	target := s.target("web-1")
	target.Keys = append(target.Keys, path)
	p := &person{secrets: []string{"wrong", "open sesame"}}
	h := host(t, target, p)
	if _, err := h.Run(t.Context(), echo, nil); err != nil {
		t.Fatal(err)
	}
	fresh, err := h.Fresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	fresh.Close()
	if len(p.asked) != 2 || !strings.Contains(p.asked[0].For, path) {
		t.Errorf("asked %+v", p.asked)
	}
	if _, err := host(t, target, nil).Run(t.Context(), echo, nil); err == nil || !strings.Contains(err.Error(), "none of its ways to log in worked") {
		t.Errorf("%v", err)
	}
}

func TestACertificateBesideTheKeyLogsIn(t *testing.T) {
	authority := newSigner(t)
	path := filepath.Join(t.TempDir(), "id")
	pub := writeKey(t, path, "")
	c := &ssh.Certificate{Key: pub, CertType: ssh.UserCert, ValidPrincipals: []string{"ana"}, ValidBefore: ssh.CertTimeInfinity}
	if err := c.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+"-cert.pub", ssh.MarshalAuthorizedKey(c), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, func(s *server) {
		checker := &ssh.CertChecker{IsUserAuthority: func(k ssh.PublicKey) bool { return bytes.Equal(k.Marshal(), authority.PublicKey().Marshal()) }}
		s.config.PublicKeyCallback = checker.Authenticate
	})
	target := s.target("web-1")
	target.Keys = []string{path}
	if _, err := host(t, target, nil).Run(t.Context(), echo, nil); err != nil {
		t.Error(err)
	}
}

// runAgent serves keys on a socket.
func runAgent(t *testing.T, keys ...any) string {
	t.Helper()
	ring := agent.NewKeyring()
	for _, k := range keys {
		if err := ring.Add(agent.AddedKey{PrivateKey: k}); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "agent")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { agent.ServeAgent(ring, c); c.Close() }()
		}
	}()
	return path
}

func TestTheAgentsKeysLogIn(t *testing.T) {
	var keys []any
	var last ssh.PublicKey
	for range 8 { // more than sshd lets anybody try
		pub, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, private)
		last, _ = ssh.NewPublicKey(pub)
	}
	socket := runAgent(t, keys...)
	s := serve(t, func(s *server) { only(last)(s); s.config.MaxAuthTries = 6 })
	target := s.target("web-1")
	target.Agent, target.Keys = socket, nil
	if _, err := host(t, target, nil).Run(t.Context(), echo, nil); err == nil {
		t.Error("the eighth key of the agent was tried")
	}
	path := filepath.Join(t.TempDir(), "id") // named by its public half, it comes first
	os.WriteFile(path+".pub", ssh.MarshalAuthorizedKey(last), 0o600)
	target.Keys, target.KeysOnly = []string{path}, true
	if _, err := host(t, target, nil).Run(t.Context(), echo, nil); err != nil {
		t.Error(err)
	}
}

func TestAPasswordIsAskedForOnceAndKeptWhileItHolds(t *testing.T) {
	right := "one"
	s := serve(t, func(s *server) {
		s.config = &ssh.ServerConfig{PasswordCallback: func(_ ssh.ConnMetadata, p []byte) (*ssh.Permissions, error) {
			if string(p) == right {
				return nil, nil
			}
			return nil, errors.New("no")
		}}
	})
	p := &person{secrets: []string{"mistyped", "one", "two"}}
	h := host(t, s.target("web-1"), p)
	if _, err := h.Run(t.Context(), echo, nil); err != nil {
		t.Fatal(err)
	}
	if fresh, err := h.Fresh(t.Context()); err != nil {
		t.Error(err)
	} else {
		fresh.Close()
	}
	right = "two"
	if fresh, err := h.Fresh(t.Context()); err != nil {
		t.Error(err)
	} else {
		fresh.Close()
	}
	if len(p.asked) != 3 {
		t.Errorf("asked %d times", len(p.asked))
	}
}

func TestQuestionsOfTheHostAreAnsweredByThePerson(t *testing.T) {
	s := serve(t, func(s *server) {
		s.config = &ssh.ServerConfig{KeyboardInteractiveCallback: func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			answers, err := ask("", "second factor", []string{"Code: ", "Colour: "}, []bool{false, true})
			if err == nil && len(answers) == 2 && answers[0] == "123456" && answers[1] == "blue" {
				return nil, nil
			}
			return nil, errors.New("no")
		}}
	})
	p := &person{secrets: []string{"123456", "blue"}}
	if _, err := host(t, s.target("web-1"), p).Run(t.Context(), echo, nil); err != nil {
		t.Fatal(err)
	}
	if p.asked[0].Shown || !p.asked[1].Shown || !strings.Contains(p.asked[0].Text, "Code") {
		t.Errorf("%+v", p.asked)
	}
}
