package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"interdict/respond"
)

var echo = respond.Script{Name: "test.echo", Text: "cat; echo done >&2; exit 7"}

func TestAScriptGetsItsDataAndGivesBackStatusAndBothOutputs(t *testing.T) {
	s := serve(t, nil)
	h := host(t, s.target("web-1"), nil)
	data := bytes.Repeat([]byte("every byte \x00\xff\n"), 1000)
	out, err := h.Run(t.Context(), echo, data)
	if err != nil {
		t.Fatal(err)
	}
	if out.Status != 7 || !bytes.Equal(out.Stdout, data) || string(out.Stderr) != "done\n" || out.Cut {
		t.Errorf("%d, %d bytes, %q, %v", out.Status, len(out.Stdout), out.Stderr, out.Cut)
	}
	if h.Manager().String() != "192.0.2.7:40022" {
		t.Errorf("manager %v", h.Manager())
	}
}

func TestNothingButConstantTextIsEverPartOfTheCommandLine(t *testing.T) {
	s := serve(t, nil)
	h := host(t, s.target("web-1"), nil)
	hostile := []string{"$(touch /x)", "';reboot;'", "-oProxyCommand=x", "\n\x00"}
	for _, data := range hostile {
		if _, err := h.Run(t.Context(), echo, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range s.commands {
		if c != s.commands[0] {
			t.Errorf("%q", c)
		}
	}
	if len(s.commands) != len(hostile) || !strings.HasPrefix(s.commands[0], "exec /bin/sh -c ") {
		t.Errorf("%d commands, first %q", len(s.commands), s.commands[0])
	}
}

func TestWhatALoginShellWritesFirstIsNotOutput(t *testing.T) {
	s := serve(t, func(s *server) {
		s.exec = func(e *served) {
			fmt.Fprint(e, "Welcome to web-1\n")
			fmt.Fprint(e.Stderr(), "stty: no tty\n")
			e.end(e.run())
		}
	})
	h := host(t, s.target("web-1"), nil)
	out, err := h.Run(t.Context(), echo, []byte("x"))
	if err != nil || string(out.Stdout) != "x" || string(out.Stderr) != "done\n" {
		t.Errorf("%q %q %v", out.Stdout, out.Stderr, err)
	}
}

func TestALoginThatRunsSomethingElseIsToldFromAScriptThatFailed(t *testing.T) {
	s := serve(t, func(s *server) {
		s.exec = func(e *served) {
			fmt.Fprint(e, "This account is currently not available.\n")
			e.end(1)
		}
	})
	_, err := host(t, s.target("web-1"), nil).Run(t.Context(), echo, nil)
	if !errors.Is(err, ErrNoShell) || !strings.Contains(err.Error(), "not available") {
		t.Error(err)
	}
}

func TestEveryPhaseOfASilentHostEnds(t *testing.T) {
	for name, raw := range map[string]func(net.Conn){
		"says nothing":  func(c net.Conn) { io.Copy(io.Discard, c) },
		"version only":  func(c net.Conn) { io.WriteString(c, "SSH-2.0-x\r\n"); io.Copy(io.Discard, c) },
		"drips":         drip,
		"banner":        func(c net.Conn) { flooding(c, "hello\r\n") },
		"floods":        func(c net.Conn) { io.WriteString(c, "SSH-2.0-x\r\n"); flooding(c, "\x00\x00\xff") },
		"closes":        func(c net.Conn) { c.Close() },
		"no ssh at all": func(c net.Conn) { io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n"); c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(s *server) { s.raw = raw })
			h := host(t, s.target("web-1"), nil)
			_, err := h.Run(t.Context(), echo, nil)
			var e *Error
			if !errors.As(err, &e) || e.Phase != Version && e.Phase != Exchange {
				t.Errorf("%v", err)
			}
		})
	}
}

func drip(c net.Conn) {
	for _, b := range []byte("SSH-2.0-a very long version that never ends") {
		if _, err := c.Write([]byte{b}); err != nil {
			return
		}
		<-time.After(200 * time.Millisecond)
	}
	io.Copy(io.Discard, c)
}

func flooding(c net.Conn, text string) {
	b := []byte(strings.Repeat(text, 1000))
	for {
		if _, err := c.Write(b); err != nil {
			return
		}
	}
}

func TestALoginThatNeverAnswersEnds(t *testing.T) {
	stop := make(chan struct{})
	s := serve(t, func(s *server) {
		s.config.PublicKeyCallback = func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) {
			<-stop
			return nil, errors.New("no")
		}
	})
	defer close(stop)
	_, err := host(t, s.target("web-1"), nil).Run(t.Context(), echo, nil)
	var e *Error
	if !errors.Is(err, ErrSilent) || !errors.As(err, &e) || e.Phase != Login {
		t.Error(err)
	}
}

