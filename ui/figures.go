package ui

import (
	"fmt"
	"strconv"
	"time"
)

// size gives bytes in three digits: 48.2 MB, 310 MB, 12 KB.
func size(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	v, unit := float64(n), ""
	for _, unit = range []string{"KB", "MB", "GB", "TB", "PB", "EB"} {
		if v /= 1000; v < 999.5 {
			break
		}
	}
	if v < 99.95 && unit != "KB" {
		return fmt.Sprintf("%.1f %s", v, unit)
	}
	return fmt.Sprintf("%.0f %s", v, unit)
}

// count groups digits by three: 3 201.
func count[N int | int64](n N) string {
	s := strconv.FormatInt(int64(n), 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// plural gives "1 file", "2 files".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

// span gives a duration in its largest unit: 12s, 4m, 51m, 3h, 2d.
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + "s"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + "m"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + "h"
	}
	return strconv.Itoa(int(d.Hours()/24)) + "d"
}

var sparks = []rune("▁▂▃▄▅▆▇█")

// spark draws values as bars, the last n of them; nothing at all when all are 0.
func spark(values []int64, n int) string {
	values = values[max(len(values)-n, 0):]
	var top int64
	for _, v := range values {
		top = max(top, v)
	}
	if top == 0 {
		return ""
	}
	out := make([]rune, len(values))
	for i, v := range values {
		out[i] = sparks[min(max(v, 0)*int64(len(sparks)-1)/top, int64(len(sparks)-1))]
	}
	return string(out)
}
