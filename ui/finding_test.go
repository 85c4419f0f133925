package ui

import (
	"strings"
	"testing"

	"interdict/detect"
)

// The key that ssh logs in with is not what leaves.
func TestALoginKeyIsNotWhatLeft(t *testing.T) {
	key := detect.File{Path: "/root/.ssh/id_ed25519", Size: 399, Sensitive: detect.LoginKey}
	f := theft()
	f.Transfer.Files = []detect.File{key}
	if left := leftWord(f); strings.Contains(left, "id_ed25519") || contentWord(f) != "?" {
		t.Errorf("left %q, content %q", left, contentWord(f))
	}
	f.Transfer.Files = []detect.File{key, {Path: "/srv/notes.txt", Size: 200}}
	if left := leftWord(f); !strings.Contains(left, "of 200 B notes.txt") || readWord(f.Transfer) != "/srv/notes.txt + 1 file" {
		t.Errorf("left %q, read %q", left, readWord(f.Transfer))
	}
}