func TestAPersonMayTakeTheirTime(t *testing.T) {
	s := serve(t, func(s *server) {
		s.config = &ssh.ServerConfig{PasswordCallback: func(_ ssh.ConnMetadata, p []byte) (*ssh.Permissions, error) {
			if string(p) == "secret" {
				return nil, nil
			}
			return nil, errors.New("no")
		}}
	})
	p := &person{secrets: []string{"secret"}, before: func() { <-time.After(short.Login + time.Second) }}
	if _, err := host(t, s.target("web-1"), p).Run(t.Context(), echo, nil); err != nil {
		t.Error(err)
	}
}

func TestAHostThatAsksWithoutEndIsGivenUp(t *testing.T) {
	s := serve(t, func(s *server) {
		s.config = &ssh.ServerConfig{KeyboardInteractiveCallback: func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			for {
				if _, err := ask("", "once more", []string{"Code: "}, []bool{true}); err != nil {
					return nil, err
				}
			}
		}}
	})
	p := &person{secrets: []string{"1"}}
	_, err := host(t, s.target("web-1"), p).Run(t.Context(), echo, nil)
	if err == nil || len(p.asked) != rounds {
		t.Errorf("asked %d times: %v", len(p.asked), err)
	}
}

// behaviours of a host once a script runs.
func TestAScriptEndsWhateverTheHostDoes(t *testing.T) {
	began := func(e *served) { fmt.Fprint(e, began) }
	for name, c := range map[string]struct {
		exec func(*served, <-chan struct{})
		want error // nil: it is a result
	}{
		"never exits":            {func(e *served, stop <-chan struct{}) { began(e); <-stop }, ErrTimeout},
		"floods":                 {func(e *served, stop <-chan struct{}) { began(e); e.flood(stop) }, ErrFlood},
		"floods stderr":          {func(e *served, stop <-chan struct{}) { began(e); (&served{Channel: errChannel{e}}).flood(stop) }, ErrFlood},
		"ends without status":    {func(e *served, stop <-chan struct{}) { began(e) }, ErrNoEnd},
		"eof and no more":        {func(e *served, stop <-chan struct{}) { began(e); e.CloseWrite(); <-stop }, ErrTimeout},
		"status and never close": {func(e *served, stop <-chan struct{}) { began(e); e.end(7); <-stop }, nil},
		"status, eof, no close":  {func(e *served, stop <-chan struct{}) { began(e); e.end(7); e.CloseWrite(); <-stop }, nil},
		"reads nothing":          {func(e *served, stop <-chan struct{}) { began(e); e.end(7); e.CloseWrite() }, nil},
		"killed":                 {func(e *served, stop <-chan struct{}) { began(e); e.killed() }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			stop := make(chan struct{})
			s := serve(t, func(s *server) { s.exec = func(e *served) { c.exec(e, stop) } })
			t.Cleanup(func() { close(stop) })
			h := host(t, s.target("web-1"), nil)
			limited := echo
			if limited.Limit = time.Second; errors.Is(c.want, ErrFlood) {
				limited.Limit = time.Minute
			}
			out, err := h.Run(t.Context(), limited, make([]byte, 8<<20))
			if !errors.Is(err, c.want) || c.want == nil && (err != nil || out.Status != 7 && out.Status != 137) {
				t.Errorf("status %d: %v", out.Status, err)
			}
			if len(out.Stdout) > respond.MaxOutput || len(out.Stderr) > respond.MaxOutput {
				t.Errorf("%d and %d bytes were kept", len(out.Stdout), len(out.Stderr))
			}
		})
	}
}

