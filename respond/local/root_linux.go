package local

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// root is a directory that is "/" for every path resolved in it: links inside
// it, absolute ones too, never lead out. Only regular files are opened.
type root struct{ fd int }

// root is the process's own root directory.
func (d procDir) root() (root, error) {
	fd, err := unix.Openat(d.fd, "root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return root{}, fmt.Errorf("process %d: root directory: %w", d.pid, err)
	}
	return root{fd}, nil
}

func openRoot(path string) (root, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return root{}, fmt.Errorf("%s: %w", path, err)
	}
	return root{fd}, nil
}

func (r root) close() { unix.Close(r.fd) }

func (r root) at(path string, flags uint64) (int, error) {
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	return unix.Openat2(r.fd, path, &how)
}

func (r root) stat(path string) (unix.Stat_t, error) {
	var st unix.Stat_t
	fd, err := r.at(path, unix.O_PATH)
	if err != nil {
		return st, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	defer unix.Close(fd)
	if err := unix.Fstat(fd, &st); err != nil {
		return st, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return st, nil
}

// open never waits, as opening a fifo would.
func (r root) open(path string) (*os.File, error) {
	fd, err := r.at(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, &os.PathError{Op: "open", Path: path, Err: errNotRegular}
	}
	return f, nil
}

var errNotRegular = fmt.Errorf("is no regular file")

func (r root) read(path string, limit int64) ([]byte, error) {
	f, err := r.open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

// names lists a directory, at most limit entries of it.
func (r root) names(path string, limit int) ([]string, error) {
	fd, err := r.at(path, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	names, err := f.Readdirnames(limit)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return names, err
}
