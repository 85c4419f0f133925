package text

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Ellipsis stands for what was cut away.
const Ellipsis = "…"

// Width is how many cells Clean(s) takes.
func Width(s string) int { return width(Clean(s)) }

func width(clean string) int {
	if plain(clean) {
		return len(clean)
	}
	n := 0
	for rest := clean; rest != ""; {
		g, w := next(rest)
		n, rest = n+w, rest[len(g):]
	}
	return n
}

// next splits off the first grapheme and its cells.
func next(s string) (string, int) {
	if s[0] < 0x80 && (len(s) == 1 || s[1] < 0x80) {
		return s[:1], 1
	}
	return ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
}

// Fit gives s in at most w cells: its beginning, and an ellipsis if that is not all.
func Fit(s string, w int) string {
	s = Clean(s)
	if w <= 0 {
		return ""
	}
	if width(s) <= w {
		return s
	}
	return s[:prefix(s, w-1)] + Ellipsis
}

// prefix is the length of the longest beginning that takes at most w cells.
func prefix(s string, w int) int {
	n := 0
	for end := 0; end < len(s); {
		g, cells := next(s[end:])
		if n += cells; n > w {
			return end
		}
		end += len(g)
	}
	return len(s)
}

// FitLeft gives s in at most w cells: its end, behind an ellipsis if that is not all.
func FitLeft(s string, w int) string {
	s = Clean(s)
	if w <= 0 {
		return ""
	}
	total := width(s)
	if total <= w {
		return s
	}
	start, cut := 0, total-(w-1)
	for n := 0; n < cut; {
		g, cells := next(s[start:])
		n, start = n+cells, start+len(g)
	}
	return Ellipsis + s[start:]
}

// FitMiddle gives s in at most w cells: its beginning and its end, with an
// ellipsis between them if that is not all.
func FitMiddle(s string, w int) string {
	s = Clean(s)
	if w < 8 || width(s) <= w {
		return Fit(s, w)
	}
	tail := FitLeft(s, w/3)
	return s[:prefix(s, w-width(tail))] + tail
}

// Pad is Fit in exactly w cells, filled with spaces at the right.
func Pad(s string, w int) string {
	s = Fit(s, w)
	return s + spaces(w-width(s))
}

// PadLeft is Fit in exactly w cells, filled with spaces at the left.
func PadLeft(s string, w int) string {
	s = Fit(s, w)
	return spaces(w-width(s)) + s
}

const blank = "                                                                "

func spaces(n int) string {
	if n <= 0 {
		return ""
	}
	if n <= len(blank) {
		return blank[:n]
	}
	return strings.Repeat(" ", n)
}

// Wrap gives s as lines of at most w cells, broken at spaces where there are
// any, and at most limit lines, the last with an ellipsis if that is not all.
func Wrap(s string, w, limit int) []string {
	s = strings.TrimLeft(Clean(s), " ")
	if w <= 0 || limit <= 0 {
		return nil
	}
	var lines []string
	for s != "" {
		if len(lines) == limit-1 {
			return append(lines, Fit(s, w))
		}
		end := breakAt(s, w)
		lines = append(lines, strings.TrimRight(s[:end], " "))
		s = strings.TrimLeft(s[end:], " ")
	}
	return lines
}

// breakAt is where a line of at most w cells ends: behind a space if one is in
// its second half. It makes progress even when one character is wider than w.
func breakAt(s string, w int) int {
	end := prefix(s, w)
	if end == len(s) {
		return end
	}
	if end == 0 {
		g, _ := next(s)
		return len(g)
	}
	if s[end] == ' ' {
		return end
	}
	if space := strings.LastIndexByte(s[:end], ' '); space > end/2 {
		return space + 1
	}
	return end
}
