package local

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"interdict/respond"
	"interdict/respond/process"
	"interdict/respond/process/procfs"
)

func hashOf(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func TestAScriptInASharedPlaceIsToldFromAPackagedProgram(t *testing.T) {
	file := scriptFile(t, "exit\n")
	o, err := New().Origin(t.Context(), file, respond.ProcessID{})
	if err != nil || o.Package != "" || o.SHA256 != hashOf(t, file) || o.Deleted {
		t.Errorf("%+v, %v", o, err)
	}
	if !strings.Contains(o.Writable, "/dev/shm is open to everybody") || o.Mode.Perm() != 0o755 || time.Since(o.Changed) > time.Hour || o.UID != os.Getuid() {
		t.Errorf("%+v", o)
	}
	if _, err := os.Stat("/var/lib/dpkg/info"); err != nil {
		t.Skip("not a machine with dpkg")
	}
	o, err = New().Origin(t.Context(), "/usr/bin/dpkg", respond.ProcessID{})
	if err != nil || o.Package != "dpkg" || o.Writable != "" || !slices.Contains(o.PackageAsked, "dpkg") || o.SHA256 == "" {
		t.Errorf("%+v, %v", o, err)
	}
}

// copied runs a copy of sleep under a name of the caller's.
func copied(t *testing.T, name string) (*exec.Cmd, string) {
	t.Helper()
	path := filepath.Join(filepath.Dir(scriptFile(t, "")), name)
	real, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip(err)
	}
	b, err := os.ReadFile(real)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o755); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(path, "1007")
	begin(t, c)
	return c, path
}

