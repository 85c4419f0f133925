package isolate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"interdict/respond"
	"interdict/testdata/part"
)

// node is a machine of the lab: namespaces of its own that end with its first process.
type node struct {
	t   *testing.T
	pid int
}

// lab is a switch with machines on it. The host has sshd, its own /run and /etc,
// and a container behind a bridge.
type lab struct {
	t                              *testing.T
	dir                            string
	host, manager, outside, inside *node
	sw                             *node
}

// Addresses. The manager has a second one, which is not the manager.
const (
	host4, host6       = "10.77.0.11", "fd77::11"
	manager4, manager6 = "10.77.0.2", "fd77::2"
	neighbour4         = "10.77.0.3"
	outside4, outside6 = "203.0.113.10", "2001:db8::10"
	inside4            = "172.30.0.2"
)

func newNode(t *testing.T, setup string, flags ...string) *node {
	t.Helper()
	args := append([]string{"--net", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"}, flags...)
	c := exec.Command("unshare", append(args, "sh", "-c", "mount -t sysfs sysfs /sys\n"+setup+"\nip link set lo up; echo ready; sleep 100000 & wait")...)
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	if _, err := stdout.Read(make([]byte, 1)); err != nil {
		t.Fatal("a machine of the lab did not start")
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", c.Process.Pid, c.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(children)))
	if err != nil {
		t.Fatal(err)
	}
	return &node{t, pid}
}

// command runs in the namespaces of the node.
func (n *node) command(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "nsenter", append([]string{"-t", strconv.Itoa(n.pid), "-n", "-m", "-u", "-p"}, args...)...)
}

// sh runs a script that has to succeed.
func (n *node) sh(script string) string {
	n.t.Helper()
	out, err := n.command(context.Background(), "sh", "-ec", script).CombinedOutput()
	if err != nil {
		n.t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

// try runs a script that may fail.
func (n *node) try(script string) (string, error) {
	out, err := n.command(context.Background(), "sh", "-ec", script).CombinedOutput()
	return string(out), err
}

const hostSetup = `
mount -t tmpfs tmpfs /run; mkdir -p /run/sshd /run/o/u /run/o/w
mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/o/u,workdir=/run/o/w /etc
cat /proc/sys/kernel/random/uuid > /run/o/boot
mount --bind /run/o/boot /proc/sys/kernel/random/boot_id
tr -d - </proc/sys/kernel/random/uuid > /etc/machine-id
hostname web-1`

// scratch is a directory that goes with the test, again when a timer of the host
// or a server was still writing there.
func scratch(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "interdict-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for try := 0; os.RemoveAll(dir) != nil && try < 100; try++ {
			time.Sleep(10 * time.Millisecond)
		}
	})
	return dir
}

// newLab makes one. Tests that have theirs run side by side: most of their time
// is waiting.
func newLab(t *testing.T) *lab {
	t.Helper()
	t.Parallel()
	if os.Geteuid() != 0 {
		part.Missing(t, "lab", "wants root")
	}
	for _, tool := range []string{"ip", "nsenter", "unshare", "nft", "iptables-nft", "iptables-legacy", "ssh", "ssh-keygen", "python3", "ss"} {
		if _, err := exec.LookPath(tool); err != nil {
			part.Missing(t, "lab", err.Error())
		}
	}
	l := &lab{t: t, dir: scratch(t)}
	l.sw = newNode(t, "ip link add br0 type bridge && ip link set br0 up")
	l.host, l.manager, l.outside = newNode(t, hostSetup), newNode(t, "mount -t tmpfs tmpfs /run"), newNode(t, "")
	l.inside = newNode(t, "")
	l.plug(l.host, "host", host4+"/24", host6+"/64")
	l.plug(l.manager, "manager", manager4+"/24", manager6+"/64")
	l.manager.sh("ip addr add " + neighbour4 + "/24 dev eth0")
	l.plug(l.outside, "outside", outside4+"/24", outside6+"/64")
	l.host.sh("ip route add 203.0.113.0/24 dev eth0; ip -6 route add 2001:db8::/64 dev eth0")
	l.manager.sh("ip route add 203.0.113.0/24 dev eth0; ip -6 route add 2001:db8::/64 dev eth0")
	l.outside.sh("ip route add 10.77.0.0/24 dev eth0; ip -6 route add fd77::/64 dev eth0; ip route add 172.30.0.0/24 via " + host4)
	l.container()
	l.sshd()
	return l
}

// plug joins a machine and the switch by a cable.
func (l *lab) plug(n *node, name string, addresses ...string) {
	l.t.Helper()
	tool(l.t, "ip", "link", "add", "p-"+name, "netns", "/proc/"+strconv.Itoa(l.sw.pid)+"/ns/net", "type", "veth", "peer", "name", "eth0", "netns", "/proc/"+strconv.Itoa(n.pid)+"/ns/net")
	l.sw.sh("ip link set p-" + name + " master br0 up")
	script := "sysctl -qw net.ipv6.conf.eth0.accept_dad=0; ip link set eth0 up"
	for _, a := range addresses {
		script += "; ip addr add " + a + " dev eth0"
	}
	n.sh(script)
}

// container is a machine behind a bridge of the host, with port 8080 published.
func (l *lab) container() {
	l.t.Helper()
	tool(l.t, "ip", "link", "add", "c-1", "netns", "/proc/"+strconv.Itoa(l.host.pid)+"/ns/net", "type", "veth", "peer", "name", "eth0", "netns", "/proc/"+strconv.Itoa(l.inside.pid)+"/ns/net")
	l.host.sh(`ip link add docker0 type bridge; ip addr add 172.30.0.1/24 dev docker0; ip link set docker0 up; ip link set c-1 master docker0 up
sysctl -qw net.ipv4.ip_forward=1
nft -f - <<'X'
table ip dockerish {
	chain pre {
		type nat hook prerouting priority dstnat;
		ip daddr ` + host4 + ` tcp dport 8080 dnat to ` + inside4 + `:80
	}
	chain post {
		type nat hook postrouting priority srcnat;
		ip saddr 172.30.0.0/24 oifname != "docker0" masquerade
	}
}
X`)
	l.inside.sh("ip link set eth0 up; ip addr add " + inside4 + "/24 dev eth0; ip route add default via 172.30.0.1")
}

func (l *lab) sshd() {
	l.t.Helper()
	tool(l.t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(l.dir, "hostkey"))
	tool(l.t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(l.dir, "key"))
	public, err := os.ReadFile(filepath.Join(l.dir, "key.pub"))
	if err != nil {
		l.t.Fatal(err)
	}
	config := "Port 22\nHostKey " + l.dir + "/hostkey\nAuthorizedKeysFile /run/o/authorized\nStrictModes no\nUsePAM no\nPidFile none\nMaxStartups 100\nPermitRootLogin yes\nUseDNS no\n"
	if err := os.WriteFile(filepath.Join(l.dir, "sshd_config"), []byte(config), 0o600); err != nil {
		l.t.Fatal(err)
	}
	l.host.sh("echo '" + strings.TrimSpace(string(public)) + "' > /run/o/authorized; /usr/sbin/sshd -f " + l.dir + "/sshd_config")
	eventually(l.t, "sshd answers", 10*time.Second, func() bool { return l.host.passes("tcp", "127.0.0.1:22") })
}

func tool(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// cut and join are the cable of the host, at the switch.
func (l *lab) cut()  { l.t.Helper(); l.cable("down") }
func (l *lab) join() { l.t.Helper(); l.cable("up") }

// cable fails the test without ending it: it is moved by goroutines and timers too.
func (l *lab) cable(to string) {
	l.t.Helper()
	if out, err := l.sw.try("ip link set p-host " + to); err != nil {
		l.t.Errorf("the cable is not %s: %v\n%s", to, err, out)
	}
}

// shell is the host over a connection of OpenSSH's own.
type shell struct {
	l       *lab
	address string
	socket  string
	manager netip.AddrPort
	runs    *atomic.Int32
	logins  *atomic.Int32
	before  func(respond.Script) // called before each script
}

var sockets atomic.Int32

// ssh opens a connection from the manager and gives the host behind it.
func (l *lab) ssh(address string) *shell {
	l.t.Helper()
	s := &shell{l: l, address: address, runs: new(atomic.Int32), logins: new(atomic.Int32)}
	err := s.open(l.t.Context())
	for try := 1; err != nil && try < 4; try++ { // somebody else may be cutting the host off just then
		s.Close()
		err = s.open(l.t.Context())
	}
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { s.Close() })
	return s
}

func (s *shell) options() []string {
	return []string{"ssh", "-F", "none", "-i", s.l.dir + "/key", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
		"-o", "LogLevel=ERROR", "-o", "ConnectTimeout=2", "-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=3", "-S", s.socket}
}

func (s *shell) open(ctx context.Context) error {
	s.socket = filepath.Join(os.TempDir(), fmt.Sprintf("interdict-test-%d-%d", os.Getpid(), sockets.Add(1)))
	args := append(s.options(), "-M", "-f", "-N", "root@"+s.address)
	if out, err := s.l.manager.command(ctx, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("login: %w: %s", err, out)
	}
	out, err := s.exec(ctx, "echo $SSH_CONNECTION", nil).Output()
	f := strings.Fields(string(out))
	if err != nil || len(f) < 2 {
		return fmt.Errorf("login: %w: %q", err, out)
	}
	s.manager = addrPort(f[0], f[1])
	return nil
}

func (s *shell) exec(ctx context.Context, command string, data []byte) *exec.Cmd {
	c := s.l.manager.command(ctx, append(s.options(), "root@"+s.address, command)...)
	c.Stdin = bytes.NewReader(data)
	return c
}

func (s *shell) Name() string            { return "web-1" }
func (s *shell) Manager() netip.AddrPort { return s.manager }

func (s *shell) Identity(ctx context.Context) (respond.Identity, error) {
	st, err := Look(ctx, s)
	return st.Identity, err
}

func (s *shell) Run(ctx context.Context, script respond.Script, data []byte) (respond.Output, error) {
	s.runs.Add(1)
	if s.before != nil {
		s.before(script)
	}
	limit := script.Limit
	if limit == 0 {
		limit = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c := s.exec(ctx, "sh -c '"+strings.ReplaceAll(script.Text, "'", `'\''`)+"'", data)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr, c.WaitDelay = &out, &errs, time.Second
	err := c.Run()
	o := respond.Output{Stdout: out.Bytes(), Stderr: errs.Bytes()}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() != 255 && exit.ExitCode() >= 0 {
		o.Status, err = exit.ExitCode(), nil
	}
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", script.Name, err, errs.String())
	}
	return o, err
}

func (s *shell) Fresh(ctx context.Context) (respond.FreshShell, error) {
	s.logins.Add(1)
	f := &shell{l: s.l, address: s.address, runs: s.runs, logins: s.logins, before: s.before}
	return f, f.open(ctx)
}

func (s *shell) Close() error {
	return s.l.manager.command(context.Background(), append(s.options(), "-O", "exit", "root@"+s.address)...).Run()
}

// ruleset is what the host has loaded, counters and handles aside.
func (l *lab) ruleset() string {
	l.t.Helper()
	return l.host.sh("nft -s list ruleset; iptables-legacy-save 2>/dev/null | grep -E '^(-A|:)' | sed 's/ .[0-9:]*.$//' || true")
}

// eventually waits for what has to come.
func eventually(t *testing.T, what string, within time.Duration, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(within); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", within, what)
		}
	}
}
