//go:build amd64 || arm64

package ebpf

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"interdict/testdata/part"
)

const transferred = 8 << 20

// loopbacks are this machine by both families.
var loopbacks = map[string]string{"v4": "127.0.0.1", "v6": "::1"}

func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// total waits until a process or child of it has told the totals of a
// connection that ended, with at least as many bytes as were transferred.
func (r *recorder) total(t *testing.T, pid int, field, direction string) rowOf {
	t.Helper()
	return r.wait(t, "the final totals", func(row rowOf) bool {
		return row("event.action") == "disconnect_received" && row("network.direction") == direction &&
			(row("process.pid") == itoa(pid) || row("process.parent.pid") == itoa(pid)) && number(row(field)) >= transferred
	})
}

func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

// within fails when a row's bytes are more than 1 % off what was transferred.
func within(t *testing.T, row rowOf, field, tool string) {
	t.Helper()
	if got := number(row(field)); got < transferred || got > transferred+transferred/100 {
		t.Errorf("%s is %d, transferred were %d", field, got, transferred)
	}
	if name, _, _ := strings.Cut(row("interdict.tool"), "."); name != tool { // nc may be nc.openbsd
		t.Errorf("tool %q, want %q", row("interdict.tool"), tool)
	}
}

func TestBytesOfTransfersOverSSHAreRight(t *testing.T) {
	server := startSSHD(t)
	r := record(t, kernelSource(t, Config{}))
	file := secret(t, transferred)
	for family, host := range loopbacks {
		far := bracketed(host) + ":" + filepath.Join(server.dir, family)
		t.Run("scp sends over "+family, func(t *testing.T) {
			cmd := run(t, "scp", append(server.options, "-P", itoa(server.port), file, far+".scp")...)
			within(t, r.total(t, cmd.Process.Pid, "source.bytes", "egress"), "source.bytes", "scp")
		})
		t.Run("scp fetches over "+family, func(t *testing.T) {
			cmd := run(t, "scp", append(server.options, "-P", itoa(server.port), bracketed(host)+":"+file, filepath.Join(server.dir, family+".got"))...)
			row := r.total(t, cmd.Process.Pid, "destination.bytes", "egress")
			within(t, row, "destination.bytes", "scp")
			inbound := r.wait(t, "the login service's side", func(in rowOf) bool {
				return strings.HasPrefix(in("process.name"), "sshd") && in("network.direction") == "ingress" && in("event.action") == "disconnect_received" &&
					in("source.port") == row("source.port") && number(in("destination.bytes")) >= transferred
			})
			within(t, inbound, "destination.bytes", inbound("interdict.tool"))
			if tool := inbound("interdict.tool"); tool != "sftp-server" && tool != "scp" {
				t.Errorf("the login service serves %q", tool)
			}
		})
		t.Run("sftp sends over "+family, func(t *testing.T) {
			batch := filepath.Join(t.TempDir(), "batch")
			os.WriteFile(batch, []byte("put "+file+" "+filepath.Join(server.dir, family+".sftp")+"\n"), 0o600)
			cmd := run(t, "sftp", append(server.options, "-b", batch, "-P", itoa(server.port), bracketed(host))...)
			within(t, r.total(t, cmd.Process.Pid, "source.bytes", "egress"), "source.bytes", "sftp")
		})
		t.Run("rsync sends over "+family, func(t *testing.T) {
			ssh := "ssh -p " + itoa(server.port) + " " + strings.Join(server.options, " ")
			cmd := run(t, "rsync", "-e", ssh, file, far+".rsync")
			within(t, r.total(t, cmd.Process.Pid, "source.bytes", "egress"), "source.bytes", "rsync")
		})
	}
}

// sink is a service that takes what it is sent.
func sink(t *testing.T, host string) string {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		part.Missing(t, "lab", err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(io.Discard, c); c.Close() }()
		}
	}()
	return l.Addr().String()
}

func TestBytesOfOtherToolsAreRight(t *testing.T) {
	r := record(t, kernelSource(t, Config{}))
	file := secret(t, transferred)
	disguised := filepath.Join(t.TempDir(), "rclone")
	copyFile(t, os.Args[0], disguised)
	for family, host := range loopbacks {
		t.Run("curl over "+family, func(t *testing.T) {
			l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
			if err != nil {
				part.Missing(t, "lab", err)
			}
			server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) { io.Copy(io.Discard, q.Body) })}
			go server.Serve(l)
			defer server.Close()
			cmd := run(t, "curl", "-sS", "-T", file, "http://"+l.Addr().String()+"/up")
			within(t, r.total(t, cmd.Process.Pid, "source.bytes", "egress"), "source.bytes", "curl")
		})
		t.Run("nc over "+family, func(t *testing.T) {
			to, port, _ := net.SplitHostPort(sink(t, host))
			in, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			cmd := exec.Command(need(t, "nc"), "-N", to, port)
			cmd.Stdin = in
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			within(t, r.total(t, cmd.Process.Pid, "source.bytes", "egress"), "source.bytes", "nc")
			opened := r.wait(t, "its standard input", func(row rowOf) bool {
				return row("event.action") == "open" && row("process.pid") == itoa(cmd.Process.Pid) && row("file.path") == realPath(t, file)
			})
			if opened("file.size") != itoa(transferred) {
				t.Errorf("size %s", opened("file.size"))
			}
		})
		for _, way := range []string{"sendfile", "splice"} {
			t.Run(way+" over "+family, func(t *testing.T) {
				cmd := exec.Command(disguised, file, sink(t, host))
				cmd.Env = append(os.Environ(), "SENSOR_TEST_PART="+way)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				row := r.total(t, cmd.Process.Pid, "source.bytes", "egress")
				within(t, row, "source.bytes", "rclone")
				if row("source.bytes") != itoa(transferred) {
					t.Errorf("%s bytes, exactly %d were sent", row("source.bytes"), transferred)
				}
			})
		}
	}
}

