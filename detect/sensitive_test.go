package detect

import "testing"

func TestAToolThatIsCalledSSHDoesNotReadKeysToLogIn(t *testing.T) {
	for executable, want := range map[string]string{"/usr/bin/ssh": LoginKey, "": LoginKey, "/tmp/ssh": "key material", "/home/bob/ssh": "key material"} {
		if got := readBy(&Process{Name: "ssh", Executable: executable}, "/root/.ssh/id_ed25519", "key material"); got != want {
			t.Errorf("%q: %q", executable, got)
		}
	}
}
