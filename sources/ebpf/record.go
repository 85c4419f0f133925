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

	execArgsFault = 1
	execArgsCut   = 2
	execArgsParts = 4
	execCgroupV1  = 8
	execExeCut    = 16
	execMemfd     = 64
	execKthread   = 128

	howName      = 1
	howInode     = 2
	howInherited = 3

	netConnect  = 1
	netProgress = 2
	netFinal    = 3

	destConnected = 1

	fileInherited = 1

	stateInterest = 1

	toolInbound     = 1
	toolInboundArgs = 2

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

// recordKind is the type and flags of a record.
func recordKind(raw []byte) (kind, flags uint8) {
	if len(raw) < 16 {
		return 0, 0
	}
	return raw[0], raw[1]
}

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

// executablePath is path, where a file without a directory keeps its bare name.
func (r *kernelExecRecord) executablePath(names []byte) string {
	switch {
	case len(names) == 0:
		return ""
	case r.Flags&execMemfd != 0:
		return strings.TrimPrefix(path(names, false), "/")
	}
	return path(names, r.Flags&execExeCut != 0)
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

// arguments takes a command line apart. What was cut in the middle of an
// argument ends with that part of it.
func arguments(raw []byte) []string {
	raw = bytes.TrimSuffix(raw, []byte{0})
	if len(raw) == 0 {
		return nil
	}
	all := string(raw) // one allocation for all arguments
	out := make([]string, 0, 1+strings.Count(all, "\x00"))
	for {
		i := strings.IndexByte(all, 0)
		if i < 0 {
			return append(out, all)
		}
		out = append(out, all[:i])
		all = all[i+1:]
	}
}
