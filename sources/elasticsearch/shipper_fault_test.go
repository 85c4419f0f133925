package elasticsearch

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/frame"
)

// Whatever stands in the way of a sensor, it says so, and everything is there
// once when it has passed.
func TestASensorThatCannotShipSaysSoAndLosesAndDoublesNothing(t *testing.T) {
	namespace := somewhere(t)
	p := newProxy(t)
	c := connect(t, func(c *Config) { c.Namespace, c.URLs, c.Timeout = namespace, []string{p.URL}, 5*time.Second })
	c.sleep = func(ctx context.Context, d time.Duration) error { return sleep(ctx, d/100) }
	s, stop := shipping(t, c, ShipperConfig{Dir: t.TempDir()})
	n := 0
	more := func() { take(t, s, transfers(n, n+10)); n += 10 }
	for _, f := range append(sensorFaults(), faultsOfAll()...) {
		p.set(f.fault)
		more()
		eventually(t, "the status says "+f.name, func() bool { return strings.Contains(s.Status().Waiting, f.want) })
		more()
		if f.done { // create alone would make a second one of each in the next backing index
			must(t, "POST", "/logs-endpoint.events.process-"+namespace+"/_rollover", "")
		}
		p.set(nil)
		eventually(t, "everything after "+f.name, func() bool { return s.Status().Sent == int64(n) && s.Status().Waiting == "" && s.Drained() })
	}
	stop()
	arrived(t, namespace, n)
	if st := s.Status(); st.Missed()+st.Damaged != 0 {
		t.Errorf("%+v", st)
	}
}

type namedFault struct {
	name, want string
	fault      fault
	done       bool // documents are there although nobody says so
}

// faultsOfAll are those that every request is answered with.
func faultsOfAll() (out []namedFault) {
	for _, f := range faults {
		out = append(out, namedFault{f.name, "could not be asked", f.fault, false})
	}
	return out
}

// sensorFaults are those that only a request with documents is answered with.
func sensorFaults() []namedFault {
	onBulk := func(f fault) fault {
		return func(w http.ResponseWriter, r *http.Request, node http.Handler) {
			if strings.HasSuffix(r.URL.Path, "/_bulk") {
				f(w, r, node)
				return
			}
			node.ServeHTTP(w, r)
		}
	}
	items := func(status int, kind string) fault {
		return onBulk(func(w http.ResponseWriter, r *http.Request, node http.Handler) {
			var body bytes.Buffer
			_, _ = body.ReadFrom(r.Body)
			one := fmt.Sprintf(`{"create":{"status":%d,"error":{"type":%q,"reason":"because of %d"}}}`, status, kind, status)
			says(200, `{"errors":true,"items":[`+strings.TrimSuffix(strings.Repeat(one+",", bytes.Count(body.Bytes(), []byte("\n"))/2), ",")+`]}`)(w, r, node)
		})
	}
	// The node does what was asked, and its answer is spoilt on the way.
	done := func(answer fault) fault {
		return onBulk(func(w http.ResponseWriter, r *http.Request, node http.Handler) {
			node.ServeHTTP(httptest.NewRecorder(), r)
			answer(w, r, node)
		})
	}
	html := says(200, "<title>Log in</title>", "Content-Type", "text/html")
	return []namedFault{
		{"no room in the queue", "documents were not taken", items(429, "es_rejected_execution_exception"), false},
		{"a shard that is not there", "because of 503", items(503, "unavailable_shards_exception"), false},
		{"a key that may not", "because of 403", items(403, "security_exception"), false},
		{"no index", "because of 404", items(404, "index_not_found_exception"), false},
		{"a shard that failed", "because of 500", items(500, "exception"), false},
		{"an answer that is lost", "could not be asked", onBulk(afterwards), true},
		{"a page of a proxy after the work was done", "Log in", done(html), true},
		{"half an answer after the work was done", "no JSON", done(says(200, `{"items":[`)), true},
		{"502 after the work was done", "502", done(says(502, "<h1>Bad Gateway</h1>", "Content-Type", "text/html")), true},
		{"fewer answers than documents", "0 answers", done(says(200, `{"items":[]}`)), true},
		{"a cut after the work was done", "could not be asked", onBulk(changed(func(w http.ResponseWriter, body []byte) {
			_, _ = w.Write(body[:len(body)/2])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		})), true},
	}
}