func TestADeletedExecutableIsHashedThroughItsProcess(t *testing.T) {
	c, path := copied(t, "tool")
	sum := hashOf(t, path)
	id := identity(t, c.Process.Pid)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	boot, _ := bootID()
	p, err := find(id, boot)
	if err != nil || !p.Deleted || p.Replaced || p.Exe != path {
		t.Fatalf("%+v, %v", p, err)
	}
	o, err := New().Origin(t.Context(), path, id)
	if err != nil || !o.Deleted || o.SHA256 != sum {
		t.Errorf("%+v, %v", o, err)
	}
	if err := os.WriteFile(path, []byte("another"), 0o755); err != nil {
		t.Fatal(err)
	}
	if o, err = New().Origin(t.Context(), path, id); err != nil || !o.Replaced || o.SHA256 != sum {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestANameThatEndsLikeADeletedOneIsNoDeletedOne(t *testing.T) {
	c, path := copied(t, "tool (deleted)")
	boot, _ := bootID()
	p, err := find(identity(t, c.Process.Pid), boot)
	if err != nil || p.Deleted || p.Exe != path {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestANameFullOfParenthesesIsReadWhole(t *testing.T) {
	c, _ := copied(t, "x) R 1 (1")
	boot, _ := bootID()
	p, err := find(identity(t, c.Process.Pid), boot)
	if err != nil || p.Name != "x) R 1 (1" || p.PPID != os.Getpid() || p.Session != c.Process.Pid {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestADeletedScriptIsReadThroughItsInterpreter(t *testing.T) {
	file := scriptFile(t, "sleep 1008\n:\n")
	sum := hashOf(t, file)
	c := exec.Command(file)
	begin(t, c)
	sleeper(t, c.Process.Pid, "1008")
	id := identity(t, c.Process.Pid)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	o, err := New().Origin(t.Context(), file, id)
	if err != nil || !o.Deleted || o.SHA256 != sum {
		t.Errorf("%+v, %v", o, err)
	}
	boot, _ := bootID()
	p, _ := find(id, boot)
	if o, err = New().Origin(t.Context(), p.Exe, id); err != nil || o.Script != file || o.Interpreter != p.Exe {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestAProgramThatRunsFromMemoryIsToldSo(t *testing.T) {
	fd, err := unix.MemfdCreate("upload", 0)
	if err != nil {
		t.Skip(err)
	}
	f := os.NewFile(uintptr(fd), "memfd")
	defer f.Close()
	real, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip(err)
	}
	b, err := os.ReadFile(real)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("/proc/self/fd/3", "1009")
	c.ExtraFiles = []*os.File{f}
	begin(t, c)
	id := identity(t, c.Process.Pid)
	boot, _ := bootID()
	p, err := find(id, boot)
	if err != nil || !p.Memfd || process.Untrusted(&p) != "runs from memory, without a file" {
		t.Fatalf("%+v, %v", p, err)
	}
	if o, err := New().Origin(t.Context(), p.Exe, id); err != nil || !o.Memfd || o.SHA256 != hashOf(t, real) {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestAFifoInTheFilesPlaceHoldsNobodyUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if o, err := New().Origin(t.Context(), path, respond.ProcessID{}); err != nil || o.SHA256 != "" || !strings.Contains(o.Unread, "no regular file") {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestAProcessThatHasEndedLeavesTheMachinesOwnViewAndSaysSo(t *testing.T) {
	o, err := New().Origin(t.Context(), "/etc/passwd", respond.ProcessID{PID: 4_194_305, Start: 1})
	if err == nil || !strings.Contains(err.Error(), "machine's own view") || o.SHA256 == "" {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestTheMachineIsAskedForSchedulesAndLogins(t *testing.T) {
	now := time.Now()
	if all, err := New().Schedules(t.Context(), now); err != nil {
		t.Log(len(all), err) // a machine may lack a part, and then says which
	}
	logins, err := New().Logins(t.Context(), now.Add(-time.Hour), now)
	t.Log(len(logins), err)
}

func TestTimersAreReadFromSystemdsAnswer(t *testing.T) {
	around := time.UnixMicro(1_700_000_000_000_000)
	timers, err := parseTimers([]byte(`[
		{"next":1700000060000000,"left":1,"last":1699999700000000,"passed":2,"unit":"a.timer","activates":"a.service"},
		{"next":null,"last":1700000120000000,"unit":"b.timer","activates":"b.service"},
		{"next":1700000000400000,"last":1700000000012000,"unit":"noted.timer","activates":"noted.service"},
		{"next":1700009999000000,"last":0,"unit":"far.timer","activates":"far.service"}]`), around)
	if err != nil || len(timers) != 3 {
		t.Fatal(timers, err)
	}
	if a := timers[0]; a.Source != "systemd timer a.timer" || a.Command != "a.service" || a.Last.Unix() != 1_699_999_700 || a.Next.Unix() != 1_700_000_060 {
		t.Errorf("%+v", a)
	}
	if b := timers[1]; !b.Last.IsZero() || b.Next.Unix() != 1_700_000_120 {
		t.Errorf("%+v", b)
	}
	if noted := timers[2]; noted.Last.UnixMicro() != 1_700_000_000_012_000 || noted.Next.UnixMicro() != 1_700_000_000_400_000 {
		t.Errorf("%+v", noted)
	}
	if _, err := parseTimers([]byte("System has not been booted"), around); err == nil {
		t.Error("nonsense is read")
	}
}

func TestLogindsSessionsOfPeopleAreLogins(t *testing.T) {
	l, ok := parseSession("UID=1000\nUSER=ana\nCLASS=user\nTTY=pts/3\nREMOTE_HOST=10.0.9.5\nSERVICE=sshd\nREALTIME=1700000000000000\n")
	if !ok || l.User != "ana" || l.Line != "pts/3" || l.From != "10.0.9.5" || l.In.Unix() != 1_700_000_000 {
		t.Errorf("%+v, %v", l, ok)
	}
	for _, text := range []string{"", "USER=root\nCLASS=user\nSERVICE=cron\nREALTIME=1\n", "USER=gdm\nCLASS=greeter\nREALTIME=1\n"} {
		if l, ok := parseSession(text); ok {
			t.Errorf("%q: %+v", text, l)
		}
	}
}

func TestApkOwnersAreFound(t *testing.T) {
	db := "P:musl\nF:lib\nR:ld-musl.so\n\nP:openssh-client\nF:usr/bin\nR:scp\nR:sftp\n"
	if got := apkOwner(strings.NewReader(db), []string{"/usr/bin/sftp"}); got != "openssh-client" {
		t.Error(got)
	}
	if got := apkOwner(strings.NewReader(db), []string{"/bin/sftp"}); got != "" {
		t.Error(got)
	}
}

func TestACommandThatFloodsOrHangsIsBounded(t *testing.T) {
	if _, err := exec.LookPath("/usr/bin/yes"); err != nil {
		t.Skip(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	out, err := command(ctx, "yes")
	if err == nil || len(out) > commandRead {
		t.Error(len(out), err)
	}
}

func FuzzStatIsReadOrRefused(f *testing.F) {
	f.Add([]byte("15376 (cat) R 15374 15374 5808 0 -1 4194304 99 0 0 0 0 0 0 0 20 0 1 0 256658 3133440"))
	f.Add([]byte("1 (x) R 1 (1) S 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20"))
	f.Add([]byte(") ("))
	f.Fuzz(func(t *testing.T, b []byte) {
		if st, err := procfs.ParseStat(b); err == nil && st.State == 0 {
			t.Errorf("%q: %+v", b, st)
		}
	})
}

func FuzzSockDiagIsReadOrRefused(f *testing.F) {
	f.Add([]byte{20, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add(append([]byte{44, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, make([]byte, 28)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		parseDump(b, map[int64]unixSocket{})
	})
}

func FuzzConnectionsAreReadOrPassedOver(f *testing.F) {
	f.Add("   0: 0100007F:0016 0200007F:D431 01 000000FF:00000000 00:00000000 00000000     0        0 4242 1")
	f.Fuzz(func(t *testing.T, line string) {
		if s, inode, ok := procfs.Connection(line, binary.NativeEndian); ok && (!s.Remote.IsValid() || inode == 0) {
			t.Errorf("%q: %+v", line, s)
		}
	})
}

func TestWhatLetsSomebodyComeBackIsFoundByWhenItChanged(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"etc/passwd": "root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1000::/home/bob:/bin/sh\n", "etc/cron.d/x": "* * * * * root /tmp/x\n",
		"home/bob/.ssh/authorized_keys": "ssh-ed25519 AAAA\n", "home/bob/notes": "nothing\n", "etc/systemd/system/x.service": "[Service]\n",
		"etc/systemd/system/ssh.service.d/x.conf": "[Service]\n", "etc/systemd/system/other/x.service": "[Service]\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"etc/cron.d/gone": "nowhere", "etc/systemd/system/round.wants": "."} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	r, err := openRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	for since, want := range map[time.Time][]string{
		time.Now().Add(-time.Hour): {"/etc/cron.d/x", "/etc/passwd", "/etc/systemd/system/round.wants/x.service", "/etc/systemd/system/ssh.service.d/x.conf", "/etc/systemd/system/x.service", "/home/bob/.ssh/authorized_keys"},
		time.Now().Add(time.Hour):  nil,
	} {
		all, err := r.footholds(t.Context(), since)
		var got []string
		for _, f := range all {
			got = append(got, f.Path)
		}
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q, %v", got, err)
		}
	}
}

func TestALinkThatIsNewIsFoundAndWhatCouldNotBeLookedAtIsSaid(t *testing.T) {
	dir := t.TempDir()
	cron, keys := filepath.Join(dir, "etc/cron.d"), filepath.Join(dir, "old")
	if err := errors.Join(os.MkdirAll(cron, 0o755), os.WriteFile(filepath.Join(dir, "etc/passwd"), nil, 0o644), os.WriteFile(keys, nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	r, err := openRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	st, err := r.stat("/old")
	if err != nil {
		t.Fatal(err)
	}
	since, link := r.changed("/old", &st), filepath.Join(cron, "x")
	for made := false; !made; made = r.changed("/etc/cron.d/x", &st).After(since) { // the kernel's clock goes in steps
		os.Remove(link)
		if err := os.Symlink("/old", link); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := r.footholds(t.Context(), since); err != nil || len(all) != 1 || all[0].Path != "/etc/cron.d/x" {
		t.Errorf("%v, %v", all, err)
	}
	if err := os.Symlink("loop", filepath.Join(cron, "loop")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.footholds(t.Context(), since); err == nil || !strings.Contains(err.Error(), "/etc/cron.d/loop") {
		t.Errorf("a link that is not followed: %v", err)
	}
	os.Remove(filepath.Join(cron, "loop"))
	for i := range maxEntries {
		if err := os.WriteFile(filepath.Join(cron, strconv.Itoa(i)), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := r.footholds(t.Context(), since); err == nil || !strings.Contains(err.Error(), "/etc/cron.d: more than 5000 entries") || len(all) != maxEntries {
		t.Errorf("%d of a full directory: %v", len(all), err)
	}
}

func TestAPackageThatComesLaterOwnsItsFilesThoughTheAnswerWasRemembered(t *testing.T) {
	dir := t.TempDir()
	info := filepath.Join(dir, dpkgInfo)
	list := func(name, text string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(info, 0o755), os.WriteFile(filepath.Join(info, name), []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	list("dash.list", "/.\n/bin/dash\n")
	r, err := openRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	var o owners
	ask := func(path, want string) {
		t.Helper()
		if got, asked := o.packageOf(t.Context(), r, path); got != want || len(asked) != 1 {
			t.Errorf("%s: %q of %q", path, got, asked)
		}
	}
	ask("/usr/bin/dash", "dash")
	ask("/usr/bin/scp", "")
	list("openssh-client:amd64.list", "/.\n/usr/bin/scp\n")
	ask("/usr/bin/scp", "openssh-client")
	ask("/usr/bin/dash", "dash")
	ended, stop := context.WithCancel(t.Context())
	stop()
	if got, _ := o.packageOf(ended, r, "/usr/bin/other"); got != "" {
		t.Errorf("%q", got)
	}
	list("other.list", "/.\n/usr/bin/other\n")
	ask("/usr/bin/other", "other") // what was called off was not remembered
}
