//go:build linux && (amd64 || arm64)

package ebpf

import (
	"slices"
	"strings"
	"testing"

	"interdict/sources/frame"
)

// decoded gives the rows that records make.
func decoded(records ...[]byte) *frame.Frame {
	e := testEvents()
	e.decode(slabOf(records...))
	return e.builder.Build()
}

// partOf is a part of a command line.
func partOf(pid, offset uint32, text string) []byte {
	r := kernelPartRecord{Pid: pid, Offset: offset, Len: uint32(len(text)), Start: uint64(pid) * 1e6}
	r.H.Type = recordArgs
	for i := range text {
		r.Data[i] = int8(text[i])
	}
	return bytesOf(r)
}

func netOf(pid, epoch uint32, kind uint8, tx, rx uint64) []byte {
	r := kernelNetRecord{Pid: pid, Epoch: epoch, Start: uint64(pid) * 1e6, Tx: tx, Rx: rx, Family: 4, Proto: tcp, Kind: kind, Flags: destConnected, Rport: 22, Lport: 40000}
	r.H.Type = recordNet
	copy(r.Laddr[:], []byte{10, 0, 0, 1})
	copy(r.Raddr[:], []byte{203, 0, 113, 7})
	return bytesOf(r)
}

func fileOf(pid uint32, path string, flags uint32) []byte {
	r := kernelFileRecord{Pid: pid, Start: uint64(pid) * 1e6, OpenFlags: flags, Size: 4711, Mode: 0o100600, Uid: 1000, PathLen: uint32(len(leaf(path)))}
	r.H.Type = recordFile
	return bytesOf(r, leaf(path))
}

func TestACommandLineInPartsIsPutTogether(t *testing.T) {
	whole := strings.Repeat("x", partBytes)
	r := kernelExecRecord{Pid: 9, Start: 9e6, Flags: execArgsParts, ArgsTotal: partBytes + 2}
	r.H.Type = recordExec
	f := decoded(partOf(9, 0, whole), partOf(9, partBytes, "y\x00"), bytesOf(r))
	if got := f.Text("process.command_line", 0); got != whole+"y" {
		t.Errorf("%d bytes", len(got))
	}
	if f.Text("process.Ext.command_line_truncated", 0) != "" {
		t.Error("it is marked as cut")
	}
	f = decoded(partOf(9, 0, whole), bytesOf(r))
	if f.Text("process.Ext.command_line_truncated", 0) != "true" {
		t.Error("a lost part is not said")
	}
}

