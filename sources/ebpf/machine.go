//go:build linux && (amd64 || arm64)

package ebpf

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"interdict/sources/ecs"
)

// tick is the resolution of start times in /proc, in ns.
const tick = 10_000_000

// thisMachine describes the machine that the program runs on.
func thisMachine() ecs.Host {
	hostname, _ := os.Hostname()
	_, _, kernel := release()
	h := ecs.Host{
		ID: firstLine("/etc/machine-id"), BootID: firstLine("/proc/sys/kernel/random/boot_id"), Name: hostname,
		Architecture: map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH],
		OS:           ecs.OS{Type: "linux", Kernel: kernel}, IPs: addresses(),
	}
	release := osRelease()
	h.OS.Name, h.OS.Full, h.OS.Version = release["NAME"], release["PRETTY_NAME"], release["VERSION_ID"]
	h.OS.Platform, h.OS.Family = release["ID"], release["ID_LIKE"]
	if h.OS.Family == "" {
		h.OS.Family = h.OS.Platform
	}
	if h.ID == "" {
		h.ID = hostname
	}
	return h
}

func firstLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSpace(line)
}

func osRelease() map[string]string {
	values := map[string]string{}
	b, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return values
	}
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), "="); ok {
			values[name] = strings.Trim(value, `"'`)
		}
	}
	return values
}

// addresses are those by which others may know this machine.
func addresses() []netip.Addr {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, a := range all {
		prefix, err := netip.ParsePrefix(a.String())
		if err == nil && !prefix.Addr().IsLoopback() && !prefix.Addr().IsLinkLocalUnicast() {
			out = append(out, prefix.Addr())
		}
	}
	return out
}

// bootOffset is what to add to the boot clock to get the wall clock.
func bootOffset() time.Duration {
	var boot unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) != nil {
		return 0
	}
	return time.Duration(time.Now().UnixNano() - boot.Nano())
}

// bootNow is the boot clock, ns.
func bootNow() uint64 {
	var boot unix.Timespec
	unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) // cannot fail on a kernel that loads the sensor
	return uint64(boot.Nano())
}

// names remembers what users and groups are called, for some minutes: accounts
// come and go.
type names struct {
	users, groups map[uint32]*account
	until         time.Time
}

// account is a user or group, id in decimal; name "" when nobody has that number.
type account struct{ id, name string }

// maxNames bounds each kind; beyond it all are looked up again.
const (
	maxNames  = 4096
	keepNames = 5 * time.Minute
)

func newNames() *names { return &names{users: map[uint32]*account{}, groups: map[uint32]*account{}} }

// expire forgets what has become old.
func (n *names) expire(now time.Time) {
	if now.Before(n.until) {
		return
	}
	clear(n.users)
	clear(n.groups)
	n.until = now.Add(keepNames)
}

func (n *names) user(id uint32) *account {
	if a := n.users[id]; a != nil {
		return a
	}
	a := &account{id: decimal(id)}
	if u, err := user.LookupId(a.id); err == nil {
		a.name = u.Username
	}
	return remember(n.users, id, a)
}

func (n *names) group(id uint32) *account {
	if a := n.groups[id]; a != nil {
		return a
	}
	a := &account{id: decimal(id)}
	if g, err := user.LookupGroupId(a.id); err == nil {
		a.name = g.Name
	}
	return remember(n.groups, id, a)
}

func remember(m map[uint32]*account, id uint32, a *account) *account {
	if len(m) >= maxNames {
		clear(m)
	}
	m[id] = a
	return a
}

func decimal(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

// startTicks is field 22 of /proc/PID/stat.
func startTicks(pid uint32) (uint64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	i := bytes.LastIndexByte(b, ')') // the name before it may hold anything
	fields := strings.Fields(string(b[i+1:]))
	if len(fields) < 20 {
		return 0, fmt.Errorf("stat of process %d ends early", pid)
	}
	return strconv.ParseUint(fields[19], 10, 64)
}

// readBounded reads at most n bytes of a file of /proc.
func readBounded(path string, n int64) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	b := make([]byte, n)
	total := 0
	for total < len(b) {
		k, err := f.Read(b[total:])
		total += k
		if err != nil || k == 0 {
			break
		}
	}
	return b[:total]
}