type errChannel struct{ *served }

func (c errChannel) Write(b []byte) (int, error) { return c.Stderr().Write(b) }

func (e *served) flood(stop <-chan struct{}) {
	b := make([]byte, 64<<10)
	for {
		select {
		case <-stop:
			return
		default:
		}
		if _, err := e.Channel.Write(b); err != nil {
			return
		}
	}
}

func (e *served) killed() {
	e.SendRequest("exit-signal", false, ssh.Marshal(struct {
		Signal      string
		Core        bool
		Error, Lang string
	}{"KILL", false, "", ""}))
}

func TestOutputBeyondTheBoundIsCutAndSaid(t *testing.T) {
	s := serve(t, nil)
	out, err := host(t, s.target("web-1"), nil).Run(t.Context(), echo, make([]byte, respond.MaxOutput+1))
	if err != nil || len(out.Stdout) != respond.MaxOutput || !out.Cut || out.Status != 7 {
		t.Errorf("%d bytes, cut %v, %d, %v", len(out.Stdout), out.Cut, out.Status, err)
	}
}

func TestCallsShareOneConnectionAndItsSessions(t *testing.T) {
	for _, allow := range []int{0, 1, 3} {
		t.Run(fmt.Sprint(allow), func(t *testing.T) {
			s := serve(t, func(s *server) { s.allow = allow })
			h := host(t, s.target("web-1"), nil)
			var work sync.WaitGroup
			for range 20 {
				work.Go(func() {
					if out, err := h.Run(t.Context(), echo, []byte("x")); err != nil || out.Status != 7 {
						t.Errorf("%d %v", out.Status, err)
					}
				})
			}
			work.Wait()
			if s.logins != 1 {
				t.Errorf("%d logins", s.logins)
			}
		})
	}
}

func TestAScriptThatHangsLeavesTheOthersTheirConnection(t *testing.T) {
	stop := make(chan struct{})
	s := serve(t, func(s *server) {
		s.exec = func(e *served) {
			if strings.Contains(e.command, "hang") {
				fmt.Fprint(e, began)
				<-stop
				return
			}
			e.end(e.run())
		}
	})
	defer close(stop)
	h := host(t, s.target("web-1"), nil)
	if _, err := h.Run(t.Context(), respond.Script{Name: "test.hang", Text: "hang", Limit: time.Second}, nil); !errors.Is(err, ErrTimeout) {
		t.Fatal(err)
	}
	if _, err := h.Run(t.Context(), echo, nil); err != nil || s.logins != 1 {
		t.Errorf("%d logins: %v", s.logins, err)
	}
}

func TestALinkThatIsCutEndsTheRunAndTheNextConnectsAnew(t *testing.T) {
	running := make(chan struct{}, 1)
	s := serve(t, func(s *server) {
		s.exec = func(e *served) {
			if strings.Contains(e.command, "hang") {
				fmt.Fprint(e, began)
				running <- struct{}{}
				io.Copy(io.Discard, e)
				return
			}
			e.end(e.run())
		}
	})
	h := host(t, s.target("web-1"), nil)
	result := make(chan error, 1)
	go func() {
		_, err := h.Run(t.Context(), respond.Script{Name: "test.hang", Text: "hang"}, nil)
		result <- err
	}()
	<-running
	s.cut()
	if err := <-result; !errors.Is(err, ErrLost) {
		t.Errorf("%v", err)
	}
	if _, err := h.Run(t.Context(), echo, nil); err != nil || s.logins != 2 {
		t.Errorf("%d logins: %v", s.logins, err)
	}
}

func TestAHostThatFallsSilentIsGivenUp(t *testing.T) {
	s := serve(t, nil)
	h := host(t, s.target("web-1"), nil)
	if err := h.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.silent = true
	s.mu.Unlock()
	<-h.conn.ended // by the keep-alive alone
	if err := h.conn.over(); !errors.Is(err, ErrLost) {
		t.Error(err)
	}
}

