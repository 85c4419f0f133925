package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"interdict/testdata/elasticsearch"
	labs "interdict/testdata/lab"
)

// configOf names a node by one of its addresses, for a namespace of its own.
func configOf(t *testing.T, node *elasticsearch.Node, url string) (config, namespace string) {
	t.Helper()
	namespace = fmt.Sprintf("t%d", time.Now().UnixNano())
	config = filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(config, []byte(clusterAt(url, namespace)), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // other tests ask the same node
		for _, kind := range []string{"process", "network", "file"} {
			node.Do("DELETE", "/_data_stream/logs-endpoint.events."+kind+"-"+namespace, "")
		}
	})
	return config, namespace
}

// The unit of the documentation, as it is, on a host with systemd: it runs without
// root and with no more capabilities than it names, ships what happens, and goes
// on after it was killed.
func TestTheSensorsUnitShipsWithoutRootAndOutlivesAKill(t *testing.T) {
	const within = 90 * time.Second
	program := executable(t)
	kernelWorks(t, program)
	node := elasticsearch.Start(t)
	h := labs.Start(t, labs.Options{Hosts: 1}).Host("web-1")
	forward(t, h.Network(), "127.0.0.1:9200", strings.TrimPrefix(node.URL, "http://"))
	_, namespace := configOf(t, node, node.URL)
	unit, err := os.ReadFile("docs/interdict-sensor.service")
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	on(t, h, "mkdir -p /etc/interdict /usr/local/bin; echo id:key >/etc/interdict/es-key; chmod 600 /etc/interdict/es-key")
	text := clusterAt("http://127.0.0.1:9200", namespace) + `api_key = { file = "/run/credentials/interdict-sensor.service/es-key" }` + "\n"
	for name, file := range map[string]struct {
		text []byte
		mode os.FileMode
	}{
		"/etc/interdict/config.toml":                   {[]byte("scope = \"/sys/fs/cgroup\"\n" + text), 0o644}, // the host's, and not the machine's
		"/etc/systemd/system/interdict-sensor.service": {unit, 0o644},
		"/usr/local/bin/interdict":                     {binary, 0o755},
	} {
		if err := os.WriteFile(h.Path(name), file.text, file.mode); err != nil {
			t.Fatal(err)
		}
	}
	on(t, h, "systemctl daemon-reload; systemctl start interdict-sensor")
	pid := func() string {
		return strings.TrimSpace(on(t, h, "systemctl show -p MainPID --value interdict-sensor"))
	}
	shipped := func(what string) func() bool {
		return func() bool {
			h.Command("systemd-run", "--quiet", "--collect", "scp", what).Run() // below the first process; ends with its usage
			answer, err := node.Do("POST", "/logs-endpoint.events.process-"+namespace+"/_search", fmt.Sprintf(`{"query":{"term":{"process.args":%q}}}`, what))
			return err == nil && strings.Contains(string(answer.Body), `"name":"web-1"`)
		}
	}
	defer func() {
		if t.Failed() {
			out, _ := h.Sh("systemctl status interdict-sensor; interdict sensor status --spool /var/lib/interdict/spool; journalctl -u interdict-sensor --no-pager | tail -20")
			t.Log(out)
		}
	}()
	soon(t, "an event", within, shipped("first"))

	first := pid()
	status := on(t, h, "cat /proc/"+first+"/status")
	for _, want := range []string{`Uid:\s+[1-9]\d+\s`, `CapEff:\s+000000c000080004\n`, `CapBnd:\s+000000c000080004\n`, `NoNewPrivs:\s+1\n`, `Seccomp:\s+2\n`} {
		if !regexp.MustCompile(want).MatchString(status) {
			t.Errorf("no %q in\n%s", want, status)
		}
	}
	says(t, on(t, h, "interdict sensor status --spool /var/lib/interdict/spool"), "yes       running", "yes       cluster lab", "yes       nothing lost", "template interdict-logs-endpoint.events.process-"+namespace)

	on(t, h, "kill -9 "+first)
	soon(t, "an event of the next process", within, shipped("second"))
	if second := pid(); second == first || second == "0" {
		t.Errorf("process %s after %s", second, first)
	}
	if said, err := h.Sh("interdict sensor status --spool /var/lib/interdict/spool"); err != nil {
		t.Errorf("%v: %s", err, said)
	}
	on(t, h, "systemctl stop interdict-sensor")
}