func TestTotalsGoOnInANewEpochAndNeverGoBack(t *testing.T) {
	f := decoded(netOf(7, 1, netConnect, 0, 0), netOf(7, 1, netProgress, 100, 5), netOf(7, 1, netProgress, 60, 5), netOf(7, 1, netFinal, 150, 6),
		netOf(7, 3, netProgress, 10, 1), netOf(7, 1, netProgress, 120, 6), netOf(7, 3, netFinal, 20, 2))
	want := []string{"0", "100", "100", "150", "160", "160", "170"}
	var got []string
	for i := range f.Rows {
		got = append(got, f.Text("source.bytes", i))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if f.Text("network.direction", 0) != "egress" || f.Text("destination.ip", 0) != "203.0.113.7" || f.Text("interdict.live", 6) != "false" {
		t.Error("direction, destination or liveness is wrong")
	}
}

func TestAChildOfATransferToolBearsItsTool(t *testing.T) {
	scp := execOf(20, 1, "/usr/bin/scp", "/root", "scp", "a", "host:")
	r, rest, _ := fixed[kernelExecRecord](scp)
	r.H.Flags, r.How, r.Tool = headerInterest, howName, emptyToolTable().named("scp")
	fork, _, _ := fixed[kernelForkRecord](forkOf(21, 20))
	fork.H.Flags = headerInterest
	child, rest2, _ := fixed[kernelExecRecord](execOf(21, 20, "/usr/bin/ssh", "/root", "ssh", "-x", "host", "sftp"))
	child.H.Flags, child.How = headerInterest, howInherited
	f := decoded(bytesOf(r, string(rest)), bytesOf(fork), bytesOf(child, string(rest2)), netOf(21, 1, netProgress, 9, 0), fileOf(21, "/srv/data.csv", 0))
	for i, want := range []string{"scp name", " ", " ", "scp inherited", "scp inherited"} {
		if got := f.Text("interdict.tool", i) + " " + f.Text("interdict.tool_how", i); got != want {
			t.Errorf("row %d bears %q, want %q", i, got, want)
		}
	}
	if f.Text("file.path", 4) != "/srv/data.csv" || f.Text("file.size", 4) != "4711" || f.Text("file.extension", 4) != "csv" {
		t.Error("the file is not told as it is")
	}
}

func TestRecordsThatCameLateCloseTheGapTheyLeft(t *testing.T) {
	e := testEvents()
	numbered := func(cpu uint16, seq uint32) []byte {
		r := kernelForkRecord{Pid: seq + 1, Start: 1}
		r.H.Type, r.H.Cpu, r.H.Seq = recordFork, cpu, seq
		return bytesOf(r)
	}
	e.decode(slabOf(numbered(0, 0), numbered(0, 1), numbered(0, 3), numbered(1, 0), numbered(0, 2), numbered(0, 4)))
	if e.gaps != 0 {
		t.Errorf("%d numbers are missing, none is", e.gaps)
	}
	e.decode(slabOf(numbered(0, 7)))
	if e.gaps != 2 {
		t.Errorf("%d numbers are missing, two are", e.gaps)
	}
}

func TestWhatIsKeptOfAnEnvironment(t *testing.T) {
	env := "PATH=/bin\x00SSH_CONNECTION=198.51.100.4 5022 10.0.0.1 22\x00AWS_SECRET_ACCESS_KEY=x\x00JENKINS_URL=https://user:pass@ci.example/\x00CI=true\x00broken"
	got := allowed([]byte(env))
	want := []string{"SSH_CONNECTION=198.51.100.4 5022 10.0.0.1 22", "JENKINS_URL=…@ci.example/", "CI=true"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if a := sshClient(got); a.String() != "198.51.100.4" {
		t.Errorf("client %s", a)
	}
}

func TestContainersAndPodsByTheirCgroup(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	for path, want := range map[string][2]string{
		"/system.slice/docker-" + id + ".scope": {id, ""},
		"/docker/" + id:                         {id, ""},
		"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod6f1a3c52_1111_2222_3333_444455556666.slice/cri-containerd-" + id + ".scope": {id, "6f1a3c52-1111-2222-3333-444455556666"},
		"/kubepods/besteffort/pod6f1a3c52-1111-2222-3333-444455556666/" + id:                                                                        {id, "6f1a3c52-1111-2222-3333-444455556666"},
		"/user.slice/user-0.slice/session-3.scope":                                                                                                  {"", ""},
	} {
		if c, p := containerOf(path); c != want[0] || p != want[1] {
			t.Errorf("%s: container %q, pod %q", path, c, p)
		}
	}
}

func TestAChainOfProcessesDoesNotGrowForEver(t *testing.T) {
	e := testEvents()
	for pid := uint32(2); pid < 5000; pid++ {
		e.decode(slabOf(forkOf(pid, pid-1), exitOf(pid-1, 0)))
	}
	n := 0
	for p := e.table.alive[4999]; p != nil; p = p.parent {
		n++
	}
	if n > maxDepth+1 || len(e.table.alive) != 1 || len(e.table.gone) > keptGone {
		t.Errorf("%d ancestors, %d alive, %d gone", n, len(e.table.alive), len(e.table.gone))
	}
}

// FuzzRecords gives the decoder what a preempted program or another kernel may
// leave in the ring.
func FuzzRecords(f *testing.F) {
	exec := execOf(20, 1, "/usr/bin/scp", "/root", "scp", "a", "host:")
	lengths := slices.Clone(exec)
	for i := range 10 {
		lengths[len(lengths)-100+i] = 0xff
	}
	task, rest, _ := fixed[kernelExecRecord](exec)
	task.H.Type = recordTask
	cgroup := kernelCgroupRecord{Id: 5, PathLen: 9}
	cgroup.H.Type = recordCgroup
	socket := kernelUnixRecord{Pid: 20, Start: 20e6}
	socket.H.Type = recordUnix
	for _, seed := range [][]byte{
		nil, {1}, {255, 255, 255, 255}, slabOf(exec), slabOf(exec[:40]), slabOf(lengths), slabOf(forkOf(20, 1), exec, netOf(20, 1, netFinal, 1, 2), fileOf(20, "/etc/shadow", 0), exitOf(20, 9)),
		slabOf(partOf(9, 0, "abc"), partOf(9, 3, "def")), slabOf(bytesOf(task, string(rest))), slabOf(bytesOf(cgroup, "a\x00b\x00c\x00d\x00e")), slabOf(bytesOf(socket)),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		e := testEvents()
		e.decode(raw)
		rows := e.builder.Len()
		if got := e.builder.Build(); got.Rows != rows {
			t.Errorf("%d rows of %d", got.Rows, rows)
		}
		readTasks(strings.NewReader(string(raw)))
	})
}

func TestAParentThatTheIteratorLeftOutIsTakenFromProc(t *testing.T) {
	ticks, err := startTicks(1)
	if err != nil {
		t.Skip(err)
	}
	child := task{}
	child.r.Pid, child.r.Ppid, child.r.Pstart = 77, 1, ticks*tick+12345
	got := withParents([]task{child, child})
	if len(got) != 3 || got[2].r.Pid != 1 || got[2].r.Start != child.r.Pstart || strings.HasSuffix(got[2].r.comm(), "\n") {
		t.Errorf("%d tasks", len(got))
	}
	child.r.Pstart += tick
	if got := withParents([]task{child}); len(got) != 1 {
		t.Error("another process with the parent's number was taken for it")
	}
}