func TestTheCallersEndEndsTheRun(t *testing.T) {
	stop := make(chan struct{})
	running := make(chan struct{})
	s := serve(t, func(s *server) {
		s.exec = func(e *served) { fmt.Fprint(e, began); close(running); <-stop }
	})
	defer close(stop)
	h := host(t, s.target("web-1"), nil)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-running; cancel() }()
	if _, err := h.Run(ctx, echo, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestNothingIsLeftRunningWhenTheNetworkIsClosed(t *testing.T) {
	stop := make(chan struct{})
	s := serve(t, func(s *server) {
		s.exec = func(e *served) { fmt.Fprint(e, began); <-stop }
	})
	before := runtime.NumGoroutine()
	n := New(Options{Limits: short})
	h := n.Host(s.target("web-1"))
	for range 3 {
		h.Run(t.Context(), respond.Script{Name: "test.hang", Text: "x", Limit: 100 * time.Millisecond}, make([]byte, 8<<20))
	}
	n.Close()
	close(stop)
	s.stop()
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			b := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before\n%s", runtime.NumGoroutine(), before, b[:runtime.Stack(b, true)])
		}
	}
}

func TestAFreshLoginIsAnotherOneAndGoesThroughFreshJumpHosts(t *testing.T) {
	inner, jump := serve(t, nil), serve(t, nil)
	target := inner.target("db-1")
	target.Jumps = []Target{jump.target("bastion")}
	h := host(t, target, nil)
	for range 2 {
		if _, err := h.Run(t.Context(), echo, nil); err != nil {
			t.Fatal(err)
		}
	}
	if inner.logins != 1 || jump.logins != 1 {
		t.Fatalf("%d logins, %d at the jump host", inner.logins, jump.logins)
	}
	fresh, err := h.Fresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if out, err := fresh.Run(t.Context(), echo, nil); err != nil || out.Status != 7 {
		t.Errorf("%v %v", out, err)
	}
	fresh.Close()
	if inner.logins != 2 || jump.logins != 2 {
		t.Errorf("%d logins, %d at the jump host", inner.logins, jump.logins)
	}
	if _, err := fresh.Run(t.Context(), echo, nil); err == nil {
		t.Error("a closed one ran a script")
	}
	if _, err := h.Run(t.Context(), echo, nil); err != nil {
		t.Error(err)
	}
}

func TestAJumpHostThatIsNotTheOneIsRefusedBeforeTheHostIsAsked(t *testing.T) {
	inner, jump := serve(t, nil), serve(t, nil)
	target, via := inner.target("db-1"), jump.target("bastion")
	via.KnownHosts = nil
	target.Jumps = []Target{via}
	_, err := host(t, target, nil).Run(t.Context(), echo, nil)
	var refusal *respond.Refusal
	if !errors.As(err, &refusal) || !refusal.Has(CodeUnknownKey) || !strings.Contains(err.Error(), "bastion") || inner.logins != 0 {
		t.Errorf("%v", err)
	}
}

// fakeSudo asks as sudo does: for "secret", three times.
const fakeSudo = `#!/bin/sh
[ "$1" = -n ] && { echo "sudo: a password is required" >&2; exit 1; }
[ "$1 $2 $3" = "-S -k -p" ] || { echo "usage" >&2; exit 9; }
p=$4
shift 5
for i in 1 2 3; do
	printf %s "$p" >&2
	read -r answer || { echo "sudo: no password was provided" >&2; exit 1; }
	[ "$answer" = secret ] && exec "$@"
	echo tried >>"$(dirname "$0")/tries"
	echo "Sorry, try again." >&2
done
exit 1
`

// sudoing is a server whose login is nobody special and whose sudo is text.
func sudoing(t *testing.T, text string) (*server, string) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"sudo": text, "id": "#!/bin/sh\necho 1000\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return serve(t, func(s *server) {
		s.exec = func(e *served) { // the command sets its own PATH
			e.command = strings.NewReplacer("PATH=/usr/sbin", "PATH="+dir+":/usr/sbin", "/usr/bin/id", dir+"/id").Replace(e.command)
			e.end(e.run())
		}
	}), dir
}

