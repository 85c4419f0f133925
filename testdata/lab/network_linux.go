package lab

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// configure runs ip commands and writes settings in the network of a process.
func configure(pid int, settings map[string]string, commands ...string) error {
	var script strings.Builder
	for name, value := range settings {
		fmt.Fprintf(&script, "echo %s >/proc/sys/net/%s\n", value, name)
	}
	fmt.Fprintf(&script, "ip -batch - <<'X'\n%s\nX\n", strings.Join(commands, "\n"))
	c := exec.Command("nsenter", "-t", strconv.Itoa(pid), "-n", "/bin/sh", "-ec", script.String())
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("network: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// plug gives a host its cable. Its far end is at the switch, or the router.
func (h *Host) plug() error {
	port, l := h.port(), h.lab
	_ = configure(l.root.pid, nil, "link del "+port) // of the boot before
	commands := []string{fmt.Sprintf("link add %s type veth peer name eth0 address %s netns %d", port, net.HardwareAddr(h.mac()), h.pid)}
	gateway4, gateway6 := "10.77.0.1", "fd77::1"
	if h == l.Outside {
		gateway4, gateway6 = "203.0.113.1", "2001:db8::1"
		commands = append(commands, "addr add 203.0.113.1/24 dev "+port, "addr add 2001:db8::1/64 dev "+port+" nodad")
	} else {
		commands = append(commands, "link set "+port+" master br0")
	}
	if !h.unplugged {
		commands = append(commands, "link set "+port+" up")
	}
	if err := configure(l.root.pid, nil, commands...); err != nil {
		return err
	}
	return configure(h.pid, map[string]string{"ipv6/conf/all/accept_dad": "0", "ipv6/conf/default/accept_dad": "0", "ipv6/conf/all/accept_ra": "0", "ipv6/conf/default/accept_ra": "0"},
		"link set lo up", "link set eth0 up", "addr add "+h.V4+"/24 dev eth0", "addr add "+h.V6+"/64 dev eth0 nodad",
		"route add default via "+gateway4, "route add default via "+gateway6)
}

// mac stays the same over reboots, or neighbours would look for the old one for seconds.
func (h *Host) mac() []byte { return []byte{2, 0x77, 0, 0, 0, byte(h.number)} }

func (h *Host) port() string { return "p" + strconv.Itoa(h.number) }

// Cut pulls the host's cable out of the switch; it stays out over a reboot.
func (h *Host) Cut() error {
	h.unplugged = true
	return configure(h.lab.root.pid, nil, "link set "+h.port()+" down")
}

// Restore plugs it in again.
func (h *Host) Restore() error {
	h.unplugged = false
	return configure(h.lab.root.pid, nil, "link set "+h.port()+" up")
}

// Network is one that sockets can be made in, from within the test program: a
// host's, or its container's. Addresses are numbers.
type Network string // the path of the namespace

// Network is the host's. It is another after a reboot.
func (h *Host) Network() Network { return Network(fmt.Sprintf("/proc/%d/ns/net", h.pid)) }

// Container is the network of the container 172.30.0.2, whose port 80 is
// published as 8080 of the host.
func (h *Host) Container() Network { return Network(h.Path("/run/netns/ctr")) }

// Dial connects, within a second.
func (n Network) Dial(network, address string) (net.Conn, error) {
	return within(n, func() (net.Conn, error) { return net.DialTimeout(network, address, time.Second) })
}

// Listen listens for connections.
func (n Network) Listen(network, address string) (net.Listener, error) {
	return within(n, func() (net.Listener, error) { return net.Listen(network, address) })
}

// ListenPacket listens for datagrams.
func (n Network) ListenPacket(network, address string) (net.PacketConn, error) {
	return within(n, func() (net.PacketConn, error) { return net.ListenPacket(network, address) })
}

// within calls a function whose sockets belong to a network; they stay there.
func within[T any](n Network, do func() (T, error)) (v T, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err = n.enter(); err == nil {
			v, err = do()
		}
	}()
	<-done
	return v, err
}

func (n Network) enter() error {
	ns, err := os.Open(string(n))
	if err != nil {
		return err
	}
	defer ns.Close()
	return unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
}
