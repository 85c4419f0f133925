package elasticsearch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/frame"
	"interdict/testdata/bench"
	"interdict/testdata/elasticsearch"
)

// size is how much of something is measured, unless the environment says otherwise.
func size(t *testing.T, name string, usual int) int {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return usual
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is no number", name, v)
	}
	return n
}

// cpu is what this process has used.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// work is what hosts do: n executions, one of 50 of a transfer tool.
func work(from, n int) *frame.Frame {
	b := ecs.NewBuilder(ecs.Host{ID: fmt.Sprint("h", from%200), BootID: "b", Name: fmt.Sprint("host-", from%200)})
	at := time.Now().Add(-time.Minute)
	for i := from; i < from+n; i++ {
		b.Event(ecs.Process, "exec", "start", at)
		tool := i%50 == 0
		name, parent := "sh", "make"
		if tool {
			name, parent = []string{"scp", "rsync", "sftp"}[i/50%3], []string{"bash", "cron", ".x.sh"}[i/50%3]
			b.Keyword(ecs.ProcessTool, name)
		}
		b.Keyword(ecs.ProcessName, name)
		b.Keyword(ecs.ProcessExecutable, "/usr/bin/"+name)
		b.Keyword(ecs.ProcessCommandLine, fmt.Sprintf("%s -q /srv/export/%d.tar.gz backup-%d:/srv/in/", name, i, i%17))
		b.Keyword(ecs.ParentName, parent)
		b.Keyword(ecs.ParentExecutable, fmt.Sprintf("/opt/%d/%s", i%400, parent))
		b.Int(ecs.ProcessPID, int64(i))
	}
	return b.Build()
}

const measuredRule = `FROM logs-endpoint.events.process-* METADATA _id, _index, _version
| WHERE host.os.type == "linux" AND event.type == "start" AND event.action == "exec" AND process.name IN ("scp", "sftp", "rsync", "ftp")
| KEEP process.executable, process.parent.executable, process.command_line, agent.id, host.name
| STATS cc = COUNT(*), agents = COUNT_DISTINCT(agent.id) BY process.executable, process.parent.executable
| WHERE agents == 1 AND cc < 5 | SORT cc | LIMIT 100`

// A rule that is pushed down beside fetching what it looks at: over so many events
// in an index, and over ten such indices.
func TestMeasureARulePushedDownBesideFetching(t *testing.T) {
	bench.Wanted(t)
	rows := size(t, "INTERDICT_BENCH_EVENTS", 1_000_000)
	clearEvents(t)
	first := load(t, rows)
	measureRule(t, rows)
	must(t, "PUT", "/"+first+"/_settings", `{"index.blocks.write":true}`)
	for i := range 9 {
		must(t, "POST", fmt.Sprintf("/%s/_clone/%s-%d?wait_for_active_shards=1", first, first, i), "")
	}
	measureRule(t, 10*rows)
	clearEvents(t)
}

// load fills an index as fast as a node takes it.
func load(t *testing.T, rows int) (index string) {
	t.Helper()
	index = ecs.Process.Index()
	must(t, "PUT", "/"+index, strings.Replace(mapping(ecs.Fields()), `"number_of_shards":2`, `"number_of_shards":1,"refresh_interval":"-1","translog.durability":"async"`, 1))
	for from := 0; from < rows; from += 5000 {
		f := work(from, min(5000, rows-from))
		var bulk bytes.Buffer
		e := ecs.NewEncoder(f)
		for row := range f.Rows {
			fmt.Fprintf(&bulk, "{\"create\":{\"_index\":%q}}\n%s\n", index, e.Append(nil, row))
		}
		if answer := must(t, "POST", "/_bulk?filter_path=errors", bulk.String()); strings.Contains(answer, `true`) {
			t.Fatalf("%.500s", answer)
		}
	}
	must(t, "POST", "/"+index+"/_refresh", "")
	return index
}

