package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"interdict/testdata/bench"
	"interdict/testdata/elasticsearch"
)

// From an execution on a host with a sensor to the alert on a console that knows
// only the cluster.
func TestMeasureFromExecutionToAlertThroughACluster(t *testing.T) {
	bench.Wanted(t)
	f := newFleet(t)
	process := strings.Replace(f.events(), "events.*", "events.process", 1)
	h := f.lab.Host("db-3")
	f.until("the sensor", func() bool {
		h.Command("scp", "warm-up").Run()
		return len(f.ask(fmt.Sprintf(`FROM %s | WHERE host.name == "db-3" | LIMIT 1`, process))) > 0
	})
	console := startTerminal(t, 160, 50, f.program, "--config", f.config, "--state", f.state, "--source", "elasticsearch:lab")
	console.wait("the first alert", `db-3`)
	var all []float64
	for i := range 15 {
		name := fmt.Sprintf(".m%02d.sh", i)
		f.sh("db-3", fmt.Sprintf("printf '#!/bin/sh\\nscp -q /etc/hostname outside:/srv/%d\\n:\\n' >/dev/shm/%s; chmod +x /dev/shm/%s", i, name, name))
		began := time.Now()
		f.sh("db-3", "/dev/shm/"+name)
		console.wait("the alert", `scp ◂ \.m`+name[2:4])
		all = append(all, milliseconds(time.Since(began)))
	}
	const stated = 2000 // the refresh interval of an index, a second, and one more
	bench.Tell(t, bench.Figure{Name: "execution → alert through a cluster, p50", Value: bench.Median(all), Unit: "ms", Peer: "the refresh interval and a second", PeerValue: stated, Most: 1.5})
	bench.Tell(t, bench.Figure{Name: "execution → alert through a cluster, longest of 15", Value: bench.Quantile(all, 1), Unit: "ms", Peer: "the refresh interval and a second", PeerValue: stated})
}

// A console that starts over a cluster in which much happened lately.
func TestMeasureAConsoleStartOverABusyCluster(t *testing.T) {
	bench.Wanted(t)
	node, program := elasticsearch.Start(t), built(t)
	const n = 50_000
	index := fmt.Sprintf("logs-endpoint.events.process-t%d", time.Now().UnixNano())
	at := time.Now().UTC()
	for from := 0; from < n; from += 5000 {
		var bulk bytes.Buffer
		for i := from; i < from+5000; i++ {
			when := at.Add(-time.Duration(i) * 100 * time.Millisecond).Format("2006-01-02T15:04:05.000Z")
			fmt.Fprintf(&bulk, `{"create":{}}`+"\n"+`{"@timestamp":%q,"event":{"action":["exec"],"type":["start"],"kind":"event","category":["process"],"dataset":"endpoint.events.process"},"host":{"id":"h%d","name":"host-%d","os":{"type":"linux"}},"agent":{"id":"h%d"},"process":{"entity_id":"e%d","pid":%d,"name":"scp","executable":"/usr/bin/scp","command_line":"scp -q /srv/%d backup:/srv/","args":["scp","-q"],"parent":{"entity_id":"p%d","name":"job-%d.sh","executable":"/opt/job-%d.sh"}}}`+"\n",
				when, i%500, i%500, i%500, i, i, i, i%5000, i%5000, i%5000)
		}
		if _, err := node.Do("POST", "/"+index+"/_bulk?refresh=true&filter_path=errors", bulk.String()); err != nil {
			t.Fatal(err)
		}
	}
	defer node.Do("DELETE", "/_data_stream/"+index, "")
	config := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "[elasticsearch.lab]\nurls = [%q]\nevents = %q\n", node.URL, index), 0o600); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	console := startTerminal(t, 120, 40, program, "--config", config, "--state", t.TempDir(), "--source", "elasticsearch:lab")
	console.wait("the first screen", `STANDING`)
	first := milliseconds(time.Since(began))
	console.wait("the alerts", `host-\d+`)
	bench.Tell(t, bench.Figure{Name: fmt.Sprintf("first screen over a cluster with %d executions of tools", n), Value: first, Unit: "ms"})
	bench.Tell(t, bench.Figure{Name: "the first of their alerts", Value: milliseconds(time.Since(began)), Unit: "ms"})
	bench.Tell(t, bench.Figure{Name: "anonymous memory of that console", Value: status(t, console.pid, "RssAnon") / 1024, Unit: "MiB"})
}
