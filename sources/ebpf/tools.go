//go:build linux && (amd64 || arm64)

package ebpf

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"interdict/sources/ecs"
)

// How a tool was recognised, as interdict.tool_how says it.
const (
	byName    = "name"
	byInode   = "inode"   // a hard link to, or another name of, an installed tool
	byContent = "content" // a copy of an installed tool: the same bytes
	byApplet  = "applet"  // busybox and the like
	byLoader  = "loader"  // ld.so TOOL
)

// toolTable recognises tools in user space, where the kernel side cannot. Tools
// are numbered from 1, in the order of all.
type toolTable struct {
	all       []ecs.Tool
	numbers   map[string]uint16
	installed []installed
	known     map[inode]uint16  // by file, ctime left out; what the kernel was told
	verdicts  map[inode]verdict // of executables that were looked at
	now       uint64            // boot clock, as of the records at hand
}

// inode is a file and the version of it.
type inode struct {
	dev   uint32 // as the kernel numbers it
	ino   uint64
	ctime int64 // ns
}

func (i inode) unversioned() inode {
	i.ctime = 0
	return i
}

// installed is a tool's own file.
type installed struct {
	path string
	tool uint16
	size int64
	file inode
	sum  *[sha256.Size]byte // nil until it was needed
}

// verdict is what an executable turned out to be; tool 0 is none.
type verdict struct {
	tool uint16
	how  string
	hash string // hex, "" if it was not computed
	till uint64 // boot time until which it holds; 0: for good. It could not be read, so it is tried again
}

// maxVerdicts bounds what is remembered of executables, maxKnown what the
// kernel is told; maxHashed the size of an executable that is hashed while
// events wait (a gigabyte takes a second).
const (
	maxVerdicts = 8192
	maxKnown    = 2048
	maxHashed   = 64 << 20
)

// binDirs are where systems install tools. Names in other places prove nothing.
var binDirs = []string{"/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/lib/openssh", "/usr/libexec/openssh", "/usr/lib/ssh", "/usr/libexec", "/snap/bin"}

// newToolTable looks at the tools that are installed on this machine.
func newToolTable() *toolTable {
	t := emptyToolTable()
	for i, tool := range t.all {
		for _, dir := range binDirs {
			t.install(filepath.Join(dir, tool.Name), uint16(i+1))
		}
	}
	return t
}

func emptyToolTable() *toolTable {
	t := &toolTable{all: ecs.Tools(), numbers: map[string]uint16{}, known: map[inode]uint16{}, verdicts: map[inode]verdict{}}
	for i, tool := range t.all {
		t.numbers[tool.Name] = uint16(i + 1)
	}
	return t
}

// install remembers a tool's file. busybox is every applet at once and nothing
// by itself; a script is its interpreter's file.
func (t *toolTable) install(path string, id uint16) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil || isMany(filepath.Base(real)) {
		return
	}
	f, st, err := openRegular(real)
	if err != nil {
		return
	}
	defer f.Close()
	magic := make([]byte, 4)
	if _, err := io.ReadFull(f, magic); err != nil || string(magic) != "\x7fELF" {
		return
	}
	file := inode{dev: kernelDev(st.Dev), ino: st.Ino, ctime: st.Ctim.Nano()}
	if _, known := t.known[file.unversioned()]; known {
		return
	}
	t.known[file.unversioned()] = id
	t.installed = append(t.installed, installed{path: real, tool: id, size: st.Size, file: file})
}

// isMany tells whether a program is many programs.
func isMany(name string) bool {
	return strings.HasPrefix(name, "busybox") || strings.HasPrefix(name, "toybox")
}

// openRegular opens a file only after it was seen to be a regular one: whoever
// owns the path may have put a device there, and merely opening one can do harm.
func openRegular(path string) (*os.File, unix.Stat_t, error) {
	var st unix.Stat_t
	at, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, st, err
	}
	defer unix.Close(at)
	if err := unix.Fstat(at, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, st, fmt.Errorf("%s is no regular file", path)
	}
	f, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", at))
	return f, st, err
}

