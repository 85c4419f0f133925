package ssh

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"interdict/respond"
)

// configured reads a configuration of the user's own in a home of its own.
func configured(t *testing.T, text string) *Config {
	t.Helper()
	home := t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, ".ssh", "config.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	text = strings.ReplaceAll(text, "HOME", home)
	if err := os.WriteFile(filepath.Join(home, ".ssh", "config"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(home, ".ssh", "config.d", "more"), []byte("Host included\n  Port 2022\n"), 0o600)
	env := map[string]string{"HOME": home, "SSH_AUTH_SOCK": "/run/agent"}
	c, err := ReadConfig(func(k string) string { return env[k] }, filepath.Join(home, ".ssh", "config"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const usualConfig = `
Include HOME/.ssh/config.d/*
Host web-1 www
  HostName %h.example.org
  User ops
  Port 2222
  IdentityFile ~/.ssh/ops_%r
  CertificateFile ~/.ssh/ops-cert.pub
  IdentitiesOnly yes
  HostKeyAlias web
  UserKnownHostsFile ~/.ssh/known_web ~/.ssh/known_hosts
  StrictHostKeyChecking no
  ProxyJump ana@bastion:2200,inner
Host bastion
  HostName 192.0.2.1
  ProxyJump outer
Host *.lab !x.lab
  User lab
Host strange
  ProxyCommand nc %h %p
Host none
  ProxyJump none
  IdentityAgent none
Host a
  ProxyJump b
Host b
  ProxyJump a
`

func target(t *testing.T, c *Config, e respond.HostEntry) Target {
	t.Helper()
	got, err := c.Target(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestHostsAreReachedAsTheUsersSSHConfigurationSays(t *testing.T) {
	c := configured(t, usualConfig)
	var names []string
	for _, e := range c.Names() {
		names = append(names, e.Name)
	}
	if want := []string{"included", "web-1", "www", "bastion", "strange", "none", "a", "b"}; !slices.Equal(names, want) {
		t.Errorf("%q", names)
	}
	web := target(t, c, respond.HostEntry{Name: "web-1"})
	ssh := filepath.Join(c.home, ".ssh")
	if web.dial() != "web-1.example.org:2222" || web.User != "ops" || web.known() != "web:22" || !web.KeysOnly || web.Agent != "/run/agent" ||
		!slices.Equal(web.Keys, []string{ssh + "/ops_ops"}) || !slices.Equal(web.Certificates, []string{ssh + "/ops-cert.pub"}) ||
		!slices.Equal(web.KnownHosts[:2], []string{ssh + "/known_web", ssh + "/known_hosts"}) || len(web.KnownHosts) != 4 {
		t.Errorf("%+v", web)
	}
	var jumps []string
	for _, j := range web.Jumps {
		jumps = append(jumps, j.User+"@"+j.dial())
	}
	if got := strings.Join(jumps, " "); got != c.user+"@outer:22 ana@192.0.2.1:2200 "+c.user+"@inner:22" {
		t.Errorf("%s", got)
	}
	if none := target(t, c, respond.HostEntry{Name: "none"}); len(none.Jumps) > 0 || none.Agent != "" || !slices.Contains(none.Keys, ssh+"/id_ed25519") {
		t.Errorf("%+v", none)
	}
	if x := target(t, c, respond.HostEntry{Name: "included"}); x.Port != 2022 {
		t.Errorf("%+v", x)
	}
	if x := target(t, c, respond.HostEntry{Name: "y.lab", Address: "10.0.0.7", Port: 22022, Jump: []string{"[fd77::1]:2200"}}); x.User != "lab" || x.dial() != "10.0.0.7:22022" || x.Jumps[0].dial() != "[fd77::1]:2200" {
		t.Errorf("%+v", x)
	}
	for _, name := range []string{"strange", "a"} {
		if x, err := c.Target(t.Context(), respond.HostEntry{Name: name}); err == nil {
			t.Errorf("%+v", x)
		}
	}
}

func TestWhatTheParserDoesNotKnowSSHIsAsked(t *testing.T) {
	if _, err := exec.LookPath("ssh"); err != nil {
		t.Skip(err)
	}
	c := configured(t, "Match exec \"true\"\n  User found\nHost web-1\n  HostName 192.0.2.7\n  IdentityFile HOME/.ssh/special\n")
	if !c.asks {
		t.Fatal("the parser knows it by now: choose something else")
	}
	web := target(t, c, respond.HostEntry{Name: "web-1"})
	if web.User != "found" || web.dial() != "192.0.2.7:22" || !slices.Contains(web.Keys, filepath.Join(c.home, ".ssh", "special")) || len(web.Jumps) > 0 {
		t.Errorf("%+v", web)
	}
	if names := c.Names(); len(names) != 1 || names[0].Name != "web-1" {
		t.Errorf("%+v", names)
	}
}
