package lab

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

// Host is one machine of the lab.
type Host struct {
	V4, V6 string

	lab       *Lab
	name      string
	number    int // of its addresses, its MAC and its port at the switch
	kind      kind
	container bool
	unplugged bool
	commands  *os.File // the cgroup of what Command runs

	*process // the first one of this boot; nil before
}

type kind string

const (
	full  kind = "systemd"
	light kind = "light"
	bare  kind = "bare" // it has the machine's files, and only a network of its own
)

// Name is what it calls itself.
func (h *Host) Name() string { return h.name }

// Pid is its first process, by the machine's number: its namespaces hang on that.
// It is another after a reboot.
func (h *Host) Pid() int { return h.pid }

// Cgroup holds its processes, those that Command and Sh run among them.
func (h *Host) Cgroup() string { return filepath.Join(h.lab.group, h.name) }

// Path is where the machine finds a file of the host, to read and to write.
// Files under /etc, /srv, /usr and the like outlive a reboot.
func (h *Host) Path(name string) string {
	if h.kind == bare {
		return name
	}
	return filepath.Join("/proc", strconv.Itoa(h.pid), "root", name)
}

// Command is a program that runs on the host as root, in its cgroup.
func (h *Host) Command(name string, args ...string) *exec.Cmd {
	in := []string{"-t", strconv.Itoa(h.pid), "-n"}
	if h.kind != bare {
		in = append(in, "-m", "-u", "-i", "-p", "-C")
	}
	c := exec.Command("nsenter", append(append(in, "--", name), args...)...)
	if h.kind != bare {
		c.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "USER=root", "LANG=C.UTF-8", "TERM=xterm-256color"}
	}
	c.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(h.commands.Fd())}
	return c
}

// Sh runs a script that ends at its first error, and gives what it wrote.
func (h *Host) Sh(script string) (string, error) {
	out, err := h.Command("/bin/sh", "-ec", script).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %s: %w: %s", h.name, script, err, bytes.TrimSpace(out))
	}
	return string(out), err
}