var root = respond.Script{Name: "test.root", Text: "cat; exit 7", Root: true}

func TestASudoThatAsksGetsThePasswordOnceAndTheScriptItsDataOnly(t *testing.T) {
	s, _ := sudoing(t, fakeSudo)
	p := &person{secrets: []string{"secret"}}
	h := host(t, s.target("web-1"), p)
	for range 2 {
		out, err := h.Run(t.Context(), root, []byte("secretly the data"))
		if err != nil || out.Status != 7 || string(out.Stdout) != "secretly the data" || len(out.Stderr) > 0 {
			t.Errorf("%d %q %q %v", out.Status, out.Stdout, out.Stderr, err)
		}
	}
	if len(p.asked) != 1 || !strings.Contains(p.asked[0].For, "sudo") {
		t.Errorf("asked %v", p.asked)
	}
	for _, c := range s.commands {
		if strings.Contains(c, "secret") {
			t.Errorf("the password is in %q", c)
		}
	}
}

func TestASudoPasswordThatIsWrongIsTriedOnce(t *testing.T) {
	s, dir := sudoing(t, fakeSudo)
	p := &person{secrets: []string{"wrong", "secret"}}
	h := host(t, s.target("web-1"), p)
	if _, err := h.Run(t.Context(), root, []byte("data")); !errors.Is(err, ErrNoRoot) {
		t.Error(err)
	}
	if tries, _ := os.ReadFile(filepath.Join(dir, "tries")); string(tries) != "tried\n" {
		t.Errorf("tries: %q", tries)
	}
	if out, err := h.Run(t.Context(), root, []byte("data")); err != nil || string(out.Stdout) != "data" {
		t.Errorf("%q %v", out.Stdout, err)
	}
}

func TestASudoThatAsksNobodyIsAnErrorAndNothingRan(t *testing.T) {
	s, _ := sudoing(t, fakeSudo)
	if _, err := host(t, s.target("web-1"), nil).Run(t.Context(), root, []byte("data")); !errors.Is(err, ErrNoRoot) {
		t.Error(err)
	}
	s, _ = sudoing(t, "#!/bin/sh\necho 'sudo: sorry, you must have a tty to run sudo' >&2\nexit 1\n")
	if _, err := host(t, s.target("web-1"), &person{}).Run(t.Context(), root, nil); !errors.Is(err, ErrNoRoot) || !strings.Contains(err.Error(), "must have a tty") {
		t.Error(err)
	}
}

func TestASudoThatAsksNothingRunsTheScript(t *testing.T) {
	s, _ := sudoing(t, "#!/bin/sh\nshift 2\nexec \"$@\"\n")
	out, err := host(t, s.target("web-1"), nil).Run(t.Context(), root, []byte("data"))
	if err != nil || string(out.Stdout) != "data" || out.Status != 7 {
		t.Errorf("%d %q %v", out.Status, out.Stdout, err)
	}
}

func TestAnOutputOfAnyLengthIsPassedOnAndOneThatIsNotWantedEndsTheScript(t *testing.T) {
	s := serve(t, nil)
	h := host(t, s.target("web-1"), nil)
	var got bytes.Buffer
	many := respond.Script{Name: "test.many", Text: "head -c 70000000 /dev/zero; echo done >&2; exit 3"}
	out, err := h.Stream(t.Context(), many, nil, &got)
	if err != nil || out.Status != 3 || len(out.Stdout) != 0 || string(out.Stderr) != "done\n" || out.Cut {
		t.Errorf("%d, %d bytes kept, %q, %v, %v", out.Status, len(out.Stdout), out.Stderr, out.Cut, err)
	}
	if got.Len() != 70_000_000 || bytes.Contains(got.Bytes(), []byte(began)) {
		t.Errorf("%d bytes", got.Len())
	}
	enough := errors.New("enough")
	if _, err := h.Stream(t.Context(), respond.Script{Name: "test.endless", Text: "cat /dev/zero"}, nil, refusing{enough}); !errors.Is(err, enough) {
		t.Errorf("%v", err)
	}
}

type refusing struct{ err error }

func (r refusing) Write([]byte) (int, error) { return 0, r.err }
