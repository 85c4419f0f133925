package ssh

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"interdict/respond"
)

func refusedFor(t *testing.T, err error, code string) {
	t.Helper()
	var refusal *respond.Refusal
	if !errors.As(err, &refusal) || !refusal.Has(code) || !errors.Is(err, respond.ErrRefused) {
		t.Errorf("not refused as %s: %v", code, err)
	}
}

func knownLine(t *testing.T, target Target, lines ...string) {
	t.Helper()
	if err := os.WriteFile(target.KnownHosts[0], []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func text(key ssh.PublicKey) string {
	return key.Type() + " " + base64.StdEncoding.EncodeToString(key.Marshal())
}

func pattern(target Target) string { return xknownhosts.Normalize(target.known()) }

func TestAHostKeyThatChangedIsRefusedAndNobodyIsAsked(t *testing.T) {
	s := serve(t, nil)
	target := s.target("web-1")
	knownLine(t, target, pattern(target)+" "+text(newSigner(t).PublicKey()))
	p := &person{trust: true}
	_, err := host(t, target, p).Run(t.Context(), echo, nil)
	refusedFor(t, err, CodeChangedKey)
	if len(p.keys) > 0 || s.logins > 0 {
		t.Errorf("%d questions, %d logins", len(p.keys), s.logins)
	}
}

func TestAnUnknownHostKeyIsRefusedUnlessAPersonSaysYes(t *testing.T) {
	s := serve(t, nil)
	target := s.target("web-1")
	knownLine(t, target, "# nobody yet")
	_, err := host(t, target, nil).Run(t.Context(), echo, nil)
	refusedFor(t, err, CodeUnknownKey)
	p := &person{}
	_, err = host(t, target, p).Run(t.Context(), echo, nil)
	refusedFor(t, err, CodeUnknownKey)
	if len(p.keys) != 1 || p.keys[0].Fingerprint != ssh.FingerprintSHA256(s.key.PublicKey()) || p.keys[0].Host != "web-1" {
		t.Errorf("asked %+v", p.keys)
	}
	p = &person{trust: true}
	h := host(t, target, p)
	if _, err := h.Run(t.Context(), echo, nil); err != nil {
		t.Fatal(err)
	}
	if r := h.Reached(); !r.Asked || r.Key != p.keys[0].Fingerprint || r.Address.String() != "127.0.0.1" {
		t.Errorf("%+v", r)
	}
	h = host(t, target, nil) // it is in the file now
	if _, err := h.Run(t.Context(), echo, nil); err != nil {
		t.Error(err)
	}
	if h.Reached().Asked {
		t.Error("a key of the file counts as just accepted")
	}
}

func TestHostKeysAreFoundAsOpenSSHWritesThem(t *testing.T) {
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	second, err := ssh.NewSignerFromKey(other)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, func(s *server) { s.config.AddHostKey(second) })
	target := s.target("web-1")
	for name, lines := range map[string][]string{
		"hashed":                           {xknownhosts.HashHostname(pattern(target)) + " " + text(s.key.PublicKey())},
		"only its second type":             {pattern(target) + " " + text(second.PublicKey())},
		"several of one type":              {pattern(target) + " " + text(newSigner(t).PublicKey()), pattern(target) + " " + text(s.key.PublicKey())},
		"a wildcard for all ports":         {"127.0.0.* " + text(s.key.PublicKey())},
		"a list, and lines of other kinds": {"# comment", "nonsense", "x," + pattern(target) + " " + text(s.key.PublicKey()) + " root@web-1"},
	} {
		t.Run(name, func(t *testing.T) {
			knownLine(t, target, lines...)
			if _, err := host(t, target, nil).Run(t.Context(), echo, nil); err != nil {
				t.Error(err)
			}
		})
	}
	named := target
	named.KnownAs = "web-1.example"
	knownLine(t, target, "web-1.example "+text(s.key.PublicKey()))
	if _, err := host(t, named, nil).Run(t.Context(), echo, nil); err != nil {
		t.Error(err)
	}
}

// certified gives the server a certificate of the authority instead of a key.
func certified(t *testing.T, authority ssh.Signer, principal string, ends time.Time) *server {
	t.Helper()
	return serve(t, func(s *server) {
		c := &ssh.Certificate{Key: s.key.PublicKey(), CertType: ssh.HostCert, ValidPrincipals: []string{principal}, ValidBefore: uint64(ends.Unix())}
		if err := c.SignCert(rand.Reader, authority); err != nil {
			t.Fatal(err)
		}
		cs, err := ssh.NewCertSigner(c, s.key)
		if err != nil {
			t.Fatal(err)
		}
		s.key = cs
	})
}

func TestHostCertificates(t *testing.T) {
	authority := newSigner(t)
	soon := time.Now().Add(time.Hour)
	ca := "@cert-authority * " + text(authority.PublicKey())
	for name, c := range map[string]struct {
		principal string
		ends      time.Time
		lines     []string
		code      string // "" accepted
	}{
		"of a known authority":    {"127.0.0.1", soon, []string{ca}, ""},
		"of an authority unknown": {"127.0.0.1", soon, []string{"@cert-authority * " + text(newSigner(t).PublicKey())}, CodeChangedKey},
		"for another host":        {"web-2", soon, []string{ca}, CodeChangedKey},
		"that has ended":          {"127.0.0.1", time.Now().Add(-time.Hour), []string{ca}, CodeChangedKey},
		"of a revoked authority":  {"127.0.0.1", soon, []string{ca, "@revoked * " + text(authority.PublicKey())}, CodeRevokedKey},
	} {
		t.Run(name, func(t *testing.T) {
			s := certified(t, authority, c.principal, c.ends)
			target := s.target("web-1")
			knownLine(t, target, c.lines...)
			_, err := host(t, target, nil).Run(t.Context(), echo, nil)
			if c.code == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var refusal *respond.Refusal
			if !errors.As(err, &refusal) || s.logins > 0 {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestARevokedHostKeyIsRefusedAlthoughItIsKnownToo(t *testing.T) {
	s := serve(t, nil)
	target := s.target("web-1")
	knownLine(t, target, pattern(target)+" "+text(s.key.PublicKey()), "@revoked * "+text(s.key.PublicKey()))
	_, err := host(t, target, nil).Run(t.Context(), echo, nil)
	refusedFor(t, err, CodeRevokedKey)
	knownLine(t, target, pattern(target)+" "+text(s.key.PublicKey()), "@revoked * ssh-ed25519 AAAA")
	if _, err := host(t, target, nil).Run(t.Context(), echo, nil); err == nil || !strings.Contains(err.Error(), "known_hosts:2") {
		t.Errorf("a revocation that cannot be read was passed over: %v", err)
	}
}

func TestAHostThatShowsNoKeyOfAKnownKindIsToldInThoseWords(t *testing.T) {
	s := serve(t, nil)
	target := s.target("web-1")
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(other)
	if err != nil {
		t.Fatal(err)
	}
	knownLine(t, target, pattern(target)+" "+text(signer.PublicKey()))
	_, err = host(t, target, nil).Run(t.Context(), echo, nil)
	refusedFor(t, err, CodeChangedKey)
}

func TestAnAcceptedKeyIsAddedBehindALastLineWithoutEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "known_hosts")
	key := newSigner(t).PublicKey()
	if err := remember(path, "a.example:22", key); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(path)
	os.WriteFile(path, b[:len(b)-1], 0o600)
	if err := remember(path, "b.example:2222", key); err != nil {
		t.Fatal(err)
	}
	b, _ = os.ReadFile(path)
	if want := fmt.Sprintf("a.example %s\n[b.example]:2222 %s\n", text(key), text(key)); string(b) != want {
		t.Errorf("%q", b)
	}
}
