//go:build linux && (amd64 || arm64)

package ebpf

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"
	"unsafe"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/frame"
	"interdict/testdata/bench"
)

// testHost is a machine that does not depend on where the test runs.
var testHost = ecs.Host{ID: "4f3c", BootID: "b00t", Name: "build-7", Architecture: "x86_64", OS: ecs.OS{Type: "linux", Name: "Debian", Kernel: "6.18"}}

// bytesOf is a record as the kernel writes it, with what follows.
func bytesOf[T any](r T, rest ...string) []byte {
	b := append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(&r)), unsafe.Sizeof(r))...)
	for _, s := range rest {
		b = append(b, s...)
	}
	return b
}

// slabOf is records as the reader hands them over.
func slabOf(records ...[]byte) []byte {
	var b []byte
	for _, r := range records {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(r)))
		b = append(b, r...)
	}
	return b
}

// leaf writes a path as the kernel side does.
func leaf(path string) string { return string(leafUp(path)) }

// execOf is an execution with its strings.
func execOf(pid, ppid uint32, exe, cwd string, args ...string) []byte {
	argv := strings.Join(args, "\x00") + "\x00"
	r := kernelExecRecord{Pid: pid, Ppid: ppid, Start: uint64(pid) * 1e6, Pstart: uint64(ppid) * 1e6, Ino: 77, Dev: 8 << 20, Nlink: 1, Loginuid: ^uint32(0), Sessionid: ^uint32(0)}
	r.H.Type, r.H.Time = recordExec, r.Start+1000
	s := []string{leaf(exe), leaf(cwd), exe + "\x00", "", argv}
	r.ExeLen, r.CwdLen, r.FilenameLen, r.ArgsLen, r.ArgsTotal = uint16(len(s[0])), uint16(len(s[1])), uint16(len(s[2])), uint16(len(argv)), uint32(len(argv))
	return bytesOf(r, s...)
}

func forkOf(pid, ppid uint32) []byte {
	r := kernelForkRecord{Pid: pid, Ppid: ppid, Start: uint64(pid) * 1e6, Pstart: uint64(ppid) * 1e6}
	r.H.Type, r.H.Time = recordFork, r.Start
	return bytesOf(r)
}

func exitOf(pid, code uint32) []byte {
	r := kernelExitRecord{Pid: pid, Code: code, Start: uint64(pid) * 1e6}
	r.H.Type, r.H.Time = recordExit, r.Start+2000
	return bytesOf(r)
}

// BenchmarkAnExecution is the user side of one execution: fork, exec and exit
// decoded and put into the picture and into a frame, fifty of them a batch; then
// the same with history and rules behind it.
func BenchmarkAnExecution(b *testing.B) {
	const batch, generations = 50, 200
	slabs := make([][]byte, generations)
	for g := range slabs {
		var records [][]byte
		for i := range uint32(batch) {
			pid := 1000 + uint32(g)*batch + i
			records = append(records, forkOf(pid, 500), execOf(pid, 500, "/usr/bin/noop", "/home/build/project", "/usr/bin/noop", "--sequence", itoa(int(pid)), "some/other/argument.c"), exitOf(pid, 0))
		}
		slabs[g] = slabOf(records...)
	}
	run := func(b *testing.B, put func(*frame.Frame)) {
		e := testEvents()
		e.decode(slabOf(execOf(500, 1, "/usr/bin/bash", "/home/build/project", "bash", "./build.sh")))
		put(e.builder.Build())
		b.ReportAllocs()
		b.ResetTimer()
		used := ownCPU()
		for n := 0; n < b.N; n += batch {
			e.decode(slabs[n/batch%generations])
			f := e.builder.Build()
			if f.Rows != 3*batch {
				b.Fatal(f.Rows)
			}
			put(f)
		}
		b.ReportMetric(float64((ownCPU()-used).Nanoseconds())/float64(b.N), "cpu-ns/op")
	}
	b.Run("decoded", func(b *testing.B) { run(b, func(*frame.Frame) {}) })
	b.Run("to history and rules", func(b *testing.B) {
		p := newPipeline(b, bench.Executions{})
		run(b, func(f *frame.Frame) {
			if err := p.Put(b.Context(), sources.Batch{Events: f, Read: time.Now()}); err != nil {
				b.Fatal(err)
			}
		})
	})
}

func testEvents() *events {
	return newEvents(testHost, nil, emptyToolTable())
}