// send plays a tool that never copies a file's bytes itself.
func send(way, file, to string) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	c, err := net.Dial("tcp", to)
	if err != nil {
		return err
	}
	defer c.Close()
	raw, err := c.(*net.TCPConn).File()
	if err != nil {
		return err
	}
	unix.SetNonblock(int(raw.Fd()), false)
	var pipe [2]int
	if err := unix.Pipe(pipe[:]); err != nil {
		return err
	}
	for {
		var n int64
		if way == "sendfile" {
			sent, err := unix.Sendfile(int(raw.Fd()), int(in.Fd()), nil, 1<<20)
			if sent == 0 || err != nil {
				return err
			}
			continue
		}
		if n, err = unix.Splice(int(in.Fd()), nil, pipe[1], nil, 64<<10, 0); n == 0 || err != nil {
			return err
		}
		for n > 0 {
			moved, err := unix.Splice(pipe[0], nil, int(raw.Fd()), nil, int(n), 0)
			if err != nil {
				return err
			}
			n -= moved
		}
	}
}

// Nine destinations take turns in eight places: totals must not lose what an
// earlier turn counted.
func TestTotalsAreSumsOverAllTurnsOfADestination(t *testing.T) {
	r := record(t, kernelSource(t, Config{}))
	disguised := filepath.Join(t.TempDir(), "rclone")
	copyFile(t, os.Args[0], disguised)
	var to []string
	for range 11 {
		to = append(to, sink(t, "127.0.0.1"))
	}
	cmd := exec.Command(disguised, to...)
	cmd.Env = append(os.Environ(), "SENSOR_TEST_PART=turns")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	r.endOf(t, r.execOfPID(t, cmd.Process.Pid))
	for _, d := range to {
		_, port, _ := net.SplitHostPort(d)
		var most int64
		for _, row := range r.rows(func(row rowOf) bool {
			return row("process.pid") == itoa(cmd.Process.Pid) && row("destination.port") == port
		}) {
			most = max(most, number(row("source.bytes")))
			if row("network.direction") != "egress" {
				t.Errorf("direction %q", row("network.direction"))
			}
		}
		if most != turns*turnBytes {
			t.Errorf("to port %s went %d, told were %d", port, turns*turnBytes, most)
		}
	}
}

const turns, turnBytes = 50, 1000

// takeTurns sends to all destinations over and over.
func takeTurns(to []string) error {
	var all []net.Conn
	for _, d := range to {
		c, err := net.Dial("tcp", d)
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	for range turns {
		for _, c := range all {
			if _, err := c.Write(make([]byte, turnBytes)); err != nil {
				return err
			}
		}
	}
	return nil
}

func TestBytesThroughAnotherSSHAreToldOfTheMaster(t *testing.T) {
	server := startSSHD(t)
	r := record(t, kernelSource(t, Config{}))
	file := secret(t, transferred)
	control := filepath.Join(t.TempDir(), "c")
	master := exec.Command(need(t, "ssh"), append(server.options, "-p", itoa(server.port), "-M", "-N", "-S", control, "127.0.0.1")...)
	if err := master.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { master.Process.Kill(); master.Wait() }()
	for { // until it serves; ssh says so
		if exec.Command("ssh", append(server.options, "-S", control, "-O", "check", "127.0.0.1")...).Run() == nil {
			break
		}
	}
	cmd := run(t, "scp", append(server.options, "-o", "ControlPath="+control, "-P", itoa(server.port), file, "127.0.0.1:"+filepath.Join(server.dir, "mastered"))...)
	r.wait(t, "the control socket", func(row rowOf) bool {
		return row("interdict.control_socket") == control && row("process.parent.pid") == itoa(cmd.Process.Pid)
	})
	row := r.wait(t, "the master's bytes", func(row rowOf) bool {
		return row("process.pid") == itoa(master.Process.Pid) && number(row("source.bytes")) >= transferred
	})
	if got := number(row("source.bytes")); got > transferred+transferred/100 {
		t.Errorf("%d bytes", got)
	}
	if row("interdict.control_socket") != control || row("interdict.tool") == "" || row("network.direction") != "egress" {
		t.Errorf("socket %q tool %q direction %q", row("interdict.control_socket"), row("interdict.tool"), row("network.direction"))
	}
}

func TestWhoListensIsToldAsIngress(t *testing.T) {
	r := record(t, kernelSource(t, Config{}))
	port := itoa(freePort(t))
	cmd := exec.Command(need(t, "nc"), "-l", "127.0.0.1", port)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { in.Close(); cmd.Process.Kill(); cmd.Wait() }()
	var c net.Conn
	for c == nil { // until it listens
		c, _ = net.Dial("tcp", "127.0.0.1:"+port)
	}
	defer c.Close()
	in.Write(make([]byte, 5000))
	io.ReadFull(c, make([]byte, 5000))
	row := r.wait(t, "what it sent", func(row rowOf) bool {
		return row("process.pid") == itoa(cmd.Process.Pid) && row("network.direction") == "ingress" && row("destination.bytes") == "5000"
	})
	if row("destination.port") != port || row("interdict.live") != "true" {
		t.Errorf("port %s, live %s", row("destination.port"), row("interdict.live"))
	}
}
