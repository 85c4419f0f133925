package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

const stopAndWatch = `version: 1
id: stop-and-watch
name: Stop and watch
automatic: true
steps:
  - {id: freeze, do: freeze, when: running, on_failure: continue}
  - {id: watch, do: watch, for: 2d}
  - {id: tell, do: notify, text: "{{.Case}}: {{.Status}}. Left: {{.Left}}."}
  - {id: block, do: block}
`

// members are the processes of the lab's cgroup that are called one of names.
func (l *lab) members(names ...string) (pids []int, states string) {
	l.t.Helper()
	b, err := os.ReadFile(filepath.Join(l.group, "cgroup.procs"))
	if err != nil {
		l.t.Fatal(err)
	}
	for field := range strings.FieldsSeq(string(b)) {
		stat, _ := os.ReadFile("/proc/" + field + "/stat")
		_, name, _ := strings.Cut(string(stat), "(")
		name, rest, _ := strings.Cut(name, ") ")
		for _, want := range names {
			if name == want {
				pid, _ := strconv.Atoi(field)
				pids, states = append(pids, pid), states+rest[:1]
			}
		}
	}
	return pids, states
}

// Nobody is at the keys: what the inventory allows happens by itself and nothing
// else does; the same theft is said at once when it is tried again.
func TestATheftIsFrozenByItselfWhereTheInventoryAllowsItAndSaidWhenItComesAgain(t *testing.T) {
	program := executable(t)
	kernelWorks(t, program)
	l := newLab(t, 30, 16)
	oncall := listenTo(t)
	oncall.answer()
	heard := func(what string) bool { return strings.Contains(oncall.all(), what) }
	machine, err := os.ReadFile("/etc/machine-id")
	need(t, "lab", err)
	dir := t.TempDir()
	state, config := filepath.Join(dir, "state"), filepath.Join(dir, "config.toml")
	l.write(dir, map[string]string{"stop.yaml": stopAndWatch, "config.toml": fmt.Sprintf("[playbooks]\ndirs = [%q]\nautomatic = \"stop-and-watch\"\n[rights.ci]\nalone = [\"freeze\"]\n"+
		"[notify.oncall]\nusual = true\nurl = { env = \"TEST_NOTIFY\" }\n[[host]]\nname = \"this\"\naddress = \"127.0.0.1\"\nhost_id = %q\nenvironment = \"ci\"\nallow = [\"freeze\"]\n",
		dir, strings.TrimSpace(string(machine)))})
	t.Setenv("TEST_NOTIFY", "generic+"+oncall.URL+"/hook?template=json")
	c := startTerminal(t, 120, 40, program, "--config", config, "--state", state, "--scope", l.group)
	c.wait("that automation is on", `ebpf ok`, `stop-and-watch begins by itself`)
	t.Cleanup(func() {
		if t.Failed() {
			for _, args := range []string{"playbook status", "journal show", "case show 1"} {
				out, _ := exec.Command(program, append([]string{"--state", state}, strings.Fields(args)...)...).CombinedOutput()
				t.Logf("%s:\n%s", args, out)
			}
		}
	})
	attack := exec.CommandContext(t.Context(), "testdata/lab/lab", "attack")
	if err := attack.Start(); err != nil {
		t.Fatal(err)
	}
	t.Log(c.wait("the freeze that nobody asked for", `STANDING.*frozen`))
	if stopped := settled(t, l); stopped >= 30<<20 {
		t.Errorf("all of it is at the far end: %d bytes", stopped)
	}
	pids, states := l.members("scp", "ssh")
	if len(pids) != 2 || states != "TT" {
		t.Errorf("%v are %s", pids, states)
	}
	c.waitFor("the message", func(string) bool { return heard("INC-0001") && heard("contained after") })
	c.press("7")
	c.wait("its case", `INC-0001`, `contained after`)
	c.press(enter + "p")
	t.Log(c.wait("the run that waits for a person where nothing more is allowed", `by no person \(automatic\)`, `done .*1 freeze`, `done .*2 watch`, `done .*3 tell`, `asks .*4 block`))

	tree, _ := l.members("sh", ".x.sh", "tar", "gzip", "scp", "ssh")
	for _, pid := range tree {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}
	attack.Wait()
	again := exec.CommandContext(t.Context(), "testdata/lab/lab", "attack")
	if err := again.Start(); err != nil {
		t.Fatal(err)
	}
	t.Log(c.wait("that it is seen again", `INC-0001: SEEN AGAIN on .*: the same (far end, 203\.0\.113\.9|user and command)`))
	c.waitFor("the second message", func(string) bool { return heard("SEEN AGAIN") })
	tree, _ = l.members("sh", ".x.sh", "tar", "gzip", "scp", "ssh")
	for _, pid := range tree {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by itself
	}
	again.Wait()
	c.press("i")
	c.wait("the case", `SEEN AGAIN`)
	c.press("q")
	out, err := exec.Command(program, "--state", state, "journal", "show").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "process.freeze") || strings.Contains(string(out), "host.block") {
		t.Errorf("%v: %s", err, out)
	}
}
