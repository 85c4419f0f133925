package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"syscall"
	"time"

	"interdict/respond"
)

var _ respond.Streamer = (*Host)(nil)

const scriptLimit = 30 * time.Second

// Run runs the script with sh in a process group of its own, so that one that is
// cut off leaves nothing behind but what it detached.
func (h *Host) Run(ctx context.Context, s respond.Script, data []byte) (respond.Output, error) {
	out := capped{left: respond.MaxOutput}
	o, err := h.Stream(ctx, s, data, &out)
	o.Stdout, o.Cut = out.kept.Bytes(), o.Cut || out.cut
	return o, err
}

// Stream is Run with standard output going to w.
func (*Host) Stream(ctx context.Context, s respond.Script, data []byte, w io.Writer) (respond.Output, error) {
	limit := s.Limit
	if limit == 0 {
		limit = scriptLimit
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	args := []string{"/bin/sh", "-c", s.Text}
	if s.Root && os.Geteuid() != 0 {
		args = append([]string{"sudo", "-n"}, args...)
	}
	errs := capped{left: respond.MaxOutput}
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "TZ=UTC"}
	c.Dir, c.Stdin, c.Stdout, c.Stderr = "/", bytes.NewReader(data), w, &errs
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = time.Second
	err := c.Run()
	o := respond.Output{Stderr: errs.kept.Bytes(), Cut: errs.cut}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return o, fmt.Errorf("%s: %w", s.Name, ctx.Err())
	case errors.As(err, &exit):
		o.Status = exit.ExitCode()
		if w, ok := exit.Sys().(syscall.WaitStatus); ok && w.Signaled() {
			o.Status = 128 + int(w.Signal())
		}
	case err != nil:
		return o, fmt.Errorf("%s: %w", s.Name, err)
	}
	return o, nil
}

// Fresh gives this machine again: nobody logs in to where they are. Whoever
// works over SSH here has to try a new login by themselves.
func (h *Host) Fresh(context.Context) (respond.FreshShell, error) { return here{h}, nil }

// Manager is nobody: no connection leads here.
func (*Host) Manager() netip.AddrPort { return netip.AddrPort{} }

type here struct{ *Host }

func (here) Close() error { return nil }
