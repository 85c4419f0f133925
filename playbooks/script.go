package playbooks

import (
	"fmt"
	"slices"
	"strings"

	"interdict/detect"
)

// LineNaming finds the first line of a script that has a word by itself and
// outside of comments; 0 when none has.
func LineNaming(script, word string) (number int, line string) {
	for line := range strings.Lines(script) {
		number++
		if HasWord(WithoutComment(line), word) {
			return number, strings.TrimSpace(line)
		}
	}
	return 0, ""
}

// HasWord tells whether a word stands in a line by itself, maybe after a path.
func HasWord(line, word string) bool {
	part := func(b byte) bool {
		return b == '_' || b == '-' || b == '.' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
	}
	for at := 0; word != ""; {
		i := strings.Index(line[at:], word)
		if i < 0 {
			return false
		}
		from, to := at+i, at+i+len(word)
		if (from == 0 || !part(line[from-1])) && (to == len(line) || !part(line[to])) {
			return true
		}
		at = to
	}
	return false
}

// WithoutComment cuts what follows a # that begins a word.
func WithoutComment(line string) string {
	if strings.HasPrefix(strings.TrimSpace(line), "//") {
		return ""
	}
	for i := range len(line) {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return line[:i]
		}
	}
	return line
}

// Inline is the program that an interpreter was given on its command line, if it has the word.
func Inline(p detect.Process, word string) string {
	if i := slices.Index(p.Args, "-c"); p.Script == "" && i >= 0 && i+1 < len(p.Args) && HasWord(p.Args[i+1], word) {
		return p.Args[i+1]
	}
	return ""
}

// broughtIn says which line of which script started the tool, as the files are
// now: of the nearest one that names it, else which script is the nearest.
func (e *evidence) broughtIn() []Line {
	nearest := ""
	for _, p := range e.ancestors {
		if program := Inline(p, e.tool.Name); program != "" {
			return []Line{{"script line", fmt.Sprintf("%s -c: %s", label(p), short(program, 200))}}
		}
		script := scriptOf(p)
		if script == "" {
			continue
		}
		o := e.origin(p, script)
		if o != nil && o.number > 0 {
			return e.lineAndCommit(p, script, o)
		}
		if nearest == "" {
			nearest = script + e.unnamed(p, o)
		}
	}
	if nearest == "" {
		return []Line{{"script", "none is above it as far as is known: " + e.chainText()}}
	}
	return []Line{{"script", nearest}}
}

func (e *evidence) lineAndCommit(p detect.Process, script string, o *origin) []Line {
	line := fmt.Sprintf("%s:%d: %s", script, o.number, o.line)
	if o.Changed.After(p.Started) && !p.Started.IsZero() {
		line += " (as it is now: the file was changed " + moment(o.Changed, e.before) + ", after it was started)"
	}
	who := fmt.Sprintf("`git blame -L%d,%d` of that file names it, `interdict ci audit` those of a whole change", o.number, o.number)
	return []Line{{"script line", line}, {"brought in by", who}}
}

// unnamed says why no line of a script is known.
func (e *evidence) unnamed(p detect.Process, o *origin) string {
	switch {
	case e.looked.none != "":
		return ", its lines were not looked at: " + e.looked.none
	case o == nil:
		return ", its lines were not looked at"
	case o.Unread != "":
		return ", which could not be read: " + o.Unread
	case o.err != nil && p.Container != "":
		return ", which was in a container that is gone"
	case !o.text:
		return ", which is too large to look for the line, or no text"
	}
	return ", no line of which names " + e.tool.Name
}
