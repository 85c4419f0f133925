package local

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"interdict/respond/process"
	"interdict/respond/process/procfs"
	"interdict/testdata/lab"
	"interdict/testdata/part"
)

func TestWhatWaitsInTheSendQueueIsCounted(t *testing.T) {
	for _, listen := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", listen)
		if err != nil {
			t.Log("no", listen, err)
			continue
		}
		defer l.Close()
		out, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		in, err := l.Accept() // and never read
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		out.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
		out.Write(make([]byte, 64<<20)) // as much as fits
		facts, err := New().Facts(t.Context(), identity(t, os.Getpid()))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, s := range facts.Sockets {
			if s.Remote.String() == l.Addr().String() && s.Local.String() == out.LocalAddr().String() {
				found = s.Queued > 10_000
			}
		}
		if !found {
			t.Errorf("%s is not among %+v", l.Addr(), facts.Sockets)
		}
	}
}

func TestAnEndpointIsReadInThisMachinesByteOrder(t *testing.T) {
	word := func(b ...byte) string { return fmt.Sprintf("%08X", binary.NativeEndian.Uint32(b)) }
	for in, want := range map[string]string{
		word(203, 0, 113, 9) + ":0016": "203.0.113.9:22",
		word(0x20, 1, 0xd, 0xb8) + word(0, 0, 0, 0) + word(0, 0, 0, 0) + word(0, 0, 0, 9) + ":01BB": "[2001:db8::9]:443",
		word(0, 0, 0, 0) + word(0, 0, 0, 0) + word(0, 0, 255, 255) + word(10, 0, 0, 1) + ":0001":    "10.0.0.1:1",
	} {
		if got, ok := procfs.Endpoint(in, binary.NativeEndian); !ok || got.String() != want {
			t.Errorf("%s: %v, want %s", in, got, want)
		}
	}
}

// sshServer starts a real sshd for this user on a free port of loopback.
func sshServer(t *testing.T) (options []string) {
	t.Helper()
	needRoot(t)
	if _, err := exec.LookPath("/usr/sbin/sshd"); err != nil {
		part.Missing(t, "lab", err.Error())
	}
	dir := t.TempDir()
	os.Chmod(filepath.Dir(dir), 0o755)
	for _, key := range []string{"host", "user"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, key)).CombinedOutput(); err != nil {
			part.Missing(t, "lab", fmt.Sprint("ssh-keygen: ", err, string(out)))
		}
	}
	port := strconv.Itoa(lab.SSHD(t, dir, nil))
	return []string{"-F", "/dev/null", "-p", port, "-i", filepath.Join(dir, "user"), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
		"-o", "LogLevel=ERROR", "-o", "BatchMode=yes", "-o", "ControlPath=" + filepath.Join(dir, "mux")}
}

func TestASharedSSHMasterIsIncludedWhenAloneAndNamedWhenNot(t *testing.T) {
	options := sshServer(t)
	run := func(args ...string) *exec.Cmd {
		c := exec.Command("ssh", append(append([]string{}, options...), args...)...)
		begin(t, c)
		return c
	}
	const remote = "while kill -0 $PPID; do sleep 0.2; done" // ends with its sshd
	master := run("-M", "-N", "127.0.0.1")
	mux := strings.TrimPrefix(options[len(options)-1], "ControlPath=")
	until(t, "the control socket", func(*process.Table) bool { _, err := os.Stat(mux); return err == nil })
	client := run("127.0.0.1", remote)
	id := identity(t, client.Process.Pid)
	until(t, "the client to use the master", func(*process.Table) bool {
		facts, err := New().Facts(t.Context(), id)
		return err == nil && len(facts.Masters) == 1 && facts.Masters[0].ID.PID == master.Process.Pid
	})
	p := planned(t, process.NewFreeze(id, process.Options{Tree: true}))
	if !strings.Contains(text(p), "nobody else uses it: included") || !strings.Contains(p.Title, "2 processes") {
		t.Error(text(p))
	}
	second := run("127.0.0.1", remote)
	until(t, "two clients", func(*process.Table) bool {
		facts, err := New().Facts(t.Context(), id)
		return err == nil && len(facts.Masters) == 1 && len(facts.Masters[0].Others) == 1
	})
	p = planned(t, process.NewFreeze(id, process.Options{Tree: true}))
	if !strings.Contains(text(p), fmt.Sprintf("not included: 1 other users: ssh %d (user 0)", second.Process.Pid)) || !strings.Contains(p.Title, "1 process ") {
		t.Error(text(p))
	}
}

func TestATransferThatItsScriptWouldTryAgainEndsForGood(t *testing.T) {
	options := sshServer(t)
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	const size = 256 << 20
	if err := os.WriteFile(from, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(from, size); err != nil {
		t.Fatal(err)
	}
	for i, o := range options {
		options[i] = "'" + strings.Replace(o, "ControlPath="+o[strings.IndexByte(o, '=')+1:], "ControlPath=none", 1) + "'"
		if o == "-p" {
			options[i] = "-P"
		}
	}
	c := script(t, "while :; do scp -O -q -l 80000 "+strings.Join(options, " ")+" "+from+" root@127.0.0.1:"+to+"; done\n")
	var scp *process.Process
	until(t, "bytes at the far end", func(table *process.Table) bool {
		for pid := range sessionOf(table, c.Process.Pid) {
			if p := table.Number(pid); p.Name == "scp" {
				scp = p
			}
		}
		info, err := os.Stat(to)
		return scp != nil && err == nil && info.Size() > 0
	})
	p, r, v := carryOut(t, process.NewFreeze(scp.ID, process.Options{Tree: true}))
	if !v.OK() || len(r.Holds) != 3 || !strings.Contains(p.Title, ".x.sh") { // script, scp, ssh
		t.Fatalf("%+v %+v\n%s", v, r, text(p))
	}
	if _, r, v := carryOut(t, process.NewKill(scp.ID, process.Options{Tree: true})); !v.OK() {
		t.Fatalf("%+v %+v", v, r)
	}
	until(t, "the far end to see the end", func(table *process.Table) bool {
		for _, n := range mustNumbers(t) {
			if p := table.Number(n); p != nil && !p.Ended() && strings.Contains(strings.Join(p.Args, " "), to) {
				return false
			}
		}
		return true
	})
	info, err := os.Stat(to)
	if err != nil || info.Size() == 0 || info.Size() >= size {
		t.Errorf("the far end has %v of %d bytes, %v", info.Size(), size, err)
	}
}

func mustNumbers(t *testing.T) []int {
	t.Helper()
	pids, err := numbers()
	if err != nil {
		t.Fatal(err)
	}
	return pids
}

func TestAnotherNetworkNamespaceIsAskedAndLeftAgain(t *testing.T) {
	needRoot(t)
	c := exec.Command("sleep", "1012")
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	begin(t, c)
	before, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	d, err := openProc(c.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	if d.link("ns/net") == before {
		t.Fatal("not in a namespace of its own")
	}
	for range 20 {
		if sockets, err := d.unixSockets(); err != nil || len(sockets) != 0 {
			t.Fatalf("%d sockets in an empty namespace, %v", len(sockets), err)
		}
	}
	threads, err := filepath.Glob("/proc/self/task/*/ns/net")
	if err != nil || len(threads) == 0 {
		t.Fatal(err)
	}
	for _, thread := range threads {
		if ns, err := os.Readlink(thread); err == nil && ns != before {
			t.Error("a thread stayed in the namespace")
		}
	}
}
