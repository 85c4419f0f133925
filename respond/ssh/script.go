package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"interdict/respond"
)

const (
	defaultLimit = 30 * time.Second
	headRoom     = 64 << 10 // for what a login shell writes before the script begins
)

// What a run writes before the script's own output. A login shell that runs
// something else instead does not.
const (
	greeting = "interdict-ssh"     // on stderr, with the user's number and SSH_CONNECTION
	began    = "interdict-began\n" // on stdout, by the shell that goes on to the script
	prompt   = "interdict-sudo-password:"
)

// The ways to run a script. $1 is its text, $2 after how many seconds the host
// ends it by itself; the environment is constant but for SSH_CONNECTION, which
// the host itself set.
const (
	hello = `PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C; export PATH LC_ALL; ` +
		`printf "interdict-ssh %s %s\n" "$u" "$SSH_CONNECTION" >&2; ` +
		`l=$2; set -- env -i PATH="$PATH" LC_ALL=C SSH_CONNECTION="$SSH_CONNECTION" /bin/sh -c "echo interdict-began; $1" interdict; ` +
		`command -v timeout >/dev/null && set -- timeout "$l" "$@"; `
	whoAmI   = `u=$(/usr/bin/id -u); `
	asUser   = `u=-; ` + hello + `exec "$@"`
	asRoot   = whoAmI + hello + `[ "$u" = 0 ] || set -- sudo -n -- "$@"; exec "$@"`
	asRootPw = whoAmI + hello + `[ "$u" = 0 ] || set -- sudo -S -k -p interdict-sudo-password: -- "$@"; exec "$@"`
)

// commandLine is what is executed: constant, since its parts are.
func commandLine(way string, s respond.Script) string {
	return "exec /bin/sh -c " + quote(way) + " interdict " + quote(s.Text) + " " + strconv.Itoa(int(limitOf(s)/time.Second)+1)
}

func limitOf(s respond.Script) time.Duration {
	if s.Limit == 0 {
		return defaultLimit
	}
	return s.Limit
}

// quote makes one word of s for a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// run runs a script on one connection, as root by the way that works there.
func (h *Host) run(ctx context.Context, c *conn, s respond.Script, data []byte, w io.Writer) (out respond.Output, begun bool, err error) {
	if !s.Root || c.isRoot() {
		return h.attempt(ctx, c, asUser, s, data, nil, w)
	}
	at := "sudo " + h.target.User + "@" + h.target.dial()
	if h.net.secret(at) == nil {
		out, begun, err = h.attempt(ctx, c, asRoot, s, data, nil, w)
		var no *noShell
		if !errors.As(err, &no) || !no.wantsPassword() {
			return out, begun, err
		}
		if h.net.options.Ask == nil {
			return respond.Output{}, false, &Error{Host: h.target.Name, Phase: Running, Err: ErrNoRoot, Hint: "sudo there wants a password, and nobody can be asked for it"}
		}
		password, err := h.net.options.Ask.Secret(ctx, respond.SecretQuestion{Host: h.target.Name, For: "sudo password of " + h.target.User})
		if err != nil {
			return respond.Output{}, false, err
		}
		h.net.keep(at, password)
	}
	out, begun, err = h.attempt(ctx, c, asRootPw, s, data, h.net.secret(at), w)
	var no *noShell
	if errors.As(err, &no) && no.rejected {
		h.net.forget(at)
	}
	return out, begun, err
}

// noShell: the script was not begun.
type noShell struct {
	status   int
	text     []byte // what was written instead
	greeted  bool   // our first line came: what failed is sudo
	rejected bool   // it asked for the password a second time
	root     bool
}

func (e *noShell) Error() string {
	switch {
	case e.rejected:
		return "sudo did not take the password"
	case e.greeted && e.root && e.status == 127:
		return fmt.Sprintf("%v: sudo is not there", ErrNoRoot)
	case e.greeted && e.root:
		return fmt.Sprintf("%v: %s", ErrNoRoot, line(e.text))
	}
	return fmt.Sprintf("%v: it wrote %q and ended with %d; it must be a relative of sh, and no other command be forced on this login", ErrNoShell, line(e.text), e.status)
}

// Is makes errors.Is tell the two apart.
func (e *noShell) Is(target error) bool {
	if e.greeted && e.root {
		return target == ErrNoRoot
	}
	return target == ErrNoShell
}

// wantsPassword: sudo would run it for a password.
func (e *noShell) wantsPassword() bool {
	return e.greeted && e.root && (bytes.Contains(e.text, []byte("password is required")) || bytes.Contains(e.text, []byte("authentication is required")))
}

