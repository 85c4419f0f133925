//go:build linux && (amd64 || arm64)

package ebpf

import (
	"bytes"
	"errors"
	"strings"
	"unsafe"
)

// The values of bpf/interdict.h that are no part of a generated type.
const (
	recordFork = 1 + iota
	recordExec
	recordExit
	recordTask
	recordArgs
	recordEnv
	recordCgroup
	recordNet
	recordFile
	recordUnix
)

const (
	headerInterest = 1
	headerLook     = 2

	execArgsFault = 1
	execArgsCut   = 2
	execArgsParts = 4
	execCgroupV1  = 8
	execExeCut    = 16
	execCwdCut    = 32
	execMemfd     = 64
	execKthread   = 128

	howName      = 1
	howInode     = 2
	howInherited = 3

	netConnect  = 1
	netProgress = 2
	netFinal    = 3

	destConnected = 1

	fileCut     = 2
	fileCreates = 4

	stateInterest  = 1
	stateNoInherit = 2
	stateSession   = 4
	stateForks     = 8
	stateSlow      = 16
	stateLogin     = stateInterest | stateNoInherit | stateSession | stateForks | stateSlow

	toolInbound     = 1
	toolInboundArgs = 2
	toolLook        = 4

	classProcess, classNetwork, classFile, classPart = 0, 1, 2, 3

	partBytes = 4096
	argsBytes = 32 * partBytes // of a command line at most
	envBytes  = 4 * partBytes
)

var errRecord = errors.New("record of the ring does not fit its type")

// fixed copies the fixed part of a record out of raw and gives what follows.
func fixed[T any](raw []byte) (r T, rest []byte, err error) {
	size := int(unsafe.Sizeof(r))
	if len(raw) < size {
		return r, nil, errRecord
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&r)), size), raw)
	return r, raw[size:], nil
}

// header is what every record begins with.
type header struct {
	Type, Flags uint8
	CPU         uint16
	Seq         uint32
	Time        uint64 // boot clock, ns
}

func headerOf(raw []byte) (header, error) {
	h, _, err := fixed[header](raw)
	return h, err
}

// urgent tells whether a record may not wait for others to come.
func urgent(raw []byte) bool { return len(raw) > 1 && raw[1] != 0 }

// execStrings are the strings after an execution record; they share its memory.
type execStrings struct{ exe, cwd, filename, interpreter, args []byte }

// split takes the strings apart by the lengths that the record gives.
func (r *kernelExecRecord) split(rest []byte) (s execStrings, err error) {
	for _, part := range []struct {
		into *[]byte
		n    uint16
	}{{&s.exe, r.ExeLen}, {&s.cwd, r.CwdLen}, {&s.filename, r.FilenameLen}, {&s.interpreter, r.InterpLen}, {&s.args, r.ArgsLen}} {
		if int(part.n) > len(rest) {
			return execStrings{}, errRecord
		}
		*part.into, rest = rest[:part.n], rest[part.n:]
	}
	return s, nil
}

// path turns names from the leaf up, each with a NUL, into a path.
func path(names []byte, cut bool) string {
	names = bytes.TrimSuffix(names, []byte{0})
	if len(names) == 0 {
		if cut {
			return "…"
		}
		return "/"
	}
	var b strings.Builder
	b.Grow(len(names) + 4)
	if cut {
		b.WriteString("…")
	}
	for len(names) > 0 {
		i := bytes.LastIndexByte(names, 0)
		b.WriteByte('/')
		b.Write(names[i+1:])
		names = names[:max(i, 0)]
	}
	return b.String()
}

// text is a NUL-terminated string.
func text(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// comm is the name of a task.
func (r *kernelExecRecord) comm() string {
	return text(unsafe.Slice((*byte)(unsafe.Pointer(&r.Comm[0])), len(r.Comm)))
}

// arguments takes a command line apart: the whole of it with blanks between,
// and the arguments, which share its memory. What was cut in the middle of an
// argument ends with that part of it.
func arguments(raw []byte) (line string, args []string) {
	raw = bytes.TrimSuffix(raw, []byte{0})
	if len(raw) == 0 {
		return "", nil
	}
	args = make([]string, 1+bytes.Count(raw, []byte{0}))
	line = strings.ReplaceAll(string(raw), "\x00", " ")
	at := 0
	for n := range args {
		end := bytes.IndexByte(raw[at:], 0)
		if end < 0 {
			end = len(raw) - at
		}
		args[n] = line[at : at+end]
		at += end + 1
	}
	return line, args
}
