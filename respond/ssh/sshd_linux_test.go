package ssh

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"interdict/respond"
)

// lacks skips for want of a real part, or fails where it is required.
func lacks(t *testing.T, why ...any) {
	t.Helper()
	if strings.Contains(","+os.Getenv("INTERDICT_REQUIRE")+",", ",lab,") {
		t.Fatal(append([]any{"lab is required: "}, why...)...)
	}
	t.Skip(why...)
}

// sshd starts a real one on the loopback and gives it as a target.
func sshd(t *testing.T, options ...string) Target {
	t.Helper()
	program, err := exec.LookPath("/usr/sbin/sshd")
	if err != nil || os.Geteuid() != 0 {
		lacks(t, "wants root and sshd: ", err)
	}
	dir := t.TempDir()
	os.Chmod(dir, 0o755)
	os.MkdirAll("/run/sshd", 0o755)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target := Target{Name: "web-1", Address: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, User: "root",
		KnownHosts: []string{filepath.Join(dir, "known_hosts")}, Keys: []string{filepath.Join(dir, "user")}}
	l.Close()
	hostKey := writeKey(t, filepath.Join(dir, "host"), "")
	writeKey(t, target.Keys[0], "")
	knownLine(t, target, pattern(target)+" "+text(hostKey))
	config := fmt.Sprintf("Port %d\nListenAddress 127.0.0.1\nHostKey %s/host\nAuthorizedKeysFile %s/user.pub\nUsePAM no\nStrictModes no\nPermitRootLogin yes\nPidFile none\n%s\n",
		target.Port, dir, dir, strings.Join(options, "\n"))
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-D", "-e", "-f", filepath.Join(dir, "config"))
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	listening := make(chan bool, 1)
	go func() {
		for lines := bufio.NewScanner(errs); lines.Scan(); {
			if strings.Contains(lines.Text(), "listening on") {
				listening <- true
			}
		}
	}()
	select {
	case <-listening:
	case <-time.After(20 * time.Second):
		t.Fatal("sshd does not listen")
	}
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