// attempt is one exec. With a password the data waits until the script has begun.
func (h *Host) attempt(ctx context.Context, c *conn, way string, s respond.Script, data, password []byte, w io.Writer) (respond.Output, bool, error) {
	cmd := &command{text: commandLine(way, s), limit: limitOf(s),
		stdout: stream{max: respond.MaxOutput + headRoom}, stderr: stream{max: respond.MaxOutput + headRoom}}
	if w != nil {
		cmd.stdout.max, cmd.stdout.to = headRoom, &afterBegan{to: w}
	}
	f := &feeder{data: data, password: password, event: make(chan struct{}, 1)}
	cmd.feed = f.feed
	if way == asRootPw {
		cmd.feed, cmd.stdout.notify, cmd.stderr.notify = f.feedAsked, f.sawOut, f.sawErr
	}
	end, begun, err := c.exec(ctx, cmd)
	if !begun {
		return respond.Output{}, false, err
	}
	out := cmd.output(end)
	greeted := c.greet(&out.Stderr)
	_, text, ran := bytes.Cut(out.Stdout, []byte(began))
	if !ran && (err == nil || f.rejected()) {
		no := &noShell{status: end.status, text: out.Stderr, greeted: greeted, rejected: f.rejected(), root: s.Root}
		if len(bytes.TrimSpace(no.text)) == 0 {
			no.text = out.Stdout
		}
		return respond.Output{}, false, &Error{Host: h.target.Name, Phase: Running, Err: no}
	}
	if out.Stderr = bound(out.Stderr, &out.Cut); w != nil {
		out.Stdout, out.Cut = nil, len(out.Stderr) == respond.MaxOutput
		return out, true, err
	}
	out.Stdout = bound(text, &out.Cut)
	return out, true, err
}

// afterBegan passes on what comes behind the line that the shell of a script begins with.
type afterBegan struct {
	to   io.Writer
	head []byte
	ran  bool
}

func (a *afterBegan) Write(b []byte) (int, error) {
	rest := b
	if !a.ran {
		a.head = append(a.head, b...)
		if _, rest, a.ran = bytes.Cut(a.head, []byte(began)); !a.ran && len(a.head) > headRoom {
			return 0, ErrFlood
		}
		if !a.ran {
			return len(b), nil
		}
		a.head = nil
	}
	if len(rest) == 0 {
		return len(b), nil
	}
	if _, err := a.to.Write(rest); err != nil {
		return 0, err
	}
	return len(b), nil
}

func bound(b []byte, cut *bool) []byte {
	if len(b) > respond.MaxOutput {
		b, *cut = b[:respond.MaxOutput], true
	}
	return b
}

// greet takes the greeting, and what a login shell wrote before it, off stderr
// and keeps what it says of the connection.
func (c *conn) greet(stderr *[]byte) bool {
	at := bytes.Index(*stderr, []byte(greeting+" "))
	if at < 0 {
		return false
	}
	text, rest, _ := bytes.Cut((*stderr)[at:], []byte("\n"))
	*stderr = bytes.TrimPrefix(rest, []byte(prompt))
	f := strings.Fields(string(text))
	if len(f) > 1 && f[1] == "0" {
		c.mu.Lock()
		c.root = true
		c.mu.Unlock()
	}
	if len(f) < 4 {
		return true
	}
	address, err1 := netip.ParseAddr(f[2])
	port, err2 := strconv.ParseUint(f[3], 10, 16)
	if err1 == nil && err2 == nil {
		c.mu.Lock()
		c.manager = netip.AddrPortFrom(address.Unmap(), uint16(port))
		c.mu.Unlock()
	}
	return true
}

// isRoot tells whether the login is root's, as far as it was asked.
func (c *conn) isRoot() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.root
}

// feeder writes the standard input of a run.
type feeder struct {
	data     []byte
	password []byte
	event    chan struct{} // something was seen

	mu    sync.Mutex
	asked int  // times that sudo asked for the password
	ran   bool // the script has begun
}

func (f *feeder) feed(stdin io.Writer, _ <-chan struct{}) {
	_, _ = stdin.Write(f.data) // a script that ended without reading it all
}

// feedAsked sends the password when it is asked for, and the data when the
// script has begun. Asked a second time, it sends no more: that ends sudo.
func (f *feeder) feedAsked(stdin io.Writer, stop <-chan struct{}) {
	for sent := false; ; {
		select {
		case <-f.event:
		case <-stop:
			return
		}
		f.mu.Lock()
		asked, ran := f.asked, f.ran
		f.mu.Unlock()
		switch {
		case ran:
			f.feed(stdin, stop)
			return
		case asked > 1:
			return
		case asked == 1 && !sent:
			sent = true
			if _, err := stdin.Write(append(bytes.Clone(f.password), '\n')); err != nil {
				return
			}
		}
	}
}

func (f *feeder) sawOut(kept []byte) {
	f.saw(func() { f.ran = f.ran || bytes.Contains(kept[:min(len(kept), headRoom)], []byte(began)) })
}

func (f *feeder) sawErr(kept []byte) {
	f.saw(func() { f.asked = bytes.Count(kept[:min(len(kept), headRoom)], []byte(prompt)) })
}

func (f *feeder) saw(note func()) {
	f.mu.Lock()
	note()
	f.mu.Unlock()
	select {
	case f.event <- struct{}{}:
	default:
	}
}

func (f *feeder) rejected() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked > 1 && !f.ran
}
