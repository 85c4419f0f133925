package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	"interdict/respond"
	"interdict/respond/process"
)

// Machine is a host's shell with its processes.
type Machine struct{ respond.Shell }

var _ process.Machine = Machine{}

// New asks nothing of the host yet.
func New(s respond.Shell) Machine { return Machine{s} }

// Reached says how the host was reached, where its shell knows.
func (m Machine) Reached() respond.Reach {
	if r, ok := m.Shell.(respond.Reacher); ok {
		return r.Reached()
	}
	return respond.Reach{}
}

// Stream passes on what a script writes, where the shell does that.
func (m Machine) Stream(ctx context.Context, s respond.Script, data []byte, w io.Writer) (respond.Output, error) {
	streamer, ok := m.Shell.(respond.Streamer)
	if !ok {
		return respond.Output{}, fmt.Errorf("%s: output of any length: %w", m.Name(), respond.ErrUnsupported)
	}
	return streamer.Stream(ctx, s, data, w)
}

// Warm connects where that takes time, so that the first call does not have to.
func (m Machine) Warm(ctx context.Context) error {
	if w, ok := m.Shell.(interface{ Warm(context.Context) error }); ok {
		return w.Warm(ctx)
	}
	return nil
}

// run runs a script that ends with 0, or gives its first line of complaint.
func (m Machine) run(ctx context.Context, s respond.Script, data string) (respond.Output, error) {
	out, err := m.Run(ctx, s, []byte(data))
	if err == nil && out.Status != 0 {
		text, _, _ := strings.Cut(strings.TrimSpace(string(out.Stderr)), "\n")
		err = fmt.Errorf("%s on %s ended with %d: %s", s.Name, m.Name(), out.Status, text)
	}
	return out, err
}

// fields gives the words of each line that begins with key.
func fields(out []byte, key string) [][]string {
	var all [][]string
	for l := range strings.Lines(string(out)) {
		if f := strings.Fields(l); len(f) > 0 && f[0] == key {
			all = append(all, f[1:])
		}
	}
	return all
}

// idLines is "PID TICKS" a line.
func idLines(ids []respond.ProcessID) string {
	var b strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&b, "%d %d\n", id.PID, id.Ticks())
	}
	return b.String()
}

// bootOf is the boot that all ids mean; "" when none says.
func bootOf(ids []respond.ProcessID) (string, error) {
	boot := ""
	for _, id := range ids {
		if id.BootID != "" && boot != "" && boot != id.BootID {
			return "", errors.New("processes of two boots in one call")
		}
		if id.BootID != "" {
			boot = id.BootID
		}
	}
	if strings.ContainsAny(boot, " \n") {
		return "", fmt.Errorf("boot id %q", boot)
	}
	return boot, nil
}

