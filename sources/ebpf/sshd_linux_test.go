//go:build amd64 || arm64

package ebpf

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"interdict/testdata/part"
)

// sshd is a real one on the loopback, with keys and a directory of its own.
type sshd struct {
	dir     string
	port    int
	options []string // of a client
}

// need gives the path of a program of the lab.
func need(t testing.TB, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	part.Missing(t, "lab", "not installed: ", strings.Join(names, ", "))
	return ""
}

func startSSHD(t testing.TB, sftp ...string) *sshd {
	t.Helper()
	program := need(t, "/usr/sbin/sshd", "sshd")
	need(t, "ssh")
	s := &sshd{dir: t.TempDir(), port: freePort(t)}
	os.Chmod(s.dir, 0o755)
	os.MkdirAll("/run/sshd", 0o755) // where it shuts its unprivileged half in
	for _, key := range []string{"host", "user"} {
		if out, err := exec.Command(need(t, "ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(s.dir, key)).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v: %s", err, out)
		}
	}
	server := ""
	for _, path := range []string{"/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server"} {
		if _, err := os.Stat(path); err == nil {
			server = path
		}
	}
	if len(sftp) > 0 {
		server = sftp[0]
	}
	config := fmt.Sprintf("Port %d\nListenAddress 127.0.0.1\nListenAddress ::1\nHostKey %s/host\nAuthorizedKeysFile %s/user.pub\nUsePAM no\nStrictModes no\nPermitRootLogin yes\nPidFile none\nSubsystem sftp %s\n",
		s.port, s.dir, s.dir, server)
	if err := os.WriteFile(filepath.Join(s.dir, "config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-D", "-e", "-f", filepath.Join(s.dir, "config"))
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	listening := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(errs)
		n := 0
		for lines.Scan() {
			if strings.Contains(lines.Text(), "listening on") {
				if n++; n == 2 {
					listening <- ""
				}
			}
		}
		listening <- "sshd ended"
	}()
	select {
	case problem := <-listening:
		if problem != "" {
			part.Missing(t, "lab", problem)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("sshd does not listen")
	}
	s.options = []string{"-F", "/dev/null", "-i", filepath.Join(s.dir, "user"), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "BatchMode=yes"}
	return s
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// secret is a file of random bytes, which nothing can compress.
func secret(t testing.TB, size int) string {
	t.Helper()
	b := make([]byte, size)
	rand.Read(b)
	path := filepath.Join(t.TempDir(), "secret.bin")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// run runs a command that must succeed.
func run(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(need(t, name), args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
	return cmd
}
