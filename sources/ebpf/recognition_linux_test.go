//go:build amd64 || arm64

package ebpf

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// running starts a tool that waits for its input, so that it is there while it
// is looked at, and ends it with the test.
func running(t *testing.T, program string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(program, args...)
	return kept(t, cmd)
}

func kept(t *testing.T, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	held, err := os.Create(filepath.Join(t.TempDir(), heldName))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	cmd.ExtraFiles = []*os.File{held}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Process.Kill(); cmd.Wait() })
	return cmd
}

// heldName is a file that every tool has open when it starts. Only the kernel
// side can tell of it, in the moment of the execution.
const heldName = "held-at-start"

// beside makes a path next to the system's tools' file system, for hard links.
func beside(t *testing.T, tool string) string {
	t.Helper()
	for _, dir := range []string{os.TempDir(), "/var/tmp", "/usr/local/lib", filepath.Dir(tool)} {
		at, err := os.MkdirTemp(dir, "interdict-test-")
		if err != nil {
			continue
		}
		t.Cleanup(func() { os.RemoveAll(at) })
		link := filepath.Join(at, "report")
		if os.Link(tool, link) == nil {
			return link
		}
	}
	t.Skip("no directory where ", tool, " can be linked to")
	return ""
}

// loader is this machine's dynamic loader.
func loader(t *testing.T) string {
	for _, path := range []string{"/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Skip("no dynamic loader of glibc")
	return ""
}

// ways are the rows of docs/limits.md by their first column: each runs a tool
// in that way, with files in dir, and gives its process.
var ways = map[string]func(t *testing.T, dir, scp string) *exec.Cmd{
	"by its own name": func(t *testing.T, dir, scp string) *exec.Cmd { return running(t, scp, "-t", t.TempDir()) },
	"with another argv[0]": func(t *testing.T, dir, scp string) *exec.Cmd {
		cmd := exec.Command(scp, "-t", t.TempDir())
		cmd.Args[0] = "kworker"
		return kept(t, cmd)
	},
	"through a symbolic link of another name": func(t *testing.T, dir, scp string) *exec.Cmd {
		link := filepath.Join(t.TempDir(), "report")
		os.Symlink(scp, link)
		return running(t, link, "-t", t.TempDir())
	},
	"as a hard link of another name": func(t *testing.T, dir, scp string) *exec.Cmd {
		return running(t, beside(t, scp), "-t", t.TempDir())
	},
	"as a copy of another name": func(t *testing.T, dir, scp string) *exec.Cmd {
		return running(t, copied(t, dir, scp), "-t", t.TempDir())
	},
	"as a copy that was deleted after it started": func(t *testing.T, dir, scp string) *exec.Cmd {
		path := copied(t, dir, scp)
		cmd := running(t, path, "-t", t.TempDir())
		os.Remove(path)
		return cmd
	},
	"from memory (memfd)": func(t *testing.T, dir, scp string) *exec.Cmd {
		return kept(t, player("memfd", scp, "scp", "-t", t.TempDir()))
	},
	"as a copy with a changed byte and another name": func(t *testing.T, dir, scp string) *exec.Cmd {
		path := copied(t, dir, scp)
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(f, "x")
		f.Close()
		return running(t, path, "-t", t.TempDir())
	},
	"as a busybox applet, called by a link": func(t *testing.T, dir, _ string) *exec.Cmd {
		link := filepath.Join(t.TempDir(), "nc")
		os.Symlink(need(t, "busybox"), link)
		return running(t, link, "-l", "-p", itoa(freePort(t)))
	},
	"as a busybox applet, `busybox nc`": func(t *testing.T, dir, _ string) *exec.Cmd {
		return running(t, need(t, "busybox"), "nc", "-l", "-p", itoa(freePort(t)))
	},
	"as an applet of a renamed busybox": func(t *testing.T, dir, _ string) *exec.Cmd {
		return running(t, copied(t, dir, need(t, "busybox")), "nc", "-l", "-p", itoa(freePort(t)))
	},
	"through the dynamic loader, `ld.so scp`": func(t *testing.T, dir, scp string) *exec.Cmd {
		return running(t, loader(t), scp, "-t", t.TempDir())
	},
	"through the dynamic loader, as a copy of another name": func(t *testing.T, dir, scp string) *exec.Cmd {
		return running(t, loader(t), copied(t, dir, scp), "-t", t.TempDir())
	},
	"as `ssh HOST cat FILE`": func(t *testing.T, dir, _ string) *exec.Cmd {
		return running(t, need(t, "ssh"), "-F", "/dev/null", "-o", "BatchMode=yes", "-p", itoa(freePort(t)), "127.0.0.1", "cat", "/etc/hostname")
	},
	"as a script with a socket of its own (`bash` and /dev/tcp)": func(t *testing.T, dir, _ string) *exec.Cmd {
		return running(t, need(t, "bash"), "-c", "exec 3>/dev/tcp/127.0.0.1/"+itoa(freePort(t))+"; cat /etc/hostname >&3")
	},
}

// copied makes a copy that stays until all rows have been played: the inode
// number of one that is gone may be given to the next.
func copied(t *testing.T, dir, from string) string {
	t.Helper()
	at, err := os.MkdirTemp(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(at, "report")
	copyFile(t, from, path)
	return path
}

func TestWhatIsRecognised(t *testing.T) {
	scp := realPath(t, need(t, "scp"))
	dir := t.TempDir()
	earlier := running(t, scp, "-t", t.TempDir())
	r := record(t, kernelSource(t, Config{}))
	for _, row := range documented(t) {
		t.Run(row.way, func(t *testing.T) {
			var told rowOf
			switch row.way {
			case "since before the sensor started":
				told = r.wait(t, "the tool that ran already", action("already_running", "process.pid", itoa(earlier.Process.Pid)))
			case "as a copy of another name, the second time":
				path := copied(t, dir, scp)
				r.execOfPID(t, running(t, path, "-t", t.TempDir()).Process.Pid)
				told = r.execOfPID(t, running(t, path, "-t", t.TempDir()).Process.Pid)
			case "inside of sshd (internal-sftp)":
				told = internalSFTP(t, r)
			default:
				way := ways[row.way]
				if way == nil {
					t.Fatal("no test plays this row")
				}
				told = lastExec(t, r, way(t, dir, scp).Process.Pid, row.way)
			}
			if tool := told("interdict.tool"); tool != "" && !strings.HasPrefix(tool, "scp") && !strings.HasPrefix(tool, "nc") && tool != "ssh" && tool != sshSession {
				t.Errorf("taken for %q", tool)
			}
			if got := r.verdict(t, told); got != row.verdict || told("interdict.tool_how") != row.how {
				t.Errorf("%s by %q, documented as %s by %q", got, told("interdict.tool_how"), row.verdict, row.how)
			}
		})
	}
}

// lastExec is the execution of the tool itself: what plays memfd executes twice.
func lastExec(t *testing.T, r *recorder, pid int, way string) rowOf {
	if strings.Contains(way, "memfd") {
		return r.wait(t, "the program in memory", func(row rowOf) bool {
			return row("process.pid") == itoa(pid) && row("interdict.executable.memfd") == "true"
		})
	}
	return r.execOfPID(t, pid)
}

// verdict is the second column of a row by what the sensor told.
func (r *recorder) verdict(t *testing.T, row rowOf) string {
	if row("interdict.tool") == "" {
		return "missed"
	}
	later := exec.Command("/bin/true")
	later.Run()
	r.execOfPID(t, later.Process.Pid) // what belongs to the execution has come by now
	if len(r.rows(func(file rowOf) bool {
		return file("file.name") == heldName && file("process.entity_id") == row("process.entity_id")
	})) > 0 {
		return "detected"
	}
	return "partly"
}

// internalSFTP fetches a file from an sshd that serves it within itself.
func internalSFTP(t *testing.T, r *recorder) rowOf {
	server := startSSHD(t, "internal-sftp")
	file := secret(t, 1<<20)
	cmd := run(t, "sftp", append(server.options, "-P", itoa(server.port), "127.0.0.1:"+file, filepath.Join(server.dir, "got"))...)
	r.endOf(t, r.execOfPID(t, cmd.Process.Pid))
	return r.wait(t, "the session's end", func(row rowOf) bool {
		return strings.HasPrefix(row("process.name"), "sshd") && row("event.action") == "disconnect_received" && row("destination.port") == itoa(server.port) && number(row("destination.bytes")) > 1<<20
	})
}

type documentedRow struct{ way, verdict, how string }

// documented reads the table of docs/limits.md.
func documented(t *testing.T) (rows []documentedRow) {
	t.Helper()
	b, err := os.ReadFile("../../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(b), "## What is recognised\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.SplitSeq(section, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) == 5 && !strings.HasPrefix(line, "|---") && !strings.Contains(line, "known by") {
			rows = append(rows, documentedRow{strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2]), strings.TrimSpace(cells[3])})
		}
	}
	if !found || len(rows) < len(ways) {
		t.Fatal("docs/limits.md lacks the table")
	}
	return rows
}
