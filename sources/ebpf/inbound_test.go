//go:build linux && (amd64 || arm64)

package ebpf

import (
	"net/netip"
	"testing"
)

func TestAToolThatIsCalledSSHDIsNotTakenForALoginService(t *testing.T) {
	out := ends{local: netip.MustParseAddrPort("10.0.0.2:51234"), remote: netip.MustParseAddrPort("203.0.113.9:443"), proto: tcp}
	thief := &process{late: true, image: &image{name: "sshd", tool: "curl"}}
	if thief.inbound(out) {
		t.Error("what it sends is shown as fetched from outside")
	}
	service := &process{late: true, served: "sftp-server", image: &image{name: "sshd-session"}}
	if !service.inbound(out) {
		t.Error("a login service is not seen as one")
	}
}
