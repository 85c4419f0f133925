package ssh

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"interdict/respond"
	"interdict/testdata/lab"
	"interdict/testdata/part"
)

// sshd starts a real one on the loopback and gives it as a target.
func sshd(t *testing.T, options ...string) Target {
	t.Helper()
	if _, err := exec.LookPath("/usr/sbin/sshd"); err != nil || os.Geteuid() != 0 {
		part.Missing(t, "lab", "wants root and sshd: ", err)
	}
	dir := t.TempDir()
	os.Chmod(dir, 0o755)
	target := Target{Name: "web-1", Address: "127.0.0.1", User: "root",
		KnownHosts: []string{filepath.Join(dir, "known_hosts")}, Keys: []string{filepath.Join(dir, "user")}}
	hostKey := writeKey(t, filepath.Join(dir, "host"), "")
	writeKey(t, target.Keys[0], "")
	target.Port = lab.SSHD(t, dir, nil, options...)
	knownLine(t, target, pattern(target)+" "+text(hostKey))
	return target
}

func TestARealSSHDSaysWhoItIsAndWhereWeComeFrom(t *testing.T) {
	h := host(t, sshd(t), nil)
	id, err := h.Identity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	name, _ := os.Hostname()
	if id.BootID != strings.TrimSpace(string(boot)) || id.Hostname != name || id.Uptime <= 0 {
		t.Errorf("%+v", id)
	}
	if m := h.Manager(); m.Addr().String() != "127.0.0.1" || m.Port() == 0 {
		t.Errorf("manager %v", m)
	}
}

func TestARealSSHDWithOneSessionServesAllInTurn(t *testing.T) {
	h := host(t, sshd(t, "MaxSessions 1"), nil)
	var work sync.WaitGroup
	for range 5 {
		work.Go(func() {
			for range 2 {
				if out, err := h.Run(t.Context(), echo, []byte("x")); err != nil || out.Status != 7 || string(out.Stdout) != "x" {
					t.Errorf("%d %q %v", out.Status, out.Stdout, err)
				}
			}
		})
	}
	work.Wait()
}

func TestAScriptThatIsCutOffOnARealSSHDIsEndedThere(t *testing.T) {
	h := host(t, sshd(t), nil)
	mark := filepath.Join(t.TempDir(), "mark")
	wait := respond.Script{Name: "test.wait", Text: `read -r mark; echo $$ >"$mark"; while :; do sleep 0.05; done`, Limit: 2 * time.Second}
	if _, err := h.Run(t.Context(), wait, []byte(mark+"\n")); err == nil {
		t.Fatal("it ended")
	}
	pid, err := os.ReadFile(mark)
	if err != nil {
		t.Fatal(err)
	}
	for range 200 {
		if _, err := os.Stat("/proc/" + strings.TrimSpace(string(pid))); err != nil {
			return
		}
		<-time.After(20 * time.Millisecond)
	}
	t.Error("the script still runs")
}
