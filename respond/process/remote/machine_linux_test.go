package remote_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"interdict/respond"
	"interdict/respond/local"
	"interdict/respond/process"
	"interdict/respond/process/remote"
)

// shell runs scripts on this machine with one of its shells.
type shell struct {
	*local.Host
	sh   []string
	path string
	said *bytes.Buffer // what scripts wrote
	max  int           // bytes that a script with command lines may write; 0: any number
}

func (s shell) Run(ctx context.Context, script respond.Script, data []byte) (respond.Output, error) {
	limit := script.Limit
	if limit == 0 {
		limit = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c := exec.CommandContext(ctx, s.sh[0], append(s.sh[1:], "-c", script.Text)...)
	c.Env = []string{"PATH=" + s.path, "LC_ALL=C"}
	c.Stdin = bytes.NewReader(data)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() == nil {
		err = nil
	}
	if s.said != nil {
		s.said.Write(out.Bytes())
	}
	if b := out.Bytes(); s.max > 0 && len(b) > s.max && !bytes.HasSuffix(data, []byte("\n0\n")) {
		return respond.Output{Stdout: b[:s.max], Cut: true}, err
	}
	return respond.Output{Status: c.ProcessState.ExitCode(), Stdout: out.Bytes(), Stderr: errs.Bytes()}, err
}

func (s shell) Fresh(context.Context) (respond.FreshShell, error) { return nil, respond.ErrUnsupported }
func (s shell) Manager() netip.AddrPort                           { return netip.AddrPort{} }

const usual = "/usr/sbin:/usr/bin:/sbin:/bin"

// each runs f with every shell that is here: with all tools, and without those
// that make a pidfd possible.
func each(t *testing.T, f func(t *testing.T, m remote.Machine)) {
	t.Helper()
	for name, sh := range map[string][]string{"dash": {"/usr/bin/dash"}, "bash": {"/bin/bash", "--posix"}, "busybox": {"/bin/busybox", "sh"}} {
		if _, err := os.Stat(sh[0]); err != nil {
			continue
		}
		t.Run(name, func(t *testing.T) { f(t, remote.New(shell{Host: local.New(), sh: sh, path: usual})) })
		t.Run(name+" without perl and python", func(t *testing.T) {
			f(t, remote.New(shell{Host: local.New(), sh: sh, path: without(t, name, "perl", "python3")}))
		})
	}
}

// without makes a PATH with the usual programs but for some; for busybox its own applets come first.
func without(t *testing.T, shell string, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, from := range strings.Split(usual, ":") {
		entries, err := os.ReadDir(from)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if !slices.Contains(names, e.Name()) {
				os.Symlink(filepath.Join(from, e.Name()), filepath.Join(dir, e.Name()))
			}
		}
	}
	if shell == "busybox" {
		for _, applet := range []string{"head", "ls", "grep", "xargs", "gzip", "readlink", "find", "awk", "sed", "cat", "sleep"} {
			os.Remove(filepath.Join(dir, applet))
			os.Symlink("/bin/busybox", filepath.Join(dir, applet))
		}
	}
	return dir
}

