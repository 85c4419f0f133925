// Package documentstest is what every store of documents must pass.
package documentstest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"interdict/playbooks"
)

// Run checks a store. open opens it once more, as another program would; kind is
// one that no other test writes.
func Run(t *testing.T, kind string, open func(t *testing.T) playbooks.Documents) {
	t.Run("a document is written once for each version", func(t *testing.T) { once(t, kind, open(t), open(t)) })
	t.Run("of many who write at once none is lost", func(t *testing.T) { many(t, kind, open) })
	t.Run("changes are told since a mark", func(t *testing.T) { changes(t, kind, open(t), open(t)) })
	t.Run("whatever a document says comes back as it was", func(t *testing.T) { hostile(t, kind, open(t)) })
}

func write(t *testing.T, d playbooks.Documents, kind, id, body, version string) (string, bool) {
	t.Helper()
	next, ok, err := d.Write(t.Context(), kind, id, []byte(body), version)
	if err != nil {
		t.Fatal(err)
	}
	return next, ok
}

func once(t *testing.T, kind string, a, b playbooks.Documents) {
	if body, version, err := a.Read(t.Context(), kind, "one"); err != nil || version != "" || body != nil {
		t.Fatalf("what was never written: %s %q %v", body, version, err)
	}
	first, ok := write(t, a, kind, "one", `{"n":1}`, "")
	if !ok || first == "" {
		t.Fatal("the first write was not taken")
	}
	if _, ok := write(t, b, kind, "one", `{"n":2}`, ""); ok {
		t.Error("made twice")
	}
	second, ok := write(t, b, kind, "one", `{"n":2}`, first)
	if !ok || second == first {
		t.Fatalf("version %q after %q, %v", second, first, ok)
	}
	if _, ok := write(t, a, kind, "one", `{"n":3}`, first); ok {
		t.Error("an older version was written over")
	}
	if _, ok := write(t, a, kind, "none", `{"n":3}`, second); ok {
		t.Error("a version of what is not there was accepted")
	}
	if body, version, err := a.Read(t.Context(), kind, "one"); err != nil || version != second || string(body) != `{"n":2}` {
		t.Errorf("%s %q %v", body, version, err)
	}
	for _, bad := range []string{``, `[1]`, `null`, `{"n":`} {
		if _, ok, err := a.Write(t.Context(), kind, "bad", []byte(bad), ""); ok || err == nil {
			t.Errorf("%q was taken: %v", bad, err)
		}
	}
}

func many(t *testing.T, kind string, open func(t *testing.T) playbooks.Documents) {
	const writers, each = 4, 10
	var all sync.WaitGroup
	for range writers {
		d := open(t)
		all.Go(func() {
			for range each {
				err := playbooks.Change(t.Context(), d, kind, "many", func(body []byte) ([]byte, error) {
					n := 0
					if body != nil {
						if _, err := fmt.Sscanf(string(body), `{"n":%d}`, &n); err != nil {
							return nil, err
						}
					}
					return fmt.Appendf(nil, `{"n":%d}`, n+1), nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	body, _, err := open(t).Read(t.Context(), kind, "many")
	if want := fmt.Sprintf(`{"n":%d}`, writers*each); err != nil || string(body) != want {
		t.Errorf("%s, want %s: %v", body, want, err)
	}
}

func changes(t *testing.T, kind string, a, b playbooks.Documents) {
	mark := ""
	told := map[string]string{}
	look := func(d playbooks.Documents, done func() bool) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for !done() {
			var err error
			mark, err = d.Changes(ctx, kind, mark, func(id, _ string, body []byte) error { told[id] = string(body); return nil })
			if err != nil {
				t.Fatalf("%v; told so far: %d", err, len(told))
			}
		}
	}
	const n = 30
	versions := make([]string, n)
	for i := range n {
		versions[i], _ = write(t, a, kind, fmt.Sprint("c", i), `{"n":0}`, "")
	}
	look(b, func() bool { return told[fmt.Sprint("c", n-1)] != "" })
	for i := range n {
		if told[fmt.Sprint("c", i)] != `{"n":0}` {
			t.Errorf("document %d is missing: %q", i, told[fmt.Sprint("c", i)])
		}
	}
	write(t, b, kind, "c3", `{"n":1}`, versions[3])
	look(a, func() bool { return told["c3"] == `{"n":1}` })
}

func hostile(t *testing.T, kind string, d playbooks.Documents) {
	for i, body := range []string{
		`{"a":{"b":[{"id":"1","text":"\u001b[2J\"}\n{\"index\":{}}"}]},"n":9223372036854775807,"s":"` + strings.Repeat("x", 40_000) + `"}`,
		`{"a":"a text","by":{"not":"a name"},"at":"no time","state":[1,{"x":2}],"":0,"a.b":1,".":2}`,
		`{"a":7}`, `{}`,
	} {
		id := fmt.Sprintf(`../%%2e /?#&"<\ %d`, i)
		version, ok := write(t, d, kind, id, body, "")
		got, read, err := d.Read(t.Context(), kind, id)
		if !ok || err != nil || read != version || string(got) != body {
			t.Errorf("%.60s: came back as %.60s, %v", body, got, err)
		}
	}
}
