package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// Bounds of a command that is run to read something.
const (
	commandTime = 3 * time.Second
	commandRead = 4 << 20
)

// errAbsent: the machine does not have the command.
var errAbsent = errors.New("is not installed")

// command runs a program of the system with constant options and returns what
// it wrote. No shell is involved; the environment is ours, not the caller's.
func command(ctx context.Context, name string, args ...string) ([]byte, error) {
	path := ""
	for _, dir := range []string{"/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"} {
		if p, err := exec.LookPath(dir + name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		return nil, fmt.Errorf("%s %w", name, errAbsent)
	}
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	out, errs := capped{left: commandRead}, capped{left: 4096}
	c := exec.CommandContext(ctx, path, args...)
	c.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "TZ=UTC"}
	c.Dir = "/"
	c.Stdout, c.Stderr = &out, &errs
	c.WaitDelay = time.Second
	if err := c.Run(); err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(errs.kept.String()), "\n")
		return out.kept.Bytes(), fmt.Errorf("%s: %w: %s", name, err, first)
	}
	return out.kept.Bytes(), nil
}

// capped keeps the first bytes and swallows the rest. The buffer is not embedded:
// its ReadFrom would go round the bound.
type capped struct {
	kept bytes.Buffer
	left int
	cut  bool // there was more
}

func (c *capped) Write(b []byte) (int, error) {
	keep := min(len(b), c.left)
	c.cut = c.cut || keep < len(b)
	c.left -= keep
	c.kept.Write(b[:keep])
	return len(b), nil
}
