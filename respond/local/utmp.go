package local

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/netip"
	"time"

	"interdict/respond"
)

// utmpLayout is glibc's struct utmp on one architecture.
type utmpLayout struct {
	size      int64
	sec, usec int
	wide      bool // 64-bit times
	addr      int
	byteOrder binary.ByteOrder
}

// layoutOf: 64-bit times only where there never was a 32-bit sibling to agree with.
func layoutOf(arch string) utmpLayout {
	l := utmpLayout{size: 384, sec: 340, usec: 344, addr: 348, byteOrder: binary.NativeEndian}
	if arch == "arm64" || arch == "loong64" {
		l.size, l.sec, l.usec, l.addr, l.wide = 400, 344, 352, 360, true
	}
	return l
}

// Types of records in utmp and wtmp.
const (
	utmpRunLevel = 1
	utmpBoot     = 2
	utmpUser     = 7
	utmpDead     = 8
)

// utmpRecord is one record.
type utmpRecord struct {
	kind             int
	line, user, from string
	at               time.Time
}

func (l utmpLayout) record(b []byte) utmpRecord {
	text := func(from, n int) string {
		s, _, _ := bytes.Cut(b[from:from+n], []byte{0})
		return string(s)
	}
	e := l.byteOrder
	r := utmpRecord{kind: int(int16(e.Uint16(b))), line: text(8, 32), user: text(44, 32), from: text(76, 256)}
	if l.wide {
		r.at = time.Unix(int64(e.Uint64(b[l.sec:])), int64(e.Uint64(b[l.usec:])%1e6)*1000)
	} else {
		r.at = time.Unix(int64(e.Uint32(b[l.sec:])), int64(e.Uint32(b[l.usec:])%1e6)*1000) // unsigned: good until 2106
	}
	if r.from == "" {
		r.from = address(b[l.addr : l.addr+16])
	}
	return r
}

func address(b []byte) string {
	if bytes.Equal(b, make([]byte, 16)) {
		return ""
	}
	if bytes.Equal(b[4:], make([]byte, 12)) {
		return netip.AddrFrom4([4]byte(b[:4])).String()
	}
	return netip.AddrFrom16([16]byte(b)).String()
}

// wtmpRead bounds what is read from the end of wtmp: some 43,000 records.
const wtmpRead = 16 << 20

// wtmp reads sessions that overlap from..to, oldest first, and since when the
// records reach.
func (l utmpLayout) wtmp(f io.ReaderAt, size int64, from, to time.Time) (all []respond.Login, since time.Time, err error) {
	size -= size % l.size // a record that is being written
	start := max(0, size-wtmpRead/l.size*l.size)
	b := make([]byte, size-start)
	if _, err := f.ReadAt(b, start); err != nil && err != io.EOF {
		return nil, since, err
	}
	open := map[string]int{} // by line, the index in all
	for ; int64(len(b)) >= l.size; b = b[l.size:] {
		r := l.record(b[:l.size])
		if since.IsZero() {
			since = r.at
		}
		switch {
		case r.kind == utmpUser:
			end(all, open, r.line, r.at)
			open[r.line] = len(all)
			all = append(all, respond.Login{User: r.user, Line: r.line, From: r.from, In: r.at})
		case r.kind == utmpDead:
			end(all, open, r.line, r.at)
		case r.kind == utmpBoot || r.kind == utmpRunLevel && r.user == "shutdown":
			for line := range open {
				end(all, open, line, r.at)
			}
		}
	}
	return overlapping(all, from, to), since, nil
}

func end(all []respond.Login, open map[string]int, line string, at time.Time) {
	if i, ok := open[line]; ok {
		all[i].Out = at
		delete(open, line)
	}
}

func overlapping(all []respond.Login, from, to time.Time) []respond.Login {
	kept := all[:0]
	for _, l := range all {
		if !l.In.After(to) && (l.Out.IsZero() || !l.Out.Before(from)) {
			kept = append(kept, l)
		}
	}
	return kept
}
