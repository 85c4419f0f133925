package evidence_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"interdict/respond/evidence"
	"interdict/respond/process/remote"
	"interdict/respond/ssh"
	"interdict/testdata/lab"
	"interdict/testdata/part"
)

// cable is a TCP proxy that can be cut after so many bytes from the far end.
type cable struct {
	left atomic.Int64
	dead atomic.Bool // no new connections
	port int
}

func lay(t *testing.T, to int) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	k := &cable{port: l.Addr().(*net.TCPAddr).Port}
	k.left.Store(1 << 40)
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", to))
			if err != nil || k.dead.Load() {
				near.Close()
				continue
			}
			go func() { io.Copy(far, near); far.Close() }()
			go k.carry(near, far)
		}
	}()
	return k
}

func (k *cable) carry(near, far net.Conn) {
	defer near.Close()
	defer far.Close()
	b := make([]byte, 4096)
	for {
		n, err := far.Read(b)
		if err != nil {
			return
		}
		if k.left.Add(-int64(n)) < 0 {
			k.left.Store(1 << 40)
			return
		}
		if _, err := near.Write(b[:n]); err != nil {
			return
		}
	}
}

// readOnly runs sshd where nothing can be written: no file that is left behind
// could have been made.
const readOnly = `awk '$3 != "proc" && $3 != "sysfs" && $3 != "cgroup2" && $3 != "devpts" { print $2 }' /proc/mounts | sort -u |
while read -r m; do mount -o bind,remount,ro "$m" 2>/dev/null; done
touch /tmp/x /dev/shm/x /var/tmp/x 2>/dev/null && exit 1
exec "$@"`

// sshd starts a real one on the loopback and gives it as a host behind a cable.
func sshd(t *testing.T) (remote.Machine, *cable) {
	t.Helper()
	if _, err := os.Stat("/usr/sbin/sshd"); err != nil || os.Geteuid() != 0 {
		part.Missing(t, "lab", "wants root and sshd: ", err)
	}
	dir := t.TempDir()
	os.Chmod(dir, 0o755)
	for _, name := range []string{"host", "user"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, name)).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	k := lay(t, lab.SSHD(t, dir, []string{"unshare", "--mount", "--propagation", "private", "sh", "-c", readOnly, "sh"}))
	public, _ := os.ReadFile(filepath.Join(dir, "host.pub"))
	known := fmt.Sprintf("[127.0.0.1]:%d %s", k.port, public)
	os.WriteFile(filepath.Join(dir, "known_hosts"), []byte(known), 0o600)
	network := ssh.New(ssh.Options{})
	t.Cleanup(func() { network.Close() })
	return remote.New(network.Host(ssh.Target{Name: "web-1", Address: "127.0.0.1", Port: k.port, User: "root",
		KnownHosts: []string{filepath.Join(dir, "known_hosts")}, Keys: []string{filepath.Join(dir, "user")}})), k
}

func TestOverSSHTheSameIsTakenAndNothingIsLeftThere(t *testing.T) {
	h, _ := sshd(t)
	b := sleeper(t)
	path := filepath.Join(t.TempDir(), "tool")
	os.WriteFile(path, b, 0o755)
	tool := exec.Command(path, "1030")
	tool.Env = []string{"ENVIRON_SECRET=7f"}
	id := begin(t, tool)
	os.Remove(path)
	sent := filepath.Join(t.TempDir(), "customers.tar")
	os.WriteFile(sent, []byte("who bought what"), 0o600)
	o, key := options(t, id)
	o.Capture = false
	o.Content, o.Memory, o.Files, o.Approver, o.Store = true, true, []evidence.File{{Path: sent, Process: id}}, "Ben", filepath.Join(t.TempDir(), "store")
	r, done := collected(t, h, o)
	_, contents := opened(t, done.Bundle, key)
	if got := find(t, contents, "-memory"); !bytes.Contains(got, []byte("ENVIRON_SECRET=7f")) || string(find(t, contents, "file-1")) != "who bought what" {
		t.Errorf("%d bytes of memory, of the file %q", len(got), find(t, contents, "file-1"))
	}
	if r.Partial || !bytes.Equal(find(t, contents, "-exe"), b) || len(find(t, contents, "host-commands")) == 0 {
		t.Errorf("%+v", r)
	}
	waitFor(t, func() bool {
		out, _ := exec.Command("pgrep", "-f", "Reads a word that nobody else knows").Output()
		return len(bytes.TrimSpace(out)) == 0
	})
	t.Log(r.Summary, done.Took.Ended.Sub(done.Took.Began), done.Failed)
}

func TestACableThatIsCutIsGoneOnWithOrSaid(t *testing.T) {
	h, k := sshd(t)
	id := begin(t, exec.Command("sleep", "1031"))
	o, key := options(t, id)
	o.Capture = false
	act, p, path := planned(t, h, o)
	k.left.Store(40_000)
	r, err := act.Apply(t.Context(), h, p)
	if err != nil || r.Partial {
		t.Fatalf("%+v %v", r, err)
	}
	if c, contents := opened(t, path, key); c.Head.Partial != "" || len(find(t, contents, "-exe")) == 0 {
		t.Errorf("%+v", c.Head)
	}
	act, p, path = planned(t, h, o)
	k.left.Store(40_000)
	k.dead.Store(true)
	if r, err = act.Apply(t.Context(), h, p); err != nil || !r.Partial {
		t.Fatalf("%+v %v", r, err)
	}
	c, contents := opened(t, path, key)
	if c.Head.Partial == "" || len(contents) == 0 {
		t.Errorf("%+v", c.Head)
	}
	done, err := evidence.ResultOf(r)
	if err != nil || !strings.Contains(done.Partial, "answers no more") {
		t.Errorf("%+v %v", done, err)
	}
}
