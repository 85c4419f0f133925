package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// lines is the console as lines: what is typed and what is said.
type lines struct {
	t    *testing.T
	in   io.Writer
	said chan string
}

func startLines(t *testing.T, args ...string) *lines {
	t.Helper()
	c := exec.Command(executable(t), append([]string{"--plain"}, args...)...)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	l := &lines{t, in, make(chan string, 10_000)}
	go func() {
		for scan := bufio.NewScanner(out); scan.Scan(); {
			l.said <- scan.Text()
		}
		close(l.said)
	}()
	t.Cleanup(func() {
		in.Close()
		time.AfterFunc(20*time.Second, func() { c.Process.Kill() })
		c.Wait()
	})
	return l
}

// until gives all that is said up to a line that fits.
func (l *lines) until(pattern string) (all []string, found []string) {
	l.t.Helper()
	re, late := regexp.MustCompile(pattern), time.After(60*time.Second)
	for {
		select {
		case s, ok := <-l.said:
			if !ok {
				l.t.Fatalf("the console ended before %q:\n%s", pattern, strings.Join(all, "\n"))
			}
			all = append(all, s)
			if m := re.FindStringSubmatch(s); m != nil {
				return all, m
			}
		case <-late:
			l.t.Fatalf("never said %q:\n%s", pattern, strings.Join(all, "\n"))
		}
	}
}

// guide asks for the guide of the alert that a line of the list tells of.
func (l *lines) guide(alert string) string {
	l.t.Helper()
	for range 100 {
		fmt.Fprintln(l.in, "list\nstanding")
		all, _ := l.until(`Nothing is held|no journal`)
		for _, s := range all {
			if m := regexp.MustCompile(`^(\d+): ended.*(?:` + alert + `)`).FindStringSubmatch(s); m != nil {
				fmt.Fprintf(l.in, "guide %s\n", m[1])
				said, _ := l.until(`^Verdict: `)
				return strings.Join(said, "\n")
			}
		}
		<-time.After(200 * time.Millisecond)
	}
	l.t.Fatalf("no alert like %q", alert)
	return ""
}

// sentMegabytes reads how many megabytes left, at least, in "sent 3.1 MB" or "sent ≥ 3.1 MB, …".
func sentMegabytes(t *testing.T, guide string) float64 {
	t.Helper()
	m := regexp.MustCompile(`What left: .*sent (?:≥ )?([0-9.]+) MB`).FindStringSubmatch(guide)
	if m == nil {
		t.Fatalf("no bytes in:\n%s", guide)
	}
	v, _ := strconv.ParseFloat(m[1], 64)
	return v
}

// A real theft, a real run as ansible makes them, and a real pull over sftp are
// told apart, each with its direction, files and bytes.
func TestTheGuideTellsATheftAPullAndWhatComesInApart(t *testing.T) {
	program := executable(t)
	kernelWorks(t, program)
	_, err := os.Stat("/usr/lib/openssh/sftp-server")
	need(t, "lab", err)
	l := newLab(t, 8, 400)
	keys := l.sshdInside(l.group)
	l.write(keys, map[string]string{"payload": strings.Repeat("a module that ansible sends\n", 40_000)})
	console := startLines(t, "--state", filepath.Join(t.TempDir(), "state"), "--scope", l.group, "--source", "ebpf")
	console.until(`ebpf ok`)

	l.run("attack")
	theft := console.guide(`scp ◂ \.x\.sh`)
	for _, want := range []string{"Verdict: LIKELY THEFT", "customers.tar.gz", "staged customers.tar.gz", "packed by tar", "Credentials: ", ".ssh/id_ed25519", "203.0.113.9:22"} {
		if !strings.Contains(theft, want) {
			t.Errorf("the theft lacks %q:\n%s", want, theft)
		}
	}
	if mb := sentMegabytes(t, theft); mb < 8.2 || mb > 8.9 { // 8 MiB and 0.3 MB, hardly compressible
		t.Errorf("%.1f MB left", mb)
	}

	far := []string{"-q", "-o", "BatchMode=yes", "-o", "UserKnownHostsFile=" + keys + "/known_hosts", "-i", keys + "/admin", "-P", "2222"}
	l.outside(append([]string{"scp", "-O"}, append(far, keys+"/payload", "root@10.77.0.11:/srv/AnsiballZ_setup.py")...)...)
	in := console.guide(`scp ◂ .*sshd`)
	if !strings.Contains(in, "data comes in") || strings.Contains(in, "LIKELY THEFT") {
		t.Errorf("what came in:\n%s", in)
	}

	l.outside(append([]string{"sftp"}, append(far, "root@10.77.0.11:/srv/app/export/customers.csv", keys+"/loot")...)...)
	pull := console.guide(`sftp-server`)
	for _, want := range []string{"/srv/app/export/customers.csv", "customer data", "fetched by 10.77.0.1"} {
		if !strings.Contains(pull, want) {
			t.Errorf("the pull lacks %q:\n%s", want, pull)
		}
	}
	if mb := sentMegabytes(t, pull); mb < 8.3 || mb > 8.8 {
		t.Errorf("%.1f MB were pulled", mb)
	}
}

// outside runs a command on the far host.
func (l *lab) outside(args ...string) {
	l.t.Helper()
	if out, err := exec.Command("testdata/lab/lab", append([]string{"out"}, args...)...).CombinedOutput(); err != nil {
		l.t.Fatalf("%v: %v\n%s", args, err, out)
	}
}
