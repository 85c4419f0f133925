package evidence

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// harmless are variables whose values tell where a process came from and hold no
// secret by what they are for.
var harmless = []string{"PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "OLDPWD", "TERM", "TZ", "LANG", "LANGUAGE", "HOSTNAME", "SHLVL",
	"SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY", "SUDO_USER", "SUDO_UID", "SUDO_GID", "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT",
	"HISTFILE", "HISTSIZE", "TMPDIR", "DISPLAY", "container", "INVOCATION_ID", "JOURNAL_STREAM", "XDG_SESSION_ID", "XDG_RUNTIME_DIR"}

// Redacted is an environment with its names, and only those values that are
// harmless; of the others their length. What is no variable is not shown at all.
func Redacted(environ []byte) []byte {
	var b bytes.Buffer
	for _, v := range bytes.Split(bytes.TrimSuffix(environ, []byte{0}), []byte{0}) {
		name, value, ok := strings.Cut(string(v), "=")
		switch {
		case len(v) == 0:
		case !ok || !plainName(name):
			fmt.Fprintf(&b, "(redacted, %d bytes that are no variable)\n", len(v))
		case slices.Contains(harmless, name) || strings.HasPrefix(name, "LC_"):
			fmt.Fprintf(&b, "%s=%q\n", name, value)
		default:
			fmt.Fprintf(&b, "%s=(redacted, %d bytes)\n", name, len(value))
		}
	}
	return b.Bytes()
}

// plainName: a secret can stand before the first "=" too.
func plainName(s string) bool {
	return s != "" && len(s) <= 64 && strings.IndexFunc(s, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) < 0
}
