package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kevinburke/ssh_config"

	"interdict/respond"
)

// Config is the user's and the system's ssh configuration. Only how hosts are
// reached is taken from it: checks of host keys are never turned off by it.
type Config struct {
	files  []string // the user's first
	named  bool     // they were asked for, instead of the usual ones
	parsed []*ssh_config.Config
	asks   bool // the parser does not know all that is in them: ssh itself is asked
	home   string
	user   string
	env    func(string) string
}

// ReadConfig reads the files; those that do not exist say nothing. Without files
// it reads ~/.ssh/config and /etc/ssh/ssh_config.
func ReadConfig(env func(string) string, files ...string) (*Config, error) {
	c := &Config{files: files, named: len(files) > 0, home: env("HOME"), user: env("USER"), env: env}
	if u, err := user.Current(); err == nil {
		c.user = u.Username
		if c.home == "" {
			c.home = u.HomeDir
		}
	}
	if len(files) == 0 {
		c.files = []string{filepath.Join(c.home, ".ssh", "config"), "/etc/ssh/ssh_config"}
	}
	for i, f := range c.files {
		c.files[i] = c.tilde(f)
		b, err := os.ReadFile(c.files[i])
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("ssh configuration: %w", err)
		}
		parsed, err := ssh_config.DecodeBytes(b)
		if err != nil {
			c.asks = true
			continue
		}
		c.parsed = append(c.parsed, parsed)
	}
	return c, nil
}

// Names are the hosts that the files name without a wildcard, in order.
func (c *Config) Names() []respond.HostEntry {
	var entries []respond.HostEntry
	seen := map[string]bool{}
	for _, f := range c.files {
		c.scan(f, 0, func(name string) {
			if !seen[name] {
				seen[name] = true
				entries = append(entries, respond.HostEntry{Name: name, Source: f})
			}
		})
	}
	return entries
}

const includeDepth = 8

// scan reads Host lines, also those of included files.
func (c *Config) scan(path string, depth int, each func(name string)) {
	b, err := os.ReadFile(path)
	if err != nil || depth > includeDepth {
		return
	}
	for l := range strings.Lines(string(b)) {
		key, rest, _ := strings.Cut(strings.TrimSpace(strings.Replace(l, "=", " ", 1)), " ")
		words := strings.Fields(strings.ReplaceAll(rest, `"`, " "))
		switch strings.ToLower(key) {
		case "host":
			for _, name := range words {
				if !strings.ContainsAny(name, "*?!%#") && !strings.HasPrefix(name, "-") && name != respond.Local {
					each(name)
				}
			}
		case "include":
			for _, pattern := range words {
				pattern = c.tilde(pattern)
				if !filepath.IsAbs(pattern) {
					pattern = filepath.Join(c.home, ".ssh", pattern)
				}
				found, _ := filepath.Glob(pattern) // a pattern that is none finds nothing
				for _, f := range found {
					c.scan(f, depth+1, each)
				}
			}
		}
	}
}

func (c *Config) tilde(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		return filepath.Join(c.home, rest)
	}
	return path
}

// settings are what the files say for one host.
type settings struct {
	config *Config
	alias  string
	asked  map[string][]string // what ssh itself said; nil: it was not asked
}

func (c *Config) settings(ctx context.Context, alias string) (settings, error) {
	s := settings{config: c, alias: alias}
	if !c.asks {
		return s, nil
	}
	args := []string{"-G"}
	if c.named {
		args = append(args, "-F", c.files[0])
	}
	limited, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var errs bytes.Buffer
	cmd := exec.CommandContext(limited, "ssh", append(args, "--", alias)...)
	cmd.Stderr = &errs
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return s, fmt.Errorf("ssh configuration for %s: `ssh -G`: %w: %s", alias, err, line(errs.Bytes()))
	}
	s.asked = map[string][]string{}
	for l := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimSpace(l), " ")
		s.asked[key] = append(s.asked[key], value)
	}
	return s, nil
}

// all gives every value of a key, the one that counts first.
func (s settings) all(key string) ([]string, error) {
	if s.asked != nil {
		return s.asked[strings.ToLower(key)], nil
	}
	var values []string
	for _, parsed := range s.config.parsed {
		v, err := parsed.GetAll(s.alias, key)
		if err != nil {
			return nil, fmt.Errorf("ssh configuration for %s: %w", s.alias, err)
		}
		values = append(values, v...)
	}
	return values, nil
}

func (s settings) one(key string) (string, error) {
	values, err := s.all(key)
	if len(values) == 0 {
		return "", err
	}
	return strings.Trim(values[0], `"`), err
}

// Target resolves an entry: what it leaves open comes from the files.
func (c *Config) Target(ctx context.Context, e respond.HostEntry) (Target, error) {
	return c.target(ctx, e, 0)
}

const jumpDepth = 4

