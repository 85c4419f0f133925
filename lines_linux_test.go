package main

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// lines is the console as lines: what is typed and what is said.
type lines struct {
	t     *testing.T
	in    io.Writer
	said  chan string
	leave func() // ends it, as the end of its input does
}

func startLines(t *testing.T, c *exec.Cmd) *lines {
	t.Helper()
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
	l := &lines{t: t, in: in, said: make(chan string, 10_000)}
	go func() {
		for scan := bufio.NewScanner(out); scan.Scan(); {
			l.said <- scan.Text()
		}
		close(l.said)
	}()
	l.leave = sync.OnceFunc(func() {
		in.Close()
		last := time.AfterFunc(20*time.Second, func() { c.Process.Kill() })
		c.Wait()
		last.Stop()
	})
	t.Cleanup(l.leave)
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

// ask types commands, and gives what is said up to the answer of the last, which fits.
func (l *lines) ask(pattern string, commands ...string) string {
	l.t.Helper()
	fmt.Fprintln(l.in, strings.Join(commands, "\n"))
	said, _ := l.until(pattern)
	return strings.Join(said, "\n")
}

// row waits until a list has a line that fits, and gives its number and the line.
func (l *lines) row(list, pattern string) (number, line string) {
	l.t.Helper()
	re, all := regexp.MustCompile(`(?m)^(\d+): (?:`+pattern+`).*$`), ""
	for range 150 {
		all = l.ask(`Nothing is held|no journal`, list, "standing")
		if m := re.FindStringSubmatch(all); m != nil {
			return m[1], m[0]
		}
		<-time.After(200 * time.Millisecond)
	}
	l.t.Fatalf("no row like %q in:\n%s", pattern, all)
	return "", ""
}

// look gives everything that is said of the row that fits, its guide too.
func (l *lines) look(list, pattern string) (number, all string) {
	l.t.Helper()
	number, line := l.row(list, pattern)
	return number, line + "\n" + l.ask(`^Who: `, "show "+number) + "\n" + l.ask(`^Verdict: `, "guide "+number)
}
