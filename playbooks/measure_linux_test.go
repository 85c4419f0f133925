package playbooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"interdict/respond/local"
	"interdict/sources"
	"interdict/sources/archive"
	"interdict/sources/ecs"
	"interdict/sources/elasticsearch"
	"interdict/testdata/bench"
	node "interdict/testdata/elasticsearch"
)

// TestMain stops the node that a benchmark started.
func TestMain(m *testing.M) { os.Exit(node.Run(m)) }

// twoWeeks fills a history with what one busy host records: executions of all
// kinds, of which three in a thousand are of a transfer tool with its connections.
// Among others half of it is theirs.
func twoWeeks(t *testing.T, a sources.Sink, rows, others int) {
	t.Helper()
	const size = 2000
	step := 14 * 24 * time.Hour / time.Duration(rows/3) // between two programs, of three rows each
	at := night.Add(-14 * 24 * time.Hour)
	for n, batch := 0, 0; n < rows; batch++ {
		h := ecs.Host{ID: web1.ID, BootID: web1.BootID, Name: web1.Name, AgentID: web1.AgentID, Architecture: web1.Architecture,
			OS: ecs.OS{Type: web1.OSType, Full: web1.OS, Kernel: web1.Kernel}}
		if other := batch / 2 % max(others, 1); others > 0 && batch%2 == 1 {
			h.ID, h.Name, h.AgentID = fmt.Sprint("h", other), fmt.Sprint("app-", other), fmt.Sprint("a", other)
		}
		b := ecs.NewBuilder(h)
		for b.Len() < size && n+b.Len() < rows {
			at = at.Add(step)
			life(b, n+b.Len(), at)
		}
		n += b.Len()
		if err := a.Put(t.Context(), sources.Batch{Events: b.Build(), Read: at}); err != nil {
			t.Fatal(err)
		}
	}
}

// life is a process from fork to end.
func life(b *ecs.Builder, n int, at time.Time) {
	name, tool, command := fmt.Sprint("tool", n%180), "", fmt.Sprintf("tool%d --run %d", n%180, n%5000)
	if n%1000 < 3 {
		name, tool, command = "scp", "scp", fmt.Sprintf("scp -q /srv/out/%d.tgz deploy@10.0.4.%d:in/", n, n/1000%200)
	}
	process := func(action, typ string, at time.Time) {
		b.Event(ecs.Process, action, typ, at)
		b.Int(ecs.ProcessPID, int64(1000+n%30000))
		b.Int(ecs.StartTicks, int64(n)*1e7)
		b.Keyword(ecs.ProcessEntityID, ecs.EntityID(web1.BootID, 1000+n%30000, int64(n)*1e7))
		b.Keyword(ecs.ProcessName, name)
		b.Keyword(ecs.ProcessExecutable, "/usr/bin/"+name)
		b.Keyword(ecs.ProcessTool, tool)
		b.Keyword(ecs.UserName, "deploy")
	}
	process("fork", "start", at)
	process("exec", "start", at)
	b.Keyword(ecs.ProcessCommandLine, command)
	b.Keyword(ecs.ParentExecutable, "/usr/bin/bash")
	b.Keyword(ecs.ParentCommandLine, fmt.Sprintf("/bin/bash /usr/local/bin/job%d", n%50))
	process("end", "end", at.Add(time.Millisecond))
	if tool != "" {
		b.Event(ecs.Network, "disconnect_received", "end", at.Add(time.Millisecond))
		b.Keyword(ecs.ProcessEntityID, ecs.EntityID(web1.BootID, 1000+n%30000, int64(n)*1e7))
		b.Keyword(ecs.NetworkDirection, "egress")
		b.IP(ecs.SourceIP, addr("10.0.2.21"))
		b.IP(ecs.DestinationIP, addr(fmt.Sprintf("10.0.4.%d", n/1000%200)))
		b.Int(ecs.SourceBytes, int64(n))
		b.Int(ecs.DestinationBytes, 9000)
	}
}