func measureRule(t *testing.T, rows int) {
	t.Helper()
	h := connect(t).History()
	var pushed []float64
	for range 5 {
		began := time.Now()
		_, quality, err := h.Query(t.Context(), sources.Query{Text: measuredRule, Window: sources.Window{From: began.Add(-2 * time.Hour)}, Now: began})
		if err != nil || quality.Partial {
			t.Fatal(err, quality)
		}
		pushed = append(pushed, time.Since(began).Seconds())
	}
	began, fetched := time.Now(), 0
	p := &polling{Source: connect(t).Source(SourceConfig{}), out: sources.SinkFunc(func(_ context.Context, b sources.Batch) error {
		fetched += b.Events.Rows
		return nil
	}), seen: newSeen(), above: above{}, decoder: ecs.NewDecoder(ecs.DecoderOptions{})}
	if err := p.poll(t.Context(), began.Add(-2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	fetching := time.Since(began).Seconds()
	if fetched != rows/50 {
		t.Fatalf("%d events fetched", fetched)
	}
	bench.Tell(t, bench.Figure{Name: fmt.Sprintf("the file-transfer rule over %d events, pushed down", rows), Value: bench.Median(pushed), Unit: "s",
		Peer: fmt.Sprintf("fetching the %d of them that are of transfer tools", fetched), PeerValue: fetching, Most: 1})
}

// What a sensor takes in while the cluster is away, and how fast it ships that then.
func TestMeasureTheSpool(t *testing.T) {
	bench.Wanted(t)
	n := size(t, "INTERDICT_BENCH_SPOOL", 200_000)
	const batch = 100
	namespace, dir := somewhere(t), t.TempDir()
	frames := make([]*frame.Frame, n/batch)
	for i := range frames {
		frames[i] = work(i*batch, batch)
	}
	away := connect(t, func(c *Config) { c.Namespace, c.URLs = namespace, []string{"http://127.0.0.1:1"} })
	s, err := away.Shipper(ShipperConfig{Dir: dir, All: true})
	if err != nil {
		t.Fatal(err)
	}
	began, used := time.Now(), cpu(t)
	for _, f := range frames {
		take(t, s, f)
	}
	took, cost := time.Since(began), cpu(t)-used
	if st := s.Status(); st.Missed() > 0 {
		t.Fatalf("%+v", st)
	}
	bytes := s.spool.Size()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	bench.Tell(t, bench.Figure{Name: "events into the spool", Value: float64(n) / took.Seconds(), Unit: "events/s"})
	bench.Tell(t, bench.Figure{Name: "CPU of an event into the spool", Value: float64(cost.Nanoseconds()) / float64(n) / 1000, Unit: "µs/event"})
	bench.Tell(t, bench.Figure{Name: "an event in the spool", Value: float64(bytes) / float64(n), Unit: "bytes"})

	s, err = connect(t, func(c *Config) { c.Namespace = namespace }).Shipper(ShipperConfig{Dir: dir, All: true})
	if err != nil {
		t.Fatal(err)
	}
	began, used = time.Now(), cpu(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	for !s.Drained() {
		time.Sleep(5 * time.Millisecond)
	}
	took, cost = time.Since(began), cpu(t)-used
	stop()
	if err := errors.Join(<-done, s.Close()); err != nil {
		t.Fatal(err)
	}
	arrived(t, namespace, n)
	bench.Tell(t, bench.Figure{Name: "events shipped from the spool to one node", Value: float64(n) / took.Seconds(), Unit: "events/s"})
	bench.Tell(t, bench.Figure{Name: "CPU of an event shipped", Value: float64(cost.Nanoseconds()) / float64(n) / 1000, Unit: "µs/event"})
}

// Nothing that a sensor took is lost or doubled while the node is gone for a
// minute and events go on coming.
func TestMeasureThatAMinuteWithoutTheNodeLosesNothing(t *testing.T) {
	bench.Wanted(t)
	rate, seconds := size(t, "INTERDICT_BENCH_RATE", 5000), size(t, "INTERDICT_BENCH_SECONDS", 60)
	namespace := somewhere(t)
	s, stop := shipping(t, connect(t, func(c *Config) { c.Namespace = namespace }), ShipperConfig{Dir: t.TempDir(), All: true})
	n := 0
	during := func(seconds int) {
		t.Helper()
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for range seconds * 10 {
			take(t, s, work(n, rate/10))
			n += rate / 10
			<-tick.C
		}
	}
	during(5)
	eventually(t, "the first", func() bool { return s.Status().Sent > 0 })
	node := elasticsearch.Start(t)
	if err := node.Kill(); err != nil {
		t.Skip(err)
	}
	during(seconds)
	waiting := s.Status()
	if err := node.Again(); err != nil {
		t.Fatal(err)
	}
	during(5)
	began := time.Now()
	for !s.Drained() {
		if time.Since(began) > 5*time.Minute {
			t.Fatalf("%+v", s.Status())
		}
		time.Sleep(20 * time.Millisecond)
	}
	stop()
	if st := s.Status(); waiting.Waiting == "" || st.Missed()+st.Damaged != 0 {
		t.Errorf("%+v, in the outage %+v", st, waiting)
	}
	arrived(t, namespace, n)
	bench.Tell(t, bench.Figure{Name: fmt.Sprintf("events lost or doubled of %d at %d/s with the node gone for %d s", n, rate, seconds), Unit: "events"})
}

// The first look of a console at a store with many documents.
func TestMeasureTheFirstLookAtAStore(t *testing.T) {
	bench.Wanted(t)
	n := size(t, "INTERDICT_BENCH_ALERTS", 50_000)
	kind := somewhere(t)
	d := connect(t).Documents()
	if err := d.Prepare(t.Context(), kind); err != nil {
		t.Fatal(err)
	}
	defer do(t, "DELETE", "/"+documentsPrefix+kind, "")
	for from := 0; from < n; from += 5000 {
		var bulk bytes.Buffer
		for i := from; i < min(from+5000, n); i++ {
			fmt.Fprintf(&bulk, "{\"create\":{\"_index\":\"%s%s\",\"_id\":\"%08d\"}}\n{\"document\":{\"v\":1,\"triage\":{\"thread\":\"T%d\",\"state\":\"closed\",\"reason\":\"benign\",\"by\":\"ana\",\"at\":\"2026-01-02T03:04:05Z\",\"revision\":2,\"up_to\":\"2026-01-02T03:04:05Z\"},\"log\":[{\"id\":\"%d\",\"by\":\"ana\",\"kind\":\"closed\",\"at\":\"2026-01-02T03:04:05Z\"}]}}\n", documentsPrefix, kind, i, i, i)
		}
		must(t, "POST", "/_bulk?refresh=true&filter_path=errors", bulk.String())
	}
	began, read := time.Now(), 0
	if _, err := d.Changes(t.Context(), kind, "", func(string, string, []byte) error { read++; return nil }); err != nil || read != n {
		t.Fatalf("%d read, %v", read, err)
	}
	bench.Tell(t, bench.Figure{Name: fmt.Sprintf("reading %d shared documents for the first time", n), Value: time.Since(began).Seconds(), Unit: "s"})
}
