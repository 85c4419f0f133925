//go:build linux && (amd64 || arm64)

package ebpf

import (
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"

	"interdict/sources/ecs"
)

// flowKey is a destination of a process.
type flowKey struct {
	peer  netip.AddrPort
	proto uint8
}

// flow is what went to and came from one destination. The kernel side counts in
// epochs: a new one begins when the destination's place was needed meanwhile.
type flow struct {
	epoch          uint32
	sent, received uint64 // of this epoch
	before         [2]uint64
}

// take adds a record and gives the totals.
func (f *flow) take(r *kernelNetRecord) (sent, received uint64) {
	if r.Epoch != f.epoch {
		f.before[0] += f.sent
		f.before[1] += f.received
		f.epoch, f.sent, f.received = r.Epoch, 0, 0
	}
	f.sent, f.received = max(f.sent, r.Tx), max(f.received, r.Rx)
	return f.before[0] + f.sent, f.before[1] + f.received
}

// maxFlows bounds the destinations that are remembered of one process.
const maxFlows = 4096

func (p *process) flow(key flowKey) *flow {
	if p.flows == nil {
		p.flows = map[flowKey]*flow{}
	}
	f := p.flows[key]
	if f == nil {
		if len(p.flows) >= maxFlows {
			clear(p.flows)
		}
		f = &flow{}
		p.flows[key] = f
	}
	return f
}

func (e *events) net(raw []byte) error {
	r, _, err := fixed[kernelNetRecord](raw)
	if err != nil || r.Family != 4 && r.Family != 6 {
		return errRecord
	}
	p := e.table.seen(r.Pid, r.Start, 0, 0)
	local, remote := end(r.Family, r.Laddr, r.Lport), end(r.Family, r.Raddr, r.Rport)
	f := p.flow(flowKey{remote, r.Proto})
	sent, received := f.take(&r)
	out := r.Flags&destConnected != 0 || !inbound(p, local, remote)
	action, typ := "transfer", "info"
	switch r.Kind {
	case netConnect:
		action, typ = "connection_attempted", "start"
	case netFinal:
		action, typ = "disconnect_received", "end"
	}
	b := e.builder
	b.Event(networkEvents, action, typ, e.wall(r.H.Time))
	e.identity(p)
	e.owner(p)
	source, destination, toDestination, toSource, direction := local, remote, sent, received, "egress"
	if !out {
		source, destination, toDestination, toSource, direction = remote, local, received, sent, "ingress"
	}
	b.Keyword(ecs.NetworkDirection, direction)
	b.IP(ecs.SourceIP, source.Addr())
	b.Keyword(ecs.SourceAddress, source.Addr().String())
	b.Int(ecs.SourcePort, int64(source.Port()))
	b.Int(ecs.SourceBytes, int64(toDestination))
	b.IP(ecs.DestinationIP, destination.Addr())
	b.Keyword(ecs.DestinationAddress, destination.Addr().String())
	b.Int(ecs.DestinationPort, int64(destination.Port()))
	b.Int(ecs.DestinationBytes, int64(toSource))
	b.Int(ecs.NetworkBytes, int64(sent+received))
	b.Keyword(ecs.NetworkTransport, transport(r.Proto))
	b.Keyword(ecs.NetworkType, "ipv"+decimal(uint32(r.Family)))
	b.Bool(ecs.Live, r.Kind != netFinal)
	return nil
}

func end(family uint8, addr [16]uint8, port uint16) netip.AddrPort {
	if family == 4 {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(addr[:4])), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(addr).Unmap(), port)
}

func transport(proto uint8) string {
	switch proto {
	case 6:
		return "tcp"
	case 17:
		return "udp"
	}
	return strconv.Itoa(int(proto))
}

// inbound tells whether the far end connected to us, of a connection whose
// beginning was not seen: a service's port is on our side.
func inbound(p *process, local, remote netip.AddrPort) bool {
	name := p.image.name
	if strings.HasPrefix(name, "sshd") || name == "dropbear" || name == "vsftpd" {
		return local.Port() < 1024 || remote.Port() >= 1024
	}
	return local.Port() < 1024 && remote.Port() >= 1024
}

