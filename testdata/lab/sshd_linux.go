package lab

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// SSHD runs a real sshd on the loopback of this machine, for whoever needs no
// host: with the key "host" of dir, for the key "user.pub", and behind the words
// of around. It listens on the port that it gives, at each address that options add
// too, and ends with the test.
func SSHD(t testing.TB, dir string, around []string, options ...string) (port int) {
	t.Helper()
	os.MkdirAll("/run/sshd", 0o755) // where it shuts its unprivileged half in
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port = l.Addr().(*net.TCPAddr).Port
	l.Close()
	file := filepath.Join(dir, "config")
	config := fmt.Sprintf("Port %d\nListenAddress 127.0.0.1\nHostKey %s/host\nAuthorizedKeysFile %s/user.pub\nUsePAM no\nStrictModes no\nPermitRootLogin yes\nPidFile none\n%s\n",
		port, dir, dir, strings.Join(options, "\n"))
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	words := append(slices.Clone(around), "/usr/sbin/sshd", "-D", "-e", "-f", file)
	cmd := exec.Command(words[0], words[1:]...)
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
		awaited, last := strings.Count(config, "ListenAddress "), ""
		for lines := bufio.NewScanner(errs); lines.Scan(); {
			if last = lines.Text(); strings.Contains(last, "listening on") {
				if awaited--; awaited == 0 {
					listening <- ""
				}
			}
		}
		listening <- "sshd ended: " + last
	}()
	select {
	case problem := <-listening:
		if problem != "" {
			t.Fatal(problem)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("sshd does not listen")
	}
	return port
}
