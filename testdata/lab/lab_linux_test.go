package lab

import (
	"strings"
	"testing"
)

func must(t *testing.T) func(string, error) string {
	return func(out string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

func TestHostsAreHostsOfTheirOwn(t *testing.T) {
	l := Start(t, Options{Hosts: 2})
	seen := map[string]string{}
	for _, h := range l.Hosts() {
		out := must(t)(h.Sh("cat /proc/1/comm /etc/machine-id /proc/sys/kernel/random/boot_id /etc/hostname; sha256sum /etc/ssh/ssh_host_ed25519_key; systemctl is-active ssh nftables; nft list tables; systemctl --failed --no-legend"))
		if !strings.HasPrefix(out, "systemd\n") || !strings.Contains(out, "active\nactive\ntable inet site\n") || !strings.HasSuffix(out, "site\n") {
			t.Error(out)
		}
		for _, id := range strings.Split(out, "\n")[1:5] {
			if seen[id] != "" {
				t.Errorf("%s and %s share %s", seen[id], h.Name(), id)
			}
			seen[id] = h.Name()
		}
	}
}

func TestACableIsCutAndAHostStartsAgainWithItsFilesAndWithoutItsRules(t *testing.T) {
	l := Start(t, Options{Container: true})
	h := l.Host("web-1")
	login := func(to string) string {
		t.Helper()
		return must(t)(l.Manager.Sh("ssh -o ConnectTimeout=2 -F " + l.SSHConfig() + " " + to + " hostname"))
	}
	for _, restart := range []func() error{h.Reboot, h.PowerCycle} {
		if out := login("web-1") + login("web-1-v6"); out != "web-1\nweb-1\n" {
			t.Fatal(out)
		}
		must(t)(h.Sh("echo secret >/srv/secret; scp -q /srv/secret outside:/srv/; nft add table inet late; touch /tmp/gone"))
		server, err := h.Container().Listen("tcp", ":80")
		if err != nil {
			t.Fatal(err)
		}
		if c, err := l.Outside.Network().Dial("tcp", h.V4+":8080"); err != nil {
			t.Error("the published port:", err)
		} else {
			c.Close()
		}
		server.Close()
		if err := h.Cut(); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Manager.Network().Dial("tcp", h.V4+":22"); err == nil {
			t.Error("a cut cable carries")
		}
		if err := h.Restore(); err != nil {
			t.Fatal(err)
		}
		before := must(t)(h.Sh("cat /proc/sys/kernel/random/boot_id /etc/machine-id"))
		if err := restart(); err != nil {
			t.Fatal(err)
		}
		after := must(t)(h.Sh("cat /proc/sys/kernel/random/boot_id /etc/machine-id; cat /srv/secret; ls /tmp; nft list tables"))
		if strings.Split(after, "\n")[0] == strings.Split(before, "\n")[0] || !strings.Contains(after, strings.Split(before, "\n")[1]+"\nsecret\ntable inet site\n") || strings.Contains(after, "late") {
			t.Errorf("before %safter %s", before, after)
		}
	}
}
