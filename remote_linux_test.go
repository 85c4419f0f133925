package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sshdInside starts an sshd at port 2222 of the lab's inner host, in a cgroup or
// in none, and gives a directory with the keys to it.
func (l *lab) sshdInside(group string) (dir string) {
	l.t.Helper()
	sshd, err := exec.LookPath("/usr/sbin/sshd")
	need(l.t, "lab", err)
	dir = l.t.TempDir()
	os.Chmod(dir, 0o755)
	os.MkdirAll("/run/sshd", 0o755)
	for _, name := range []string{"host", "admin"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, name)).CombinedOutput(); err != nil {
			l.t.Fatalf("%v: %s", err, out)
		}
	}
	hostKey, err := os.ReadFile(filepath.Join(dir, "host.pub"))
	if err != nil {
		l.t.Fatal(err)
	}
	l.write(dir, map[string]string{
		"sshd_config": fmt.Sprintf("Port 2222\nListenAddress 10.77.0.11\nHostKey %s/host\nAuthorizedKeysFile %s/admin.pub\nStrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\nPidFile none\nSubsystem sftp /usr/lib/openssh/sftp-server\n", dir, dir),
		"known_hosts": "[10.77.0.11]:2222 " + string(hostKey),
	})
	daemon := exec.Command("testdata/lab/lab", "in", sshd, "-D", "-e", "-f", filepath.Join(dir, "sshd_config"))
	daemon.Env = append(os.Environ(), "LAB_CGROUP="+group)
	var log bytes.Buffer
	daemon.Stderr = &log
	if err := daemon.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { daemon.Process.Kill(); daemon.Wait() })
	for range 500 {
		if exec.Command("testdata/lab/lab", "out", "bash", "-c", "exec 3<>/dev/tcp/10.77.0.11/2222").Run() == nil {
			return dir
		}
		waitBriefly()
	}
	l.t.Fatalf("sshd does not answer: %s", log.String())
	return ""
}

func (l *lab) write(dir string, files map[string]string) {
	l.t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			l.t.Fatal(err)
		}
	}
}

// loginInside starts an sshd apart from what is watched, and gives a configuration
// that lists the inner host as web-1.
func (l *lab) loginInside() (config string) {
	l.t.Helper()
	dir := l.sshdInside("")
	l.write(dir, map[string]string{
		"ssh_config":  fmt.Sprintf("Host web-1\n  User root\n  Port 2222\n  IdentityFile %s/admin\n  IdentitiesOnly yes\n  UserKnownHostsFile %s/known_hosts\n", dir, dir),
		"config.toml": fmt.Sprintf("[inventory]\nssh_config = [%q]\n[[host]]\nname = \"web-1\"\naddress = \"10.77.0.11\"\nenvironment = \"staging\"\n", filepath.Join(dir, "ssh_config")),
	})
	return filepath.Join(dir, "config.toml")
}

// running finds a process of the lab by its name: PID@START.
func (l *lab) running(name string) string {
	l.t.Helper()
	for range 500 {
		b, _ := os.ReadFile(filepath.Join(l.group, "cgroup.procs"))
		for pid := range strings.FieldsSeq(string(b)) {
			stat, _ := os.ReadFile("/proc/" + pid + "/stat")
			if at := bytes.LastIndexByte(stat, ')'); at > 0 && bytes.Contains(stat[:at+1], []byte("("+name+")")) {
				return pid + "@" + strings.Fields(string(stat[at+1:]))[19]
			}
		}
		waitBriefly()
	}
	l.t.Fatalf("no %s runs", name)
	return ""
}

func state(process string) string {
	pid, _, _ := strings.Cut(process, "@")
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return "gone"
	}
	return strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))[0]
}

// The same job on another machine: somebody copies data out of web-1, and the
// person at the command line of this one freezes it, lets it go on, and kills it.
func TestSomebodyRunsSCPOnAnotherHostAndItIsStoppedFromHere(t *testing.T) {
	program := executable(t)
	l := newLab(t, 60, 8)
	config := l.loginInside()
	attack := exec.Command("testdata/lab/lab", "attack")
	if err := attack.Start(); err != nil {
		t.Fatal(err)
	}
	scp, script := l.running("scp"), l.running(".x.sh")
	dir := filepath.Join(t.TempDir(), "state")
	act := func(args ...string) (string, error) {
		cmd := exec.Command("testdata/lab/lab", append([]string{"out", program, "--config", config, "--state", dir}, args...)...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}

	out, err := act("freeze", "web-1", scp, "--yes")
	if err != nil || !strings.Contains(out, "verified: holds") || !strings.Contains(out, "Freeze") || !strings.Contains(out, "down to scp") {
		t.Fatalf("freeze: %v\n%s", err, out)
	}
	t.Log(out)
	if s := state(scp) + state(script); s != "TT" {
		t.Errorf("scp and its script are in states %s", s)
	}
	stopped := settled(t, l)
	if out, err := act("standing"); err != nil || !strings.Contains(out, "web-1") {
		t.Errorf("standing: %v\n%s", err, out)
	}
	if out, err = act("resume", "web-1", scp, "--yes"); err != nil || !strings.Contains(out, "verified: holds") {
		t.Fatalf("resume: %v\n%s", err, out)
	}
	for range 500 {
		if l.arrived() > stopped {
			break
		}
		waitBriefly()
	}
	if l.arrived() <= stopped {
		t.Error("nothing arrived after it was let go")
	}
	out, err = act("kill", "web-1", scp, "--yes")
	if err != nil || !strings.Contains(out, "verified: holds") {
		t.Fatalf("kill: %v\n%s", err, out)
	}
	t.Log(out)
	attack.Wait()
	for _, p := range []string{scp, script} { // Z: its parent has not collected it yet
		if s := state(p); s != "gone" && s != "Z" {
			t.Errorf("%s is in state %s", p, s)
		}
	}
	if settled(t, l) >= 60<<20 {
		t.Error("all of it arrived")
	}
	if out, err := act("kill", "web-1", scp, "--yes"); err == nil || !strings.Contains(out, "has ended") {
		t.Errorf("killed twice: %v\n%s", err, out)
	}
	if out, err := act("journal", "verify"); err != nil || !strings.HasPrefix(out, "whole: ") {
		t.Errorf("journal: %v\n%s", err, out)
	}
}
