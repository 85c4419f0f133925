package detect

import (
	"net/netip"
	"path"
	"strings"
)

// shapeBytes bounds how much of a command line is looked at.
const shapeBytes = 4096

// Shape generalises a command line: the tool without its directory, options
// as they are, and in place of what differs from run to run: N numbers, P
// paths, H hosts, U users, X identifiers. Several paths in a row are one.
//
//	scp -q /tmp/.c/customers.tar.gz deploy@203.0.113.9:in/  →  scp -q P U@H:P
func Shape(command string) string {
	if len(command) > shapeBytes {
		command = command[:shapeBytes]
	}
	words := strings.Fields(command)
	out := make([]string, 0, len(words))
	for i, w := range words {
		g := path.Base(w)
		if i > 0 {
			g = generalise(w)
		}
		if n := len(out); n > 1 && g == "P" && out[n-1] == "P" {
			continue
		}
		out = append(out, g)
	}
	return strings.Join(out, " ")
}

func generalise(w string) string {
	if strings.HasPrefix(w, "-") {
		return option(w)
	}
	if scheme, rest, ok := strings.Cut(w, "://"); ok && scheme != "" {
		return scheme + "://" + authority(rest)
	}
	if host, file, ok := remotePlace(w); ok {
		if file == "" {
			return authorityHost(host) + ":"
		}
		return authorityHost(host) + ":P"
	}
	return value(w)
}

// option keeps the name and generalises what it is set to.
func option(w string) string {
	if name, v, ok := strings.Cut(w, "="); ok {
		return name + "=" + value(v)
	}
	if strings.HasPrefix(w, "--") {
		return w
	}
	digits := strings.TrimRight(w, "0123456789")
	if digits != w && len(digits) > 1 {
		return digits + "N"
	}
	if i := strings.IndexByte(w, '/'); i > 0 {
		return w[:i] + "P"
	}
	return w
}

func authority(rest string) string {
	host, file, _ := strings.Cut(rest, "/")
	if file == "" {
		return authorityHost(host)
	}
	return authorityHost(host) + "/P"
}

func authorityHost(host string) string {
	if strings.Contains(host, "@") {
		return "U@H"
	}
	return "H"
}

// remotePlace takes host:path apart; a path with a colon in it is none.
func remotePlace(w string) (host, file string, ok bool) {
	if strings.HasPrefix(w, "[") {
		if end := strings.Index(w, "]:"); end > 0 {
			return w[:end+1], w[end+2:], true
		}
	}
	host, file, ok = strings.Cut(w, ":")
	if !ok || host == "" || strings.Contains(host, "/") {
		return "", "", false
	}
	return host, file, true
}

func value(w string) string {
	switch {
	case w == "":
		return ""
	case strings.Contains(w, "@") && !strings.Contains(w, "/"):
		return "U@H"
	case strings.ContainsAny(w, "/~") || w == "." || w == "..":
		return "P"
	case isAddress(w):
		return "H"
	case allDigits(w):
		return "N"
	case looksRandom(w):
		return "X"
	case strings.Contains(w, "."):
		return "P" // report.csv, db.example: a file or a host, which only the tool knows
	}
	return w
}

func allDigits(w string) bool { return strings.Trim(w, "0123456789.,:") == "" }

func isAddress(w string) bool {
	_, err := netip.ParseAddr(w)
	return err == nil
}

// looksRandom tells identifiers from words: hexadecimal of eight or more with a
// digit in it, or a word that is mostly digits.
func looksRandom(w string) bool {
	digits, hex := 0, 0
	for _, c := range w {
		switch {
		case c >= '0' && c <= '9':
			digits, hex = digits+1, hex+1
		case c >= 'a' && c <= 'f', c >= 'A' && c <= 'F', c == '-':
			hex++
		}
	}
	return len(w) >= 8 && digits > 0 && (hex == len(w) || digits*2 > len(w))
}
