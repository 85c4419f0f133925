//go:build linux && (amd64 || arm64)

package ebpf

// Data leaves through a login service without any tool: it serves sftp from
// within itself, or a command's output is data. Its sessions are followed from the
// login on; one that sent enough bears the name of what it most likely does.
const (
	innerSFTP  = "internal-sftp" // the file service that sshd has within itself
	sshSession = "ssh session"   // what programs below it wrote, or a forwarded port

	enoughSent    = 1_000_000  // bytes out, beyond what a login and some commands take
	enoughWritten = 10_000_000 // the same where somebody has a terminal, and reads what is written
)

// turn notes the user that a login service has become for who logged in.
func (p *process) turn(uid uint32) {
	if isLogin(p.image.name) && p.image != unknown && uid != p.image.uid {
		p.became = uid + 1
	}
}

// opens notes who opens a file. A fork of a login service that executes nothing
// and opens files as a user serves sftp; what root's opens may be for the login itself.
func (p *process) opens(uid uint32) {
	p.turn(uid)
	if uid != 0 && isLogin(p.image.name) && p.parent != nil && p.image == p.parent.image {
		p.served, p.parent.inner = innerSFTP, p
	}
}

// sends names what a session does that has sent so much and has no tool.
func (p *process) sends(sent uint64) {
	if p.served != "" || !isLogin(p.image.name) || sent < enoughSent || p.terminal && sent < enoughWritten {
		return
	}
	p.served = sshSession
	if p.inner != nil {
		p.served = innerSFTP
	}
}

// reset forgets what p did as what it ran before, and tells the login services
// above it of a terminal.
func (p *process) reset() {
	p.became = 0
	if isLogin(p.image.name) {
		return
	}
	p.served = ""
	if p.parent != nil && p.parent.inner == p {
		p.parent.inner = nil
	}
	if p.image.tty == 0 {
		return
	}
	for a := p.parent; a != nil && isLogin(a.image.name); a = a.parent {
		a.terminal = true
	}
}