func hash(f io.Reader, size int64) (sum [sha256.Size]byte, err error) {
	if size > maxHashed {
		return sum, fmt.Errorf("too large to be hashed: %d bytes", size)
	}
	h := sha256.New()
	if _, err = io.Copy(h, io.LimitReader(f, maxHashed)); err != nil {
		return sum, err
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// sumOf is the content of an installed tool, nil when it cannot be read.
func (i *installed) sumOf() *[sha256.Size]byte {
	if i.sum == nil {
		f, st, err := openRegular(i.path)
		if err != nil {
			return nil
		}
		defer f.Close()
		if sum, err := hash(f, st.Size); err == nil {
			i.sum = &sum
		}
	}
	return i.sum
}

// kernelDev turns a device number of stat(2) into the kernel's own.
func kernelDev(dev uint64) uint32 { return unix.Major(dev)<<20 | unix.Minor(dev) }

// toolFlags says how a tool serves somebody outside.
func toolFlags(name string) uint16 {
	switch name {
	case "sftp-server":
		return toolInbound
	case "scp", "rsync":
		return toolInboundArgs
	}
	return 0
}

// named is a tool's number, 0 for what is none.
func (t *toolTable) named(name string) uint16 { return t.numbers[name] }

// installedAs tells whether path is where a system installs the tool.
func (t *toolTable) installedAs(path string, id uint16) bool {
	i := strings.LastIndexByte(path, '/')
	if i < 0 || int(id) > len(t.all) || id == 0 || path[i+1:] != t.all[id-1].Name {
		return false
	}
	for _, dir := range binDirs {
		if path[:i] == dir {
			return true
		}
	}
	return false
}

// learn remembers that a file is a tool; false when the kernel knows it already.
func (t *toolTable) learn(file inode, id uint16) bool {
	if t.known[file.unversioned()] == id || file.ino == 0 || len(t.known) >= maxKnown {
		return false
	}
	t.known[file.unversioned()] = id
	return true
}

func (t *toolTable) forget(file inode) { delete(t.known, file.unversioned()) }

// confirm checks what the kernel recognised by a file's number: the number may
// have been given to another file since. How is byContent for copies.
func (t *toolTable) confirm(pid uint32, file inode, path string, id uint16) (uint16, string) {
	for i := range t.installed {
		at := &t.installed[i]
		if at.file.unversioned() != file.unversioned() {
			continue
		}
		if at.file.ctime != file.ctime && !at.still() {
			break
		}
		return id, byInode
	}
	v := t.look(pid, file, path)
	return v.tool, v.how
}

// still tells whether the tool's path leads to the same file as before.
func (i *installed) still() bool {
	var st unix.Stat_t
	if unix.Stat(i.path, &st) != nil || kernelDev(st.Dev) != i.file.dev || st.Ino != i.file.ino {
		return false
	}
	i.file.ctime = st.Ctim.Nano()
	return true
}

// look judges an executable by its content, once a file. It is called for
// executables that neither name nor inode gave away, so it must be cheap: only
// a file as long as an installed tool is hashed.
func (t *toolTable) look(pid uint32, exe inode, path string) verdict {
	v, ok := t.verdicts[exe]
	if ok && (v.till == 0 || v.till > t.now) {
		return v
	}
	v = t.judge(pid, exe, path, false)
	t.remember(exe, v)
	return v
}

// hashOf gives the SHA-256 of a running executable as hex; "" when it cannot be read.
func (t *toolTable) hashOf(pid uint32, exe inode, path string) string {
	v, ok := t.verdicts[exe]
	if !ok || v.hash == "" && (v.till == 0 || v.till < t.now) {
		v = t.judge(pid, exe, path, true)
		t.remember(exe, v)
	}
	return v.hash
}

func (t *toolTable) remember(exe inode, v verdict) {
	if len(t.verdicts) >= maxVerdicts {
		clear(t.verdicts)
	}
	t.verdicts[exe] = v
}

// tryAgain is when to look again at an executable that could not be read.
const tryAgain = uint64(time.Second)

// judge opens what the process runs, which works for deleted files and memfds
// too, or when it has ended the file that it ran.
func (t *toolTable) judge(pid uint32, exe inode, path string, always bool) (v verdict) {
	f, st, err := openRegular(procPath(pid, "exe"))
	if err != nil || st.Ino != exe.ino {
		if err == nil {
			f.Close()
		}
		f, st, err = openRegular(path)
	}
	if err != nil {
		return verdict{till: t.now + tryAgain}
	}
	defer f.Close()
	if st.Ino != exe.ino { // what is at the path now is another file
		return verdict{till: t.now + tryAgain}
	}
	id, sum := t.sameAs(f, st.Size, always)
	if v.tool = id; id != 0 {
		v.how = byContent
	}
	if sum != nil {
		v.hash = fmt.Sprintf("%x", *sum)
	}
	return v
}

// sameAs finds the installed tool with the same content. It reads the file only
// when one has its length, or always.
func (t *toolTable) sameAs(f io.Reader, size int64, always bool) (uint16, *[sha256.Size]byte) {
	var own *[sha256.Size]byte
	need := func() bool {
		if own == nil {
			if sum, err := hash(f, size); err == nil {
				own = &sum
			}
		}
		return own != nil
	}
	if always && !need() {
		return 0, nil
	}
	for i := range t.installed {
		at := &t.installed[i]
		if at.size != size {
			continue
		}
		if sum := at.sumOf(); sum != nil && need() && *sum == *own {
			return at.tool, own
		}
	}
	return 0, own
}

// byArguments recognises a tool that another program runs: an applet of busybox
// or toybox, or a program given to the dynamic loader.
func (t *toolTable) byArguments(name string, args []string, cwd string) (tool uint16, how string) {
	switch {
	case isMany(name):
		if id := t.named(applet(args)); id != 0 {
			return id, byApplet
		}
	case strings.HasPrefix(name, "ld-linux") || strings.HasPrefix(name, "ld-musl") || strings.HasPrefix(name, "ld-2.") || strings.HasPrefix(name, "ld.so") || name == "ld64.so.2":
		if id := t.loaded(args, cwd); id != 0 {
			return id, byLoader
		}
	}
	return 0, ""
}

// applet is which of its programs busybox was asked for.
func applet(args []string) string {
	if len(args) > 0 {
		if name := filepath.Base(args[0]); !isMany(name) {
			return name
		}
	}
	if len(args) > 1 {
		return args[1]
	}
	return ""
}

// loaded finds the program that the dynamic loader was told to run: the first
// argument that is no option.
func (t *toolTable) loaded(args []string, cwd string) uint16 {
	for i := 1; i < len(args); i++ {
		switch args[i] {
		case "--library-path", "--preload", "--audit", "--argv0", "--inhibit-rpath", "--glibc-hwcaps-prepend", "--glibc-hwcaps-mask":
			i++ // takes a value
			continue
		}
		if strings.HasPrefix(args[i], "-") {
			continue
		}
		if id := t.named(filepath.Base(args[i])); id != 0 {
			return id
		}
		return t.fileContent(args[i], cwd)
	}
	return 0
}

func (t *toolTable) fileContent(path, cwd string) uint16 {
	if !filepath.IsAbs(path) {
		path = filepath.Join(cwd, path)
	}
	f, st, err := openRegular(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	if id, ok := t.known[inode{dev: kernelDev(st.Dev), ino: st.Ino}]; ok {
		return id
	}
	id, _ := t.sameAs(f, st.Size, false)
	return id
}
