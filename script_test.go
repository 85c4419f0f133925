package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"interdict/testdata/elasticsearch"
)

func TestMain(m *testing.M) {
	testscript.Main(withNode{m}, map[string]func(){"interdict": main})
}

// withNode ends the node after the tests, if one asked for it.
type withNode struct{ m *testing.M }

func (w withNode) Run() int { return elasticsearch.Run(w.m) }

// What the whole program does, told as text.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:       "testdata/script",
		Setup:     atHome,
		Condition: condition,
		Cmds:      map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// condition knows [root].
func condition(name string) (bool, error) {
	if name == "root" {
		return os.Geteuid() == 0, nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

func atHome(e *testscript.Env) error {
	e.Setenv("HOME", e.WorkDir)
	e.Setenv("XDG_STATE_HOME", filepath.Join(e.WorkDir, "state"))
	e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, "config"))
	return nil
}

// What it does over a cluster.
func TestClusterScript(t *testing.T) {
	node := elasticsearch.Start(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script/cluster",
		Setup: func(e *testscript.Env) error {
			e.Setenv("NODE", node.URL)
			return atHome(e)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits,
			// node METHOD PATH [FILE]: one request to the node. AGO in the file is a minute ago.
			"node": func(ts *testscript.TestScript, neg bool, args []string) {
				body := ""
				if len(args) > 2 {
					body = strings.ReplaceAll(ts.ReadFile(args[2]), "AGO", time.Now().UTC().Add(-time.Minute).Format(time.RFC3339))
				}
				answer, err := node.Do(args[0], args[1], body)
				ts.Check(err)
				if strings.Contains(string(answer.Body), `"errors":true`) {
					ts.Fatalf("%s", answer.Body)
				}
			}},
	})
}

// exits CODE COMMAND...: the command ends with just this code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exited *exec.ExitError
	if errors.As(err, &exited) {
		got = exited.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%s ended with %d, want %d", args[1], got, want)
	}
}

// executable is the program under test.
func executable(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("interdict")
	if err != nil {
		t.Fatal(err)
	}
	if path, err = filepath.Abs(path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	return path
}
