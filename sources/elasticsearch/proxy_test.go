package elasticsearch

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
)

// fault answers in the place of the node, or lets it answer.
type fault func(w http.ResponseWriter, r *http.Request, node http.Handler)

// proxy stands in front of the real node, for what that will not do on demand.
type proxy struct {
	*httptest.Server
	fault atomic.Pointer[fault]
	asked atomic.Int64
}

func newProxy(t testing.TB) *proxy {
	to, err := url.Parse(node(t))
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{}
	through := httputil.NewSingleHostReverseProxy(to)
	through.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		body, err := io.ReadAll(r.Body) // only then a client that goes away is noticed
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if f := p.fault.Load(); f != nil {
			(*f)(w, r, through)
			return
		}
		through.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

// set makes a fault of everything from now on; nil: of nothing.
func (p *proxy) set(f fault) {
	if f == nil {
		p.fault.Store(nil)
		return
	}
	p.fault.Store(&f)
}

// says answers with a status and a body of Elasticsearch's.
func says(status int, body string, header ...string) fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// noneAbove refuses requests of more bytes as too large.
func noneAbove(most int64) fault {
	return func(w http.ResponseWriter, r *http.Request, node http.Handler) {
		if r.ContentLength > most {
			says(http.StatusRequestEntityTooLarge, "")(w, r, node)
			return
		}
		node.ServeHTTP(w, r)
	}
}

// afterwards lets the node do what was asked, and loses the answer.
func afterwards(_ http.ResponseWriter, r *http.Request, node http.Handler) {
	node.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}
