package elasticsearch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/frame"
)

// somewhere is a namespace that no other test ships to.
func somewhere(t *testing.T) string {
	return strings.ToLower(fmt.Sprintf("t%d", time.Now().UnixNano()))
}

// transfers are executions of a tool, one of them named by each number.
func transfers(from, to int) *frame.Frame {
	b := ecs.NewBuilder(ecs.Host{ID: "h", BootID: "b", Name: "web-1"})
	for i := from; i < to; i++ {
		b.Event(ecs.Process, "exec", "start", time.Now())
		b.Keyword(ecs.ProcessName, "scp")
		b.Keyword(ecs.ProcessTool, "scp")
		b.Int(ecs.ProcessPID, int64(i))
	}
	return b.Build()
}

// shipping is a shipper that runs.
func shipping(t *testing.T, c *Cluster, cfg ShipperConfig) (s *Shipper, stop func()) {
	t.Helper()
	s, err := c.Shipper(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return s, func() {
		cancel()
		if err := errors.Join(<-done, s.Close()); err != nil {
			t.Error(err)
		}
	}
}

func take(t *testing.T, s *Shipper, f *frame.Frame) {
	t.Helper()
	if err := s.Put(t.Context(), sources.Batch{Events: f}); err != nil {
		t.Fatal(err)
	}
}

// arrived checks that just the numbers 0 to n-1 are in the stream, once each.
func arrived(t *testing.T, namespace string, n int) {
	t.Helper()
	stream := "logs-endpoint.events.process-" + namespace
	must(t, "POST", "/"+stream+"/_refresh", "")
	f, quality, err := connect(t).History().Query(t.Context(), sources.Query{
		Text: "FROM " + stream + " | STATS n = COUNT(*) BY process.pid | STATS n = SUM(n), pids = COUNT(*), low = MIN(process.pid), high = MAX(process.pid)"})
	if err != nil || quality.Partial {
		t.Fatal(err, quality)
	}
	got := fmt.Sprint(f.Text("n", 0), " ", f.Text("pids", 0), " ", f.Text("low", 0), " ", f.Text("high", 0))
	if want := fmt.Sprintf("%d %d 0 %d", n, n, n-1); got != want {
		t.Errorf("documents, different ones, lowest and highest: %s, want %s", got, want)
	}
}

func TestWhatIsShippedArrivesAsElasticDefendsEventsDo(t *testing.T) {
	namespace := somewhere(t)
	s, stop := shipping(t, connect(t, func(c *Config) { c.Namespace = namespace }), ShipperConfig{Dir: t.TempDir(), Host: "web-1"})
	take(t, s, transfers(0, 10))
	other := ecs.NewBuilder(ecs.Host{ID: "h"})
	other.Event(ecs.Process, "exec", "start", time.Now()) // of no tool: stays here
	take(t, s, other.Build())
	eventually(t, "all is sent", func() bool { return s.Status().Sent == 10 })
	stop()
	arrived(t, namespace, 10)
	answer := must(t, "GET", "/logs-endpoint.events.process-"+namespace+"/_search?size=1", "")
	for _, want := range []string{`"namespace":"` + namespace + `"`, `"event.ingested":"2`, `"_index":".ds-logs-`} {
		if !strings.Contains(answer, want) {
			t.Errorf("no %s in %s", want, answer)
		}
	}
	if st := s.Status(); len(st.Templates) != 4 || st.Rejected+st.Dropped+st.Again != 0 || st.Waiting != "" {
		t.Errorf("%+v", st)
	}
	told, err := ReadStatus(s.cfg.Dir)
	if err != nil || told.Sent != 10 {
		t.Errorf("the status file says %+v, %v", told, err)
	}
}

func TestAnOutageLosesAndDoublesNothing(t *testing.T) {
	namespace := somewhere(t)
	p := newProxy(t)
	c := connect(t, func(c *Config) { c.Namespace, c.URLs = namespace, []string{p.URL} })
	c.sleep = func(ctx context.Context, d time.Duration) error { return sleep(ctx, d/20) }
	s, stop := shipping(t, c, ShipperConfig{Dir: t.TempDir()})
	take(t, s, transfers(0, 100))
	eventually(t, "the first", func() bool { return s.Status().Sent == 100 })
	for i, f := range []fault{
		says(429, `{"error":{"type":"es_rejected_execution_exception","reason":"queue full"},"status":429}`, "Retry-After", "1"),
		says(503, `{"error":{"type":"cluster_block_exception","reason":"no master"},"status":503}`),
		says(401, `{"error":{"type":"security_exception","reason":"key revoked"},"status":401}`),
		func(w http.ResponseWriter, r *http.Request, node http.Handler) {
			if strings.HasSuffix(r.URL.Path, "/_bulk") {
				afterwards(w, r, node)
			}
			node.ServeHTTP(w, r)
		},
	} {
		p.set(f)
		take(t, s, transfers(100+i*100, 200+i*100))
		eventually(t, "the status says why it waits", func() bool { return s.Status().Waiting != "" })
		if i == 3 { // the documents are there, and now the stream has another backing index
			must(t, "POST", "/logs-endpoint.events.process-"+namespace+"/_rollover", "")
		}
		p.set(nil)
		eventually(t, "everything after the outage", func() bool { return s.Status().Sent == int64(200+i*100) && s.Status().Waiting == "" })
	}
	stop()
	arrived(t, namespace, 500)
	if st := s.Status(); st.Dropped+st.Rejected != 0 || st.Again != 100 {
		t.Errorf("%+v", st)
	}
}

func TestAProcessThatIsKilledLosesNothingThatItTook(t *testing.T) {
	namespace := somewhere(t)
	dir := t.TempDir()
	down := connect(t, func(c *Config) { c.Namespace, c.URLs = namespace, []string{"http://127.0.0.1:1"} })
	s, err := down.Shipper(ShipperConfig{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	take(t, s, transfers(0, 50))
	take(t, s, transfers(50, 70))
	s.spool.open.Write([]byte("IDSPtorn by the kill")) // nobody closes it

	s, stop := shipping(t, connect(t, func(c *Config) { c.Namespace = namespace }), ShipperConfig{Dir: dir})
	take(t, s, transfers(70, 80))
	eventually(t, "all of both processes", func() bool { return s.Status().Sent == 80 })
	eventually(t, "sent segments are let go", func() bool { return s.Drained() })
	stop()
	arrived(t, namespace, 80)
	if left, _ := filepath.Glob(filepath.Join(dir, "*.spool")); len(left) > 2 {
		t.Errorf("segments %q", left)
	}

	os.Remove(filepath.Join(dir, "sent")) // it was killed before it could write that down
	s, stop = shipping(t, connect(t, func(c *Config) { c.Namespace = namespace }), ShipperConfig{Dir: dir})
	take(t, s, transfers(80, 81))
	eventually(t, "the last", func() bool { return s.Drained() })
	stop()
	arrived(t, namespace, 81)
}

func TestAFullSpoolCountsWhatItCannotTake(t *testing.T) {
	c := connect(t, func(c *Config) { c.URLs = []string{"http://127.0.0.1:1"} })
	s, err := c.Shipper(ShipperConfig{Dir: t.TempDir(), Bytes: 4000})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 100 {
		take(t, s, transfers(i*10, i*10+10))
	}
	if st := s.Status(); st.Dropped == 0 || st.Dropped == 1000 || st.Spooled > 4000 {
		t.Errorf("%+v", st)
	}
}

func TestADocumentThatIsRefusedForGoodHoldsUpNoOther(t *testing.T) {
	namespace := somewhere(t)
	stream := "logs-endpoint.events.process-" + namespace
	must(t, "PUT", "/_index_template/test-"+namespace, `{"index_patterns":["`+stream+`"],"priority":700,"data_stream":{},
		"template":{"mappings":{"properties":{"process":{"properties":{"name":{"type":"ip","ignore_malformed":false}}}}}}}`)
	s, stop := shipping(t, connect(t, func(c *Config) { c.Namespace = namespace }), ShipperConfig{Dir: t.TempDir()})
	take(t, s, transfers(0, 3))
	eventually(t, "the refusal", func() bool { return s.Status().Rejected == 3 && s.Drained() })
	stop()
	st := s.Status()
	if !strings.Contains(st.Reason, "process.name") || !strings.Contains(strings.Join(st.Templates, "\n"), "left as it is") {
		t.Errorf("%+v", st)
	}
}

func TestATemplateOfSomebodyElseIsNotOverriddenAlsoWhenItCameLater(t *testing.T) {
	namespace := somewhere(t)
	stream := "logs-endpoint.events.process-" + namespace
	c := connect(t, func(c *Config) { c.Namespace = namespace })
	ship := func(n int) []string {
		t.Helper()
		s, stop := shipping(t, c, ShipperConfig{Dir: t.TempDir()})
		take(t, s, transfers(n, n+1))
		eventually(t, "it is sent", func() bool { return s.Status().Sent == 1 })
		stop()
		return s.Status().Templates
	}
	ship(0)
	other := "/_index_template/defend-" + namespace
	must(t, "PUT", other, `{"index_patterns":["`+stream+`*"],"priority":200,"data_stream":{},"template":{"mappings":{"_meta":{"whose":"theirs"}}}}`)
	defer do(t, "DELETE", other, "")
	defer do(t, "DELETE", "/_data_stream/"+stream, "")
	if did := strings.Join(ship(1), "\n"); !strings.Contains(did, "is taken away") || !strings.Contains(did, "left as it is") {
		t.Errorf("it did: %s", did)
	}
	must(t, "POST", "/"+stream+"/_rollover", "")
	if mapping := must(t, "GET", "/"+stream+"/_mapping", ""); !strings.Contains(mapping, "theirs") {
		t.Errorf("the next backing index is not made by their template: %.300s", mapping)
	}
	arrived(t, namespace, 2)
}

func TestACatchAllThatMakesNoStreamsTakesNoTemplateOfOursAway(t *testing.T) {
	ours := templatePrefix + streams("default")[0]
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			asked = append(asked, r.Method+" "+r.URL.Path)
		}
		says(200, `{"index_templates":[{"name":"all","index_template":{"index_patterns":["*"],"priority":1}},
			{"name":"`+ours+`","index_template":{"index_patterns":["x"],"priority":500,"data_stream":{}}}]}`)(w, r, nil)
	}))
	defer server.Close()
	did, err := connect(t, func(c *Config) { c.URLs = []string{server.URL} }).InstallTemplates(t.Context())
	if err != nil || len(asked) != len(streams("default")) || asked[0] != "PUT /_index_template/"+ours {
		t.Errorf("%v: asked %q, did %q", err, asked, did)
	}
}

