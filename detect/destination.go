package detect

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
)

// Aim is a far end as the arguments of a tool name it. They may lie about what is
// there, as any name may; where bytes went is what [Peer] says.
type Aim struct {
	User, Host, Port string
	Path             string // there; of ssh the command that is run
	Via              string // a jump host, proxy or other program that it goes through
}

// String is "deploy@203.0.113.9:in/ port 2222 through bastion".
func (a Aim) String() string {
	s := a.Host
	if strings.Contains(s, ":") {
		s = "[" + s + "]"
	}
	if a.User != "" {
		s = a.User + "@" + s
	}
	if a.Path != "" {
		s += ":" + a.Path
	}
	if a.Port != "" {
		s += " port " + a.Port
	}
	if a.Via != "" {
		s += " through " + a.Via
	}
	return s
}

// Aims are the far ends that the tool's arguments name, without passwords.
func (t *Transfer) Aims() []Aim {
	if t.Session() || serves(&t.Tool) {
		return nil
	}
	return aims(toolOf(&t.Tool), t.Tool.Args)
}

// maxAims bounds how many are told.
const maxAims = 8

func aims(tool string, args []string) []Aim {
	if len(args) < 2 {
		return nil
	}
	w := &aiming{args: args[1:]}
	read := aimers[tool]
	if read == nil {
		return nil
	}
	read(w)
	return w.whole()
}

// aimers read the arguments of each tool.
var aimers = map[string]func(*aiming){
	"scp": (*aiming).scp, "sftp": (*aiming).sftp, "rsync": (*aiming).rsync, "ssh": (*aiming).ssh,
	"curl": (*aiming).curl, "wget": (*aiming).urls, "aria2c": (*aiming).urls, "lwp-download": (*aiming).urls, "lftp": (*aiming).lftp,
	"nc": (*aiming).nc, "ncat": (*aiming).nc, "netcat": (*aiming).nc, "nc.traditional": (*aiming).nc, "nc.openbsd": (*aiming).nc,
	"netcat.traditional": (*aiming).nc, "netcat.openbsd": (*aiming).nc, "ftp": (*aiming).nc, "tftp": (*aiming).nc,
	"socat": (*aiming).socat, "openssl": (*aiming).openssl, "rclone": (*aiming).rclone, "ncftpput": (*aiming).ncftp, "ncftpget": (*aiming).ncftp,
	"smbclient": (*aiming).smb, "aws": (*aiming).urls, "gsutil": (*aiming).urls, "azcopy": (*aiming).urls, "kubectl": (*aiming).rclone, "gcloud": (*aiming).scp,
}

// aiming is one command line being read.
type aiming struct {
	args            []string
	found           []Aim
	user, port, via string // by options: for all
}

// whole adds what options say to what was found.
func (w *aiming) whole() []Aim {
	for i := range w.found {
		a := &w.found[i]
		a.User, a.Port, a.Via = cmp.Or(a.User, w.user), cmp.Or(a.Port, w.port), cmp.Or(a.Via, w.via)
	}
	return w.found[:min(len(w.found), maxAims)]
}

func (w *aiming) add(a Aim) {
	if a.Host != "" && !slices.Contains(w.found, a) {
		w.found = append(w.found, a)
	}
}

// walk gives options with their values, and operands with no option. Letters of
// valued take a value, in the same word or the next; long options one behind "=",
// or the next word where they are listed.
func (w *aiming) walk(valued string, long []string, option func(name, value string), operand func(word string)) {
	only := false
	for i := 0; i < len(w.args); i++ {
		a := w.args[i]
		next := func() string {
			if i++; i < len(w.args) {
				return w.args[i]
			}
			return ""
		}
		switch {
		case only || len(a) < 2 || a[0] != '-':
			operand(a)
		case a == "--":
			only = true
		case strings.HasPrefix(a, "--"):
			name, value, has := strings.Cut(a, "=")
			name, valued := whole(name, long)
			if !has && valued {
				value = next()
			}
			option(name, value)
		default:
			letters(a[1:], valued, next, option)
		}
	}
}

// whole gives a long option that is one of those, or is cut short as programs allow
// when no other begins so.
func whole(name string, long []string) (string, bool) {
	if slices.Contains(long, name) {
		return name, true
	}
	begins := func(o string) bool { return strings.HasPrefix(o, name) }
	i := slices.IndexFunc(long, begins)
	if i < 0 || slices.ContainsFunc(long[i+1:], begins) {
		return name, false
	}
	return long[i], true
}

// letters reads a cluster of one-letter options.
func letters(cluster, valued string, next func() string, option func(name, value string)) {
	for j := range len(cluster) {
		name := "-" + cluster[j:j+1]
		if !strings.Contains(valued, cluster[j:j+1]) {
			option(name, "")
			continue
		}
		value := cluster[j+1:]
		if value == "" {
			value = next()
		}
		option(name, value)
		return
	}
}

// remoteEnd is [user@]host:path with the path split off by the first colon outside of brackets.
func remoteEnd(word string) (a Aim, ok bool) {
	if u, is := web(word); is {
		return u, true
	}
	rest := word
	if at := strings.LastIndexByte(untilPath(rest), '@'); at >= 0 {
		a.User, rest = rest[:at], rest[at+1:]
	}
	if strings.HasPrefix(rest, "[") {
		end := strings.Index(rest, "]:")
		if end < 0 {
			return Aim{}, false
		}
		a.Host, a.Path = rest[1:end], rest[end+2:]
		return a, true
	}
	host, file, has := strings.Cut(rest, ":")
	if !has || host == "" || strings.Contains(host, "/") {
		return Aim{}, false
	}
	a.Host, a.Path = host, file
	return a, true
}

// untilPath is what may hold a user and a host: up to a colon outside of brackets, or a slash.
func untilPath(word string) string {
	inside := false
	for i := range len(word) {
		switch c := word[i]; {
		case c == '[':
			inside = true
		case c == ']':
			inside = false
		case c == '/' || c == ':' && !inside:
			return word[:i]
		}
	}
	return word
}

// web reads a URL, without what is secret in it.
func web(word string) (Aim, bool) {
	if !strings.Contains(word, "://") {
		return Aim{}, false
	}
	u, err := url.Parse(word)
	if err != nil || u.Host == "" {
		return Aim{}, false
	}
	return Aim{User: u.User.Username(), Host: u.Hostname(), Port: u.Port(), Path: u.Path}, true
}

// loginEnd reads [user@]host of ssh, where a colon is none of a path.
func loginEnd(word string) Aim {
	if a, ok := web(word); ok {
		a.Path = ""
		return a
	}
	a := Aim{Host: word}
	if at := strings.LastIndexByte(word, '@'); at >= 0 {
		a.User, a.Host = word[:at], word[at+1:]
	}
	a.Host = strings.Trim(a.Host, "[]")
	return a
}
