//go:build amd64 || arm64

package ebpf

import (
	"crypto/rand"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"interdict/testdata/lab"
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
	need(t, "/usr/sbin/sshd")
	need(t, "ssh")
	if os.Geteuid() != 0 {
		part.Missing(t, "lab", "sshd wants root")
	}
	s := &sshd{dir: t.TempDir()}
	os.Chmod(s.dir, 0o755)
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
	s.port = lab.SSHD(t, s.dir, nil, "ListenAddress ::1", "Subsystem sftp "+server)
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