func TestOnlyADocumentThatIsTooLargeForItselfIsLeftOut(t *testing.T) {
	namespace := somewhere(t)
	p := newProxy(t)
	p.set(noneAbove(100_000))
	s, stop := shipping(t, connect(t, func(c *Config) { c.Namespace, c.URLs = namespace, []string{p.URL} }), ShipperConfig{Dir: t.TempDir()})
	b := ecs.NewBuilder(ecs.Host{ID: "h"})
	for i, size := range []int{10, 200_000, 10} {
		b.Event(ecs.Process, "exec", "start", time.Now())
		b.Keyword(ecs.ProcessTool, "scp")
		b.Keyword(ecs.ProcessCommandLine, strings.Repeat("x", size))
		b.Int(ecs.ProcessPID, int64(i/2)) // the large one would be a second with the number 0
	}
	take(t, s, b.Build())
	eventually(t, "two of three", func() bool { return s.Status().Sent == 2 && s.Drained() })
	stop()
	arrived(t, namespace, 2)
	if st := s.Status(); st.Rejected != 1 || !strings.Contains(st.Reason, "413") {
		t.Errorf("%+v", st)
	}
}

func TestAnEventOfAnotherDatasetIsRefusedAndCounted(t *testing.T) {
	s, err := connect(t, func(c *Config) { c.URLs = []string{"http://127.0.0.1:1"} }).Shipper(ShipperConfig{Dir: t.TempDir(), All: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	d := ecs.NewDecoder(ecs.DecoderOptions{})
	for _, dataset := range []string{`x\n{}\tlogs-y`, "system.auth", "endpoint.events.process"} {
		if err := d.Document([]byte(`{"@timestamp":"2026-03-04T05:00:00Z","data_stream":{"dataset":"` + dataset + `"},"process":{"name":"scp"}}`)); err != nil {
			t.Fatal(err)
		}
	}
	take(t, s, d.Build())
	c, _, err := s.spool.Read(s.spool.sent)
	if err == nil && (c.count != 1 || bytes.Count(c.lines, []byte("\n")) != 1) {
		t.Errorf("%d documents: %q", c.count, c.lines)
	}
	if st := s.Status(); err != nil || st.Rejected != 2 || !strings.Contains(st.Reason, "no dataset of a sensor") {
		t.Errorf("%v: %+v", err, st)
	}
}

// hostileTexts are what an attacker may call a file, an argument, a host, a user.
var hostileTexts = []string{"a\tb\nc\r\n", `"}}` + "\n" + `{"delete":{"_index":"x"}}`, "\x00\x1b]0;x\a\x1b[2J", "\u202e\u2066\u2028\ufeff", "${jndi:ldap://x}", `\u0022\`, "null", "[1,2]", "' OR 1=1 | DROP *"}

// Every field of the catalogue carries the worst that fits into it, from a sensor
// through a real index to a live source and to an answer: as it was.
func TestTheWorstInEveryFieldComesBackAsItWas(t *testing.T) {
	namespace := somewhere(t)
	c := connect(t, func(c *Config) { c.Namespace, c.Events = namespace, "logs-endpoint.events.*-"+namespace })
	want := map[string]string{}
	s, stop := shipping(t, c, ShipperConfig{Dir: t.TempDir()})
	take(t, s, worst(want))
	eventually(t, "all is sent", func() bool { return s.Status().Sent == 1 })
	stop()
	stream := "logs-endpoint.events.process-" + namespace
	must(t, "POST", "/"+stream+"/_refresh", "")
	compare := func(from string, f *frame.Frame) {
		for name, text := range want {
			if got := f.Text(name, 0); f.Rows != 1 || got != text {
				t.Errorf("%s of %s: %q, want %q", from, name, got, text)
			}
		}
	}
	var live *frame.Frame
	ctx, cancel := context.WithCancel(t.Context())
	err := c.Source(SourceConfig{}).Run(ctx, sources.SinkFunc(func(_ context.Context, b sources.Batch) error {
		live = b.Events
		cancel()
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	compare("the live source", live)
	answered, quality, err := c.History().Query(t.Context(), sources.Query{Text: "FROM " + stream})
	if err != nil || quality.Partial {
		t.Fatal(err, quality)
	}
	compare("the answer", answered)
}

// worst is one event with the worst in every field that has no meaning to shipping.
func worst(want map[string]string) *frame.Frame {
	h := hostileTexts
	b := ecs.NewBuilder(ecs.Host{ID: h[0], BootID: h[1], Name: h[2], AgentID: h[3], Architecture: h[4], OS: ecs.OS{Type: h[5], Name: h[6], Full: h[7], Version: h[8], Kernel: h[0], Platform: h[1], Family: h[2]}})
	b.Event(ecs.Process, "exec", "start", time.Now())
	given := map[string]bool{}
	for _, name := range namesOf(ecs.NewBuilder(ecs.Host{ID: "h", BootID: "b", Name: "n", Architecture: "a", OS: ecs.OS{Type: "t", Name: "n", Full: "f", Version: "v", Kernel: "k", Platform: "p", Family: "f"}})) {
		given[name] = true
	}
	at := time.Date(9999, 12, 31, 23, 59, 59, int(999*time.Millisecond), time.UTC)
	for i, f := range ecs.Fields() {
		c := ecs.Column(i)
		switch {
		case given[f.Name] || c == ecs.EventIngested:
			continue
		case f.Type == frame.Keyword:
			b.Keyword(c, h[i%len(h)])
			want[f.Name] = h[i%len(h)]
		case f.Type == frame.Long:
			b.Int(c, math.MaxInt64-int64(i))
			want[f.Name] = fmt.Sprint(math.MaxInt64 - int64(i))
		case f.Type == frame.Boolean:
			b.Bool(c, true)
			want[f.Name] = "true"
		case f.Type == frame.IP:
			b.IP(c, netip.MustParseAddr("::ffff:255.255.255.255"))
			want[f.Name] = "255.255.255.255"
		case f.Type == frame.Date:
			b.Time(c, at)
			want[f.Name] = "9999-12-31T23:59:59.999Z"
		}
	}
	for c, text := range map[ecs.Column]string{ecs.HostID: h[0], ecs.HostBootID: h[1], ecs.HostName: h[2], ecs.AgentID: h[3], ecs.HostArchitecture: h[4], ecs.HostOSType: h[5], ecs.HostOSFull: h[7]} {
		want[c.Name()] = text
	}
	return b.Build()
}

// namesOf are the fields that an event has without anything being set.
func namesOf(b *ecs.Builder) []string {
	b.Event(ecs.Process, "exec", "start", time.Now())
	return b.Build().Names
}

// Sensors whose clocks are two hours off say so of all their times, that of
// indexing too; a copy of an event in a newer backing index is the same event.
func TestSensorsWithWrongClocksAndARolloverComeOnce(t *testing.T) {
	namespace := somewhere(t)
	change := func(c *Config) { c.Namespace, c.Events = namespace, "logs-endpoint.events.*-"+namespace }
	began := time.Now()
	var ahead atomic.Int64
	source := connect(t, change).Source(SourceConfig{Now: func() time.Time { return began.Add(time.Duration(ahead.Load())) }})
	ship := func(off time.Duration, dir string, pid int) {
		t.Helper()
		s, stop := shipping(t, connect(t, change), ShipperConfig{Dir: dir, Now: func() time.Time { return time.Now().Add(off) }})
		b := ecs.NewBuilder(ecs.Host{ID: fmt.Sprint("h", pid), Name: fmt.Sprint("off-", off)})
		b.Event(ecs.Process, "exec", "start", time.Now().Add(off))
		b.Keyword(ecs.ProcessTool, "scp")
		b.Int(ecs.ProcessPID, int64(pid))
		take(t, s, b.Build())
		eventually(t, "it is sent", func() bool { return s.Drained() })
		stop()
		must(t, "POST", "/logs-endpoint.events.process-"+namespace+"/_refresh", "")
	}
	dir := t.TempDir()
	ship(0, dir, 1)
	pids, stop := listen(t, source)
	eventually(t, "the first", func() bool { return len(pids()) == 1 })
	must(t, "POST", "/logs-endpoint.events.process-"+namespace+"/_rollover", "")
	copyOfFirst(t, namespace)
	ship(2*time.Hour, t.TempDir(), 2)
	eventually(t, "the one of the future", func() bool { return len(pids()) == 2 })
	ship(-2*time.Hour, t.TempDir(), 3)
	ahead.Store(int64(2 * farEvery))
	eventually(t, "the one of the past", func() bool { return len(pids()) == 3 })
	ship(0, t.TempDir(), 4)
	eventually(t, "the last", func() bool { return len(pids()) == 4 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(pids()); got != "[1 2 3 4]" {
		t.Errorf("came: %s", got)
	}
	notes := strings.Join(source.Stats().Notes, "\n")
	if !strings.Contains(notes, "off-2h0m0s: 1 events are of the future") || !strings.Contains(notes, "off--2h0m0s: 1 events came late") {
		t.Errorf("notes: %s", notes)
	}
}

// copyOfFirst puts the first document into the newest backing index too, as a
// sensor would whose key may not look whether it is there.
func copyOfFirst(t *testing.T, namespace string) {
	t.Helper()
	stream := "logs-endpoint.events.process-" + namespace
	answer := must(t, "GET", "/"+stream+"/_search?filter_path=hits.hits._id,hits.hits._source", "")
	_, rest, _ := strings.Cut(answer, `"_id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	_, source, _ := strings.Cut(rest, `"_source":`)
	source = strings.TrimSuffix(source, `}]}}`)
	must(t, "POST", "/"+stream+"/_create/"+id+"?refresh=true", source)
	if n := must(t, "GET", "/"+stream+"/_count?filter_path=count", ""); n != `{"count":2}` {
		t.Fatalf("no copy: %s", n)
	}
}
