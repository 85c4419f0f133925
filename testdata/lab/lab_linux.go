package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"interdict/testdata/part"
)

// Options say what a lab has.
type Options struct {
	Hosts     int  // web-1, db-3, ci-17, then host-4 and so on; 0: one
	Light     bool // no systemd: a shell and sshd. Faster, and enough where units and timers do not matter
	Container bool // the first host has a container behind a bridge, with port 8080 published to its port 80
}

// Lab is one that runs.
type Lab struct {
	Dir     string // of the machine: keys, known hosts, configuration
	Manager *Host  // the place of the person who responds: a network, with the machine's files
	Outside *Host  // where data goes: sshd, and files under /srv

	hosts []*Host
	root  *process // the first of all
	group string   // cgroup of all
}

var names = []string{"web-1", "db-3", "ci-17"}

// tools are what a lab is made with.
var tools = []string{"ip", "nsenter", "unshare", "setpriv", "mount", "pivot_root", "nft", "iptables", "ssh", "scp", "sshd", "sed"}

// Start makes a lab that ends with the test. Without root or the tools the test
// is skipped, or fails where INTERDICT_REQUIRE names lab.
func Start(t testing.TB, o Options) *Lab {
	t.Helper()
	if err := possible(o); err != nil {
		part.Missing(t, "lab", err)
	}
	l, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func possible(o Options) error {
	if os.Geteuid() != 0 {
		return errors.New("wants root")
	}
	for _, t := range tools {
		if _, err := exec.LookPath(t); err != nil {
			return err
		}
	}
	if _, err := cgroupRoot(); err != nil {
		return err
	}
	if o.Light {
		return nil
	}
	for _, f := range []string{"/lib/systemd/systemd", "/lib/systemd/system/ssh.service", "/lib/systemd/system/nftables.service"} {
		if _, err := os.Stat(f); err != nil {
			return err
		}
	}
	return nil
}

// cgroupRoot is where version 2 is mounted.
func cgroupRoot() (string, error) {
	for _, root := range []string{"/sys/fs/cgroup/unified", "/sys/fs/cgroup"} {
		if _, err := os.Stat(filepath.Join(root, "cgroup.procs")); err == nil {
			return root, nil
		}
	}
	return "", errors.New("no version 2 cgroup is mounted")
}

// MakeGroup makes a cgroup of version 2, by which what runs in it is told from the rest.
func MakeGroup(pattern string) (string, error) {
	root, err := cgroupRoot()
	if err != nil {
		return "", err
	}
	return os.MkdirTemp(root, pattern)
}

// New makes a lab without a test. Whoever makes it closes it.
func New(o Options) (*Lab, error) {
	l := &Lab{}
	if err := l.make(o); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Lab) make(o Options) (err error) {
	if l.Dir, err = os.MkdirTemp("", "interdict-lab-"); err != nil {
		return err
	}
	if l.group, err = MakeGroup("interdict-lab-"); err != nil {
		return err
	}
	for _, dir := range []string{filepath.Join(l.group, "waiting"), l.fs()} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	if l.root, err = start(exec.Command("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", rootScript, "sh", l.Dir, l.group)); err != nil {
		return err
	}
	l.Manager = l.host("manager", 2, bare)
	l.Outside = l.host("outside", 10, light)
	l.Outside.V4, l.Outside.V6 = "203.0.113.10", "2001:db8::10"
	for i := range max(o.Hosts, 1) {
		name, kind := fmt.Sprintf("host-%d", i+1), full
		if i < len(names) {
			name = names[i]
		}
		if o.Light {
			kind = light
		}
		l.hosts = append(l.hosts, l.host(name, 11+i, kind))
	}
	l.hosts[0].container = o.Container
	if err := l.seed(); err != nil {
		return err
	}
	return each(l.all(), (*Host).boot)
}

func (l *Lab) host(name string, number int, kind kind) *Host {
	return &Host{lab: l, name: name, number: number, kind: kind, V4: fmt.Sprintf("10.77.0.%d", number), V6: fmt.Sprintf("fd77::%d", number)}
}

// fs is what hosts change, in a file system that only they have.
func (l *Lab) fs() string { return filepath.Join(l.Dir, "fs") }

// all are every host, the manager's place and outside too.
func (l *Lab) all() []*Host { return append(slices.Clone(l.hosts), l.Manager, l.Outside) }

// each does something to hosts at once.
func each(hosts []*Host, do func(*Host) error) error {
	failed := make([]error, len(hosts))
	var wait sync.WaitGroup
	for i, h := range hosts {
		wait.Go(func() {
			if err := do(h); err != nil {
				failed[i] = fmt.Errorf("lab: %s: %w", h.name, err)
			}
		})
	}
	wait.Wait()
	return errors.Join(failed...)
}

// Hosts are those that can be acted on: not the manager's place, not outside.
func (l *Lab) Hosts() []*Host { return slices.Clone(l.hosts) }

// Host is one of them by its name.
func (l *Lab) Host(name string) *Host {
	for _, h := range l.all() {
		if h.name == name {
			return h
		}
	}
	panic("the lab has no host " + name)
}

// Cgroup holds every process of every host: what a sensor can be scoped to.
func (l *Lab) Cgroup() string { return l.group }

// Close ends everything and takes it away, as the end of the test program does.
func (l *Lab) Close() error {
	if l.root == nil {
		return errors.Join(os.RemoveAll(l.Dir), os.RemoveAll(l.group))
	}
	l.root.stdin.Close()
	<-l.root.ended
	for _, h := range l.all() {
		if h != nil && h.process != nil {
			<-h.ended
			h.commands.Close()
		}
	}
	if _, err := os.Stat(l.group); err == nil {
		return fmt.Errorf("processes remain in %s", l.group)
	}
	return nil
}
