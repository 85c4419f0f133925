package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"interdict/respond"
)

const (
	passwordTries = 2 // a person may mistype
	rounds        = 8 // of keyboard-interactive questions
	agentKeys     = 5 // offered; sshd ends a connection after six tries
)

// login makes the ways to log in to one host, for one connection.
type login struct {
	ctx    context.Context
	target Target
	net    *Network
	watch  *watch
	agent  net.Conn
	rounds int
	tried  bool // the kept password was sent
}

func (l *login) methods() []ssh.AuthMethod {
	methods := []ssh.AuthMethod{ssh.PublicKeysCallback(l.signers)}
	if l.net.options.Ask != nil {
		methods = append(methods,
			ssh.RetryableAuthMethod(ssh.PasswordCallback(l.password), passwordTries),
			ssh.KeyboardInteractive(l.answer))
	}
	return methods
}

// close lets the agent go; nothing of it reaches the host.
func (l *login) close() {
	if l.agent != nil {
		l.agent.Close()
	}
}

// signers are certificates first, then the keys that are named, then the agent's.
func (l *login) signers() ([]ssh.Signer, error) {
	held := l.fromAgent()
	var named, plain, rest []ssh.Signer
	var wanted [][]byte // public halves of what the target names
	for _, path := range l.target.Keys {
		k, err := l.net.key(path)
		if err != nil { // is not there, or is no key: no reason not to try the others
			continue
		}
		wanted = append(wanted, k.public.Marshal())
		if !k.absent && (l.net.options.Ask != nil || !k.locked()) {
			plain = append(plain, offered{k, l})
		}
	}
	certificates := l.certificates()
	for _, c := range certificates {
		wanted = append(wanted, c.Key.Marshal(), c.Marshal())
	}
	for _, s := range append(append([]ssh.Signer{}, plain...), held...) {
		for _, c := range certificates {
			if bytes.Equal(c.Key.Marshal(), s.PublicKey().Marshal()) {
				if cs, err := ssh.NewCertSigner(c, s); err == nil {
					named = append(named, cs)
				}
			}
		}
	}
	for _, s := range held {
		if slices.ContainsFunc(wanted, func(w []byte) bool { return bytes.Equal(w, s.PublicKey().Marshal()) }) {
			named = append(named, s)
		} else if !l.target.KeysOnly && len(rest) < agentKeys {
			rest = append(rest, s)
		}
	}
	return unique(append(append(named, plain...), rest...)), nil
}

// unique keeps the first of several that show the same key: the agent's needs no passphrase.
func unique(all []ssh.Signer) []ssh.Signer {
	seen := map[string]bool{}
	var out []ssh.Signer
	for _, s := range all {
		if k := string(s.PublicKey().Marshal()); !seen[k] {
			seen[k] = true
			out = append(out, s)
		}
	}
	return out
}

func (l *login) fromAgent() []ssh.Signer {
	if l.target.Agent == "" {
		return nil
	}
	c, err := net.Dial("unix", l.target.Agent)
	if err != nil {
		return nil
	}
	l.agent = c
	_ = c.SetDeadline(time.Now().Add(l.net.options.Limits.Login)) // an agent that hangs
	held, err := agent.NewClient(c).Signers()
	if err != nil {
		return nil
	}
	return held
}

func (l *login) certificates() []*ssh.Certificate {
	paths := l.target.Certificates
	for _, k := range l.target.Keys {
		paths = append(paths[:len(paths):len(paths)], k+"-cert.pub")
	}
	var all []*ssh.Certificate
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if pub, _, _, _, err := ssh.ParseAuthorizedKey(b); err == nil {
			if c, ok := pub.(*ssh.Certificate); ok && c.CertType == ssh.UserCert {
				all = append(all, c)
			}
		}
	}
	return all
}

func (l *login) question(q respond.SecretQuestion) ([]byte, error) {
	q.Host = l.target.Name
	return l.net.options.Ask.Secret(l.ctx, q)
}

func (l *login) ask(q respond.SecretQuestion) (answer []byte, err error) {
	l.watch.person(func() { answer, err = l.question(q) })
	return answer, err
}

