package lab

import (
	"bufio"
	"bytes"
	_ "embed" // the scripts are files, so that they can be read and checked as such
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var (
	//go:embed root.sh
	rootScript string
	//go:embed boot.sh
	bootScript string
	//go:embed container.sh
	containerScript string
)

// patience is how long a host may take to come up or to go down: a loaded machine is slow.
const patience = 90 * time.Second

// process is the first one of a lab, or of a host.
type process struct {
	pid   int // as the machine knows it
	stdin io.WriteCloser
	ended chan struct{}
	said  bytes.Buffer // to be read after ended
	began time.Time
}

// start starts a process that says its number first.
func start(c *exec.Cmd) (*process, error) {
	p := &process{ended: make(chan struct{}), began: time.Now()}
	c.Stderr = &p.said
	var err error
	if p.stdin, err = c.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	line, _ := bufio.NewReader(stdout).ReadString('\n')
	if _, err := fmt.Sscanf(line, "pid %d", &p.pid); err != nil {
		p.stdin.Close()
		return nil, fmt.Errorf("%w: %s", errors.Join(c.Wait(), err), bytes.TrimSpace(p.said.Bytes()))
	}
	go func() {
		_ = c.Wait()
		close(p.ended)
	}()
	return p, nil
}

// boot starts a host's first process and waits until it can be logged in to.
func (h *Host) boot() error {
	if err := h.makeGroups(); err != nil {
		return err
	}
	what := []string{"--net", "--mount", "--uts", "--ipc", "--pid", "--cgroup", "--fork", "--kill-child", "/bin/sh", "-c", bootScript, "sh", h.lab.fs(), h.name, string(h.kind)}
	if h.kind == bare {
		what = []string{"--net", "/bin/sh", "-c", `read -r pid _ </proc/self/stat; echo "pid $pid"; while read -r _; do :; done`}
	}
	// Below the lab's first process, and so ending with it.
	c := exec.Command("nsenter", append([]string{"-t", strconv.Itoa(h.lab.root.pid), "-m", "-n", "-p", "--", "unshare"}, what...)...)
	group, err := os.Open(filepath.Join(h.Cgroup(), "boot"))
	if err != nil {
		return err
	}
	defer group.Close()
	c.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(group.Fd())}
	if h.process, err = start(c); err != nil {
		return err
	}
	if err := h.plug(); err != nil {
		return err
	}
	// What waits for the first process must not be in the cgroup that is that one's root.
	for pid := range h.parents(c.Process.Pid) {
		if err := os.WriteFile(filepath.Join(h.lab.group, "waiting", "cgroup.procs"), []byte(strconv.Itoa(pid)), 0); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(h.stdin, "go\n"); err != nil || h.kind == bare {
		return err
	}
	if err := h.ready(); err != nil || !h.container {
		return err
	}
	_, err = h.Sh(containerScript)
	return err
}

// parents are the processes between the lab and the host's first.
func (h *Host) parents(first int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for pid := parent(h.pid); pid > 1; pid = parent(pid) {
			if !yield(pid) || pid == first {
				return
			}
		}
	}
}

func parent(pid int) (ppid int) {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(b), ") ")
	var state string
	fmt.Sscan(after, &state, &ppid)
	return ppid
}

// ready waits until sshd answers and systemd says that the boot is over.
func (h *Host) ready() error {
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		select {
		case <-h.ended:
			return fmt.Errorf("its first process ended: %s", bytes.TrimSpace(h.said.Bytes()))
		default:
		}
		err := h.greets()
		if err == nil && h.kind == full {
			err = h.booted()
		}
		if err == nil {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("not ready: %w", err)
		}
	}
}

func (h *Host) booted() error {
	out, err := h.Sh("systemctl is-system-running || [ $? = 1 ]")
	if s := strings.TrimSpace(out); err == nil && s != "running" && s != "degraded" {
		err = fmt.Errorf("systemd says %q", s)
	}
	return err
}

func (h *Host) greets() error {
	c, err := h.Network().Dial("tcp", "127.0.0.1:22")
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	_, err = io.ReadFull(c, make([]byte, 4))
	return err
}

// Booted is when the host was started last.
func (h *Host) Booted() time.Time { return h.began }

// Reboot starts the host again, as a person would.
func (h *Host) Reboot() error {
	if h.kind != full {
		return h.PowerCycle()
	}
	const reboot = syscall.Signal(34 + 5) // systemd's SIGRTMIN+5: reboot.target
	return h.again(reboot)
}

// PowerCycle pulls the plug and puts it in again.
func (h *Host) PowerCycle() error { return h.again(syscall.SIGKILL) }

func (h *Host) again(signal syscall.Signal) error {
	if err := syscall.Kill(h.pid, signal); err != nil {
		return err
	}
	if err := h.down(); err != nil {
		return err
	}
	if err := h.boot(); err != nil {
		return fmt.Errorf("%s: %w", h.name, err)
	}
	return nil
}

// down waits for the end of the host. A host that goes down stops its processes
// first, and an nsenter stops with its own and would never collect it.
func (h *Host) down() error {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		select {
		case <-h.ended:
			return nil
		case <-time.After(50 * time.Millisecond):
		}
		b, _ := os.ReadFile(filepath.Join(h.Cgroup(), "commands", "cgroup.procs"))
		for s := range strings.FieldsSeq(string(b)) {
			if pid, err := strconv.Atoi(s); err == nil && pid > 0 {
				_ = syscall.Kill(pid, syscall.SIGCONT)
			}
		}
	}
	return fmt.Errorf("%s does not go down", h.name)
}

// makeGroups makes the cgroup of what the host runs, and beside it, as systemd
// takes away what it does not know, one of what is run on it.
func (h *Host) makeGroups() (err error) {
	if h.commands != nil {
		return nil
	}
	for _, name := range []string{"boot", "commands"} {
		if err := os.MkdirAll(filepath.Join(h.Cgroup(), name), 0o755); err != nil {
			return err
		}
	}
	h.commands, err = os.Open(filepath.Join(h.Cgroup(), "commands"))
	return err
}
