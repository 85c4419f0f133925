package elasticsearch

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// authority signs certificates; the zero issuer signs itself.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func issue(t *testing.T, name string, by *authority, until time.Time) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: until, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: by == nil, BasicConstraintsValid: true}
	signer := &authority{form, key}
	if by != nil {
		signer = by
	}
	der, err := x509.CreateCertificate(rand.Reader, form, signer.cert, &key.PublicKey, signer.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key}
}

func (a *authority) fingerprint() string { return fmt.Sprintf("%x", sha256.Sum256(a.cert.Raw)) }

// file writes the certificate, or its key, as PEM.
func (a *authority) file(t *testing.T, key bool) string {
	t.Helper()
	block := &pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}
	if key {
		der, err := x509.MarshalECPrivateKey(a.key)
		if err != nil {
			t.Fatal(err)
		}
		block = &pem.Block{Type: "EC PRIVATE KEY", Bytes: der}
	}
	path := filepath.Join(t.TempDir(), "pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// serve is a cluster behind TLS that wants the given secret in the header.
func serve(t *testing.T, as *authority, chain ...*authority) string {
	t.Helper()
	said := says(200, `{"cluster_name":"c","version":{"number":"8.19.1"},"license":{"type":"basic"}}`)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Seen", r.Header.Get("Authorization"))
		said(w, r, nil)
	}))
	served := tls.Certificate{Certificate: [][]byte{as.cert.Raw}, PrivateKey: as.key}
	for _, c := range chain {
		served.Certificate = append(served.Certificate, c.cert.Raw)
	}
	s.TLS = &tls.Config{Certificates: []tls.Certificate{served}, ClientAuth: tls.RequestClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

func TestOnlyTheServerThatIsMeantIsTrusted(t *testing.T) {
	year := time.Now().Add(365 * 24 * time.Hour)
	root, other := issue(t, "root", nil, year), issue(t, "other", nil, year)
	good, expired := issue(t, "es", root, year), issue(t, "es", root, time.Now().Add(-time.Minute))
	self, old := issue(t, "self", nil, year), issue(t, "old", nil, time.Now().Add(-time.Minute))
	for _, c := range []struct {
		name string
		url  string
		set  Config
		want string // in the error; "" is trusted
	}{
		{"an authority that nobody knows", serve(t, good), Config{}, "set ca_file or fingerprint"},
		{"a known authority", serve(t, good), Config{CAFile: root.file(t, false)}, ""},
		{"another authority", serve(t, good), Config{CAFile: other.file(t, false)}, "set ca_file or fingerprint"},
		{"expired", serve(t, expired), Config{CAFile: root.file(t, false)}, "expired"},
		{"the fingerprint of a self-signed one", serve(t, self), Config{Fingerprint: self.fingerprint()}, ""},
		{"the fingerprint of the authority", serve(t, good, root), Config{Fingerprint: strings.ToUpper(root.fingerprint())}, ""},
		{"another fingerprint", serve(t, self), Config{Fingerprint: other.fingerprint()}, "if the certificate was changed on purpose"},
		{"the fingerprint of one that is sent along and signed nothing", serve(t, self, root), Config{Fingerprint: root.fingerprint()}, "set ca_file or fingerprint"},
		{"the fingerprint of one that expired", serve(t, old), Config{Fingerprint: old.fingerprint()}, "expired"},
		{"expired under the fingerprint of the authority", serve(t, expired, root), Config{Fingerprint: root.fingerprint()}, "expired"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cluster := connect(t, func(cfg *Config) { *cfg = c.set; cfg.Name, cfg.URLs = "test", []string{c.url} })
			info, err := cluster.Info(t.Context())
			switch {
			case c.want == "" && (err != nil || info.String() != "c 8.19.1 basic"):
				t.Errorf("%v, %v", info, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%v says nothing of %q", err, c.want)
			}
		})
	}
}

func TestAKeyAPasswordATokenAndAClientCertificateAreShown(t *testing.T) {
	server := issue(t, "es", nil, time.Now().Add(time.Hour))
	client := issue(t, "console", nil, time.Now().Add(time.Hour))
	url := serve(t, server)
	for want, set := range map[string]Config{
		"ApiKey aWQ6a2V5":        {APIKey: "id:key"},
		"APIKey aWQ6a2V5":        {APIKey: "aWQ6a2V5"},
		"Basic YW5hOnM6ZWNyZXQ=": {Username: "ana", Password: "s:ecret"},
		"Bearer t0ken":           {Bearer: "t0ken", CertFile: client.file(t, false), KeyFile: client.file(t, true)},
	} {
		c := connect(t, func(cfg *Config) {
			*cfg = set
			cfg.Name, cfg.URLs, cfg.Fingerprint = "test", []string{url + "/es/prefix"}, server.fingerprint()
		})
		a, err := c.ask(t.Context(), request{method: "GET", path: "/"})
		if err != nil {
			t.Fatal(err)
		}
		if got := a.header.Get("Seen"); !strings.EqualFold(got, want) {
			t.Errorf("the header was %q, want %q", got, want)
		}
	}
}

func TestWhoeverIsNotLetInIsToldWhatIsMissing(t *testing.T) {
	server := issue(t, "es", nil, time.Now().Add(time.Hour))
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{server.cert.Raw}, PrivateKey: server.key}}, ClientAuth: tls.RequireAnyClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)
	wants := connect(t, func(c *Config) { c.URLs, c.Fingerprint = []string{s.URL}, server.fingerprint() })
	if _, err := wants.Info(t.Context()); err == nil || !strings.Contains(err.Error(), "set client_cert and client_key") || passing(err) {
		t.Errorf("without a certificate: %v", err)
	}
	closed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		says(401, `{"error":{"type":"security_exception","reason":"missing authentication credentials"},"status":401}`)(w, r, nil)
	}))
	t.Cleanup(closed.Close)
	for want, set := range map[string]Config{"set api_key, username and password, or bearer": {}, "it may have expired": {APIKey: "a:b"}} {
		c := connect(t, func(cfg *Config) { *cfg = set; cfg.Name, cfg.URLs = "test", []string{closed.URL} })
		if _, err := c.Info(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v says nothing of %q", err, want)
		}
	}
}

