package respond_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"interdict/respond"
)

// TestMain lets the test program be one of the programs that append.
func TestMain(m *testing.M) {
	if dir := os.Getenv("RESPOND_TEST_APPEND"); dir != "" {
		if err := appendFor(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// appendFor appends entries, saying each on stdout once it is acknowledged.
func appendFor(dir string) error {
	db, err := sql.Open("sqlite", filepath.Join(dir, "interdict.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	ctx := context.Background()
	j, err := respond.OpenJournal(ctx, db, dir)
	if err != nil {
		return err
	}
	n, _ := strconv.Atoi(os.Getenv("RESPOND_TEST_N"))
	for i := range n {
		stored, err := j.Append(ctx, note(i))
		if err != nil {
			return err
		}
		fmt.Println(stored[0].Seq, stored[0].Hash)
	}
	return nil
}

func appender(t *testing.T, dir string, n int) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "RESPOND_TEST_APPEND="+dir, "RESPOND_TEST_N="+strconv.Itoa(n))
	return c
}

func TestProgramsThatAppendAtOnceMakeOneChain(t *testing.T) {
	s := open(t, t.TempDir())
	const programs, each = 3, 25
	var all []*exec.Cmd
	var out [programs]bytes.Buffer
	for i := range programs { // none has made the tables yet: they race for that too
		c := appender(t, s.dir, each)
		c.Stdout, c.Stderr = &out[i], &out[i]
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	for i, c := range all {
		if err := c.Wait(); err != nil {
			t.Fatalf("%v\n%s", err, &out[i])
		}
	}
	if c := verify(t, s.journal(t)); !c.OK() || c.Entries != programs*each || c.Behind != 0 {
		t.Errorf("%+v", c)
	}
}

func TestNothingAcknowledgedIsLostByKill9(t *testing.T) {
	s := open(t, t.TempDir())
	acknowledged := map[int64]string{}
	for round := range 8 {
		c := appender(t, s.dir, 1_000_000)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		var seq int64
		var hash string
		for range 5 + 7*round {
			if _, err := fmt.Fscan(out, &seq, &hash); err != nil {
				t.Fatal(err)
			}
			acknowledged[seq] = hash
		}
		c.Process.Kill() // at whatever step of the next append it is
		c.Wait()
	}
	j := s.journal(t)
	c := verify(t, j)
	if !c.OK() || c.Behind > 1 {
		t.Fatalf("%+v", c)
	}
	entries, err := j.Entries(t.Context(), 0, int(c.Entries))
	if err != nil {
		t.Fatal(err)
	}
	for seq, hash := range acknowledged {
		if int(seq) > len(entries) || entries[seq-1].Hash.String() != hash {
			t.Errorf("entry %d was acknowledged and is gone", seq)
		}
	}
}

// small mounts a file system of its own of 8 ReserveSize and more.
func small(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting a small file system needs root")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=12m"); err != nil {
		t.Skip("mounting a small file system:", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// fill leaves no byte free.
func fill(t *testing.T, dir string) (path string) {
	t.Helper()
	path = filepath.Join(dir, "filler")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := 1 << 20; block > 0; {
		if _, err := f.Write(make([]byte, block)); err != nil {
			if !errors.Is(err, unix.ENOSPC) {
				t.Fatal(err)
			}
			block /= 2
		}
	}
	return path
}

func TestAFullDiskCostsTheReserveAndNotTheAction(t *testing.T) {
	s := open(t, small(t))
	j := s.journal(t)
	if !j.Reserve() {
		t.Fatal("no reserve")
	}
	appendNotes(t, j, 1)
	fill(t, s.dir)
	a := &switchAction{}
	for range 5 {
		if _, v, err := respond.Run(t.Context(), j, respond.Actor{}, a, host{}, plan(t, a)); err != nil || !v.OK() {
			t.Fatal(v, err)
		}
	}
	if j.Reserve() {
		t.Error("the disk was not full")
	}
	if c := verify(t, j); !c.OK() || c.Entries != 21 {
		t.Errorf("%+v", c)
	}
}

func TestWithoutSpaceAnActionWaitsForATypedOverrideWhichIsChained(t *testing.T) {
	s := open(t, small(t))
	j := s.journal(t)
	filler := fill(t, s.dir)
	a := &switchAction{}
	p := plan(t, a)
	var err error
	for n := 0; err == nil; n++ { // use the reserve up
		if n > 5000 {
			t.Fatal("the disk never fills")
		}
		_, err = j.Append(t.Context(), note(n))
		if err == nil {
			fill(t, s.dir)
		}
	}
	if !errors.Is(err, respond.ErrNoSpace) {
		t.Fatal(err)
	}
	before := verify(t, j)
	a.seen = func(string) { t.Error("the host was touched without a journal") }
	if _, _, err := respond.Run(t.Context(), j, respond.Actor{User: "ana"}, a, host{}, p); !errors.Is(err, respond.ErrNoSpace) {
		t.Fatal(err)
	}
	a.seen = nil
	o := respond.Override{By: "ana", Typed: "go on without a journal", Reason: "disk full"}
	if _, v, err := respond.RunUnjournaled(t.Context(), j, respond.Actor{User: "ana"}, o, a, host{}, p); err != nil || !v.OK() {
		t.Fatal(v, err)
	}
	if j.Pending() != 4 {
		t.Fatalf("%d entries wait, want 4", j.Pending())
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	appendNotes(t, j, 1)
	entries, err := j.Entries(t.Context(), before.Entries, 10)
	if err != nil || len(entries) != 5 || j.Pending() != 0 {
		t.Fatal(len(entries), j.Pending(), err)
	}
	for _, e := range entries[:4] {
		if e.Override == nil || !strings.Contains(e.Override.Typed, "without a journal") {
			t.Errorf("%d %s is not marked", e.Seq, e.Phase)
		}
	}
	if c := verify(t, j); !c.OK() {
		t.Errorf("%+v", c)
	}
	if !j.Reserve() {
		t.Error("the reserve was not laid again")
	}
}

func TestAReadOnlyStateDirectoryIsNamed(t *testing.T) {
	dir := small(t)
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Skip("remount:", err)
	}
	_, err := respond.OpenJournal(t.Context(), open(t, dir).db, dir)
	if err == nil || errors.Is(err, respond.ErrNoSpace) || !strings.Contains(err.Error(), "read-only") || !strings.Contains(err.Error(), dir) {
		t.Error(err)
	}
}

func TestACrashBetweenTouchingAHostAndSayingSoIsFound(t *testing.T) {
	j := open(t, t.TempDir()).journal(t)
	a := &switchAction{seen: func(string) { panic("crash") }}
	func() {
		defer func() { recover() }()
		respond.Run(t.Context(), j, respond.Actor{User: "ana", Program: "1@1"}, a, host{}, plan(t, a))
	}()
	ops, err := j.Open(t.Context())
	if err != nil || len(ops) != 1 || !ops[0].UnderWay() || ops[0].Plan == nil || ops[0].Entries[0].Actor.Program != "1@1" {
		t.Errorf("%+v, %v", ops, err)
	}
}