// start starts a program and ends it, by its pid, after the test.
func start(t *testing.T, name string, args ...string) (*exec.Cmd, respond.ProcessID) {
	t.Helper()
	c := exec.Command(name, args...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	for range 500 { // until it runs its own program
		table, err := local.New().Processes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if p := table.Number(c.Process.Pid); p != nil && len(p.Args) > 0 && p.Args[0] == name {
			p.ID.Inode = 0
			return c, p.ID
		}
		<-time.After(5 * time.Millisecond)
	}
	t.Fatal("it did not start")
	return nil, respond.ProcessID{}
}

func TestAHostThatRunsScriptsShowsTheSameProcesses(t *testing.T) {
	dir := t.TempDir()
	odd := filepath.Join(dir, "a name -> with\nline ends (deleted)")
	os.Mkdir(odd, 0o755)
	copied := filepath.Join(dir, "sleeper")
	b, err := os.ReadFile("/usr/bin/sleep")
	if err != nil {
		t.Skip(err)
	}
	os.WriteFile(copied, b, 0o755)
	c, gone := start(t, copied, "60")
	_ = c
	os.Remove(copied)
	_, odds := start(t, "/bin/sh", "-c", "cd '"+odd+"'; sleep 60; :", "\x01\n==> /proc/1/stat <==\n1 (x) S 0 0 0", "")
	each(t, func(t *testing.T, m remote.Machine) {
		theirs, err := m.Processes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ours, err := local.New().Processes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if theirs.Len() < ours.Len()/2 {
			t.Errorf("%d processes, %d here", theirs.Len(), ours.Len())
		}
		for _, id := range []respond.ProcessID{gone, odds, {PID: 1, Start: ours.Number(1).ID.Start}, {PID: os.Getpid(), Start: ours.Number(os.Getpid()).ID.Start}} {
			p, q := theirs.Find(id), ours.Find(id)
			if p == nil || q == nil {
				t.Fatalf("%s: %v, %v here", id, p, q)
			}
			same := p.PPID == q.PPID && p.Name == q.Name && p.UID == q.UID && p.Session == q.Session && p.TTY == q.TTY && p.Cgroup == q.Cgroup &&
				p.Service == q.Service && p.Inner == q.Inner && p.Kernel == q.Kernel && p.Deleted == q.Deleted && p.ID.BootID == q.ID.BootID && p.Exe == q.Exe
			if !same || !slices.Equal(p.Args, q.Args) && len(q.Args) < 20 || id.PID != odds.PID && p.Dir != q.Dir {
				t.Errorf("\n%+v\n%+v here", *p, *q)
			}
		}
		if p := theirs.Find(gone); !p.Deleted || p.Exe != copied {
			t.Errorf("%+v", p)
		}
		if k := theirs.Number(2); k != nil && ours.Number(2).Kernel != k.Kernel {
			t.Errorf("%+v", k)
		}
	})
}

func TestASignalReachesTheProcessThatIsMeantAndNoOther(t *testing.T) {
	each(t, func(t *testing.T, m remote.Machine) {
		c, id := start(t, "/usr/bin/sleep", "60")
		other := id
		other.Start += respond.Tick
		elsewhere := id
		elsewhere.BootID = "00000000-0000-0000-0000-000000000000"
		for _, sig := range []process.Signal{process.Look, process.Stop, process.Cont, process.Kill} {
			for _, wrong := range []respond.ProcessID{other, elsewhere} {
				out, err := m.Signal(t.Context(), sig, wrong)
				if err != nil || len(out) != 1 || !out[0].Gone || out[0].Sent {
					t.Fatalf("%v: %+v %v", sig, out, err)
				}
			}
		}
		state := func() byte {
			table, err := local.New().Processes(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return table.Number(id.PID).State
		}
		if s := state(); s != 'S' {
			t.Fatalf("signals to others left it in state %c", s)
		}
		never := respond.ProcessID{PID: 1 << 22, Start: 5}
		for _, step := range []struct {
			sig  process.Signal
			want byte
		}{{process.Look, 'S'}, {process.Stop, 'T'}, {process.Cont, 'S'}, {process.Stop, 'T'}} {
			out, err := m.Signal(t.Context(), step.sig, id, never)
			if err != nil || len(out) != 2 || !out[0].Sent || !out[1].Gone {
				t.Fatalf("%v: %+v %v", step.sig, out, err)
			}
			for range 200 {
				if state() == step.want {
					break
				}
				<-time.After(5 * time.Millisecond)
			}
			if s := state(); s != step.want {
				t.Errorf("after %d it is in state %c", step.sig, s)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if left, err := m.Await(ctx, id, never); err != nil || len(left) != 1 || left[0] != id {
			t.Errorf("left %v, %v", left, err)
		}
		if out, err := m.Signal(t.Context(), process.Kill, id); err != nil || !out[0].Sent {
			t.Fatalf("%+v %v", out, err)
		}
		if left, err := m.Await(t.Context(), id); err != nil || len(left) != 0 {
			t.Errorf("left %v, %v", left, err)
		}
		c.Wait()
		if out, err := m.Signal(t.Context(), process.Kill, id); err != nil || !out[0].Gone {
			t.Errorf("%+v %v", out, err)
		}
	})
}

func TestAPidfdIsUsedWhereTheHostHasOneToGive(t *testing.T) {
	_, id := start(t, "/usr/bin/sleep", "60")
	for want, missing := range map[string][]string{"by perl\n": nil, "by python3\n": {"perl"}, "by sh\n": {"perl", "python3"}} {
		var said bytes.Buffer
		path := without(t, "", missing...)
		if _, err := exec.LookPath("/usr/bin/python3"); err != nil && want == "by python3\n" {
			continue
		}
		m := remote.New(shell{Host: local.New(), sh: []string{"/bin/sh"}, path: path, said: &said})
		out, err := m.Signal(t.Context(), process.Look, id)
		if err != nil || !out[0].Sent || !strings.HasPrefix(said.String(), want) {
			t.Errorf("%q: %+v %v: %s", want, out, err, said.String())
		}
	}
}

func TestCommandLinesThatAreTooMuchDoNotHideTheProcesses(t *testing.T) {
	m := remote.New(shell{Host: local.New(), sh: []string{"/bin/sh"}, path: usual, max: 2000})
	table, err := m.Processes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if p := table.Number(os.Getpid()); p == nil || p.Exe == "" || p.Args != nil {
		t.Errorf("%+v", p)
	}
}

func TestFactsTellOfConnectionsAndWhatIsQueued(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ours, err := local.New().Processes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	me := ours.Number(os.Getpid()).ID
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	c.SetWriteDeadline(time.Now().Add(500 * time.Millisecond)) // until its queue is full
	for {
		if _, err := c.Write(make([]byte, 1<<20)); err != nil {
			break
		}
	}
	each(t, func(t *testing.T, m remote.Machine) {
		facts, err := m.Facts(t.Context(), me)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(facts.Sockets, func(s process.Socket) bool { return s.Local.String() == c.LocalAddr().String() })
		if i < 0 || facts.Sockets[i].Queued == 0 || facts.Sockets[i].Remote.String() != l.Addr().String() || facts.Sockets[i].Process != me {
			t.Errorf("%+v", facts)
		}
	})
}

func TestACgroupIsFrozenAndThawed(t *testing.T) {
	root := ""
	for _, dir := range []string{"/sys/fs/cgroup/unified", "/sys/fs/cgroup"} {
		if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err == nil && root == "" {
			root = dir
		}
	}
	dir, err := os.MkdirTemp(root, "interdict-test-")
	if root == "" || err != nil {
		t.Skip("no cgroup of version 2 that can be made: ", err)
	}
	t.Cleanup(func() {
		for range 100 {
			if os.Remove(dir) == nil {
				return
			}
			<-time.After(10 * time.Millisecond)
		}
	})
	c, id := start(t, "/usr/bin/sleep", "60")
	if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(id.String()[:strings.Index(id.String(), "@")]), 0); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	name := strings.TrimPrefix(dir, root)
	each(t, func(t *testing.T, m remote.Machine) {
		for _, frozen := range []bool{true, false} {
			if err := m.SetFrozen(t.Context(), name, frozen); err != nil {
				t.Fatal(err)
			}
			got, err := m.Cgroup(t.Context(), name)
			if err != nil || got.Frozen != frozen || !got.Freezable || !slices.Equal(got.Processes, []int{id.PID}) {
				t.Errorf("%+v %v", got, err)
			}
		}
		if got, err := m.Cgroup(t.Context(), name+"/none"); err != nil || got.Freezable {
			t.Errorf("%+v %v", got, err)
		}
		if err := m.SetFrozen(t.Context(), name+"/none", false); err != nil {
			t.Errorf("a cgroup that is gone needs no thaw: %v", err)
		}
		if err := m.SetFrozen(t.Context(), name+"/none", true); err == nil {
			t.Error("a cgroup that is not there was frozen")
		}
	})
}

// perl waits with a socket: as a server at the path, or as a client of it.
func perl(t *testing.T, path, what string) respond.ProcessID {
	t.Helper()
	if _, err := os.Stat("/usr/bin/perl"); err != nil {
		t.Skip(err)
	}
	ready := path + "." + what
	text := map[string]string{
		"server": `my $s = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 5) or die; open(my $f, ">", $ARGV[1]); my @c; push @c, $s->accept while 1;`,
		"client": `my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die; open(my $f, ">", $ARGV[1]); sleep 100;`,
	}[what]
	os.Remove(ready)
	_, id := start(t, "/usr/bin/perl", "-MIO::Socket::UNIX", "-e", text, path, ready)
	for range 500 {
		if _, err := os.Stat(ready); err == nil {
			return id
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Fatal("perl did not get its socket")
	return id
}

func TestAProgramOutsideThatCarriesTheConnectionIsNamedWithWhoElseUsesIt(t *testing.T) {
	if _, err := exec.LookPath("ss"); err != nil {
		t.Skip(err)
	}
	path := filepath.Join(t.TempDir(), "control socket")
	server, client := perl(t, path, "server"), perl(t, path, "client")
	m := remote.New(shell{Host: local.New(), sh: []string{"/bin/sh"}, path: usual})
	master := func(others ...respond.ProcessID) {
		t.Helper()
		facts, err := m.Facts(t.Context(), client)
		if err != nil || len(facts.Masters) != 1 {
			t.Fatalf("%+v %v", facts, err)
		}
		got := facts.Masters[0]
		same := got.ID.Same(server) && got.Client.Same(client) && got.Path == path && !got.Unsure && len(got.Others) == len(others)
		for i := range others {
			same = same && got.Others[i].Same(others[i])
		}
		if !same {
			t.Errorf("%+v", got)
		}
	}
	master()
	master(perl(t, path, "client"))
}
