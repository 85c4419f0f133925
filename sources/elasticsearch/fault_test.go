package elasticsearch

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"interdict/sources"
	"interdict/sources/ecs"
)

// failure is what Elasticsearch says of one.
func failure(status int, kind string) string {
	return fmt.Sprintf(`{"error":{"root_cause":[],"type":%q,"reason":"because of %d"},"status":%d}`, kind, status, status)
}

// changed lets the node answer and changes its body before it is sent.
func changed(change func(w http.ResponseWriter, body []byte)) fault {
	return func(w http.ResponseWriter, r *http.Request, node http.Handler) {
		r.Header.Del("Accept-Encoding")
		kept := httptest.NewRecorder()
		node.ServeHTTP(kept, r)
		for name, values := range kept.Header() {
			w.Header()[name] = values
		}
		w.Header().Del("Content-Length")
		change(w, kept.Body.Bytes())
	}
}

// faults are those that a cluster, or what stands before it, answers every request with.
var faults = []struct {
	name, want string
	fault      fault
}{
	{"401", "401 unauthorized: because of 401 (security_exception); the key or password is not accepted", says(401, failure(401, "security_exception"))},
	{"403", "interdict doctor --role prints what a key needs", says(403, failure(403, "security_exception"))},
	{"404", "404 not found", says(404, failure(404, "resource_not_found_exception"))},
	{"408", "408 request timeout", says(408, failure(408, "timeout"))},
	{"413", "413 request entity too large", says(413, "", "Content-Type", "text/plain")},
	{"429 without Retry-After", "429 too many requests: because of 429", says(429, failure(429, "circuit_breaking_exception"))},
	{"429 that asks for an hour", "429 too many requests: because of 429", says(429, failure(429, "es_rejected_execution_exception"), "Retry-After", "3600")},
	{"500", "500 internal server error", says(500, failure(500, "null_pointer_exception"))},
	{"502 of a proxy", `answered with "text/html": "Bad Gateway nginx"`, says(502, "<html><h1>Bad Gateway</h1>nginx</html>", "Content-Type", "text/html")},
	{"503", "503 service unavailable", says(503, failure(503, "no_shard_available_action_exception"))},
	{"504", "504 gateway timeout", says(504, "upstream timed out", "Content-Type", "text/plain")},
	{"HTML with 200", `: "Log in"`, says(200, "<title>Log in</title>", "Content-Type", "text/html; charset=utf-8")},
	{"JSON of something else", "not Elasticsearch", says(200, `{"values":[],"columns":[]}`, "X-Elastic-Product", "")},
	{"an answer of another form", "has another form", says(200, `{"columns":"none","values":7,"pit_id":{},"id":{},"hits":"","indices":3}`)},
	{"no JSON at all", "no JSON", says(200, `{"columns":[],"val`)},
	{"redirect", `sends us to "https://login.example.org/", which is not followed`, says(302, "", "Location", "https://login.example.org/")},
	{"reset before an answer", "could not be asked", func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }},
	{"reset in mid-body", "could not be asked", changed(func(w http.ResponseWriter, body []byte) {
		_, _ = w.Write(body[:len(body)/2])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})},
	{"truncated gzip", "could not be asked", changed(func(w http.ResponseWriter, body []byte) {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, _ = z.Write(body)
		_ = z.Close()
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes()[:packed.Len()-9])
	})},
	{"a drip", "no answer in time", func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte(" "))
			w.(http.Flusher).Flush()
			time.Sleep(10 * time.Millisecond)
		}
	}},
	{"silence", "no answer in time", func(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() }},
}

// impatient is a cluster through a proxy, that waits for nothing long.
func impatient(t *testing.T, p *proxy) *Cluster {
	c := connect(t, func(c *Config) { c.URLs, c.Timeout, c.APIKey = []string{p.URL}, 5*time.Second, "c29tZTprZXk=" })
	c.sleep = func(ctx context.Context, d time.Duration) error { return sleep(ctx, d/50) }
	return c
}

