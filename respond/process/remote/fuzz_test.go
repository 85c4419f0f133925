package remote

import (
	"strings"
	"testing"
)

// Whatever a host prints, reading it ends, and nothing is taken from a file
// that was not printed under its own path.
func FuzzFiles(f *testing.F) {
	f.Add(printed("7/stat", "7 (x) S 1", "0/end", ""))
	f.Add(printed("0/links", "l 1 0 0 0 /proc"+odd+"/7/exe -> /a\nb", "0/gone", "gone /proc"+odd+"/7/exe", "./7/stat", "", "0/end", ""))
	f.Add([]byte{0x1f, 0x8b, 8, 0})
	f.Fuzz(func(t *testing.T, out []byte) {
		all, err := parseFiles(out, odd)
		if err != nil {
			return
		}
		for name, content := range all {
			if strings.Contains(string(content), "==> /proc"+odd+"/") && strings.Contains(string(content), " <==\n") {
				t.Errorf("%q holds another file", name)
			}
		}
		links := all.links(odd)
		_ = membersOf(all, links, nil)
		parseUnix(string(out))
		all.marked("gone", "gone", odd)
	})
}
