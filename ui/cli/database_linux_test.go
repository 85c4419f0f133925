package cli

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"interdict/respond"
	"interdict/testdata/part"
)

// fill leaves no byte of a file system.
func fill(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "filled"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(f, strings.NewReader(strings.Repeat("x", 32<<20))); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
}

func TestAProgramThatStartsOnAFullDiskJournalsAllTheSame(t *testing.T) {
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=12m"); err != nil {
		part.Missing(t, "lab", err)
	}
	t.Cleanup(func() { unix.Unmount(disk, unix.MNT_DETACH) })
	dir := filepath.Join(disk, "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	act := func() (notes []string, err error) {
		db, notes, err := openDatabaseAt(t.Context(), dir)
		if err != nil {
			return notes, err
		}
		defer db.Close()
		j, err := respond.OpenJournal(t.Context(), db, dir)
		if err != nil {
			return notes, err
		}
		_, err = j.Append(t.Context(), respond.Entry{Op: respond.NewOp(), Actor: respond.CurrentActor(), Host: "web-1", Kind: "process.freeze", Phase: respond.Applying, Body: []byte("{}")})
		if err == nil && !j.Reserve() && len(notes) == 0 {
			t.Error("no reserve was laid")
		}
		return notes, err
	}
	if notes, err := act(); err != nil || len(notes) > 0 {
		t.Fatal(notes, err)
	}
	fill(t, disk)
	if notes, err := act(); err != nil || len(notes) != 1 || !strings.Contains(notes[0], "IS FULL") {
		t.Fatal(notes, err)
	}
	fill(t, disk)
	if _, err := act(); err == nil || !strings.Contains(err.Error(), "is full") || !strings.Contains(err.Error(), "make room") {
		t.Errorf("nothing is left: %v", err)
	}
	os.Remove(filepath.Join(disk, "filled"))
	if notes, err := act(); err != nil || len(notes) > 0 {
		t.Error(notes, err)
	}
}
