//go:build linux && (amd64 || arm64)

package ebpf

import (
	"bytes"
	"iter"
	"strconv"
	"strings"
)

func linesOf(b []byte) iter.Seq[string] {
	return strings.SplitSeq(strings.TrimRight(string(b), "\n"), "\n")
}

// statusNumber is the first number of a line of /proc/PID/status.
func statusNumber(status []byte, name string) uint32 {
	for line := range linesOf(status) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			fields := strings.Fields(rest)
			if len(fields) > 0 {
				n, _ := strconv.ParseUint(fields[0], 10, 32) // 0 for what is no number
				return uint32(n)
			}
		}
	}
	return 0
}

// leafUp writes a path as the kernel side does: names from the leaf up.
func leafUp(path string) []byte {
	path = strings.TrimSuffix(path, " (deleted)")
	var b bytes.Buffer
	names := strings.Split(strings.Trim(path, "/"), "/")
	for i := len(names) - 1; i >= 0; i-- {
		if names[i] != "" {
			b.WriteString(names[i])
			b.WriteByte(0)
		}
	}
	return b.Bytes()
}
