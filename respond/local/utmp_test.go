package local

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

// encode is a record as login writes it.
func (l utmpLayout) encode(r utmpRecord) []byte {
	b := make([]byte, l.size)
	l.byteOrder.PutUint16(b, uint16(r.kind))
	copy(b[8:40], r.line)
	copy(b[44:76], r.user)
	if addr, err := netip.ParseAddr(r.from); err == nil {
		copy(b[l.addr:], addr.AsSlice())
	} else {
		copy(b[76:332], r.from)
	}
	if l.wide {
		l.byteOrder.PutUint64(b[l.sec:], uint64(r.at.Unix()))
	} else {
		l.byteOrder.PutUint32(b[l.sec:], uint32(r.at.Unix()))
	}
	return b
}

func TestSessionsAreReadFromWtmpOnEveryArchitecture(t *testing.T) {
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	at := func(hour int) time.Time { return day.Add(time.Duration(hour) * time.Hour) }
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			l := layoutOf(arch)
			var file bytes.Buffer
			for _, r := range []utmpRecord{
				{kind: utmpBoot, line: "~", user: "reboot", at: at(0)},
				{kind: utmpUser, line: "pts/0", user: "ana", from: "bastion", at: at(1)},
				{kind: utmpUser, line: "pts/1", user: "bob", from: "2001:db8::9", at: at(2)},
				{kind: utmpDead, line: "pts/0", at: at(3)},
				{kind: utmpUser, line: "tty1", user: "eve", at: at(4)},
				{kind: utmpBoot, line: "~", user: "reboot", at: at(5)}, // ends what was open
				{kind: utmpUser, line: "pts/0", user: "cat", from: "203.0.113.9", at: at(6)},
			} {
				file.Write(l.encode(r))
			}
			file.WriteString("half a record")
			all, since, err := l.wtmp(bytes.NewReader(file.Bytes()), int64(file.Len()), at(3), at(24))
			if err != nil || !since.Equal(at(0)) {
				t.Fatal(since, err)
			}
			var got []string
			for _, s := range all {
				out := "still"
				if !s.Out.IsZero() {
					out = s.Out.UTC().Format("15:04")
				}
				got = append(got, s.User+" "+s.Line+" "+s.From+" "+out)
			}
			want := []string{"ana pts/0 bastion 03:00", "bob pts/1 2001:db8::9 05:00", "eve tty1  05:00", "cat pts/0 203.0.113.9 still"}
			if len(got) != len(want) {
				t.Fatalf("%q, want %q", got, want)
			}
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("%q, want %q", got[i], want[i])
				}
			}
		})
	}
}

func FuzzWtmpNeverHarms(f *testing.F) {
	l := layoutOf("amd64")
	f.Add(l.encode(utmpRecord{kind: utmpUser, user: "ana", line: "pts/0", at: time.Unix(1, 0)}))
	f.Add(binary.LittleEndian.AppendUint16(nil, utmpUser))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, arch := range []string{"amd64", "arm64"} {
			if _, _, err := layoutOf(arch).wtmp(bytes.NewReader(b), int64(len(b)), time.Time{}, time.Now()); err != nil {
				t.Error(err)
			}
		}
	})
}
