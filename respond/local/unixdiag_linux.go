package local

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// unixSocket is a connected or listening AF_UNIX socket as the kernel tells.
type unixSocket struct {
	peer int64  // inode of the other end; 0 for none
	path string // of the end that was bound: a server's
}

// Layouts of linux/sock_diag.h and linux/unix_diag.h.
const (
	sockDiagByFamily = 20
	unixDiagReqSize  = 24
	unixDiagMsgSize  = 16
	unixShowName     = 1
	unixShowPeer     = 4
	unixAttrName     = 0
	unixAttrPeer     = 2
)

// unixSockets asks the network namespace of d's process for its unix sockets,
// by inode.
func (d procDir) unixSockets() (map[int64]unixSocket, error) {
	ns, err := d.open("ns/net")
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	type answer struct {
		sockets map[int64]unixSocket
		err     error
	}
	done := make(chan answer)
	go func() { // on a thread of its own, which ends if it cannot be brought back
		runtime.LockOSThread()
		fd, back, err := diagSocketIn(ns)
		if back {
			runtime.UnlockOSThread()
		}
		if err != nil {
			done <- answer{err: err}
			return
		}
		defer unix.Close(fd)
		sockets, err := dumpUnix(fd)
		done <- answer{sockets, err}
	}()
	a := <-done
	return a.sockets, a.err
}

// diagSocketIn opens a diagnosis socket in the namespace; back tells whether
// the thread is where it was.
func diagSocketIn(ns *os.File) (fd int, back bool, err error) {
	own, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return -1, true, err
	}
	defer own.Close()
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return -1, true, fmt.Errorf("enter network namespace: %w", err)
	}
	fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	back = unix.Setns(int(own.Fd()), unix.CLONE_NEWNET) == nil
	return fd, back, err
}

func dumpUnix(fd int) (map[int64]unixSocket, error) {
	timeout := unix.NsecToTimeval(int64(2 * time.Second))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		return nil, err
	}
	e := binary.NativeEndian
	req := make([]byte, 0, unix.SizeofNlMsghdr+unixDiagReqSize)
	req = e.AppendUint32(req, uint32(cap(req)))
	req = e.AppendUint16(req, sockDiagByFamily)
	req = e.AppendUint16(req, unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	req = append(req, make([]byte, 8)...)    // sequence, port
	req = append(req, unix.AF_UNIX, 0, 0, 0) // family, protocol, padding
	req = e.AppendUint32(req, ^uint32(0))    // every state
	req = e.AppendUint32(req, 0)             // every inode
	req = e.AppendUint32(req, unixShowName|unixShowPeer)
	req = append(req, make([]byte, 8)...) // cookie
	if err := unix.Sendto(fd, req, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, fmt.Errorf("ask for unix sockets: %w", err)
	}
	sockets := map[int64]unixSocket{}
	b := make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(fd, b, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read unix sockets: %w", err)
		}
		done, err := parseDump(b[:n], sockets)
		if done || err != nil {
			return sockets, err
		}
	}
}

var errDiag = errors.New("malformed answer of sock_diag")

// parseDump adds the sockets of one datagram; done at the end of the dump.
func parseDump(b []byte, into map[int64]unixSocket) (done bool, err error) {
	e := binary.NativeEndian
	for len(b) >= unix.SizeofNlMsghdr {
		size, kind := int(e.Uint32(b)), e.Uint16(b[4:])
		if size < unix.SizeofNlMsghdr || size > len(b) {
			return false, errDiag
		}
		body := b[unix.SizeofNlMsghdr:size]
		switch kind {
		case unix.NLMSG_DONE:
			return true, nil
		case unix.NLMSG_ERROR:
			if len(body) < 4 {
				return false, errDiag
			}
			return false, fmt.Errorf("sock_diag: %w", unix.Errno(-int32(e.Uint32(body))))
		case sockDiagByFamily:
			if len(body) < unixDiagMsgSize {
				return false, errDiag
			}
			into[int64(e.Uint32(body[4:]))] = parseUnixAttrs(body[unixDiagMsgSize:])
		}
		b = b[min(len(b), (size+3)&^3):]
	}
	return false, nil
}

func parseUnixAttrs(b []byte) (s unixSocket) {
	e := binary.NativeEndian
	for len(b) >= 4 {
		size, kind := int(e.Uint16(b)), e.Uint16(b[2:])
		if size < 4 || size > len(b) {
			return s
		}
		switch body := b[4:size]; {
		case kind == unixAttrName:
			s.path = strings.TrimRight(string(body), "\x00")
		case kind == unixAttrPeer && len(body) >= 4:
			s.peer = int64(e.Uint32(body))
		}
		b = b[min(len(b), (size+3)&^3):]
	}
	return s
}
