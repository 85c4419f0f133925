package evidence_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"golang.org/x/sys/unix"

	"interdict/respond"
	"interdict/respond/evidence"
	"interdict/respond/local"
)

// begin starts a program and ends it, by its pid, after the test.
func begin(t testing.TB, c *exec.Cmd) respond.ProcessID {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("wants root")
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	return respond.ProcessID{PID: c.Process.Pid}
}

// options are for a bundle of their own, for the identity.
func options(t testing.TB, processes ...respond.ProcessID) (evidence.Options, age.Identity) {
	t.Helper()
	dir := t.TempDir()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return evidence.Options{Processes: processes, Capture: true, By: "ana", Tool: "interdict test", Dir: filepath.Join(dir, "evidence"), Keys: dir,
		Recipients: []string{key.Recipient().String()}}, key
}

// collected plans, applies and verifies.
func collected(t testing.TB, h respond.Host, o evidence.Options) (respond.Result, evidence.Collected) {
	t.Helper()
	act := evidence.NewCollect(o)
	p, err := act.Plan(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	r, err := act.Apply(t.Context(), h, p)
	if err != nil {
		t.Fatal(err)
	}
	zero, _ := evidence.ActionOf(r.Kind)
	v, err := zero.Verify(t.Context(), h, r)
	if err != nil || !v.OK() {
		t.Fatalf("%+v, %v", v, err)
	}
	done, err := evidence.ResultOf(r)
	if err != nil {
		t.Fatal(err)
	}
	return r, done
}

// opened checks a bundle and gives its items and their contents.
func opened(t *testing.T, path string, key age.Identity) (evidence.Check, map[string][]byte) {
	t.Helper()
	o := evidence.CheckOptions{Identities: []age.Identity{key}}
	c, err := evidence.CheckBundle(t.Context(), path, o)
	if err != nil || !c.Whole() || c.Sealed > 0 {
		t.Fatalf("%+v, %v", c.Faults, err)
	}
	contents := map[string][]byte{}
	if err := evidence.ReadBundle(path, o, func(i evidence.Item, content []byte) error {
		contents[nameOf(i)] = content
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return c, contents
}

// nameOf is the item's name without number and endings.
func nameOf(i evidence.Item) string {
	name := strings.TrimSuffix(strings.TrimSuffix(i.Entry, ".age"), ".gz")
	_, name, _ = strings.Cut(strings.TrimPrefix(name, "items/"), "-")
	return name
}

func find(t *testing.T, contents map[string][]byte, ending string) []byte {
	t.Helper()
	for name, b := range contents {
		if strings.HasSuffix(name, ending) {
			return b
		}
	}
	t.Fatalf("nothing ends in %s", ending)
	return nil
}

func sleeper(t testing.TB) []byte {
	t.Helper()
	path, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestADeletedExecutableIsRecoveredByteForByte(t *testing.T) {
	b := sleeper(t)
	path := filepath.Join(t.TempDir(), "tool")
	os.WriteFile(path, b, 0o755)
	id := begin(t, exec.Command(path, "1007"))
	os.Remove(path)
	o, key := options(t, id)
	r, done := collected(t, local.New(), o)
	c, contents := opened(t, done.Bundle, key)
	if !bytes.Equal(find(t, contents, "-exe"), b) {
		t.Error("the executable is not what was run")
	}
	if r.Partial || c.Head.Partial != "" || c.Opened < 15 {
		t.Errorf("%+v\n%+v", r, c.Head)
	}
	t.Log(r.Summary, done.Took.Ended.Sub(done.Took.Began), done.Failed)
}

func TestAnExecutableInMemoryOnlyIsRecoveredByteForByte(t *testing.T) {
	b := sleeper(t)
	fd, err := unix.MemfdCreate("upload", 0)
	if err != nil {
		t.Skip(err)
	}
	f := os.NewFile(uintptr(fd), "memfd")
	defer f.Close()
	f.Write(b)
	c := exec.Command("/proc/self/fd/3", "1009")
	c.ExtraFiles = []*os.File{f}
	o, key := options(t, begin(t, c))
	_, done := collected(t, local.New(), o)
	if _, contents := opened(t, done.Bundle, key); !bytes.Equal(find(t, contents, "-exe"), b) {
		t.Error("the executable is not what was run")
	}
}

func TestAProcessThatOpensFilesWithoutEndCannotEndTheCollection(t *testing.T) {
	t.Parallel() // most of it is small programs
	dir := t.TempDir()
	path := filepath.Join(dir, "one")
	os.WriteFile(path, []byte("one"), 0o600)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := exec.Command("sleep", "1013")
	cmd.ExtraFiles = slices.Repeat([]*os.File{f}, 1010)
	o, key := options(t, begin(t, cmd))
	o.Capture, o.Content, o.Approver, o.Store = false, true, "Ben", filepath.Join(dir, "store")
	_, done := collected(t, local.New(), o)
	c, contents := opened(t, done.Bundle, key)
	find(t, contents, "-open-3")
	if !slices.ContainsFunc(c.Items, func(i evidence.Item) bool { return i.Outcome == evidence.Cut && strings.Contains(i.Why, "1000") }) {
		t.Error("nothing says that files were left out")
	}
}

func TestEverythingIsTakenOfAHostAndItsProcesses(t *testing.T) {
	dir := t.TempDir()
	sent := filepath.Join(dir, "customers.csv")
	os.WriteFile(sent, bytes.Repeat([]byte("ana,1\n"), 1000), 0o600)
	f, err := os.Open(sent)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := exec.Command("sh", "-c", "sleep 1012; :")
	cmd.ExtraFiles = []*os.File{f}
	id := begin(t, cmd)
	o, key := options(t, id)
	o.Capture, o.Tree, o.Content, o.Memory = false, true, true, true
	o.Files = []evidence.File{{Path: sent, Process: id}} // a number alone, as the process itself
	o.Approver, o.Store, o.Case = "Ben", filepath.Join(dir, "store"), "INC-0012"
	o.AwareSince = time.Date(2026, 3, 1, 3, 12, 0, 0, time.UTC)
	o.Extra = []evidence.Extra{{Name: "alert.json", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("{}")), nil }}}
	waitFor(t, func() bool { return children(id.PID) == 1 })
	_, done := collected(t, local.New(), o)
	c, contents := opened(t, done.Bundle, key)
	if h := c.Head; h.Case != "INC-0012" || h.Approver != "Ben" || h.AwareSince == nil || !h.AwareSince.Equal(o.AwareSince) || len(h.Processes) != 2 || h.Clock.HostUp == 0 {
		t.Errorf("%+v", h)
	}
	if filepath.Dir(done.Bundle) != o.Store {
		t.Error(done.Bundle)
	}
	for _, ending := range []string{"open-3", "file-1"} {
		if b := find(t, contents, ending); len(b) != 6000 {
			t.Errorf("%s: %d bytes", ending, len(b))
		}
	}
	if b := find(t, contents, "alert.json"); string(b) != "{}" {
		t.Errorf("%q", b)
	}
	if b := find(t, contents, fmt.Sprintf("process-%d-memory", id.PID)); !bytes.Contains(b, []byte("sleep 1012")) {
		t.Errorf("%d bytes of memory do not hold the arguments", len(b))
	}
	if b := find(t, contents, "-memory-ranges"); !bytes.Contains(b, []byte("[stack]")) {
		t.Errorf("%s", b)
	}
	if i := slices.IndexFunc(c.Items, func(i evidence.Item) bool { return strings.HasSuffix(nameOf(i), "open-3") }); c.Items[i].Source != sent {
		t.Errorf("%+v", c.Items[i])
	}
	want := []string{"host-stats", "host-sockets", "-maps", "-environ", "-exe", "-memory", "host-users", "host-uname", "-open-3", "file-1", "alert.json"}
	at := 0
	for _, i := range c.Items {
		if at < len(want) && strings.HasSuffix(nameOf(i), want[at]) {
			at++
		}
		if i.Ended.Before(i.Began) || i.Outcome == "" || i.Entry != "" && i.SHA256 == "" {
			t.Errorf("%+v", i)
		}
	}
	if at < len(want) {
		t.Errorf("not in the order of volatility: %s is missing or too early", want[at])
	}
	if info, _ := os.Stat(done.Bundle); info.Mode().Perm() != 0o600 {
		t.Error(info.Mode())
	}
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for range 1000 {
		if ok() {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
	t.Fatal("it does not come")
}

func children(pid int) int {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	return len(strings.Fields(string(b)))
}

func TestContentsWantRecipientsAnApproverAndTheStore(t *testing.T) {
	o, _ := options(t)
	o.Recipients, o.Capture = nil, false
	for name, ask := range map[string]func(*evidence.Options){
		"open files": func(o *evidence.Options) { o.Content = true },
		"a file":     func(o *evidence.Options) { o.Files = []evidence.File{{Path: "/etc/hostname"}} },
		"memory":     func(o *evidence.Options) { o.Memory = true },
		"packets":    func(o *evidence.Options) { o.Packets = time.Second },
	} {
		o := o
		ask(&o)
		_, err := evidence.NewCollect(o).Plan(t.Context(), local.New())
		var no *respond.Refusal
		if !errors.As(err, &no) || !no.Has(evidence.CodeNoRecipient) || !no.Has(evidence.CodeNoApprover) || !no.Has(evidence.CodeNoStore) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

const secret = "hunter2-correct-horse"

// A secret of the environment is in no file in the clear, and in nothing that is
// shown or journaled.
func TestSecretsOfTheEnvironmentAreSealedOrNotTaken(t *testing.T) {
	cmd := exec.Command("sleep", "1013")
	cmd.Env = []string{"API_TOKEN=" + secret, "PATH=/usr/bin:/bin", secret}
	id := begin(t, cmd)
	for _, sealed := range []bool{true, false} {
		o, key := options(t, id)
		if !sealed {
			o.Recipients = nil
		}
		r, done := collected(t, local.New(), o)
		said, _ := json.Marshal(r)
		raw, _ := os.ReadFile(done.Bundle)
		if bytes.Contains(said, []byte(secret)) || bytes.Contains(raw, []byte(secret)) {
			t.Error("the secret is told")
		}
		_, contents := opened(t, done.Bundle, key)
		view := find(t, contents, "-environ-redacted")
		if !bytes.Contains(view, []byte("API_TOKEN=(redacted, 21 bytes)")) || !bytes.Contains(view, []byte(`PATH="/usr/bin:/bin"`)) {
			t.Errorf("%s", view)
		}
		for name, b := range contents {
			if is := bytes.Contains(b, []byte(secret)); is != (sealed && strings.HasSuffix(name, "-environ")) {
				t.Errorf("sealed %v: %s holds the secret: %v", sealed, name, is)
			}
		}
	}
}

func TestAProcessThatIsAnotherByNowIsNotTaken(t *testing.T) {
	cmd := exec.Command("sleep", "1014")
	id := begin(t, cmd)
	o, key := options(t, id)
	act := evidence.NewCollect(o)
	p, err := act.Plan(t.Context(), local.New())
	if err != nil {
		t.Fatal(err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	r, err := act.Apply(t.Context(), local.New(), p)
	if err != nil || !r.Partial {
		t.Fatalf("%+v %v", r, err)
	}
	done, _ := evidence.ResultOf(r)
	c, contents := opened(t, done.Bundle, key)
	for name := range contents {
		if strings.HasPrefix(name, "process-") {
			t.Errorf("%s is taken", name)
		}
	}
	if c.Head.Missing < 15 || !strings.Contains(fmt.Sprint(done.Failed), "the process has ended, or its number is another's") {
		t.Errorf("%+v", done.Failed)
	}
	o.Processes = []respond.ProcessID{{PID: os.Getpid(), Start: respond.Tick}}
	if _, err := evidence.NewCollect(o).Plan(t.Context(), local.New()); !errors.Is(err, respond.ErrPlanStale) {
		t.Errorf("a number of another: %v", err)
	}
	o.HostAnyway, o.Processes = true, append(o.Processes, o.Processes...)
	r, done = collected(t, local.New(), o)
	if c, contents := opened(t, done.Bundle, key); r.Partial || len(c.Head.Processes) != 0 || len(find(t, contents, "host-commands")) == 0 {
		t.Errorf("of the host alone: %+v", r)
	}
	p, err = evidence.NewCollect(o).Plan(t.Context(), local.New())
	if said := strings.Count(fmt.Sprint(p.Lines), "its number is another's now"); err != nil || said != 1 {
		t.Errorf("said %d times that it has ended: %v", said, err)
	}
}

func TestHostileNamesAndFilesAreToleratedAndNoOtherThanPlainOnesOpened(t *testing.T) {
	dir := t.TempDir()
	odd := filepath.Join(dir, "x\x1b]0;owned\x07 $(reboot)\n#word B 1 1\n'\"\\0060 (deleted)")
	os.MkdirAll(odd, 0o755)
	program := filepath.Join(odd, "-rf *\n")
	os.WriteFile(program, sleeper(t), 0o755)
	plain, link, pipe := filepath.Join(odd, "plain %s\\n"), filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	os.WriteFile(plain, []byte("content\n\n"), 0o600)
	os.Symlink(odd, link)
	unix.Mkfifo(pipe, 0o600)
	huge := filepath.Join(dir, "huge")
	os.WriteFile(huge, nil, 0o600)
	os.Truncate(huge, 1<<40)
	fd, err := os.OpenFile(pipe, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer fd.Close()
	cmd := exec.Command(program, "1015")
	cmd.Dir, cmd.ExtraFiles = odd, []*os.File{fd}
	id := begin(t, cmd)
	o, key := options(t, id)
	o.Content, o.Approver, o.Store = true, "Ben", o.Dir
	o.Limits = evidence.Limits{File: 1 << 20}
	paths := []string{plain, filepath.Join(link, filepath.Base(plain)), pipe, "/dev/zero", "/proc/kmsg", huge, dir, odd + "/../" + filepath.Base(odd) + "/x", "relative", filepath.Join(dir, "none")}
	for _, path := range paths {
		o.Files = append(o.Files, evidence.File{Path: path})
	}
	_, done := collected(t, local.New(), o)
	c, contents := opened(t, done.Bundle, key)
	outcome := map[string]string{}
	for _, i := range c.Items {
		if i.What == "transferred file" {
			outcome[i.Source] = i.Outcome + ": " + i.Why
		}
	}
	for i, want := range []string{"taken: ", "link", "no regular file", "no regular file", "that the kernel makes", "cut: ", "no regular file", "link", "none", "absent"} {
		if got := outcome[paths[i]]; !strings.Contains(got, want) {
			t.Errorf("%q: %q, not %q", paths[i], got, want)
		}
	}
	if b := find(t, contents, "file-1"); string(b) != "content\n\n" {
		t.Errorf("%q", b)
	}
	if b := find(t, contents, "file-6"); len(b) != 1<<20 {
		t.Errorf("%d bytes", len(b))
	}
	if b := find(t, contents, "-exe"); !bytes.Equal(b, sleeper(t)) {
		t.Error("the executable of an odd name is not what was run")
	}
	for name := range contents {
		if strings.Contains(name, "open-3") {
			t.Error("the pipe was opened")
		}
	}
	names, err := os.ReadFile(done.Bundle)
	if err != nil || bytes.Contains(names, []byte("owned")) {
		t.Error("a hostile name stands in the archive")
	}
}

func TestWhatIsNoEnvironmentVariableIsNotShown(t *testing.T) {
	for in, want := range map[string]string{
		"A=1\x00PATH=/bin\x00":     "A=(redacted, 1 bytes)\nPATH=\"/bin\"\n",
		"just text":                "(redacted, 9 bytes that are no variable)\n",
		"pass word=x\x00=y\x00":    "(redacted, 11 bytes that are no variable)\n(redacted, 2 bytes that are no variable)\n",
		"LC_ALL=C\x00TERM=\x1b[2J": "LC_ALL=\"C\"\nTERM=\"\\x1b[2J\"\n",
		"":                         "",
	} {
		if got := string(evidence.Redacted([]byte(in))); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

// The plan, the bundle and its verification; ns/op is what a person waits for.
func BenchmarkACaptureOfAProcess(b *testing.B) { benchmark(b, true) }

func BenchmarkAllEvidenceOfAProcess(b *testing.B) { benchmark(b, false) }

func benchmark(b *testing.B, capture bool) {
	o, _ := options(b, begin(b, exec.Command("sleep", "1040")))
	o.Capture = capture
	for b.Loop() {
		collected(b, local.New(), o)
	}
}
