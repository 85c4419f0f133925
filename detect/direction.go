package detect

import (
	"slices"
	"strings"
)

// serves tells whether a tool was started to serve somebody outside, by a login service above it.
func serves(p *Process) bool {
	switch toolOf(p) {
	case "sftp-server", innerSFTP, sshSession:
		return true
	case "scp":
		return hasFlag(p.Args, 'f') || hasFlag(p.Args, 't')
	case "rsync":
		return slices.Contains(p.Args, "--server")
	}
	return false
}

func toolOf(p *Process) string {
	if p.Tool != "" {
		return p.Tool
	}
	return p.Name
}

// asked says what the arguments ask for; "" when they do not tell.
func asked(p *Process) Direction {
	switch tool := toolOf(p); tool {
	case "scp":
		switch {
		case hasFlag(p.Args, 'f'):
			return Pulled
		case hasFlag(p.Args, 't'):
			return In
		}
		return copied(p.Args)
	case "rsync":
		if slices.Contains(p.Args, "--server") {
			if slices.Contains(p.Args, "--sender") {
				return Pulled
			}
			return In
		}
		return copied(p.Args)
	case "rclone":
		return copied(p.Args)
	case "curl", "wget":
		if Uploads(p.Args) {
			return Out
		}
		return In
	case "aria2c", "lwp-download", "ncftpget":
		return In
	case "ncftpput":
		return Out
	}
	return ""
}

// hasFlag looks for a one-letter option, alone or in a cluster, before "--".
func hasFlag(args []string, flag byte) bool {
	for _, a := range args[min(1, len(args)):] {
		if a == "--" {
			return false
		}
		if len(a) > 1 && a[0] == '-' && a[1] != '-' && strings.IndexByte(a[1:], flag) >= 0 && len(a) <= 4 {
			return true
		}
	}
	return false
}

// copied reads a copy command: its last place is where things go.
func copied(args []string) Direction {
	var places []string
	for _, a := range args[min(1, len(args)):] {
		if a != "" && a[0] != '-' {
			places = append(places, a)
		}
	}
	if len(places) < 2 {
		return ""
	}
	switch last := places[len(places)-1]; {
	case remote(last):
		return Out
	case slices.ContainsFunc(places[:len(places)-1], remote):
		return In
	}
	return ""
}

// remote tells whether a place is on another machine: host:path, host::module, scheme://.
func remote(place string) bool {
	colon := strings.IndexByte(place, ':')
	slash := strings.IndexByte(place, '/')
	return colon > 0 && (slash < 0 || colon < slash)
}

// uploading are the long options of curl and wget that send. Both take them cut
// short, as long as no other begins so.
var uploading = []string{"--upload-file", "--form", "--form-string", "--data", "--data-binary", "--data-raw", "--data-urlencode", "--data-ascii",
	"--post-file", "--post-data", "--body-file", "--body-data", "--json"}

// Uploads tells whether the arguments of curl or wget send a file or data.
func Uploads(args []string) bool {
	for _, a := range args[min(1, len(args)):] {
		name, _, _ := strings.Cut(a, "=")
		if len(name) > len("--u") && slices.ContainsFunc(uploading, func(o string) bool { return strings.HasPrefix(o, name) }) {
			return true
		}
		if len(a) > 1 && a[0] == '-' && a[1] != '-' && uploadLetter(a[1:]) {
			return true
		}
	}
	return false
}

// uploadLetter reads a cluster of curl's short options up to the first that takes a value.
func uploadLetter(cluster string) bool {
	for i := range len(cluster) {
		switch {
		case strings.IndexByte("TFd", cluster[i]) >= 0:
			return true
		case strings.IndexByte("oHAebcuUxXmKEQrtwyYzC", cluster[i]) >= 0:
			return false
		}
	}
	return false
}

// handshake is what moves either way before any data does.
const handshake = 64 << 10

// measured judges by what went over the wire. What is not clear counts as leaving.
func measured(sent, received int64, inbound bool) Direction {
	switch in := received > 2*sent+handshake; {
	case in:
		return In
	case inbound:
		return Pulled
	}
	return Out
}
