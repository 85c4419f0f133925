package detect

import (
	"fmt"
	"regexp"
	"strings"
)

// Place is files that somebody said matter, and as what.
type Place struct {
	Files Pattern
	Kind  string // one of [Kinds]
}

// Pattern names files by their whole path: ** stands for anything, * and ? for
// what a name may have. Zero fits nothing.
type Pattern struct {
	text string
	is   *regexp.Regexp // matches in time linear in the path
}

const maxPattern = 512 // bytes

// ParsePattern reads a pattern. One that fits nearly every file is refused: what
// all transfers read tells none from another.
func ParsePattern(text string) (Pattern, error) {
	switch {
	case len(text) > maxPattern:
		return Pattern{}, fmt.Errorf("a pattern of %d bytes: %d at most", len(text), maxPattern)
	case !strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "**/"):
		return Pattern{}, fmt.Errorf("%q is no whole path: begin it with / or **/", text)
	case strings.Trim(text, "/*?.") == "":
		return Pattern{}, fmt.Errorf("%q fits nearly every file: name what is meant", text)
	}
	is, err := regexp.Compile(`(?s)\A` + expression(text) + `\z`)
	if err != nil {
		return Pattern{}, fmt.Errorf("%q is no pattern: %w", text, err)
	}
	return Pattern{text, is}, nil
}

// expression is the regular expression of a pattern; every path begins with /.
func expression(text string) string {
	var b strings.Builder
	for rest := "/" + strings.TrimPrefix(text, "/"); rest != ""; {
		n, is := 1, "[^/]"
		switch {
		case strings.HasPrefix(rest, "/**/"): // no directory between is one way to fit
			n, is = 3, "(?:/.*)?"
		case strings.HasPrefix(rest, "**"):
			n, is = 2, ".*"
		case rest[0] == '*':
			is = "[^/]*"
		case rest[0] != '?':
			if n = 1 + strings.IndexAny(rest[1:], "/*?"); n == 0 {
				n = len(rest)
			}
			is = regexp.QuoteMeta(rest[:n])
		}
		b.WriteString(is)
		rest = rest[n:]
	}
	return b.String()
}

// String is the pattern as it was written.
func (p Pattern) String() string { return p.text }

// Fits tells whether a file, by its whole path, is meant.
func (p Pattern) Fits(file string) bool { return p.is != nil && p.is.MatchString(file) }

// Kinds are the classes that a file may have, the gravest first.
func Kinds() (out []string) {
	for i := range sensitive {
		out = append(out, sensitive[i].class)
	}
	return out
}

// kindByPlace gives the gravest class that places give a file.
func kindByPlace(places []Place, file string) (class string) {
	for i := range places {
		if places[i].Files.Fits(file) {
			class = graver(class, places[i].Kind)
		}
	}
	return class
}