func TestARequestThatIsTooLargeIsCutInHalves(t *testing.T) {
	namespace := somewhere(t)
	p := newProxy(t)
	p.set(noneAbove(20_000))
	s, stop := shipping(t, connect(t, func(c *Config) { c.Namespace, c.URLs = namespace, []string{p.URL} }), ShipperConfig{Dir: t.TempDir()})
	take(t, s, transfers(0, 300))
	eventually(t, "all parts", func() bool { return s.Status().Sent == 300 })
	stop()
	arrived(t, namespace, 300)
}

func TestHostileTextIsShippedAsText(t *testing.T) {
	namespace := somewhere(t)
	hostile := []string{"a\tb\nc\r\n", `"}}` + "\n" + `{"delete":{"_index":"x"}}`, "\x00\x1b[2J\xff", "\u202e\u2028", strings.Repeat("é", 20_000)}
	b := ecs.NewBuilder(ecs.Host{ID: "h"})
	for i, s := range hostile {
		b.Event(ecs.Process, "exec", "start", time.Now())
		b.Keyword(ecs.ProcessTool, "scp")
		b.Keyword(ecs.ProcessArgs, s)
		b.Int(ecs.ProcessPID, int64(i))
	}
	s, stop := shipping(t, connect(t, func(c *Config) { c.Namespace = namespace }), ShipperConfig{Dir: t.TempDir()})
	take(t, s, b.Build())
	eventually(t, "all is sent", func() bool { return s.Status().Sent == int64(len(hostile)) })
	stop()
	arrived(t, namespace, len(hostile))
	answer := must(t, "GET", "/logs-endpoint.events.process-"+namespace+"/_search?size=9&sort=process.pid", "")
	var found struct {
		Hits struct {
			Hits []struct {
				Source struct{ Process struct{ Args string } } `json:"_source"`
			}
		}
	}
	if err := json.NewDecoder(bytes.NewReader([]byte(answer))).Decode(&found); err != nil {
		t.Fatal(err)
	}
	for i, h := range found.Hits.Hits {
		if want := strings.ToValidUTF8(hostile[i], "\ufffd"); h.Source.Process.Args != want {
			t.Errorf("%q came as %q", want, h.Source.Process.Args)
		}
	}
}

