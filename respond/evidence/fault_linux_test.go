package evidence_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"interdict/respond"
	"interdict/respond/evidence"
	"interdict/respond/local"
)

// TestMain lets the test program be one that collects and is killed.
func TestMain(m *testing.M) {
	if path := os.Getenv("EVIDENCE_TEST_PLAN"); path != "" {
		if err := collectAndDie(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// collectAndDie kills itself when it has been told of as many things as it was asked to
// bear, or the thing that it was asked not to.
func collectAndDie(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	p, err := respond.DecodePlan(b)
	if err != nil {
		return err
	}
	at := os.Getenv("EVIDENCE_TEST_DIE")
	left, err := strconv.Atoi(at)
	if err != nil {
		left = 1 << 30
	}
	now := ""
	o := evidence.Options{Extra: extras(), Progress: func(p evidence.Progress) {
		if p.Now != now { // what is long is told of several times
			now = p.Now
			left--
		}
		if left < 0 || p.Now == at {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}}
	_, err = evidence.NewCollect(o).Apply(context.Background(), local.New(), p)
	return err
}

func extras() []evidence.Extra {
	return []evidence.Extra{{Name: "alert.json", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("{}")), nil }}}
}

// planned makes a plan, and the path of the bundle that it is for.
func planned(t *testing.T, h respond.Host, o evidence.Options) (respond.Action, respond.Plan, string) {
	t.Helper()
	act := evidence.NewCollect(o)
	p, err := act.Plan(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	var body struct {
		ID string `json:"id"`
	}
	json.Unmarshal(p.Body, &body)
	dir := o.Dir
	if o.Store != "" {
		dir = o.Store
	}
	kind := map[bool]string{true: "capture", false: "evidence"}[o.Capture]
	return act, p, filepath.Join(dir, kind+"-"+h.Name()+"-"+body.ID+".tar")
}

func TestABundleWhoseProgramIsKilledAnywhereIsGoneOnWithAndNeverLooksWhole(t *testing.T) {
	id := begin(t, exec.Command("sleep", "1016"))
	named := 0
	for _, bear := range []int{0, 1, 9, 20, 26, 27, 28, 30, 34, 35, 36} {
		o, key := options(t, id)
		o.Extra = extras()
		act, p, path := planned(t, local.New(), o)
		killed(t, o, p, strconv.Itoa(bear))
		if _, err := os.Stat(path); err == nil {
			if c, err := evidence.CheckBundle(t.Context(), path, evidence.CheckOptions{}); err != nil || !c.Whole() {
				t.Fatalf("after %d a bundle that is not whole has its name: %+v %v", bear, c, err)
			}
			named++
		}
		again, err := evidence.PartialPlan(path + ".partial")
		if err != nil || again.Title != p.Title {
			t.Fatalf("%+v %v", again, err)
		}
		if _, err := act.Apply(t.Context(), local.New(), p); err != nil {
			t.Fatal(err)
		}
		check, contents := opened(t, path, key)
		seen := map[string]bool{}
		for _, i := range check.Items {
			if seen[i.Key] {
				t.Errorf("%s is there twice", i.Key)
			}
			seen[i.Key] = true
		}
		if len(check.Items) != 29 || string(find(t, contents, "alert.json")) != "{}" || len(find(t, contents, "-exe")) == 0 {
			t.Errorf("after %d: %d items", bear, len(check.Items))
		}
		if named == 0 && !strings.Contains(fmt.Sprint(check.Custody), "gone on with") {
			t.Error(check.Custody)
		}
		if left, _ := filepath.Glob(path + ".*"); len(left) != 1 { // its custody log
			t.Error(left)
		}
		if r, err := act.Apply(t.Context(), local.New(), p); err != nil || !strings.Contains(r.Summary, path) {
			t.Errorf("one that was sealed already: %+v %v", r, err)
		}
	}
	if named != 1 {
		t.Errorf("%d times it was killed just after the bundle had its name", named)
	}
}

func TestWhatTheHostSaidOfAnItemOutlivesAKilledProgram(t *testing.T) {
	file := filepath.Join(t.TempDir(), "customers.csv")
	os.WriteFile(file, []byte("a,b"), 0o600)
	c := exec.Command("sleep", "1015")
	var err error
	if c.Stdin, err = os.Open(file); err != nil {
		t.Fatal(err)
	}
	o, key := options(t, begin(t, c))
	o.Content, o.Approver, o.Store = true, "Ben", o.Dir
	act, p, path := planned(t, local.New(), o)
	killed(t, o, p, "sealing: manifest.json")
	if _, err := act.Apply(t.Context(), local.New(), p); err != nil {
		t.Fatal(err)
	}
	check, contents := opened(t, path, key)
	at := slices.IndexFunc(check.Items, func(i evidence.Item) bool { return i.Source == file })
	if at < 0 || string(find(t, contents, "-open-0")) != "a,b" {
		t.Errorf("%+v", check.Items)
	}
}

// Cut at any byte, as by a loss of power, archive and log are gone on with.
func TestAnArchiveAndLogThatWereCutAnywhereAreGoneOnWith(t *testing.T) {
	o, key := options(t, begin(t, exec.Command("sleep", "1017")))
	act, p, path := planned(t, local.New(), o)
	killed(t, o, p, "25")
	archive, err := os.ReadFile(path + ".partial")
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(path + ".log")
	if err != nil {
		t.Fatal(err)
	}
	half, odd, head := bytes.Clone(archive), bytes.Clone(log), bytes.Clone(archive)
	head[511] ^= 1 // the unused end of the first header
	half[len(half)/2] ^= 1
	odd[len(odd)/2] ^= 1
	for i, have := range [][2][]byte{{archive, log}, {archive[:0], log}, {archive[:511], log}, {archive[:3000], log}, {archive[:len(archive)-1], log},
		{archive, log[:len(log)-1]}, {archive, log[:len(log)/2]}, {archive, log[:0]}, {half, log}, {head, log}, {archive, odd}, {append(bytes.Clone(archive), archive...), log}} {
		os.WriteFile(path+".partial", have[0], 0o600)
		os.WriteFile(path+".log", have[1], 0o600)
		if _, err := act.Apply(t.Context(), local.New(), p); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		if c, contents := opened(t, path, key); c.Head.Partial != "" || len(find(t, contents, "-exe")) == 0 || len(c.Items) != 28 {
			t.Errorf("%d: %d items, %+v", i, len(c.Items), c.Head)
		}
		os.Remove(path)
		os.Remove(evidence.CustodyPath(path))
	}
}

// killed has a program collect that kills itself on the way.
func killed(t *testing.T, o evidence.Options, p respond.Plan, bear string) {
	t.Helper()
	file := filepath.Join(o.Keys, "plan")
	b, _ := json.Marshal(p)
	os.WriteFile(file, b, 0o600)
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "EVIDENCE_TEST_PLAN="+file, "EVIDENCE_TEST_DIE="+bear)
	if out, err := c.CombinedOutput(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("%v: %s", err, out)
	}
}

// breaking is a host that is lost in the middle.
type breaking struct {
	*local.Host
	after  int64 // bytes
	times  int   // that it is lost; then it stays
	last   bool  // lost for ever
	silent bool  // says nothing more, instead
}

var errLost = errors.New("connection reset by peer")

func (b *breaking) Stream(ctx context.Context, s respond.Script, data []byte, w io.Writer) (respond.Output, error) {
	if b.times == 0 && !b.last {
		return b.Host.Stream(ctx, s, data, w)
	}
	b.times--
	out, err := b.Host.Stream(ctx, s, data, &stops{w: w, left: b.after, b: b, ctx: ctx})
	if errors.Is(err, errLost) {
		err = errLost
	}
	return out, err
}

type stops struct {
	w    io.Writer
	left int64
	b    *breaking
	ctx  context.Context
}

func (s *stops) Write(p []byte) (int, error) {
	if s.left -= int64(len(p)); s.left >= 0 {
		return s.w.Write(p)
	}
	if s.b.silent {
		<-s.ctx.Done()
	}
	return 0, errLost
}

func TestAHostThatIsLostForAWhileIsAskedForTheRest(t *testing.T) {
	id := begin(t, exec.Command("sleep", "1018"))
	for _, after := range []int64{2000, 20_000, 60_000, 90_000} {
		b := &breaking{Host: local.New(), after: 1 << 40}
		o, key := options(t, id)
		act, p, path := planned(t, b, o)
		b.after, b.times = after, 1
		r, err := act.Apply(t.Context(), b, p)
		if err != nil || r.Partial {
			t.Fatalf("%+v %v", r, err)
		}
		c, contents := opened(t, path, key)
		if len(c.Items) != 28 || len(find(t, contents, "-exe")) == 0 {
			t.Errorf("%d items", len(c.Items))
		}
	}
}

func TestWhatThereIsOfAHostThatIsGoneIsSealedAndSaidToBePartial(t *testing.T) {
	id := begin(t, exec.Command("sleep", "1019"))
	b := &breaking{Host: local.New(), after: 1 << 40, last: true}
	o, key := options(t, id)
	o.Capture = false
	act, p, path := planned(t, b, o)
	b.after = 30_000
	r, err := act.Apply(t.Context(), b, p)
	if err != nil || !r.Partial {
		t.Fatalf("%+v %v", r, err)
	}
	c, contents := opened(t, path, key)
	if !strings.Contains(c.Head.Partial, "answers no more") || len(contents) == 0 || c.Head.Missing == 0 {
		t.Errorf("%+v", c.Head)
	}
	for _, i := range c.Items {
		if i.Outcome == evidence.Late && !strings.Contains(i.Why, "answers no more") {
			t.Errorf("%+v", i)
		}
	}
	b.after = 0
	act, p, path = planned(t, local.New(), o)
	p.Host = b.Name()
	if _, err := act.Apply(t.Context(), b, p); err == nil {
		t.Error("a host that says nothing gives a bundle")
	}
	if left, _ := filepath.Glob(path + "*"); len(left) != 0 {
		t.Error(left)
	}
}

func TestACaptureEndsWhateverTheHostDoes(t *testing.T) {
	id := begin(t, exec.Command("sleep", "1020"))
	b := &breaking{Host: local.New(), after: 1 << 40, silent: true}
	o, key := options(t, id)
	act, p, path := planned(t, b, o)
	b.after, b.times, b.last = 20_000, 1000, true
	r, err := act.Apply(t.Context(), b, p)
	if err != nil || !r.Partial {
		t.Fatalf("%+v %v", r, err)
	}
	if c, _ := opened(t, path, key); c.Head.Partial == "" {
		t.Errorf("%+v", c.Head)
	}
	t.Log(r.Ended.Sub(r.Started))
}

// small is a file system of that size, mounted on a directory of the test's.
func small(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skip("cannot mount a tmpfs: ", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

func TestOnAFullDiskWhatThereIsIsSealedFromTheReserve(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "noise")
	noise := make([]byte, 8<<20)
	f, _ := os.Open("/dev/urandom")
	io.ReadFull(f, noise)
	f.Close()
	os.WriteFile(file, noise, 0o600)
	id := begin(t, exec.Command("sleep", "1021"))
	o, key := options(t, id)
	o.Store, o.Approver = small(t, "size=2m"), "Ben"
	o.Files = []evidence.File{{Path: file}}
	act, p, path := planned(t, local.New(), o)
	r, err := act.Apply(t.Context(), local.New(), p)
	if err != nil || !r.Partial {
		t.Fatalf("%+v %v", r, err)
	}
	c, contents := opened(t, path, key)
	if !strings.Contains(c.Head.Partial, "no space") || len(contents) < 20 {
		t.Errorf("%+v", c.Head)
	}
	if left, _ := filepath.Glob(filepath.Join(o.Store, "*")); len(left) != 2 { // with its custody log
		t.Error(left)
	}
}

func TestADiskThatCannotBeWrittenIsSaidBeforeTheHostIsAsked(t *testing.T) {
	id := begin(t, exec.Command("sleep", "1022"))
	o, _ := options(t, id)
	o.Store = small(t, "size=2m,ro")
	h := &breaking{Host: local.New(), after: 1 << 40, last: true}
	act, p, _ := planned(t, h, o)
	asked := h.times
	_, err := act.Apply(t.Context(), h, p)
	if !errors.Is(err, unix.EROFS) || h.times != asked {
		t.Errorf("%v, asked %d times", err, asked-h.times)
	}
	o.Keys = o.Store
	act, p, _ = planned(t, h, o)
	if _, err := act.Apply(t.Context(), h, p); !errors.Is(err, unix.EROFS) {
		t.Errorf("no place for a key: %v", err)
	}
}

func TestARequestThatNeverEndsIsLeftOutAndTheRestTaken(t *testing.T) {
	id := begin(t, exec.Command("sleep", "1023"))
	b := &breaking{Host: local.New(), after: 1 << 40, silent: true}
	o, key := options(t, id)
	act, p, path := planned(t, b, o)
	b.after, b.times = 20_000, 1
	if _, err := act.Apply(t.Context(), b, p); err != nil {
		t.Fatal(err)
	}
	c, contents := opened(t, path, key)
	if len(find(t, contents, "-exe")) == 0 || c.Head.Partial != "" || c.Head.Missing != 1 {
		t.Errorf("%+v", c.Head)
	}
}
