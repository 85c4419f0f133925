package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// listener is somebody who is told.
type listener struct {
	mu    sync.Mutex
	heard []string
	fails int // so often before it listens
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, _ := io.ReadAll(r.Body)
	l.heard = append(l.heard, r.URL.Path+" "+string(b))
	if l.fails > 0 {
		l.fails--
		http.Error(w, "not now", http.StatusInternalServerError)
	}
}

func channels(t *testing.T, l *listener, owner bool) *notifier {
	t.Helper()
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	url := "generic+" + server.URL + "/hook/s3cr3t-path?template=json"
	return &notifier{channels: map[string]ChannelConfig{"oncall": {URL: Secret{Env: "URL"}, Usual: !owner, Owner: owner}}, env: func(string) string { return url }}
}

func TestAServerIsToldWithoutSecretsAndAgainWhenItFails(t *testing.T) {
	l := &listener{fails: 2}
	n := channels(t, l, false)
	reached, err := n.Send(t.Context(), nil, "INC-0001: theft", "curl -u bob:hunter2 \x1b[31m needs a decision")
	if err != nil || reached != "oncall" || len(l.heard) != 3 {
		t.Fatalf("%s, %v, %q", reached, err, l.heard)
	}
	if last := l.heard[2]; !strings.Contains(last, "INC-0001: theft") || !strings.Contains(last, "needs a decision") || strings.Contains(last, "hunter2") || strings.Contains(last, "\\u001b") {
		t.Error(last)
	}
}

func TestAChannelThatFailsIsSaidWithoutItsAddress(t *testing.T) {
	l := &listener{fails: 100}
	n := channels(t, l, true)
	reached, err := n.Send(t.Context(), []string{"owner"}, "s", "w")
	if err == nil || reached != "" || strings.Contains(err.Error(), "s3cr3t") || !strings.Contains(err.Error(), "oncall") || len(l.heard) != tellTries {
		t.Errorf("%q, %v, %d tries", reached, err, len(l.heard))
	}
	if _, err := n.Send(t.Context(), nil, "s", "w"); err == nil || !strings.Contains(err.Error(), "no channel") {
		t.Errorf("nobody is told, and that is not said: %v", err)
	}
	n.env = func(string) string { return "nosuch://tok3n-value@x/abcdef" }
	if _, err := n.Send(t.Context(), []string{"oncall"}, "s", "w"); err == nil || strings.Contains(err.Error(), "tok3n") || strings.Contains(err.Error(), "abcdef") {
		t.Error(err)
	}
}
