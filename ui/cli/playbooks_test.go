package cli

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/respond"
)

// caseOf is a state directory with one case of a theft on web-1, of an environment.
func caseOf(t *testing.T, environment string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	p := Program{Stderr: &bytes.Buffer{}, Env: func(string) string { return "" }, Now: time.Now}
	s, err := (&command{Program: p, stateDir: dir}).openState(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	at := time.Now().Add(-time.Minute)
	tool := detect.Process{PID: 4121, Start: 1, Name: "scp", CommandLine: "scp a b:", Started: at, User: "www-data"}
	f := &detect.Finding{Alert: detect.Alert{ID: "A1", RuleName: "Theft", Raised: at, First: at, Last: at, Process: tool, Host: detect.Host{ID: "id-of-web-1", Name: "web-1", Environment: environment}},
		Transfer: &detect.Transfer{Tool: tool, Live: true, Direction: detect.Out, Peers: []detect.Peer{{Addr: netip.MustParseAddr("203.0.113.9"), Port: 22, Sent: 5}}}}
	if _, err := s.cases.OpenCase(t.Context(), f, nil, "ana"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.toml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// playbookSaid runs a command with lines on its standard input.
func playbookSaid(t *testing.T, dir, stdin string, args ...string) (code int, said string) {
	t.Helper()
	var out bytes.Buffer
	p := Program{Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &out, Env: func(string) string { return "" }, Now: time.Now,
		Hosts: func(HostsOptions) Hosts {
			inventory, err := respond.NewInventory([]respond.HostEntry{{Name: "web-1", HostID: "id-of-web-1"}})
			if err != nil {
				t.Fatal(err)
			}
			return fleet{inventory}
		}}
	code = Main(t.Context(), p, append([]string{"--config", filepath.Join(dir, "config.toml"), "--state", dir, "playbook"}, args...))
	return code, out.String()
}

func TestAPlaybookOnTheCommandLineAsksForTheHostsNameInProductionAsTheConsoleDoes(t *testing.T) {
	for _, c := range []struct {
		environment, stdin string
		yes                bool
		code               int
	}{
		{"production", "yes\n", false, Refused}, {"production", "", true, Refused}, {"production", "web-2\n", true, Refused},
		{"production", "web-1\nrotated\n", true, Done}, {"ci", "no\n", false, Refused}, {"ci", "yes\nrotated\n", false, Done}, {"ci", "rotated\n", true, Done},
	} {
		dir := caseOf(t, c.environment)
		args := []string{"run", "credential-rotation", "INC-0001"}
		if c.yes {
			args = append(args, "--yes")
		}
		code, said := playbookSaid(t, dir, c.stdin, args...)
		if code != c.code {
			t.Errorf("%+v: %d\n%s", c, code, said)
		}
		if _, status := playbookSaid(t, dir, "", "status", "1"); strings.Contains(status, "no playbook") == (c.code == Done) {
			t.Errorf("%+v: %s", c, status)
		}
	}
}

func TestAStepIsLeftOutOnlyByNoAndWhy(t *testing.T) {
	dir := caseOf(t, "ci")
	if code, said := playbookSaid(t, dir, "yes\nno\n", "run", "credential-rotation", "1"); code != Refused || !strings.Contains(said, "goes on waiting") {
		t.Errorf("%d: %s", code, said)
	}
	_, status := playbookSaid(t, dir, "", "status", "1")
	run := strings.Fields(status)[1]
	if code, said := playbookSaid(t, dir, "no there are none\n", "continue", run); code != Done || !strings.Contains(said, "skipped  replace                      there are none") {
		t.Errorf("%d: %s", code, said)
	}
}

// slow is somebody who is told and does not answer.
type slow struct{ told chan string }

func (s slow) Send(ctx context.Context, _ []string, _, text string) (string, error) {
	s.told <- text
	<-ctx.Done()
	return "", ctx.Err()
}

func TestAServerThatDoesNotAnswerKeepsNobodyFromLookingOn(t *testing.T) {
	cases := casesIn(t, filepath.Join(t.TempDir(), "interdict.db"))
	s := newSaid(cases, "ana")
	s.Engine = emptyEngine(t)
	ctx, stop := context.WithCancel(t.Context())
	told := slow{make(chan string, 2)}
	l := &lookout{command: &command{}, said: s, runner: &playbooks.Runner{Cases: cases, Notify: told}, notice: func(string) {}}
	find := func(id string) *detect.Finding {
		at := time.Now()
		tool := detect.Process{PID: 1, Name: "scp", CommandLine: "scp a b:", User: "bob", Started: at}
		return &detect.Finding{Alert: detect.Alert{ID: id, RuleName: "Theft", Last: at, Process: tool, Host: detect.Host{ID: id, Name: "web-" + id}}}
	}
	k, err := cases.OpenCase(ctx, find("0"), nil, "ana")
	if err != nil {
		t.Fatal(err)
	}
	watch := []playbooks.Watch{{Case: k.ID, User: "bob", Command: "scp a b:", Since: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour)}}
	for _, id := range []string{"1", "2", "1"} {
		if !l.seenAgain(ctx, watch, find(id)) {
			t.Error(id)
		}
	}
	a, b := <-told.told, <-told.told
	if !strings.Contains(a+b, "SEEN AGAIN on web-1") || !strings.Contains(a+b, "SEEN AGAIN on web-2") {
		t.Error(a, b)
	}
	stop()
	l.beside.Wait()
	if len(told.told) > 0 {
		t.Error("it was said twice")
	}
	log, err := cases.CaseLog(t.Context(), k.ID)
	if err != nil || !strings.Contains(log[len(log)-1].Text, "not all were told") {
		t.Errorf("%+v, %v", log, err)
	}
}
