//go:build linux && (amd64 || arm64)

package ebpf

import (
	"path/filepath"
	"strconv"
	"strings"

	"interdict/sources/ecs"
)

// open(2)'s flags.
const (
	openAccess   = 3
	openReadOnly = 0
)

func (e *events) file(raw []byte) error {
	r, rest, err := fixed[kernelFileRecord](raw)
	if err != nil || int64(r.PathLen) > int64(len(rest)) {
		return errRecord
	}
	name := path(rest[:r.PathLen], r.Flags&fileCut != 0)
	if ofSystem(name, &r) {
		return nil
	}
	action, typ := "open", "access"
	if r.OpenFlags&openAccess != openReadOnly {
		typ = "change"
		if r.Flags&fileCreates != 0 {
			action, typ = "create", "creation"
		} else if r.OpenFlags&openAccess == 1 { // only written: not read from, not new
			return nil
		}
	}
	p := e.table.seen(r.Pid, r.Start, 0, 0)
	p.opens(r.By)
	b, t := e.builder, e.fileText(r.Dev, r.Ino)
	b.Event(ecs.File, action, typ, e.wall(r.H.Time))
	e.subject(p)
	b.Keyword(ecs.FilePath, name)
	b.Keyword(ecs.FileName, filepath.Base(name))
	b.Keyword(ecs.FileDirectory, filepath.Dir(name))
	b.Keyword(ecs.FileExtension, strings.TrimPrefix(filepath.Ext(name), "."))
	b.Int(ecs.FileSize, int64(r.Size))
	b.Keyword(ecs.FileInode, t.inode)
	b.Keyword(ecs.FileDevice, t.device)
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

// unix tells of an ssh that connects to a control socket: then the ssh that
// listens there carries the bytes, wherever it hangs in the tree, and is followed.
func (e *events) unix(raw []byte) error {
	r, _, err := fixed[kernelUnixRecord](raw)
	if err != nil {
		return err
	}
	p := e.table.seen(r.Pid, r.Start, 0, 0)
	socket := text(raw[len(raw)-len(r.Path):])
	master := e.table.alive[r.Peer]
	if p.image.name != "ssh" || socket == "" || master == nil || master.image.name != "ssh" {
		return nil // the resolver's, an agent's
	}
	e.builder.Event(ecs.Network, "connection_attempted", "start", e.wall(r.H.Time))
	e.subject(p)
	e.builder.Keyword(ecs.ControlSocket, socket)
	tool := p.inherited()
	if e.kernel == nil || tool == "" {
		return nil
	}
	_ = e.kernel.follow(master.pid, master.start, stateInterest|stateNoInherit|stateSession, e.tools.named(tool)) // counted already, or gone
	master.served, master.control = tool, socket
	if !master.interest {
		master.late = true
	}
	return nil
}
