package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"interdict/respond"
	"interdict/respond/process"
	"interdict/respond/process/procfs"
)

// hashRead bounds what is hashed; a larger file is said to be so.
const hashRead = 512 << 20

// Origin looks at the file as p sees it. When p has ended, this machine's own
// view is what is left, and the error says so.
func (h *Host) Origin(ctx context.Context, name string, id respond.ProcessID) (respond.Origin, error) {
	o := respond.Origin{Path: name}
	view, err := viewOf(id)
	if view.root.fd < 0 {
		return o, err
	}
	defer view.close()
	f, openErr := view.find(name, &o)
	if f != nil {
		defer f.Close()
		openErr = describe(f, &o)
	}
	if openErr == nil {
		o.SHA256, o.Unread = hash(ctx, f)
		o.Text = textOf(f)
	} else {
		o.Unread = openErr.Error()
	}
	if !o.Memfd {
		o.Writable = view.root.writable(name, o)
		o.Package, o.PackageAsked = h.owners.packageOf(ctx, view.root, name)
	}
	return o, err
}

// view is a root directory and the process whose it is, if any.
type view struct {
	root root
	dir  procDir
	proc *process.Process
}

func viewOf(id respond.ProcessID) (view, error) {
	if id == (respond.ProcessID{}) {
		r, err := ownRoot()
		return view{root: r}, err
	}
	boot, err := bootID()
	if err != nil {
		return view{root: root{-1}}, err
	}
	d, err := openProc(id.PID)
	if err == nil {
		var p process.Process
		if p, err = find(id, boot); err == nil {
			if r, rootErr := d.root(); rootErr == nil {
				return view{root: r, dir: d, proc: &p}, nil
			} else {
				err = rootErr
			}
		}
		d.close()
	}
	r, rootErr := ownRoot()
	return view{root: r}, errors.Join(fmt.Errorf("process %s cannot be asked, so this is the machine's own view: %w", id, goneOr(err)), rootErr)
}

func ownRoot() (root, error) {
	r, err := openRoot("/")
	if err != nil {
		return root{-1}, err
	}
	return r, nil
}

func (v view) close() {
	v.root.close()
	if v.proc != nil {
		v.dir.close()
	}
}

// find opens the file: the process's own executable through the process, a
// script that is gone through the process's descriptor, else by its name.
func (v view) find(name string, o *respond.Origin) (*os.File, error) {
	if v.proc != nil && name == v.proc.Exe {
		o.Deleted, o.Memfd, o.Replaced = v.proc.Deleted, v.proc.Memfd, v.proc.Replaced
		if script := process.Script(v.proc); script != "" {
			o.Interpreter, o.Script = name, script
		}
		return v.dir.openRegular("exe")
	}
	f, err := v.root.open(name)
	if err == nil || v.proc == nil || !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	for _, fd := range v.dir.names("fd") {
		if v.dir.link("fd/"+fd) == name+procfs.DeletedMark {
			o.Deleted = true
			return v.dir.openRegular("fd/" + fd)
		}
	}
	return nil, err
}

// openRegular opens what a link of /proc/PID leads to, if it is a plain file.
func (d procDir) openRegular(name string) (*os.File, error) {
	f, err := d.open(name)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, fmt.Errorf("process %d: %s %w", d.pid, name, errNotRegular)
	}
	return f, nil
}

func describe(f *os.File, o *respond.Origin) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("no attributes")
	}
	o.Size, o.Mode, o.Modified = info.Size(), info.Mode(), info.ModTime()
	o.Changed = time.Unix(st.Ctim.Unix())
	o.UID, o.GID = int(st.Uid), int(st.Gid)
	o.Owner = userName(o.UID)
	return nil
}

func userName(uid int) string {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return ""
	}
	return u.Username
}

func hash(ctx context.Context, f *os.File) (sum, unread string) {
	h := sha256.New()
	for read := int64(0); ; {
		n, err := io.CopyN(h, f, 1<<20)
		read += n
		switch {
		case errors.Is(err, io.EOF):
			return hex.EncodeToString(h.Sum(nil)), ""
		case err != nil:
			return "", err.Error()
		case ctx.Err() != nil:
			return "", ctx.Err().Error()
		case read >= hashRead:
			return "", fmt.Sprintf("larger than %d bytes", int64(hashRead))
		}
	}
}

const maxText = 256 << 10

// textOf is what a file says that has no zero byte and is not large.
func textOf(f *os.File) string {
	b, err := io.ReadAll(io.NewSectionReader(f, 0, maxText+1))
	if err != nil || len(b) > maxText || bytes.IndexByte(b, 0) >= 0 {
		return ""
	}
	return string(b)
}

// writable says who besides root can put something else in the file's place:
// its directories from the nearest up, then the file.
func (r root) writable(name string, o respond.Origin) string {
	for dir := path.Dir(name); strings.HasPrefix(dir, "/"); dir = path.Dir(dir) {
		st, err := r.stat(dir)
		if err == nil {
			if who := writers(st.Mode, int(st.Uid), int(st.Gid)); who != "" {
				return dir + " is open to " + who
			}
		}
		if dir == "/" {
			break
		}
	}
	if o.Changed.IsZero() { // the file itself was not found
		return ""
	}
	if who := writers(uint32(o.Mode.Perm()), o.UID, o.GID); who != "" {
		return "the file is open to " + who
	}
	return ""
}

func writers(mode uint32, uid, gid int) string {
	switch {
	case mode&0o002 != 0:
		return "everybody"
	case uid != 0 && mode&unix.S_IWUSR != 0:
		return orNumber("user", userName(uid), uid)
	case gid != 0 && mode&0o020 != 0:
		return orNumber("group", groupName(gid), gid)
	}
	return ""
}

func groupName(gid int) string {
	g, err := user.LookupGroupId(strconv.Itoa(gid))
	if err != nil {
		return ""
	}
	return g.Name
}

func orNumber(what, name string, id int) string {
	if name == "" {
		name = strconv.Itoa(id)
	}
	return what + " " + name
}