// Signal sends to each in order, in one script.
func (m Machine) Signal(ctx context.Context, sig process.Signal, ids ...respond.ProcessID) ([]process.Outcome, error) {
	switch sig {
	case process.Look, process.Kill, process.Cont, process.Stop:
	default:
		return nil, fmt.Errorf("signal %d is not one to send", sig)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	boot, err := bootOf(ids)
	if err != nil {
		return nil, err
	}
	out, err := m.run(ctx, signalScript, fmt.Sprintf("%d %s\n%s", sig, boot, idLines(ids)))
	if err != nil {
		return nil, err
	}
	said := map[string][]string{}
	for _, f := range fields(out.Stdout, "signal") {
		if len(f) >= 3 {
			said[f[0]+" "+f[1]] = f[2:]
		}
	}
	outcomes := make([]process.Outcome, len(ids))
	for i, id := range ids {
		o := process.Outcome{ID: id}
		switch f := said[fmt.Sprintf("%d %d", id.PID, id.Ticks())]; {
		case f == nil:
			o.Err = "the host did not say whether the signal was sent"
		case f[0] == "sent":
			o.Sent = true
		case f[0] == "gone":
			o.Gone = true
		default:
			o.Err = strings.Join(f[1:], " ")
		}
		outcomes[i] = o
	}
	return outcomes, nil
}

// awaitLongest bounds one script that waits.
const awaitLongest = 20 * time.Second

// Await waits on the host, so that it takes one round trip.
func (m Machine) Await(ctx context.Context, ids ...respond.ProcessID) ([]respond.ProcessID, error) {
	boot, err := bootOf(ids)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	left := awaitLongest
	if deadline, ok := ctx.Deadline(); ok {
		left = min(left, max(0, time.Until(deadline)))
	}
	// The answer may come after ctx's end, which is no error; the script's limit bounds it.
	out, err := m.run(context.WithoutCancel(ctx), awaitScript, fmt.Sprintf("%d %s\n%s", left.Milliseconds()/10, boot, idLines(ids)))
	if err != nil {
		return nil, err
	}
	still := map[string]bool{}
	for _, f := range fields(out.Stdout, "left") {
		still[strings.Join(f, " ")] = true
	}
	var list []respond.ProcessID
	for _, id := range ids {
		if still[fmt.Sprintf("%d %d", id.PID, id.Ticks())] {
			list = append(list, id)
		}
	}
	return list, nil
}

// Operator is the login service's process of this connection.
func (m Machine) Operator(ctx context.Context) ([]respond.ProcessID, error) {
	out, err := m.run(ctx, operatorScript, "")
	if err != nil {
		return nil, err
	}
	var ids []respond.ProcessID
	boot := ""
	for _, f := range fields(out.Stdout, "boot") {
		boot = strings.Join(f, "")
	}
	for _, f := range fields(out.Stdout, "operator") {
		if id, err := respond.ParseProcessID(strings.Join(f, "@")); err == nil {
			id.BootID = boot
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("%s does not say through which process we work there", m.Name())
	}
	return ids, nil
}

// cgroupPath refuses what is no cgroup of its own below the root.
func cgroupPath(name string) bool {
	return path.IsAbs(name) && name != "/" && path.Clean(name) == name && !strings.HasPrefix(name, "/..") && !strings.ContainsAny(name, "\n\x00")
}

// Cgroup reads who is in it and below.
func (m Machine) Cgroup(ctx context.Context, name string) (process.Cgroup, error) {
	var c process.Cgroup
	if !cgroupPath(name) {
		return c, nil
	}
	out, err := m.run(ctx, cgroupScript, name+"\n")
	if err != nil {
		return c, err
	}
	if len(fields(out.Stdout, "absent")) > 0 {
		return c, nil
	}
	c.Freezable = len(fields(out.Stdout, "freezable")) > 0
	c.Frozen = len(fields(out.Stdout, "frozen")) > 0
	for _, f := range fields(out.Stdout, "pid") {
		if len(f) == 1 {
			if pid, err := strconv.Atoi(f[0]); err == nil {
				c.Processes = append(c.Processes, pid)
			}
		}
	}
	return c, nil
}

// SetFrozen writes, and waits on the host for the kernel's word.
func (m Machine) SetFrozen(ctx context.Context, name string, frozen bool) error {
	if !cgroupPath(name) {
		return fmt.Errorf("cgroup %q: %w", name, respond.ErrUnsupported)
	}
	want := 0
	if frozen {
		want = 1
	}
	left := 5 * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		left = min(left, max(0, time.Until(deadline)))
	}
	out, err := m.run(context.WithoutCancel(ctx), freezeScript, fmt.Sprintf("%d %d\n%s\n", want, left.Milliseconds()/10, name))
	if err != nil {
		return err
	}
	if len(fields(out.Stdout, "done")) == 0 {
		return fmt.Errorf("cgroup %s is not %s yet: %w", name, map[bool]string{true: "frozen", false: "thawed"}[frozen], context.DeadlineExceeded)
	}
	return nil
}