func TestAQuestionThatIsNotAnsweredIsAFaultAndNeverAnAnswerWithoutRows(t *testing.T) {
	exec(t, nil)
	for _, f := range faults {
		for _, when := range []string{"from the start", "in mid-run"} {
			t.Run(f.name+" "+when, func(t *testing.T) {
				p := newProxy(t)
				c := impatient(t, p)
				q := sources.Query{Text: `FROM logs-* | WHERE process.name == "scp" | STATS n = COUNT(*)`}
				answered := func() bool {
					got, _, err := c.History().Query(t.Context(), q)
					return err == nil && got.Text("n", 0) == "1"
				}
				if when == "in mid-run" {
					eventually(t, "an answer", answered)
					q.Text += " | LIMIT 1"
				}
				p.set(f.fault)
				got, quality, err := c.History().Query(t.Context(), q)
				var fault *Fault
				if !errors.As(err, &fault) || got != nil {
					t.Fatalf("%v, %+v, %v", got, quality, err)
				}
				if !strings.Contains(err.Error(), f.want) {
					t.Errorf("%q says nothing of %q", err, f.want)
				}
				p.set(nil)
				eventually(t, "an answer after it has passed", answered)
			})
		}
	}
}

func TestASourceThatCannotLookSaysSoAndMissesNothing(t *testing.T) {
	empty(t)
	p := newProxy(t)
	c := impatient(t, p)
	s := c.Source(SourceConfig{})
	pids, stop := listen(t, s)
	count := 0
	for _, f := range faults {
		index(t, "h", 0)
		count++
		eventually(t, "an event before "+f.name, func() bool { return len(pids()) == count })
		p.set(f.fault)
		index(t, "h", 0)
		count++
		eventually(t, "a note of "+f.name, func() bool {
			st := s.Stats()
			return strings.Contains(st.Blind, "could not be asked") && strings.Contains(strings.Join(st.Notes, "\n"), "CANNOT LOOK since")
		})
		p.set(nil)
		eventually(t, "the event during "+f.name, func() bool { return len(pids()) == count && s.Stats().Blind == "" })
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	seen := map[int64]bool{}
	for _, pid := range pids() {
		if seen[pid] {
			t.Errorf("%d came twice", pid)
		}
		seen[pid] = true
	}
}

func TestARefusalAtTheFirstPollEndsTheSource(t *testing.T) {
	for _, status := range []int{401, 403} {
		p := newProxy(t)
		p.set(says(status, failure(status, "security_exception")))
		err := impatient(t, p).Source(SourceConfig{}).Run(t.Context(), sources.SinkFunc(func(context.Context, sources.Batch) error { return nil }))
		var f *Fault
		if !errors.As(err, &f) || f.Status != status {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestABusyClusterIsAskedAgainWhenItSaid(t *testing.T) {
	exec(t, nil)
	p := newProxy(t)
	c := connect(t, func(c *Config) { c.URLs = []string{p.URL} })
	var waits []time.Duration
	c.sleep = func(_ context.Context, d time.Duration) error {
		waits = append(waits, d)
		if len(waits) == 2 {
			p.set(nil)
		}
		return nil
	}
	p.set(says(429, failure(429, "es_rejected_execution_exception"), "Retry-After", "7"))
	f, _, err := c.History().Query(t.Context(), sources.Query{Text: `FROM logs-* | STATS n = COUNT(*)`})
	if err != nil || f.Text("n", 0) != "1" {
		t.Fatal(err)
	}
	if fmt.Sprint(waits) != "[7s 7s]" {
		t.Errorf("waited %s", waits)
	}
}

func TestOneOfSeveralNodesIsEnough(t *testing.T) {
	exec(t, nil)
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + gone.Addr().String()
	gone.Close()
	c := connect(t, func(c *Config) { c.URLs = []string{address, node(t)} })
	c.sleep = func(context.Context, time.Duration) error { return nil }
	for range 4 {
		if _, _, err := c.History().Query(t.Context(), sources.Query{Text: `FROM logs-* | STATS n = COUNT(*)`}); err != nil {
			t.Error(err)
		}
	}
}

func TestFailedShardsAndRemotesMakeAnAnswerPartial(t *testing.T) {
	exec(t, nil)
	for _, c := range []struct{ with, want string }{
		{`"is_partial":true`, "says that its answer is partial"},
		{`"is_partial":true,"_clusters":{"total":2,"skipped":1,"details":{"eu":{"status":"skipped","failures":[{"reason":{"type":"connect_transport_exception","reason":"no route"}}]},"(local)":{"status":"successful"}}}`, "eu answered skipped, 0 shards failed: no route"},
		{`"is_partial":false,"_clusters":{"details":{"(local)":{"status":"successful","_shards":{"total":3,"failed":1}}}}`, "this cluster answered successful, 1 shards failed"},
		{`"is_partial":false,"_clusters":{"total":2,"partial":1}`, "1 partial"},
	} {
		p := newProxy(t)
		p.set(changed(func(w http.ResponseWriter, body []byte) {
			_, _ = w.Write(bytes.Replace(body, []byte(`"is_partial":false`), []byte(c.with), 1))
		}))
		f, quality, err := impatient(t, p).History().Query(t.Context(), sources.Query{Text: `FROM logs-* | STATS n = COUNT(*)`})
		if err != nil || f.Text("n", 0) != "1" {
			t.Fatal(err)
		}
		if !quality.Partial || !strings.Contains(strings.Join(quality.Reasons, "\n"), c.want) {
			t.Errorf("%s: %+v", c.with, quality)
		}
	}
}

func TestAPollOfWhichShardsFailedIsNoPoll(t *testing.T) {
	empty(t)
	p := newProxy(t)
	s := impatient(t, p).Source(SourceConfig{})
	p.set(func(w http.ResponseWriter, r *http.Request, node http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/_search") {
			says(200, `{"timed_out":false,"pit_id":"x","_shards":{"total":2,"failed":1,"failures":[{"index":"i","reason":{"type":"x","reason":"disk broke"}}]},"hits":{"hits":[]}}`)(w, r, node)
			return
		}
		node.ServeHTTP(w, r)
	})
	pids, stop := listen(t, s)
	index(t, "h", 0)
	eventually(t, "a note", func() bool { return strings.Contains(s.Stats().Blind, "disk broke") })
	p.set(nil)
	eventually(t, "the event", func() bool { return len(pids()) == 1 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

func TestAFieldOfTwoTypesIsAnErrorAndAMissingIndexTooAndNeitherNoRows(t *testing.T) {
	exec(t, nil)
	must(t, "PUT", "/"+ecs.Network.Index(), `{"mappings":{"_meta":{"note":"`+ours+`"},"properties":{"@timestamp":{"type":"date"},"process":{"properties":{"name":{"type":"long"}}}}}}`)
	h := connect(t).History()
	for text, want := range map[string]string{
		`FROM logs-* | WHERE process.name == "scp" | STATS n = COUNT(*)`: "Cannot use field [process.name]",
		`FROM nowhere-* | STATS n = COUNT(*)`:                            "Unknown index",
	} {
		_, _, err := h.Query(t.Context(), sources.Query{Text: text})
		if e := asParseError(t, err); !strings.Contains(e.Error(), want) {
			t.Errorf("%s: %v", text, e)
		}
	}
}

func TestNoQuestionBeginsWhileTheLastOnesAreWaitedFor(t *testing.T) {
	c := connect(t, func(c *Config) { c.URLs = []string{"http://127.0.0.1:1"} })
	if err := c.begins(); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error)
	go func() { closed <- c.Close() }()
	eventually(t, "the last questions are waited for", func() bool {
		if err := c.begins(); err != nil {
			return true
		}
		c.asking.Done()
		return false
	})
	if _, err := c.run(t.Context(), nil); !errors.Is(err, errClosed) {
		t.Errorf("a question that came later: %v", err)
	}
	c.asking.Done()
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func TestAQuestionIsStoppedInTheClusterWhenNobodyWaitsForIt(t *testing.T) {
	exec(t, nil)
	p := newProxy(t)
	stopped := make(chan string, 1)
	p.set(func(w http.ResponseWriter, r *http.Request, node http.Handler) {
		switch {
		case r.Method == http.MethodDelete:
			stopped <- r.URL.Path
			says(200, `{"acknowledged":true}`)(w, r, node)
		case strings.Contains(r.URL.Path, "_query/async/"):
			<-r.Context().Done()
		case strings.Contains(r.URL.Path, "_query/async"):
			says(200, `{"id":"the-question","is_running":true,"columns":[],"values":[]}`)(w, r, node)
		default:
			node.ServeHTTP(w, r)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	c := connect(t, func(c *Config) { c.URLs = []string{p.URL} })
	go func() {
		_, _, err := c.History().Query(ctx, sources.Query{Text: `FROM logs-* | STATS n = COUNT(*)`})
		done <- err
	}()
	eventually(t, "the question is asked after", func() bool { return p.asked.Load() >= 4 })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if path := <-stopped; path != "/_query/async/the-question" {
		t.Errorf("stopped %s", path)
	}
}