func TestAConfigurationThatCannotBeMeantIsRefused(t *testing.T) {
	for want, set := range map[string]Config{
		"wants urls or a cloud_id":       {},
		"one of them":                    {URLs: []string{"https://a"}, CloudID: "x:y"},
		"is no URL":                      {URLs: []string{"es.example.org"}},
		"more than one of api_key":       {URLs: []string{"https://a"}, APIKey: "a", Bearer: "b"},
		"client_cert and client_key":     {URLs: []string{"https://a"}, CertFile: "a"},
		"wants https":                    {URLs: []string{"http://a"}, Fingerprint: strings.Repeat("0", 64)},
		"is 64 hexadecimal digits":       {URLs: []string{"https://a"}, Fingerprint: "abc"},
		"ca_file":                        {URLs: []string{"https://a"}, CAFile: "/nowhere"},
		"is no URL such as http://proxy": {URLs: []string{"https://a"}, Proxy: "proxy"},
		"cloud":                          {CloudID: "not one"},
	} {
		if _, err := Open(set); err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(want)) {
			t.Errorf("%v says nothing of %q", err, want)
		}
	}
}

func TestWhatAKeyLacksIsSaidWithWhatWillNotWork(t *testing.T) {
	role := Config{}.ConsoleRole()
	lacks := missingOf(role, map[string]bool{"monitor": false}, map[string]map[string]bool{
		defaultEvents: {"read": true, "view_index_metadata": true}, alertsIndex: {"read": false, "view_index_metadata": true}})
	want := "this key lacks the cluster privilege monitor: its licence, and perhaps its version, are not known\n" +
		"this key lacks read on .alerts-security.alerts-*: nothing can be seen or asked there"
	if got := strings.Join(lacks, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A certificate that is replaced while the program runs: by its own authority it
// goes unnoticed, any other is a fault that says what to do and is over when the
// right one is back.
func TestACertificateIsReplacedWhileTheProgramRuns(t *testing.T) {
	year := time.Now().Add(365 * 24 * time.Hour)
	root, other := issue(t, "root", nil, year), issue(t, "other", nil, year)
	var served atomic.Pointer[authority]
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		says(200, `{"cluster_name":"c","version":{"number":"8.19.1"}}`)(w, r, nil)
	}))
	s.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		a := served.Load()
		return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{a.cert.Raw}, PrivateKey: a.key}}}, nil
	}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	first := issue(t, "es", root, year)
	served.Store(first)
	s.StartTLS()
	t.Cleanup(s.Close)
	byAuthority := connect(t, func(c *Config) { c.URLs, c.CAFile = []string{s.URL}, root.file(t, false) })
	byPrint := connect(t, func(c *Config) { c.URLs, c.Fingerprint = []string{s.URL}, first.fingerprint() })
	for _, step := range []struct {
		name                string
		cert                *authority
		authority, byItself string // in the error; "": there is none
	}{
		{"as at first", first, "", ""},
		{"another of the same authority", issue(t, "es", root, year), "", "if the certificate was changed on purpose"},
		{"one of another authority", issue(t, "es", other, year), "set ca_file or fingerprint", "if the certificate was changed on purpose"},
		{"the first again", first, "", ""},
	} {
		served.Store(step.cert)
		s.CloseClientConnections()
		for c, want := range map[*Cluster]string{byAuthority: step.authority, byPrint: step.byItself} {
			_, err := c.ask(t.Context(), request{method: "GET", path: "/"})
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s: %v, want %q", step.name, err, want)
			}
		}
	}
}
