package playbooks

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// grouped writes 3201 as "3 201".
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// plural is "1 file", "3 201 files".
func plural(n int64, what string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(what, "s"):
		what += "es"
	default:
		what += "s"
	}
	return grouped(n) + " " + what
}

// byteCount writes sizes as people say them: decimal, as tools that transfer do.
func byteCount(n int64) string {
	const units = "KMGTPE"
	if n < 1000 {
		return number(n) + " B"
	}
	v, i := float64(n)/1000, 0
	for v >= 999.5 && i < len(units)-1 {
		v, i = v/1000, i+1
	}
	if v < 100 {
		return fmt.Sprintf("%.1f %cB", v, units[i])
	}
	return fmt.Sprintf("%.0f %cB", v, units[i])
}

// span writes a duration in its largest unit: "14 d", "3 h", "40 s".
func span(d time.Duration) string {
	switch d = d.Abs(); {
	case d >= 48*time.Hour:
		return number(int64(d/(24*time.Hour))) + " d"
	case d >= 2*time.Hour:
		return number(int64(d/time.Hour)) + " h"
	case d >= 2*time.Minute:
		return number(int64(d/time.Minute)) + " min"
	}
	return number(int64(d/time.Second)) + " s"
}

// clock is the time of day in UTC.
func clock(t time.Time) string { return t.UTC().Format("15:04:05") }

// moment is clock with the day where that is not the other time's.
func moment(t, other time.Time) string {
	if t.UTC().Format(time.DateOnly) == other.UTC().Format(time.DateOnly) {
		return clock(t)
	}
	return t.UTC().Format("2006-01-02 15:04")
}

// short cuts long text in the middle of nowhere, and says how long it was.
func short(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + fmt.Sprintf("… (%s bytes)", grouped(int64(len(s))))
}

// few lists some of the words and counts the rest.
func few(words []string, limit int) string {
	if len(words) <= limit {
		return strings.Join(words, ", ")
	}
	return strings.Join(words[:limit], ", ") + fmt.Sprintf(" and %d more", len(words)-limit)
}

// Bytes is a count of bytes for a person: "48.2 MB".
func Bytes(n int64) string { return byteCount(n) }
