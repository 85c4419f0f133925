//go:build linux && (amd64 || arm64)

package ebpf

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/cilium/ebpf"
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

// toolTable recognises tools in user space, where the kernel side cannot.
type toolTable struct {
	all       []ecs.Tool
	installed map[inode]uint16    // by file
	sizes     map[int64][]content // of installed tools, to hash little
	verdicts  map[inode]verdict   // of executables that were looked at
}

type inode struct {
	dev   uint32 // as the kernel numbers it
	ino   uint64
	ctime int64 // ns; 0 in installed
}

type content struct {
	sum  [sha256.Size]byte
	tool uint16
}

// verdict is what an executable turned out to be; tool 0 is none.
type verdict struct {
	tool uint16
	hash string // hex, "" if it was not computed
}

// maxVerdicts bounds what is remembered of executables; maxHashed the size of
// an executable that is hashed while events wait (a gigabyte takes a second).
const (
	maxVerdicts = 8192
	maxHashed   = 32 << 20
)

var binDirs = []string{"/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/lib/openssh", "/usr/libexec/openssh", "/usr/lib/ssh"}

// newToolTable looks at the tools that are installed on this machine.
func newToolTable() *toolTable {
	t := &toolTable{all: ecs.Tools(), installed: map[inode]uint16{}, sizes: map[int64][]content{}, verdicts: map[inode]verdict{}}
	for i, tool := range t.all {
		for _, dir := range binDirs {
			t.install(filepath.Join(dir, tool.Name), uint16(i+1))
		}
	}
	return t
}

// install remembers a tool by inode and by content. busybox is every applet at
// once and nothing by itself.
func (t *toolTable) install(path string, id uint16) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil || strings.HasPrefix(filepath.Base(real), "busybox") {
		return
	}
	f, st, err := openRegular(real)
	if err != nil {
		return
	}
	defer f.Close()
	key := inode{dev: kernelDev(st.Dev), ino: st.Ino}
	if _, known := t.installed[key]; known {
		return
	}
	t.installed[key] = id
	if sum, err := hash(f, st.Size); err == nil {
		t.sizes[st.Size] = append(t.sizes[st.Size], content{sum, id})
	}
}

func openRegular(path string) (*os.File, unix.Stat_t, error) {
	var st unix.Stat_t
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, st, err
	}
	f := os.NewFile(uintptr(fd), path)
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		f.Close()
		return nil, st, fmt.Errorf("%s is no regular file", path)
	}
	return f, st, nil
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

// kernelDev turns a device number of stat(2) into the kernel's own.
func kernelDev(dev uint64) uint32 { return unix.Major(dev)<<20 | unix.Minor(dev) }

// fill puts names and inodes into the kernel's maps.
func (t *toolTable) fill(byName, byInode *ebpf.Map) error {
	for i, tool := range t.all {
		if len(tool.Name) >= len(kernelToolName{}.Name) {
			continue
		}
		var name kernelToolName
		for k := range tool.Name {
			name.Name[k] = int8(tool.Name[k])
		}
		value := kernelTool{Id: uint16(i + 1), Flags: toolFlags(tool.Name)}
		if err := byName.Put(&name, &value); err != nil {
			return err
		}
	}
	for key, id := range t.installed {
		value := kernelTool{Id: id, Flags: toolFlags(t.all[id-1].Name)}
		if err := byInode.Put(&kernelToolInode{Ino: key.ino, Dev: key.dev}, &value); err != nil {
			return err
		}
	}
	return nil
}

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

// look judges an executable by its content, once a file. It is called for
// executables that neither name nor inode gave away, so it must be cheap: only
// a file as long as an installed tool is hashed.
func (t *toolTable) look(pid uint32, exe inode) verdict {
	if v, ok := t.verdicts[exe]; ok {
		return v
	}
	v := t.judge(pid, exe, false)
	t.remember(exe, v)
	return v
}

// hashOf gives the SHA-256 of a running executable as hex; "" when it cannot be read.
func (t *toolTable) hashOf(pid uint32, exe inode) string {
	v, ok := t.verdicts[exe]
	if !ok || v.hash == "" {
		tool := v.tool
		if v = t.judge(pid, exe, true); v.tool == 0 {
			v.tool = tool
		}
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

// judge opens what the process runs, which works for deleted files and memfds too.
func (t *toolTable) judge(pid uint32, exe inode, always bool) verdict {
	f, st, err := openRegular(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return verdict{}
	}
	defer f.Close()
	candidates := t.sizes[st.Size]
	if st.Ino != exe.ino || len(candidates) == 0 && !always {
		return verdict{}
	}
	sum, err := hash(f, st.Size)
	if err != nil {
		return verdict{}
	}
	v := verdict{hash: fmt.Sprintf("%x", sum)}
	for _, c := range candidates {
		if c.sum == sum {
			v.tool = c.tool
		}
	}
	return v
}

// byArguments recognises a tool that another program runs: an applet of busybox
// or toybox, or a program given to the dynamic loader.
func (t *toolTable) byArguments(name string, args []string) (tool uint16, how string) {
	switch {
	case strings.HasPrefix(name, "busybox") || strings.HasPrefix(name, "toybox"):
		applet := ""
		if len(args) > 0 {
			applet = filepath.Base(args[0])
		}
		if strings.HasPrefix(applet, "busybox") || strings.HasPrefix(applet, "toybox") {
			applet = ""
			if len(args) > 1 {
				applet = args[1]
			}
		}
		return t.named(applet), byApplet
	case strings.HasPrefix(name, "ld-linux") || strings.HasPrefix(name, "ld-musl") || strings.HasPrefix(name, "ld.so"):
		return t.loaded(args), byLoader
	}
	return 0, ""
}

// loaded finds the program that the dynamic loader was told to run: the first
// argument that is no option.
func (t *toolTable) loaded(args []string) uint16 {
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
		return t.fileContent(args[i])
	}
	return 0
}

func (t *toolTable) fileContent(path string) uint16 {
	if !filepath.IsAbs(path) {
		return 0
	}
	f, st, err := openRegular(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	if id, ok := t.installed[inode{dev: kernelDev(st.Dev), ino: st.Ino}]; ok {
		return id
	}
	candidates := t.sizes[st.Size]
	if len(candidates) == 0 {
		return 0
	}
	sum, err := hash(f, st.Size)
	for _, c := range candidates {
		if err == nil && c.sum == sum {
			return c.tool
		}
	}
	return 0
}

func (t *toolTable) named(name string) uint16 {
	for i := range t.all {
		if t.all[i].Name == name {
			return uint16(i + 1)
		}
	}
	return 0
}
