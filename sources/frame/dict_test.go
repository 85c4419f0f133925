package frame

import (
	"strings"
	"testing"
)

func TestADictionaryHasFurtherValuesOfOthers(t *testing.T) {
	text := DictOfText("scprsync", []uint32{0, 0, 3, 8})
	d := NewDict([]string{"curl"}).With([]*Dict{text, NewDict([]string{"ftp"})}, []uint64{0<<32 | 2, 1<<32 | 1, 0<<32 | 1})
	var got []string
	for code := range d.Len() {
		got = append(got, d.Value(uint32(code)))
		if h := d.Hash(uint32(code)); code > 0 && (h != Hash(got[code]) || h != d.Hash(uint32(code))) {
			t.Errorf("the hash of %q is %x, then %x; want %x", got[code], h, d.Hash(uint32(code)), Hash(got[code]))
		}
	}
	if s := strings.Join(got, ","); s != ",curl,rsync,ftp,scp" {
		t.Error(s)
	}
	if code, ok := d.Code("ftp"); !ok || code != 3 {
		t.Error(code, ok)
	}
	if d.Hash(0) != 0 {
		t.Error("null has a hash")
	}
}

func TestBytesOfADictionaryAreThoseOfItsValues(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for name, d := range map[string]*Dict{
		"values":  NewDict([]string{long, long + "y"}),
		"text":    DictOfText(long+long, []uint32{0, 0, 1000, 2000}),
		"further": NewDict(nil).With([]*Dict{NewDict([]string{long, long + "y", long + "z"})}, []uint64{1, 2, 3}),
	} {
		if n := d.Bytes(); n < 2000 || n > 3100 || n != d.Bytes() {
			t.Errorf("%s: %d bytes", name, n)
		}
	}
}
