package lab

import (
	"crypto/ed25519"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
)

// A host's own firewall, as many have one: it lets everything pass and counts.
const nftablesConf = `#!/usr/sbin/nft -f
flush ruleset
table inet site {
	set bad {
		type ipv4_addr
		elements = { 198.51.100.7 }
	}
	chain input {
		type filter hook input priority filter; policy accept;
		ip saddr @bad drop
	}
}
`

const sshdConfig = `Port 22
HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile /etc/ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
UseDNS no
PrintMotd no
PidFile none
MaxStartups 100
Subsystem sftp /usr/lib/openssh/sftp-server
`

// What ssh and scp on a host use: it may log in to every other.
const clientConfig = `Host *
  IdentityFile /etc/ssh/lab_key
  IdentitiesOnly yes
  BatchMode yes
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
  ConnectTimeout 5
`

// seed writes what each host has before its first boot, and for the manager's
// place keys, known hosts, an SSH configuration and an inventory.
func (l *Lab) seed() error {
	private, public, err := newKey()
	if err != nil {
		return err
	}
	var known, sshConfig, config strings.Builder
	hosts := "127.0.0.1 localhost\n::1 localhost\n10.77.0.2 manager\n"
	for _, h := range l.all() {
		hosts += h.V4 + " " + h.name + "\n" + h.V6 + " " + h.name + "\n"
	}
	fmt.Fprintf(&config, "[inventory]\nssh_config = [%q]\n", l.SSHConfig())
	for _, h := range l.all() {
		if h.kind == bare {
			continue
		}
		hostKey, hostPublic, err := newKey()
		if err != nil {
			return err
		}
		if err := l.write(h, map[string]string{"ssh/sshd_config": sshdConfig, "ssh/ssh_config": clientConfig, "ssh/ssh_host_ed25519_key": hostKey,
			"ssh/lab_key": private, "ssh/authorized_keys": public, "hosts": hosts, "nftables.conf": nftablesConf}); err != nil {
			return err
		}
		fmt.Fprintf(&known, "%s,%s,%s %s", h.name, h.V4, h.V6, hostPublic)
		for alias, address := range map[string]string{h.name: h.V4, h.name + "-v6": h.V6} {
			fmt.Fprintf(&sshConfig, "Host %s\n  HostName %s\n  HostKeyAlias %s\n", alias, address, h.name)
		}
		fmt.Fprintf(&config, "[[host]]\nname = %q\naddress = %q\nenvironment = \"staging\"\n", h.name, h.V4)
	}
	fmt.Fprintf(&sshConfig, "Host *\n  User root\n  IdentityFile %s\n  IdentitiesOnly yes\n  UserKnownHostsFile %s\n  GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n  BatchMode yes\n  LogLevel ERROR\n",
		filepath.Join(l.Dir, "key"), filepath.Join(l.Dir, "known_hosts"))
	for name, text := range map[string]string{"key": private, "known_hosts": known.String(), "ssh_config": sshConfig.String(), "config.toml": config.String()} {
		if err := os.WriteFile(filepath.Join(l.Dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// write puts files of a host where its first process finds them.
func (l *Lab) write(h *Host, files map[string]string) error {
	dir := filepath.Join("/proc", fmt.Sprint(l.root.pid), "root", l.fs(), h.name)
	if err := os.MkdirAll(filepath.Join(dir, "ssh"), 0o755); err != nil {
		return err
	}
	for name, text := range files {
		mode := os.FileMode(0o644)
		if strings.HasSuffix(name, "_key") {
			mode = 0o600
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			return err
		}
	}
	return nil
}

// newKey is a key pair as ssh wants it in files.
func newKey() (private, public string, err error) {
	pub, priv, err := ed25519.GenerateKey(nil)
	if err != nil {
		return "", "", err
	}
	block, err := ssh.MarshalPrivateKey(priv, "lab")
	if err != nil {
		return "", "", err
	}
	key, err := ssh.NewPublicKey(pub)
	if err != nil {
		return "", "", err
	}
	return string(pem.EncodeToMemory(block)), string(ssh.MarshalAuthorizedKey(key)), nil
}

// Config is a configuration of interdict that lists the hosts; SSHConfig one of
// OpenSSH, in which web-1-v6 is web-1 by its IPv6 address.
func (l *Lab) Config() string    { return filepath.Join(l.Dir, "config.toml") }
func (l *Lab) SSHConfig() string { return filepath.Join(l.Dir, "ssh_config") }
