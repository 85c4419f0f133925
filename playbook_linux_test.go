package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// caseConsole is a console that is killed and opened again on the run of case 1.
type caseConsole struct {
	*terminal
	open func() *terminal
}

// die kills the console where it is and opens another one on the run.
func (c *caseConsole) die(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(c.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-c.ended
	c.terminal = c.open()
	c.wait("the first screen", `STANDING`, `ebpf ok`)
	c.press("7")
	c.wait("the cases", `INC-0001`)
	c.press(enter)
	c.wait("the case", `timeline`)
	c.press("p")
	c.wait("the run", `contain-and-preserve · INC-0001`)
}

// The whole way from an alert to the report by keys, on real parts. The console
// is killed at each step that waits, and right after each that was done.
func TestContainAndPreserveFromTheAlertToTheReportThoughTheConsoleIsKilledAtEveryStep(t *testing.T) {
	program := executable(t)
	kernelWorks(t, program)
	l := newLab(t, 60, 16)
	owner := listenTo(t)
	owner.answer()
	dir := t.TempDir()
	state, config := filepath.Join(dir, "state"), filepath.Join(dir, "config.toml")
	if err := os.WriteFile(config, []byte("[notify.owners]\nowner = true\nurl = { env = \"TEST_NOTIFY\" }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TEST_NOTIFY", "generic+"+owner.URL+"/hook?template=json")
	open := func() *terminal {
		return startTerminal(t, 120, 40, program, "--config", config, "--state", state, "--scope", l.group)
	}
	c := &caseConsole{open(), open}
	c.wait("the first screen", `ebpf ok`, `STANDING`)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	attack := exec.CommandContext(ctx, "testdata/lab/lab", "attack")
	if err := attack.Start(); err != nil {
		t.Fatal(err)
	}
	c.wait("the theft", `SENDING`, `203\.0\.113\.9`, `LIKELY THEFT`)

	c.press("P")
	c.wait("the playbooks", `▌ Block the destination`)
	c.press("jj")
	c.wait("the choice", `▌ Contain and preserve`)
	c.press(enter)
	t.Log(c.wait("every plan", `RUN Contain and preserve`, `1 freeze`, `4 isolate`, `7 kill`))
	c.approve("Run")
	c.wait("the run", `contain-and-preserve · INC-0001`)
	c.die(t) // in the middle of the freeze or of the capture, or right behind them

	c.press(enter)
	t.Log(c.wait("the isolation that asks", `done .*1 freeze`, `done .*2 capture`, `asks .*4 isolate`))
	stopped := settled(t, l)
	c.die(t)
	c.wait("the same step", `asks .*4 isolate`)
	c.press("s")
	c.wait("the question", `why it is left out`)
	c.press("this machine is not to be cut off" + enter)
	c.wait("the kill that asks", `skipped .*4 isolate`, `done .*5 verify`, `asks .*7 kill`)
	c.die(t)
	c.wait("the same step", `asks .*7 kill`)
	c.press(enter)
	c.approve("Approve")
	t.Log(c.wait("the kill", `VERIFIED`))
	c.die(t) // sweep, watch and the message may be under way
	c.press(enter)
	t.Log(c.wait("what a person has to do", `done .*6 collect`, `done .*7 kill`, `done .*9 watch`, `done .*10 tell-owner/owner`, `asks .*12 credential`))
	c.die(t)
	c.wait("the same step", `asks .*12 credential`)
	c.press(enter)
	c.wait("the question", `what was done`)
	c.press("the deploy key was replaced" + enter)
	c.wait("the end", `done, 12 of 12 steps`)
	attack.Wait()

	page := filepath.Join(dir, "case.html")
	c.press("i")
	c.wait("the case", `contained after`)
	c.press("w")
	c.wait("the name", `INC-0001\.html`)
	c.press("\x15" + page + enter)
	c.wait("the report", `written to`)
	c.press("q")

	if now := l.arrived(); now != stopped || stopped >= 60<<20 {
		t.Errorf("%d bytes were at the far end when the freeze had settled, %d are now", stopped, now)
	}
	if heard := owner.all(); !strings.Contains(heard, "Was this announced?") || !strings.Contains(heard, "contained after") || strings.Count(heard, "announced?") > 2 {
		t.Errorf("the owner was told %q", heard)
	}
	read(t, program, state, page, `203\.0\.113\.9`)
}

// read is a second reader, who knows the report alone.
func read(t *testing.T, program, state, page, far string) (bundles []string) {
	t.Helper()
	md, err := exec.Command(program, "--state", state, "case", "report", "1").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, md)
	}
	html, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for what, pattern := range map[string]string{
		"what left":      `What left\W+≥ [0-9.]+ MB: [^|<]*customers\.tar\.gz`,
		"from where":     `From\W+\S+`,
		"to where":       `To\W+` + far + `:22`,
		"when":           `When\W+20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ`,
		"how sure":       `How sure\W+LIKELY THEFT`,
		"what was done":  `Done and proven[^\n]*frozen[^\n]*proven: holds[^\n]*killed`,
		"what is open":   `Still open[\s\S]*close INC-0001`,
		"what is proven": `sha256 [0-9a-f]{64}`,
		"the notes":      `the deploy key was replaced`,
	} {
		for name, text := range map[string]string{"markdown": string(md), "html": regexp.MustCompile(`<[^>]*>`).ReplaceAllString(string(html), " ")} {
			if !regexp.MustCompile(pattern).MatchString(strings.ReplaceAll(text, `\`, "")) {
				t.Errorf("the %s report does not say %s (%s):\n%s", name, what, pattern, text)
			}
		}
	}
	bundles, _ = filepath.Glob(filepath.Join(state, "evidence", "*.tar"))
	for _, b := range bundles {
		if out, err := exec.Command(program, "--state", state, "verify", b).CombinedOutput(); err != nil {
			t.Errorf("verify %s: %v: %s", b, err, out)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(state, "evidence", "*")); len(bundles) != 2 || len(left) != 4 { // a capture and the rest, each with its custody log
		t.Errorf("evidence: %q", left)
	}
	out, err := exec.Command(program, "--state", state, "journal", "verify").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "whole: ") {
		t.Errorf("journal verify: %v: %s", err, out)
	}
	return bundles
}