// owner says whose process it is, for rows that do not tell of an execution.
func (e *events) owner(p *process) {
	if p.image.name == "" {
		return
	}
	e.builder.Keyword(ecs.UserID, decimal(p.image.uid))
	e.builder.Keyword(ecs.UserName, e.names.user(p.image.uid))
	e.builder.Keyword(ecs.ContainerID, p.image.container)
	e.builder.Keyword(ecs.ProcessTool, p.image.tool)
}

// open(2)'s flags.
const (
	openAccess = 3
	openWrite  = 1
	openCreate = 0o100
)

func (e *events) file(raw []byte) error {
	r, rest, err := fixed[kernelFileRecord](raw)
	if err != nil || int(r.PathLen) > len(rest) {
		return errRecord
	}
	name := path(rest[:r.PathLen], r.Flags&2 != 0)
	written := r.OpenFlags&openAccess == openWrite
	if written && r.OpenFlags&openCreate == 0 || ofSystem(name, &r) {
		return nil
	}
	p := e.table.seen(r.Pid, r.Start, 0, 0)
	action, typ := "open", "access"
	if written {
		action, typ = "create", "creation"
	}
	b := e.builder
	b.Event(fileEvents, action, typ, e.wall(r.H.Time))
	e.identity(p)
	e.owner(p)
	b.Keyword(ecs.FilePath, name)
	b.Keyword(ecs.FileName, filepath.Base(name))
	b.Keyword(ecs.FileDirectory, filepath.Dir(name))
	b.Keyword(ecs.FileExtension, strings.TrimPrefix(filepath.Ext(name), "."))
	b.Int(ecs.FileSize, int64(r.Size))
	b.Keyword(ecs.FileInode, decimal64(r.Ino))
	b.Keyword(ecs.FileDevice, decimal(r.Dev>>20)+":"+decimal(r.Dev&0xfffff))
	b.Keyword(ecs.FileUID, decimal(r.Uid))
	b.Keyword(ecs.FileMode, "0"+strconv.FormatUint(uint64(r.Mode&0o7777), 8))
	return nil
}

// ofSystem tells whether a file is a library, locale or resolver file that
// every program reads: root's, and nobody else may write it.
func ofSystem(name string, r *kernelFileRecord) bool {
	if r.Uid != 0 || r.Mode&0o022 != 0 {
		return false
	}
	for _, dir := range [...]string{"/usr/lib/", "/usr/lib64/", "/lib/", "/lib64/", "/usr/share/", "/etc/ld.so."} {
		if strings.HasPrefix(name, dir) {
			return true
		}
	}
	switch name {
	case "/etc/nsswitch.conf", "/etc/passwd", "/etc/group", "/etc/hosts", "/etc/host.conf", "/etc/resolv.conf", "/etc/gai.conf", "/etc/services", "/etc/localtime", "/etc/ssl/openssl.cnf":
		return true
	}
	return strings.HasPrefix(name, "/etc/ssh/ssh_config")
}

// unix tells of a tool that connects to a socket of this machine: ssh's control
// socket makes another process carry its bytes.
func (e *events) unix(raw []byte) error {
	r, _, err := fixed[kernelUnixRecord](raw)
	if err != nil {
		return err
	}
	p := e.table.seen(r.Pid, r.Start, 0, 0)
	socket := text(raw[len(raw)-len(r.Path):])
	if p.image.name != "ssh" || socket == "" {
		return nil
	}
	e.builder.Event(networkEvents, "connection_attempted", "start", e.wall(r.H.Time))
	e.identity(p)
	e.owner(p)
	e.builder.Keyword(ecs.ControlSocket, socket)
	return nil
}

func decimal64(n uint64) string { return strconv.FormatUint(n, 10) }
