package elasticsearch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Fault is why a cluster gave no answer.
type Fault struct {
	Cluster string        // its name
	Status  int           // of HTTP; 0: there was no answer at all
	Type    string        // Elasticsearch's, as security_exception
	Reason  string        // in Elasticsearch's words, or ours; untrusted text
	Hint    string        // what to do about it
	After   time.Duration // when to ask again, as it said; 0: it did not
	Err     error         // below HTTP

	full string // Reason, uncut
}

func (f *Fault) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "cluster %s could not be asked: ", f.Cluster)
	if f.Status != 0 {
		fmt.Fprintf(&b, "%d %s: ", f.Status, strings.ToLower(http.StatusText(f.Status)))
	}
	b.WriteString(f.Reason)
	if f.Type != "" {
		fmt.Fprintf(&b, " (%s)", f.Type)
	}
	if f.Hint != "" {
		b.WriteString("; " + f.Hint)
	}
	return b.String()
}

// Unwrap gives the error below HTTP.
func (f *Fault) Unwrap() error { return f.Err }

// Passing tells whether it may be over in a while without anybody doing something.
func (f *Fault) Passing() bool {
	switch f.Status {
	case 0:
		return !refusedTLS(f.Err) && !errors.Is(f.Err, errNotElasticsearch)
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable,
		http.StatusGatewayTimeout, http.StatusInternalServerError:
		return true
	}
	return false
}

// again tells whether to try again at once. What had no answer in a whole minute
// has been waited for long enough.
func (f *Fault) again() bool {
	return f.Passing() && f.Status != http.StatusInternalServerError && !errors.Is(f.Err, context.DeadlineExceeded)
}

// lost tells whether the request may have been carried out although there is no
// answer that says so: one of 200 that something in between made unreadable is none.
func (f *Fault) lost() bool {
	var dial *net.OpError
	if f.Status == 0 {
		return !refusedTLS(f.Err) && !(errors.As(f.Err, &dial) && dial.Op == "dial")
	}
	return f.Status < 300 || f.Status >= 500 || f.Status == http.StatusRequestTimeout
}

// tooLarge tells whether the request had too much in it. f may be nil.
func (f *Fault) tooLarge() bool { return f != nil && f.Status == http.StatusRequestEntityTooLarge }

var errNotElasticsearch = errors.New("what answers there is not Elasticsearch")

func refusedTLS(err error) bool {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var host x509.HostnameError
	var verify *tls.CertificateVerificationError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	return wantsClient(err) || errors.Is(err, errFingerprint) || errors.As(err, &unknown) || errors.As(err, &invalid) || errors.As(err, &host) ||
		errors.As(err, &verify) || errors.As(err, &alert) || errors.As(err, &record)
}

// wantsClient tells whether the server refused the certificate that this program
// showed, or that it showed none.
func wantsClient(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error" && strings.Contains(op.Error(), "certificate")
}

// unreached makes a fault of an error below HTTP.
func (c *Cluster) unreached(err error) *Fault {
	f := &Fault{Cluster: c.cfg.Name, Reason: err.Error(), Err: err}
	switch {
	case errors.Is(err, errFingerprint):
		f.Hint = "if the certificate was changed on purpose, change fingerprint in the configuration"
	case wantsClient(err):
		f.Hint = "it wants a certificate of this program that it trusts: set client_cert and client_key"
	case refusedTLS(err):
		f.Hint = "set ca_file or fingerprint to the cluster's own"
	case strings.Contains(err.Error(), "unknown product"):
		f.Err, f.Reason = errNotElasticsearch, errNotElasticsearch.Error()
	case errors.Is(err, context.DeadlineExceeded):
		f.Reason = "no answer in time: " + err.Error()
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		f.Reason = "the answer was cut off: " + err.Error()
	}
	return f
}

// refusal makes a fault of an answer that is not 2xx, or no JSON.
func (c *Cluster) refusal(a *answer) *Fault {
	f := &Fault{Cluster: c.cfg.Name, Status: a.status, After: retryAfter(a.header)}
	var body struct {
		Error json.RawMessage `json:"error"`
	}
	var cause struct {
		Type     string                          `json:"type"`
		Reason   string                          `json:"reason"`
		CausedBy struct{ Type, Reason string }   `json:"caused_by"`
		Roots    []struct{ Type, Reason string } `json:"root_cause"`
	}
	switch {
	case a.status >= 300 && a.status < 400:
		f.Reason = fmt.Sprintf("it sends us to %q, which is not followed", cut(a.header.Get("Location")))
		f.Hint = "if that is the cluster, write its URL into the configuration"
	case !a.isJSON():
		f.Reason = fmt.Sprintf("something between here and Elasticsearch answered with %q: %q", a.header.Get("Content-Type"), cut(plain(a.body)))
	case json.Unmarshal(a.body, &body) != nil:
		f.Reason = "the answer is no JSON: " + cut(string(a.body))
	case json.Unmarshal(body.Error, &cause) == nil && cause.Type != "":
		f.Type, f.Reason, f.full = cut(cause.Type), cut(cause.Reason), cause.Reason
		if cause.CausedBy.Reason != "" && !strings.Contains(cause.Reason, cause.CausedBy.Reason) {
			f.Reason += ": " + cut(cause.CausedBy.Reason)
		}
	default:
		f.Reason = cut(strings.Trim(string(body.Error), `"`))
	}
	if a.status == http.StatusUnauthorized && !c.cfg.shows() {
		f.Hint = "nothing is shown to it: set api_key, username and password, or bearer"
	}
	f.hint()
	return f
}

func (f *Fault) hint() {
	if f.Hint != "" {
		return
	}
	switch f.Status {
	case http.StatusUnauthorized:
		f.Hint = "the key or password is not accepted: it may have expired or been revoked"
	case http.StatusForbidden:
		f.Hint = "interdict doctor --role prints what a key needs"
	case http.StatusTooManyRequests:
		f.Hint = "the cluster is busy"
	}
}

// retryAfter reads the header, in seconds or as a date.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if v == "" {
		return 0
	}
	if seconds, err := time.ParseDuration(v + "s"); err == nil && seconds > 0 {
		return seconds
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

// cut keeps what a person reads of a foreign text.
func cut(s string) string {
	const most = 400
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// plain is what is to be read of a page.
func plain(page []byte) string {
	var b strings.Builder
	tag := false
	for _, r := range string(page[:min(len(page), 4096)]) {
		switch {
		case r == '<':
			tag = true
		case r == '>':
			tag = false
			b.WriteByte(' ')
		case !tag:
			b.WriteRune(r)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
