package ui

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// approves types the words that a question waits for, after they could be read.
func (k *talk) approves(words string) {
	k.t.Helper()
	k.until("To do it type: " + words)
	k.wait(time.Second)
	k.types(words)
}

func TestThePlainConsoleGoesFromTheAlertThroughAPlaybookToTheReport(t *testing.T) {
	k := startTalk(t, func(c *Config) { playbooksIn(t, c) })
	k.types("playbooks")
	k.until("contain-and-preserve, 12 steps")
	k.types("run 1 nonsense")
	k.until("there is no playbook")
	k.types("run 1 contain-and-preserve")
	k.until("4 isolate: plan of test.isolate")
	k.approves("run web-1")
	k.until("To do it type: isolate web-1")
	k.wait(time.Second)
	k.types("isolate")
	k.until("It waits at isolate.")
	run := regexp.MustCompile(`RUN (\w+): contain-and-preserve in INC-0001, by ana`).FindStringSubmatch(k.heard())[1]
	k.types("skip " + run + " isolate the shop has to stay up")
	k.approves("kill web-1")
	k.until("kill done: test.kill was done")
	k.until("It waits at tell-owner/call.")
	k.types("done " + run + " kill by hand")
	k.until("does not wait for a person")
	k.types("done " + run + " tell-owner/call called Bob at 03:20")
	k.until("It waits at credential-rotation/replace.")
	k.types("done " + run + " credential-rotation/replace all of them, PASSWORD=hunter2")
	k.until("done, 12 of 12 steps")

	k.types("note INC-0001 the owner knows of nothing")
	k.until("Noted.")
	k.types("ack INC-0001")
	k.until("Yours.")
	k.types("join INC-0001 2")
	k.until("Alert 2 is in INC-0001.")
	k.types("case INC-0001")
	k.until("note, ana: the owner knows of nothing")
	k.types("timeline INC-0001")
	k.until("kill done: test.kill was done")
	k.types("handover INC-0001 bob watch web-2")
	k.until("INC-0001 is bob's.")
	k.types("handover")
	k.until("1 case open")
	k.types("cases")
	k.until("INC-0001, bob: ")

	dir := t.TempDir()
	md, stix := filepath.Join(dir, "c.md"), filepath.Join(dir, "c.json")
	k.types("report INC-0001 " + md)
	k.until("Written to " + md)
	k.types("export INC-0001 " + stix)
	k.until("Written to " + stix)
	k.types("report INC-0001 " + md)
	k.until("file exists")
	k.types("report INC-0001 " + md + ".exe")
	k.until("help says how it ends")
	if b, err := os.ReadFile(md); err != nil || !strings.Contains(string(b), "called Bob at 03:20") || strings.Contains(string(b), "hunter2") {
		t.Errorf("%v: %s", err, b)
	}
	if b, err := os.ReadFile(stix); err != nil || !json.Valid(b) {
		t.Errorf("%v: %s", err, b)
	}
	k.types("close INC-0001 true-positive")
	k.until("Closed INC-0001 as true-positive")
	k.types("case INC-0009")
	k.until("no such case")
	k.types("quit")
	if err := <-k.ended; err != nil {
		t.Error(err)
	}
	if len(k.engine.closed) == 0 {
		t.Error("its alerts are open")
	}
}

func TestThePlainConsoleSaysWhatIsMissingForCasesAndPlaybooks(t *testing.T) {
	k := startTalk(t)
	k.types("cases")
	k.until("nothing can be kept in this run")
	k.types("run 1 preserve-only")
	k.until("No playbook can be run")
	r := startTalk(t, func(c *Config) { playbooksIn(t, c); c.ReadOnly = true })
	r.types("run 1 preserve-only")
	r.until("Read-only: run is not there.")
	r.types("case 1")
	r.until("INC-0001")
}