// cpuTime is what this program used of all cores.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestMeasureTheGuide asks everything about findings that differ, over an archive
// on disk, with this machine looked at. INTERDICT_BENCH_ROWS says how many rows.
func TestMeasureTheGuide(t *testing.T) {
	bench.Wanted(t)
	rows := 10_000_000
	if n, err := strconv.Atoi(os.Getenv("INTERDICT_BENCH_ROWS")); err == nil {
		rows = n
	}
	a, err := archive.Open(t.Context(), archive.Config{Dir: t.TempDir(), Now: func() time.Time { return night }})
	if err != nil {
		t.Fatal(err)
	}
	twoWeeks(t, a, rows, 0)
	answerAll(t, a, fmt.Sprintf("over %d events", rows), 500)
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// TestMeasureTheGuideOverACluster is the same with a node of Elasticsearch: over
// as many events as INTERDICT_BENCH_CLUSTER says, and over ten times as many, of
// which nine tenths are copies in indices of their own.
func TestMeasureTheGuideOverACluster(t *testing.T) {
	bench.Wanted(t)
	rows := 1_000_000
	if n, err := strconv.Atoi(os.Getenv("INTERDICT_BENCH_CLUSTER")); err == nil {
		rows = n
	}
	n := node.Start(t)
	c, err := elasticsearch.Open(elasticsearch.Config{Name: "bench", URLs: []string{n.URL}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Shipper(elasticsearch.ShipperConfig{Dir: t.TempDir(), All: true, Bytes: 16 << 30})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	twoWeeks(t, s, rows, 20)
	for !s.Drained() {
		time.Sleep(100 * time.Millisecond)
	}
	stop()
	if err := errors.Join(<-ended, s.Close()); err != nil {
		t.Fatal(err)
	}
	answerAll(t, c.History(), fmt.Sprintf("over a cluster with %d events", rows), 2000)
	copies(t, n, 9)
	answerAll(t, c.History(), fmt.Sprintf("over a cluster with %d events", 10*rows), 2000)
}

// copies makes so many of each index of events.
func copies(t *testing.T, n *node.Node, of int) {
	t.Helper()
	do := func(method, path, body string) []byte {
		answer, err := n.Do(method, path, body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.Body
	}
	for _, stream := range []string{"process", "network"} {
		stream = "logs-endpoint.events." + stream + "-default"
		var rolled struct {
			First string `json:"old_index"`
		}
		// What is written to cannot be copied.
		if err := json.Unmarshal(do("POST", "/"+stream+"/_rollover", ""), &rolled); err != nil {
			t.Fatal(err)
		}
		do("PUT", "/"+rolled.First+"/_settings", `{"index.blocks.write":true}`)
		for i := range of {
			do("POST", fmt.Sprintf("/%s/_clone/%s-%d?wait_for_active_shards=1", rolled.First, stream, i), `{"settings":{"index.hidden":false}}`)
		}
	}
	do("GET", "/_cluster/health?wait_for_no_initializing_shards=true&timeout=60s", "")
}

// answerAll tells how long the guides of findings that differ take over a history.
func answerAll(t *testing.T, h sources.History, over string, stated float64) {
	t.Helper()
	warm := &Assessor{History: h, Deadline: time.Minute, Now: func() time.Time { return night }}
	began := time.Now()
	warm.Warm(t.Context()) // as the console does when it starts
	bench.Tell(t, bench.Figure{Name: "what every guide needs, " + over, Value: time.Since(began).Seconds() * 1000, Unit: "ms"})
	var answered, spent, slowest []float64
	longest := map[string]time.Duration{}
	for i := range 20 {
		as, f := theft()
		as.History, as.Deadline = h, time.Minute
		as.Look, as.Boot = local.New(), f.Host.BootID
		as.baseline.of = warm.baseline.of
		f.ID, f.Transfer.Tool.EntityID = fmt.Sprint(i), fmt.Sprint("e", i)
		began, used := time.Now(), cpuTime(t)
		g := as.Assess(context.Background(), f)
		answered = append(answered, time.Since(began).Seconds()*1000)
		spent = append(spent, (cpuTime(t)-used).Seconds()*1000)
		worst := time.Duration(0)
		for _, x := range g.Answers {
			worst = max(worst, x.Took)
			longest[x.ID] = max(longest[x.ID], x.Took)
		}
		slowest = append(slowest, worst.Seconds()*1000)
	}
	t.Log(over, longest)
	name := "the guide answered " + over + ", "
	bench.Tell(t, bench.Figure{Name: name + "p50", Value: bench.Quantile(answered, 0.5), Unit: "ms"})
	bench.Tell(t, bench.Figure{Name: name + "p95", Value: bench.Quantile(answered, 0.95), Unit: "ms", Peer: "stated", PeerValue: stated})
	bench.Tell(t, bench.Figure{Name: name + "CPU time, p50", Value: bench.Quantile(spent, 0.5), Unit: "ms"})
	bench.Tell(t, bench.Figure{Name: name + "slowest question, p95", Value: bench.Quantile(slowest, 0.95), Unit: "ms"})
}
