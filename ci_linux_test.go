package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// job runs `interdict ci` in dir as a build job would.
func job(t *testing.T, dir string, args ...string) (code int, said string) {
	t.Helper()
	c := exec.Command(executable(t), append([]string{"ci"}, args...)...)
	c.Dir = dir
	c.Env = append(os.Environ(), "XDG_CONFIG_HOME="+dir, "CI=true", "GITHUB_ACTIONS=true", "GITHUB_REPOSITORY=shop/web", "GITHUB_JOB=publish", "GITHUB_SHA=3f2a1b0c", "GITHUB_BASE_REF=main")
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		return ended.ExitCode(), out.String()
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, out.String()
}

func TestABuildJobThatTransfersFailsWithTheLineThatBroughtTheToolIn(t *testing.T) {
	kernelWorks(t, executable(t))
	_, err := exec.LookPath("git")
	need(t, "lab", err)
	_, err = os.Stat("/usr/bin/scp")
	need(t, "lab", err)
	dir := t.TempDir()
	script := "#!/bin/sh\necho building\nscp -q -o BatchMode=yes -o ConnectTimeout=2 -P 1 data x@127.0.0.1: 2>/dev/null\nexit 0\n"
	for _, step := range []func() error{
		func() error { return os.WriteFile(filepath.Join(dir, "data"), []byte("x"), 0o600) },
		func() error { return gitIn(dir, "init", "-q", "-b", "main") },
		func() error { return gitIn(dir, "commit", "-q", "--allow-empty", "-m", "before") },
		func() error { return gitIn(dir, "checkout", "-q", "-b", "change") },
		func() error { return os.WriteFile(filepath.Join(dir, "publish.sh"), []byte(script), 0o700) },
		func() error { return gitIn(dir, "add", "publish.sh") },
		func() error { return gitIn(dir, "commit", "-q", "-m", "publish by hand") },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	code, said := job(t, dir, "--", "./publish.sh")
	for _, want := range []string{"building", "GitHub Actions shop/web, job publish, commit 3f2a1b0c", "critical: scp -q", "/publish.sh:3: scp", "brought in by publish.sh:3: scp", "publish by hand"} {
		if !strings.Contains(said, want) {
			t.Errorf("lacks %q", want)
		}
	}
	if code != 10 || t.Failed() {
		t.Fatalf("ended with %d:\n%s", code, said)
	}
	if code, said := job(t, dir, "--fail-on", "low", "--", "sh", "-c", "cat data; exit 7"); code != 7 || strings.Contains(said, "transfer") {
		t.Errorf("an ordinary command ended with %d: %s", code, said)
	}
	if code, said := job(t, dir, "--", "/no/such/command"); code != 1 || !strings.Contains(said, "no such file") {
		t.Errorf("%d: %s", code, said)
	}
	// The port answers nobody, so no byte says where it went: that is not allowed by a network.
	if code, said := job(t, dir, "--allow", "scp=10.0.0.0/8", "--", "./publish.sh"); code != 10 {
		t.Errorf("another network was allowed: %d: %s", code, said)
	}
	if code, said := job(t, dir, "--allow", "scp=127.0.0.1", "--", "./publish.sh"); code != 0 || !strings.Contains(said, "allowed: scp -q") {
		t.Errorf("%d: %s", code, said)
	}
}

func gitIn(dir string, args ...string) error {
	c := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=Ana", "-c", "user.email=ana@example.org"}, args...)...)
	out, err := c.CombinedOutput()
	if err != nil {
		return errors.Join(err, errors.New(string(out)))
	}
	return nil
}