func TestASensorsOwnFiguresAreADataStreamOfTheirOwn(t *testing.T) {
	namespace := somewhere(t)
	began := time.Now()
	var later atomic.Int64
	c := connect(t, func(c *Config) { c.Namespace = namespace })
	c.sleep = func(ctx context.Context, d time.Duration) error { return sleep(ctx, d/20) }
	s, stop := shipping(t, c, ShipperConfig{Dir: t.TempDir(), Host: "web-1", Now: func() time.Time { return began.Add(time.Duration(later.Load())) }})
	take(t, s, transfers(0, 7))
	eventually(t, "the events", func() bool { return s.Status().Sent == 7 })
	later.Store(int64(metricEvery + time.Second))
	eventually(t, "the figures", func() bool { return s.Status().Sent >= 8 && s.Drained() })
	stop()
	must(t, "POST", "/metrics-interdict.sensor-"+namespace+"/_refresh", "")
	defer do(t, "DELETE", "/_data_stream/metrics-interdict.sensor-"+namespace, "")
	f, _, err := connect(t).History().Query(t.Context(), sources.Query{
		Text: "FROM metrics-interdict.sensor-" + namespace + " | KEEP host.name, interdict.sensor.sent, interdict.sensor.lost, interdict.sensor.spooled_bytes, interdict.sensor.lag_ms"})
	if err != nil || f.Rows == 0 || f.Text("host.name", 0) != "web-1" || f.Text("interdict.sensor.sent", 0) != "7" || f.Text("interdict.sensor.lost", 0) != "0" {
		t.Errorf("%v, %v", f, err)
	}
}
