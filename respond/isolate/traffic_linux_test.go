package isolate

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain lets the test program be the programs that talk inside of the lab.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Getenv("ISOLATE_TEST_TRAFFIC") != "" {
		if err := traffic(os.Args[1], os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func traffic(what string, args []string) error {
	switch what {
	case "serve":
		return serve(args[0], args[1])
	case "tcp":
		c, err := net.DialTimeout("tcp", args[0], time.Second)
		if err == nil {
			c.Close()
		}
		return err
	case "udp":
		return echo("udp", args[0], []byte("hello"), 5)
	case "ping":
		return ping(args[0])
	case "stream":
		return stream(args[0])
	case "raw":
		return raw(args[0], args[1], args[2], args[3])
	}
	return fmt.Errorf("traffic %q", what)
}

// serve takes TCP and UDP at a port, and writes into a file how many bytes and
// datagrams came.
func serve(port, file string) error {
	var bytes, datagrams atomic.Int64
	l, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return err
	}
	u, err := net.ListenPacket("udp", ":"+port)
	if err != nil {
		return err
	}
	go func() {
		b := make([]byte, 2048)
		for {
			n, from, err := u.ReadFrom(b)
			if err != nil {
				return
			}
			datagrams.Add(1)
			u.WriteTo(b[:n], from)
		}
	}()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				b := make([]byte, 65536)
				for {
					n, err := c.Read(b)
					bytes.Add(int64(n))
					if err != nil {
						c.Close()
						return
					}
				}
			}()
		}
	}()
	for {
		text := fmt.Sprintf("%d %d\n", bytes.Load(), datagrams.Load())
		if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
			return err
		}
		if err := os.Rename(file+".new", file); err != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// echo sends and waits for an answer of at least so many bytes.
func echo(network, addr string, b []byte, least int) error {
	c, err := net.Dial(network, addr)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Second))
	if _, err := c.Write(b); err != nil {
		return err
	}
	answer := make([]byte, 2048)
	for {
		n, err := c.Read(answer)
		if err != nil {
			return err
		}
		if n >= least {
			return nil
		}
	}
}

func ping(addr string) error {
	if netip.MustParseAddr(addr).Is6() {
		b := []byte{128, 0, 0, 0, 1, 2, 0, 1, 'h', 'e', 'l', 'l', 'o', '!'} // the kernel fills in the sum
		return pong("ip6:ipv6-icmp", addr, b, 129)
	}
	b := []byte{8, 0, 0, 0, 1, 2, 0, 1, 'h', 'e', 'l', 'l', 'o', '!'}
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(b[i])<<8 | uint32(b[i+1])
	}
	sum = sum>>16 + sum&0xffff
	binary.BigEndian.PutUint16(b[2:], ^uint16(sum+sum>>16))
	return pong("ip4:icmp", addr, b, 0)
}

// pong sends an echo request and waits for the answer, not for what else comes.
func pong(network, addr string, b []byte, want byte) error {
	c, err := net.Dial(network, addr)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Second))
	if _, err := c.Write(b); err != nil {
		return err
	}
	for {
		answer := make([]byte, 2048)
		n, err := c.Read(answer)
		if err != nil {
			return err
		}
		if n > 20 && answer[0]>>4 == 4 { // with its IPv4 header
			answer = answer[20:]
		}
		if n > 0 && answer[0] == want {
			return nil
		}
	}
}

// stream copies data out for ever, as slowly as a small uplink.
func stream(addr string) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	b := make([]byte, 4096)
	for {
		if _, err := c.Write(b); err != nil {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// raw sends one UDP datagram past the IP stack.
func raw(device, mac, from, to string) error {
	link, err := net.InterfaceByName(device)
	if err != nil {
		return err
	}
	far, err := net.ParseMAC(strings.TrimSpace(mac))
	if err != nil {
		return err
	}
	src, dst := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	payload := []byte("secret")
	ip := []byte{0x45, 0, 0, byte(28 + len(payload)), 0, 0, 0, 0, 64, 17, 0, 0}
	ip = append(append(ip, src.Addr().AsSlice()...), dst.Addr().AsSlice()...)
	var sum uint32
	for i := 0; i < 20; i += 2 {
		sum += uint32(ip[i])<<8 | uint32(ip[i+1])
	}
	sum = sum>>16 + sum&0xffff
	binary.BigEndian.PutUint16(ip[10:], ^uint16(sum+sum>>16))
	udp := binary.BigEndian.AppendUint16(nil, src.Port())
	udp = binary.BigEndian.AppendUint16(udp, dst.Port())
	udp = binary.BigEndian.AppendUint16(udp, uint16(8+len(payload)))
	frame := append(append(append(far, link.HardwareAddr...), 8, 0), ip...)
	frame = append(append(append(frame, udp...), 0, 0), payload...)
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		return err
	}
	return unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: link.Index, Halen: 6})
}

// traffic runs one of the programs above on a machine of the lab.
func (n *node) traffic(ctx context.Context, args ...string) *exec.Cmd {
	c := n.command(ctx, append([]string{os.Args[0]}, args...)...)
	c.Env = append(os.Environ(), "ISOLATE_TEST_TRAFFIC=yes")
	return c
}

// passes tells whether it gets there.
func (n *node) passes(kind, to string) bool {
	n.t.Helper()
	return n.traffic(n.t.Context(), kind, to).Run() == nil
}

// background runs a program until the test ends.
func (n *node) background(args ...string) {
	n.t.Helper()
	c := n.traffic(context.Background(), args...)
	if err := c.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
}

// sink is a server of which one can ask what arrived.
type sink struct{ file string }

func (n *node) sink(port string) sink {
	n.t.Helper()
	s := sink{filepath.Join(scratch(n.t), "sink")}
	n.background("serve", port, s.file)
	eventually(n.t, "a server at "+port, 10*time.Second, func() bool {
		_, err := os.Stat(s.file)
		return err == nil
	})
	return s
}

func (s sink) got() (bytes, datagrams int64) {
	b, _ := os.ReadFile(s.file)
	fmt.Sscan(string(b), &bytes, &datagrams)
	return bytes, datagrams
}
