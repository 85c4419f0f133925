package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// people is a server that takes messages. Whoever sends one waits until answer is called.
type people struct {
	*httptest.Server
	answer func() // these and all that come later
	mu     sync.Mutex
	heard  []string
}

func listenTo(t *testing.T) *people {
	wait := make(chan struct{})
	p := &people{answer: sync.OnceFunc(func() { close(wait) })}
	p.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		p.mu.Lock()
		p.heard = append(p.heard, string(b))
		p.mu.Unlock()
		<-wait
	}))
	t.Cleanup(func() { p.answer(); p.Close() })
	return p
}

func (p *people) all() string { p.mu.Lock(); defer p.mu.Unlock(); return strings.Join(p.heard, "\n") }