func (l *login) password() (string, error) {
	at := l.target.User + "@" + l.target.dial()
	if kept := l.net.secret(at); kept != nil && !l.tried {
		l.tried = true
		return string(kept), nil
	}
	answer, err := l.ask(respond.SecretQuestion{For: "password of " + l.target.User})
	if l.tried = true; err == nil {
		l.net.keep(at, answer)
	}
	return string(answer), err
}

func (l *login) answer(_, instruction string, questions []string, echo []bool) ([]string, error) {
	if l.rounds++; l.rounds > rounds {
		return nil, errors.New("it asks without end")
	}
	answers := make([]string, len(questions))
	for i, q := range questions {
		text := strings.TrimSpace(instruction + "\n" + q)
		a, err := l.ask(respond.SecretQuestion{For: "an answer for " + l.target.User, Text: text, Shown: echo[i]})
		if err != nil {
			return nil, err
		}
		answers[i] = string(a)
	}
	return answers, nil
}

// fileKey is a private key in a file. An encrypted one is opened when a host
// wants its signature, not before.
type fileKey struct {
	path   string
	public ssh.PublicKey
	absent bool // only KEY.pub is there: it names a key of the agent

	mu   sync.Mutex
	open ssh.AlgorithmSigner // nil: its passphrase was not given yet
}

func (k *fileKey) locked() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.open == nil
}

// unlock asks for the passphrase unless it is open.
func (k *fileKey) unlock(ask func(respond.SecretQuestion) ([]byte, error)) (ssh.AlgorithmSigner, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for try := 0; k.open == nil; try++ {
		passphrase, err := ask(respond.SecretQuestion{For: "passphrase of " + k.path})
		if err != nil {
			return nil, err
		}
		b, err := os.ReadFile(k.path)
		if err != nil {
			return nil, err
		}
		s, err := ssh.ParsePrivateKeyWithPassphrase(b, passphrase)
		clear(passphrase)
		if err == nil {
			k.open = s.(ssh.AlgorithmSigner) // every signer of the library is one
		} else if try+1 >= passwordTries {
			return nil, fmt.Errorf("%s: %w", k.path, err)
		}
	}
	return k.open, nil
}

// offered is a fileKey as one login offers it.
type offered struct {
	*fileKey
	login *login
}

// PublicKey is known without a passphrase.
func (o offered) PublicKey() ssh.PublicKey { return o.public }

// Sign is SignWithAlgorithm with the key's own.
func (o offered) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	return o.SignWithAlgorithm(rand, data, "")
}

// SignWithAlgorithm asks for the passphrase when it is needed first.
func (o offered) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	var s ssh.AlgorithmSigner
	var err error
	// The time counts as a person's also while the answer to another host's
	// question is awaited.
	o.login.watch.person(func() { s, err = o.unlock(o.login.question) })
	if err != nil {
		return nil, err
	}
	return s.SignWithAlgorithm(rand, data, algorithm)
}

// loadKey reads the file; of an encrypted key, and of one that only the agent
// has, the public half.
func loadKey(path string) (*fileKey, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		pub, err := publicHalf(path)
		return &fileKey{path: path, public: pub, absent: true}, err
	}
	if err != nil {
		return nil, err
	}
	s, err := ssh.ParsePrivateKey(b)
	var locked *ssh.PassphraseMissingError
	switch {
	case err == nil:
		return &fileKey{path: path, public: s.PublicKey(), open: s.(ssh.AlgorithmSigner)}, nil
	case !errors.As(err, &locked):
		return nil, fmt.Errorf("%s: %w", path, err)
	case locked.PublicKey != nil:
		return &fileKey{path: path, public: locked.PublicKey}, nil
	}
	pub, err := publicHalf(path) // formats before OpenSSH's own hide it
	return &fileKey{path: path, public: pub}, err
}

func publicHalf(path string) (ssh.PublicKey, error) {
	b, err := os.ReadFile(path + ".pub")
	if err != nil {
		return nil, err
	}
	pub, _, _, _, err := ssh.ParseAuthorizedKey(b)
	return pub, err
}
