package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"interdict/playbooks"
	"interdict/ui/text"
)

// Formats write a report, by the end of a file's name.
var Formats = map[string]func(io.Writer, *playbooks.Report) error{"md": Markdown, "html": HTML}

const second = "2006-01-02 15:04:05Z"

// Markdown writes a report as GitHub and CommonMark read it.
func Markdown(w io.Writer, r *playbooks.Report) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s: %s\n\nMade %s by %s with %s. Times are UTC; bytes are what the kernel took from the tool.\n\n", md(r.ID), md(r.Title), stamp(r.Made), md(r.By), md(r.Tool))
	b.WriteString("## In short\n\n| | |\n|---|---|\n")
	for _, l := range r.Short() {
		fmt.Fprintf(&b, "| **%s** | %s |\n", l.Label, md(l.Text))
	}
	fmt.Fprintf(&b, "| **Opened** | %s by %s, looked after by %s |\n", stamp(r.Opened), md(r.OpenedBy), md(orNobody(r.Assignee)))
	fmt.Fprintf(&b, "| **Took** | %s |\n", md(r.Metrics.Took()))

	b.WriteString("\n## What left\n")
	for _, l := range r.Losses {
		fmt.Fprintf(&b, "\n* **%s** from %s, %s\n", md(l.Tool), md(l.From), l.When())
		fmt.Fprintf(&b, "  * files: %s\n", md(l.What))
		for _, f := range l.To {
			fmt.Fprintf(&b, "  * to %s: ≥ %s sent, %s came back\n", md(f.Name), playbooks.Bytes(f.Sent), playbooks.Bytes(f.Received))
		}
		if s := overTime(l); s != "" {
			fmt.Fprintf(&b, "  * left by then: %s\n", s)
		}
		fmt.Fprintf(&b, "  * %s\n", md(l.Sure))
	}

	b.WriteString("\n## How sure\n")
	for _, f := range r.Found {
		fmt.Fprintf(&b, "\n**%s**: %s\n\n", md(f.Title), md(f.Word))
		list(&b, "against", f.Against)
		list(&b, "for", f.For)
		list(&b, "open", f.Open)
	}

	b.WriteString("\n## Processes\n")
	for _, t := range r.Trees {
		fmt.Fprintf(&b, "\nOn %s:\n\n", md(t.Host))
		for _, n := range t.Nodes {
			fmt.Fprintf(&b, "%s* %s\n", strings.Repeat("  ", min(n.Depth, 20)), md(nodeWord(n)))
		}
	}

	b.WriteString("\n## What was done\n\n| when | where | by | what | what came of it | proven |\n|---|---|---|---|---|---|\n")
	for _, d := range r.Deeds {
		came := md(d.Came)
		if d.Bundle != "" {
			came += md(fmt.Sprintf(" (bundle %s, sha256 %s)", d.Bundle, d.Sum))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", stamp(d.At), md(d.Host), md(d.By), md(d.What), came, md(orNot(d.Proven)))
	}
	section(&b, "Still held on hosts", r.Held, "Nothing.")
	section(&b, "What is not known", r.Unknown, "Nothing.")
	section(&b, "What remains to do", r.Remains, "Nothing.")

	b.WriteString("\n## Timeline\n\n| when | what kind | who says so | |\n|---|---|---|---|\n")
	for _, m := range r.Timeline {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", m.At.UTC().Format("2006-01-02 15:04:05.000Z"), m.Kind, md(m.Source), md(m.Text))
	}
	_, err := w.Write(b.Bytes())
	return err
}

// overTime is how much had left by each moment, as a line of bars; "" when that was not recorded.
func overTime(l playbooks.Loss) string {
	g := graphOf(l)
	if g == nil {
		return ""
	}
	const bars = 24
	line := ""
	for i := range bars {
		at := g.From.Add(g.To.Sub(g.From) * time.Duration(i) / (bars - 1))
		line += string([]rune("▁▂▃▄▅▆▇█")[min(max(sentBy(l.Flow, at)*7/g.Most, 0), 7)]) // a shared case may hold what no kernel counted
	}
	return line + " of " + playbooks.Bytes(g.Most) + ", " + stamp(g.From) + " to " + stamp(g.To)
}

// sentBy is how much had left at a moment, on the line between two samples.
func sentBy(flow []playbooks.Sample, at time.Time) int64 {
	before := flow[0]
	for _, s := range flow {
		if s.At.After(at) {
			return before.Sent + int64(float64(s.Sent-before.Sent)*float64(at.Sub(before.At))/float64(s.At.Sub(before.At)))
		}
		before = s
	}
	return before.Sent
}

func list(b *bytes.Buffer, label string, all []string) {
	for _, s := range all {
		fmt.Fprintf(b, "* %s: %s\n", label, md(s))
	}
}

func section(b *bytes.Buffer, title string, all []string, none string) {
	fmt.Fprintf(b, "\n## %s\n\n", title)
	if len(all) == 0 {
		b.WriteString(none + "\n")
	}
	for _, s := range all {
		fmt.Fprintf(b, "* %s\n", md(s))
	}
}

func stamp(t time.Time) string { return t.UTC().Format(second) }

func orNobody(s string) string {
	if s == "" {
		return "nobody"
	}
	return s
}

func orNot(s string) string {
	if s == "" {
		return "not verified"
	}
	return s
}

func nodeWord(n playbooks.Node) string {
	s := n.Label
	if n.User != "" {
		s += " (" + n.User + ")"
	}
	if n.Tool {
		s += " ← the tool"
	}
	if n.Doubt != "" {
		s += " [" + n.Doubt + "]"
	}
	return s + ": " + n.Command
}

// md makes any text a plain run of Markdown: on one line, nothing in it markup,
// an entity, the end of a table's cell, or a link that readers recognise by themselves.
func md(s string) string {
	s = text.Clean(s)
	var b strings.Builder
	b.Grow(len(s) + len(s)/8)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '<':
			b.WriteString("&lt;")
		case c == '>':
			b.WriteString("&gt;")
		case c == '&':
			b.WriteString("&amp;")
		case strings.IndexByte("\\`*_{}[]#|~$@", c) >= 0, i == 0 && strings.IndexByte("-+=", c) >= 0, c == ':' && scheme(s, i), c == '.' && listOrWeb(s, i):
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// scheme tells whether the colon at i may end the scheme of an address, as in http: or mailto:.
func scheme(s string, i int) bool {
	return i > 0 && letter(s[i-1]) && i+1 < len(s) && (s[i+1] == '/' || letter(s[i+1]))
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// listOrWeb tells whether the dot at i would begin a list or an address that begins with www.
func listOrWeb(s string, i int) bool {
	return i >= 3 && strings.EqualFold(s[i-3:i], "www") || i > 0 && i+1 < len(s) && s[i+1] == ' ' && strings.Trim(s[:i], "0123456789") == ""
}
