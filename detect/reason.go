package detect

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"interdict/sources/frame"
)

// figure is what a rule counted, against its limit.
type figure struct {
	name, value, op, limit string
	holds                  bool
}

func (f figure) String() string { return f.value + " of " + f.op + " " + f.limit }

// figuresOf compares what was counted with the rule's limits.
func figuresOf(counted *frame.Frame, limits []condition) []figure {
	if counted == nil || counted.Rows == 0 {
		return nil
	}
	var out []figure
	for _, c := range limits {
		value, ok := c.of(counted, 0)
		if !ok {
			continue
		}
		if holds, known := c.holds(value); known {
			out = append(out, figure{c.name, value, c.op, c.value, holds})
		}
	}
	return out
}

// noLonger says why a rule's row has gone.
func noLonger(figures []figure) string {
	var broken []string
	for _, f := range figures {
		if !f.holds {
			broken = append(broken, f.String())
		}
	}
	if broken == nil {
		return "no longer matches"
	}
	return "no longer matches: " + strings.Join(broken, ", ")
}

var placeholder = regexp.MustCompile(`\{([^{}]+)\}`)

// why says in one sentence why a rule fired: its own, filled in, or the general one.
func why(r *Rule, lookup func(name string) string, figures []figure, count int) string {
	if r.Why != "" {
		return placeholder.ReplaceAllStringFunc(r.Why, func(s string) string {
			name := s[1 : len(s)-1]
			switch name {
			case "count":
				return times(count)
			case "window":
				return span(r.Lookback)
			}
			name, bytes := strings.CutSuffix(name, "|bytes")
			v := lookup(name)
			if v == "" {
				return "(unknown)"
			}
			if bytes {
				return humanBytes(v)
			}
			return v
		})
	}
	var b strings.Builder
	if name := lookup("process.name"); name != "" {
		b.WriteString(name)
		if parent := lookup("parent"); parent != "" {
			b.WriteString(" under " + parent)
		}
		b.WriteString(": ")
	}
	b.WriteString(times(count) + " in " + span(r.Lookback))
	for _, f := range figures {
		fmt.Fprintf(&b, ", %s %s", f.name, f)
	}
	return b.String()
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprint(n, " times")
}

// span prints a look-back without the units that are zero.
func span(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func humanBytes(text string) string {
	var n float64
	if _, err := fmt.Sscanf(text, "%g", &n); err != nil {
		return text
	}
	return sizeText(n)
}

func humanSize(n int64) string { return sizeText(float64(n)) }

func sizeText(n float64) string {
	for _, unit := range []string{"B", "KB", "MB", "GB", "TB"} {
		if n < 1000 {
			return strings.TrimSuffix(fmt.Sprintf("%.1f", n), ".0") + " " + unit
		}
		n /= 1000
	}
	return fmt.Sprintf("%.0f PB", n)
}
