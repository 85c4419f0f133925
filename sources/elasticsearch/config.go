package elasticsearch

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	es "github.com/elastic/go-elasticsearch/v8"
)

// Config says which cluster it is and how it lets us in. Either URLs or CloudID
// is set, and at most one of APIKey, Username and Bearer.
type Config struct {
	Name    string   // as the user calls it
	URLs    []string // each with its path prefix
	CloudID string

	APIKey             string // "id:key", or base64 of that
	Username, Password string
	Bearer             string // a token

	CAFile            string // PEM
	Fingerprint       string // SHA-256, hexadecimal, of the server's certificate or of an authority's that it sends along
	CertFile, KeyFile string // of this client, PEM; read anew at each connection
	Proxy             string // URL; "" is what the environment says

	Events    string        // index patterns of events; "" is logs-endpoint.events.*
	Namespace string        // data stream namespace to ship to; "" is default
	Timeout   time.Duration // for one request; 0 is a minute
}

const defaultEvents = "logs-endpoint.events.*"

// client makes what sends requests. Redirects are not followed, and nothing is
// tried again below [Cluster.ask].
func (c Config) client() (*es.Client, *http.Transport, error) {
	if err := c.check(); err != nil {
		return nil, nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 8
	tlsConfig, err := c.tls()
	if err != nil {
		return nil, nil, err
	}
	transport.TLSClientConfig = tlsConfig
	if c.Proxy != "" {
		proxy, err := url.Parse(c.Proxy)
		if err != nil || proxy.Host == "" {
			return nil, nil, fmt.Errorf("proxy: %q is no URL such as http://proxy:3128", c.Proxy)
		}
		transport.Proxy = http.ProxyURL(proxy)
	}
	cfg := es.Config{
		Addresses: c.URLs, CloudID: c.CloudID, Username: c.Username, Password: c.Password, ServiceToken: c.Bearer,
		APIKey: encodedKey(c.APIKey), Transport: transport, DisableRetry: true,
	}
	client, err := es.NewClient(cfg)
	return client, transport, err
}

// encodedKey gives the key as the header wants it.
func encodedKey(key string) string {
	if strings.Contains(key, ":") {
		return base64Of(key)
	}
	return key
}

func (c Config) check() error {
	if (len(c.URLs) == 0) == (c.CloudID == "") {
		return errors.New("wants urls or a cloud_id, one of them")
	}
	for _, raw := range c.URLs {
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return fmt.Errorf("%q is no URL such as https://es.example.org:9200", redacted(raw))
		}
		if u.User != nil {
			return fmt.Errorf("%q carries a password: give it as username and password, from the environment, a file or a command", u.Redacted())
		}
		if (c.Fingerprint != "" || c.CAFile != "" || c.CertFile != "") && u.Scheme != "https" {
			return fmt.Errorf("%q has no certificate to check: it wants https", raw)
		}
	}
	ways := 0
	for _, set := range []bool{c.APIKey != "", c.Username != "", c.Bearer != ""} {
		if set {
			ways++
		}
	}
	if ways > 1 {
		return errors.New("has more than one of api_key, username and bearer")
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		return errors.New("client_cert and client_key go together")
	}
	return nil
}

// shows tells whether anything is shown to be let in.
func (c Config) shows() bool { return c.APIKey != "" || c.Username != "" || c.Bearer != "" }

func redacted(raw string) string {
	if at := strings.LastIndexByte(raw, '@'); at >= 0 {
		return "…" + raw[at:]
	}
	return raw
}

func (c Config) tls() (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("ca_file: %w", err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca_file: %s has no certificate", c.CAFile)
		}
	}
	if c.CertFile != "" {
		if _, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile); err != nil {
			return nil, fmt.Errorf("client_cert: %w", err)
		}
		out.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
			return &pair, err
		}
	}
	if c.Fingerprint != "" {
		want, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(c.Fingerprint), ":", ""))
		if err != nil || len(want) != sha256.Size {
			return nil, errors.New("fingerprint: is 64 hexadecimal digits, the SHA-256 of a certificate")
		}
		out.InsecureSkipVerify = true // nothing is skipped: pinned decides
		out.VerifyConnection = func(s tls.ConnectionState) error { return pinned(s, [sha256.Size]byte(want)) }
	}
	return out, nil
}

// pinned accepts a server whose certificate has the fingerprint, or one that the
// certificate with the fingerprint has signed: that a certificate is sent along
// proves nothing.
func pinned(s tls.ConnectionState, want [sha256.Size]byte) error {
	others := x509.NewCertPool()
	var root *x509.Certificate
	for _, c := range s.PeerCertificates {
		if sha256.Sum256(c.Raw) == want {
			root = c
		} else {
			others.AddCert(c)
		}
	}
	if root == nil {
		got := sha256.Sum256(s.PeerCertificates[0].Raw)
		return fmt.Errorf("%w: the server's certificate has fingerprint %x", errFingerprint, got)
	}
	if now := time.Now(); now.After(root.NotAfter) || now.Before(root.NotBefore) {
		return x509.CertificateInvalidError{Cert: root, Reason: x509.Expired}
	}
	leaf := s.PeerCertificates[0]
	if root == leaf {
		return nil
	}
	roots := x509.NewCertPool()
	roots.AddCert(root)
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: others, DNSName: s.ServerName})
	return err
}

var errFingerprint = errors.New("the fingerprint is another one")