func (c *Config) target(ctx context.Context, e respond.HostEntry, depth int) (Target, error) {
	if depth > jumpDepth {
		return Target{}, fmt.Errorf("host %s: its jump hosts lead in a circle", e.Name)
	}
	s, err := c.settings(ctx, e.Name)
	if err != nil {
		return Target{}, err
	}
	r := reader{settings: s}
	t := Target{Name: e.Name, Address: e.Address, Port: e.Port, User: e.User}
	if t.Address == "" {
		t.Address = strings.NewReplacer("%h", e.Name, "%n", e.Name, "%%", "%").Replace(r.or("HostName", e.Name))
	}
	if t.Port == 0 {
		if t.Port, err = strconv.Atoi(r.or("Port", "22")); err != nil || t.Port < 1 || t.Port > 65535 {
			return Target{}, fmt.Errorf("ssh configuration for %s: %q is no port", e.Name, r.or("Port", ""))
		}
	}
	if t.User == "" {
		t.User = r.or("User", c.user)
	}
	t.KnownAs = r.or("HostKeyAlias", "")
	r.keys(&t, e.Keys)
	r.knownHosts(&t)
	if err := r.jumps(ctx, &t, e.Jump, depth); err != nil {
		return Target{}, err
	}
	return t, r.err
}

// reader keeps the first error, so that settings can be read one after the other.
type reader struct {
	settings
	err error
}

func (r *reader) or(key, otherwise string) string {
	v, err := r.one(key)
	if err != nil && r.err == nil {
		r.err = err
	}
	if v == "" {
		return otherwise
	}
	return v
}

func (r *reader) paths(t *Target, key string) []string {
	values, err := r.all(key)
	if err != nil && r.err == nil {
		r.err = err
	}
	var paths []string
	for _, v := range values {
		if v = strings.Trim(v, `"`); v != "none" && v != "" {
			paths = append(paths, r.expand(t, v))
		}
	}
	return paths
}

// expand replaces what OpenSSH replaces in names of files.
func (r *reader) expand(t *Target, path string) string {
	c := r.config
	for _, name := range []string{"HOME", "USER", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK"} {
		path = strings.ReplaceAll(path, "${"+name+"}", c.env(name))
	}
	return c.tilde(strings.NewReplacer("%d", c.home, "%u", c.user, "%h", t.Address, "%n", t.Name, "%r", t.User, "%p", strconv.Itoa(t.port()), "%%", "%").Replace(path))
}

func (r *reader) keys(t *Target, named []string) {
	for _, k := range named {
		t.Keys = append(t.Keys, r.expand(t, k))
	}
	t.Keys = append(t.Keys, r.paths(t, "IdentityFile")...)
	if len(t.Keys) == 0 {
		for _, k := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
			t.Keys = append(t.Keys, filepath.Join(r.config.home, ".ssh", k))
		}
	}
	t.Certificates = r.paths(t, "CertificateFile")
	t.KeysOnly = strings.EqualFold(r.or("IdentitiesOnly", "no"), "yes")
	switch a := r.or("IdentityAgent", "SSH_AUTH_SOCK"); {
	case a == "none":
	case a == "SSH_AUTH_SOCK":
		t.Agent = r.config.env("SSH_AUTH_SOCK")
	case strings.HasPrefix(a, "$") && !strings.HasPrefix(a, "${"):
		t.Agent = r.config.env(a[1:])
	default:
		t.Agent = r.expand(t, a)
	}
}

func (r *reader) knownHosts(t *Target) {
	for key, otherwise := range map[string]string{
		"UserKnownHostsFile":   "~/.ssh/known_hosts ~/.ssh/known_hosts2",
		"GlobalKnownHostsFile": "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2",
	} {
		var files []string
		for _, f := range strings.Fields(r.or(key, otherwise)) {
			if f != "none" {
				files = append(files, r.expand(t, f))
			}
		}
		if key == "UserKnownHostsFile" { // first: a new key goes there
			t.KnownHosts = append(files, t.KnownHosts...)
		} else {
			t.KnownHosts = append(t.KnownHosts, files...)
		}
	}
}

func (r *reader) jumps(ctx context.Context, t *Target, named []string, depth int) error {
	if len(named) == 0 {
		if jump := r.or("ProxyJump", "none"); !strings.EqualFold(jump, "none") {
			named = strings.Split(jump, ",")
		} else if command := r.or("ProxyCommand", "none"); !strings.EqualFold(command, "none") {
			return fmt.Errorf("ssh configuration for %s: ProxyCommand is not run; use ProxyJump", t.Name)
		}
	}
	for i, text := range named {
		e, err := parseJump(text)
		if err != nil {
			return fmt.Errorf("host %s: %w", t.Name, err)
		}
		j, err := r.config.target(ctx, e, depth+1)
		if err != nil {
			return err
		}
		if i == 0 { // how the first one is reached is its own business; the others are reached from the one before
			t.Jumps = append(t.Jumps, j.Jumps...)
		}
		j.Jumps = nil
		t.Jumps = append(t.Jumps, j)
	}
	return nil
}

// parseJump reads [ssh://][user@]host[:port].
func parseJump(text string) (respond.HostEntry, error) {
	rest := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(text), "ssh://"), "/")
	var e respond.HostEntry
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		e.User, rest = rest[:at], rest[at+1:]
	}
	e.Name = strings.Trim(rest, "[]")
	if at := strings.LastIndex(rest, ":"); at >= 0 && (strings.Count(rest, ":") == 1 || rest[at-1] == ']') {
		port, err := strconv.Atoi(rest[at+1:])
		if err != nil || port < 1 || port > 65535 {
			return e, fmt.Errorf("jump host %q: no port", text)
		}
		e.Port, e.Name = port, strings.Trim(rest[:at], "[]")
	}
	if e.Name == "" || strings.HasPrefix(e.Name, "-") || slices.Contains([]string{" ", "\t"}, e.Name) {
		return e, fmt.Errorf("jump host %q: no host", text)
	}
	return e, nil
}
