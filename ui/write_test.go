package ui

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestAFileHasItsNameOnlyWhenItIsWholeAndReplacesNone(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "case.md")
	broken := errors.New("no space left on device")
	if err := WriteNew(name, func(w io.Writer) error {
		io.WriteString(w, "half")
		if _, err := os.Lstat(name); err == nil {
			t.Error("it has its name before it is whole")
		}
		return broken
	}); !errors.Is(err, broken) {
		t.Error(err)
	}
	whole := func(w io.Writer) error { _, err := io.WriteString(w, "whole"); return err }
	if err := WriteNew(name, whole); err != nil {
		t.Fatal(err)
	}
	if err := WriteNew(name, whole); !errors.Is(err, fs.ErrExist) {
		t.Errorf("it was written over: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Error(left)
	}
}
