package local

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Bounds of package databases.
const (
	dpkgInfo    = "/var/lib/dpkg/info"
	dpkgLists   = 20_000
	dpkgRead    = 16 << 20 // of one list
	apkRead     = 64 << 20
	rpmNotOwned = "is not owned by any package"
)

// packageOf asks the package databases found in the root who owns path, and
// names those that were asked.
func (o *owners) packageOf(ctx context.Context, r root, path string) (owner string, asked []string) {
	paths := aliases(path)
	if owner, ok := o.dpkgOwner(ctx, r, paths); ok {
		asked = append(asked, "dpkg")
		if owner != "" {
			return owner, asked
		}
	}
	if f, err := r.open("/lib/apk/db/installed"); err == nil {
		defer f.Close()
		asked = append(asked, "apk")
		if owner := apkOwner(io.LimitReader(f, apkRead), paths); owner != "" {
			return owner, asked
		}
	}
	if owner, ok := rpmOwner(ctx, r, path); ok {
		return owner, append(asked, "rpm")
	}
	return "", asked
}

// aliases adds the other name that a merged /usr gives a path.
func aliases(path string) []string {
	if short, ok := strings.CutPrefix(path, "/usr"); ok && mergedPlace(short) {
		return []string{path, short}
	}
	if mergedPlace(path) {
		return []string{path, "/usr" + path}
	}
	return []string{path}
}

func mergedPlace(p string) bool {
	for _, dir := range []string{"/bin/", "/sbin/", "/lib/", "/lib64/"} {
		if strings.HasPrefix(p, dir) {
			return true
		}
	}
	return false
}

// dpkgOwner tells who owns a path, if there is a database of dpkg in the root.
// Its lists are read again only once one was added, replaced or taken away.
func (o *owners) dpkgOwner(ctx context.Context, r root, paths []string) (owner string, ok bool) {
	st, err := r.stat(dpkgInfo)
	if err != nil {
		return "", false
	}
	at := asked{dev: st.Dev, ino: st.Ino, changed: st.Ctim.Nano(), path: paths[0]}
	if owner, ok := o.get(at); ok {
		return owner, true
	}
	names, err := r.names(dpkgInfo, dpkgLists)
	if err != nil {
		return "", false
	}
	if owner = searchDpkg(ctx, r, names, paths); ctx.Err() == nil {
		o.put(at, owner)
	}
	return owner, true
}

// searchDpkg looks for the path as a line of NAME[:ARCH].list.
func searchDpkg(ctx context.Context, r root, names, paths []string) string {
	var b bytes.Buffer
	for _, name := range names {
		list, ok := strings.CutSuffix(name, ".list")
		if !ok {
			continue
		}
		if ctx.Err() != nil {
			return ""
		}
		f, err := r.open(dpkgInfo + "/" + name)
		if err != nil {
			continue
		}
		b.Reset()
		_, err = b.ReadFrom(io.LimitReader(f, dpkgRead))
		f.Close()
		if err != nil {
			continue
		}
		for _, p := range paths {
			if bytes.Contains(b.Bytes(), []byte("\n"+p+"\n")) {
				owner, _, _ := strings.Cut(list, ":")
				return owner
			}
		}
	}
	return ""
}

// apkOwner reads blocks of P:name, F:directory, R:file.
func apkOwner(db io.Reader, paths []string) string {
	want := map[string]bool{}
	for _, p := range paths {
		want[strings.TrimPrefix(p, "/")] = true
	}
	var name, dir string
	lines := bufio.NewScanner(db)
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ":")
		switch key {
		case "P":
			name = value
		case "F":
			dir = value
		case "R":
			if want[path.Join(dir, value)] {
				return name
			}
		}
	}
	return ""
}

// rpmOwner asks rpm, which knows this machine's database only.
func rpmOwner(ctx context.Context, r root, path string) (string, bool) {
	if !r.isOurs() || !strings.HasPrefix(path, "/") {
		return "", false
	}
	if _, err := r.stat("/var/lib/rpm"); err != nil {
		return "", false
	}
	out, err := command(ctx, "rpm", "-qf", "--queryformat", "%{NAME}\n", "--", path)
	if errors.Is(err, errAbsent) {
		return "", false
	}
	if err != nil {
		return "", strings.Contains(string(out), rpmNotOwned)
	}
	name, _, _ := strings.Cut(string(out), "\n")
	return name, true
}

// isOurs tells whether it is this program's own root.
func (r root) isOurs() bool {
	var a, b unix.Stat_t
	return unix.Fstat(r.fd, &a) == nil && unix.Stat("/", &b) == nil && a.Dev == b.Dev && a.Ino == b.Ino
}
